//! Which changes of a member become events, and what is kept of them. The log says the same in its
//! own words (`state_log.rs`).

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::events::{EventFacts, EventKind, EventReason, code_number};
use crate::lb::{
    Activation, Event, Health, MemberRecord, MemberState, Outcome, StateChange, is_refusing,
};
use crate::messages::FailureDetail;
use crate::net::NetError;
use crate::shm::EventLog;
use crate::status::condition::SESSION_TIMEOUT;
use crate::worker::ajp13::failure_detail::of_network;
use crate::worker::ajp13::rejection::Rejection;
use crate::worker::error::Cause;
use crate::worker::workers::Workers;

/// What a report may change beside the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    health: Health,
    is_refusing: bool,
    is_in_service: bool,
}

impl Standing {
    pub fn of(record: &MemberRecord) -> Self {
        Self {
            health: Health::of(record),
            is_refusing: is_refusing(record),
            is_in_service: MemberState::of(record).is_in_service(),
        }
    }
}

/// What the backend did: number of the message, and the status it answered with; 0 for neither. And what
/// the failure was, if it was one of the backend.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Symptom {
    code: u16,
    status: u16,
    detail: Option<FailureDetail>,
}

impl Symptom {
    pub fn of_failure(cause: &Cause) -> Self {
        let (code, status) = (code_number(cause.code()), cause.backend_status());
        Self { code, status, detail: cause.detail() }
    }

    pub fn of_rejection(rejection: Rejection) -> Self {
        let (code, status) = (code_number(rejection.code()), rejection.status());
        Self { code, status, detail: Some(rejection.detail()) }
    }

    pub fn of_status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// What a probe or a health check found.
    pub fn of_network(why: &NetError) -> Self {
        Self::of_detail(of_network(why))
    }

    pub fn detail(self) -> Option<FailureDetail> {
        self.detail
    }

    pub fn of_detail(detail: FailureDetail) -> Self {
        Self { code: code_number(detail.code()), status: 0, detail: Some(detail) }
    }
}

/// Keeps what has come of a report about a member, if it is an event.
pub(super) fn keep(
    log: &EventLog,
    (balancer, worker): (&str, &str),
    kind: Option<(EventKind, EventReason)>,
    symptom: Symptom,
) {
    let Some((kind, reason)) = kind else { return };
    let Symptom { code, status, detail } = symptom;
    let facts =
        EventFacts { reason, code, status, detail, ..EventFacts::new(kind, balancer, worker) };
    log.keep(&facts, clock::unix_now().as_millis() as u64);
}

/// Keeps that a balancer, or a worker without one, had no room for a request.
#[cold]
pub(super) fn keep_overload(log: &EventLog, subject: (&str, &str), cause: &Cause) {
    let kind = Some((EventKind::Overloaded, EventReason::Request));
    keep(log, subject, kind, Symptom::of_failure(cause));
}

/// Decides whether a report is an event. A change of state says more than what led to it, so that each
/// report is one event at most.
pub(super) fn kind_of(
    event: Event,
    change: Option<StateChange>,
    before: Standing,
    after: Standing,
) -> Option<(EventKind, EventReason)> {
    if let Some(change) = change {
        let reason = reason_of(event);
        match change.after {
            _ if change.is_outage() => return Some((EventKind::Out, reason)),
            MemberState::Error => return Some((EventKind::TrialFailed, reason)),
            // A trial that its client gave up is followed by another one.
            MemberState::Recover if !matches!(event, Event::Ended { .. }) => {
                return Some((EventKind::Recovering, reason));
            }
            _ if change.is_return() => {
                let is_refused = reason == EventReason::Refusals;
                let reason = if is_refused { EventReason::NoOtherMember } else { reason };
                return Some((EventKind::Back, reason));
            }
            _ => {}
        }
    }
    let stays = match after.is_in_service {
        true => EventReason::NoOtherMember,
        false => EventReason::None,
    };
    let has_answered = matches!(event, Event::Ended { outcome: Outcome::Success, .. });
    match (before, after) {
        _ if before.health != Health::Unhealthy && after.health == Health::Unhealthy => {
            Some((EventKind::Unhealthy, stays))
        }
        _ if before.health == Health::Unhealthy && after.health == Health::Healthy => {
            Some((EventKind::Healthy, EventReason::None))
        }
        _ if !before.is_refusing && after.is_refusing => Some((EventKind::Refusing, stays)),
        // Other events only take back what was held against it.
        _ if before.is_refusing && !after.is_refusing && has_answered => {
            Some((EventKind::RefusingEnded, EventReason::None))
        }
        _ => None,
    }
}

/// Keeps that the last session of a disabled member has ended, for those whose time was up between two
/// looks. Only one process may look.
pub(super) fn keep_drained(workers: &Workers, (before, now): (Millis, Millis)) {
    for lb in workers.balancers() {
        for (index, record) in lb.records.iter().enumerate() {
            if lb.activation(index) == Activation::Disabled
                && record.busy.load(Relaxed) == 0
                && ends_between(record.recent.last().map(Millis), before, now)
            {
                let name = &lb.members[index].name;
                workers.keep_event(&EventFacts::new(EventKind::Drained, &lb.name, name));
            }
        }
    }
}

/// Tells whether sessions, the latest request of which was at `last`, count as ended since `before`.
fn ends_between(last: Option<Millis>, before: Millis, now: Millis) -> bool {
    last.map(|last| last.plus(Duration::from_secs(SESSION_TIMEOUT)))
        .is_some_and(|end| before < end && end <= now)
}

fn reason_of(event: Event) -> EventReason {
    match event {
        Event::Ended { outcome: Outcome::Refused, .. } => EventReason::Refusals,
        Event::Ended { .. } | Event::Elected => EventReason::Request,
        Event::Forced => EventReason::NoOtherMember,
        Event::ProbeAnswered | Event::ProbeFailed => EventReason::Probe,
        Event::RecoverTime => EventReason::RecoverTime,
        Event::HealthPassed | Event::HealthFailed | Event::HealthUnchecked => {
            EventReason::HealthCheck
        }
        Event::Recovered | Event::Reset => EventReason::Administrator,
        Event::Unused => EventReason::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Standing =
        Standing { health: Health::Healthy, is_refusing: false, is_in_service: true };
    const ILL: Standing = Standing { health: Health::Unhealthy, ..WELL };
    const REFUSING: Standing = Standing { is_refusing: true, ..WELL };

    #[test]
    fn changes_of_state_are_events_with_their_reason() {
        use MemberState::{Error, Force, HalfOpen, Idle, Ok, Recover};

        let ended = |outcome| Event::Ended { outcome, started: Millis(1) };
        let (failed, refused) = (ended(Outcome::ConnectFailed), ended(Outcome::Refused));
        let succeeded = ended(Outcome::Success);
        let cases = [
            (failed, Ok, Error, Some((EventKind::Out, EventReason::Request))),
            (refused, Idle, Error, Some((EventKind::Out, EventReason::Refusals))),
            (Event::HealthFailed, Ok, Error, Some((EventKind::Out, EventReason::HealthCheck))),
            (failed, HalfOpen, Error, Some((EventKind::TrialFailed, EventReason::Request))),
            (Event::ProbeFailed, Force, Error, Some((EventKind::TrialFailed, EventReason::Probe))),
            (
                Event::ProbeAnswered,
                Error,
                Recover,
                Some((EventKind::Recovering, EventReason::Probe)),
            ),
            (
                Event::Recovered,
                HalfOpen,
                Recover,
                Some((EventKind::Recovering, EventReason::Administrator)),
            ),
            (ended(Outcome::ClientError), HalfOpen, Recover, None),
            (Event::Elected, Recover, HalfOpen, None),
            (succeeded, HalfOpen, Ok, Some((EventKind::Back, EventReason::Request))),
            (refused, Force, Ok, Some((EventKind::Back, EventReason::NoOtherMember))),
            (succeeded, Idle, Ok, None),
            (Event::Unused, Ok, Idle, None),
            (Event::Reset, Ok, Idle, None),
        ];
        for (event, before, after, expected) in cases {
            let (failing_since, was_tried) = (None, false);
            let change = Some(StateChange { before, after, failing_since, was_tried });
            let own = kind_of(event, change, WELL, WELL);
            assert_eq!(own, expected, "{event:?}: {before:?} to {after:?}");
        }
    }

    #[test]
    fn a_disabled_member_is_drained_once() {
        let end = SESSION_TIMEOUT * 1_000 + 5;
        let looks = (end - 1_600..end + 1_600).step_by(500);
        let count = |last: Option<u64>| {
            let ends = |now: &u64| ends_between(last.map(Millis), Millis(now - 500), Millis(*now));
            looks.clone().filter(ends).count()
        };
        assert_eq!(
            [count(Some(5)), count(Some(6)), count(Some(1_000_000)), count(None)],
            [1, 1, 0, 0]
        );
    }

    #[test]
    fn health_and_refusals_are_events_where_the_state_stays() {
        let success = Event::Ended { outcome: Outcome::Success, started: Millis(1) };
        let refused = Event::Ended { outcome: Outcome::Refused, started: Millis(1) };
        let unchecked = Standing { health: Health::Unknown, ..WELL };
        let (out, none) = (Standing { is_in_service: false, ..ILL }, EventReason::None);
        let stays = EventReason::NoOtherMember;
        let cases = [
            (Event::HealthFailed, WELL, ILL, Some((EventKind::Unhealthy, stays))),
            (Event::HealthFailed, unchecked, out, Some((EventKind::Unhealthy, none))),
            (Event::HealthFailed, ILL, ILL, None),
            (Event::HealthPassed, ILL, WELL, Some((EventKind::Healthy, none))),
            (Event::HealthPassed, unchecked, WELL, None),
            (Event::HealthUnchecked, ILL, unchecked, None),
            (refused, WELL, REFUSING, Some((EventKind::Refusing, stays))),
            (refused, REFUSING, REFUSING, None),
            (success, REFUSING, WELL, Some((EventKind::RefusingEnded, none))),
            (Event::ProbeFailed, REFUSING, WELL, None),
            (Event::Recovered, REFUSING, WELL, None),
            (success, WELL, WELL, None),
        ];
        for (event, before, after, expected) in cases {
            assert_eq!(kind_of(event, None, before, after), expected, "{event:?}: {before:?}");
        }
    }
}
