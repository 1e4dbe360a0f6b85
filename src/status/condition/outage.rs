//! What took a member or a worker out, since when, and what brings it back.

use std::cmp::Reverse;

use crate::lb::{Activation, Health, MemberState, ReadmitReason};
use crate::messages::FailureDetail;
use crate::status::condition::reason::{Reason, WayBack};
use crate::status::view::{BalancerView, MemberView, Since, WorkerView};

/// Tells whether requests for a member are not served by it. One that may be tried, although nothing has
/// shown that it is better, stays out until a request succeeds.
pub(super) fn is_out(member: &MemberView) -> bool {
    match member.state {
        MemberState::Error | MemberState::Force => true,
        MemberState::Recover | MemberState::HalfOpen => !has_improved(member),
        MemberState::Idle | MemberState::Ok | MemberState::Busy => has_no_address(&member.ajp),
    }
}

/// Tells whether what took a member out was seen to be over.
pub(super) fn has_improved(member: &MemberView) -> bool {
    match member.readmitted {
        Some(ReadmitReason::Answered) => {
            member.ajp.last_failure.is_some_and(FailureDetail::ends_with_cping)
        }
        Some(ReadmitReason::Health) => true,
        Some(ReadmitReason::RecoverTime | ReadmitReason::Administrator) | None => false,
    }
}

pub(super) fn has_no_address(ajp: &WorkerView) -> bool {
    ajp.began.as_ref().is_some_and(|began| began.no_address.is_some())
}

/// Beginning of the outage of one that is out.
pub(super) fn out_since(ajp: &WorkerView) -> Option<Since> {
    // Before the first request that failed by it.
    let no_address = ajp.began.as_ref().and_then(|began| began.no_address.as_ref());
    earliest(no_address.into_iter().chain(&ajp.error_time))
}

/// What took a member out of service.
pub(super) fn cause(member: &MemberView) -> Reason {
    let ajp = &member.ajp;
    if member.health == Some(Health::Unhealthy) {
        return Reason::Unhealthy(member.health_status, member.health_detail);
    }
    if has_no_address(ajp) {
        return Reason::Failed(Some(FailureDetail::NoAddress));
    }
    match ajp.is_refusing {
        true => refusing(ajp),
        false => Reason::Failed(ajp.last_failure),
    }
}

pub(super) fn refusing(ajp: &WorkerView) -> Reason {
    Reason::Refusing(ajp.refusals_in_row, ajp.last_failure)
}

pub(super) fn way_back(member: &MemberView, lb: &BalancerView) -> WayBack {
    match member.state {
        _ if has_no_address(&member.ajp) => return WayBack::Address,
        MemberState::Recover => return WayBack::NextRequest,
        MemberState::HalfOpen | MemberState::Force => return WayBack::RequestNow,
        _ => {}
    }
    let left = member.time_to_recover_min;
    // What is known of a member holds it back only as long as another one serves.
    let others_serve = lb.members.iter().any(|other| {
        other.ajp.name != member.ajp.name
            && other.activation != Activation::Stopped
            && other.state.is_in_service()
            && !other.ajp.is_refusing
    });
    if member.health == Some(Health::Unhealthy) && others_serve {
        return WayBack::HealthCheck;
    }
    let is_let_back = !(member.ajp.is_refusing && others_serve);
    // Probes hold a member back over recover_time if they cannot reach it, or if it has answered CPING
    // before and does not now: without time left, that is why no request has tried it.
    let is_held = left == 0 || member.ajp.last_failure.is_some_and(FailureDetail::is_unreachable);
    match (lb.config.probe && is_let_back, left) {
        (true, _) if !others_serve => WayBack::EverySecond,
        (true, _) if is_held => WayBack::Probe,
        (true, left) => WayBack::ProbeOrRequest(left),
        (false, 0) => WayBack::NextRequest,
        (false, left) => WayBack::Request(left),
    }
}

/// Returns the one that is longest ago.
pub(super) fn earliest<'a>(all: impl Iterator<Item = &'a Since>) -> Option<Since> {
    all.min_by_key(|own| order(own)).cloned()
}

/// Returns the last one.
pub(super) fn latest<'a>(all: impl Iterator<Item = &'a Since>) -> Option<Since> {
    all.max_by_key(|own| order(own)).cloned()
}

/// Orders moments by their second. How long ago they are is no order alone: it is the same number for two that
/// lie less than a second apart, on both sides of a full one.
fn order((moment, ago): &Since) -> (i64, Reverse<i64>) {
    (moment.unix, Reverse(*ago))
}
