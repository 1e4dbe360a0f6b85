//! What an event asks for, and what follows from it in each state.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::Millis;
use crate::lb::record::MemberRecord;
use crate::lb::state::{
    ALONE_OUT_AFTER, AloneAttempt, Event, Health, MemberState, Outcome, Policy, REFUSALS,
    ReadmitReason, is_refusing,
};

/// What an event asks for, once it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) enum StateStep {
    /// Nothing.
    Stay,
    /// The next request is the trial.
    TakeTrial,
    /// A request tries a member in error.
    ForceTrial,
    /// An answer to a request from this moment.
    Prove(Millis),
    /// A refusal, and whether there were enough of them.
    Refuse { is_enough: bool },
    /// A failure that takes the member out.
    Fail,
    /// A failure that takes it out only during its trial.
    Doubt,
    /// A trial that proved nothing: the next request is another one.
    GiveBack,
    /// A probe without answer: a trial that has taken long failed.
    Silence,
    /// The way back, with what was seen.
    Readmit(ReadmitReason),
    /// The health check's verdict.
    Withdraw,
    /// Nothing to do.
    Rest,
}

impl StateStep {
    /// Counts an event, once, and says what it asks for.
    pub fn of(record: &MemberRecord, event: Event, policy: &Policy, now: Millis) -> Self {
        match event {
            Event::Elected => Self::TakeTrial,
            Event::Forced => match is_force_due(record, now) {
                true => Self::ForceTrial,
                false => Self::Stay,
            },
            Event::Ended { outcome, started } => Self::ended(record, outcome, policy, started, now),
            Event::ProbeAnswered => Self::Readmit(ReadmitReason::Answered),
            Event::ProbeFailed => {
                if is_refusing(record) {
                    // It may be another process that comes back: one request finds out.
                    record.refusals_in_row.0.store(REFUSALS - 1, Relaxed);
                }
                Self::Silence
            }
            Event::RecoverTime => Self::Readmit(ReadmitReason::RecoverTime),
            Event::HealthPassed => {
                let before = record.health.0.swap(Health::Healthy as u32, Relaxed);
                match before == Health::Unhealthy as u32 {
                    true => Self::Readmit(ReadmitReason::Health),
                    false => Self::Stay,
                }
            }
            Event::HealthFailed => {
                let before = record.health.0.swap(Health::Unhealthy as u32, Relaxed);
                if before != Health::Unhealthy as u32 {
                    record.unhealthy_ms.0.store(now.0.max(1), Relaxed);
                }
                Self::Withdraw
            }
            Event::HealthUnchecked => {
                record.health.0.store(Health::Unknown as u32, Relaxed);
                Self::Stay
            }
            Event::Recovered => {
                if !MemberState::of(record).is_in_service() {
                    // What was held against it is to be found out again.
                    record.health.0.store(Health::Unknown as u32, Relaxed);
                    record.refusals_in_row.0.store(0, Relaxed);
                }
                Self::Readmit(ReadmitReason::Administrator)
            }
            Event::Reset | Event::Unused => Self::Rest,
        }
    }

    fn ended(
        record: &MemberRecord,
        outcome: Outcome,
        policy: &Policy,
        started: Millis,
        now: Millis,
    ) -> Self {
        match outcome {
            Outcome::Success | Outcome::SoftStatus => {
                record.refusals_in_row.0.store(0, Relaxed);
                Self::Prove(started)
            }
            Outcome::Refused => {
                let count = record.refusals_in_row.0.fetch_add(1, Relaxed).saturating_add(1);
                count_failure(record, policy, now);
                Self::Refuse { is_enough: count >= REFUSALS }
            }
            Outcome::ClientError => {
                record.client_errors.fetch_add(1, Relaxed);
                Self::GiveBack
            }
            Outcome::OwnFault => Self::GiveBack,
            Outcome::ConnectFailed => {
                count_failure(record, policy, now);
                Self::Fail
            }
            Outcome::HardStatus => {
                record.refusals_in_row.0.store(0, Relaxed);
                count_failure(record, policy, now);
                Self::Fail
            }
            Outcome::Broken | Outcome::Malformed => {
                let first = record.error_first_ms.get();
                let limit = policy.error_escalation_time;
                let is_lasting = limit.is_zero() || first != 0 && now.since(Millis(first)) >= limit;
                // One broken connection may be one bad request; a second in a row is the member.
                let is_again = count_failure(record, policy, now) > 0;
                match outcome == Outcome::Broken && (is_lasting || is_again) {
                    true => Self::Fail,
                    false => Self::Doubt,
                }
            }
            Outcome::ReplyTimeout => {
                count_failure(record, policy, now);
                let count = record.reply_timeouts.fetch_add(1, Relaxed).saturating_add(1);
                match count > policy.max_reply_timeouts {
                    true => Self::Fail,
                    false => Self::Doubt,
                }
            }
        }
    }

    /// The state that follows on `state`, for a member whose latest failure was at `failed`.
    pub fn next(
        self,
        record: &MemberRecord,
        state: MemberState,
        failed: u64,
        policy: &Policy,
        others_serve: &impl Fn() -> bool,
        now: Millis,
    ) -> MemberState {
        use MemberState::{Busy, Error, Force, HalfOpen, Idle, Ok, Recover};

        let is_unhealthy = || Health::of(record) == Health::Unhealthy;
        match (self, state) {
            (Self::TakeTrial, Recover) => HalfOpen,
            (Self::ForceTrial, Error) => Force,
            // Only an answer that was asked for after the failure proves that it is over.
            (Self::Prove(started), _) if failed > started.0 => state,
            (Self::Prove(_), Recover | Force | Error | HalfOpen)
                if is_unhealthy() && others_serve() =>
            {
                Error
            }
            (Self::Prove(_), _) => Ok,
            (Self::Refuse { .. }, HalfOpen | Force) => match others_serve() {
                true => Error,
                false => Ok,
            },
            (Self::Refuse { is_enough: true }, Idle | Ok | Busy) if others_serve() => Error,
            (Self::Fail, _) => Error,
            (Self::Doubt, Recover | Force | Busy | Error | HalfOpen) => Error,
            (Self::GiveBack, HalfOpen) => Recover,
            (Self::GiveBack, Force) => Error,
            (Self::Silence, HalfOpen | Force) => Error,
            (Self::Readmit(reason), Error | Force | HalfOpen) => {
                let is_held = match reason {
                    ReadmitReason::Administrator => false,
                    ReadmitReason::Health => state != Error,
                    ReadmitReason::Answered => {
                        (is_unhealthy() || is_refusing(record)) && others_serve()
                    }
                    ReadmitReason::RecoverTime => {
                        now.since(Millis(failed)) <= policy.recover_time
                            // A trial whose request is gone without a word has ended.
                            || state != Error && record.busy.load(Relaxed) > 0
                            || is_unhealthy() && others_serve()
                    }
                };
                if is_held { state } else { Recover }
            }
            (Self::Withdraw, _) if state != Error && others_serve() => Error,
            (Self::Rest, Ok) => Idle,
            _ => state,
        }
    }

    /// Writes what goes with the state `after`, which has been reached.
    pub fn settle(
        self,
        record: &MemberRecord,
        (before, after): (MemberState, MemberState),
        failed: u64,
        is_new: bool,
        policy: &Policy,
        now: Millis,
    ) {
        if policy.alone.is_none() && is_new {
            match (before.is_in_service(), after.is_in_service()) {
                // A trial that failed goes on with the same outage.
                (true, false) if after == MemberState::Error => begin_outage(record, now, now),
                (false, true) => end_outage(record, now),
                _ => {}
            }
        }
        match self {
            // Not if there was a failure since: it is not to be forgotten.
            Self::Prove(started) if failed <= started.0 && after == MemberState::Ok => {
                let last = &record.error_last_ms.0;
                if last.compare_exchange(failed, 0, Relaxed, Relaxed).is_ok() {
                    let in_row = record.failures_in_row.0.swap(0, Relaxed);
                    record.error_first_ms.0.store(0, Relaxed);
                    end_outage(record, now);
                    // A worker without a balancer is in error from its first failure on, which may be one request.
                    let was_out = before == MemberState::Error && in_row > 1
                        || matches!(
                            before,
                            MemberState::Recover | MemberState::HalfOpen | MemberState::Force
                        );
                    if was_out {
                        record.note_return(now);
                    }
                }
            }
            Self::Readmit(reason) if is_new => {
                record.readmitted.0.store(reason as u32, Relaxed);
                record.reply_timeouts.store(0, Relaxed);
                record.recovered_ms.0.store(now.0.max(1), Relaxed);
            }
            Self::Withdraw if is_new => {
                count_failure(record, policy, now);
            }
            _ => {}
        }
    }
}

/// Counts a failure. Returns how many there were in a row before.
fn count_failure(record: &MemberRecord, policy: &Policy, now: Millis) -> u32 {
    let stamp = now.0.max(1);
    record.errors.fetch_add(1, Relaxed);
    // The moment first: a success that is booked meanwhile then leaves the rest alone.
    record.error_last_ms.0.store(stamp, Relaxed);
    let _ = record.error_first_ms.0.compare_exchange(0, stamp, Relaxed, Relaxed);
    let before = record.failures_in_row.get();
    if policy.alone == Some(AloneAttempt::Repetition) && before > 0 {
        return before;
    }
    let before = record.failures_in_row.0.fetch_add(1, Relaxed);
    if policy.alone.is_some() && before.saturating_add(1) == ALONE_OUT_AFTER {
        begin_outage(record, Millis(record.error_first_ms.get().max(1)), now);
    }
    before
}

/// Counts an outage that began at `since`.
fn begin_outage(record: &MemberRecord, since: Millis, now: Millis) {
    record.outages.0.fetch_add(1, Relaxed);
    record.flapping.note(now);
    record.out_ms.0.store(since.0.max(1), Relaxed);
}

/// Adds an outage that is over, if there is one, to the time out of service.
fn end_outage(record: &MemberRecord, now: Millis) {
    if record.out_ms.get() == 0 {
        return;
    }
    let began = record.out_ms.0.swap(0, Relaxed);
    if began != 0 {
        let took = now.since(Millis(began)).as_millis() as u64;
        record.down_ms.0.fetch_add(took, Relaxed);
    }
}

/// Takes the turn to try a member in error, which comes once a second.
fn is_force_due(record: &MemberRecord, now: Millis) -> bool {
    let before = record.forced_ms.get();
    let is_due = before == 0 || now.0.saturating_sub(before) >= FORCE_INTERVAL_MS;
    let turn = &record.forced_ms.0;
    is_due && turn.compare_exchange(before, now.0.max(1), Relaxed, Relaxed).is_ok()
}

/// Time between two trials of a member in error.
const FORCE_INTERVAL_MS: u64 = 1_000;
