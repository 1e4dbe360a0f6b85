//! When a member is drained.

use std::time::Duration;

/// A look at a member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Requests in flight.
    pub busy: u64,
    /// Requests it was ever given.
    pub used: u64,
    /// Time since the last request of a session, where httpd says so; `Some(None)` if there was
    /// none.
    pub last_session: Option<Option<Duration>>,
    /// Sessions of the last half hour, where httpd says so.
    pub recent_sessions: Option<u64>,
    /// Time since the first look.
    pub elapsed: Duration,
}

/// What a series of looks comes to. A disabled member is only given requests of sessions it has, so
/// that a counter that stands still means the same as httpd's own word about sessions.
#[derive(Clone, Debug)]
pub struct Drain {
    quiet: Duration,
    used: Option<u64>,
    /// When `used` was last seen to change.
    changed: Duration,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is in flight and no session is left.
    Drained,
    /// Not yet.
    Waiting {
        /// Requests in flight.
        busy: u64,
        /// Time that must still pass without a request of a session.
        left: Duration,
    },
}

impl Drain {
    /// Begins; a session counts as left after `quiet` without a request of it.
    pub fn new(quiet: Duration) -> Self {
        Self { quiet, used: None, changed: Duration::ZERO }
    }

    /// Takes a look into account.
    pub fn look(&mut self, look: &Look) -> Progress {
        if self.used != Some(look.used) {
            self.changed = look.elapsed;
            self.used = Some(look.used);
        }
        let silent = match look.last_session {
            Some(Some(last)) => last,
            // No session has ever been here, so nobody can come back.
            Some(None) => self.quiet,
            None => look.elapsed.saturating_sub(self.changed),
        };
        let left = self.quiet.saturating_sub(silent);
        match look.busy == 0 && left.is_zero() {
            true => Progress::Drained,
            false => Progress::Waiting { busy: look.busy, left },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn httpds_word_about_sessions_counts_at_once() {
        let mut drain = Drain::new(seconds(60));
        let mut look = Look { last_session: Some(Some(seconds(59))), used: 7, ..Look::default() };
        assert_eq!(drain.look(&look), Progress::Waiting { busy: 0, left: seconds(1) });
        look.last_session = Some(Some(seconds(60)));
        assert_eq!(drain.look(&look), Progress::Drained);
        look.busy = 1;
        assert_eq!(drain.look(&look), Progress::Waiting { busy: 1, left: Duration::ZERO });
        let never = Look { last_session: Some(None), ..Look::default() };
        assert_eq!(drain.look(&never), Progress::Drained);
    }

    #[test]
    fn else_the_counter_must_stand_still() {
        let mut drain = Drain::new(seconds(60));
        let at =
            |elapsed, used, busy| Look { elapsed: seconds(elapsed), used, busy, ..Look::default() };
        let steps = [
            (at(0, 5, 0), Some((0, 60))),
            (at(40, 5, 0), Some((0, 20))),
            (at(50, 6, 1), Some((1, 60))),
            (at(109, 6, 0), Some((0, 1))),
            (at(110, 6, 1), Some((1, 0))),
            (at(111, 6, 0), None),
        ];
        for (look, expected) in steps {
            let progress = match drain.look(&look) {
                Progress::Drained => None,
                Progress::Waiting { busy, left } => Some((busy, left.as_secs())),
            };
            assert_eq!(progress, expected, "{look:?}");
        }
    }
}
