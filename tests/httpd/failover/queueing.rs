//! Requests that find no room wait for it, in turn, over all children (`queue_size`).

use std::fs;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::setups::{held, slow};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, at_least, free_port, halt, signal, wait_until};

const CHILDREN: &str = "StartServers 4\nServerLimit 4\nThreadsPerChild 15\nMaxRequestWorkers 60\n\
    MinSpareThreads 60\nMaxSpareThreads 60\n<IfModule mpm_event_module>\nAsyncRequestWorkerFactor 100\n</IfModule>\n";

fn prepare(name: &str, mpm: &str, config: &str, workers: &str) -> Httpd {
    let config = format!(
        "JkMount /app/* w\nJkMount /jkstatus st\nKeepAlive On\nMaxKeepAliveRequests 0\n{CHILDREN}{config}"
    );
    let workers = format!("worker.list=w,st\nworker.st.type=status\n{workers}");
    Setup { name, mpm, config: &config, workers: &workers }.prepare()
}

fn start(name: &str, mpm: &str, config: &str, workers: &str) -> Httpd {
    let mut httpd = prepare(name, mpm, config, workers);
    httpd.launch();
    httpd
}

/// A balancer with one member that takes one request at a time; so many may wait, for so many milliseconds.
fn one_at_a_time(port: u16, (size, timeout): (u32, u32), more: &str) -> String {
    format!(
        "worker.w.type=lb\nworker.w.balance_workers=n1\nworker.n1.port={port}\n\
         worker.n1.busy_limit=1\nworker.w.queue_size={size}\nworker.w.queue_timeout={timeout}\n{more}"
    )
}

/// Room in the queue for all, and time.
const MANY: (u32, u32) = (200, 60_000);

/// The answers to as many requests at once: statuses.
fn at_once(port: u16, count: usize) -> Vec<u16> {
    let ask = move |number| Client::connect(port).get(&format!("/app/{number}")).status;
    let clients: Vec<_> = (0..count).map(|number| thread::spawn(move || ask(number))).collect();
    clients.into_iter().map(|client| client.join().expect("an answer")).collect()
}

/// Sends a request whose answer is not waited for.
fn send(httpd: &Httpd, path: &str, cookie: &str) -> Client {
    let mut client = Client::connect(httpd.port);
    client.send(&format!("GET /app/{path} HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n"));
    client
}

/// The balancer or worker in the status worker's JSON.
fn shown(httpd: &Httpd) -> Value {
    let page = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let own = if page["balancers"][0].is_object() {
        &page["balancers"][0]
    } else {
        &page["ajp_workers"][0]
    };
    own.clone()
}

/// Waits until so many requests stand in the queue.
fn queued(httpd: &Httpd, count: u64) {
    let is_there = || shown(httpd)["waiting"] == count;
    assert!(wait_until(PATIENCE, is_there), "{count} wait: {}", shown(httpd));
}

#[test]
fn no_more_than_busy_limit_are_in_flight_and_all_are_served() {
    for (mpm, mode) in [("event", "Off"), ("event", "On"), ("worker", "Off")] {
        let (backend, most) = slow(Duration::from_millis(20));
        let name = format!("queue-{mpm}-{mode}");
        let workers = format!(
            "worker.w.type=lb\nworker.w.balance_workers=n1,n2\nworker.w.queue_size=400\n\
             worker.w.queue_timeout=60000\nworker.n1.port={0}\nworker.n2.port={0}\n\
             worker.n1.busy_limit=2\nworker.n2.busy_limit=1\n",
            backend.port
        );
        let httpd = start(&name, mpm, &format!("JkAsync {mode}\n"), &workers);
        let statuses = at_once(httpd.port, 60);
        assert!(statuses.iter().all(|status| *status == 200), "{name}: {statuses:?}");
        assert_eq!(most.load(SeqCst), 3, "{name}");
        assert_eq!(backend.count(), 60, "{name}");
        let own = shown(&httpd);
        assert_eq!((&own["waiting"], &own["busy"]), (&0.into(), &0.into()), "{own}");
    }
}

#[test]
fn a_worker_used_directly_has_a_queue_too() {
    for mode in ["Off", "On"] {
        let (backend, most) = slow(Duration::from_millis(10));
        let workers = format!(
            "worker.w.port={}\nworker.w.busy_limit=2\nworker.w.queue_size=400\nworker.w.queue_timeout=60000\n",
            backend.port
        );
        let name = format!("queue-alone-{mode}");
        let httpd = start(&name, "event", &format!("JkAsync {mode}\n"), &workers);
        let statuses = at_once(httpd.port, 50);
        assert!(statuses.iter().all(|status| *status == 200), "{mode}: {statuses:?}");
        assert_eq!((most.load(SeqCst), backend.count()), (2, 50), "{mode}");
        let own = shown(&httpd);
        assert_eq!((&own["waiting"], &own["used"]), (&0.into(), &50.into()), "{own}");
    }
}

#[test]
fn a_request_that_is_tried_again_does_not_wait_for_itself() {
    let workers = format!(
        "worker.w.port={}\nworker.w.busy_limit=1\nworker.w.queue_size=4\nworker.w.queue_timeout=30000\n",
        free_port()
    );
    let mut httpd = prepare("queue-again", "event", "JkAsync Off\n", &workers);
    httpd.expect("JK-303");
    httpd.launch();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    httpd.says("JK-303 worker w at", 1);
    httpd.says("JK-322", 0);
}

#[test]
fn who_finds_the_queue_full_gets_a_503_at_once() {
    for mode in ["Off", "On"] {
        let (backend, is_let) = held();
        let name = format!("queue-full-{mode}");
        let workers = one_at_a_time(backend.port, (2, 60_000), "");
        let mut httpd = prepare(&name, "event", &format!("JkAsync {mode}\n"), &workers);
        httpd.expect("JK-323");
        httpd.launch();
        let mut served = vec![send(&httpd, "first", "")];
        assert!(wait_until(PATIENCE, || backend.count() == 1), "{mode}");
        served.extend([send(&httpd, "second", ""), send(&httpd, "third", "")]);
        queued(&httpd, 2);
        let own = shown(&httpd);
        assert_eq!(own["condition"], "degraded", "{own}");
        assert!(own["longest_wait_ms"].as_u64().is_some_and(|ms| ms <= 60_000), "{own}");
        let full = send(&httpd, "fourth", "").response("GET").expect("an answer");
        assert_eq!((full.status, full.header("Retry-After")), (503, Some("2")), "{mode}");
        is_let.store(true, SeqCst);
        for client in &mut served {
            assert_eq!(client.response("GET").map(|answer| answer.status), Some(200), "{mode}");
        }
        let text = "JK-323 balancer w: GET /app/fourth: no room, and the queue is full (n1 is at its busy_limit), after ";
        httpd.says(text, 1);
        assert_eq!((backend.count(), &shown(&httpd)["unserved"]), (3, &1.into()), "{mode}");
    }
}

#[test]
fn who_waits_longer_than_queue_timeout_gets_a_503() {
    for mode in ["Off", "On"] {
        let (backend, is_let) = held();
        let name = format!("queue-late-{mode}");
        let workers = one_at_a_time(backend.port, (20, 300), "");
        let mut httpd = prepare(&name, "event", &format!("JkAsync {mode}\n"), &workers);
        httpd.expect("JK-322");
        httpd.launch();
        let mut served = send(&httpd, "first", "");
        assert!(wait_until(PATIENCE, || backend.count() == 1), "{mode}");
        let begun = Instant::now();
        let mut waiting = [send(&httpd, "second", ""), send(&httpd, "third", "")];
        for client in &mut waiting {
            let late = client.response("GET").expect("an answer");
            assert_eq!((late.status, late.header("Retry-After")), (503, Some("2")), "{mode}");
        }
        assert!(begun.elapsed() >= at_least(300), "{mode}: {:?}", begun.elapsed());
        is_let.store(true, SeqCst);
        assert_eq!(served.response("GET").map(|answer| answer.status), Some(200), "{mode}");
        httpd.says("no room within queue_timeout (n1 is at its busy_limit), after ", 2);
        assert_eq!((backend.count(), &shown(&httpd)["unserved"]), (1, &2.into()), "{mode}");
    }
}

#[test]
fn the_first_to_come_is_the_first_to_be_served_and_sessions_come_before() {
    let (backend, is_let) = held();
    let httpd =
        start("queue-order", "event", "JkAsync Off\n", &one_at_a_time(backend.port, MANY, ""));
    let mut clients = vec![send(&httpd, "0", "")];
    assert!(wait_until(PATIENCE, || backend.count() == 1));
    for number in 1..=8 {
        // The sixth has a session, and so has the eighth.
        let cookie = if number == 6 || number == 8 { "JSESSIONID=s.n1" } else { "" };
        clients.push(send(&httpd, &number.to_string(), cookie));
        queued(&httpd, number);
    }
    is_let.store(true, SeqCst);
    for client in &mut clients {
        assert_eq!(client.response("GET").map(|answer| answer.status), Some(200));
    }
    let order: Vec<_> = backend
        .requests
        .lock()
        .expect("no panic")
        .iter()
        .map(|own| own.uri.replace("/app/", ""))
        .collect();
    assert_eq!(order, ["0", "6", "8", "1", "2", "3", "4", "5", "7"]);
}

#[test]
fn a_session_waits_for_its_own_member_and_goes_elsewhere_when_that_takes_too_long() {
    let ((n1, is_let), (n2, most)) = (held(), slow(Duration::ZERO));
    let more = format!(
        "worker.w.balance_workers=n2\nworker.n2.port={}\nworker.n2.busy_limit=5\n",
        n2.port
    );
    let httpd =
        start("queue-session", "event", "JkAsync On\n", &one_at_a_time(n1.port, (20, 1000), &more));
    let mut first = send(&httpd, "first", "JSESSIONID=s.n1");
    assert!(wait_until(PATIENCE, || n1.count() == 1));
    let begun = Instant::now();
    let mut second = send(&httpd, "second", "JSESSIONID=s.n1");
    assert_eq!(
        Client::connect(httpd.port).get("/app/stranger").text(),
        "/app/stranger 0",
        "by the other one"
    );
    let answer = second.response("GET").map(|answer| answer.text());
    assert_eq!(answer, Some("/app/second 0".to_owned()), "by the other one");
    assert!(begun.elapsed() >= at_least(1000), "{:?}", begun.elapsed());
    is_let.store(true, SeqCst);
    assert_eq!(first.response("GET").map(|answer| answer.text()), Some("/app/first".to_owned()));
    assert!(most.load(SeqCst) >= 1);
}

#[test]
fn a_session_that_must_not_leave_its_member_gets_a_503() {
    let ((n1, is_let), (n2, _)) = (held(), slow(Duration::ZERO));
    let more = format!(
        "worker.w.sticky_session_force=true\nworker.w.balance_workers=n2\nworker.n2.port={}\n",
        n2.port
    );
    let workers = one_at_a_time(n1.port, (20, 100), &more);
    let mut httpd = prepare("queue-forced", "event", "JkAsync Off\n", &workers);
    httpd.expect("JK-322");
    httpd.launch();
    let mut first = send(&httpd, "first", "JSESSIONID=s.n1");
    assert!(wait_until(PATIENCE, || n1.count() == 1));
    let late = send(&httpd, "second", "JSESSIONID=s.n1").response("GET").expect("an answer");
    assert_eq!((late.status, n2.count()), (503, 0));
    is_let.store(true, SeqCst);
    assert_eq!(first.response("GET").map(|answer| answer.status), Some(200));
    let text = "(n1 is at its busy_limit; it has the session, and sticky_session_force forbids another member)";
    httpd.says(text, 1);
}

/// Sets the member's `busy_limit` while httpd runs.
fn limit(httpd: &Httpd, value: &str) {
    let path = format!("/jkstatus?cmd=update&mime=json&w=w&sw=n1&vabl={value}");
    assert_eq!(Client::connect(httpd.port).get(&path).status, 200, "{value}");
}

#[test]
fn a_limit_that_is_changed_is_that_of_requests_that_wait_already() {
    for mode in ["Off", "On"] {
        let (backend, is_let) = held();
        let name = format!("queue-changed-{mode}");
        let workers = one_at_a_time(backend.port, MANY, "");
        let mut httpd = prepare(&name, "event", &format!("JkAsync {mode}\n"), &workers);
        // It says who changed a setting.
        httpd.expect("JK-502");
        httpd.launch();
        let mut clients = vec![send(&httpd, "first", "")];
        assert!(wait_until(PATIENCE, || backend.count() == 1), "{mode}");
        clients.extend((0..6).map(|number| send(&httpd, &number.to_string(), "")));
        queued(&httpd, 6);
        limit(&httpd, "3");
        queued(&httpd, 4);
        assert!(wait_until(PATIENCE, || backend.count() == 3), "{mode}: {}", shown(&httpd));
        limit(&httpd, "unset");
        queued(&httpd, 0);
        assert!(wait_until(PATIENCE, || backend.count() == 7), "{mode}: {}", shown(&httpd));
        is_let.store(true, SeqCst);
        for client in &mut clients {
            assert_eq!(client.response("GET").map(|answer| answer.status), Some(200), "{mode}");
        }
    }
}

/// The child that has taken a client's connection.
pub(super) fn child_of(httpd: &Httpd, client: &Client) -> String {
    let [here, there] = [httpd.port, client.local_port()].map(|port| format!(":{port:04X}"));
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux");
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // Local and remote address, and the number of the socket.
    let is_it =
        |row: &Vec<&str>| row.len() > 9 && row[1].ends_with(&here) && row[2].ends_with(&there);
    let row = rows.into_iter().find(is_it);
    let socket = format!("socket:[{}]", row.expect("a connection")[9]);
    let has_it = |pid: &String| {
        let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut targets = open.filter_map(|own| fs::read_link(own.path()).ok());
        targets.any(|target| target.to_str() == Some(&socket))
    };
    httpd.children().into_iter().find(has_it).expect("a child has it")
}

#[test]
fn a_killed_child_keeps_no_place() {
    for mode in ["Off", "On"] {
        let (backend, is_let) = held();
        let name = format!("queue-killed-{mode}");
        let config = format!("JkAsync {mode}\n");
        let mut httpd = prepare(&name, "event", &config, &one_at_a_time(backend.port, MANY, ""));
        httpd.expect("exit signal Killed");
        httpd.launch();
        let first = send(&httpd, "first", "");
        assert!(wait_until(PATIENCE, || backend.count() == 1), "{mode}");
        let holder = child_of(&httpd, &first);
        let mut waiting: Vec<Client> = Vec::new();
        // Some child takes one, sooner or later.
        while waiting.iter().all(|client| child_of(&httpd, client) == holder) {
            waiting.push(send(&httpd, "waiting", ""));
            queued(&httpd, waiting.len() as u64);
        }
        let begun = Instant::now();
        is_let.store(true, SeqCst);
        assert!(signal("KILL", holder.parse().expect("a number")));
        let mut survivor = waiting.pop().expect("one");
        assert_eq!(survivor.response("GET").map(|answer| answer.status), Some(200), "{mode}");
        assert!(begun.elapsed() < Duration::from_secs(5), "{mode}: {:?}", begun.elapsed());
        let is_free = || shown(&httpd)["busy"] == 0 && shown(&httpd)["waiting"] == 0;
        assert!(wait_until(Duration::from_secs(5), is_free), "{mode}: {}", shown(&httpd));
    }
}

#[test]
fn a_halted_child_holds_no_other_up() {
    let (backend, is_let) = held();
    let httpd =
        start("queue-halted", "event", "JkAsync On\n", &one_at_a_time(backend.port, MANY, ""));
    let mut first = send(&httpd, "first", "");
    assert!(wait_until(PATIENCE, || backend.count() == 1));
    let holder = child_of(&httpd, &first);
    // The oldest that waits is in a child that is halted, and the youngest in another one.
    let mut waiting: Vec<Client> = Vec::new();
    let mut oldest = String::new();
    loop {
        waiting.push(send(&httpd, "waiting", ""));
        queued(&httpd, waiting.len() as u64);
        let own = child_of(&httpd, waiting.last().expect("one"));
        if oldest.is_empty() {
            oldest = own;
        } else if own != oldest && holder != oldest {
            break;
        } else if holder == oldest {
            // Not what is wanted: its own request would never end.
            oldest = own;
            waiting.drain(..waiting.len() - 1);
            queued(&httpd, 1);
        }
    }
    halt(oldest.parse().expect("a number"));
    is_let.store(true, SeqCst);
    let mut youngest = waiting.pop().expect("one");
    assert_eq!(youngest.response("GET").map(|answer| answer.status), Some(200));
    assert_eq!(first.response("GET").map(|answer| answer.status), Some(200));
    assert!(signal("CONT", oldest.parse().expect("a number")));
    for client in &mut waiting {
        assert_eq!(client.response("GET").map(|answer| answer.status), Some(200));
    }
}

#[test]
fn who_waits_holds_no_thread_and_leaves_its_place_with_its_client() {
    let (backend, is_let) = held();
    let config = "JkAsync On\nStartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\n\
        MinSpareThreads 1\nMaxSpareThreads 4\n";
    let httpd = start("queue-parked", "event", config, &one_at_a_time(backend.port, MANY, ""));
    fs::write(httpd.dir.join("htdocs/static.txt"), "static").expect("a file");
    let mut first = send(&httpd, "first", "");
    assert!(wait_until(PATIENCE, || backend.count() == 1));
    let mut waiting: Vec<_> = (0..100).map(|_| send(&httpd, "waiting", "")).collect();
    queued(&httpd, 100);
    let is_parked = || shown(&httpd)["parked"] == 101;
    assert!(wait_until(PATIENCE, is_parked), "{}", shown(&httpd));
    assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static");
    waiting.truncate(60);
    queued(&httpd, 60);
    is_let.store(true, SeqCst);
    for client in std::iter::once(&mut first).chain(&mut waiting) {
        assert_eq!(client.response("GET").map(|answer| answer.status), Some(200));
    }
    let is_over = || shown(&httpd)["parked"] == 0 && shown(&httpd)["busy"] == 0;
    assert!(wait_until(PATIENCE, is_over), "{}", shown(&httpd));
    assert_eq!(backend.count(), 61);
}
