//! Since when something happens again and again.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clear::cleared_by_field;
use crate::clock::Millis;

/// When something that comes and goes began: a spell of it is over when it has not happened for
/// `PAUSE`.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Spell {
    /// In monotonic milliseconds.
    first_ms: AtomicU64,
    /// The same; 0 for never, or when the spell was ended.
    last_ms: AtomicU64,
}

impl Spell {
    /// Books that it has happened.
    pub fn note(&self, now: Millis) {
        let stamp = now.0.max(1);
        let last = self.last_ms.swap(stamp, Relaxed);
        if last == 0 || now.since(Millis(last)) > PAUSE {
            self.first_ms.store(stamp, Relaxed);
        }
    }

    /// Ends it: what happens next begins another one.
    pub fn end(&self) {
        self.last_ms.store(0, Relaxed);
    }

    /// Returns when it happened last in a spell that was not ended.
    pub fn last(&self) -> Option<Millis> {
        Some(Millis(self.last_ms.load(Relaxed))).filter(|last| last.0 != 0)
    }

    /// Returns when the latest spell began.
    #[inline]
    pub fn begun(&self) -> Option<Millis> {
        let is_begun = self.last_ms.load(Relaxed) != 0;
        is_begun.then(|| Millis(self.first_ms.load(Relaxed))).filter(|first| first.0 != 0)
    }
}

cleared_by_field!(Spell { first_ms, last_ms });

/// Longer than the time that "lately" reaches back, so that all that is counted lately is one spell.
pub const PAUSE: Duration = Duration::from_secs(6 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spell_begins_with_the_first_time_and_ends_with_a_pause() {
        let (spell, at) = (Spell::default(), |seconds: u64| Millis(seconds * 1_000));
        assert_eq!(spell.begun(), None);
        for second in [100, 200, 560] {
            spell.note(at(second));
            assert_eq!(spell.begun(), Some(at(100)), "{second}");
        }
        spell.note(at(921));
        assert_eq!(spell.begun(), Some(at(921)), "after more than six minutes");
        spell.end();
        assert_eq!(spell.begun(), None);
        spell.note(at(930));
        assert_eq!(spell.begun(), Some(at(930)));
    }
}
