//! Events: what happened to members, who changed what, and what a restart leaves of it.

use std::sync::atomic::Ordering::SeqCst;

use serde_json::Value;

use crate::setups::{balanced, held, number};
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

fn page(httpd: &Httpd, query: &str) -> Value {
    // The child that takes the request may be one that a restart is ending.
    let ask = || {
        let text = format!(
            "GET /jkstatus?mime=json&{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
        );
        let answer = Client::connect(httpd.port).try_raw(text.as_bytes(), "GET")?.text();
        serde_json::from_str(&answer).ok()
    };
    (0..10).find_map(|_| ask()).expect("httpd answers")
}

fn events(httpd: &Httpd, since: u64) -> Vec<Value> {
    let page = page(httpd, &format!("cmd=events&since={since}"));
    page["events"].as_array().expect("a list").clone()
}

/// Kind, subject and reason of each.
fn told(events: &[Value]) -> Vec<String> {
    let word = |event: &Value, key: &str| event[key].as_str().unwrap_or("-").to_owned();
    let line = |event: &Value| {
        ["kind", "balancer", "worker", "reason", "code"].map(|key| word(event, key)).join(" ")
    };
    events.iter().map(line).collect()
}

/// Sends requests until an event of a kind is there.
fn wait_for(httpd: &Httpd, kind: &str) {
    let is_there = || {
        Client::connect(httpd.port).get("/app/x");
        events(httpd, 0).iter().any(|event| event["kind"] == kind)
    };
    assert!(wait_until(PATIENCE, is_there), "{kind}: {:?}", told(&events(httpd, 0)));
}

#[test]
fn an_outage_and_an_edit_are_kept_over_graceful_restarts() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let ports = [n1.port, n2.port];
    let mut httpd = balanced("events", "event", ports, "");
    httpd.expect("JK-401");
    assert_eq!(told(&events(&httpd, 0)), ["started - - none -"]);

    n2.stop();
    wait_for(&httpd, "out");
    let _n2 = Backend::start_on(ports[1], echo("n2"));
    wait_for(&httpd, "back");
    let outage = [
        "started - - none -",
        "out lb n2 request JK-303",
        "recovering lb n2 probe -",
        "back lb n2 request -",
    ];
    let all = events(&httpd, 0);
    // Where the backend closed a connection in the middle, another cause may come first.
    let is_out = |line: &str| line.starts_with("out lb n2 request JK-30");
    let lines = told(&all);
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(is_out(&lines[1]) && lines[0] == outage[0] && lines[2..] == outage[2..], "{lines:?}");
    let at = |event: &Value| {
        event["time"]["unix"].as_u64().expect("a time") * 1_000
            + event["time"]["ms"].as_u64().expect("a part")
    };
    assert!(all.windows(2).all(|pair| at(&pair[0]) <= at(&pair[1])), "{all:?}");

    // A change: who, what, from what to what.
    let last = page(&httpd, "cmd=events")["last_event"].as_u64().expect("a number");
    page(&httpd, "cmd=update&w=lb&sw=n1&vwf=3&vwa=d");
    page(&httpd, "cmd=reset&w=lb&sw=n1");
    let edits = events(&httpd, last);
    let line = |event: &Value| {
        let text = event["text"].as_str().expect("a text");
        let client = event["client"].as_str().expect("an address");
        assert!(client.starts_with("127."), "{event}");
        text.replace(client, "CLIENT")
    };
    let mut lines: Vec<_> = edits.iter().map(line).collect();
    lines[..2].sort();
    assert_eq!(
        lines,
        [
            "lb/n1 activation changed from \"ACT\" to \"DIS\" by CLIENT",
            "lb/n1 lbfactor changed from \"1\" to \"3\" by CLIENT",
            "lb/n1 counters reset by CLIENT",
        ]
    );
    let html = Client::connect(httpd.port).get("/jkstatus").text();
    assert!(html.contains("lbfactor changed from"), "{html}");

    // All of it is there after a graceful restart, also one that needs a larger shared memory.
    let before = events(&httpd, 0);
    httpd.graceful_for_all();
    let after = events(&httpd, 0);
    assert_eq!(after[..before.len()], before);
    assert_eq!(told(&after[before.len()..]), ["restarted - - none -"]);
    assert_ne!(number(&httpd, "n2", "elected"), "0", "the memory is that of before");

    // What the file has changed since is no longer in force.
    httpd.expect("JK-503");
    let file = std::fs::read_to_string(httpd.dir.join("workers.properties")).expect("a file");
    let file = format!("{file}worker.n1.lbfactor=2\n");
    httpd.write("workers.properties", &file);
    httpd.graceful_for_all();
    let discarded = || {
        let all = events(&httpd, 0);
        let all = all.iter().filter(|event| event["kind"] == "discarded");
        all.map(|event| event["text"].as_str().expect("a text").to_owned()).collect::<Vec<_>>()
    };
    assert!(wait_until(PATIENCE, || discarded().len() == 2), "{:?}", discarded());
    for (text, what) in discarded().iter().zip(["activation no longer", "lbfactor=3 no longer"]) {
        assert!(
            text.starts_with("lb/n1 runtime change discarded: ") && text.contains(what),
            "{text}"
        );
    }

    let after = events(&httpd, 0);
    let more: String = (0..200)
        .map(|number| format!("worker.list=m{number}\nworker.m{number}.port=9\n"))
        .collect();
    httpd.write("workers.properties", &format!("{file}{more}"));
    httpd.graceful_for_all();
    let last = after.len();
    let grown = events(&httpd, 0);
    assert_eq!(grown[..last], after);
    assert_eq!(told(&grown[last..]), ["restarted - - none -"]);
    assert_eq!(number(&httpd, "n2", "elected"), "0", "the memory is new");

    // A broken file is rejected, and that is said as well.
    httpd.expect("JK-101");
    httpd.expect("JK-104");
    httpd.write("workers.properties", &format!("{file}worker.n1.nonsense=1\n"));
    httpd.graceful_for_all();
    let told = told(&events(&httpd, grown[grown.len() - 1]["seq"].as_u64().expect("a number")));
    assert_eq!(told, ["restarted - - none -", "rejected - - none -"]);
}

/// The requests that found no room, in one event for each limit with how many they were.
#[test]
fn requests_without_room_are_an_event() {
    let queue = "worker.w.queue_size=1\nworker.w.queue_timeout";
    for (name, more, wanted) in [
        ("full", format!("{queue}=60000\n"), "overloaded w - request JK-323"),
        ("late", format!("{queue}=1\n"), "overloaded w - request JK-322"),
        ("none", String::new(), "overloaded w - request JK-312"),
        ("alone", String::new(), "overloaded - w request JK-312"),
    ] {
        let (backend, is_let) = held();
        let worker = match name {
            "alone" => format!("worker.w.port={}\nworker.w.busy_limit=1\n", backend.port),
            _ => format!(
                "worker.w.type=lb\nworker.w.balance_workers=n1\nworker.w.retries=1\n\
                 worker.n1.port={}\nworker.n1.busy_limit=1\nworker.n1.connection_acquire_timeout=1\n",
                backend.port
            ),
        };
        let workers = format!("worker.list=w,st\nworker.st.type=status\n{worker}{more}");
        let config = "JkMount /app/* w\nJkMount /jkstatus st\n";
        let setup =
            Setup { name: &format!("room-{name}"), mpm: "event", config, workers: &workers };
        let mut httpd = setup.prepare();
        ["JK-312", "JK-322", "JK-323", "JK-402"].iter().for_each(|code| httpd.expect(code));
        httpd.launch();
        let send = |path: &str| {
            let mut client = Client::connect(httpd.port);
            client.send(&format!("GET /app/{path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client
        };
        let mut served = vec![send("first")];
        assert!(wait_until(PATIENCE, || backend.count() == 1), "{name}");
        if name == "full" {
            served.push(send("second"));
            let waits = || page(&httpd, "cmd=list")["balancers"][0]["waiting"] == 1;
            assert!(wait_until(PATIENCE, waits), "{name}");
        }
        for _ in 0..3 {
            assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503, "{name}");
        }
        is_let.store(true, SeqCst);
        for client in &mut served {
            assert_eq!(client.response("GET").map(|answer| answer.status), Some(200), "{name}");
        }
        let events = events(&httpd, 0);
        assert_eq!(told(&events[1..]), [wanted], "{name}");
        assert_eq!(events[1]["count"], 3, "{name}: {events:?}");
    }
}
