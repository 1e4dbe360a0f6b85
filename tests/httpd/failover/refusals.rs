//! Requests that the AJP connector refuses itself, which look like pages of an application.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use crate::bare::{Then, give, path, serving};
use crate::setups::balanced;
use crate::setups::number;
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};
use crate::support::wait_until;

/// A page as the connector writes it: its packets, and whether it keeps the connection.
fn page(status: u16, keeps: bool) -> Vec<u8> {
    [head(status, &[]), chunk_packet(b"Tomcat's page"), end(keeps)].concat()
}

/// A backend whose connector wants another secret.
fn with_other_secret() -> Backend {
    Backend::start(|_| Reply::Close(page(403, false)))
}

fn get(httpd: &Httpd) -> Response {
    Client::connect(httpd.port).get("/app/x")
}

fn json(httpd: &Httpd) -> serde_json::Value {
    let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn a_member_with_a_wrong_secret_goes_out_of_service_and_says_why() {
    let (n1, n2) = (with_other_secret(), Backend::start(echo("n2")));
    let workers = "worker.lb.recover_time=2\n";
    let mut httpd = balanced("refused-one", "event", [n1.port, n2.port], workers);
    httpd.expect("JK-315");
    httpd.expect("JK-409");
    let answers: Vec<_> = (0..20).map(|_| get(&httpd)).collect();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 403).collect();
    assert_eq!(refused.len(), 3, "then it gets no more");
    assert_eq!(refused[0].text(), "Tomcat's page", "an answer is an answer");
    httpd.says("JK-315 balancer lb: member n1 at", 3);
    let log = httpd.log("jk.log");
    let line = log.lines().find(|line| line.contains("JK-315")).expect("a line");
    assert!(line.contains("error") && line.contains("worker.n1.refusal_detection=off"), "{line}");
    assert!(log.contains("JK-409 balancer lb: member n1 at"), "{log}");

    // It answers CPING all the while. One request tries it after each recover_time.
    let member = json(&httpd)["balancers"][0]["members"][0].clone();
    assert_eq!(member["state"], "ERR");
    assert_eq!(member["last_failure"], "JK-315");
    let (why, remedy) = (member["reasons"].to_string(), member["remedy"].to_string());
    assert!(why.contains("the secret is not its own") && why.contains("(JK-315)"), "{why}");
    assert!(remedy.contains("`secret`"), "{remedy}");
    assert_eq!(member["refusals_in_row"], 3);
    assert_eq!(member["counts"]["failures"]["JK-315"], 3);
    assert_eq!(member["errors"], 3);
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    assert!(page.contains("1 of 2 members is out"), "{page}");
    let is_tried = || get(&httpd).status == 403;
    assert!(wait_until(Duration::from_secs(20), is_tried), "{}", httpd.log("jk.log"));
    assert_eq!(number(&httpd, "n1", "state"), "ERR", "one refusal is enough then");

    // Its Tomcat is restarted with the right secret.
    let port = n1.port;
    n1.stop();
    drop(n1);
    let is_gone = || {
        get(&httpd);
        json(&httpd)["balancers"][0]["members"][0]["refusals_in_row"] == 2
    };
    assert!(wait_until(Duration::from_secs(20), is_gone), "{}", httpd.log("jk.log"));
    let _n1 = Backend::start_on(port, echo("n1"));
    let is_back = || get(&httpd).text().starts_with("n1");
    assert!(wait_until(Duration::from_secs(20), is_back), "{}", httpd.log("jk.log"));
    assert_eq!(json(&httpd)["balancers"][0]["members"][0]["refusals_in_row"], 0);
}

#[test]
fn a_wrong_secret_everywhere_takes_nobody_out_and_is_seen_everywhere() {
    let (n1, n2) = (with_other_secret(), with_other_secret());
    let mut httpd = balanced("refused-all", "event", [n1.port, n2.port], "");
    httpd.expect("JK-315");
    httpd.expect("JK-409");
    httpd.expect("JK-410");
    let statuses: Vec<_> = (0..20).map(|_| get(&httpd).status).collect();
    assert_eq!(statuses, [403; 20], "the connector's own answer, not our 503");
    httpd.says("JK-409", 1);
    httpd.says("JK-410", 1);
    let all = json(&httpd);
    let lb = &all["balancers"][0];
    assert_eq!((&lb["bad"], &lb["good"]), (&2.into(), &0.into()));
    let is_refusing = |place: usize| lb["members"][place]["is_refusing"] == true;
    assert!(is_refusing(0) && is_refusing(1), "{lb}");
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    assert!(page.contains("No member takes new sessions: lb"), "{page}");
    assert!(page.contains("it stays in service, because no other member can serve"), "{page}");
    assert!(page.contains(">Degraded<"), "{page}");
}

#[test]
fn an_application_that_answers_403_is_no_refusal() {
    let port = serving(|stream, request| {
        // It does not ask for the rest of an upload, whether the connection is to stay or not.
        let keeps = matches!(&*path(request), "/app/forbidden" | "/app/upload");
        give(stream, &page(403, keeps));
        if keeps { Then::Keep } else { Then::Close }
    });
    let workers = format!(
        "worker.list=w1,off,st\nworker.w1.port={port}\nworker.off.port={port}\n\
         worker.off.refusal_detection=off\nworker.st.type=status\n"
    );
    let config = "JkMount /app/* w1\nJkMount /off/* off\nJkMount /jkstatus st\n";
    let setup = Setup { name: "refused-app", mpm: "event", config, workers: &workers };
    let httpd = setup.start();
    for _ in 0..5 {
        assert_eq!(Client::connect(httpd.port).get("/app/forbidden").status, 403);
        for path in ["/app/upload", "/app/large"] {
            let mut client = Client::connect(httpd.port);
            assert_eq!(client.request("POST", path, &[], &[b'x'; 30_000]).status, 403, "{path}");
        }
        // One that ends the connection after its own answers says so in its settings.
        assert_eq!(Client::connect(httpd.port).get("/off/x").status, 403);
    }
    assert!(!httpd.log("jk.log").contains("JK-315"), "{}", httpd.log("jk.log"));
    for name in ["w1", "off"] {
        assert_eq!(number(&httpd, name, "errors"), "0", "{name}");
    }
}

#[test]
fn a_worker_alone_counts_and_shows_refusals() {
    let is_right = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_right);
    let n1 = Backend::start(move |_| match seen.load(SeqCst) {
        true => Reply::Bytes(page(200, true)),
        false => Reply::Close(page(403, false)),
    });
    let workers = format!("worker.list=w1,st\nworker.w1.port={}\nworker.st.type=status\n", n1.port);
    let config = "JkMount /app/* w1\nJkMount /jkstatus st\n";
    let setup = Setup { name: "refused-alone", mpm: "prefork", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-315");
    let statuses: Vec<_> = (0..100).map(|_| get(&httpd).status).collect();
    assert_eq!(statuses, [403; 100]);
    // The first ones are written, the others are counted.
    let lines = httpd.log("jk.log").lines().filter(|line| line.contains("JK-315")).count();
    assert!((3..100).contains(&lines), "{}", httpd.log("jk.log"));
    let worker = json(&httpd)["ajp_workers"][0].clone();
    assert_eq!((&worker["errors"], &worker["is_refusing"]), (&100.into(), &true.into()));
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    assert!(page.contains("Worker w1 is out"), "{page}");
    let metrics = Client::connect(httpd.port).get("/jkstatus?cmd=metrics").text();
    assert!(metrics.contains("reason=\"refused\"} 100"), "{metrics}");

    is_right.store(true, SeqCst);
    assert_eq!(get(&httpd).status, 200);
    assert_eq!(json(&httpd)["ajp_workers"][0]["is_refusing"], false);
}

#[test]
fn a_request_larger_than_the_connectors_packets_is_explained() {
    let n1 = Backend::start(|request| match request.uri.as_str() {
        "/app/own" => Reply::Bytes(page(400, true)),
        "/app/broken" => Reply::Bytes(page(500, true)),
        "/app/500" => Reply::Close(page(500, false)),
        _ => Reply::Close(page(400, false)),
    });
    let workers = format!(
        "worker.list=w1,st\nworker.w1.port={}\nworker.w1.max_packet_size=65536\n\
         worker.st.type=status\n",
        n1.port
    );
    let config = "JkMount /app/* w1\nJkMount /jkstatus st\nLimitRequestFieldSize 32000\n";
    let setup = Setup { name: "refused-large", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-330");
    let large = "x".repeat(9_000);
    let ask = |path, headers: &[(&str, &str)]| {
        Client::connect(httpd.port).request("GET", path, headers, b"").status
    };
    // A small request that is refused, and a large one the application refuses, are no matter of
    // packets.
    assert_eq!(ask("/app/x", &[]), 400);
    assert_eq!(ask("/app/own", &[("X-Large", &large)]), 400);
    assert_eq!(ask("/app/broken", &[("X-Large", &large)]), 500);
    assert_eq!(ask("/app/500", &[]), 500);
    assert!(!httpd.log("jk.log").contains("JK-330"), "{}", httpd.log("jk.log"));
    assert_eq!(ask("/app/x", &[("X-Large", &large)]), 400);
    let log = httpd.log("jk.log");
    assert!(log.contains("make the connector's packetSize equal to the worker's"), "{log}");
    assert_eq!(json(&httpd)["ajp_workers"][0]["last_failure"], "JK-330");
    // Tomcat answers some of these requests with 500.
    assert_eq!(ask("/app/500", &[("X-Large", &large)]), 500);
    httpd.says("the client received the connector's 500", 1);
    assert_eq!(json(&httpd)["ajp_workers"][0]["errors"], 2);
}
