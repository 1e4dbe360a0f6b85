//! How many requests may be delivered twice. When everything fails, repeating each request doubles
//! the load on backends that cannot carry the first half.
//!
//! The record holds what was spent, in hundredths, so that a new one has the whole reserve.

use std::sync::atomic::Ordering::Relaxed;

use crate::lb::record::BalancerRecord;

/// Books a request: `percent` of a repetition is earned back.
pub fn earn(record: &BalancerRecord, percent: u32) {
    // Almost always nothing was spent, and nothing is written.
    if record.repeats_spent.load(Relaxed) > 0 {
        let _ = record
            .repeats_spent
            .fetch_update(Relaxed, Relaxed, |spent| Some(spent.saturating_sub(percent)));
    }
}

/// Takes one repetition. Returns whether there was one; with `percent` 0 there always is.
pub fn spend(record: &BalancerRecord, percent: u32) -> bool {
    percent == 0
        || record
            .repeats_spent
            .fetch_update(Relaxed, Relaxed, |spent| {
                spent.checked_add(100).filter(|spent| *spent <= RESERVE * 100)
            })
            .is_ok()
}

/// Repetitions that need not be earned: what is under way when a member dies.
pub const RESERVE: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_are_earned() {
        let record = BalancerRecord::default();
        for number in 0..RESERVE {
            assert!(spend(&record, 20), "{number}");
        }
        assert!(!spend(&record, 20), "the reserve is used up");
        assert!(spend(&record, 0), "without a budget there is no limit");
        for _ in 0..4 {
            earn(&record, 20);
            assert!(!spend(&record, 20));
        }
        earn(&record, 20);
        assert!(spend(&record, 20), "five requests earn one");
        assert!(!spend(&record, 20));
        for _ in 0..10 * RESERVE {
            earn(&record, 20);
        }
        assert!((0..RESERVE).all(|_| spend(&record, 20)) && !spend(&record, 20), "never more");
    }
}
