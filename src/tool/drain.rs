//! When a member is drained.

use std::time::Duration;

/// A look at a disabled member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// Requests in flight.
    pub busy: u64,
    /// Requests it was ever given.
    pub used: u64,
    /// Time since it was disabled.
    pub elapsed: Duration,
}

/// What a series of looks comes to.
///
/// A disabled member is given requests of the sessions it has and no others, so as long as its
/// counter does not change, no request has come. When the last request of a session came does not tell as
/// much: a session that has just begun has had none.
#[derive(Clone, Debug)]
pub struct Drain {
    quiet: Duration,
    used: Option<u64>,
    /// When `used` was last seen to change.
    changed: Duration,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainProgress {
    /// Nothing is in flight and no session is left.
    Drained,
    /// Not yet.
    Waiting {
        /// Requests in flight.
        busy: u64,
        /// Time that must still pass without a request.
        left: Duration,
    },
}

impl Drain {
    /// Begins; a session counts as left after `quiet` without a request.
    pub fn new(quiet: Duration) -> Self {
        Self { quiet, used: None, changed: Duration::ZERO }
    }

    /// Takes a look into account.
    pub fn look(&mut self, look: &Observation) -> DrainProgress {
        if self.used != Some(look.used) {
            self.changed = look.elapsed;
            self.used = Some(look.used);
        }
        // One that never had a request has no session either.
        let left = match look.used {
            0 => Duration::ZERO,
            _ => self.quiet.saturating_sub(look.elapsed.saturating_sub(self.changed)),
        };
        match look.busy == 0 && left.is_zero() {
            true => DrainProgress::Drained,
            false => DrainProgress::Waiting { busy: look.busy, left },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_flight_and_nobody_who_comes_back() {
        let mut drain = Drain::new(Duration::from_secs(60));
        let at =
            |elapsed, used, busy| Observation { elapsed: Duration::from_secs(elapsed), used, busy };
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
                DrainProgress::Drained => None,
                DrainProgress::Waiting { busy, left } => Some((busy, left.as_secs())),
            };
            assert_eq!(progress, expected, "{look:?}");
        }
    }

    #[test]
    fn who_never_had_a_request_has_no_session() {
        let mut drain = Drain::new(Duration::from_secs(60));
        assert_eq!(drain.look(&Observation::default()), DrainProgress::Drained);
        let busy = Observation { busy: 1, ..Observation::default() };
        let waiting = DrainProgress::Waiting { busy: 1, left: Duration::ZERO };
        assert_eq!(drain.look(&busy), waiting);
    }
}
