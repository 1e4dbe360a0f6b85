//! How long a member takes to begin its answers, as a moving average that forgets.
//!
//! One word holds the average in microseconds (lower half) and the second of the last answer (upper
//! half), so that both are always read together. Without answers the average counts half after each
//! ten seconds: a member that was slow once is tried again without a timer of its own.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::record::MemberRecord;

/// Returns the average in microseconds; 0 if nothing is known, or nothing that still counts.
#[inline]
pub fn average_us(record: &MemberRecord, now: Millis) -> u32 {
    let (average, second) = split(record.latency.load(Relaxed));
    let silence = (now.0 / 1000).saturating_sub(u64::from(second));
    match silence {
        0..HALF_LIFE_S => average,
        _ => average.checked_shr((silence / HALF_LIFE_S).min(32) as u32).unwrap_or(0),
    }
}

/// Books an answer that began after `took`.
pub fn observe(record: &MemberRecord, took: Duration, now: Millis) {
    let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
    let (before, second) = split(record.latency.load(Relaxed));
    let average = match before {
        0 => took,
        _ => {
            // After a silence the answer counts for as much more as the average has faded.
            let halves = (now.0 / 1000).saturating_sub(u64::from(second)) / HALF_LIFE_S;
            let weight = WEIGHT.checked_shr(u32::try_from(halves).unwrap_or(u32::MAX)).unwrap_or(0);
            let step = (i64::from(took) - i64::from(before)) / weight.max(1);
            (i64::from(before) + step).clamp(1, u32::MAX.into()) as u32
        }
    };
    store(record, average, now);
}

/// Books an attempt that failed or was answered with an error of the server. A member that fails
/// fast must not look like a fast one: its average grows by half.
pub fn penalise(record: &MemberRecord, now: Millis) {
    let before = average_us(record, now).max(FAILURE_US);
    store(record, before.saturating_add(before / 2).min(MAX_US), now);
}

fn store(record: &MemberRecord, average: u32, now: Millis) {
    let second = u64::from((now.0 / 1000) as u32);
    // Of two answers at once one may count for both; it is an average.
    record.latency.store(second << 32 | u64::from(average), Relaxed);
}

fn split(word: u64) -> (u32, u32) {
    (word as u32, (word >> 32) as u32)
}

/// An answer counts for an eighth.
const WEIGHT: i64 = 8;

/// Time of silence after which an average counts half.
const HALF_LIFE_S: u64 = 10;

/// What a member that has only failed is taken for.
const FAILURE_US: u32 = 20_000;

/// Failures do not count for more than this.
const MAX_US: u32 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_and_forget() {
        let record = MemberRecord::default();
        let at = |second: u64| Millis(second * 1000);
        assert_eq!(average_us(&record, at(5)), 0, "nothing is known");
        observe(&record, Duration::from_micros(8_000), at(5));
        assert_eq!(average_us(&record, at(5)), 8_000, "the first answer");
        observe(&record, Duration::from_micros(16_000), at(6));
        assert_eq!(average_us(&record, at(6)), 9_000);
        observe(&record, Duration::ZERO, at(6));
        assert_eq!(average_us(&record, at(6)), 7_876);
        assert_eq!(average_us(&record, at(15)), 7_876);
        assert_eq!(average_us(&record, at(16)), 3_938, "half after ten seconds");
        assert_eq!(average_us(&record, at(36)), 984);
        let again = MemberRecord::default();
        again.latency.store(record.latency.load(Relaxed), Relaxed);
        observe(&again, Duration::from_micros(3_876), at(26));
        assert_eq!(average_us(&again, at(26)), 5_876, "after twenty seconds for a half");
        observe(&again, Duration::from_micros(500), at(100));
        assert_eq!(average_us(&again, at(100)), 500, "after a minute for all");
        assert_eq!(average_us(&record, at(6 + 320)), 0, "and nothing in the end");
        assert_eq!(average_us(&record, at(1 << 34)), 0);
    }

    #[test]
    fn failing_fast_is_no_virtue() {
        let record = MemberRecord::default();
        observe(&record, Duration::from_micros(1_000), Millis(0));
        penalise(&record, Millis(0));
        assert_eq!(average_us(&record, Millis(0)), 30_000);
        for _ in 0..100 {
            penalise(&record, Millis(0));
        }
        assert_eq!(average_us(&record, Millis(0)), MAX_US);
    }
}
