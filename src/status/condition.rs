//! In what condition a member, a worker or a balancer is: one answer for the page, JSON, `jkctl`,
//! mod_status and the metrics, derived from what decides about requests.
//!
//! A condition says what users get. What the administrator wants (activation) and what the balancer
//! has observed (state) are its inputs and are shown beside it.

mod lately;
mod outage;
mod reason;
mod remedy;

use std::time::Duration;

use crate::lb::{ALONE_OUT_AFTER, Activation, Health};
use crate::messages::FailureDetail;
use crate::metrics::HistogramTotals;
use crate::sorting;
use crate::status::condition::lately::{began, of_recent, recent_p95};
use crate::status::condition::outage::{
    cause, earliest, has_no_address, is_out, latest, out_since, refusing, way_back,
};
pub use crate::status::condition::reason::{Reason, WayBack, estimated, spelled};
use crate::status::view::{BalancerView, MemberView, Since, ThreadsView, WaitingView, WorkerView};

/// What users get. The order is that of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Requests for it are not served by it.
    Out,
    /// It serves, and some requests fail or wait.
    Degraded,
    /// It takes no new sessions; those it has come back to it.
    Draining,
    /// It takes no new sessions, and its last one has ended.
    Drained,
    /// It takes no new sessions and has had none.
    Disabled,
    /// It gets no requests, as the administrator wants.
    Stopped,
    /// It serves.
    Serving,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Out,
        Self::Degraded,
        Self::Draining,
        Self::Drained,
        Self::Disabled,
        Self::Stopped,
        Self::Serving,
    ];

    /// Tells whether users notice it.
    pub fn is_trouble(self) -> bool {
        matches!(self, Self::Out | Self::Degraded)
    }

    /// Returns its name in JSON and in the metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::Degraded => "degraded",
            Self::Draining => "draining",
            Self::Drained => "drained",
            Self::Disabled => "disabled",
            Self::Stopped => "stopped",
            Self::Serving => "serving",
        }
    }
}

/// A condition, and what led to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// The condition.
    pub condition: Condition,
    /// Why, the weightiest first; empty for one that serves without anything to say.
    pub reasons: Vec<Reason>,
    /// Beginning of the outage or of the run of failures, and seconds since then.
    pub since: Option<Since>,
    /// What brings a member back that is out.
    pub way_back: Option<WayBack>,
}

impl Assessment {
    /// Returns what is the matter with its replies, of one that serves: no failed request and no change of state
    /// tells the log of that.
    pub fn about_replies(&self) -> Option<Self> {
        let is_so = |own: &&Reason| own.is_about_replies();
        let reasons: Vec<_> = self.reasons.iter().filter(is_so).cloned().collect();
        let is_so = self.condition == Condition::Degraded && !reasons.is_empty();
        is_so.then(|| Self { reasons, ..self.clone() })
    }

    /// Says why, since when and what ends it, in words and without a full stop; nothing for one that
    /// serves without anything to say.
    pub fn text(&self) -> String {
        let mut parts: Vec<String> = self.reasons.iter().map(Reason::text).collect();
        if let Some((at, ago)) = &self.since {
            let ago = spelled(u64::try_from(*ago).unwrap_or(0));
            parts.push(format!("since {} {} ({ago} ago)", at.pretty(), at.tz));
        }
        parts.extend(self.way_back.map(WayBack::text));
        parts.join("; ")
    }
}

/// Assesses a member of a balancer. `others` has the times of the member in the middle of the others, if
/// they are known.
pub fn of_member(
    member: &MemberView,
    lb: &BalancerView,
    others: Option<&HistogramTotals>,
) -> Assessment {
    let ajp = &member.ajp;
    let is_out = is_out(member);
    if member.activation == Activation::Stopped {
        return bare(Condition::Stopped);
    }
    if member.activation == Activation::Disabled && !(is_out && is_in_use(member)) {
        return bare(match (is_in_use(member), member.last_session_ago) {
            (true, _) => Condition::Draining,
            (false, Some(_)) => Condition::Drained,
            (false, None) => Condition::Disabled,
        });
    }
    if is_out {
        return Assessment {
            condition: Condition::Out,
            reasons: vec![cause(member)],
            since: out_since(ajp),
            way_back: Some(way_back(member, lb)),
        };
    }
    let mut reasons = Vec::new();
    if ajp.is_refusing {
        reasons.push(refusing(ajp));
        // One on trial was out: it is not kept, it is about to be proved.
        if member.state.is_in_service() {
            reasons.push(Reason::KeptInService);
        }
    }
    if !member.state.is_in_service() {
        reasons.push(Reason::OnTrial);
    }
    if member.health == Some(Health::Unhealthy) {
        reasons.push(Reason::Unhealthy(member.health_status, member.health_detail));
    }
    reasons.extend(at_limit(ajp));
    reasons.extend(out_of_threads(ajp.threads));
    let recent = of_recent(ajp, others);
    let failed_lately = recent.iter().any(Reason::is_about_failures);
    // One that was unreachable and is tried can be reached again.
    let is_on_trial = !member.state.is_in_service()
        && ajp.last_failure.is_some_and(|latest| !latest.is_unreachable());
    if (failed_lately || is_on_trial) && !ajp.is_refusing {
        reasons.extend(ajp.last_failure.map(Reason::LatestFailure));
    }
    reasons.extend(recent);
    if reasons.is_empty() {
        return Assessment { condition: Condition::Serving, reasons, since: None, way_back: None };
    }
    // What is going on now counts first.
    let ill = member.unhealthy_since.as_ref();
    let since = earliest(ajp.error_time.iter().chain(ill).chain(began(ajp, &reasons)));
    Assessment { condition: Condition::Degraded, reasons, since, way_back: None }
}

/// Assesses a worker that is used directly. It is in no state: each request tries it.
pub fn of_worker(ajp: &WorkerView) -> Assessment {
    let is_out = ajp.is_refusing || ajp.failures_in_row >= ALONE_OUT_AFTER || has_no_address(ajp);
    let mut reasons = Vec::new();
    if ajp.is_refusing {
        reasons.push(refusing(ajp));
    } else if has_no_address(ajp) {
        reasons.push(Reason::Failed(Some(FailureDetail::NoAddress)));
    } else if is_out {
        reasons.push(Reason::Failed(ajp.last_failure));
    }
    reasons.extend(at_limit(ajp));
    reasons.extend(out_of_threads(ajp.threads));
    reasons.extend(queued(&ajp.waits, ajp.config.queue_size));
    let recent = of_recent(ajp, None);
    if !is_out && recent.iter().any(Reason::is_about_failures) {
        reasons.extend(ajp.last_failure.map(Reason::LatestFailure));
    }
    reasons.extend(recent);
    let condition = match (is_out, reasons.is_empty()) {
        (true, _) => Condition::Out,
        (false, false) => Condition::Degraded,
        (false, true) => Condition::Serving,
    };
    let first = ajp.error_time.as_ref().filter(|_| condition == Condition::Degraded);
    let since = match is_out {
        true => out_since(ajp),
        false => earliest(first.into_iter().chain(began(ajp, &reasons))),
    };
    let way_back = is_out.then_some(match has_no_address(ajp) {
        true => WayBack::Address,
        false => WayBack::EveryRequest,
    });
    Assessment { condition, reasons, since, way_back }
}

/// Assesses a balancer whose members are assessed.
pub fn of_assessed(lb: &BalancerView, members: &[(&MemberView, Assessment)]) -> Assessment {
    let active = |own: &&(&MemberView, Assessment)| own.0.activation == Activation::Active;
    let is = |own: &(&MemberView, Assessment), condition| own.1.condition == condition;
    let out = members.iter().filter(active).filter(|own| is(own, Condition::Out)).count();
    let degraded = members.iter().filter(active).filter(|own| is(own, Condition::Degraded)).count();
    let active = members.iter().filter(active).count();
    let takes_new = active > out && !all_refuse(members);
    let mut reasons = Vec::new();
    if !takes_new {
        let count = |wanted| members.iter().filter(|own| own.0.activation == wanted).count();
        reasons.push(Reason::NoNewSessions {
            disabled: count(Activation::Disabled),
            stopped: count(Activation::Stopped),
            out,
            refusing: active - out,
        });
    }
    // What takes no new sessions has said how many are out.
    if degraded > 0 || (takes_new && out > 0) {
        reasons.push(Reason::Members { out, degraded, active });
    }
    reasons.extend(out_of_threads(lb.threads));
    reasons.extend(queued(&lb.waits, lb.config.queue_size));
    let condition = match (takes_new, reasons.is_empty()) {
        (false, _) => Condition::Out,
        (true, true) => Condition::Serving,
        (true, false) => Condition::Degraded,
    };
    // The outage of a balancer begins when the last of its members goes out.
    let since = match condition {
        Condition::Out => {
            // When the last of them was lost to new sessions, by whatever it was.
            let since = members.iter().filter_map(|(member, own)| match member.activation {
                Activation::Active => own.since.as_ref(),
                Activation::Disabled | Activation::Stopped => member.activated_at.as_ref(),
            });
            latest(since)
        }
        Condition::Degraded => {
            let trouble = members.iter().filter(|(_, own)| own.condition.is_trouble());
            earliest(trouble.filter_map(|(_, own)| own.since.as_ref()))
        }
        _ => None,
    };
    Assessment { condition, reasons, since, way_back: None }
}

/// Tells of as many requests in flight as may be.
fn at_limit(ajp: &WorkerView) -> Option<Reason> {
    let limit = ajp.limit.filter(|limit| ajp.busy >= *limit)?;
    Some(match ajp.config.is_adaptive {
        true => Reason::AtAdaptiveLimit(limit),
        false => Reason::AtBusyLimit(limit),
    })
}

/// Tells of as many threads of httpd as its requests may hold.
fn out_of_threads(threads: ThreadsView) -> Option<Reason> {
    let allowed = threads.allowed.filter(|allowed| threads.held >= *allowed)?;
    Some(Reason::OutOfThreads(allowed))
}

/// Tells of requests that wait for room.
fn queued(waiting: &WaitingView, queue_size: u32) -> Option<Reason> {
    let (count, longest) = (waiting.queued, waiting.longest);
    match queue_size {
        // As in httpd's own queue of connections, a moment is nothing to worry about.
        0 if longest.is_none_or(|own| own < WORTH_SAYING) => None,
        0 => Some(Reason::AtThreads(count, longest)),
        _ => (count > 0).then_some(Reason::Queued(count, longest)),
    }
}

/// Assesses each member of a balancer.
pub fn of_members(lb: &BalancerView) -> Vec<(&MemberView, Assessment)> {
    let times = |own: &'_ MemberView| recent_p95(&own.ajp.recent);
    let mut sorted: Vec<(u64, usize)> =
        lb.members.iter().enumerate().filter_map(|(at, own)| Some((times(own)?, at))).collect();
    sorting::by_key(&mut sorted, |own| *own);
    // The middle of all the others: of all but its own.
    let middle = |own: u64| {
        let at = (sorted.len() - 1) / 2;
        let is_before = sorted.partition_point(|(other, _)| *other < own) <= at;
        let (_, place) = sorted.get(at + usize::from(is_before)).filter(|_| sorted.len() > 1)?;
        Some(&lb.members[*place].ajp.recent.first_byte)
    };
    let each = lb.members.iter();
    each.map(|member| {
        let others = times(member).and_then(middle);
        (member, of_member(member, lb, others))
    })
    .collect()
}

/// Tells whether requests are in flight or sessions may come back.
pub fn is_in_use(member: &MemberView) -> bool {
    member.ajp.busy > 0 || member.last_session_ago.is_some_and(|ago| ago < SESSION_TIMEOUT)
}

/// How long a request waits until a place of a thread is free before that is said.
const WORTH_SAYING: Duration = Duration::from_secs(1);

/// Tomcat's usual session timeout in seconds.
pub const SESSION_TIMEOUT: u64 = 30 * 60;

fn bare(condition: Condition) -> Assessment {
    Assessment { condition, reasons: Vec::new(), since: None, way_back: None }
}

fn all_refuse(members: &[(&MemberView, Assessment)]) -> bool {
    let mut serving = members.iter().filter(|(member, own)| {
        member.activation == Activation::Active && own.condition != Condition::Out
    });
    serving.all(|(member, _)| member.ajp.is_refusing)
}

#[cfg(test)]
mod tests;
