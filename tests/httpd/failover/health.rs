//! Health checks of a balancer, as backends, clients and the administrator see them.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};
use std::time::{Duration, Instant};

use crate::setups::balanced;
use crate::setups::number;
use crate::support::backend::{Backend, Reply, Request, chunk_packet, end, head, ok};
use crate::support::client::Client;
use crate::support::httpd::Httpd;
use crate::support::{PATIENCE, wait_until};

/// A backend whose `/health` answers with a status that can be changed.
fn with_health(name: &'static str) -> (Backend, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let seen = Arc::clone(&status);
    let backend = Backend::start(move |request| match request.uri.as_str() {
        "/health" => {
            let body = vec![b'x'; if request.method == "HEAD" { 0 } else { 20_000 }];
            let chunks = body.chunks(8_000).flat_map(chunk_packet);
            let reply =
                [head(seen.load(SeqCst), &[("X-Health", "yes")]), chunks.collect(), end(true)];
            Reply::Bytes(reply.concat())
        }
        _ => Reply::Bytes(ok(&[], name.as_bytes())),
    });
    (backend, status)
}

fn checks(backend: &Backend) -> Vec<Request> {
    let requests = backend.requests.lock().expect("no panic under the lock");
    requests.iter().filter(|request| request.uri == "/health").cloned().collect()
}

/// What the status page says of a member's health.
fn health(httpd: &Httpd, place: usize) -> (String, u64) {
    let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let member = &json["balancers"][0]["members"][place];
    let word = member["health"].as_str().unwrap_or("none").to_owned();
    (word, member["health_status"].as_u64().unwrap_or(0))
}

fn served_by(httpd: &Httpd, count: usize) -> Vec<String> {
    let answer = |_| {
        let response = Client::connect(httpd.port).get("/app/x");
        assert_eq!(response.status, 200);
        response.text()
    };
    let mut names: Vec<_> = (0..count).map(answer).collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn an_ill_member_is_left_out_until_it_is_well() {
    for (mpm, method) in [("prefork", "GET"), ("event", "HEAD")] {
        let ((n1, _), (n2, status)) = (with_health("n1"), with_health("n2"));
        let more = format!(
            "worker.lb.health_check={method} /health?from=jk\nworker.lb.health_check_interval=1\n\
             worker.lb.health_check_host=www.test:81\nworker.lb.secret=s3cret\n"
        );
        let name = format!("health-{method}");
        let mut httpd = balanced(&name, mpm, [n1.port, n2.port], &more);
        let says = |word: &str, status| (word.to_owned(), status);
        let is = |expected: &(String, u64)| health(&httpd, 1) == *expected;
        assert!(wait_until(PATIENCE, || is(&says("healthy", 200))), "{method}: healthy");
        assert_eq!(served_by(&httpd, 8), ["n1", "n2"]);
        let check = checks(&n2).pop().expect("a check");
        assert_eq!((check.method.as_str(), check.query.as_deref()), (method, Some("from=jk")));
        assert_eq!(check.header("host"), Some("www.test:81"));
        assert_eq!(check.secret.as_deref(), Some("s3cret"));

        status.store(503, SeqCst);
        assert!(wait_until(PATIENCE, || is(&says("unhealthy", 503))), "{method}: unhealthy");
        assert_eq!(number(&httpd, "n2", "state"), "ERR");
        assert_eq!(served_by(&httpd, 20), ["n1"]);
        // It answers pings all the while, and would be back if they counted.
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(served_by(&httpd, 20), ["n1"]);
        assert_eq!(number(&httpd, "n2", "errors"), "1");

        status.store(204, SeqCst);
        assert!(wait_until(PATIENCE, || is(&says("healthy", 204))), "{method}: again");
        assert_eq!(served_by(&httpd, 20), ["n1", "n2"]);
        httpd.expect("JK-406");
        let log = httpd.log("jk.log");
        let line = "fails its health check (GET /health?from=jk): status 503, 3 times in a row";
        assert!(log.contains(&line.replace("GET", method)), "{log}");
        assert!(log.contains("JK-407 balancer lb: member n2 passes"), "{log}");
        assert!(!log.contains("s3cret"), "{log}");
    }
}

#[test]
fn an_unhealthy_member_stays_out_although_its_requests_succeed() {
    let ((n1, _), (n2, status)) = (with_health("n1"), with_health("n2"));
    let more = "worker.lb.health_check=GET /health\nworker.lb.health_check_interval=1\n\
                worker.lb.health_check_fall=1\nworker.lb.sticky_session_force=1\n";
    let mut httpd = balanced("health-forced", "event", [n1.port, n2.port], more);
    httpd.expect("JK-406");
    httpd.expect("JK-402");
    assert_eq!(served_by(&httpd, 8), ["n1", "n2"]);
    status.store(503, SeqCst);
    let is_out = || number(&httpd, "n2", "state") == "ERR";
    assert!(wait_until(PATIENCE, is_out), "{}", httpd.log("jk.log"));
    // Sessions that may go nowhere else try it once a second, and succeed.
    let ask = || {
        let cookie = [("Cookie", "JSESSIONID=x.n2")];
        Client::connect(httpd.port).request("GET", "/app/x", &cookie, b"").status
    };
    let (begun, mut served, mut refused) = (Instant::now(), 0, 0);
    while served < 4 || refused < 4 {
        match ask() {
            200 => served += 1,
            _ => refused += 1,
        }
        let state = number(&httpd, "n2", "state");
        assert!(["ERR", "ERR/FRC"].contains(&&*state), "{state}: {}", httpd.log("jk.log"));
        assert!(begun.elapsed() < Duration::from_secs(60), "{served} served, {refused} not");
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = httpd.log("jk.log");
    assert_eq!(log.matches("JK-406").count(), 1, "{log}");
    assert!(!log.contains("JK-403") && !log.contains("JK-407"), "{log}");

    status.store(200, SeqCst);
    let is_back = || ask() == 200 && number(&httpd, "n2", "state") == "OK";
    assert!(wait_until(PATIENCE, is_back), "{}", httpd.log("jk.log"));
    let log = httpd.log("jk.log");
    for line in ["JK-407 balancer lb: member n2 passes", "JK-403 balancer lb: member n2 is back"] {
        assert_eq!(log.matches(line).count(), 1, "{line}: {log}");
    }
}

#[test]
fn one_process_checks_for_the_whole_machine() {
    let ((n1, _), (n2, _)) = (with_health("n1"), with_health("n2"));
    let more = "worker.lb.health_check=GET /health\nworker.lb.health_check_interval=1\n";
    let httpd = balanced("health-one", "prefork", [n1.port, n2.port], more);
    assert!(wait_until(PATIENCE, || !checks(&n1).is_empty()));
    // Enough children that each of them would be noticed.
    assert_eq!(served_by(&httpd, 20), ["n1", "n2"]);
    let (begun, before) = (Instant::now(), checks(&n1).len());
    assert!(wait_until(PATIENCE, || checks(&n1).len() >= before + 3));
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(1_900), "3 checks in {took:?}");
}

#[test]
fn a_check_that_fails_everywhere_takes_nobody_out() {
    let ((n1, s1), (n2, s2)) = (with_health("n1"), with_health("n2"));
    s1.store(404, SeqCst);
    s2.store(404, SeqCst);
    let more = "worker.lb.health_check=GET /health\nworker.lb.health_check_interval=1\n\
                worker.lb.health_check_fall=1\n";
    let mut httpd = balanced("health-all", "event", [n1.port, n2.port], more);
    httpd.expect("JK-406");
    httpd.expect("JK-408");
    let is_said = || httpd.log("jk.log").contains("JK-408");
    assert!(wait_until(PATIENCE, is_said), "it is said");
    let all = || served_by(&httpd, 8) == ["n1", "n2"];
    assert!(wait_until(PATIENCE, all), "all serve: {}", httpd.log("jk.log"));
    std::thread::sleep(Duration::from_millis(2_000));
    assert_eq!(served_by(&httpd, 8), ["n1", "n2"], "and stay");
}

#[test]
fn what_is_written_wrongly_checks_nobody() {
    let ((n1, _), (n2, status)) = (with_health("n1"), with_health("n2"));
    status.store(503, SeqCst);
    let more = "worker.lb.health_check=POST /health\nworker.lb.health_check_interval=soon\n";
    let mut httpd = balanced("health-bad", "event", [n1.port, n2.port], more);
    httpd.expect("JK-102");
    let path = httpd.dir.join("workers.properties").display().to_string();
    let (is_fine, said) = httpd.configtest();
    assert!(is_fine, "{said}");
    for text in [
        "worker.lb.health_check: invalid value \"POST /health\", expected GET or HEAD and a path, such as \"GET /health\"; members are not checked",
        "worker.lb.health_check_interval: invalid value \"soon\", expected a whole number from 1 to 86400; 5 is used",
    ] {
        assert!(said.contains(&path) && said.contains(text), "{text}: {said}");
    }
    std::thread::sleep(Duration::from_millis(1_500));
    assert_eq!(served_by(&httpd, 8), ["n1", "n2"]);
    assert_eq!(health(&httpd, 1), ("none".to_owned(), 0));
    assert_eq!(checks(&n2).len(), 0);

    // Mended, and then taken out again: what the check had said does not last.
    let text = fs::read_to_string(&path).expect("a file").replace("POST", "GET");
    let good = text.replace("soon", "1");
    httpd.write("workers.properties", &good);
    httpd.graceful();
    httpd.expect("JK-406");
    let is_unhealthy = || health(&httpd, 1) == ("unhealthy".to_owned(), 503);
    assert!(wait_until(Duration::from_secs(15), is_unhealthy), "{}", httpd.log("jk.log"));
    httpd.write("workers.properties", &good.replace("health_check", "health_chec_"));
    let (is_fine, said) = httpd.configtest();
    assert!(!is_fine && said.contains("did you mean health_check"), "{said}");
    let lines = good.lines().filter(|line| !line.contains("health_check"));
    httpd.write("workers.properties", &lines.map(|line| format!("{line}\n")).collect::<String>());
    httpd.graceful();
    let all = || served_by(&httpd, 8) == ["n1", "n2"];
    assert!(wait_until(PATIENCE, all), "{}", httpd.log("jk.log"));
}
