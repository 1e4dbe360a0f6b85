//! Conditions that must not look better than they are.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::setups::balanced;
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

fn first_member(httpd: &Httpd) -> Value {
    let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    let page: Value = serde_json::from_str(&text).expect("JSON");
    page["balancers"][0]["members"][0].clone()
}

/// Asserts that two looks found the same moment. It is kept by a clock that knows no date, and each look adds
/// it to the one that does: read one after the other, the two may lie on two sides of a second.
fn same_moment(one: &Value, other: &Value) {
    let unix = |since: &Value| since["unix"].as_i64().expect("a time");
    assert!(unix(one).abs_diff(unix(other)) <= 1, "{one}, {other}");
}

/// Nothing but a request shows that a wrong secret was mended: it answers CPING all the while.
#[test]
fn a_member_stays_out_when_recover_time_is_over() {
    let refusal = || [head(403, &[]), chunk_packet(b"no"), end(false)].concat();
    let (n1, n2) = (Backend::start(move |_| Reply::Close(refusal())), Backend::start(echo("n2")));
    let more = "worker.lb.recover_time=2\n";
    let mut httpd = balanced("stays-out", "event", [n1.port, n2.port], more);
    httpd.expect("JK-315");
    httpd.expect("JK-409");
    for _ in 0..8 {
        Client::connect(httpd.port).get("/app/x");
    }
    let before = first_member(&httpd);
    assert_eq!(before["condition"], "out", "{before}");
    let may_be_tried = || first_member(&httpd)["state"] == "ERR/REC";
    assert!(wait_until(Duration::from_secs(60), may_be_tried), "{}", httpd.log("jk.log"));
    let after = first_member(&httpd);
    assert_eq!(after["condition"], "out", "{after}");
    assert_eq!(after["way_back"], "the next request tries it");
    same_moment(&after["since"], &before["since"]);
    assert_eq!(after["remedy"], before["remedy"]);

    // What brings it back ends it at once, whatever failed before.
    let port = n1.port;
    n1.stop();
    drop(n1);
    let _n1 = Backend::start_on(port, echo("n1"));
    Client::connect(httpd.port).get("/jkstatus?cmd=recover&w=lb&sw=n1&mime=txt");
    let is_back = || {
        Client::connect(httpd.port).get("/app/x");
        first_member(&httpd)["state"] == "OK"
    };
    assert!(wait_until(Duration::from_secs(60), is_back), "{}", httpd.log("jk.log"));
    let back = first_member(&httpd);
    assert_eq!((&back["condition"], &back["since"]), (&"serving".into(), &Value::Null), "{back}");
}

/// Before the first request that would find it out.
#[test]
fn a_member_without_an_address_is_out_from_the_start() {
    let n2 = Backend::start(echo("n2"));
    let workers = format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=n1.invalid\nworker.n1.port=8009\nworker.n2.host=127.0.0.1\n\
         worker.n2.port={}\nworker.st.type=status\n",
        n2.port
    );
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\n";
    let mut httpd = Setup { name: "unnamed", mpm: "event", config, workers: &workers }.prepare();
    httpd.expect("JK-302");
    httpd.expect("JK-401");
    httpd.launch();
    let own = first_member(&httpd);
    assert_eq!((&own["condition"], &own["address"]), (&"out".into(), &"n1.invalid:8009".into()));
    assert_eq!(own["reasons"][0], "the host name has no address (JK-302)");
    assert!(own["way_back"].as_str().is_some_and(|way| way.contains("looked up again")), "{own}");
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    assert!(page.contains("n1.invalid:8009") && !page.contains("UnresolvedIP"), "{page}");
    // The frozen formats say it as ever.
    assert!(Client::connect(httpd.port).get("/jkstatus?mime=txt").text().contains("UnresolvedIP"));
    // Requests find the same, and it began no later by that; later by more than two looks may differ.
    std::thread::sleep(Duration::from_secs(2));
    for _ in 0..4 {
        Client::connect(httpd.port).get("/app/x");
    }
    same_moment(&first_member(&httpd)["since"], &own["since"]);
}

/// No request fails and no state changes, so that only a look at the replies shows what users see.
#[test]
fn a_backend_that_hangs_or_answers_5xx_is_degraded_and_the_log_says_so_once() {
    let hangs = Arc::new(AtomicBool::new(false));
    let (is_hung, gate) = (Arc::clone(&hangs), Arc::new(Mutex::new(())));
    let (behind, answer) = (Arc::clone(&gate), echo("n1"));
    let n1 = Backend::start(move |request| {
        if is_hung.load(Relaxed) {
            drop(behind.lock());
        }
        answer(request)
    });
    let failing = || [head(500, &[]), chunk_packet(b"no database"), end(true)].concat();
    let n2 = Backend::start(move |_| Reply::Bytes(failing()));
    let workers = format!(
        "worker.list=hung,failing,st\nworker.hung.port={}\nworker.failing.port={}\n\
         worker.st.type=status\n",
        n1.port, n2.port
    );
    let config =
        "Timeout 120\nJkMount /app/* hung\nJkMount /broken/* failing\nJkMount /jkstatus st\n";
    let httpd = Setup { name: "replies", mpm: "event", config, workers: &workers }.start();
    let worker = |index: usize| {
        let text = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
        let page: Value = serde_json::from_str(&text).expect("JSON");
        page["ajp_workers"][index].clone()
    };
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    (0..10).for_each(|_| assert_eq!(Client::connect(httpd.port).get("/broken/x").status, 500));
    let serving = worker(0);
    assert_eq!(serving["condition"], "serving", "{serving}");

    let closed = gate.lock().expect("no panic");
    hangs.store(true, Relaxed);
    let port = httpd.port;
    let clients: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(move || Client::connect(port).get("/app/x").status))
        .collect();
    for (index, name, why, remedy) in [
        (0, "hung", "it begins no reply any more, and 4 requests wait for one", "thread dump"),
        (
            1,
            "failing",
            "its application answered 10 of 10 requests with a status 5xx",
            "application's log",
        ),
    ] {
        let is_degraded = || worker(index)["condition"] == "degraded";
        assert!(wait_until(PATIENCE, is_degraded), "{}", worker(index));
        let own = worker(index);
        assert!(own["reasons"][0].as_str().is_some_and(|own| own.starts_with(why)), "{own}");
        assert!(own["since"]["unix"].as_i64() > Some(0), "{own}");
        assert!(own["remedy"].as_str().is_some_and(|own| own.contains(remedy)), "{own}");
        let line = format!("JK-414 worker {name} at ");
        httpd.says(&line, 1);
        let log = httpd.log("jk.log");
        let line = log.lines().find(|own| own.contains(&line)).expect("it is there");
        for text in ["[warn]", why, "; since ", remedy] {
            assert!(line.contains(text), "{text}: {line}");
        }
    }
    drop(closed);
    for client in clients {
        assert_eq!(client.join().expect("no panic"), 200);
    }
    let is_over = || worker(0)["condition"] == "serving";
    assert!(wait_until(PATIENCE, is_over), "{}", worker(0));
}
