//! Metrics as text, in OpenMetrics 1.0 or Prometheus's older format.

use std::borrow::Cow;
use std::fmt::Write;

use crate::metrics::failures::FailureReason;
use crate::metrics::families::{Family, FamilyKind, FamilySamples, families};
use crate::metrics::series::{BalancerSeries, Series};
use crate::metrics::shard::{BUCKETS_US, DEFAULT_BUCKETS_US, HistogramTotals};

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

/// Everything of one moment.
#[derive(Clone, Debug, Default)]
pub struct Scrape {
    /// Version of the module.
    pub version: &'static str,
    /// When the counters began, in Unix seconds.
    pub started: i64,
    /// All conditions that there are.
    pub conditions: Vec<&'static str>,
    /// All balancers.
    pub balancers: Vec<BalancerSeries>,
    /// All members and workers.
    pub series: Vec<Series>,
}

impl Scrape {
    /// Writes the families, `# EOF` included; those of `metrics=full` only if `is_full`.
    ///
    /// A machine may have thousands of workers, so a line is put together from pieces without the
    /// formatting machinery.
    pub fn text(&self, dialect: Dialect, is_full: bool) -> String {
        let labels: Vec<String> =
            self.series.iter().map(|own| labels_of(&own.balancer, &own.worker)).collect();
        let of_balancers = self.balancers.iter().map(|own| labels_of(&own.name, "")).collect();
        let longest = labels.iter().map(String::len).max().unwrap_or(0);
        let lines = if is_full { 110 } else { 42 };
        let text = String::with_capacity(8192 + labels.len() * lines * (longest + 40));
        let mut page = Exposition { text, scrape: self, labels, of_balancers, dialect, is_full };
        families().filter(|own| is_full || !own.is_extra).for_each(|own| page.family(&own));
        if dialect == Dialect::OpenMetrics {
            page.text.push_str("# EOF\n");
        }
        page.text
    }
}

struct Exposition<'s> {
    text: String,
    scrape: &'s Scrape,
    /// The labels of each series, ready to be written.
    labels: Vec<String>,
    of_balancers: Vec<String>,
    dialect: Dialect,
    is_full: bool,
}

impl Exposition<'_> {
    fn family(&mut self, own: &Family) {
        self.head(own);
        let begin = format!("{}{{", own.sample_name());
        let scrape = self.scrape;
        let alone = |text: &mut String, labels: &str, value: u64| {
            push(text, [begin.as_str(), labels, "} "]);
            match own.unit {
                // The only counters with this unit count microseconds.
                "seconds" if own.kind == FamilyKind::Counter => seconds(text, value),
                _ => number(text, value),
            }
            text.push('\n');
        };
        let value = |unix: i64| u64::try_from(unix).unwrap_or(0);
        let each = scrape.series.iter().zip(&self.labels);
        let balancers = scrape.balancers.iter().zip(&self.of_balancers);
        let text = &mut self.text;
        match own.samples {
            FamilySamples::Version => {
                push(text, [begin.as_str(), "version=\"", &label(scrape.version), "\"} 1\n"]);
            }
            FamilySamples::Start => {
                push(text, [own.name, " "]);
                number(text, value(scrape.started));
                text.push('\n');
            }
            FamilySamples::Condition => {
                let set = StateLines::new(own.name, &scrape.conditions);
                balancers.for_each(|(lb, labels)| set.write(text, labels, lb.condition));
                each.for_each(|(worker, labels)| set.write(text, labels, worker.gauges.condition));
            }
            FamilySamples::Since => {
                let balancers = balancers.map(|(lb, labels)| (lb.since, labels));
                let each = each.map(|(worker, labels)| (worker.gauges.since, labels));
                for (since, labels) in balancers.chain(each) {
                    since.into_iter().for_each(|since| alone(text, labels, value(since)));
                }
            }
            FamilySamples::OfBalancer(get) => {
                balancers.for_each(|(lb, labels)| alone(text, labels, get(lb)));
            }
            FamilySamples::Count(get) => {
                each.for_each(|(worker, labels)| alone(text, labels, get(&worker.totals)));
            }
            FamilySamples::Counts(words, extra, get) => {
                let skipped = if self.is_full { 0 } else { extra };
                let lines = CounterLines::new(own, words, skipped);
                each.for_each(|(worker, labels)| lines.write(text, labels, get(&worker.totals)));
            }
            FamilySamples::Reasons => {
                let lines = CounterLines::new(own, &FailureReason::WORDS, 0);
                each.for_each(|(worker, labels)| {
                    lines.write(text, labels, &worker.totals.reasons());
                });
            }
            FamilySamples::Gauge(get) => {
                each.for_each(|(worker, labels)| alone(text, labels, get(&worker.gauges)));
            }
            FamilySamples::Optional(get) => {
                for (worker, labels) in each {
                    get(&worker.gauges).into_iter().for_each(|own| alone(text, labels, own));
                }
            }
            FamilySamples::LastFailure => {
                for (worker, labels) in each {
                    let Some((code, at)) = worker.gauges.last_failure else { continue };
                    push(text, [begin.as_str(), labels, ",code=\"", code, "\"} "]);
                    number(text, value(at));
                    text.push('\n');
                }
            }
            FamilySamples::States(words, get) => {
                let set = StateLines::new(own.name, words);
                each.for_each(|(worker, labels)| set.write(text, labels, get(&worker.gauges)));
            }
            FamilySamples::Times(get) => {
                let lines = BucketLines::new(own.name, self.is_full);
                each.for_each(|(worker, labels)| lines.write(text, labels, get(worker)));
            }
        }
    }

    fn head(&mut self, own: &Family) {
        // The older format names a family as its samples.
        let (name, kind) = match (self.dialect, own.kind) {
            (Dialect::OpenMetrics, kind) => (own.name.to_owned(), kind),
            (Dialect::Text, FamilyKind::Info | FamilyKind::StateSet) => {
                (own.sample_name(), FamilyKind::Gauge)
            }
            (Dialect::Text, kind) => (own.sample_name(), kind),
        };
        push(&mut self.text, ["# TYPE ", &name, " ", kind.word(), "\n"]);
        if !own.unit.is_empty() && self.dialect == Dialect::OpenMetrics {
            push(&mut self.text, ["# UNIT ", &name, " ", own.unit, "\n"]);
        }
        push(&mut self.text, ["# HELP ", &name, " ", own.help, "\n"]);
    }
}

/// The states of a series. They stand together, as OpenMetrics demands: they are one metric.
struct StateLines<'s> {
    begin: String,
    words: Vec<(&'s str, String)>,
}

impl<'s> StateLines<'s> {
    fn new(name: &str, words: &[&'s str]) -> Self {
        let words = words.iter().map(|word| (*word, format!(",{name}=\"{word}\"}} ")));
        Self { begin: format!("{name}{{"), words: words.collect() }
    }

    fn write(&self, text: &mut String, labels: &str, current: &str) {
        for (word, end) in &self.words {
            push(text, [&self.begin, labels, end, if *word == current { "1\n" } else { "0\n" }]);
        }
    }
}

/// Counters of a series that a label tells apart.
struct CounterLines {
    begin: String,
    ends: Vec<String>,
    skipped: usize,
}

impl CounterLines {
    fn new(own: &Family, words: &[&str], skipped: usize) -> Self {
        let end = |word: &&str| format!(",{}=\"{word}\"}} ", own.label);
        let ends = words.iter().skip(skipped).map(end).collect();
        Self { begin: format!("{}{{", own.sample_name()), ends, skipped }
    }

    fn write(&self, text: &mut String, labels: &str, counters: &[u64]) {
        for (end, counter) in self.ends.iter().zip(counters.iter().skip(self.skipped)) {
            push(text, [&self.begin, labels, end]);
            number(text, *counter);
            text.push('\n');
        }
    }
}

/// The buckets of a series, of which only some are shown: they are sums up to a bound, so that any of
/// them can be left out.
struct BucketLines {
    /// For each bucket the end of its line, if it has one.
    ends: Vec<Option<String>>,
    begins: [String; 3],
}

impl BucketLines {
    fn new(name: &str, is_full: bool) -> Self {
        let is_shown = |us: &u64| is_full || DEFAULT_BUCKETS_US.contains(us);
        let end = |bound: &str| format!(",le=\"{bound}\"}} ");
        let ends = BUCKETS_US.iter().map(|us| is_shown(us).then(|| end(&float(*us))));
        Self {
            ends: ends.chain([Some(end("+Inf"))]).collect(),
            begins: ["bucket", "sum", "count"].map(|suffix| format!("{name}_{suffix}{{")),
        }
    }

    fn write(&self, text: &mut String, labels: &str, times: &HistogramTotals) {
        let [bucket, sum, all] = &self.begins;
        let mut count = 0_u64;
        for (value, end) in times.buckets.iter().zip(&self.ends) {
            count = count.wrapping_add(*value);
            if let Some(end) = end {
                push(text, [bucket, labels, end]);
                number(text, count);
                text.push('\n');
            }
        }
        push(text, [sum, labels, "} "]);
        seconds(text, times.sum_us);
        push(text, ["\n", all, labels, "} "]);
        number(text, count);
        text.push('\n');
    }
}

fn push<const N: usize>(text: &mut String, parts: [&str; N]) {
    parts.iter().for_each(|part| text.push_str(part));
}

fn labels_of(balancer: &str, worker: &str) -> String {
    format!("balancer=\"{}\",worker=\"{}\"", label(balancer), label(worker))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_seconds_are_decimal() {
        for value in [0, 7, 10, 99, 1_000_000, 1_234_567_890, u64::MAX] {
            let mut text = String::new();
            number(&mut text, value);
            assert_eq!(text, value.to_string());
        }
        for (us, expected) in [
            (0, "0.000000"),
            (1, "0.000001"),
            (1_500_000, "1.500000"),
            (u64::MAX, "18446744073709.551615"),
        ] {
            let mut text = String::new();
            seconds(&mut text, us);
            assert_eq!(text, expected);
        }
        assert_eq!([500, 2_500_000, 10_000_000].map(float), ["0.0005", "2.5", "10.0"]);
    }
}
