//! Moments at which backends are asked: each child asks each backend at another one.

use crate::health::scatter;

/// Tells backends and children apart.
pub(in crate::worker) fn seed(name: &str) -> u64 {
    let own = name
        .bytes()
        .fold(u64::from(std::process::id()), |sum, byte| scatter(sum.wrapping_add(byte.into())));
    scatter(own)
}
