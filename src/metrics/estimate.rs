//! Percentiles of a histogram. Buckets say between which bounds a time lies and no more, so a value is
//! an estimate, and outside the bounds only a limit is known.

use std::fmt;

use crate::metrics::{BUCKETS_US, HistogramTotals};

/// About where a percentile lies, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Estimate {
    /// Below the first bound.
    Under(u64),
    /// Between two bounds, as if the times there were spread evenly.
    About(u64),
    /// Above the last bound.
    Over(u64),
}

impl Estimate {
    /// Returns it in milliseconds, to a tenth: the middle of the first bucket, and the bound of what lies above
    /// the last.
    pub fn ms(self) -> f64 {
        let us = match self {
            Self::Under(us) => us / 2,
            Self::About(us) | Self::Over(us) => us,
        };
        (us / 100) as f64 / 10.0
    }

    /// Writes it in milliseconds, with the signs for less and for more.
    pub fn write(self, out: &mut impl fmt::Write, [less, more]: [&str; 2]) -> fmt::Result {
        match self {
            Self::About(us @ 0..10_000) => write!(out, "{}.{}", us / 1_000, us % 1_000 / 100),
            Self::About(us) => write!(out, "{}", us / 1_000),
            Self::Under(us) => write!(out, "{less}{}", us.div_ceil(1_000)),
            Self::Over(us) => write!(out, "{more}{}", us / 1_000),
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, ["<", ">"])
    }
}

/// The bucket that an observation lies in, and where there: it is number `place`, from 1, of `count`.
struct Found {
    bucket: usize,
    place: u64,
    count: u64,
}

impl HistogramTotals {
    /// Finds the observation within which `percent` of 100 are; `None` without any.
    fn find(&self, percent: u64) -> Option<Found> {
        // Shared memory may hold any bits: sums wrap, and `below` stays under the rank all the same.
        let count = self.buckets.iter().fold(0_u64, |sum, own| sum.wrapping_add(*own));
        // A hundred times the count fits for some million years of requests.
        let rank = count.saturating_mul(percent.min(100)).div_ceil(100).max(1);
        let mut below = 0_u64;
        for (bucket, count) in self.buckets.iter().enumerate() {
            let count = *count;
            if below.wrapping_add(count) >= rank {
                return Some(Found { bucket, place: rank - below, count });
            }
            below = below.wrapping_add(count);
        }
        None
    }

    /// Returns the mean in microseconds of the faster nine tenths of the observations, without `other_us` in
    /// all that is no part of them; `None` without any. The few slow ones would hide what happens to the many.
    pub fn ordinary_us(&self, other_us: u64) -> Option<u64> {
        let mut count = self.buckets.iter().fold(0_u64, |sum, own| sum.wrapping_add(*own));
        let mut sum = self.sum_us.saturating_sub(other_us);
        let mut slow = count / 10;
        for (bucket, own) in self.buckets.iter().enumerate().rev() {
            let own = slow.min(*own);
            if own == 0 {
                continue;
            }
            let low = bucket.checked_sub(1).map_or(0, |before| BUCKETS_US[before]);
            let high = BUCKETS_US.get(bucket).copied().unwrap_or(low);
            // In the bucket of most they are taken for ordinary ones.
            let mean = sum / count.max(1);
            let each = if mean < low { (low + high) / 2 } else { mean };
            sum = sum.saturating_sub(each.saturating_mul(own));
            (count, slow) = (count.saturating_sub(own), slow - own);
        }
        sum.checked_div(count)
    }

    /// Returns the bound in milliseconds, rounded up, below which `percent` of the observations
    /// are; the last bound for those above it, `None` without observations.
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let Found { bucket, .. } = self.find(percent)?;
        Some(BUCKETS_US[bucket.min(BUCKETS_US.len() - 1)].div_ceil(1000))
    }

    /// Estimates the time within which `percent` of 100 observations are; `None` without any.
    pub fn estimate(&self, percent: u64) -> Option<Estimate> {
        let Found { bucket, place, count } = self.find(percent)?;
        let low = bucket.checked_sub(1).map(|before| BUCKETS_US[before]);
        Some(match (low, BUCKETS_US.get(bucket)) {
            (None, bound) => Estimate::Under(bound.copied().unwrap_or(u64::MAX)),
            (Some(low), None) => Estimate::Over(low),
            (Some(low), Some(high)) => {
                // The middle of its share of the bucket, which is never a bound.
                // No more digits than an estimate needs, so that the product fits.
                let shift = count.ilog2().saturating_sub(20);
                let (place, count) = ((place >> shift).max(1), (count >> shift).max(1));
                Estimate::About(low + (high - low) * (2 * place - 1) / (2 * count))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate::{About, Over, Under};
    use super::*;

    #[test]
    fn a_time_is_written_as_exactly_as_buckets_tell_it() {
        let all = [Under(500), About(700), About(3_456), About(12_345), Over(300_000_000)];
        assert_eq!(all.map(|own| own.to_string()), ["<1", "0.7", "3.4", "12", ">300000"]);
        assert_eq!(all.map(Estimate::ms), [0.2, 0.7, 3.4, 12.3, 300_000.0]);
    }

    #[test]
    fn no_bound_is_shown_as_if_it_was_measured() {
        let times = |of: &[(usize, u64)]| {
            let mut totals = HistogramTotals::default();
            of.iter().for_each(|(bucket, count)| totals.buckets[*bucket] = *count);
            totals
        };
        let last = BUCKETS_US.len();
        let (first_us, last_us) = (BUCKETS_US[0], BUCKETS_US[last - 1]);
        assert_eq!(times(&[]).estimate(50), None);
        assert_eq!(times(&[(0, 9)]).estimate(99), Some(Under(first_us)));
        assert_eq!(times(&[(last, 9)]).estimate(1), Some(Over(last_us)));
        assert_eq!(times(&[(0, 99), (last, 1)]).estimate(99), Some(Under(first_us)));
        assert_eq!(times(&[(0, 98), (last, 2)]).estimate(99), Some(Over(last_us)));
        let (low, high) = (BUCKETS_US[3], BUCKETS_US[4]);
        // Evenly spread: the percentile divides the bucket.
        for percent in [1, 25, 50, 75, 99] {
            let expected = low + (high - low) * (2 * percent - 1) / 200;
            assert_eq!(times(&[(4, 100)]).estimate(percent), Some(About(expected)), "{percent}");
        }
        for bucket in 1..last {
            for percent in [1, 50, 100] {
                match times(&[(bucket, 1)]).estimate(percent) {
                    Some(About(us)) => {
                        assert!(BUCKETS_US[bucket - 1] < us && us < BUCKETS_US[bucket], "{us}");
                    }
                    other => panic!("{bucket}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn few_slow_observations_do_not_change_the_ordinary_time() {
        let times = |of: &[(u64, u64)]| {
            let mut totals = HistogramTotals::default();
            for (us, count) in of {
                totals.buckets[BUCKETS_US.partition_point(|bound| bound < us)] += count;
                totals.sum_us += us * count;
            }
            totals
        };
        assert_eq!(times(&[]).ordinary_us(0), None);
        assert_eq!(times(&[(30_000, 7)]).ordinary_us(0), Some(30_000));
        assert_eq!(times(&[(30_000, 100)]).ordinary_us(0), Some(30_000), "as exactly as the sum");
        let without = times(&[(30_000, 100)]).ordinary_us(1_000_000).unwrap_or_default();
        assert!((15_000..=20_000).contains(&without), "{without}");
        let mixed = times(&[(10_000, 950), (900_000, 50)]).ordinary_us(0).unwrap_or_default();
        assert!((7_000..20_000).contains(&mixed), "{mixed}, and the mean is 54500");
        let broken = HistogramTotals { buckets: [u64::MAX; BUCKETS_US.len() + 1], sum_us: 1 };
        assert!(broken.ordinary_us(5).is_some_and(|us| us <= 1), "memory may hold any bits");
    }
}
