//! The rules of `docs/alerts.yml` in real outages: each alert fires, and each resolves.
//!
//! A test drives httpd and scripted backends through an outage and scrapes; Prometheus's own promtool
//! evaluates the rules over these scrapes. At the end of each part exactly the named alerts fire.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::setups::{balanced, one_child};
use crate::support::backend::{Backend, Reply, Request, chunk_packet, echo, end, head};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::openmetrics::{Sample, read};
use crate::support::recording::Recording;
use crate::support::{PATIENCE, wait_until};

/// Outages, and which alerts fire in them.
const OUTAGES: &[(&str, &[&str])] = &[
    ("member-down", &["JkMemberOut"]),
    ("all-down", &["JkBalancerOut", "JkMemberOut", "JkRequestsUnserved"]),
    ("all-disabled", &["JkBalancerDisabled", "JkRequestsUnserved"]),
    ("ill", &["JkMemberUnhealthy"]),
    ("flapping", &["JkMemberFlapping"]),
    ("refused", &["JkMemberOut", "JkRequestsRefused"]),
    ("broken", &["JkFailures"]),
    ("server-errors", &["JkServerErrors"]),
    ("slow", &["JkSlow"]),
    ("busy-limit", &["JkLimitReached"]),
    ("pool", &["JkWaitsForConnections"]),
    ("target-gone", &["JkTargetGone"]),
];

/// An outage while it is recorded.
struct Outage {
    name: &'static str,
    alerts: &'static [&'static str],
    recording: Recording,
}

impl Outage {
    fn new(name: &'static str) -> Self {
        let row = OUTAGES.iter().find(|row| row.0 == name).expect("a row of the table");
        Self { name, alerts: row.1, recording: Recording::default() }
    }

    /// Lets minutes pass: in each something happens, then Prometheus scrapes.
    fn minutes(&mut self, httpd: &Httpd, count: usize, mut act: impl FnMut(usize)) {
        for minute in 0..count {
            act(minute);
            self.recording.add(scrape(httpd.port));
        }
    }

    /// The part before the outage.
    fn quiet(&mut self, httpd: &Httpd, act: impl FnMut(usize)) {
        self.minutes(httpd, 7, act);
        self.recording.expect(&[]);
    }

    /// The outage.
    fn trouble(&mut self, httpd: &Httpd, act: impl FnMut(usize)) {
        self.minutes(httpd, 12, act);
        self.recording.expect(self.alerts);
    }

    /// The part after it, then judgement is given.
    fn over(mut self, httpd: &Httpd, minutes: usize, act: impl FnMut(usize)) {
        self.minutes(httpd, minutes, act);
        self.recording.expect(&[]);
        let Some(shown) = self.recording.judge(self.name) else { return };
        let annotations = shown.lines().filter(|line| line.trim().starts_with("Annotations:"));
        let annotations: Vec<_> = annotations.collect();
        assert!(annotations.len() >= self.alerts.len(), "{shown}");
        for line in annotations {
            for part in ["summary=\"", "since=\"", "impact=\"", "action=\"", "runbook_url=\""] {
                assert!(line.contains(part), "{part}: {line}");
            }
            assert!(!line.contains("error expanding") && !line.contains("not known"), "{line}");
            let link =
                line.split("docs/messages.md#").nth(1).and_then(|rest| rest.split('"').next());
            let place = format!("<a id={:?}></a>", link.expect("a link"));
            assert!(include_str!("../../../docs/messages.md").contains(&place), "{line}");
        }
    }
}

fn scrape(port: u16) -> Option<Vec<Sample>> {
    let text = b"GET /jkstatus?cmd=metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let response = Client::try_connect(port)?.try_raw(text, "GET")?;
    Some(read(&response.text()).expect("OpenMetrics"))
}

/// The value of a family's series with these labels; 0 if there is none.
fn value(httpd: &Httpd, name: &str, labels: &[(&str, &str)]) -> f64 {
    let samples = scrape(httpd.port).expect("httpd answers");
    let has = |sample: &&Sample| {
        let own = |(name, value): &(&str, &str)| {
            sample.1.iter().any(|label| label.0 == *name && label.1 == *value)
        };
        sample.0 == name && labels.iter().all(own)
    };
    samples.iter().find(has).map_or(0.0, |sample| sample.2)
}

/// Waits until something is in a condition, with a request before each look.
fn until(httpd: &Httpd, worker: &str, is_out: bool) {
    let done = || {
        get(httpd, "/app/x");
        let labels = [("worker", worker), ("jk_condition", "out")];
        (value(httpd, "jk_condition", &labels) > 0.0) == is_out
    };
    assert!(wait_until(PATIENCE, done), "{worker} is out: {is_out}");
}

/// Returns the status, 0 for a response that broke off.
fn get(httpd: &Httpd, path: &str) -> u16 {
    let text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let response = Client::connect(httpd.port).try_raw(text.as_bytes(), "GET");
    response.filter(|own| own.is_complete).map_or(0, |own| own.status)
}

fn requests(httpd: &Httpd, count: usize) {
    for _ in 0..count {
        get(httpd, "/app/x");
    }
}

/// Starts httpd with a worker that is used directly. These tests are not about the log.
fn solo(name: &str, port: u16, more: &str) -> Httpd {
    let workers =
        format!("worker.list=solo,st\nworker.solo.port={port}\nworker.st.type=status\n{more}\n");
    let mut httpd = one_child(name, &workers, "JkMount /app/* solo\nJkMount /jkstatus st\n");
    httpd.expect("JK-");
    httpd
}

fn pair(name: &str, ports: [u16; 2], more: &str) -> Httpd {
    let mut httpd = balanced(name, "event", ports, more);
    httpd.expect("JK-");
    httpd
}

/// A backend that behaves in another way while the switch is on.
fn switched(
    reply: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> (Backend, Arc<AtomicBool>) {
    let (is_on, good) = (Arc::new(AtomicBool::new(false)), echo("n1"));
    let switch = Arc::clone(&is_on);
    let backend = Backend::start(move |request| match switch.load(Ordering::SeqCst) {
        true => reply(request),
        false => good(request),
    });
    (backend, is_on)
}

#[test]
fn a_member_is_down() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = pair("alert-down", [n1.port, n2.port], "");
    let mut outage = Outage::new("member-down");
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    n1.stop();
    until(&httpd, "n1", true);
    outage.trouble(&httpd, |_| requests(&httpd, 6));
    let again = Backend::start_on(n1.port, echo("n1"));
    until(&httpd, "n1", false);
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
    drop(again);
}

#[test]
fn all_members_are_down() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = pair("alert-all-down", [n1.port, n2.port], "");
    let mut outage = Outage::new("all-down");
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    n1.stop();
    n2.stop();
    until(&httpd, "", true);
    outage.trouble(&httpd, |_| requests(&httpd, 6));
    let again = [n1.port, n2.port].map(|port| Backend::start_on(port, echo("again")));
    until(&httpd, "n1", false);
    until(&httpd, "n2", false);
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
    drop(again);
}

#[test]
fn all_members_are_disabled() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = pair("alert-disabled", [n1.port, n2.port], "");
    let set = |activation: &str| {
        let query = format!("cmd=update&mime=txt&w=lb&sw=n*&vwa={activation}");
        let answer = Client::connect(httpd.port).get(&format!("/jkstatus?{query}"));
        assert!(answer.text().contains("type=OK"), "{}", answer.text());
    };
    let mut outage = Outage::new("all-disabled");
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    set("d");
    outage.trouble(&httpd, |_| requests(&httpd, 6));
    assert_eq!(get(&httpd, "/app/x"), 503, "there is no session");
    set("a");
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
}

#[test]
fn a_member_fails_its_health_check() {
    let (n1, is_ill) = switched(|request| match request.uri.as_str() {
        "/health" => Reply::Bytes([head(500, &[]), end(true)].concat()),
        _ => echo("n1")(request),
    });
    let n2 = Backend::start(echo("n2"));
    let more = "worker.lb.health_check=GET /health\nworker.lb.health_check_interval=1\n";
    let httpd = pair("alert-ill", [n1.port, n2.port], more);
    let is_healthy = |expected: f64| {
        let own = || value(&httpd, "jk_healthy", &[("worker", "n1")]) == expected;
        assert!(wait_until(PATIENCE, own), "jk_healthy {expected}");
    };
    let mut outage = Outage::new("ill");
    is_healthy(1.0);
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    is_ill.store(true, Ordering::SeqCst);
    is_healthy(0.0);
    outage.trouble(&httpd, |_| requests(&httpd, 6));
    is_ill.store(false, Ordering::SeqCst);
    is_healthy(1.0);
    until(&httpd, "n1", false);
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
}

#[test]
fn a_member_flaps() {
    let (mut n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = pair("alert-flapping", [n1.port, n2.port], "");
    let mut outage = Outage::new("flapping");
    outage.quiet(&httpd, |_| requests(&httpd, 40));
    outage.trouble(&httpd, |minute| {
        if minute % 4 == 0 {
            n1.stop();
            until(&httpd, "n1", true);
            n1 = Backend::start_on(n1.port, echo("n1"));
            until(&httpd, "n1", false);
        }
        requests(&httpd, 40);
    });
    // Its log says from the second time on that it is not for good that it is down.
    let log = httpd.log("jk.log");
    let again: Vec<_> = log
        .lines()
        .filter(|line| line.contains("JK-401"))
        .map(|line| {
            line.contains("is in error, again within minutes: ")
                && line.contains("for why it stops and comes back")
        })
        .collect();
    assert!(again.len() >= 2 && !again[0] && again[1..].iter().all(|own| *own), "{log}");
    outage.over(&httpd, 16, |_| requests(&httpd, 6));
}

#[test]
fn the_connector_refuses() {
    // As Tomcat does where the secret is another one.
    let refusal = || Reply::Close([head(403, &[]), end(false)].concat());
    let (n1, refuses) = switched(move |_| refusal());
    let httpd = solo("alert-refused", n1.port, "");
    let mut outage = Outage::new("refused");
    outage.quiet(&httpd, |_| requests(&httpd, 3));
    refuses.store(true, Ordering::SeqCst);
    outage.trouble(&httpd, |_| requests(&httpd, 3));
    refuses.store(false, Ordering::SeqCst);
    outage.over(&httpd, 8, |_| requests(&httpd, 3));
}

#[test]
fn responses_break_off() {
    let (n1, breaks) = switched(|request| match request.uri.as_str() {
        "/app/long" => {
            let begin = [head(200, &[("Content-Length", "90000")]), chunk_packet(&[b'x'; 8000])];
            Reply::Close([begin.concat(), chunk_packet(&[b'x'; 8000]).repeat(4)].concat())
        }
        _ => echo("n1")(request),
    });
    let httpd = solo("alert-broken", n1.port, "");
    let mut outage = Outage::new("broken");
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    breaks.store(true, Ordering::SeqCst);
    outage.trouble(&httpd, |_| {
        assert_eq!(get(&httpd, "/app/long"), 0, "it breaks off");
        requests(&httpd, 5);
    });
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
}

#[test]
fn the_application_has_errors() {
    let (n1, fails) = switched(|_| Reply::Bytes([head(500, &[]), end(true)].concat()));
    let httpd = solo("alert-errors", n1.port, "");
    let mut outage = Outage::new("server-errors");
    outage.quiet(&httpd, |_| requests(&httpd, 6));
    fails.store(true, Ordering::SeqCst);
    outage.trouble(&httpd, |_| requests(&httpd, 6));
    fails.store(false, Ordering::SeqCst);
    outage.over(&httpd, 8, |_| requests(&httpd, 6));
}

/// A backend whose answers to `/app/slow` take a while.
fn slow(time: Duration) -> Backend {
    let echo = echo("n1");
    Backend::start(move |request| {
        if request.uri == "/app/slow" {
            thread::sleep(time);
        }
        echo(request)
    })
}

/// Sends requests that take a while, all at once, and returns their statuses.
fn slow_requests(httpd: &Httpd, count: usize) -> Vec<u16> {
    thread::scope(|scope| {
        let all: Vec<_> = (0..count).map(|_| scope.spawn(|| get(httpd, "/app/slow"))).collect();
        all.into_iter().map(|own| own.join().expect("no panic")).collect()
    })
}

#[test]
fn responses_are_slow() {
    let n1 = slow(Duration::from_millis(2_600));
    let httpd = solo("alert-slow", n1.port, "");
    let mut outage = Outage::new("slow");
    outage.quiet(&httpd, |_| requests(&httpd, 3));
    // Every second minute, as each takes its time.
    outage.trouble(&httpd, |minute| {
        if minute % 2 == 0 {
            slow_requests(&httpd, 3);
        }
        requests(&httpd, 3);
    });
    outage.over(&httpd, 8, |_| requests(&httpd, 3));
}

#[test]
fn busy_limit_is_reached() {
    let n1 = slow(Duration::from_millis(300));
    let httpd = solo("alert-busy", n1.port, "worker.solo.busy_limit=1");
    let mut outage = Outage::new("busy-limit");
    outage.quiet(&httpd, |_| requests(&httpd, 3));
    outage.trouble(&httpd, |_| {
        let refused = || slow_requests(&httpd, 4).contains(&503);
        assert!(wait_until(PATIENCE, refused), "one of them comes while another is served");
    });
    outage.over(&httpd, 8, |_| requests(&httpd, 3));
}

#[test]
fn requests_wait_for_connections() {
    let n1 = slow(Duration::from_millis(300));
    let more = "worker.solo.connection_pool_size=1\nworker.solo.connection_acquire_timeout=60000";
    let httpd = solo("alert-pool", n1.port, more);
    let mut outage = Outage::new("pool");
    outage.quiet(&httpd, |_| requests(&httpd, 3));
    outage.trouble(&httpd, |_| assert_eq!(slow_requests(&httpd, 4), [200; 4]));
    outage.over(&httpd, 8, |_| requests(&httpd, 12));
}

#[test]
fn httpd_is_gone() {
    let n1 = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=solo,st\nworker.solo.port={}\nworker.st.type=status\n", n1.port);
    let config = "JkMount /app/* solo\nJkMount /jkstatus st\n";
    let mut httpd = Setup { name: "alert-gone", mpm: "event", config, workers: &workers }.start();
    let mut outage = Outage::new("target-gone");
    outage.quiet(&httpd, |_| requests(&httpd, 3));
    assert_eq!(httpd.stopped_lines(), Vec::<String>::new());
    outage.trouble(&httpd, |_| {});
    // Its log says already that it was ready once.
    httpd.write("error.log", "");
    httpd.launch();
    outage.over(&httpd, 8, |_| requests(&httpd, 3));
}

#[test]
fn each_alert_has_its_outage() {
    let rules = include_str!("../../../docs/alerts.yml");
    let named: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let fired: BTreeSet<_> = OUTAGES.iter().flat_map(|row| row.1.iter().copied()).collect();
    assert_eq!(named, fired);
    let manual = include_str!("../../../docs/metrics.md");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `Jk")?.split('`').next());
    let rows: BTreeSet<_> = rows.map(|rest| format!("Jk{rest}")).collect();
    assert_eq!(rows, named.iter().map(|name| (*name).to_owned()).collect());
}
