//! Whether requests wait at a worker that begins no reply any more: a backend that hangs, or all of whose threads
//! wait for a database. No request fails by that as long as no timeout is set, so that nothing else shows it.
#![forbid(unsafe_code)]

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::clear::cleared_by_field;
use crate::clock::Millis;
use crate::metrics::Totals;

/// What the child that leads the background work has seen of a worker's replies.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Silence {
    /// Replies that have begun so far.
    replies: AtomicU64,
    /// Since when no other has, in monotonic milliseconds; 0 while no request is in flight.
    since_ms: AtomicU64,
    /// The least surplus of begun attempts over ended ones; see [`surplus`].
    least: AtomicU64,
}

impl Silence {
    /// Books the counters of this moment, with `busy` requests in flight. Only one process may do so.
    pub fn note(&self, totals: &Totals, busy: u64, now: Millis) {
        let (replies, surplus) = (replies(totals), surplus(totals));
        if busy == 0 {
            // None waits, whatever the counters have missed, such as attempts of a child that was killed.
            self.least.store(surplus, Relaxed);
            self.since_ms.store(0, Relaxed);
        } else if self.since_ms.load(Relaxed) == 0 || self.replies.load(Relaxed) != replies {
            self.since_ms.store(now.0.max(1), Relaxed);
        }
        if (self.least.load(Relaxed).wrapping_sub(surplus)).cast_signed() > 0 {
            self.least.store(surplus, Relaxed);
        }
        self.replies.store(replies, Relaxed);
    }

    /// Tells whether anything has to be booked: not of a worker that rests.
    pub fn is_due(&self, busy: u64) -> bool {
        busy != 0 || self.since_ms.load(Relaxed) != 0
    }

    /// Returns since when no reply has begun, and how many requests wait for one at least; `None` if that
    /// is nothing unusual.
    pub fn found(&self, totals: &Totals, busy: u64, now: Millis) -> Option<(Millis, u64)> {
        let since = Millis(self.since_ms.load(Relaxed));
        if busy < FEWEST || since.0 == 0 || now.since(since).as_millis() < LONG_MS {
            return None;
        }
        let waiting = surplus(totals).wrapping_sub(self.least.load(Relaxed)).cast_signed();
        let waiting = u64::try_from(waiting).unwrap_or(0).min(busy);
        (waiting >= FEWEST && self.replies.load(Relaxed) == replies(totals))
            .then_some((since, waiting))
    }
}

fn replies(totals: &Totals) -> u64 {
    totals.first_byte.buckets.iter().fold(0, |sum, own| sum.wrapping_add(*own))
}

/// Attempts that have begun, without those that got a reply or failed. One that fails after its reply has begun
/// is taken away twice, so that this falls with time: its least value stands for no waiting request, and
/// what is found is never more than there is.
fn surplus(totals: &Totals) -> u64 {
    let ended = totals.failures.iter().fold(replies(totals), |sum, own| sum.wrapping_add(*own));
    totals.requests.wrapping_sub(ended)
}

/// Requests that wait, from which on silence says something: a report may take its time.
const FEWEST: u64 = 3;

/// How long no reply begins, from which on that says something, in milliseconds.
const LONG_MS: u128 = 10_000;

cleared_by_field!(Silence { replies, since_ms, least });

#[cfg(test)]
mod tests {
    use super::*;

    /// So many attempts, replies and failures.
    fn totals(requests: u64, replies: u64, failures: u64) -> Totals {
        let mut totals = Totals { requests, ..Totals::default() };
        (totals.first_byte.buckets[2], totals.failures[4]) = (replies, failures);
        totals
    }

    fn at(seconds: u64) -> Millis {
        Millis(seconds * 1_000)
    }

    #[test]
    fn requests_that_wait_without_a_reply_are_found_after_ten_seconds() {
        let own = Silence::default();
        own.note(&totals(0, 0, 0), 0, at(1));
        own.note(&totals(50, 46, 0), 4, at(2));
        for second in 3..12 {
            own.note(&totals(50, 46, 0), 4, at(second));
            assert_eq!(own.found(&totals(50, 46, 0), 4, at(second)), None, "{second}");
        }
        assert_eq!(own.found(&totals(55, 46, 0), 9, at(12)), Some((at(2), 9)));
        // One reply ends it.
        assert_eq!(own.found(&totals(55, 47, 0), 8, at(13)), None);
        own.note(&totals(55, 47, 0), 8, at(13));
        assert_eq!(own.found(&totals(55, 47, 0), 8, at(22)), None);
        assert_eq!(own.found(&totals(55, 47, 0), 8, at(23)), Some((at(13), 8)));
        own.note(&totals(55, 55, 0), 0, at(24));
        assert!(!own.is_due(0) && own.is_due(1));
    }

    #[test]
    fn long_replies_and_few_requests_are_not_silence() {
        let own = Silence::default();
        own.note(&totals(0, 0, 0), 0, at(1));
        // Ten replies that last for hours, and two requests that wait.
        own.note(&totals(10, 10, 0), 10, at(2));
        assert_eq!(own.found(&totals(12, 10, 0), 12, at(500)), None);
        assert_eq!(own.found(&totals(13, 10, 0), 13, at(500)), Some((at(2), 3)));
    }

    #[test]
    fn what_the_counters_miss_is_mended_and_never_makes_more_of_it() {
        let own = Silence::default();
        own.note(&totals(0, 0, 0), 0, at(1));
        // Seven replies broke off: each counts as a reply and as a failure.
        own.note(&totals(10, 10, 7), 1, at(2));
        assert_eq!(own.found(&totals(14, 10, 7), 5, at(20)), Some((at(2), 4)));
        // A child was killed with six requests.
        let own = Silence::default();
        own.note(&totals(6, 0, 0), 6, at(1));
        own.note(&totals(6, 0, 0), 0, at(2));
        own.note(&totals(10, 4, 0), 5, at(3));
        assert_eq!(own.found(&totals(10, 4, 0), 5, at(60)), None);
    }
}
