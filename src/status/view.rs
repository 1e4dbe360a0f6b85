//! What the page shows: plain values of one moment. The code that reads the live records fills
//! them; nothing here asks for the time.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Ajp13Config, LbConfig, MemberConfig, Value};
use crate::events::LoggedEvent;
use crate::lb::{Activation, Health, MemberState, ReadmitReason};
use crate::messages::FailureDetail;
use crate::metrics::{RecentCounts, Totals};
pub use crate::status::moment::Moment;
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
    /// Where each setting of the one that is shown comes from, by its property.
    pub origins: Vec<(String, String)>,
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
    /// Who made it so, if that is still among the events.
    pub edit: Option<Box<EditView>>,
}

/// Who made a change, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditView {
    /// When.
    pub at: Moment,
    /// The user that httpd has authenticated; empty without one.
    pub user: String,
    /// The client's address.
    pub client: String,
}

impl EditView {
    /// Names who it was.
    pub fn who(&self) -> String {
        match self.user.as_str() {
            "" => self.client.clone(),
            user => format!("{user} at {}", self.client),
        }
    }
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
    /// Of local time from UTC in seconds.
    pub utc_offset: i64,
    /// When httpd was started, in Unix seconds; graceful restarts leave it.
    pub started_at: i64,
    /// How many children there are.
    pub children: usize,
    /// The one that answers.
    pub child: ChildView,
    /// Where the workers were read from.
    pub configuration: ConfigurationView,
}

/// The child process that answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChildView {
    /// Its process id.
    pub pid: u32,
    /// How long it has been running.
    pub uptime: Duration,
}

/// Where the configuration in force was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationView {
    /// Path of the workers file; without one there are only properties of httpd.conf.
    pub workers_file: Option<String>,
    /// When it was read, in Unix seconds; 0 if that is not known.
    pub read_at: i64,
}

impl ServerView {
    /// Spells out a time of the wall clock, in Unix seconds; nothing for 0, which is never.
    pub fn moment(&self, unix: i64) -> Option<Moment> {
        (unix != 0).then(|| Moment::at(unix, self.utc_offset))
    }
}

/// Requests of a worker that wait.
#[derive(Clone, Copy, Debug, Default)]
pub struct WaitingView {
    /// Those in its queue; of a member those with a session there, of a balancer all.
    pub queued: u64,
    /// How long the oldest of them has waited.
    pub longest: Option<Duration>,
    /// Those that wait without a thread, for room or for a response.
    pub parked: u64,
}

/// Threads of httpd that requests of a worker hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadsView {
    /// How many, over all child processes.
    pub held: u64,
    /// Most by `max_threads_share`, if it is set.
    pub allowed: Option<u64>,
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
    pub waits: WaitingView,
    pub threads: ThreadsView,
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
    /// The latest health check.
    pub last_check: Option<CheckView>,
    /// Since when the health check fails.
    pub unhealthy_since: Option<Since>,
    /// Why it may be tried, of one that is out of service.
    pub readmitted: Option<ReadmitReason>,
    /// When its activation was set, unless it is active.
    pub activated_at: Option<Since>,
    /// Sessions begun with another route than the member's since one had its own.
    pub foreign_routes: u32,
}

/// A health check that has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CheckView {
    /// When that was, in Unix seconds.
    pub at: i64,
    /// How long it took.
    pub took_ms: u32,
    /// Whether it passed.
    pub has_passed: bool,
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
    /// Many replies have a status of 500 and more.
    pub erring: Option<Since>,
    /// No reply has begun.
    pub silent: Option<Since>,
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
    /// Most requests in flight, as it is set or was found; `None` for no limit.
    pub limit: Option<u64>,
    pub waits: WaitingView,
    /// Of a member those of all balancers.
    pub threads: ThreadsView,
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
    /// How often it went out of service since httpd began.
    pub outages: u64,
    /// How long it was out of service since httpd began.
    pub downtime: Duration,
    /// What was counted in the last minutes.
    pub recent: RecentCounts,
    /// The same since it was back in service, if that is later.
    pub since_return: Option<CountsSinceReturn>,
    /// Since when what comes and goes is not as it should be; `None` if there is nothing of that kind.
    pub began: Option<Box<Beginnings>>,
    /// Requests that wait for a reply, of one that begins none; 0 of all others.
    pub waiting: u64,
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
