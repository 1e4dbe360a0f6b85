//! The families of metrics, a row each: what a scrape writes of them, and what the manual says.
//!
//! By default a member costs at most [`MOST_SERIES`] series, of which [`RESERVED_SERIES`] are kept for
//! families to come. What only a closer look at a problem needs is written with `metrics=full`.

use crate::metrics::failures::FailureReason;
use crate::metrics::series::{BalancerSeries, Gauges, Series};
use crate::metrics::shard::{COUNTERS, CounterUnit, HistogramTotals, Totals};

/// Most series of a member by default.
pub const MOST_SERIES: usize = 45;

/// How many of them are kept for what is to come: ejections, the protocol.
pub const RESERVED_SERIES: usize = 2;

/// The type of a family, as OpenMetrics has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the words of the format
pub enum FamilyKind {
    Counter,
    Gauge,
    Histogram,
    Info,
    StateSet,
}

impl FamilyKind {
    /// Returns its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// A family.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, without the suffix of its samples.
    pub name: &'static str,
    /// Its type.
    pub kind: FamilyKind,
    /// Its unit, with which the name ends; empty for a bare number.
    pub unit: &'static str,
    /// The label besides `balancer` and `worker`; empty for none.
    pub label: &'static str,
    /// Whether only `metrics=full` shows it.
    pub is_extra: bool,
    /// Of what it exists, in the words of the manual.
    pub exists: &'static str,
    /// What it counts, when it grows, what it is not.
    pub help: &'static str,
    pub(super) samples: FamilySamples,
}

/// Where the samples of a family come from.
#[derive(Clone, Copy, Debug)]
pub(super) enum FamilySamples {
    Version,
    Start,
    Condition,
    /// Of balancers and workers.
    Since,
    OfBalancer(fn(&BalancerSeries) -> u64),
    Count(fn(&Totals) -> u64),
    /// Values of the label, how many of the first of them only `metrics=full` shows, and their counters.
    Counts(&'static [&'static str], usize, fn(&Totals) -> &[u64]),
    Reasons,
    Gauge(fn(&Gauges) -> u64),
    Optional(fn(&Gauges) -> Option<u64>),
    LastFailure,
    States(&'static [&'static str], fn(&Gauges) -> &'static str),
    Times(fn(&Series) -> &HistogramTotals),
}

/// Classes of replies, as [`Totals::responses`] holds them.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];
const STATES: &[&str] = &["ERR", "ERR/FRC", "ERR/PRB", "ERR/REC", "OK", "OK/BUSY", "OK/IDLE"];
const ACTIVATIONS: &[&str] = &["ACT", "DIS", "STP"];

const EACH: &str = "each member and worker";

/// A row, shown by default, without a unit or a further label; the methods change that.
const fn family(
    name: &'static str,
    kind: FamilyKind,
    exists: &'static str,
    samples: FamilySamples,
    help: &'static str,
) -> Family {
    Family { name, kind, unit: "", label: "", is_extra: false, exists, help, samples }
}

impl Family {
    const fn seconds(self) -> Self {
        Self { unit: "seconds", ..self }
    }

    const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    const fn extra(self) -> Self {
        Self { is_extra: true, ..self }
    }

    /// Returns the name of its samples, those of a histogram without their suffix.
    pub fn sample_name(&self) -> String {
        let suffix = match self.kind {
            FamilyKind::Counter => "_total",
            FamilyKind::Info => "_info",
            _ => "",
        };
        format!("{}{suffix}", self.name)
    }
}

/// Returns all families in the order in which they are written.
pub fn families() -> impl Iterator<Item = Family> {
    let counters = COUNTERS.iter().map(|row| Family {
        name: row.name,
        kind: FamilyKind::Counter,
        unit: match row.unit {
            CounterUnit::One => "",
            CounterUnit::Bytes => "bytes",
            CounterUnit::Micros => "seconds",
        },
        label: "",
        is_extra: row.is_extra,
        exists: EACH,
        help: row.help,
        samples: FamilySamples::Count(row.get),
    });
    FIRST.iter().copied().chain(counters).chain(REST.iter().copied())
}

use FamilyKind::{Counter, Gauge, Histogram, Info, StateSet};

#[rustfmt::skip]
const FIRST: &[Family] = &[
    family("jk_build", Info, "the module", FamilySamples::Version,
        "Version of the module as a label; the value is always 1.").labelled("version"),
    family("jk_start_time_seconds", Gauge, "the module", FamilySamples::Start,
        "Unix time at which the counters began: the start of httpd, or the graceful restart at which shared memory became too small. Other graceful restarts do not change it.").seconds(),
    family("jk_condition", StateSet, "each member, worker and balancer", FamilySamples::Condition,
        "What users get: 1 for the condition that holds, 0 for the others, by the same rules as on the status page. The series of a whole balancer have an empty worker. It is neither the setting of the administrator nor the internal state alone.").labelled("jk_condition"),
    family("jk_condition_since_timestamp_seconds", Gauge, "what is out or degraded, with a beginning that is known", FamilySamples::Since,
        "Unix time at which the present outage or run of failures began. The series ends with it.").seconds(),
    family("jk_requests_unserved", Counter, "each balancer", FamilySamples::OfBalancer(|own| own.unserved),
        "Requests of a balancer that were answered 503 because no member could be tried. Requests that were tried and failed are not among them."),
    family("jk_balancer_requests_waiting", Gauge, "each balancer", FamilySamples::OfBalancer(|own| own.queued),
        "Requests of a balancer that wait until a member below its busy_limit has room (queue_size), those of sessions included; where JkAsync is not set and there is no queue, those that wait because its backends have as many as httpd has threads."),
];

#[rustfmt::skip]
const REST: &[Family] = &[
    family("jk_outages", Counter, "each member", FamilySamples::Optional(|own| own.outages),
        "Times that the member went out of service. An outage counts once, however many requests fail; several within minutes mean that the member flaps."),
    family("jk_responses", Counter, EACH, FamilySamples::Counts(&CLASSES, 1, |own| &own.responses),
        "Responses that the backend began, by the class of their status. Those of the application and those of the connector count alike; answers that httpd makes itself do not count.").labelled("class"),
    family("jk_failures", Counter, EACH, FamilySamples::Reasons,
        "Attempts that failed, by reason. The reasons refused and response may have reached the client, others were perhaps repeated elsewhere; a status 500 of an application is no failure.").labelled("reason"),
    family("jk_last_failure_timestamp_seconds", Gauge, "each member and worker that failed", FamilySamples::LastFailure,
        "Unix time of the latest failure of the backend, with the code of its message as a label. Alone it does not say that the worker is out: see jk_condition.").seconds().labelled("code"),
    family("jk_requests_in_flight", Gauge, EACH, FamilySamples::Gauge(|own| own.in_flight),
        "Requests that the worker is serving at this moment, over all child processes."),
    family("jk_requests_parked", Gauge, EACH, FamilySamples::Gauge(|own| own.parked),
        "Requests that wait without a thread of httpd, for the backend or until it is their turn."),
    family("jk_requests_waiting", Gauge, "workers used directly, and members of a balancer with `queue_size`", FamilySamples::Optional(|own| own.queued),
        "Requests that wait for room because busy_limit, the adaptive limit, or where JkAsync is not set the number of httpd's threads, is reached. Of a member they are those with a session there; jk_balancer_requests_waiting has all of a balancer."),
    family("jk_busy_limit", Gauge, "where `busy_limit` is set and the limit is not adaptive", FamilySamples::Optional(|own| own.busy_limit),
        "The setting busy_limit: most requests in flight over all child processes. A request beyond it goes to another member, waits in the queue, or is answered 503."),
    family("jk_concurrency_limit", Gauge, "workers with `concurrency=adaptive`, in place of `jk_busy_limit`", FamilySamples::Optional(|own| own.adaptive_limit),
        "The limit of requests in flight over all child processes that was found from the times of answers. A request beyond it goes to another member, waits in the queue, or is answered 503."),
    family("jk_connections", Gauge, EACH, FamilySamples::Gauge(|own| own.connections),
        "Open connections to the backend over all child processes, idle ones included; at most half a second old."),
    family("jk_connection_pool_size", Gauge, "where `connection_pool_size` is set", FamilySamples::Optional(|own| own.pool_size),
        "The setting connection_pool_size: most connections of one child process. For all of httpd it is that many times the number of child processes."),
    family("jk_healthy", Gauge, "members whose `health_check` has decided", FamilySamples::Optional(|own| own.is_healthy.map(u64::from)),
        "1 if the health check of the balancer passes, 0 if it fails. It says nothing of the requests of users."),
    family("jk_first_byte_seconds", Histogram, EACH, FamilySamples::Times(|own| &own.totals.first_byte),
        "Time from the start of an attempt to the first byte of its response: connecting, waiting for a free connection and the work of the application. Attempts without a response do not count.").seconds().labelled("le"),
    family("jk_connections_idle", Gauge, EACH, FamilySamples::Gauge(|own| own.idle),
        "Open connections that serve no request at this moment.").extra(),
    family("jk_recent_sessions", Gauge, "each member", FamilySamples::Optional(|own| own.recent_sessions),
        "Estimated number of sessions that the member has served in the last half hour.").extra(),
    family("jk_state", StateSet, EACH, FamilySamples::States(STATES, |own| own.state),
        "Internal state of the worker, with the codes of the status page.").labelled("jk_state").extra(),
    family("jk_activation", StateSet, EACH, FamilySamples::States(ACTIVATIONS, |own| own.activation),
        "The setting activation: active, disabled or stopped.").labelled("jk_activation").extra(),
    family("jk_connect_seconds", Histogram, EACH, FamilySamples::Times(|own| &own.totals.connect),
        "Time to open a connection to the backend, for those that were opened.").seconds().labelled("le").extra(),
    family("jk_request_duration_seconds", Histogram, EACH, FamilySamples::Times(|own| &own.totals.total),
        "Time from the start of an attempt to the end of its complete response. A slow client makes it longer; responses that broke off do not count.").seconds().labelled("le").extra(),
];

/// Returns the table of the families for the manual, and that of the reasons of failures.
pub fn manual() -> String {
    let mut text = String::from("| family | type | of | meaning |\n|---|---|---|---|\n");
    let row = |own: Family| {
        let label = match own.label {
            "" => String::new(),
            label => format!(" `{{{label}}}`"),
        };
        let (name, kind) = (own.sample_name(), own.kind.word());
        format!("| `{name}`{label} | {kind} | {} | {} |\n", own.exists, own.help)
    };
    text.extend(families().filter(|own| !own.is_extra).map(row));
    text.push_str(
        "\nWith `metrics=full` also:\n\n| family | type | of | meaning |\n|---|---|---|---|\n",
    );
    text.extend(families().filter(|own| own.is_extra).map(row));
    text.push_str("\n| `reason` | meaning | codes |\n|---|---|---|\n");
    text.extend(FailureReason::ALL.into_iter().zip(FailureReason::WORDS).map(|(own, word)| {
        let links =
            own.codes().map(|code| format!("[{code}](messages.md#{})", code.to_lowercase()));
        let links = links.collect::<Vec<_>>().join(", ");
        format!("| `{word}` | {} | {links} |\n", own.meaning())
    }));
    text
}
