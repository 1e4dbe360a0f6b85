//! Numbers of a record that only a member's state may change.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::clear::Clear;

/// A number of a record that everyone may read and only files of this folder change.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct Owned<A>(pub(super) A);

impl Owned<AtomicU32> {
    /// Returns the number.
    #[inline(always)]
    pub fn get(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

impl Owned<AtomicU64> {
    /// Returns the number.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl<A: Clear> Clear for Owned<A> {
    fn clear(&self) {
        self.0.clear();
    }
}
