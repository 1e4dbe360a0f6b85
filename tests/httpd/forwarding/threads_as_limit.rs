//! Where nothing is said of `JkAsync`, requests are parked, and a backend gets no more of them at once than httpd has
//! threads.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::forwarding::parking::hung;
use crate::setups::{held, slow};
use crate::support::backend::{Backend, Reply, echo, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, waiting_lines};
use crate::support::{PATIENCE, free_port, halt, signal, wait_until};

/// One child with four threads, which accepts many connections.
const ONE_CHILD: &str = "StartServers 1\nServerLimit 2\nMaxRequestWorkers 4\nMinSpareThreads 1\nMaxSpareThreads 4\n\
    AsyncRequestWorkerFactor 1000\n";

/// Three of them.
const THREE_CHILDREN: &str = "StartServers 3\nServerLimit 3\nMaxRequestWorkers 12\nMinSpareThreads 12\n\
    MaxSpareThreads 12\nAsyncRequestWorkerFactor 1000\n";

/// Starts an httpd that says nothing of `JkAsync`, before workers on these ports.
fn silent(name: &str, size: &str, workers: &[(&str, u16)], properties: &str) -> Httpd {
    let mut lines = "worker.list=st\nworker.st.type=status\n".to_owned();
    let mut mounts = String::new();
    for (worker, port) in workers {
        lines += &format!(
            "worker.list={worker}\nworker.{worker}.host=127.0.0.1\nworker.{worker}.port={port}\n"
        );
        mounts += &format!("JkMount /{worker}/* {worker}\n");
    }
    let config = format!(
        "ThreadsPerChild 4\n{size}MaxKeepAliveRequests 0\nGracefulShutdownTimeout 20\nJkMount /jkstatus st\n{mounts}"
    );
    let workers = lines + properties;
    let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    httpd.write("httpd.conf", &httpd.log("httpd.conf").replace(&waiting_lines(), ""));
    fs::write(httpd.dir.join("htdocs/static.txt"), "static").expect("a file");
    httpd.expect("JK-331");
    httpd.launch();
    httpd
}

/// Sends so many requests that wait.
fn send(httpd: &Httpd, worker: &str, count: usize) -> Vec<Client> {
    let one = |number| {
        let mut client = Client::connect(httpd.port);
        client.send(&format!("GET /{worker}/{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
        client
    };
    (0..count).map(one).collect()
}

/// Returns what the status page says of a worker.
fn status(httpd: &Httpd, list: &str, worker: &str) -> serde_json::Value {
    // The child that takes the request may be one that ends.
    let text = b"GET /jkstatus?mime=json HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    let ask = || Some(Client::connect(httpd.port).try_raw(text, "GET")?.text());
    let page = (0..10).find_map(|_| ask()).expect("httpd answers");
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    let workers = page[list].as_array().unwrap_or_else(|| panic!("{list} in {page}"));
    workers.iter().find(|own| own["name"] == worker).expect("the worker").clone()
}

/// Returns requests of a worker that are at its backend, that wait for their turn, and that hold no thread.
fn counts(httpd: &Httpd, worker: &str) -> (u64, u64, u64) {
    let own = status(httpd, "ajp_workers", worker);
    let number = |key: &str| own[key].as_u64().unwrap_or_else(|| panic!("{key} in {own}"));
    (number("busy"), number("waiting"), number("parked"))
}

/// Returns how many a child has: that with the most has the most requests.
fn descriptors(pid: &String) -> usize {
    fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count)
}

fn reaches(httpd: &Httpd, worker: &str, expected: (u64, u64, u64)) {
    let is_there = wait_until(PATIENCE, || counts(httpd, worker) == expected);
    assert!(is_there, "{worker}: {:?} instead of {expected:?}", counts(httpd, worker));
}

fn answers(clients: Vec<Client>, worker: &str, body: impl Fn(String) -> String) {
    for (number, mut client) in clients.into_iter().enumerate() {
        let response = client.response("GET").expect("an answer");
        assert_eq!((response.status, response.text()), (200, body(format!("/{worker}/{number}"))));
    }
}

#[test]
fn more_requests_than_threads_wait_their_turn() {
    for (children, size, threads) in [(1, ONE_CHILD, 4), (3, THREE_CHILDREN, 12)] {
        let (backend, most) = slow(Duration::from_millis(300));
        let name = format!("as-threads-{children}");
        // A limit that sites have chosen by the threads refuses none: a place is free when its request has ended.
        let limit = format!("worker.w.busy_limit={threads}\n");
        let httpd = silent(&name, size, &[("w", backend.port)], &limit);
        let clients = send(&httpd, "w", 60);
        assert!(wait_until(PATIENCE, || most.load(SeqCst) == threads));
        assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
        answers(clients, "w", |path| path + " 0");
        assert_eq!(most.load(SeqCst), threads, "of {children} children");
        reaches(&httpd, "w", (0, 0, 0));
        let log = httpd.log("jk.log");
        let said = log.matches("JK-331 worker w: GET /w/").count();
        assert!((1..=children).contains(&said), "{log}");
    }
}

#[test]
fn idle_threads_do_not_keep_requests_from_a_backend() {
    let (backend, is_let) = held();
    // With parked requests httpd finds its threads idle, so that one child does for all of them.
    let size = "StartServers 1\nServerLimit 6\nMaxRequestWorkers 24\nMinSpareThreads 1\nMaxSpareThreads 8\n\
        AsyncRequestWorkerFactor 1000\n";
    let httpd = silent("as-threads-idle", size, &[("w", backend.port)], "");
    let clients = send(&httpd, "w", 60);
    assert!(wait_until(PATIENCE, || counts(&httpd, "w").0 == 24), "{:?}", counts(&httpd, "w"));
    is_let.store(true, SeqCst);
    answers(clients, "w", |path| path);
}

#[test]
fn a_pool_of_each_child_keeps_requests_in_their_threads() {
    let (backend, most) = slow(Duration::from_millis(100));
    let pool = "worker.w.connection_pool_size=4\n";
    let mut httpd = silent("as-threads-pool", ONE_CHILD, &[("w", backend.port)], pool);
    httpd.expect("JK-102");
    let clients = send(&httpd, "w", 30);
    answers(clients, "w", |path| path + " 0");
    assert_eq!(most.load(SeqCst), 4);
    assert!(!httpd.log("jk.log").contains("JK-3"), "{}", httpd.log("jk.log"));
}

#[test]
fn a_hung_backend_keeps_no_request_from_others_and_no_file() {
    let (good, port) = (Backend::start(echo("good")), hung());
    let workers = [("w", port), ("same", port), ("good", good.port)];
    let httpd = silent("as-threads-hung", ONE_CHILD, &workers, "");
    let clients = send(&httpd, "w", 20);
    reaches(&httpd, "w", (4, 16, 20));
    let others = send(&httpd, "same", 3);
    reaches(&httpd, "same", (0, 3, 3));
    for _ in 0..50 {
        assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
        assert_eq!(Client::connect(httpd.port).get("/good/x").status, 200);
    }
    // Clients that leave while they wait take no place with them.
    drop(clients);
    reaches(&httpd, "same", (3, 0, 3));
    drop(others);
    reaches(&httpd, "same", (0, 0, 0));
    reaches(&httpd, "w", (0, 0, 0));
    let again = send(&httpd, "w", 5);
    reaches(&httpd, "w", (4, 1, 5));
    drop(again);
}

#[test]
fn the_places_of_a_killed_child_are_free() {
    let port = hung();
    let mut httpd = silent("as-threads-killed", THREE_CHILDREN, &[("w", port)], "");
    httpd.expect("exit signal Killed");
    let clients = send(&httpd, "w", 60);
    reaches(&httpd, "w", (12, 48, 60));
    let most = httpd.children().into_iter().max_by_key(descriptors).expect("three children");
    assert!(signal("KILL", most.parse().expect("a number")));
    let are_free = wait_until(PATIENCE, || {
        let (busy, waiting, parked) = counts(&httpd, "w");
        parked < 60 && busy == parked.min(12) && waiting == parked - busy
    });
    assert!(are_free, "{:?}", counts(&httpd, "w"));
    drop(clients);
    reaches(&httpd, "w", (0, 0, 0));
}

#[test]
fn a_child_that_ends_gracefully_answers_those_that_wait() {
    let (most, now) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
    let is_let = Arc::new(AtomicBool::new(false));
    let (seen, own) = (Arc::clone(&most), Arc::clone(&is_let));
    let backend = Backend::start(move |request| {
        seen.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        while !own.load(SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        now.fetch_sub(1, SeqCst);
        Reply::Bytes(ok(&[], request.uri.as_bytes()))
    });
    let httpd = silent("as-threads-ends", ONE_CHILD, &[("w", backend.port)], "");
    let clients = send(&httpd, "w", 12);
    reaches(&httpd, "w", (4, 8, 12));
    httpd.graceful();
    // The next child may have no more requests there than are left.
    let next = send(&httpd, "w", 3);
    reaches(&httpd, "w", (4, 11, 15));
    is_let.store(true, SeqCst);
    answers(clients, "w", |path| path);
    answers(next, "w", |path| path);
    assert_eq!(most.load(SeqCst), 4, "of both");
    reaches(&httpd, "w", (0, 0, 0));
}

#[test]
fn a_halted_child_keeps_those_of_others_from_nothing() {
    const CLIENTS: usize = 90;
    let (backend, is_let) = held();
    let (other, answered) = (Backend::start(echo("other")), Arc::new(AtomicUsize::new(0)));
    let workers = [("w", backend.port), ("other", other.port)];
    let httpd = silent("as-threads-halted", THREE_CHILDREN, &workers, "");
    let clients = send(&httpd, "w", CLIENTS);
    reaches(&httpd, "w", (12, CLIENTS as u64 - 12, CLIENTS as u64));
    let halted = httpd.children().into_iter().min_by_key(descriptors).expect("three children");
    let halted: u32 = halted.parse().expect("a number");
    halt(halted);
    is_let.store(true, SeqCst);
    let each = clients.into_iter().map(|mut client| {
        let answered = Arc::clone(&answered);
        thread::spawn(move || {
            assert_eq!(client.response("GET").expect("an answer").status, 200);
            answered.fetch_add(1, SeqCst);
        })
    });
    let each: Vec<_> = each.collect();
    // Most are in the other two, and requests of another worker ring meanwhile.
    let ring = Arc::new(AtomicBool::new(true));
    let rings = thread::spawn({
        let (ring, port) = (Arc::clone(&ring), httpd.port);
        move || {
            while ring.load(SeqCst) {
                let text = b"GET /other/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
                // A connection may be one of the halted child.
                let _ = Client::connect(port).try_raw(text, "GET");
            }
        }
    });
    let most = wait_until(PATIENCE, || answered.load(SeqCst) >= CLIENTS / 3);
    let count = answered.load(SeqCst);
    assert!(signal("CONT", halted));
    ring.store(false, SeqCst);
    rings.join().expect("no panic");
    assert!(most, "{count} of {CLIENTS} were answered");
    each.into_iter().for_each(|client| client.join().expect("an answer"));
    reaches(&httpd, "w", (0, 0, 0));
}

#[test]
fn no_timeout_counts_before_it_is_a_requests_turn() {
    let (backend, is_let) = held();
    let gone = free_port();
    let properties = format!(
        "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=w,gone\nworker.lb.failover_timeout=1000\n\
         worker.gone.host=127.0.0.1\nworker.gone.port={gone}\nworker.gone.lbfactor=1000\nworker.w.lbfactor=1\n"
    );
    let size = format!("{ONE_CHILD}JkMount /lb/* lb\n");
    let mut httpd = silent("as-threads-late", &size, &[("w", backend.port)], &properties);
    httpd.expect("JK-");
    let clients = send(&httpd, "w", 4);
    reaches(&httpd, "w", (4, 0, 4));
    let late = send(&httpd, "lb", 3);
    assert!(wait_until(PATIENCE, || status(&httpd, "balancers", "lb")["waiting"] == 3));
    thread::sleep(Duration::from_millis(1500));
    is_let.store(true, SeqCst);
    // Each finds the member that is gone first and has time for the other one.
    answers(clients, "w", |path| path);
    answers(late, "lb", |path| path);
}
