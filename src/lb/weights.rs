//! How much of the load one request is, for members of different size.

/// Returns the load one request adds to each member: the least common multiple of all factors,
/// divided by the member's own. Factors whose multiple would not fit are weighed in 1/2^32.
pub fn multiplicities(factors: &[u32]) -> Vec<u64> {
    let lcm = factors.iter().try_fold(1_u64, |lcm, &factor| {
        let factor = u64::from(factor.max(1));
        (lcm / gcd(lcm, factor)).checked_mul(factor).filter(|lcm| *lcm <= MAX_MULTIPLE)
    });
    factors
        .iter()
        .map(|&factor| {
            let factor = u64::from(factor.max(1));
            lcm.map_or(MAX_MULTIPLE / factor, |lcm| lcm / factor).max(1)
        })
        .collect()
}

/// Turns a load counted with one multiplicity into what it is with another.
pub fn rescaled(load: u64, before: u64, after: u64) -> u64 {
    let scaled = u128::from(load) * u128::from(after) / u128::from(before.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX).min(MAX_LOAD)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Keeps four thousand million requests below the largest load value.
pub(super) const MAX_MULTIPLE: u64 = 1 << 32;

/// Where load values stop to rise, far enough from where they would wrap to "idle".
pub(super) const MAX_LOAD: u64 = u64::MAX / 2;
