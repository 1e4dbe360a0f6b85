//! What the page shows: plain values of one moment. The code that reads the live records fills
//! them; nothing here asks for the time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Ajp13Config, LbConfig, MemberConfig, Value};
use crate::events::LoggedEvent;
use crate::lb::{Activation, Health, MemberState, ReadmitReason};
use crate::messages::FailureDetail;
use crate::metrics::{HistogramTotals, RecentCounts, Totals};
use crate::status::request::{Action, StatusRequest};

/// Everything of one answer.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Who answers, and when.
    pub server: ServerView,
    /// Balancers in the order of `worker.list`.
    pub balancers: Vec<BalancerView>,
    /// ajp13 workers of `worker.list`.
    pub workers: Vec<WorkerView>,
    /// Names of status workers.
    pub others: Vec<String>,
    /// Start-up properties in their order; see [`is_secret`](crate::status::is_secret).
    pub properties: Arc<[(String, String)]>,
    /// Why the last good configuration is in force instead of the file's, if it is.
    pub broken_configuration: Option<String>,
    /// What was changed while httpd runs and differs from the configuration.
    pub runtime_changes: Vec<RuntimeChange>,
    /// Whether every client that can reach the server may view and change workers.
    pub is_unprotected: bool,
    /// What happened lately; see [`StatusRequest::events_since`](crate::status::request::StatusRequest).
    pub events: EventList,
}

/// Events, as far as they were asked for.
#[derive(Clone, Debug, Default)]
pub struct EventList {
    /// The latest last.
    pub events: Vec<LoggedEvent>,
    /// Number of the latest event that there is.
    pub last: u64,
    /// Offset of local time from UTC in seconds.
    pub utc_offset: i64,
}

impl EventList {
    /// Returns the events of what is asked for: all of them, or those of a balancer with its members, of
    /// one member, or of a worker.
    pub fn about(&self, command: &StatusRequest, snapshot: &Snapshot) -> Vec<&LoggedEvent> {
        let is_one = matches!(command.action, Action::Events | Action::Show);
        let wanted = command.worker.as_deref().filter(|_| is_one);
        let Some(wanted) = wanted else { return self.events.iter().collect() };
        let lb = snapshot.balancers.iter().find(|lb| lb.name == wanted);
        let member = command.member.as_deref();
        let is_wanted = |event: &&LoggedEvent| match (&*event.facts.balancer, &*event.facts.worker)
        {
            // A setting of a worker is changed for all its balancers at once.
            ("", worker) => match (lb, member) {
                (None, _) => worker == wanted,
                (Some(_), Some(member)) => worker == member,
                (Some(lb), None) => lb.members.iter().any(|own| own.ajp.name == worker),
            },
            (balancer, worker) => balancer == wanted && member.is_none_or(|own| own == worker),
        };
        self.events.iter().filter(is_wanted).collect()
    }
}

/// A setting that was changed while httpd runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeChange {
    /// The balancer; empty for a setting of an ajp13 worker.
    pub balancer: String,
    /// The member or worker; empty for a setting of a balancer.
    pub worker: String,
    /// The property.
    pub property: &'static str,
    /// What the configuration says.
    pub old: Value,
    /// What is in force.
    pub new: Value,
}

/// A wall clock time as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Unix seconds.
    pub unix: i64,
    /// Local time `YYYYMMDDhhmmss`.
    pub datetime: String,
    /// Offset `+hhmm`.
    pub tz: String,
}

impl Moment {
    /// Spells out a time with the offset of local time from UTC, both in seconds.
    pub fn at(unix: i64, offset: i64) -> Self {
        let local = unix + offset;
        let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        let sign = if offset < 0 { '-' } else { '+' };
        let away = offset.abs() / 60;
        Self {
            unix,
            datetime: format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}"),
            tz: format!("{sign}{:02}{:02}", away / 60, away % 60),
        }
    }
}

impl Moment {
    /// Returns local date and time for people.
    pub fn pretty(&self) -> String {
        let part = |from: usize, to: usize| self.datetime.get(from..to).unwrap_or_default();
        format!("{}-{}-{} {}", part(0, 4), part(4, 6), part(6, 8), self.clock())
    }

    /// Returns the local time of the day for people.
    pub fn clock(&self) -> String {
        let part = |from: usize, to: usize| self.datetime.get(from..to).unwrap_or_default();
        format!("{}:{}:{}", part(8, 10), part(10, 12), part(12, 14))
    }
}

/// Returns year, month and day of a day counted from 1970-01-01 in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the odd day comes last; 400 years are one period.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Who answers.
#[derive(Clone, Debug, Default)]
pub struct ServerView {
    /// Name the request was for.
    pub name: String,
    /// Its port.
    pub port: u16,
    /// httpd's description of itself.
    pub software: String,
    /// `mod_jk/` and our version.
    pub version: String,
    /// Now.
    pub now: Moment,
}

/// A balancer; the fields are named after the keys of the answer.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct BalancerView {
    pub name: String,
    /// Its settings, with what was changed at run time.
    pub config: Arc<LbConfig>,
    pub busy: u64,
    pub max_busy: u64,
    /// Rules of all servers that name this worker.
    pub map_count: u64,
    pub time_to_maintenance_min: u64,
    pub time_to_maintenance_max: u64,
    pub last_reset_at: i64,
    pub last_reset_ago: i64,
    /// Requests no member could be tried for.
    pub unserved: u64,
    pub members: Vec<MemberView>,
    pub rules: Vec<RuleView>,
}

/// What a balancer adds to its ajp13 worker.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct MemberView {
    pub ajp: WorkerView,
    /// What the balancer says of it, with what was changed at run time.
    pub config: Arc<MemberConfig>,
    /// As it is now, which is more than the configuration says.
    pub activation: Activation,
    pub state: MemberState,
    pub lbmult: u64,
    pub lbvalue: u64,
    pub sessions: u64,
    pub time_to_recover_min: u64,
    pub time_to_recover_max: u64,
    /// Sessions it has served in the last half hour, about.
    pub recent_sessions: u64,
    /// Seconds since the latest request that had or began a session.
    pub last_session_ago: Option<u64>,
    /// What the health check says; `None` without one.
    pub health: Option<Health>,
    /// Status of its latest answer; 0 without one.
    pub health_status: u32,
    /// What the latest check without a status met.
    pub health_detail: Option<FailureDetail>,
    /// Since when the health check fails.
    pub unhealthy_since: Option<Since>,
    /// Why it may be tried, of one that is out of service.
    pub readmitted: Option<ReadmitReason>,
    /// When its activation was set, unless it is active.
    pub activated_at: Option<Since>,
    /// Sessions begun with another route than the member's since one had its own.
    pub foreign_routes: u32,
}

/// A moment, and how many seconds ago it was.
pub type Since = (Moment, i64);

/// Since when something is not as it should be, for what comes and goes.
#[derive(Clone, Debug, Default)]
pub struct Beginnings {
    /// The host name has no address.
    pub no_address: Option<Since>,
    /// Attempts fail again and again.
    pub failing: Option<Since>,
    /// It goes out of service again and again.
    pub flapping: Option<Since>,
    /// It reaches its `busy_limit` again and again.
    pub full: Option<Since>,
    /// Replies take long.
    pub slow: Option<Since>,
}

/// What was counted since a worker was back in service.
#[derive(Clone, Copy, Debug)]
pub struct CountsSinceReturn {
    /// Attempts.
    pub attempts: u64,
    /// Those that failed.
    pub failures: u64,
    /// How long that is.
    pub span: Duration,
}

/// An ajp13 worker, alone or as a member; the fields are named after the keys of the answer.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct WorkerView {
    pub name: String,
    /// Its settings, with what was changed at run time.
    pub config: Arc<Ajp13Config>,
    /// `ip:port`, `UnresolvedIP:port`, or `invalid` without a port.
    pub address: String,
    /// Requests sent; `elected` of a member, `used` of a worker alone.
    pub used: u64,
    pub errors: u64,
    pub client_errors: u64,
    pub reply_timeouts: u64,
    pub transferred: u64,
    pub read: u64,
    pub busy: u64,
    pub max_busy: u64,
    pub connected: u64,
    pub max_connected: u64,
    /// Rules that name it; 0 for a member.
    pub map_count: u64,
    pub last_reset_at: i64,
    pub last_reset_ago: i64,
    /// When the run of failures began, and how many seconds ago.
    pub error_time: Option<Since>,
    /// What the latest failure was.
    pub last_failure: Option<FailureDetail>,
    /// When that was, in Unix seconds.
    pub last_failure_at: i64,
    /// Failures without a success between them.
    pub failures_in_row: u32,
    /// What was counted in the last minutes.
    pub recent: RecentCounts,
    /// The same since it was back in service, if that is later.
    pub since_return: Option<CountsSinceReturn>,
    /// Since when what comes and goes is not as it should be; `None` if there is nothing of that kind.
    pub began: Option<Box<Beginnings>>,
    /// Requests in a row that the connector refused.
    pub refusals_in_row: u32,
    /// Whether those are so many that the connector refuses all.
    pub is_refusing: bool,
    /// Idle connections of the child that answers.
    pub idle: u64,
    /// What is counted for [metrics](crate::metrics), since httpd began.
    pub counts: Totals,
    /// Rules; empty for a member.
    pub rules: Vec<RuleView>,
}

/// A mount rule.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct RuleView {
    pub server: String,
    pub uri: String,
    pub is_exact: bool,
    pub is_disabled: bool,
    pub is_exclusion: bool,
    /// `worker definition`, `JkMount`, or `uriworkermap`.
    pub source: String,
    pub reply_timeout: Option<u64>,
    pub sticky_ignore: bool,
    pub stateless: bool,
    pub fail_on_status: String,
    pub active: String,
    pub disabled: String,
    pub stopped: String,
    /// Least status answered with httpd's own error page; 0 for none.
    pub use_server_errors: u32,
}

impl WorkerView {
    /// Returns the address for people: the host and the port where it is not known.
    pub fn shown_address(&self) -> Cow<'_, str> {
        match self.began.as_ref().is_some_and(|began| began.no_address.is_some()) {
            true => format!("{}:{}", self.config.host, self.config.port).into(),
            false => self.address.as_str().into(),
        }
    }

    /// Returns the times to the first byte of the reply, in milliseconds: median, 95 and 99 percent.
    pub fn latency_ms(&self) -> Option<[u64; 3]> {
        percentiles(&self.counts.first_byte)
    }
}

/// Returns median, 95 and 99 percent in milliseconds, rounded up to the next bound of a bucket.
pub fn percentiles(times: &HistogramTotals) -> Option<[u64; 3]> {
    let of = |percent| times.percentile_ms(percent);
    Some([of(50)?, of(95)?, of(99)?])
}

impl RuleView {
    /// Returns its type as the answers spell it.
    pub fn kind(&self) -> String {
        let disabled = if self.is_disabled { "Disabled " } else { "" };
        let exclusion = if self.is_exclusion { "Unmount " } else { "" };
        let kind = if self.is_exact { "Exact" } else { "Wildchar" };
        format!("{disabled}{exclusion}{kind}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local() {
        let cases = [
            (0, 0, "19700101000000", "+0000"),
            (951_782_399, 0, "20000228235959", "+0000"),
            (951_782_400, 0, "20000229000000", "+0000"),
            (1_700_000_000, 3600, "20231114231320", "+0100"),
            (1_700_000_000, -12_600, "20231114184320", "-0330"),
            (4_107_542_399, 0, "21000228235959", "+0000"),
            (4_107_542_400, 0, "21000301000000", "+0000"),
        ];
        for (unix, offset, datetime, tz) in cases {
            let moment = Moment::at(unix, offset);
            assert_eq!((moment.datetime.as_str(), moment.tz.as_str()), (datetime, tz), "{unix}");
        }
    }
}
