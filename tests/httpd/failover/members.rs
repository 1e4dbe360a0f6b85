//! What properties of balancers and members do: each with two or three backends that see it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::support::backend::{Backend, Reply, Request, ok};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

/// Balancer, its properties, and those of its members, which are called after it: a, b, c.
type Row = (&'static str, &'static str, [&'static str; 3]);

const PLAIN: [&str; 3] = ["", "", ""];

const ROWS: &[Row] = &[
    ("usual", "", PLAIN),
    ("free", "sticky_session=0", PLAIN),
    ("cookie", "session_cookie=SID", PLAIN),
    ("path", "session_path=;sid", PLAIN),
    ("set", "set_session_cookie=1,session_cookie=ROUTE,session_cookie_path=/set", PLAIN),
    ("secret", "secret=of-the-balancer", ["", "secret=own", ""]),
    ("factor", "", ["lbfactor=3", "", "activation=Stopped"]),
    ("disabled", "", ["activation=D", "", ""]),
    ("route", "", ["route=alpha", "", ""]),
    ("redirect", "", ["activation=S,redirect=redirectb", "", ""]),
    ("domain", "", ["activation=S,domain=east", "domain=east", "domain=west"]),
    ("distance", "", ["distance=2", "distance=1", "distance=2"]),
    ("busyness", "method=Busyness", ["", "", "activation=S"]),
    ("request", "", ["", "", "activation=S"]),
    ("once", "retries=1", ["activation=S", "busy_limit=1", "activation=S"]),
    ("again", "retries=2,retry_interval=2000", ["activation=S", "busy_limit=1", "activation=S"]),
    ("strict", "", ["reply_timeout=150", "", "activation=S"]),
    ("patient", "max_reply_timeouts=1", ["reply_timeout=150", "", "activation=S"]),
    ("old", "", ["jvm_route=alpha", "disabled=1", "stopped=1"]),
];

/// Answers with the worker's name; a slow request only when it is no longer held.
fn script(
    name: char,
    is_held: &Arc<AtomicBool>,
) -> impl Fn(&Request) -> Reply + Send + Sync + use<> {
    let is_held = Arc::clone(is_held);
    move |request| {
        if request.uri.ends_with("/slow") {
            wait_until(PATIENCE, || !is_held.load(SeqCst));
        }
        if name == 'a' && (request.uri.contains("/strict") || request.uri.contains("/patient")) {
            thread::sleep(Duration::from_millis(400));
        }
        let secret = request.secret.clone().unwrap_or_default();
        Reply::Bytes(ok(&[("X-Secret", &secret)], name.to_string().as_bytes()))
    }
}

fn start(is_held: &Arc<AtomicBool>) -> (Httpd, [Backend; 3]) {
    let backends = ['a', 'b', 'c'].map(|name| Backend::start(script(name, is_held)));
    let (mut list, mut text, mut mounts) = (Vec::new(), String::new(), String::new());
    let mut set = |worker: &str, properties: &str| {
        for property in properties.split(',').filter(|property| !property.is_empty()) {
            text += &format!("worker.{worker}.{property}\n");
        }
    };
    for (name, properties, members) in ROWS {
        list.push(*name);
        mounts += &format!("JkMount /{name}/* {name}\n");
        set(name, "type=lb,probe=0");
        // A repeated line adds to the list.
        set(name, &format!("balance_workers={name}a {name}b,balance_workers={name}c"));
        set(name, properties);
        for ((letter, own), backend) in ["a", "b", "c"].iter().zip(members).zip(&backends) {
            let member = format!("{name}{letter}");
            set(&member, &format!("type=ajp13,host=127.0.0.1,port={}", backend.port));
            set(&member, own);
        }
    }
    let workers = format!("worker.list={}\n{text}", list.join(","));
    let config = format!(
        "{mounts}StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\n"
    );
    let setup = Setup { name: "members", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.prepare();
    for line in ["JK-310", "JK-312", "JK-401", "JK-402", "is an old name, use", "MinSpareThreads"] {
        httpd.expect(line);
    }
    httpd.launch();
    (httpd, backends)
}

fn ask(httpd: &Httpd, path: &str, cookie: &str) -> Response {
    let headers: &[(&str, &str)] = if cookie.is_empty() { &[] } else { &[("Cookie", cookie)] };
    Client::connect(httpd.port).request("GET", path, headers, b"")
}

/// Who answers how many of `count` requests.
fn share(httpd: &Httpd, path: &str, cookie: &str, count: usize) -> BTreeMap<String, usize> {
    let mut child_counts = BTreeMap::new();
    for _ in 0..count {
        let response = ask(httpd, path, cookie);
        assert_eq!(response.status, 200, "{path} {cookie}");
        *child_counts.entry(response.text()).or_default() += 1;
    }
    child_counts
}

#[test]
fn each_property_of_balancers_and_members_has_its_effect() {
    let is_held = Arc::new(AtomicBool::new(true));
    let (httpd, backends) = start(&is_held);
    let only = |path: &str, cookie: &str| {
        let child_counts = share(&httpd, path, cookie, 6);
        assert_eq!(child_counts.len(), 1, "{path} {cookie}: {child_counts:?}");
        child_counts.into_keys().next().expect("one")
    };
    // Load counts those that came by a session too, so not every client is on in six turns.
    let is_free = |path: &str, cookie: &str| share(&httpd, path, cookie, 6).len() > 1;

    assert_eq!(share(&httpd, "/usual/x", "", 6).len(), 3, "balance_workers, over two lines");
    assert_eq!(only("/usual/x", "JSESSIONID=1.usualc"), "c", "sticky by default");
    assert_eq!(only("/usual/x;jsessionid=1.usualb", ""), "b");
    assert!(is_free("/free/x", "JSESSIONID=1.freec"), "sticky_session");
    assert_eq!(only("/cookie/x", "SID=1.cookiec"), "c", "session_cookie");
    assert!(is_free("/cookie/x", "JSESSIONID=1.cookiec"), "not the usual one");
    assert_eq!(only("/path/x;sid=1.pathb", ""), "b", "session_path");
    assert!(is_free("/path/x;jsessionid=1.pathb", ""), "not the usual one");

    let cookie = ask(&httpd, "/set/x", "").header("set-cookie").expect("a cookie").to_owned();
    assert!(cookie.starts_with("ROUTE=.set"), "set_session_cookie: {cookie}");
    let path = cookie.split(';').map(str::trim).find(|part| part[..4].eq_ignore_ascii_case("path"));
    assert_eq!(path.and_then(|path| path.split('=').nth(1)), Some("/set"), "session_cookie_path");
    assert!(ask(&httpd, "/usual/x", "").header("set-cookie").is_none());

    let secret = |member: &str| {
        let cookie = format!("JSESSIONID=1.secret{member}");
        ask(&httpd, "/secret/x", &cookie).header("x-secret").map(str::to_owned)
    };
    assert_eq!(secret("a").as_deref(), Some("of-the-balancer"), "secret is passed down");
    assert_eq!(secret("b").as_deref(), Some("own"), "to those without one");

    let child_counts = share(&httpd, "/factor/x", "", 40);
    assert_eq!(child_counts, BTreeMap::from([("a".into(), 30), ("b".into(), 10)]), "lbfactor");
    let child_counts = share(&httpd, "/disabled/x", "", 6);
    assert!(!child_counts.contains_key("a"), "activation=D takes no new ones: {child_counts:?}");
    assert_eq!(only("/disabled/x", "JSESSIONID=1.disableda"), "a", "and keeps its own");
    assert_eq!(only("/route/x", "JSESSIONID=1.alpha"), "a", "route");
    assert_eq!(only("/redirect/x", "JSESSIONID=1.redirecta"), "b", "redirect");
    assert_eq!(only("/domain/x", "JSESSIONID=1.domaina"), "b", "domain");
    assert_eq!(only("/distance/x", ""), "b", "distance");
    assert_eq!(only("/old/x", "JSESSIONID=1.alpha"), "a", "jvm_route");
    assert_eq!(only("/old/x", ""), "a", "disabled, stopped");
    assert_eq!(only("/old/x", "JSESSIONID=1.oldb"), "b", "disabled keeps its sessions");
    assert_eq!(only("/old/x", "JSESSIONID=1.oldc"), "a", "stopped does not");

    // Starts a request that is held, and waits until a member has it.
    let hold = |balancer: &str| {
        is_held.store(true, SeqCst);
        let (port, path) = (httpd.port, format!("/{balancer}/slow"));
        let asked = path.clone();
        let slow = thread::spawn(move || Client::connect(port).get(&asked));
        let is_there = || backends.iter().any(|own| own.count() > 0 && own.last().uri == path);
        assert!(wait_until(PATIENCE, is_there), "{path}");
        slow
    };
    // With one request under way at a member, Busyness gives the next ones to the other one.
    for (balancer, expected) in [("busyness", 1), ("request", 2)] {
        let slow = hold(balancer);
        let child_counts = share(&httpd, &format!("/{balancer}/x"), "", 4);
        is_held.store(false, SeqCst);
        let slow = slow.join().expect("no panic").text();
        assert_eq!(child_counts.len(), expected, "method: {slow} is slow, {child_counts:?}");
    }

    // Tried once it is refused while the other one is held; tried again it waits until that has ended.
    let slow = hold("once");
    assert_eq!(ask(&httpd, "/once/x", "").status, 503, "retries=1");
    is_held.store(false, SeqCst);
    assert_eq!(slow.join().expect("no panic").status, 200);
    let slow = hold("again");
    let again = thread::spawn({
        let port = httpd.port;
        move || Client::connect(port).get("/again/x").status
    });
    httpd.says("JK-312 balancer again: member againb", 1);
    is_held.store(false, SeqCst);
    assert_eq!(slow.join().expect("no panic").status, 200);
    assert_eq!(again.join().expect("no panic"), 200, "retries=2");

    for (balancer, expected) in [("strict", 1), ("patient", 2)] {
        let _ = share(&httpd, &format!("/{balancer}/x"), "", 12);
        let path = format!("/{balancer}/x");
        let asked = backends[0].requests.lock().expect("no panic under it");
        let asked = asked.iter().filter(|request| request.uri == path).count();
        assert_eq!(asked, expected, "max_reply_timeouts of {balancer}");
    }
}
