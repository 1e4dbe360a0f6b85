//! Books what is seen of a balancer's members, and says in the log what follows from it: an outage once
//! when it begins, once when a request is let try the member, and once when the member is back. What
//! repeats in between, such as trials that fail, is said at level debug.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::{self, Millis};
use crate::events::{EventKind, EventReason};
use crate::lb::{Event, MemberState, Outcome, StateChange, is_refusing};
use crate::log::span;
use crate::messages::MessageCode::{JK401, JK403, JK409, JK410, JK411};
use crate::messages::{FailureDetail, REMEDY_OF_FLAPPING};
use crate::worker::ajp13::rejection::Rejection;
use crate::worker::balancer::members::Lb;
use crate::worker::error::Cause;
use crate::worker::state_events::{self, Standing, Symptom};

impl Lb {
    /// Books an event of a member. Returns the change of state, if this event caused one.
    ///
    /// Every way back into service ends here, so that this is where it is said.
    pub(super) fn report(&self, index: usize, event: Event, now: Millis) -> Option<StateChange> {
        self.report_seen(index, event, Symptom::default(), now)
    }

    /// The same, with what the backend did.
    pub(super) fn report_seen(
        &self,
        index: usize,
        event: Event,
        symptom: Symptom,
        now: Millis,
    ) -> Option<StateChange> {
        let record = self.records[index];
        let before = Standing::of(record);
        let change = self.balancer.report(&self.records, index, event, now);
        let kind = state_events::kind_of(event, change, before, Standing::of(record));
        state_events::keep(self.events, self.subject(index), kind, symptom);
        let change = change?;
        let (lb, member) = (self.name.as_str(), self.members[index].name.as_str());
        if change.is_return() {
            let why = match event {
                Event::Ended { outcome: Outcome::Refused, .. } => "no other member can serve",
                _ => "a request to it succeeded",
            };
            let out = change.failing_since.map(|since| span(now.since(since)));
            let out = out.map(|out| format!("; it was out for {out}")).unwrap_or_default();
            tracing::info!(
                worker = member,
                balancer = lb,
                "{JK403} balancer {lb}: member {member} is back in service: {why}{out}"
            );
        } else if change.after == MemberState::Recover {
            let what = match event {
                Event::ProbeAnswered => "answers CPING",
                Event::Recovered => "was recovered by the administrator",
                Event::RecoverTime => "was out of service for recover_time",
                // A passed health check has a line of its own, JK-407.
                _ => return Some(change),
            };
            let text = format!(
                "{JK411} balancer {lb}: member {member} {what}; the next request tries it, and the member is back in service if the request succeeds"
            );
            match change.was_tried && event != Event::Recovered {
                true => tracing::debug!(worker = member, balancer = lb, "{text}"),
                false => tracing::info!(worker = member, balancer = lb, "{text}"),
            }
        }
        Some(change)
    }

    /// Notes that an election lets a request try a member that is out, as no other one is usable.
    #[cold]
    pub(super) fn forced(&self, index: usize) {
        let forced = Some((EventKind::Forced, EventReason::NoOtherMember));
        state_events::keep(self.events, self.subject(index), forced, Symptom::default());
    }

    /// Counts and keeps that there was no room for a request.
    #[cold]
    pub(super) fn overloaded(&self, cause: &Cause) {
        self.record.unserved.fetch_add(1, Relaxed);
        state_events::keep_overload(self.events, (&self.name, ""), cause);
    }

    fn subject(&self, index: usize) -> (&str, &str) {
        (&self.name, &self.members[index].name)
    }

    /// Books a response that succeeded.
    #[cold]
    pub(super) fn succeeded(&self, index: usize, started: Millis) {
        let event = Event::Ended { outcome: Outcome::Success, started };
        self.report(index, event, clock::now());
    }

    /// Books a failed attempt.
    pub(super) fn failed(&self, index: usize, cause: &Cause, started: Millis) {
        let event = Event::Ended { outcome: cause.outcome(), started };
        let change = self.report_seen(index, event, Symptom::of_failure(cause), clock::now());
        self.note_failure(index, cause.code());
        let Some(change) = change.filter(|change| change.after == MemberState::Error) else {
            return;
        };
        let (lb, member) = (&self.name, &self.members[index]);
        let (name, at) = (member.name.as_str(), member.pool.target().name());
        if !change.is_outage() {
            tracing::debug!(
                worker = name,
                balancer = lb.as_str(),
                "{JK401} balancer {lb}: member {name} at {at} is still in error: {cause}"
            );
            return;
        }
        let detail = cause.detail();
        let is_held = detail.is_some_and(FailureDetail::is_unreachable)
            || member.capabilities.answers_cping();
        let recover_time = span(self.config.recover_time);
        let way_back = match self.config.probe {
            true if detail == Some(FailureDetail::NoAddress) => {
                "it receives no requests until the name has an address and the backend answers CPING"
                    .to_owned()
            }
            true if is_held => "it receives no requests until it answers CPING".to_owned(),
            // It may be one that knows no CPING.
            true => format!(
                "it receives no requests until it answers CPING; one request tries it every {recover_time}"
            ),
            false => format!("it receives no requests; one tries it every {recover_time}"),
        };
        let record = self.records[index];
        let is_again = record.flapping.begun().is_some_and(|first| first.0 < record.out_ms.get());
        let (again, remedy) = match is_again {
            true => (", again within minutes", REMEDY_OF_FLAPPING),
            false => ("", cause.remedy()),
        };
        tracing::warn!(
            worker = name,
            balancer = lb.as_str(),
            "{JK401} balancer {lb}: member {name} at {at} is in error{again}: {cause}; {way_back}; {remedy}"
        );
    }

    /// Books that the connector refused a request.
    #[cold]
    pub(super) fn refused(&self, index: usize, rejection: Rejection, started: Millis) {
        let own = self.records[index];
        let was_refusing = is_refusing(own);
        let event = Event::Ended { outcome: Outcome::Refused, started };
        let symptom = Symptom::of_rejection(rejection);
        let change = self.report_seen(index, event, symptom, clock::now());
        self.note_failure(index, rejection.code());
        let member = &self.members[index];
        let (lb, name, code) = (&self.name, member.name.as_str(), rejection.code());
        let at = member.pool.target().name();
        let count = own.refusals_in_row.get();
        if change.is_some_and(StateChange::is_outage) {
            tracing::warn!(
                worker = name,
                balancer = lb.as_str(),
                "{JK409} balancer {lb}: member {name} at {at} is in error: its connector refused {count} requests in a row ({code}); one request tries it every {}, or as soon as its Tomcat was restarted; {}",
                span(self.config.recover_time),
                rejection.remedy()
            );
        } else if is_refusing(own) && !was_refusing && !change.is_some_and(is_failed_trial) {
            tracing::warn!(
                worker = name,
                balancer = lb.as_str(),
                "{JK410} balancer {lb}: the connector of member {name} at {at} refused {count} requests in a row ({code}), and clients receive the refusals; the member stays in service, because no other member can serve; {}",
                rejection.remedy()
            );
        }
    }

    fn note_failure(&self, index: usize, code: &str) {
        let number = code.trim_start_matches("JK-").parse().unwrap_or(0);
        self.records[index].failure_code.store(number, Relaxed);
    }
}

/// Tells whether a member was out of service and stays out.
fn is_failed_trial(change: StateChange) -> bool {
    change.after == MemberState::Error && !change.is_outage()
}
