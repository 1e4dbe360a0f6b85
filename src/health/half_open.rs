//! Members that a request is trying, or that are waiting for one to try them: who is out of service
//! and no process may be left to report the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::{MemberRecord, MemberState};

/// Since when members have been half-open, by record index.
///
/// The request that tries a member may take minutes, and its process may be killed. A member
/// that stays half-open is probed in the background, like one in error.
#[derive(Clone, Debug, Default)]
pub struct HalfOpenSince {
    since: BTreeMap<usize, (MemberState, Millis)>,
}

impl HalfOpenSince {
    /// Tells whether a member must be probed: it is in error, or has been half-open for long.
    pub fn needs_probe(&mut self, record_index: usize, record: &MemberRecord, now: Millis) -> bool {
        let state = MemberState::of(record);
        if !matches!(state, MemberState::HalfOpen | MemberState::Force) {
            self.since.remove(&record_index);
            return state == MemberState::Error;
        }
        let (known, since) = self.since.entry(record_index).or_insert((state, now));
        if *known != state {
            (*known, *since) = (state, now);
        }
        now.since(*since) >= TRIAL
    }
}

/// A request that takes longer than this tells too little about the member in time.
const TRIAL: Duration = Duration::from_millis(1_000);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::TEST_POLICY;
    use crate::lb::{Event, Outcome, transition};

    fn after(record: &MemberRecord, events: &[Event]) {
        for event in events {
            transition(record, *event, &TEST_POLICY, || true, Millis(1));
        }
    }

    fn ended(outcome: Outcome) -> Event {
        Event::Ended { outcome, started: Millis(1) }
    }

    /// What brings a new member into a state.
    fn record(state: MemberState) -> MemberRecord {
        let fail = ended(Outcome::ConnectFailed);
        let events: &[Event] = match state {
            MemberState::Idle | MemberState::Busy => &[],
            MemberState::Ok => &[ended(Outcome::Success)],
            MemberState::Error => &[fail],
            MemberState::Recover => &[fail, Event::ProbeAnswered],
            MemberState::HalfOpen => &[fail, Event::ProbeAnswered, Event::Elected],
            MemberState::Force => &[fail, Event::Forced],
        };
        let record = MemberRecord::default();
        after(&record, events);
        record
    }

    #[test]
    fn a_member_is_probed_in_error_and_when_its_trial_takes_long() {
        use MemberState::{Error, Force, HalfOpen, Idle, Ok, Recover};

        let cases = [
            (Idle, [false, false]),
            (Ok, [false, false]),
            (Recover, [false, false]),
            (Error, [true, true]),
            // Only once its trial has taken long.
            (Force, [false, true]),
            (HalfOpen, [false, true]),
        ];
        for (state, expected) in cases {
            let (mut half_open, record) = (HalfOpenSince::default(), record(state));
            assert_eq!(MemberState::of(&record), state);
            let needed = [0, 1_000].map(|ms| half_open.needs_probe(3, &record, Millis(ms)));
            assert_eq!(needed, expected, "{state:?}");
        }
    }

    #[test]
    fn a_new_trial_has_its_own_time() {
        let (mut half_open, member) = (HalfOpenSince::default(), record(MemberState::HalfOpen));
        assert!(!half_open.needs_probe(1, &member, Millis(0)));
        after(&member, &[ended(Outcome::Success)]);
        assert!(!half_open.needs_probe(1, &member, Millis(500)));
        let fail = ended(Outcome::ConnectFailed);
        after(&member, &[fail, Event::ProbeAnswered, Event::Elected]);
        assert!(!half_open.needs_probe(1, &member, Millis(1_000)), "that is another trial");
        assert!(!half_open.needs_probe(2, &member, Millis(1_900)), "and that another member");
        assert!(half_open.needs_probe(1, &member, Millis(2_000)));
    }
}
