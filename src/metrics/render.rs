//! OpenMetrics 1.0 text: families in a fixed order, each with type, unit and help.

use std::borrow::Cow;
use std::fmt::Write;

use super::shard::{BUCKETS_US, FAILURES, HistogramTotals, Totals};

/// What is read when asked for, not counted.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
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
    /// Most connections of a child; `None` without a limit.
    pub pool_size: Option<u64>,
    /// Sessions of the last half hour; `None` for a worker alone.
    pub recent_sessions: Option<u64>,
}

/// In which of Prometheus's two formats to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// The older text format 0.0.4, for readers that ask for nothing newer. It has no units, no info
    /// and no state sets; those are gauges there.
    Text,
}

impl Dialect {
    /// Chooses by the header `Accept`: plain text only where OpenMetrics is not asked for.
    pub fn accepted(accept: &str) -> Self {
        let names = |kind: &str| accept.contains(kind);
        match names("text/plain") && !names("application/openmetrics-text") {
            true => Self::Text,
            false => Self::OpenMetrics,
        }
    }

    /// Returns the Content-Type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// One balancer.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    /// Its name.
    pub name: String,
    /// Requests no member could be tried for.
    pub unserved: u64,
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

/// Every state, so that a series exists before it is first 1.
const STATES: [&str; 7] = ["ERR", "ERR/FRC", "ERR/PRB", "ERR/REC", "OK", "OK/BUSY", "OK/IDLE"];
const ACTIVATIONS: [&str; 3] = ["ACT", "DIS", "STP"];
/// Classes of replies, as [`Totals::responses`] holds them.
pub const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

type Counter = (&'static str, &'static str, &'static str, fn(&Series) -> u64);

#[rustfmt::skip]
const COUNTERS: &[Counter] = &[
    ("jk_requests", "", "Requests given to the worker.", |s| s.totals.requests),
    ("jk_retries", "", "Those that another attempt had been made for.", |s| s.totals.retries),
    ("jk_queued", "", "Requests that waited for a connection.", |s| s.totals.queued),
    ("jk_connects", "", "Connections opened.", |s| s.totals.connects),
    ("jk_reuses", "", "Requests on an open connection.", |s| s.totals.reuses),
    ("jk_probes_answered", "", "Background probes answered.", |s| s.totals.probes_ok),
    ("jk_probes_failed", "", "Background probes not answered.", |s| s.totals.probes_failed),
    ("jk_sent_bytes", "bytes", "Bytes to the container.", |s| s.totals.sent_bytes),
    ("jk_received_bytes", "bytes", "Bytes from the container.", |s| s.totals.received_bytes),
];

#[rustfmt::skip]
const GAUGES: &[Counter] = &[
    ("jk_in_flight", "", "Requests in flight.", |s| s.gauges.in_flight),
    ("jk_connections", "", "Open connections.", |s| s.gauges.connections),
    ("jk_idle_connections", "", "Idle connections.", |s| s.gauges.idle),
];

type Times = (&'static str, &'static str, fn(&Series) -> &HistogramTotals);

const HISTOGRAMS: &[Times] = &[
    ("jk_connect_seconds", "Time to connect.", |s| &s.totals.connect),
    ("jk_first_byte_seconds", "Time to the reply's first byte.", |s| &s.totals.first_byte),
    ("jk_total_seconds", "Time to the reply's end.", |s| &s.totals.total),
];

/// Writes everything, `# EOF` included. A machine may have thousands of workers, each with a hundred
/// lines, so a line is put together from pieces without the formatting machinery.
pub fn render(
    dialect: Dialect,
    version: &str,
    balancers: &[Balancer],
    series: &[Series],
) -> String {
    let labels: Vec<String> = series.iter().map(labels).collect();
    let longest = labels.iter().map(String::len).max().unwrap_or(0);
    let text = String::with_capacity(8192 + series.len() * LINES * (longest + 48));
    let mut page = Page { text, series, labels, dialect };
    page.head("jk_build", "info", "", "Version of the module.");
    page.text.push_str("jk_build_info{version=\"");
    page.text.push_str(&label(version));
    page.text.push_str("\"} 1\n");
    for (name, unit, help, value) in COUNTERS {
        page.head(name, "counter", unit, help);
        page.each(&format!("{name}_total{{"), "} ", |text, own| number(text, value(own)));
    }
    page.head("jk_unserved", "counter", "", "Requests no member could be tried for.");
    for own in balancers {
        page.text.push_str("jk_unserved_total{balancer=\"");
        page.text.push_str(&label(&own.name));
        page.text.push_str("\"} ");
        number(&mut page.text, own.unserved);
        page.text.push('\n');
    }
    page.head("jk_queue_wait_seconds", "counter", "seconds", "Waits for a connection.");
    page.each("jk_queue_wait_seconds_total{", "} ", |text, own| {
        seconds(text, own.totals.queue_wait_us);
    });
    page.head("jk_responses", "counter", "", "Replies by class.");
    for (place, class) in CLASSES.iter().enumerate() {
        page.each("jk_responses_total{", &format!(",class=\"{class}\"}} "), |text, own| {
            number(text, own.totals.responses[place]);
        });
    }
    page.head("jk_failures", "counter", "", "Failed attempts by the number of their message.");
    for (place, code) in FAILURES.iter().enumerate() {
        page.each("jk_failures_total{", &format!(",code=\"{code}\"}} "), |text, own| {
            number(text, own.totals.failures[place]);
        });
    }
    for (name, unit, help, value) in GAUGES {
        page.head(name, "gauge", unit, help);
        page.each(&format!("{name}{{"), "} ", |text, own| number(text, value(own)));
    }
    page.some("jk_pool_size", "Most connections of a child, where limited.", |gauges| {
        gauges.pool_size
    });
    page.some("jk_recent_sessions", "Sessions of the last half hour, about.", |gauges| {
        gauges.recent_sessions
    });
    page.states("jk_state", "What has been observed.", &STATES, |s| s.gauges.state);
    page.states("jk_activation", "What the administrator set.", &ACTIVATIONS, |s| {
        s.gauges.activation
    });
    for (name, help, times) in HISTOGRAMS {
        page.head(name, "histogram", "seconds", help);
        page.histogram(name, *times);
    }
    if dialect == Dialect::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

struct Page<'s> {
    text: String,
    series: &'s [Series],
    /// The labels of each series, ready to be written.
    labels: Vec<String>,
    dialect: Dialect,
}

impl Page<'_> {
    fn head(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        // The older format names a family as its samples.
        let (end, kind) = match (self.dialect, kind) {
            (Dialect::Text, "counter") => ("_total", kind),
            (Dialect::Text, "info") => ("_info", "gauge"),
            (Dialect::Text, "stateset") => ("", "gauge"),
            _ => ("", kind),
        };
        self.text.push_str(&format!("# TYPE {name}{end} {kind}\n"));
        if !unit.is_empty() && self.dialect == Dialect::OpenMetrics {
            self.text.push_str(&format!("# UNIT {name} {unit}\n"));
        }
        self.text.push_str(&format!("# HELP {name}{end} {help}\n"));
    }

    /// Writes one line for each series: `before`, its labels, `after`, and its value.
    fn each(&mut self, before: &str, after: &str, value: impl Fn(&mut String, &Series)) {
        for (own, labels) in self.series.iter().zip(&self.labels) {
            self.text.push_str(before);
            self.text.push_str(labels);
            self.text.push_str(after);
            value(&mut self.text, own);
            self.text.push('\n');
        }
    }

    /// Writes a gauge that only some series have.
    fn some(&mut self, name: &str, help: &str, value: fn(&Gauges) -> Option<u64>) {
        self.head(name, "gauge", "", help);
        for (own, labels) in self.series.iter().zip(&self.labels) {
            if let Some(value) = value(&own.gauges) {
                self.text.push_str(name);
                self.text.push('{');
                self.text.push_str(labels);
                self.text.push_str("} ");
                number(&mut self.text, value);
                self.text.push('\n');
            }
        }
    }

    fn states(
        &mut self,
        name: &str,
        help: &str,
        all: &[&str],
        current: fn(&Series) -> &'static str,
    ) {
        self.head(name, "stateset", "", help);
        for state in all {
            let after = format!(",{name}=\"{state}\"}} ");
            self.each(&format!("{name}{{"), &after, |text, own| {
                text.push(if *state == current(own) { '1' } else { '0' });
            });
        }
    }

    /// All lines of a series stand together here: a reader wants its buckets in their order.
    fn histogram(&mut self, name: &str, times: fn(&Series) -> &HistogramTotals) {
        let bounds = BUCKETS_US.iter().map(|us| float(*us)).chain(["+Inf".to_owned()]);
        let ends: Vec<String> = bounds.map(|bound| format!(",le=\"{bound}\"}} ")).collect();
        let [bucket, sum, all] = ["bucket", "sum", "count"].map(|end| format!("{name}_{end}{{"));
        let text = &mut self.text;
        for (own, labels) in self.series.iter().zip(&self.labels) {
            let (times, mut count) = (times(own), 0_u64);
            for (value, end) in times.buckets.iter().zip(&ends) {
                count = count.wrapping_add(*value);
                text.push_str(&bucket);
                text.push_str(labels);
                text.push_str(end);
                number(text, count);
                text.push('\n');
            }
            text.push_str(&sum);
            text.push_str(labels);
            text.push_str("} ");
            seconds(text, times.sum_us);
            text.push('\n');
            text.push_str(&all);
            text.push_str(labels);
            text.push_str("} ");
            number(text, count);
            text.push('\n');
        }
    }
}

/// Lines of one series.
const LINES: usize = 98;

fn labels(series: &Series) -> String {
    let mut text = String::with_capacity(series.balancer.len() + series.worker.len() + 24);
    text.push_str("balancer=\"");
    text.push_str(&label(&series.balancer));
    text.push_str("\",worker=\"");
    text.push_str(&label(&series.worker));
    text.push('"');
    text
}

fn label(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn number(text: &mut String, value: u64) {
    // Most of the many counters are small or were never touched.
    match u8::try_from(value) {
        Ok(digit @ 0..=9) => text.push(char::from(b'0' + digit)),
        // Writing to a string cannot fail.
        _ => drop(write!(text, "{value}")),
    }
}

fn seconds(text: &mut String, us: u64) {
    match us {
        0 => text.push_str("0.000000"),
        _ => drop(write!(text, "{}.{:06}", us / 1_000_000, us % 1_000_000)),
    }
}

/// The canonical float of OpenMetrics: no zeros at the end but one behind the point.
fn float(us: u64) -> String {
    let mut text = String::new();
    seconds(&mut text, us);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}
