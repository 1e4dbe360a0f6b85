//! Several children count in the same records at once: every sum is exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::backend::{Backend, Reply, head, ok, packet};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::openmetrics::read;
use crate::support::{PATIENCE, wait_until};

const CLIENTS: u64 = 32;
const EACH: u64 = 625;

/// What one side has seen, by member: requests, those without a session, answers 200 and 404, and
/// bytes of answers as they go over the wire.
#[derive(Debug, Default)]
struct Seen {
    requests: AtomicU64,
    new_sessions: AtomicU64,
    found: AtomicU64,
    missing: AtomicU64,
    bytes: AtomicU64,
}

/// A backend that counts what it sends. Every tenth path is not there.
fn counting(name: &'static str, seen: Arc<Seen>) -> Backend {
    Backend::start(move |request| {
        let bytes = match request.uri.ends_with('0') {
            true => [head(404, &[("Content-Length", "0"), ("X-Member", name)]), packet(&[5, 1])]
                .concat(),
            false => ok(&[("X-Member", name)], request.uri.as_bytes()),
        };
        seen.bytes.fetch_add(bytes.len() as u64, Relaxed);
        Reply::Bytes(bytes)
    })
}

/// Sends one client's requests. Every fourth belongs to a session of the first member.
fn ask(port: u16, seen: &[Seen; 2]) {
    let mut client = Client::connect(port);
    for number in 0..EACH {
        let is_known = number % 4 == 0;
        let headers: &[_] = if is_known { &[("Cookie", "JSESSIONID=a.n1")] } else { &[] };
        let response = client.request("GET", &format!("/app/{number}"), headers, b"");
        let name = response.header("X-Member").expect("a member");
        assert!(!is_known || name == "n1", "a session stays: {name}");
        let own = &seen[usize::from(name == "n2")];
        own.requests.fetch_add(1, Relaxed);
        own.new_sessions.fetch_add(u64::from(!is_known), Relaxed);
        match (response.status, number % 10) {
            (404, 0) => own.missing.fetch_add(1, Relaxed),
            (200, 1..) => own.found.fetch_add(1, Relaxed),
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn four_children_count_exactly_what_their_clients_see() {
    let sent: [Arc<Seen>; 2] = Default::default();
    let n1 = counting("n1", Arc::clone(&sent[0]));
    let n2 = counting("n2", Arc::clone(&sent[1]));
    let workers = format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.port={}\nworker.n2.port={}\nworker.st.type=status\nworker.st.metrics=full\n",
        n1.port, n2.port
    );
    // A child has more threads than there are clients: event closes kept connections, even in front of
    // a request, when all its threads are busy.
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\nKeepAlive On\nMaxKeepAliveRequests 0\n\
         StartServers 4\nServerLimit 4\nThreadsPerChild 40\nMaxRequestWorkers 160\n\
         MinSpareThreads 16\nMaxSpareThreads 160\n";
    let httpd = Setup { name: "counting", mpm: "event", config, workers: &workers }.start();
    assert!(wait_until(Duration::from_secs(10), || httpd.children().len() == 4), "four children");
    let (port, seen) = (httpd.port, <Arc<[Seen; 2]>>::default());
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let seen = Arc::clone(&seen);
            thread::spawn(move || ask(port, &seen))
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("every answer is right"));

    // A child counts the end of a request after the client has it.
    let show = || -> Value {
        let text = Client::connect(port).get("/jkstatus?mime=json").text();
        serde_json::from_str(&text).expect("JSON")
    };
    let member = |page: &Value, name: &str| find(page, name).expect("the member").clone();
    let is_at_rest = || {
        let page = show();
        ["n1", "n2"].iter().all(|name| member(&page, name)["busy"] == 0)
    };
    assert!(wait_until(PATIENCE, is_at_rest), "nothing is in flight");
    let page = show();
    let samples =
        read(&Client::connect(port).get("/jkstatus?cmd=metrics").text()).expect("metrics");
    let mut total = 0;
    for (place, name) in ["n1", "n2"].into_iter().enumerate() {
        let (own, seen) = (member(&page, name), &seen[place]);
        let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} in {own}"));
        let requests = seen.requests.load(Relaxed);
        total += requests;
        let metric = |family: &str, class: Option<&str>| -> u64 {
            let has = |key: &str, word: &str, labels: &[(String, String)]| {
                labels.iter().any(|(own, value)| own == key && value == word)
            };
            let of = samples.iter().filter(|(own, labels, _)| {
                own == family
                    && has("worker", name, labels)
                    && class.is_none_or(|class| has("class", class, labels))
            });
            of.map(|sample| sample.2 as u64).sum()
        };
        assert!(requests > 0, "{name} has served");
        assert_eq!(number(&own["used"]), requests, "{name}: used");
        assert_eq!(number(&own["sessions"]), seen.new_sessions.load(Relaxed), "{name}: sessions");
        assert_eq!(number(&own["counts"]["attempts"]), requests, "{name}: attempts");
        assert_eq!(metric("jk_requests_total", None), requests, "{name}: requests");
        for (class, count) in [("2xx", &seen.found), ("4xx", &seen.missing)] {
            let count = count.load(Relaxed);
            assert_eq!(number(&own["counts"]["responses"][class]), count, "{name}: {class}");
            assert_eq!(metric("jk_responses_total", Some(class)), count, "{name}: {class}");
        }
        let bytes = sent[place].bytes.load(Relaxed);
        assert_eq!(number(&own["bytes_received"]), bytes, "{name}: bytes");
        assert_eq!(metric("jk_received_bytes_total", None), bytes, "{name}: bytes");
        // Two counters of different records: the member's and the children's.
        assert_eq!(number(&own["bytes_sent"]), metric("jk_sent_bytes_total", None), "{name}: sent");
        let opened = metric("jk_connections_opened_total", None)
            + metric("jk_connections_reused_total", None);
        assert_eq!(opened, requests, "{name}: one connection a request");
    }
    assert_eq!(total, CLIENTS * EACH);
}

/// Finds a member by its name, wherever the page has it.
fn find<'p>(page: &'p Value, name: &str) -> Option<&'p Value> {
    match page {
        Value::Object(own) if own.get("name") == Some(&name.into()) && own.contains_key("used") => {
            Some(page)
        }
        Value::Object(own) => own.values().find_map(|value| find(value, name)),
        Value::Array(own) => own.iter().find_map(|value| find(value, name)),
        _ => None,
    }
}
