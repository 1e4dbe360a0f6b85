//! Members that a request is trying, or that are waiting for one to try them: who is out of service
//! without anybody left to say how it went.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::Millis;
use crate::lb::MemberState;
use crate::shm::layout::MemberRecord;

/// Since when members have been on trial, by their places.
///
/// The request that tries a member may take minutes, and whoever sent it may be killed. A member
/// that stays on trial is asked in the background, like one in error.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    since: BTreeMap<usize, (MemberState, Millis)>,
}

impl Trials {
    /// Tells whether a member wants to be asked: it is in error, or has been on trial for long.
    pub fn wants(&mut self, place: usize, record: &MemberRecord, now: Millis) -> bool {
        let state = MemberState::of(record);
        if !matches!(state, MemberState::Probe | MemberState::Force) {
            self.since.remove(&place);
            return state == MemberState::Error;
        }
        let (known, since) = self.since.entry(place).or_insert((state, now));
        if *known != state {
            (*known, *since) = (state, now);
        }
        now.since(*since) >= TRIAL
    }
}

/// Lets requests try a member again that is in error or stayed on trial; `readmit` brings a member
/// back from error. Returns whether it did.
pub fn revive(record: &MemberRecord, readmit: impl FnOnce()) -> bool {
    settle(record);
    let was_out = MemberState::of(record) == MemberState::Error;
    if was_out {
        readmit();
    }
    was_out
}

/// Puts a member back to error that stayed on trial and does not answer.
pub fn withdraw(record: &MemberRecord) {
    settle(record);
}

fn settle(record: &MemberRecord) {
    for state in [MemberState::Probe, MemberState::Force] {
        let error = MemberState::Error as u32;
        // Lost only to the request on trial, which knows better.
        let _ = record.state.compare_exchange(state as u32, error, Relaxed, Relaxed);
    }
}

/// A request that takes longer than this tells too little about the member in time.
const TRIAL: Duration = Duration::from_millis(1_000);

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: MemberState) -> MemberRecord {
        let record = MemberRecord::default();
        record.state.store(state as u32, Relaxed);
        record
    }

    #[test]
    fn who_is_asked() {
        use MemberState::{Busy, Error, Force, Idle, Ok, Probe, Recover};

        let cases = [
            (Idle, [false, false]),
            (Ok, [false, false]),
            (Recover, [false, false]),
            (Busy, [false, false]),
            (Error, [true, true]),
            // Only once its trial has taken long.
            (Force, [false, true]),
            (Probe, [false, true]),
        ];
        for (state, expected) in cases {
            let (mut trials, record) = (Trials::default(), record(state));
            let asked = [0, 1_000].map(|ms| trials.wants(3, &record, Millis(ms)));
            assert_eq!(asked, expected, "{state:?}");
        }
    }

    #[test]
    fn a_new_trial_has_its_own_time() {
        let (mut trials, member) = (Trials::default(), record(MemberState::Probe));
        assert!(!trials.wants(1, &member, Millis(0)));
        member.state.store(MemberState::Ok as u32, Relaxed);
        assert!(!trials.wants(1, &member, Millis(500)));
        member.state.store(MemberState::Probe as u32, Relaxed);
        assert!(!trials.wants(1, &member, Millis(1_000)), "that is another trial");
        assert!(!trials.wants(2, &member, Millis(1_900)), "and that another member");
        assert!(trials.wants(1, &member, Millis(2_000)));
    }

    #[test]
    fn answers_bring_back_and_silence_takes_out() {
        use MemberState::{Error, Force, Ok, Probe, Recover};

        for (before, is_revived, after) in [
            (Error, true, Recover),
            (Force, true, Recover),
            (Probe, true, Recover),
            (Ok, false, Ok),
        ] {
            let member = record(before);
            let readmit = || member.state.store(Recover as u32, Relaxed);
            assert_eq!(revive(&member, readmit), is_revived, "{before:?}");
            assert_eq!(MemberState::of(&member), after, "{before:?}");
        }
        for (before, after) in [(Error, Error), (Force, Error), (Probe, Error), (Ok, Ok)] {
            let member = record(before);
            withdraw(&member);
            assert_eq!(MemberState::of(&member), after, "{before:?}");
        }
    }
}
