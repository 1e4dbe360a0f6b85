//! What is counted while requests run, as a scrape sees it.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::setups::balanced;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::openmetrics::{Sample, read};
use crate::support::prometheus::assert_accepted;
use crate::support::{PATIENCE, free_port, signal, wait_until};

fn scrape(port: u16) -> Vec<Sample> {
    scrape_of(port, "/jkstatus")
}

fn scrape_of(port: u16, status: &str) -> Vec<Sample> {
    let response = Client::connect(port).get(&format!("{status}?cmd=metrics"));
    assert_eq!(response.status, 200);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.header("Content-Type"), Some(kind));
    read(&response.text()).expect("OpenMetrics")
}

/// Has Prometheus judge what a running httpd answers in both formats.
fn assert_scrapes(name: &str, httpd: &Httpd) {
    let [new, old] = ["application/openmetrics-text", "text/plain"].map(|kind| {
        let path = "/jkstatus?cmd=metrics";
        httpd.ask("localhost", path, &format!("Accept: {kind}\r\n")).text()
    });
    assert_accepted(name, &new, &old);
}

/// The sum of a name's series that have this label.
fn sum(samples: &[Sample], name: &str, (label, value): (&str, &str)) -> f64 {
    let own = (label.to_owned(), value.to_owned());
    let series = samples.iter().filter(|sample| sample.0 == name && sample.1.contains(&own));
    series.map(|sample| sample.2).sum()
}

#[test]
fn requests_are_counted_over_all_children_and_never_backwards() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("metrics", "prefork", [n1.port, n2.port], "worker.st.metrics=full\n");
    httpd.expect("exit signal Kill");
    let requests = |count| {
        (0..count).for_each(|number| {
            let response = Client::connect(httpd.port).get(&format!("/app/{number}"));
            assert_eq!(response.status, 200);
        });
    };
    assert_scrapes("unused", &httpd);
    requests(40);
    assert_scrapes("used", &httpd);
    let samples = scrape(httpd.port);
    let of_lb = |name: &str| sum(&samples, name, ("balancer", "lb"));
    assert_eq!(of_lb("jk_requests_total"), 40.0);
    assert_eq!(sum(&samples, "jk_requests_total", ("worker", "n1")), 20.0);
    assert_eq!(sum(&samples, "jk_responses_total", ("class", "2xx")), 40.0);
    assert_eq!(of_lb("jk_connections_opened_total") + of_lb("jk_connections_reused_total"), 40.0);
    assert_eq!(of_lb("jk_connect_seconds_count"), of_lb("jk_connections_opened_total"));
    for family in ["jk_first_byte_seconds", "jk_request_duration_seconds"] {
        assert_eq!(of_lb(&format!("{family}_count")), 40.0, "{family}");
        assert!(of_lb(&format!("{family}_sum")) > 0.0, "{family}");
    }
    assert!(of_lb("jk_sent_bytes_total") > 40.0 * 50.0);
    assert!(of_lb("jk_received_bytes_total") > 40.0 * 20.0);
    for zero in [
        "jk_failures_total",
        "jk_retries_total",
        "jk_requests_in_flight",
        "jk_requests_queued_total",
    ] {
        assert_eq!(of_lb(zero), 0.0, "{zero}");
    }
    let seen = wait_until(PATIENCE, || {
        sum(&scrape(httpd.port), "jk_connections", ("balancer", "lb")) >= 2.0
    });
    assert!(seen, "each child says how many connections it has");

    // A child that is killed takes nothing with it, and a graceful restart neither.
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", httpd.pid()));
    let child = children.expect("Linux").split_whitespace().next().map(str::to_owned);
    assert!(signal("KILL", child.and_then(|pid| pid.parse().ok()).expect("a child")));
    std::thread::sleep(Duration::from_millis(200));
    requests(10);
    assert_eq!(sum(&scrape(httpd.port), "jk_requests_total", ("balancer", "lb")), 50.0);
    httpd.graceful();
    requests(10);
    let samples = scrape(httpd.port);
    assert_eq!(sum(&samples, "jk_requests_total", ("balancer", "lb")), 60.0);
    assert_eq!(sum(&samples, "jk_activation", ("jk_activation", "ACT")), 2.0);
    Client::connect(httpd.port).get("/jkstatus?cmd=reset&mime=txt&w=lb");
    assert_eq!(sum(&scrape(httpd.port), "jk_requests_total", ("balancer", "lb")), 60.0);
}

#[test]
fn failures_count_by_their_message() {
    let n1 = Backend::start(echo("n1"));
    let dead = free_port();
    let workers = format!(
        "worker.list=lb,st,all\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.port={dead}\nworker.n2.port={}\nworker.st.type=status\nworker.all.type=status\n\
         worker.all.metrics=full\n",
        n1.port
    );
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\nJkMount /jkall all\n";
    let setup = Setup { name: "metrics-failures", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-401");
    let served: Vec<_> = (0..4).map(|_| Client::connect(httpd.port).get("/app/x").status).collect();
    assert_eq!(served, [200; 4]);
    assert_scrapes("failures", &httpd);
    let probed = wait_until(PATIENCE, || {
        let all = scrape_of(httpd.port, "/jkall");
        sum(&all, "jk_probes_failed_total", ("worker", "n1")) > 0.0
    });
    assert!(probed, "the member in error is asked");
    let samples = scrape(httpd.port);
    let of = |name, worker| sum(&samples, name, ("worker", worker));
    assert_eq!(
        of("jk_failures_total", "n1"),
        sum(&samples, "jk_failures_total", ("reason", "connection"))
    );
    assert!(of("jk_failures_total", "n1") >= 1.0);
    assert_eq!(of("jk_retries_total", "n2"), of("jk_failures_total", "n1"));
    assert_eq!(of("jk_requests_total", "n2"), 4.0);
    assert_eq!(of("jk_responses_total", "n1"), 0.0);
    assert_eq!(sum(&samples, "jk_condition", ("jk_condition", "out")), 1.0, "n1");
    assert_eq!(sum(&samples, "jk_condition", ("jk_condition", "degraded")), 1.0, "lb");
    assert_eq!((of("jk_outages_total", "n1"), of("jk_outages_total", "n2")), (1.0, 0.0));
    // The clock of this machine and httpd's are one; the failures are of this test.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    let of_code = |name| sum(&samples, name, ("code", "JK-303"));
    let start = samples.iter().find(|own| own.0 == "jk_start_time_seconds").map(|own| own.2);
    let times = [
        start.expect("a start"),
        of("jk_condition_since_timestamp_seconds", "n1"),
        of_code("jk_last_failure_timestamp_seconds"),
        now,
    ];
    assert!(times.is_sorted() && now - times[0] < 600.0, "{times:?}");
    let names = |path| -> BTreeSet<_> {
        scrape_of(httpd.port, path).into_iter().map(|own| own.0).collect()
    };
    let (some, all) = (names("/jkstatus"), names("/jkall"));
    assert!(some.is_subset(&all) && !some.contains("jk_state") && all.contains("jk_state"));
}

#[test]
fn the_access_log_has_times_and_causes() {
    let (n1, dead) = (Backend::start(echo("n1")), free_port());
    let workers = format!(
        "worker.list=lb,solo,none\nworker.lb.type=lb\nworker.lb.balance_workers=dead,solo\n\
         worker.dead.port={dead}\nworker.solo.port={}\nworker.none.port={}\nworker.none.retries=1\n",
        n1.port,
        free_port()
    );
    let config = "LogFormat \"%U %>s %{JK_MEMBER}n %{JK_RETRIES}n %{JK_CONNECT_US}n %{JK_FIRST_BYTE_US}n %{JK_CAUSE}n\" jk\n\
         CustomLog @DIR@/access.log jk\nJkMount /lb/* lb\nJkMount /solo/* solo\nJkMount /none/* none\n";
    let setup = Setup { name: "access-log", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-401");
    httpd.expect("JK-303");
    // The member that does not answer comes first.
    for (number, path) in ["/lb/x", "/solo/x", "/solo/x", "/none/x"].into_iter().enumerate() {
        Client::connect(httpd.port).get(path);
        // A child logs after it has answered, and another one may be faster.
        let lines = || httpd.log("access.log").lines().count();
        assert!(wait_until(PATIENCE, || lines() == number + 1), "{path}");
    }
    let log = httpd.log("access.log");
    // Several children write; their lines may come in any order.
    let mut lines: Vec<Vec<&str>> = log.lines().map(|line| line.split(' ').collect()).collect();
    lines.sort();
    let is_time = |text: &str| text.parse::<u64>().is_ok_and(|us| us < 10_000_000);
    assert_eq!(lines[0][..4], ["/lb/x", "200", "solo", "1"]);
    assert!(is_time(lines[0][4]) && is_time(lines[0][5]), "{log}");
    assert_eq!(lines[2][..4], ["/solo/x", "200", "solo", "0"]);
    assert_eq!(lines[1], ["/none/x", "503", "none", "0", "-", "-", "JK-303"]);
    assert!([0, 2, 3].iter().all(|place| lines[*place][6] == "-"), "{log}");
}
