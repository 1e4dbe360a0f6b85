//! OpenMetrics 1.0 text: families in a fixed order, each with type, unit and help.

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
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

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

/// Writes everything, `# EOF` included.
pub fn render(version: &str, series: &[Series]) -> String {
    let mut out = String::new();
    head(&mut out, "jk_build", "info", "", "Version of the module.");
    line(&mut out, format_args!("jk_build_info{{version=\"{}\"}} 1", label(version)));
    for (name, unit, help, value) in COUNTERS {
        head(&mut out, name, "counter", unit, help);
        for own in series {
            line(&mut out, format_args!("{name}_total{{{}}} {}", labels(own), value(own)));
        }
    }
    head(&mut out, "jk_queue_wait_seconds", "counter", "seconds", "Waits for a connection.");
    for own in series {
        let wait = seconds(own.totals.queue_wait_us);
        line(&mut out, format_args!("jk_queue_wait_seconds_total{{{}}} {wait}", labels(own)));
    }
    head(&mut out, "jk_responses", "counter", "", "Replies by class.");
    for own in series {
        for (class, value) in CLASSES.iter().zip(own.totals.responses) {
            let labels = labels(own);
            line(
                &mut out,
                format_args!("jk_responses_total{{{labels},class=\"{class}\"}} {value}"),
            );
        }
    }
    head(&mut out, "jk_failures", "counter", "", "Failed attempts by the number of their message.");
    for own in series {
        for (code, value) in FAILURES.iter().zip(own.totals.failures) {
            let labels = labels(own);
            line(&mut out, format_args!("jk_failures_total{{{labels},code=\"{code}\"}} {value}"));
        }
    }
    for (name, unit, help, value) in GAUGES {
        head(&mut out, name, "gauge", unit, help);
        for own in series {
            line(&mut out, format_args!("{name}{{{}}} {}", labels(own), value(own)));
        }
    }
    states(&mut out, "jk_state", "What has been observed.", series, &STATES, |s| s.gauges.state);
    let help = "What the administrator set.";
    states(&mut out, "jk_activation", help, series, &ACTIVATIONS, |s| s.gauges.activation);
    for (name, help, times) in HISTOGRAMS {
        head(&mut out, name, "histogram", "seconds", help);
        for own in series {
            histogram(&mut out, name, &labels(own), times(own));
        }
    }
    out.push_str("# EOF\n");
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn head(out: &mut String, name: &str, kind: &str, unit: &str, help: &str) {
    line(out, format_args!("# TYPE {name} {kind}"));
    if !unit.is_empty() {
        line(out, format_args!("# UNIT {name} {unit}"));
    }
    line(out, format_args!("# HELP {name} {help}"));
}

fn states(
    out: &mut String,
    name: &str,
    help: &str,
    series: &[Series],
    all: &[&str],
    current: fn(&Series) -> &'static str,
) {
    head(out, name, "stateset", "", help);
    for own in series {
        for state in all {
            let (labels, value) = (labels(own), u8::from(*state == current(own)));
            line(out, format_args!("{name}{{{labels},{name}=\"{state}\"}} {value}"));
        }
    }
}

fn histogram(out: &mut String, name: &str, labels: &str, times: &HistogramTotals) {
    let mut count = 0_u64;
    for (index, bucket) in times.buckets.iter().enumerate() {
        count = count.wrapping_add(*bucket);
        let bound = BUCKETS_US.get(index).map_or_else(|| "+Inf".to_owned(), |us| float(*us));
        line(out, format_args!("{name}_bucket{{{labels},le=\"{bound}\"}} {count}"));
    }
    line(out, format_args!("{name}_sum{{{labels}}} {}", seconds(times.sum_us)));
    line(out, format_args!("{name}_count{{{labels}}} {count}"));
}

fn labels(series: &Series) -> String {
    format!("balancer=\"{}\",worker=\"{}\"", label(&series.balancer), label(&series.worker))
}

fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// The canonical float of OpenMetrics: no zeros at the end but one behind the point.
fn float(us: u64) -> String {
    let text = seconds(us);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') { format!("{short}0") } else { short.to_owned() }
}
