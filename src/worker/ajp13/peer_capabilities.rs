//! What a backend has shown of itself in this child.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::MemberRecord;

/// What is known about one backend.
#[derive(Debug, Default)]
pub struct PeerCapabilities {
    answers_cping: AtomicBool,
    was_tried: AtomicBool,
    /// Whether a request waits that needs to know whether the backend answers.
    is_wanted: AtomicBool,
    /// When that was last tried over a connection of its own; 0 for never.
    tried_ms: AtomicU64,
    /// The largest body it asked for, which is what its packets hold; 0 while unknown.
    largest_requested: AtomicU16,
}

impl PeerCapabilities {
    /// Books a CPONG.
    pub fn answered_cping(&self) {
        if !self.answers_cping.load(Relaxed) {
            self.answers_cping.store(true, Relaxed);
        }
    }

    /// Tells whether the backend has ever answered a CPING.
    pub fn answers_cping(&self) -> bool {
        self.answers_cping.load(Relaxed)
    }

    /// Tells whether the backend answers CPINGs; `None` if that is not known yet.
    pub fn known_to_answer(&self) -> Option<bool> {
        match (self.answers_cping(), self.was_tried.load(Relaxed)) {
            (true, _) => Some(true),
            (false, true) => Some(false),
            (false, false) => None,
        }
    }

    /// Tells whether the backend should be asked just to learn whether it answers.
    pub fn needs_cping_test(&self) -> bool {
        !self.answers_cping() && !self.was_tried.load(Relaxed)
    }

    /// Books that it was asked, or that the question came to nothing.
    pub fn tried(&self, was_sent: bool) {
        self.was_tried.store(was_sent, Relaxed);
    }

    /// Tells whether it was asked and has never answered.
    pub fn is_mute(&self) -> bool {
        self.was_tried.load(Relaxed) && !self.answers_cping()
    }

    /// Says that a request waits for an answer that may never come, which only a backend that
    /// answers CPINGs can be asked about.
    pub fn want(&self) {
        self.is_wanted.store(true, Relaxed);
    }

    /// Tells whether such a backend should be asked now over a connection of its own, as all others
    /// may be busy; not more often than each ten seconds.
    pub fn needs_own_cping_test(&self, now: Millis) -> bool {
        if !self.is_wanted.load(Relaxed) || self.answers_cping() {
            return false;
        }
        let last = self.tried_ms.load(Relaxed);
        let is_due = last == 0 || now.since(Millis(last)) >= Duration::from_secs(10);
        if is_due {
            self.is_wanted.store(false, Relaxed);
            self.tried_ms.store(now.0.max(1), Relaxed);
        }
        is_due
    }

    /// Books how much body the backend asked for at once.
    pub fn requested(&self, size: u16) {
        if size > self.largest_requested.load(Relaxed) {
            self.largest_requested.store(size, Relaxed);
        }
    }

    /// Returns how much body the backend takes unasked, with packets of `max_packet_size`.
    ///
    /// Until it has asked for more than the protocol's smallest packet holds, it may be set up for
    /// just that, and would drop the connection over anything larger.
    pub fn first_block(&self, max_packet_size: usize) -> usize {
        let known = usize::from(self.largest_requested.load(Relaxed));
        known.max(SMALLEST_BLOCK).min(max_packet_size - BODY_OVERHEAD)
    }
}

/// Tells whether a connection of this worker must answer a CPING before it is used again.
pub fn is_distrusted(record: &MemberRecord, now: Millis) -> bool {
    let until = record.distrusted_until_ms.load(Relaxed);
    // Further ahead than it is ever set, it is no time but damage.
    until > now.0 && until - now.0 <= DISTRUST.as_millis() as u64
}

/// Distrusts the connections of a worker from `now` on. Returns whether they were trusted before.
pub fn distrust(record: &MemberRecord, now: Millis) -> bool {
    let was_trusted = !is_distrusted(record, now);
    record.distrusted_until_ms.store(now.plus(DISTRUST).0, Relaxed);
    was_trusted
}

/// How long connections are not trusted after unexpected data.
const DISTRUST: Duration = Duration::from_secs(300);

/// Header and length of a body packet.
pub const BODY_OVERHEAD: usize = 6;

/// What a body packet of the smallest packet size holds.
const SMALLEST_BLOCK: usize = 8192 - BODY_OVERHEAD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unasked_blocks_grow_with_what_was_asked_for() {
        let capabilities = PeerCapabilities::default();
        assert_eq!(capabilities.first_block(65_536), 8186, "nothing is known");
        capabilities.requested(100);
        assert_eq!(capabilities.first_block(65_536), 8186, "a small wish is no limit");
        capabilities.requested(65_530);
        capabilities.requested(8186);
        assert_eq!(capabilities.first_block(65_536), 65_530);
        assert_eq!(capabilities.first_block(8192), 8186, "our own packets hold no more");
    }

    #[test]
    fn distrust_lasts_five_minutes_from_the_last_reason() {
        let record = MemberRecord::default();
        let minute = |number: u64| Millis(1 + number * 60_000);
        assert!(!is_distrusted(&record, minute(0)));
        assert!(distrust(&record, minute(0)) && !distrust(&record, minute(3)), "one episode");
        assert!(is_distrusted(&record, minute(7)) && !is_distrusted(&record, minute(8)));
        assert!(distrust(&record, minute(9)), "the next one");
        record.distrusted_until_ms.store(u64::MAX, Relaxed);
        assert!(!is_distrusted(&record, minute(10)), "no such time was ever set");
    }

    #[test]
    fn a_waiting_request_causes_a_cping_every_ten_seconds() {
        let capabilities = PeerCapabilities::default();
        assert!(!capabilities.needs_own_cping_test(Millis(0)));
        capabilities.want();
        assert!(capabilities.needs_own_cping_test(Millis(0)));
        capabilities.want();
        assert!(
            !capabilities.needs_own_cping_test(Millis(9_999))
                && capabilities.needs_own_cping_test(Millis(10_001))
        );
        capabilities.want();
        capabilities.answered_cping();
        assert!(!capabilities.needs_own_cping_test(Millis(30_000)));
    }
}
