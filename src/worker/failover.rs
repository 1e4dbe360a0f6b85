//! What becomes of a request after a failed attempt: another member, a pause, or the end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::Downstream;
use super::balancer::Lb;
use super::failure::{Cause, Failure, Uncommitted};
use super::report::Attempted;
use super::upload::Upload;
use crate::clock::{self, Millis};
use crate::lb::recovery::{Attempt, Stage, may_resend};
use crate::lb::{Election, MemberState, Outcome, Refusal, budget};

/// The attempts of one request so far.
#[derive(Debug)]
pub struct Attempts {
    begun: Millis,
    /// Members that are not tried again.
    pub tried: Vec<usize>,
    /// Attempts so far.
    pub count: usize,
    /// Deliveries that may have been executed.
    deliveries: u32,
    round: u32,
    /// Whether it has waited for room at its session's member.
    has_waited: bool,
    /// Members tried and why they failed.
    failures: Vec<(usize, Failure)>,
}

impl Attempts {
    /// Begins.
    pub fn new(begun: Millis) -> Self {
        Self {
            begun,
            tried: Vec::new(),
            count: 0,
            deliveries: 0,
            round: 1,
            has_waited: false,
            failures: Vec::new(),
        }
    }

    /// Decides after a failed attempt. Returns how the request ends if it does.
    pub fn failed<D: Downstream>(
        &mut self,
        lb: &Lb,
        election: &Election,
        failure: Failure,
        downstream: &mut D,
        upload: &Upload,
    ) -> Option<Result<(), u16>> {
        let member = election.member;
        let worker = &lb.members[member];
        let attempted = Attempted { balancer: Some(&lb.name), worker, begun: self.begun };
        let Failure::Uncommitted(Uncommitted { cause, stage }) = &failure else {
            return Some(attempted.give_up(downstream, &failure));
        };
        let was_delivered = *stage == Stage::Sent;
        self.deliveries += u32::from(was_delivered);
        let attempt = Attempt {
            stage: *stage,
            method: downstream.method(),
            options: worker.config.recovery_options,
            is_body_gone: upload.is_gone(),
            deliveries: self.deliveries,
        };
        let is_client = matches!(cause, Cause::Client(_) | Cause::Encode(_));
        let may_go_on = !is_client
            && may_resend(&attempt)
            && !self.is_late(lb)
            && (!was_delivered || budget::spend(lb.record, lb.config.retry_budget));
        if !may_go_on {
            return Some(attempted.give_up(downstream, &failure));
        }
        if election.is_sticky && matches!(cause, Cause::Busy) && !self.has_waited {
            // The session would be lost anywhere else, and there may be room in a moment.
            self.has_waited = true;
            if has_room_soon(lb, member) {
                return None;
            }
        }
        attempted.log_repeat(downstream, cause, "another member is tried");
        self.tried.push(member);
        self.failures.push((member, failure));
        None
    }

    /// Decides when no member is left to try. Returns how the request ends, unless it goes on after
    /// a pause.
    pub fn refused<D: Downstream>(
        &mut self,
        lb: &Lb,
        refusal: Refusal,
        downstream: &mut D,
    ) -> Option<Result<(), u16>> {
        if self.round < lb.config.retries && self.is_worth_a_pause(lb, refusal) && !self.is_late(lb)
        {
            self.round += 1;
            pause(lb.config.retry_interval);
            // Whoever had no room may have some now. Everybody else has had his chance.
            let failures = &self.failures;
            self.tried
                .retain(|member| !failures.iter().any(|(own, f)| own == member && is_full(f)));
            return None;
        }
        let status = self.failures.last().map_or(503, |(_, f)| f.cause().http_status());
        if self.failures.is_empty() {
            lb.record.unserved.fetch_add(1, Relaxed);
        }
        downstream.retry_after(RETRY_AFTER);
        self.explain(lb, refusal, downstream, status);
        Some(Err(status))
    }

    fn is_late(&self, lb: &Lb) -> bool {
        lb.config.failover_timeout.is_some_and(|limit| clock::now().since(self.begun) >= limit)
    }

    /// Tells whether a moment can change anything: somebody had no room, or is on trial.
    fn is_worth_a_pause(&self, lb: &Lb, refusal: Refusal) -> bool {
        let is_trial = |state| matches!(state, MemberState::Probe | MemberState::Force);
        self.failures.iter().any(|(_, failure)| is_full(failure))
            || refusal == Refusal::NoMember
                && lb.records.iter().any(|record| is_trial(MemberState::of(record)))
    }

    /// Names every member and why it did not serve the request.
    fn explain<D: Downstream>(&self, lb: &Lb, refusal: Refusal, downstream: &D, status: u16) {
        let now = clock::now();
        let members = lb.balancer.members.iter().zip(&lb.records).enumerate();
        let members = members.map(|(place, (member, record))| {
            let (activation, state) = (lb.activation(place).code(), lb.state(place).code());
            let mut text = format!("{} {activation} {state}", member.name);
            if let Some((_, failure)) = self.failures.iter().rev().find(|(own, _)| *own == place) {
                text += &format!(", {}: {}", failure.cause().code(), failure.cause());
            } else if let last @ 1.. = record.error_last_ms.load(Relaxed) {
                let since = now.since(Millis(last)).as_secs();
                text += &match record.failure_code.load(Relaxed) {
                    0 => format!(", last failure {since} s ago"),
                    code => format!(", last failure JK-{code} {since} s ago"),
                };
            }
            text
        });
        let members: Vec<_> = members.collect();
        let why = match refusal {
            Refusal::NoMember => "no member is usable",
            Refusal::StickyForced => {
                "the session's member is not usable and sticky_session_force is set"
            }
        };
        tracing::error!(
            worker = lb.name.as_str(),
            "JK-402 balancer {}: {}: {why} ({}), after {} ms; answered {status}",
            lb.name,
            downstream.label(),
            members.join("; "),
            now.since(self.begun).as_millis()
        );
    }
}

/// Tells whether a member only had no room.
fn is_full(failure: &Failure) -> bool {
    matches!(failure, Failure::Uncommitted(Uncommitted { stage: Stage::NotSent, cause })
        if cause.outcome() == Outcome::OwnFault)
}

/// Waits as long as a request waits for a connection. Returns whether the member has room then.
fn has_room_soon(lb: &Lb, member: usize) -> bool {
    let limit = lb.members[member].config.connection_acquire_timeout;
    let begun = clock::now();
    while clock::now().since(begun) < limit {
        pause(LOOK_AGAIN);
        if !lb.is_full(member) {
            return true;
        }
    }
    false
}

fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

/// How often a request that waits for room looks whether there is some.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Seconds after which a client may try again: members in error are asked every half second.
const RETRY_AFTER: u32 = 2;
