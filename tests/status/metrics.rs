//! OpenMetrics as a strict reader takes it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

use mod_jk::metrics::{
    BUCKETS_US, BalancerSeries, DEFAULT_BUCKETS_US, Dialect, FAILURES, Gauges, MOST_SERIES,
    RESERVED_SERIES, Scrape, Series, Shard, Totals,
};
use mod_jk::status::condition::Condition;
use proptest::prelude::*;

use crate::support::openmetrics::read;
use crate::support::prometheus::{assert_accepted, promtool, read_by_client};
use crate::support::{fresh_dir, root};

fn series(balancer: &str, worker: &str, totals: Totals) -> Series {
    let gauges = Gauges {
        condition: "out",
        in_flight: 3,
        state: "ERR",
        activation: "DIS",
        ..Gauges::default()
    };
    Series { balancer: balancer.to_owned(), worker: worker.to_owned(), totals, gauges }
}

/// Gauges of which everything exists but an adaptive limit, which is there in place of a set one.
fn all_gauges() -> Gauges {
    Gauges {
        since: Some(1_795_511_628),
        last_failure: Some(("JK-303", 1_795_511_629)),
        outages: Some(2),
        is_healthy: Some(false),
        busy_limit: Some(10),
        queued: Some(3),
        pool_size: Some(9),
        recent_sessions: Some(u64::MAX),
        ..series("", "", Totals::default()).gauges
    }
}

fn scrape(balancers: &[BalancerSeries], series: Vec<Series>) -> Scrape {
    Scrape {
        version: "2.0.0",
        started: 1_795_500_000,
        conditions: Condition::ALL.map(Condition::word).to_vec(),
        balancers: balancers.to_vec(),
        series,
    }
}

fn openmetrics(series: Vec<Series>) -> String {
    scrape(&[], series).text(Dialect::OpenMetrics, false)
}

#[test]
fn shards_of_all_children_add_up() {
    let shards = [Shard::default(), Shard::default()];
    for shard in &shards {
        shard.requests.fetch_add(1, Relaxed);
        shard.response(204);
        shard.response(700);
        shard.failure("JK-303");
        shard.failure("JK-999");
    }
    shards[0].total.observe(500);
    shards[1].total.observe(501);
    shards[1].total.observe(60_000_000);
    let totals = Totals::of(shards.iter());
    assert_eq!(totals.responses, [0, 2, 0, 0, 0]);
    assert_eq!(totals.failures.iter().sum::<u64>(), 2);
    let percentiles = [1, 50, 99].map(|percent| totals.total.percentile_ms(percent));
    assert_eq!(percentiles, [Some(1), Some(1), Some(60_000)]);
    assert_eq!(totals.connect.percentile_ms(50), None);

    let lb = BalancerSeries {
        name: "lb".to_owned(),
        condition: "degraded",
        since: Some(1_795_511_628),
        unserved: 7,
        queued: 3,
    };
    let scrape = scrape(&[lb], vec![series("lb", "n1", totals)]);
    let samples = read(&scrape.text(Dialect::OpenMetrics, true)).expect("OpenMetrics");
    let value = |name: &str, label: (&str, &str)| {
        let own = (label.0.to_owned(), label.1.to_owned());
        samples.iter().find(|(n, labels, _)| n == name && labels.contains(&own)).map(|s| s.2)
    };
    assert_eq!(value("jk_requests_unserved_total", ("balancer", "lb")), Some(7.0));
    assert_eq!(value("jk_responses_total", ("class", "2xx")), Some(2.0));
    assert_eq!(value("jk_failures_total", ("reason", "connection")), Some(2.0));
    assert_eq!(value("jk_request_duration_seconds_bucket", ("le", "0.0005")), Some(1.0));
    assert_eq!(value("jk_request_duration_seconds_bucket", ("le", "0.001")), Some(2.0));
    assert_eq!(value("jk_request_duration_seconds_bucket", ("le", "+Inf")), Some(3.0));
    assert_eq!(value("jk_request_duration_seconds_count", ("worker", "n1")), Some(3.0));
    assert_eq!(value("jk_request_duration_seconds_sum", ("worker", "n1")), Some(60.001001));
    let start = samples.iter().find(|sample| sample.0 == "jk_start_time_seconds");
    assert_eq!(start.map(|sample| (sample.1.len(), sample.2)), Some((0, 1_795_500_000.0)));
    assert_eq!(value("jk_condition", ("jk_condition", "degraded")), Some(1.0), "the balancer");
    let since = value("jk_condition_since_timestamp_seconds", ("balancer", "lb"));
    assert_eq!(since, Some(1_795_511_628.0));
    assert_eq!(value("jk_state", ("jk_state", "ERR")), Some(1.0));
    assert_eq!(value("jk_state", ("jk_state", "OK")), Some(0.0));
    assert_eq!(value("jk_requests_in_flight", ("worker", "n1")), Some(3.0));
}

/// Counters in which each number is another one.
fn used(worker: u64) -> Totals {
    let shard = Shard::default();
    for _ in 0..worker + 2 {
        shard.requests.fetch_add(1, Relaxed);
        shard.sent_bytes.fetch_add(700, Relaxed);
        shard.queue_wait_us.fetch_add(1_000_001, Relaxed);
    }
    [101, 200, 304, 404, 503].iter().for_each(|status| shard.response(*status));
    FAILURES.iter().for_each(|code| assert!(shard.failure(code).is_some()));
    for histogram in [&shard.connect, &shard.first_byte, &shard.total] {
        [0, 1, 900, 70_000, 3_000_000, 400_000_000].iter().for_each(|us| histogram.observe(*us));
    }
    Totals::of([shard].iter())
}

#[test]
fn prometheus_accepts_every_scrape() {
    let all = |name: &str, number| Series {
        gauges: all_gauges(),
        ..series("a\"b\\c\nd{e}=,#", name, used(number))
    };
    let largest = series("lb", "n1", Totals { requests: u64::MAX, ..Totals::default() });
    let cases = [
        ("nothing", vec![]),
        ("unused", vec![series("", "solo", Totals::default())]),
        ("hostile", vec![all("# EOF \u{e9} \u{1f600}", 0)]),
        ("largest", vec![largest]),
        ("many", (0..300).map(|number| all(&format!("n{number}"), number)).collect()),
    ];
    for (name, own) in &cases {
        let names = own.iter().take(1).map(|own| own.balancer.clone());
        let balancers = names.map(|name| BalancerSeries { name, ..BalancerSeries::default() });
        let scrape = scrape(&balancers.collect::<Vec<_>>(), own.clone());
        for is_full in [false, true] {
            let [new, old] =
                [Dialect::OpenMetrics, Dialect::Text].map(|one| scrape.text(one, is_full));
            assert_accepted(name, &new, &old);
        }
    }
    // Neither takes everything.
    let unused = scrape(&[], cases[1].1.clone());
    let old = unused.text(Dialect::Text, false);
    for spoilt in [old.replace("jk_requests_total", "jk_requests"), old.replace("# HELP", "# help")]
    {
        assert!(
            promtool(&["check", "metrics"], &spoilt).is_none_or(|own| !own.is_good),
            "{spoilt}"
        );
    }
    let new = unused.text(Dialect::OpenMetrics, false);
    for spoilt in [
        new.replace("# EOF\n", ""),
        new.replace("UNIT jk_sent_bytes bytes", "UNIT jk_sent_bytes octets"),
    ] {
        assert!(read_by_client(&spoilt).is_none_or(|own| !own.is_good), "{spoilt}");
    }
}

/// Series of a member by default, and all of them.
#[test]
fn a_member_costs_at_most_so_many_series() {
    let member = Series { gauges: all_gauges(), ..series("lb", "n1", used(3)) };
    let count = |own: &Series, is_full| {
        let text = scrape(&[], vec![own.clone()]).text(Dialect::OpenMetrics, is_full);
        let samples = read(&text).expect("OpenMetrics");
        samples.iter().filter(|sample| sample.1.iter().any(|label| label.0 == "worker")).count()
    };
    let most = count(&member, false);
    assert!(most + RESERVED_SERIES <= MOST_SERIES, "{most} and {RESERVED_SERIES} to come");
    let usual = count(&series("lb", "n1", used(3)), false);
    assert!(usual <= most - 6, "{usual}: what does not exist has no series");
    let manual = include_str!("../../docs/metrics.md");
    for said in [
        format!("at most {MOST_SERIES} series"),
        format!("{most} today"),
        format!("{RESERVED_SERIES} are reserved"),
        format!("{} with `metrics=full`", count(&member, true)),
    ] {
        assert!(manual.contains(&said), "docs/metrics.md does not say: {said}");
    }
}

/// Every metric and label that the dashboard and the rules name is there by default, and every
/// expression of the dashboard is one that Prometheus reads.
#[test]
fn dashboard_and_rules_name_what_exists() {
    let member = Series { gauges: all_gauges(), ..series("lb", "n1", used(3)) };
    let gauges = Gauges { busy_limit: None, adaptive_limit: Some(12), ..all_gauges() };
    let adaptive = Series { gauges, ..series("lb", "n2", used(3)) };
    let lb = BalancerSeries { name: "lb".to_owned(), ..BalancerSeries::default() };
    let scrape = scrape(&[lb], vec![member, adaptive]).text(Dialect::OpenMetrics, false);
    let samples = read(&scrape).expect("OpenMetrics");
    let names: BTreeSet<_> = samples
        .iter()
        .flat_map(|own| own.1.iter().map(|label| &label.0).chain([&own.0]))
        .map(String::as_str)
        .collect();
    let (dashboard, rules) =
        (include_str!("../../docs/grafana.json"), include_str!("../../docs/alerts.yml"));
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = |text: &'static str| text.split(move |c| !is_word(c));
    let named: BTreeSet<_> =
        words(dashboard).chain(words(rules)).filter(|word| word.starts_with("jk_")).collect();
    let unknown: Vec<_> = named.difference(&names).collect();
    assert!(unknown.is_empty() && named.len() > 15, "{unknown:?} of {named:?}");

    let dashboard: serde_json::Value = serde_json::from_str(dashboard).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let expressions = panels.map(|panel| panel["targets"][0]["expr"].clone());
    let rules: Vec<_> =
        expressions.map(|expr| serde_json::json!({ "record": "panel", "expr": expr })).collect();
    assert!(rules.len() > 10, "{}", rules.len());
    let file = serde_json::json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    let path = fresh_dir("dashboard").join("rules.yml");
    std::fs::write(&path, file.to_string()).expect("a file");
    for rules in [path, root().join("docs/alerts.yml")] {
        let checked = promtool(&["check", "rules", &rules.display().to_string()], "");
        assert!(checked.as_ref().is_none_or(|own| own.is_good), "{}", checked.unwrap().text);
    }
}

#[test]
fn buckets_that_are_left_out_are_in_those_that_stay() {
    assert!(DEFAULT_BUCKETS_US.iter().all(|own| BUCKETS_US.contains(own)));
    assert_eq!(DEFAULT_BUCKETS_US.last(), Some(&300_000_000));
    let scrape = scrape(&[], vec![series("", "a", used(0))]);
    let buckets = |is_full| -> Vec<(String, f64)> {
        let samples = read(&scrape.text(Dialect::OpenMetrics, is_full)).expect("OpenMetrics");
        let own = samples.into_iter().filter(|sample| sample.0 == "jk_first_byte_seconds_bucket");
        own.map(|sample| (sample.1[2].1.clone(), sample.2)).collect()
    };
    let (some, all) = (buckets(false), buckets(true));
    assert_eq!((some.len(), all.len()), (9, 18));
    assert!(some.iter().all(|own| all.contains(own)), "{some:?} {all:?}");
    assert_eq!(some.last(), Some(&("+Inf".to_owned(), 6.0)));
}

#[test]
fn the_reader_is_strict() {
    let unused = || series("", "a", Totals::default());
    let good = openmetrics(vec![unused()]);
    let cases = [
        ("end", good.replace("# EOF\n", "")),
        ("twice", openmetrics(vec![unused(), unused()])),
        ("suffix", good.replace("jk_requests_total", "jk_requests")),
        ("quote", good.replacen("worker=\"a\"", "worker=\"a\"\"", 1)),
        ("unit", good.replace("UNIT jk_sent_bytes bytes", "UNIT jk_sent_bytes seconds")),
    ];
    assert!(read(&good).is_ok());
    for (name, text) in cases {
        assert!(read(&text).is_err(), "case: {name}");
    }
}

#[test]
fn every_cause_of_a_failure_is_counted() {
    let causes = include_str!("../../src/worker/error.rs");
    let codes: Vec<_> = causes.split("=> JK").skip(1).map(|rest| &rest[..3]).collect();
    assert!(codes.len() > 10, "{codes:?}");
    for code in codes {
        let code = format!("JK-{code}");
        assert!(mod_jk::metrics::FAILURES.contains(&code.as_str()), "{code}");
    }
}

#[test]
fn older_readers_get_the_older_format() {
    let accept = [
        ("", Dialect::OpenMetrics),
        ("*/*", Dialect::OpenMetrics),
        ("application/openmetrics-text;version=1.0.0,text/plain;q=0.5", Dialect::OpenMetrics),
        ("text/plain;version=0.0.4;q=0.5,*/*;q=0.1", Dialect::Text),
    ];
    for (accept, expected) in accept {
        assert_eq!(Dialect::accepted(accept), expected, "{accept}");
    }
    let own = Series { gauges: all_gauges(), ..series("lb", "n1", Totals::default()) };
    let scrape = scrape(&[BalancerSeries::default()], vec![own]);
    let [new, old] = [Dialect::OpenMetrics, Dialect::Text].map(|one| scrape.text(one, true));
    // The samples are the same, and each has a family of a type that there is.
    let samples = |text: &str| -> Vec<_> {
        text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
    };
    assert_eq!(samples(&new), samples(&old));
    assert!(!old.contains("# EOF") && !old.contains("# UNIT"));
    let mut family = ("", "");
    for line in old.lines() {
        match line.strip_prefix("# TYPE ") {
            Some(rest) => {
                family = rest.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&family.1), "{line}");
                assert_eq!(family.1 == "counter", family.0.ends_with("_total"), "{line}");
            }
            None if line.starts_with("# HELP") => assert!(line.contains(family.0), "{line}"),
            None => {
                let name = line.split(['{', ' ']).next().unwrap_or_default();
                let ends = ["", "_bucket", "_sum", "_count"];
                assert!(ends.iter().any(|end| name == format!("{}{end}", family.0)), "{line}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_name_survives(balancer in "\\PC{0,5}[\"\\\\\n{},=]{0,5}", worker in "[\"\\\\\n]{0,5}\\PC{0,5}") {
        let samples = read(&openmetrics(vec![series(&balancer, &worker, Totals::default())]));
        let samples = samples.map_err(TestCaseError::fail)?;
        // Behind version and start.
        for (_, labels, _) in &samples[2..] {
            prop_assert_eq!(&labels[0].1, &balancer);
            prop_assert_eq!(&labels[1].1, &worker);
        }
    }
}
