//! OpenMetrics as a strict reader takes it.

use std::sync::atomic::Ordering::Relaxed;

use mod_jk::metrics::{Balancer, Dialect, Gauges, Series, Shard, Totals, render};
use proptest::prelude::*;

use crate::openmetrics::read;

fn series(balancer: &str, worker: &str, totals: Totals) -> Series {
    let gauges = Gauges { in_flight: 3, state: "ERR", activation: "DIS", ..Gauges::default() };
    Series { balancer: balancer.to_owned(), worker: worker.to_owned(), totals, gauges }
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
    assert_eq!(percentiles, [Some(1), Some(1), Some(30_000)]);
    assert_eq!(totals.connect.percentile_ms(50), None);

    let balancers = [Balancer { name: "lb".to_owned(), unserved: 7 }];
    let text = render(Dialect::OpenMetrics, "2.0.0", &balancers, &[series("lb", "n1", totals)]);
    let samples = read(&text).unwrap();
    let value = |name: &str, label: (&str, &str)| {
        let own = (label.0.to_owned(), label.1.to_owned());
        samples.iter().find(|(n, labels, _)| n == name && labels.contains(&own)).map(|s| s.2)
    };
    assert_eq!(value("jk_unserved_total", ("balancer", "lb")), Some(7.0));
    assert_eq!(value("jk_responses_total", ("class", "2xx")), Some(2.0));
    assert_eq!(value("jk_failures_total", ("code", "JK-303")), Some(2.0));
    assert_eq!(value("jk_total_seconds_bucket", ("le", "0.0005")), Some(1.0));
    assert_eq!(value("jk_total_seconds_bucket", ("le", "0.001")), Some(2.0));
    assert_eq!(value("jk_total_seconds_bucket", ("le", "+Inf")), Some(3.0));
    assert_eq!(value("jk_total_seconds_count", ("worker", "n1")), Some(3.0));
    assert_eq!(value("jk_total_seconds_sum", ("worker", "n1")), Some(60.001001));
    assert_eq!(value("jk_state", ("jk_state", "ERR")), Some(1.0));
    assert_eq!(value("jk_state", ("jk_state", "OK")), Some(0.0));
    assert_eq!(value("jk_in_flight", ("worker", "n1")), Some(3.0));
}

#[test]
fn the_reader_is_strict() {
    let good = render(Dialect::OpenMetrics, "1", &[], &[series("", "a", Totals::default())]);
    let cases = [
        ("end", good.replace("# EOF\n", "")),
        (
            "twice",
            render(
                Dialect::OpenMetrics,
                "1",
                &[],
                &[series("", "a", Totals::default()), series("", "a", Totals::default())],
            ),
        ),
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
    let causes = include_str!("../../src/worker/failure.rs");
    let codes: Vec<_> = causes.split("=> \"JK-").skip(1).map(|rest| &rest[..3]).collect();
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
    let (own, balancers) = ([series("lb", "n1", Totals::default())], [Balancer::default()]);
    let [new, old] =
        [Dialect::OpenMetrics, Dialect::Text].map(|one| render(one, "1", &balancers, &own));
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
                let name = line.split('{').next().unwrap_or_default();
                let ends = ["", "_bucket", "_sum", "_count"];
                assert!(ends.iter().any(|end| name == format!("{}{end}", family.0)), "{line}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_name_survives(balancer in "\\PC{0,5}[\"\\\\\n{},=]{0,5}", worker in "[\"\\\\\n]{0,5}\\PC{0,5}") {
        let samples = read(&render(Dialect::OpenMetrics, "1", &[], &[series(&balancer, &worker, Totals::default())]));
        let samples = samples.map_err(TestCaseError::fail)?;
        for (_, labels, _) in &samples[1..] {
            prop_assert_eq!(&labels[0].1, &balancer);
            prop_assert_eq!(&labels[1].1, &worker);
        }
    }
}
