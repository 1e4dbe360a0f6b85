//! Two members behind a balancer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::setups::balanced;
use crate::support::backend::{Backend, Reply, chunk_packet, echo, head};
use crate::support::client::Client;
use crate::support::{free_port, wait_until};

/// Sends `count` requests over 16 keep-alive connections; returns who answered how often.
fn load(port: u16, count: usize) -> BTreeMap<String, usize> {
    let answers: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let threads: Vec<_> = (0..16)
        .map(|client| {
            let answers = Arc::clone(&answers);
            thread::spawn(move || {
                let mut connection = Client::connect(port);
                for number in 0..count / 16 {
                    let path = format!("/app/{client}/{number}");
                    let response = connection.get(&path);
                    assert_eq!(response.status, 200, "{path}");
                    let text = response.text();
                    let (name, rest) = text.split_once(' ').expect("the echo's first word");
                    assert_eq!(rest, format!("GET {path} 0"), "the body is that of the request");
                    *answers
                        .lock()
                        .expect("no panic under it")
                        .entry(name.to_owned())
                        .or_default() += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every request succeeds");
    }
    Arc::try_unwrap(answers).expect("all threads ended").into_inner().expect("no panic under it")
}

#[test]
fn ten_thousand_requests_are_split_within_one_percent() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("split", "event", [n1.port, n2.port], "");
    let answers = load(httpd.port, 10_000);
    let total: usize = answers.values().sum();
    assert_eq!(total, 10_000);
    for (name, count) in answers {
        assert!(count.abs_diff(5_000) <= 100, "{name} answered {count} of 10,000");
    }
}

#[test]
fn no_get_fails_while_a_member_is_killed_and_comes_back() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("killed", "event", [n1.port, n2.port], "");
    httpd.expect("JK-401");
    let (port, n2_port) = (httpd.port, n2.port);
    let running = thread::spawn(move || load(port, 10_000));
    thread::sleep(Duration::from_millis(150));
    drop(n2);
    thread::sleep(Duration::from_millis(300));
    let n2 = Backend::start_on(n2_port, echo("n2"));
    let answers = running.join().expect("every request succeeds");
    assert_eq!(answers.values().sum::<usize>(), 10_000);
    // Without probes it would be recover_time, a minute.
    let is_back = wait_until(Duration::from_secs(20), || {
        (0..4).any(|_| Client::connect(port).get("/app/x").text().starts_with("n2"))
    });
    assert!(is_back, "a probe brings it back");
    drop(n2);
}

#[test]
fn sessions_stay_and_move_when_they_must() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("sticky", "event", [n1.port, n2.port], "");
    httpd.expect("JK-401");
    let ask = |path: &str, cookie: &str| {
        let response = Client::connect(httpd.port).request("GET", path, &[("Cookie", cookie)], b"");
        assert_eq!(response.status, 200, "{path} {cookie}");
        response.text()[..2].to_owned()
    };
    for _ in 0..5 {
        assert_eq!(ask("/app/x", "JSESSIONID=A.n2"), "n2");
        assert_eq!(ask("/app/x", "a=b; JSESSIONID=\"A.n1\""), "n1");
        assert_eq!(ask("/app/x;jsessionid=A.n2", "JSESSIONID=A.n1"), "n2", "the path comes first");
    }
    assert_eq!(n2.last().route.as_deref(), Some("n2"));
    drop(n2);
    assert_eq!(ask("/app/x", "JSESSIONID=A.n2"), "n1");
    assert_eq!(n1.last().route.as_deref(), Some("n1"), "the route of who serves");
}

#[test]
fn a_forced_session_fails_rather_than_moves() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let more = "worker.lb.sticky_session_force=1\n";
    let mut httpd = balanced("forced", "event", [n1.port, n2.port], more);
    httpd.expect("JK-40");
    httpd.expect("JK-303");
    drop(n2);
    let cookie = [("Cookie", "JSESSIONID=A.n2")];
    let response = Client::connect(httpd.port).request("GET", "/app/x", &cookie, b"");
    assert_eq!(response.status, 503);
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
}

#[test]
fn a_post_is_delivered_once() {
    let dies = |_: &_| Reply::Close(Vec::new());
    let (n1, n2) = (Backend::start(dies), Backend::start(dies));
    let mut httpd = balanced("once", "event", [n1.port, n2.port], "");
    httpd.expect("JK-");
    let delivered = || n1.count() + n2.count();
    assert_eq!(Client::connect(httpd.port).request("POST", "/app/x", &[], b"pay").status, 502);
    assert_eq!(delivered(), 1, "a POST may have been executed");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 502);
    assert_eq!(delivered(), 3, "a GET goes to one other member");
}

#[test]
fn a_member_that_dies_in_a_small_reply_costs_nothing() {
    let n1 = Backend::start(|_| Reply::Close([head(200, &[]), chunk_packet(b"half")].concat()));
    let n2 = Backend::start(echo("n2"));
    let mut httpd = balanced("half", "event", [n1.port, n2.port], "");
    httpd.expect("JK-401");
    for _ in 0..6 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").text(), "n2 GET /app/x 0");
    }
    let status = Client::connect(httpd.port).get("/jkstatus?mime=txt").text();
    let busy = status
        .lines()
        .filter(|line| line.starts_with("Member:") && line.contains(" busy=0 "))
        .count();
    assert_eq!(busy, 2, "nothing is left in flight: {status}");
}

#[test]
fn all_children_see_the_same_state() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("shared", "prefork", [n1.port, n2.port], "");
    httpd.expect("JK-401");
    drop(n2);
    for _ in 0..20 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    }
    let status = Client::connect(httpd.port).get("/jkstatus?mime=txt").text();
    let line =
        status.lines().find(|line| line.contains("name=n2 ")).expect("the member").to_owned();
    assert!(
        line.contains("state=ERR ") && line.contains("errors=1 "),
        "one child told all: {line}"
    );
}

#[test]
fn without_a_usable_member_the_answer_says_when_to_come_again() {
    let (a, b) = (free_port(), free_port());
    let mut httpd = balanced("none-usable", "event", [a, b], "");
    httpd.expect("JK-303");
    httpd.expect("JK-40");
    for _ in 0..3 {
        let response = Client::connect(httpd.port).get("/app/x");
        assert_eq!((response.status, response.header("Retry-After")), (503, Some("2")));
    }
    let log = httpd.log("jk.log");
    let line = log.lines().find(|line| line.contains("JK-402")).expect("a line says why");
    assert!(
        line.contains("GET /app/x: no member can serve the request (n1 is in error, JK-303: ")
            && line.contains("; n2 is in error, JK-303: ")
            && line.contains("answered 503"),
        "{line}"
    );
}
