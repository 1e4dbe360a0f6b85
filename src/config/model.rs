//! Workers as configured: what the properties of a file come to.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::error::Origin;
use crate::config::limit::Limit;
use crate::config::properties::Properties;
use crate::health::HealthCheck;
use crate::lb::{Activation, Method};
use crate::text;

/// All workers of a configuration.
#[derive(Clone, Debug, Default)]
pub struct WorkersConfig {
    /// Names that mounts may use.
    pub list: Vec<String>,
    /// The listed workers and the members of balancers, by name.
    pub workers: BTreeMap<String, WorkerConfig>,
    /// `worker.maintain`, the interval of decay and idle closing; `None` for never.
    pub maintain: Option<Duration>,
    /// Whether it is set at all.
    pub has_maintain: bool,
    /// All properties with their values, in the order of the file.
    pub properties: Vec<(String, String)>,
    /// The lines that they come from.
    pub lines: Arc<Properties>,
    /// Patterns of `worker.<name>.mount`, with the worker's name.
    pub mounts: Vec<(String, String, Origin)>,
}

impl WorkersConfig {
    /// Returns the interval of maintenance under `JkWatchdogInterval`, in seconds; `None` for never.
    ///
    /// Each of the two counts alone where the other one is not set; of both the longer one, as
    /// `worker.maintain` is the shortest time between two rounds.
    pub fn interval(&self, watchdog: Option<u32>) -> Option<Duration> {
        let watchdog = watchdog.filter(|seconds| *seconds > 0);
        let Some(watchdog) = watchdog.map(|seconds| Duration::from_secs(seconds.into())) else {
            return self.maintain;
        };
        match self.has_maintain {
            true => self.maintain.map(|own| own.max(watchdog)),
            false => Some(watchdog),
        }
    }
}

/// One worker.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: WorkerKind,
}

impl WorkerConfig {
    /// Tells whether requests that find no room wait in a queue.
    pub fn has_queue(&self) -> bool {
        match &self.kind {
            WorkerKind::Ajp13(ajp) => ajp.queue_size > 0,
            WorkerKind::Lb(lb) => lb.queue_size > 0,
            WorkerKind::Status(_) => false,
        }
    }
}

/// What a worker is.
#[derive(Clone, Debug)]
pub enum WorkerKind {
    /// Forwards to one backend.
    Ajp13(Box<Ajp13Config>),
    /// Chooses among others.
    Lb(Box<LbConfig>),
    /// Shows the others.
    Status(StatusConfig),
}

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Box<[u8]>);

impl Secret {
    /// Takes the value of a property.
    pub fn new(value: &str) -> Self {
        Self(text::raw(value).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Settings of an ajp13 worker; see `rows/properties.rs` for their meaning.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after their properties
pub struct Ajp13Config {
    pub host: String,
    pub port: u16,
    pub source: Option<String>,
    pub prefer_ipv6: bool,
    pub socket_timeout: Limit<Duration>,
    pub socket_connect_timeout: Duration,
    pub socket_keepalive: bool,
    pub socket_buffer: Limit<usize>,
    pub ping_mode: String,
    pub ping_timeout: Duration,
    /// Idle time after which a connection is pinged.
    pub connection_ping_interval: Limit<Duration>,
    /// Whether a silent backend is asked if it is still at work on the response.
    pub response_probe: bool,
    /// Whether requests that the connector refuses are told from an application's answers.
    pub refusal_detection: bool,
    /// Idle time after which a connection is pinged before a request that must not be sent twice.
    pub idle_guard: Option<Duration>,
    /// Bytes of a request's body that are kept for a second backend.
    pub replay_size: usize,
    /// Wait for the ping after connecting, if there is one.
    pub connect_timeout: Limit<Duration>,
    /// Wait for the ping before each request, if there is one.
    pub prepost_timeout: Limit<Duration>,
    pub reply_timeout: Limit<Duration>,
    pub connection_pool_size: Option<usize>,
    pub connection_pool_minsize: usize,
    pub connection_pool_timeout: Limit<Duration>,
    pub connection_acquire_timeout: Duration,
    pub retries: u32,
    pub retry_interval: Duration,
    /// `None` if unset, which is the safe rule.
    pub recovery_options: Option<u32>,
    pub fail_on_status: Vec<i32>,
    pub busy_limit: Limit<u32>,
    /// Whether the limit is found from the times of answers; `busy_limit` is the highest then.
    pub is_adaptive: bool,
    pub queue_size: u32,
    /// How long a request waits for room and for a connection.
    pub queue_timeout: Duration,
    /// Per cent of httpd's threads that it may hold at once; 0 for any number.
    pub max_threads_share: u32,
    pub max_packet_size: usize,
    pub secret: Option<Secret>,
    /// Differs when the secret does; the secret cannot be derived from it.
    pub secret_mark: u64,
}

impl Ajp13Config {
    /// Tells whether it has a limit of requests in flight, be it set or found.
    pub fn is_limited(&self) -> bool {
        self.is_adaptive || self.busy_limit.get().is_some()
    }
}

/// Settings of a balancer.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after their properties
pub struct LbConfig {
    pub members: Vec<Arc<MemberConfig>>,
    pub member_names: Vec<String>,
    pub method: Method,
    pub sticky_session: bool,
    pub sticky_session_force: bool,
    pub retries: u32,
    pub retry_interval: Duration,
    pub recover_time: Duration,
    /// Whether members in error are probed.
    pub probe: bool,
    pub health_check: Option<HealthCheck>,
    pub error_escalation_time: Duration,
    pub max_reply_timeouts: u32,
    /// Shown by the status worker, and without effect: nothing is locked.
    pub is_pessimistic: bool,
    pub session_cookie: String,
    pub session_path: String,
    pub set_session_cookie: bool,
    pub session_cookie_path: String,
    /// Which requests from other sites carry that cookie, if that is said.
    pub session_cookie_samesite: Option<&'static str>,
    pub slow_start: Duration,
    /// Repeated deliveries per hundred requests; 0 for any number.
    pub retry_budget: u32,
    /// Time after which a request is not tried again.
    pub failover_timeout: Option<Duration>,
    pub hash_key: HashKey,
    pub queue_size: u32,
    /// `None` for the longest `connection_acquire_timeout` of the members.
    pub queue_timeout: Option<Duration>,
    /// Per cent of httpd's threads that it may hold at once; 0 for any number.
    pub max_threads_share: u32,
}

/// Which value of a request the method Hash goes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HashKey {
    /// A cookie.
    Cookie(String),
    /// A request header.
    Header(String),
    /// The query string.
    Query,
    /// The client's address.
    Remote,
    /// The path.
    #[default]
    Uri,
}

impl fmt::Display for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cookie(name) => write!(f, "cookie:{name}"),
            Self::Header(name) => write!(f, "header:{name}"),
            Self::Query => f.write_str("query"),
            Self::Remote => f.write_str("remote"),
            Self::Uri => f.write_str("uri"),
        }
    }
}

impl HashKey {
    /// Reads the value of `hash_key`.
    pub fn from_word(word: &str) -> Option<Self> {
        let named = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        match word.split_once(':') {
            Some((kind, name)) if kind.eq_ignore_ascii_case("cookie") => {
                named(name).map(Self::Cookie)
            }
            Some((kind, name)) if kind.eq_ignore_ascii_case("header") => {
                named(name).map(Self::Header)
            }
            Some(_) => None,
            None if word.eq_ignore_ascii_case("query") => Some(Self::Query),
            None if word.eq_ignore_ascii_case("remote") => Some(Self::Remote),
            None if word.eq_ignore_ascii_case("uri") => Some(Self::Uri),
            None => None,
        }
    }
}

/// Reads `session_cookie_samesite`, as browsers spell it.
pub(super) fn same_site(word: &str) -> Option<Option<&'static str>> {
    let words = ["Strict", "Lax", "None"];
    match word {
        "-" => Some(None),
        _ => Some(Some(words.into_iter().find(|own| own.eq_ignore_ascii_case(word))?)),
    }
}

/// A worker as member of a balancer.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after their properties
pub struct MemberConfig {
    pub worker: String,
    pub lbfactor: u32,
    pub distance: i32,
    pub route: String,
    pub domain: String,
    pub redirect: String,
    pub activation: Activation,
}

/// Settings of a status worker.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // named after their properties
pub struct StatusConfig {
    pub read_only: bool,
    pub users: Vec<String>,
    pub user_case_insensitive: bool,
    pub good: Vec<String>,
    pub bad: Vec<String>,
    pub prefix: String,
    /// Empty for none, as are the next two.
    pub ns: String,
    pub xmlns: String,
    pub doctype: String,
    /// Whether metrics have all families and buckets.
    pub is_metrics_full: bool,
}
