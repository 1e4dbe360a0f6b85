//! What a scrape knows of balancers and workers at one moment.

use crate::metrics::shard::Totals;

/// What is read when asked for, not counted. What is `None` has no series.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// What users get, one of the words of [`Scrape::conditions`](crate::metrics::Scrape::conditions).
    pub condition: &'static str,
    /// Since when it is out or degraded, in Unix seconds.
    pub since: Option<i64>,
    /// Requests in flight.
    pub in_flight: u64,
    /// Open connections.
    pub connections: u64,
    /// Those that are idle.
    pub idle: u64,
    /// Runtime state as the status page spells it, such as `OK` or `ERR`.
    pub state: &'static str,
    /// `ACT`, `DIS` or `STP`.
    pub activation: &'static str,
    /// Code and Unix seconds of the latest failure.
    pub last_failure: Option<(&'static str, i64)>,
    /// How often it went out of service; `None` for a worker alone.
    pub outages: Option<u64>,
    /// What the health check says, if there is one and it has decided.
    pub is_healthy: Option<bool>,
    /// Requests that wait without a thread.
    pub parked: u64,
    /// Requests that wait for room, where some may; of a member those with a session there.
    pub queued: Option<u64>,
    /// Most requests in flight, as it is set.
    pub busy_limit: Option<u64>,
    /// The same as it was found, instead of what is set.
    pub adaptive_limit: Option<u64>,
    /// Most connections of a child.
    pub pool_size: Option<u64>,
    /// Sessions of the last half hour; `None` for a worker alone.
    pub recent_sessions: Option<u64>,
}

/// One balancer.
#[derive(Clone, Debug, Default)]
pub struct BalancerSeries {
    /// Its name.
    pub name: String,
    /// What users get, one of the words of [`Scrape::conditions`](crate::metrics::Scrape::conditions).
    pub condition: &'static str,
    /// Since when it is out or degraded, in Unix seconds.
    pub since: Option<i64>,
    /// Requests no member could be tried for.
    pub unserved: u64,
    /// Requests that wait for room at any member.
    pub queued: u64,
}

/// One worker, or one member of a balancer.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// The balancer; empty for a worker alone.
    pub balancer: String,
    /// The worker.
    pub worker: String,
    /// Its counters.
    pub totals: Totals,
    /// Its gauges.
    pub gauges: Gauges,
}
