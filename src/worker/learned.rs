//! What a container has shown of itself in this child.

use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::clock::Millis;

/// What is known about one container.
#[derive(Debug, Default)]
pub struct Learned {
    answers_cping: AtomicBool,
    was_tried: AtomicBool,
    /// The largest body it asked for, which is what its packets hold; 0 while unknown.
    largest_requested: AtomicU16,
    /// When it was last said why it may have refused a request.
    hinted_ms: AtomicU64,
}

impl Learned {
    /// Books a CPONG.
    pub fn answered_cping(&self) {
        if !self.answers_cping.load(Relaxed) {
            self.answers_cping.store(true, Relaxed);
        }
    }

    /// Tells whether the container has ever answered a CPING.
    pub fn answers_cping(&self) -> bool {
        self.answers_cping.load(Relaxed)
    }

    /// Tells whether the container should be asked just to learn whether it answers.
    pub fn wants_trial(&self) -> bool {
        !self.answers_cping() && !self.was_tried.load(Relaxed)
    }

    /// Books that it was asked.
    pub fn tried(&self) {
        self.was_tried.store(true, Relaxed);
    }

    /// Books how much body the container asked for at once.
    pub fn requested(&self, size: u16) {
        if size > self.largest_requested.load(Relaxed) {
            self.largest_requested.store(size, Relaxed);
        }
    }

    /// Returns how much body the container takes unasked, with packets of `max_packet_size`.
    ///
    /// Until it has asked for more than the protocol's smallest packet holds, it may be set up for
    /// just that, and would drop the connection over anything larger.
    pub fn first_block(&self, max_packet_size: usize) -> usize {
        let known = usize::from(self.largest_requested.load(Relaxed));
        known.max(SMALLEST_BLOCK).min(max_packet_size - BODY_OVERHEAD)
    }

    /// Tells whether a hint is due, at most once a minute.
    pub fn may_hint(&self, now: Millis) -> bool {
        let last = self.hinted_ms.load(Relaxed);
        let is_due = last == 0 || now.since(Millis(last)) >= Duration::from_secs(60);
        is_due && self.hinted_ms.compare_exchange(last, now.0.max(1), Relaxed, Relaxed).is_ok()
    }
}

/// Header and length of a body packet.
pub const BODY_OVERHEAD: usize = 6;

/// What a body packet of the smallest packet size holds.
const SMALLEST_BLOCK: usize = 8192 - BODY_OVERHEAD;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_7_unasked_blocks_grow_with_what_was_asked_for() {
        let learned = Learned::default();
        assert_eq!(learned.first_block(65_536), 8186, "nothing is known");
        learned.requested(100);
        assert_eq!(learned.first_block(65_536), 8186, "a small wish is no limit");
        learned.requested(65_530);
        learned.requested(8186);
        assert_eq!(learned.first_block(65_536), 65_530);
        assert_eq!(learned.first_block(8192), 8186, "our own packets hold no more");
    }

    #[test]
    fn s1_13_hints_come_once_a_minute() {
        let learned = Learned::default();
        let due: Vec<_> =
            [0, 1, 59_999, 60_001, 60_002].map(|now| learned.may_hint(Millis(now))).into();
        assert_eq!(due, [true, false, false, true, false]);
    }
}
