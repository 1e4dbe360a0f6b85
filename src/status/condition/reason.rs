//! Why something is not serving as it should, and what brings it back, in words.

use std::time::Duration;

use crate::messages::FailureDetail;
use crate::messages::MessageCode::JK406;
use crate::metrics::Estimate;

/// Why something is not serving as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No member takes new sessions: how many are disabled, stopped, out, or refuse all requests.
    #[allow(missing_docs)]
    NoNewSessions { disabled: usize, stopped: usize, out: usize, refusing: usize },
    /// Members of a balancer that are out or degraded, of all that are active.
    #[allow(missing_docs)]
    Members { out: usize, degraded: usize, active: usize },
    /// It failed requests; what the latest failure was.
    Failed(Option<FailureDetail>),
    /// Its health check fails; the status of the latest answer, 0 without an answer, and what was met then.
    Unhealthy(u32, Option<FailureDetail>),
    /// The connector refused this many requests in a row; what the latest failure was.
    Refusing(u32, Option<FailureDetail>),
    /// It would be out if another member could serve.
    KeptInService,
    /// It was in error; requests try it, or the next one will.
    OnTrial,
    /// What its latest failure was, of one that serves or is to be tried.
    LatestFailure(FailureDetail),
    /// This many of its latest attempts failed.
    #[allow(missing_docs)]
    Failing { failed: u64, attempts: u64, span: Duration },
    /// It went out of service this often.
    #[allow(missing_docs)]
    Flapping { times: u64, span: Duration },
    /// 95 of 100 of its latest replies began within `p95`, those of the other members within `others`, as
    /// far as buckets tell.
    #[allow(missing_docs)]
    Slow { p95: Option<Estimate>, others: Option<Estimate> },
    /// This many of its latest replies had a status of 500 and more.
    #[allow(missing_docs)]
    ServerErrors { errors: u64, replies: u64, span: Duration },
    /// It begins no reply any more; this many requests wait for one at least.
    Silent(u64),
    /// As many requests are in flight as `busy_limit` allows.
    AtBusyLimit(u64),
    /// Its requests hold as many threads of httpd as `max_threads_share` allows.
    OutOfThreads(u64),
    /// As many requests are in flight as the limit that was found allows.
    AtAdaptiveLimit(u64),
    /// So many requests wait for room, the oldest for this long.
    Queued(u64, Option<Duration>),
    /// The same where the backends have as many as httpd has threads.
    AtThreads(u64, Option<Duration>),
}

impl Reason {
    /// Tells whether it is about replies, which no line of a single request says.
    pub(super) fn is_about_replies(&self) -> bool {
        matches!(self, Self::ServerErrors { .. } | Self::Silent(_) | Self::Slow { .. })
    }

    /// Tells whether it counts failures without naming what they were.
    pub(super) fn is_about_failures(&self) -> bool {
        matches!(self, Self::Failing { .. } | Self::Flapping { .. })
    }

    /// Says it in words, without a full stop.
    pub fn text(&self) -> String {
        match self {
            Self::NoNewSessions { disabled, stopped, out, refusing } => {
                let part = |count: usize, word: &str| {
                    (count > 0).then(|| format!("{count} {}", are(count, word)))
                };
                let parts = [
                    part(*out, "out"),
                    part(*refusing, "refusing all requests"),
                    part(*disabled, "disabled"),
                    part(*stopped, "stopped"),
                ];
                let parts: Vec<_> = parts.into_iter().flatten().collect();
                let why =
                    if parts.is_empty() { "there is none".to_owned() } else { parts.join(", ") };
                format!("no member takes new sessions: {why}")
            }
            Self::Members { out, degraded, active } => {
                let part = |count: usize, word: &str| {
                    (count > 0)
                        .then(|| format!("{count} of {active} active members {}", are(count, word)))
                };
                let parts = [part(*out, "out"), part(*degraded, "degraded")];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }
            Self::Failed(detail) => {
                detail.map_or_else(|| "requests to it failed".to_owned(), with_code)
            }
            Self::Unhealthy(0, None) => {
                format!("its health check gets no answer in time ({JK406})")
            }
            Self::Unhealthy(0, Some(detail)) => {
                format!("its health check fails: {} ({JK406})", detail.what())
            }
            Self::Unhealthy(status, _) => {
                format!("its health check gets status {status} ({JK406})")
            }
            Self::Refusing(count, detail) => {
                let why = detail.map(|own| format!(": {}", with_code(own))).unwrap_or_default();
                format!("its AJP connector refused the last {count} requests{why}")
            }
            Self::KeptInService => {
                "it stays in service, because no other member can serve".to_owned()
            }
            Self::OnTrial => "it was in error, and a request is to prove that it serves".to_owned(),
            Self::LatestFailure(detail) => format!("its latest failure: {}", with_code(*detail)),
            Self::Failing { failed, attempts, span } => format!(
                "{failed} of {attempts} attempts failed within the last {}",
                spelled(span.as_secs())
            ),
            Self::Flapping { times, span } => format!(
                "it went out of service {times} times within the last {}",
                spelled(span.as_secs())
            ),
            Self::Slow { p95, others } => {
                let p95 = p95.map_or("an unknown time".to_owned(), estimated);
                let others = others
                    .map(|own| format!(", those of the other members {}", estimated(own)))
                    .unwrap_or_default();
                format!("it is slow: 95 of 100 replies take {p95} to begin{others}")
            }
            Self::ServerErrors { errors, replies, span } => format!(
                "its application answered {errors} of {replies} requests with a status 5xx within the last {}",
                spelled(span.as_secs())
            ),
            Self::Silent(waiting) => {
                format!("it begins no reply any more, and {waiting} requests wait for one")
            }
            Self::AtBusyLimit(limit) => {
                format!("{limit} requests are in flight, as many as busy_limit allows")
            }
            Self::OutOfThreads(allowed) => {
                let plural = if *allowed == 1 { "" } else { "s" };
                format!(
                    "requests hold {allowed} thread{plural} of httpd, as many as max_threads_share allows"
                )
            }
            Self::AtAdaptiveLimit(limit) => {
                format!(
                    "{limit} requests are in flight, as many as it can work on (adaptive limit)"
                )
            }
            Self::Queued(count, longest) => {
                format!("requests wait until a member has room: {count}{}", oldest(*longest))
            }
            Self::AtThreads(count, longest) => format!(
                "requests wait, as its backends have as many as httpd has threads: {count}{}",
                oldest(*longest)
            ),
        }
    }
}

fn oldest(longest: Option<Duration>) -> String {
    longest.map(|own| format!(", the oldest for {} ms", own.as_millis())).unwrap_or_default()
}

/// Writes a time as exactly as buckets tell it.
pub fn estimated(time: Estimate) -> String {
    match time {
        Estimate::Under(us) => format!("less than {} ms", us.div_ceil(1_000)),
        Estimate::About(us) => format!("about {} ms", (us + 500) / 1_000),
        Estimate::Over(us) => format!("more than {} ms", us / 1_000),
    }
}

fn with_code(detail: FailureDetail) -> String {
    format!("{} ({})", detail.what(), detail.code())
}

fn are(count: usize, word: &str) -> String {
    format!("{} {word}", if count == 1 { "is" } else { "are" })
}

/// What brings a member back that is out of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// Its health check, when it passes often enough in a row.
    HealthCheck,
    /// A CPING that it answers, at any time.
    Probe,
    /// A CPING that it answers, at any time; else a request after so many seconds.
    ProbeOrRequest(u64),
    /// A request that tries it each second, as no other member can serve.
    EverySecond,
    /// A request that tries it after so many seconds.
    Request(u64),
    /// The next request tries it.
    NextRequest,
    /// Every request tries it: there is no other member, or no balancer.
    EveryRequest,
    /// A request is trying it.
    RequestNow,
    /// Its host name has an address.
    Address,
}

impl WayBack {
    /// Says it in words, without a full stop.
    pub fn text(self) -> String {
        match self {
            Self::HealthCheck => {
                "it returns when its health check passes often enough in a row".to_owned()
            }
            Self::Probe => "it returns as soon as it answers CPING".to_owned(),
            Self::ProbeOrRequest(seconds) => format!(
                "it returns as soon as it answers CPING; a request tries it in {}",
                spelled(seconds)
            ),
            Self::EverySecond => {
                "a request tries it each second, as no other member can serve".to_owned()
            }
            Self::Request(seconds) => format!("a request tries it in {}", spelled(seconds)),
            Self::NextRequest => "the next request tries it".to_owned(),
            Self::EveryRequest => "each request tries it".to_owned(),
            Self::RequestNow => "a request is trying it now".to_owned(),
            Self::Address => {
                "its name is looked up again in the background; it is tried once it has an address"
                    .to_owned()
            }
        }
    }
}

/// Writes seconds for people.
pub fn spelled(seconds: u64) -> String {
    match seconds {
        s @ 0..=119 => format!("{s} s"),
        s @ 120..=7_199 => format!("{} min", s / 60),
        s @ 7_200..=172_799 => format!("{} h", s / 3_600),
        s => format!("{} days", s / 86_400),
    }
}
