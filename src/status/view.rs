//! What the page shows: plain values of one moment. Whoever joins them to the live records fills
//! them; nothing here asks for the time.

use crate::lb::{Activation, MemberState, Method};

/// Everything of one answer.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Who answers, and when.
    pub server: Server,
    /// Balancers in the order of `worker.list`.
    pub balancers: Vec<Balancer>,
    /// ajp13 workers of `worker.list`.
    pub workers: Vec<Ajp>,
    /// Start-up properties in their order; see [`is_secret`](super::is_secret).
    pub properties: Vec<(String, String)>,
    /// Why the last good configuration is in force instead of the file's, if it is.
    pub broken_configuration: Option<String>,
}

/// A wall clock time as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Unix seconds.
    pub unix: i64,
    /// Local time `YYYYMMDDhhmmss`.
    pub datetime: String,
    /// Offset `+hhmm`.
    pub tz: String,
}

/// Who answers.
#[derive(Clone, Debug, Default)]
pub struct Server {
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
pub struct Balancer {
    pub name: String,
    pub sticky_session: bool,
    pub sticky_session_force: bool,
    pub retries: u32,
    pub retry_interval_ms: u64,
    pub recover_time: u64,
    pub error_escalation_time: u64,
    pub max_reply_timeouts: u32,
    pub method: Method,
    /// `Optimistic` or `Pessimistic`: shown, without effect.
    pub is_pessimistic: bool,
    pub busy: u64,
    pub max_busy: u64,
    /// Rules of all servers that name this worker.
    pub map_count: u64,
    pub time_to_maintenance_min: u64,
    pub time_to_maintenance_max: u64,
    pub last_reset_at: i64,
    pub last_reset_ago: i64,
    pub members: Vec<Member>,
    pub rules: Vec<Rule>,
}

/// What a balancer adds to its ajp13 worker.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Member {
    pub ajp: Ajp,
    pub activation: Activation,
    pub lbfactor: u32,
    pub route: String,
    pub redirect: String,
    pub domain: String,
    pub distance: i32,
    pub state: MemberState,
    pub lbmult: u64,
    pub lbvalue: u64,
    pub sessions: u64,
    pub time_to_recover_min: u64,
    pub time_to_recover_max: u64,
}

/// An ajp13 worker, alone or as a member; the fields are named after the keys of the answer.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Ajp {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// `ip:port`, `UnresolvedIP:port`, or `invalid` without a port.
    pub address: String,
    /// Local address, if one is set.
    pub source: Option<String>,
    pub connection_pool_timeout: u64,
    pub ping_timeout: u64,
    pub connect_timeout: u64,
    pub prepost_timeout: u64,
    pub reply_timeout: u64,
    pub retries: u32,
    pub retry_interval_ms: u64,
    pub connection_ping_interval: u64,
    pub recovery_options: u32,
    pub busy_limit: u32,
    pub max_packet_size: u64,
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
    pub error_time: Option<(Moment, i64)>,
    /// Idle connections of the child that answers.
    pub idle: u64,
    /// Most connections of a child; `None` without a limit.
    pub pool_size: Option<u64>,
    /// Times to the first byte of the reply, in milliseconds: median, 95 and 99 percent.
    pub latency_ms: Option<[u64; 3]>,
    /// Rules; empty for a member.
    pub rules: Vec<Rule>,
}

/// A mount rule.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct Rule {
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

impl Rule {
    /// Returns its type as the answers spell it.
    pub fn kind(&self) -> String {
        let disabled = if self.is_disabled { "Disabled " } else { "" };
        let exclusion = if self.is_exclusion { "Unmount " } else { "" };
        let kind = if self.is_exact { "Exact" } else { "Wildchar" };
        format!("{disabled}{exclusion}{kind}")
    }
}

/// Returns a method's name in the answers.
pub fn method_name(method: Method) -> &'static str {
    match method {
        Method::Busyness => "Busyness",
        Method::Next => "Next",
        Method::Request => "Request",
        Method::Session => "Sessions",
        Method::Traffic => "Traffic",
    }
}
