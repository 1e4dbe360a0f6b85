//! In what condition a member, a worker or a balancer is: one answer for the page, JSON, `jkctl`,
//! mod_status and the metrics, derived from what decides about requests.
//!
//! A condition says what users get. What the administrator wants (activation) and what the balancer
//! has observed (state) are its inputs and are shown beside it.

mod reason;
mod remedy;

use crate::lb::{Activation, Health, MemberState};
use crate::messages::FailureDetail;
use crate::metrics::{HistogramTotals, RecentCounts};
pub use crate::status::condition::reason::{Reason, WayBack, estimated, spelled};
use crate::status::view::{BalancerView, MemberView, Moment, WorkerView};

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
    pub since: Option<(Moment, i64)>,
    /// What brings a member back that is out.
    pub way_back: Option<WayBack>,
}

impl Assessment {
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
    let is_in_error = member.state == MemberState::Error;
    if member.activation == Activation::Stopped {
        return bare(Condition::Stopped);
    }
    if member.activation == Activation::Disabled && !(is_in_error && is_in_use(member)) {
        return bare(match (is_in_use(member), member.last_session_ago) {
            (true, _) => Condition::Draining,
            (false, Some(_)) => Condition::Drained,
            (false, None) => Condition::Disabled,
        });
    }
    if is_in_error {
        return Assessment {
            condition: Condition::Out,
            reasons: vec![cause(member)],
            since: ajp.error_time.clone(),
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
        reasons.push(Reason::Unhealthy(member.health_status));
    }
    if let Some(limit) = ajp.config.busy_limit.get().map(u64::from)
        && ajp.busy >= limit
    {
        reasons.push(Reason::AtBusyLimit(limit));
    }
    let recent = of_recent(&ajp.recent, others);
    let failed_lately = recent.iter().any(Reason::is_about_failures);
    // One that was unreachable and is tried can be reached again.
    let is_on_trial = !member.state.is_in_service()
        && ajp.last_failure.is_some_and(|latest| !latest.is_unreachable());
    if (failed_lately || is_on_trial) && !ajp.is_refusing {
        reasons.extend(ajp.last_failure.map(Reason::LatestFailure));
    }
    reasons.extend(recent);
    let condition = if reasons.is_empty() { Condition::Serving } else { Condition::Degraded };
    let since = ajp.error_time.clone().filter(|_| condition == Condition::Degraded);
    Assessment { condition, reasons, since, way_back: None }
}

/// Assesses a worker that is used directly. It is in no state: each request tries it.
pub fn of_worker(ajp: &WorkerView) -> Assessment {
    let is_out = ajp.is_refusing || ajp.failures_in_row >= OUT_AFTER;
    let mut reasons = Vec::new();
    if ajp.is_refusing {
        reasons.push(refusing(ajp));
    } else if is_out {
        reasons.push(Reason::Failed(ajp.last_failure));
    }
    let recent = of_recent(&ajp.recent, None);
    if !is_out && recent.iter().any(Reason::is_about_failures) {
        reasons.extend(ajp.last_failure.map(Reason::LatestFailure));
    }
    reasons.extend(recent);
    let condition = match (is_out, reasons.is_empty()) {
        (true, _) => Condition::Out,
        (false, false) => Condition::Degraded,
        (false, true) => Condition::Serving,
    };
    Assessment {
        condition,
        reasons,
        since: ajp.error_time.clone().filter(|_| condition != Condition::Serving),
        way_back: is_out.then_some(WayBack::EveryRequest),
    }
}

/// Assesses a balancer whose members are assessed.
pub fn of_assessed(members: &[(&MemberView, Assessment)]) -> Assessment {
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
    if out + degraded > 0 {
        reasons.push(Reason::Members { out, degraded, active });
    }
    let condition = match (takes_new, out + degraded) {
        (false, _) => Condition::Out,
        (true, 0) => Condition::Serving,
        (true, _) => Condition::Degraded,
    };
    // The outage of a balancer begins when the last of its members goes out.
    let times =
        members.iter().filter(|own| is(own, Condition::Out) || is(own, Condition::Degraded));
    let since = times.filter_map(|own| own.1.since.clone());
    let since = match condition {
        Condition::Out => since.min_by_key(|(_, ago)| *ago),
        Condition::Degraded => since.max_by_key(|(_, ago)| *ago),
        _ => None,
    };
    Assessment { condition, reasons, since, way_back: None }
}

/// Assesses each member of a balancer.
pub fn of_members(lb: &BalancerView) -> Vec<(&MemberView, Assessment)> {
    let times = |own: &'_ MemberView| recent_p95(&own.ajp.recent);
    let mut sorted: Vec<(u64, usize)> =
        lb.members.iter().enumerate().filter_map(|(at, own)| Some((times(own)?, at))).collect();
    sorted.sort_unstable();
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

/// What took a member out of service.
fn cause(member: &MemberView) -> Reason {
    let ajp = &member.ajp;
    if member.health == Some(Health::Unhealthy) {
        return Reason::Unhealthy(member.health_status);
    }
    match ajp.is_refusing {
        true => refusing(ajp),
        false => Reason::Failed(ajp.last_failure),
    }
}

fn refusing(ajp: &WorkerView) -> Reason {
    Reason::Refusing(ajp.refusals_in_row, ajp.last_failure)
}

fn way_back(member: &MemberView, lb: &BalancerView) -> WayBack {
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

/// What recent requests say of one that serves.
fn of_recent(recent: &RecentCounts, others: Option<&HistogramTotals>) -> Vec<Reason> {
    let RecentCounts { span, attempts, failures, outages, .. } = *recent;
    let mut reasons = Vec::new();
    if outages >= FLAPPING {
        reasons.push(Reason::Flapping { times: outages, span });
    }
    if failures >= FEWEST_FAILURES
        && failures.saturating_mul(100) >= attempts.saturating_mul(FAILING_PERCENT)
    {
        reasons.push(Reason::Failing { failed: failures, attempts, span });
    }
    if let Some(p95_ms) = recent_p95(recent) {
        let is_slower = others
            .and_then(|own| own.percentile_ms(95))
            .is_some_and(|others| p95_ms >= others.max(MUCH_MS / SLOWER).saturating_mul(SLOWER));
        if is_slower || p95_ms >= TOO_LONG_MS {
            let p95 = |own: &HistogramTotals| own.estimate(95);
            reasons
                .push(Reason::Slow { p95: p95(&recent.first_byte), others: others.and_then(p95) });
        }
    }
    reasons
}

/// Returns the bound below which 95 of 100 replies began, which comparisons go by.
fn recent_p95(recent: &RecentCounts) -> Option<u64> {
    let count: u64 = recent.first_byte.buckets.iter().sum();
    (count >= FEWEST_TIMES).then(|| recent.first_byte.percentile_ms(95))?
}

/// Failures in a row after which a worker without a balancer counts as out: one may be one request.
const OUT_AFTER: u32 = 2;

/// Outages within the span that make a member one that flaps.
const FLAPPING: u64 = 2;

/// A share of failures says something only from this many on.
const FEWEST_FAILURES: u64 = 3;

/// Share of failed attempts from which on users notice.
const FAILING_PERCENT: u64 = 5;

/// Replies from which on a percentile says something.
const FEWEST_TIMES: u64 = 20;

/// So many times slower than the other members is slow, if it is also [`MUCH_MS`].
const SLOWER: u64 = 4;

/// What users notice, in milliseconds.
const MUCH_MS: u64 = 1_000;

/// What is too long whatever the other members need, in milliseconds.
const TOO_LONG_MS: u64 = 10_000;

#[cfg(test)]
mod tests;
