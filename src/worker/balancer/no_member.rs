//! Says why no member of a balancer serves a request.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::{self, Millis};
use crate::lb::{Activation, MemberState, NoMember};
use crate::log::span;
use crate::messages::MessageCode::JK402;
use crate::worker::Downstream;
use crate::worker::balancer::failover::MemberSelection;
use crate::worker::error::Cause;
use crate::worker::error_log::{log_refusal_of, subject};

impl MemberSelection<'_> {
    /// Names every member and why it did not serve the request, which is answered `status`.
    #[cold]
    pub(super) fn explain<D: Downstream>(&self, refusal: NoMember, downstream: &D, status: u16) {
        let (lb, now) = (self.lb, clock::now());
        let (name, request) = (lb.name.as_str(), downstream.label());
        let why = match refusal {
            NoMember::NoMember | NoMember::NoRoom => "no member can serve the request",
            NoMember::StickyForced => {
                "the member of its session cannot serve the request, and sticky_session_force forbids another one"
            }
        };
        let cause = format!("{why} ({})", self.members(now));
        let ms = now.since(self.begun).as_millis() as u64;
        tracing::error!(
            worker = name,
            balancer = name,
            request,
            cause,
            status,
            ms,
            "{JK402} balancer {name}: {request}: {cause}, after {ms} ms; answered {status}; {}",
            self.remedy(refusal)
        );
    }

    /// Says why the request has waited in vain, or could not wait. Returns the status to answer with.
    #[cold]
    pub(super) fn explain_waiting<D: Downstream>(&self, cause: &Cause, downstream: &D) -> u16 {
        let (lb, now) = (self.lb, clock::now());
        let own = self.session_member().filter(|_| lb.config.sticky_session_force);
        let (more, remedy) = match own {
            Some(index) => (
                format!(
                    " ({}; it has the session, and sticky_session_force forbids another member)",
                    self.member(index, now)
                ),
                "find out why that member is slow, or raise its busy_limit if it can take more",
            ),
            None => (format!(" ({})", self.members(now)), cause.remedy()),
        };
        let subject = subject(&lb.name, "");
        log_refusal_of(downstream, &subject, &lb.name, (cause, &more, remedy), self.begun)
    }

    /// Says of each member why it did not serve the request.
    fn members(&self, now: Millis) -> String {
        let all = (0..self.lb.members.len()).map(|index| self.member(index, now));
        all.collect::<Vec<_>>().join("; ")
    }

    /// Says of one member why it did not serve the request.
    fn member(&self, index: usize, now: Millis) -> String {
        let (lb, record) = (self.lb, self.lb.records[index]);
        let state = match lb.state(index) {
            _ if self.is_out_of_threads(&index) => "at its max_threads_share",
            _ if self.is_full(index) || lb.is_full(index) => {
                match lb.members[index].adaptive_most() {
                    Some(_) => "at its adaptive limit",
                    None => "at its busy_limit",
                }
            }
            MemberState::Idle | MemberState::Ok | MemberState::Busy => "in service",
            MemberState::Error => "in error",
            MemberState::Recover | MemberState::Force | MemberState::HalfOpen => "on trial",
        };
        let state = match lb.activation(index) {
            Activation::Active => state.to_owned(),
            Activation::Disabled if state == "in service" => "disabled".to_owned(),
            Activation::Disabled => format!("disabled and {state}"),
            Activation::Stopped => "stopped".to_owned(),
        };
        let last = record.error_last_ms.get();
        let why = match (self.cause(index), record.failure_code.load(Relaxed)) {
            (Some(Cause::Busy | Cause::Overloaded | Cause::ThreadShare), _) => String::new(),
            (Some(cause), _) => format!(", {}: {cause}", cause.code()),
            (None, code @ 1..) if last > 0 => {
                format!(", JK-{code} {} ago", span(now.since(Millis(last))))
            }
            (None, _) => String::new(),
        };
        format!("{} is {state}{why}", lb.members[index].name)
    }

    /// Returns why the request failed at a member, if it was tried.
    fn cause(&self, index: usize) -> Option<&Cause> {
        let failed = self.failures.iter().rev().find(|(own, _)| *own == index);
        failed.map(|(_, failure)| failure.cause())
    }

    fn is_full(&self, index: usize) -> bool {
        self.lb.state(index) == MemberState::Busy
            || matches!(self.cause(index), Some(Cause::Busy | Cause::Overloaded))
    }

    fn is_out_of_threads(&self, index: &usize) -> bool {
        matches!(self.cause(*index), Some(Cause::ThreadShare))
    }

    fn remedy(&self, refusal: NoMember) -> &'static str {
        let lb = self.lb;
        if refusal == NoMember::StickyForced {
            return "its requests succeed when that member is back: see the cause in this line or in its JK-401 line";
        }
        let is_active = |index: &usize| lb.activation(*index) == Activation::Active;
        let mut active = (0..lb.members.len()).filter(is_active).peekable();
        if (0..lb.members.len()).any(|index| self.is_out_of_threads(&index)) {
            return Cause::ThreadShare.remedy();
        }
        if active.peek().is_none() {
            return "activate a member on the status page or with jkctl";
        }
        match active.all(|index| self.is_full(index)) {
            true => "raise busy_limit, or add members",
            false => {
                "members return by themselves when their backends answer: see the causes in this line and in the JK-401 lines"
            }
        }
    }
}
