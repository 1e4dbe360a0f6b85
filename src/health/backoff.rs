//! When a backend in error is asked next.

use std::time::Duration;

use crate::clock::Millis;

/// The rhythm of asking one backend: at once, then at growing intervals.
///
/// The intervals stay short, as a backend that is back should have requests again within two
/// seconds; they vary, so that backends that failed together are not asked together for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    tries: u32,
    next_at: Millis,
}

impl Backoff {
    /// Begins with a first question that is due `now`.
    pub fn new(now: Millis) -> Self {
        Self { tries: 0, next_at: now }
    }

    /// Returns when the next question is due.
    pub fn next_at(&self) -> Millis {
        self.next_at
    }

    /// Books a question. The next is due an interval after it began, or at once if its answer takes
    /// longer. `seed` tells backends and children apart.
    pub fn probed(&mut self, now: Millis, seed: u64) {
        let doubled = FIRST.saturating_mul(1 << self.tries.min(8)).min(LONGEST);
        let shortened = scatter(seed.wrapping_add(self.tries.into())) % (VARIATION + 1);
        self.next_at = now.plus(doubled * (100 - shortened as u32) / 100);
        self.tries = self.tries.saturating_add(1);
    }
}

/// Spreads a number over all 64 bits (the finalizer of SplitMix64).
pub fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

const FIRST: Duration = Duration::from_millis(100);

/// Half of the two seconds; the other half is for the answer and the next election.
const LONGEST: Duration = Duration::from_millis(1_000);

/// By how many percent an interval may be shorter.
const VARIATION: u64 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    /// The first `count` intervals in milliseconds.
    fn intervals(seed: u64, count: usize) -> Vec<u64> {
        let mut backoff = Backoff::new(Millis(5_000));
        assert_eq!(backoff.next_at(), Millis(5_000), "the first question waits for nothing");
        let mut now = backoff.next_at();
        (0..count)
            .map(|_| {
                backoff.probed(now, seed);
                let interval = backoff.next_at().since(now).as_millis() as u64;
                now = backoff.next_at();
                interval
            })
            .collect()
    }

    #[test]
    fn intervals_grow_to_a_second_and_stay_there() {
        for seed in 0..50 {
            let found = intervals(seed, 1_000);
            for (place, interval) in found.iter().enumerate() {
                let most = [100, 200, 400, 800].get(place).copied().unwrap_or(1_000);
                let range = most * 3 / 4..=most;
                assert!(range.contains(interval), "seed {seed}, interval {place}: {interval}");
            }
        }
    }

    #[test]
    fn backends_that_failed_together_drift_apart() {
        let far: Vec<u64> = (0..20).map(|seed| intervals(seed, 60).iter().sum()).collect();
        let (least, most) = (far.iter().min().expect("some"), far.iter().max().expect("some"));
        assert!(most - least > 500, "{far:?}");
        assert_ne!(intervals(1, 9), intervals(2, 9));
        assert_eq!(intervals(1, 9), intervals(1, 9));
    }
}
