//! Which process does what is done once for the whole machine.
//!
//! It holds a lease that it renews for as long as it lives; one that is killed or frozen is replaced
//! when the lease is over. Process and end lie in one word, so that of several processes that see the
//! end of a lease exactly one gets the next. Every child can write here, so nothing in it is believed
//! further than that: a lease that is longer than any that is given counts as over.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::Duration;

use crate::clock::Millis;
use crate::shm::atomic::AtomicU64;

/// The lead and its lease.
#[repr(C)]
#[derive(Debug, Default)]
pub struct LeaderLease {
    /// The process in the upper half, 0 for none; in the lower one the end in monotonic
    /// milliseconds, of which 32 bits are enough, as a lease takes seconds.
    word: AtomicU64,
}

impl LeaderLease {
    /// Takes the lead for `term` from `now` on, or keeps it. Returns whether `me` leads now.
    pub fn take(&self, me: u32, now: Millis, term: Duration) -> bool {
        let before = self.word.load(Acquire);
        let (leader, end) = ((before >> 32) as u32, before as u32);
        let left = end.wrapping_sub(now.0 as u32);
        let is_over = leader == 0 || u128::from(left) > term.as_millis();
        if leader != me && !is_over {
            return false;
        }
        let next = u64::from(me) << 32 | u64::from(now.plus(term).0 as u32);
        // Who is late, a leader whose lease was over as well, finds another word there.
        self.word.compare_exchange(before, next, AcqRel, Relaxed).is_ok()
    }

    /// Gives the lead back if `me` has it.
    pub fn give_up(&self, me: u32) {
        let before = self.word.load(Relaxed);
        if (before >> 32) as u32 == me {
            // If that fails, it has been replaced already.
            let _ = self.word.compare_exchange(before, 0, AcqRel, Relaxed);
        }
    }

    /// Returns the process that leads; 0 for none.
    pub fn leader(&self) -> u32 {
        (self.word.load(Relaxed) >> 32) as u32
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const TERM: Duration = Duration::from_millis(2_000);

    #[test]
    fn a_leader_is_replaced_when_its_lease_is_over() {
        // The second time the low half of the clock runs over meanwhile.
        for start in [1_000, (1 << 32) - 2_500] {
            let (lease, at) = (LeaderLease::default(), |ms: u64| Millis(start + ms));
            assert!(lease.take(1, at(0), TERM), "there is none");
            assert!(!lease.take(2, at(1_900), TERM), "it has told of itself");
            assert!(lease.take(1, at(1_950), TERM), "it goes on");
            assert!(!lease.take(2, at(3_950), TERM));
            assert!(lease.take(2, at(3_951), TERM), "it is silent");
            assert!(!lease.take(1, at(4_000), TERM), "it has been replaced");
            lease.give_up(1);
            assert_eq!(lease.leader(), 2, "only the leader gives the lead back");
            lease.give_up(2);
            assert!(lease.take(1, at(4_001), TERM));
        }
    }

    #[test]
    fn a_lease_longer_than_any_that_is_given_is_over() {
        let lease = LeaderLease::default();
        for word in [u64::MAX, 7 << 32 | 9_001, 7 << 32 | 6_999] {
            lease.word.store(word, Relaxed);
            assert!(lease.take(1, Millis(7_000), TERM), "{word:x}");
        }
        lease.word.store(7 << 32 | 9_000, Relaxed);
        assert!(!lease.take(1, Millis(7_000), TERM), "that may be one");
    }
}

#[cfg(all(test, loom))]
mod model {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn of_two_that_see_the_end_of_a_lease_exactly_one_leads() {
        loom::model(|| {
            let lease = Arc::new(LeaderLease::default());
            let term = Duration::from_millis(10);
            assert!(lease.take(1, Millis(0), term));
            let take = |me: u32| {
                let lease = Arc::clone(&lease);
                thread::spawn(move || lease.take(me, Millis(1_000), term))
            };
            let both = [take(1), take(2)].map(|thread| thread.join().expect("no panic"));
            assert_ne!(both[0], both[1]);
            assert_eq!(lease.leader(), if both[0] { 1 } else { 2 });
        });
    }
}
