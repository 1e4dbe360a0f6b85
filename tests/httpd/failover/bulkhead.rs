//! A worker that hangs holds its share of httpd's threads and no more (`max_threads_share`).

use std::fs;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::queueing::child_of;
use crate::setups::held;
use crate::support::backend::{Backend, Reply, echo, ok};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, signal, wait_until};

/// Two children of four threads, or eight of one.
fn threads(mpm: &str) -> &'static str {
    match mpm {
        "prefork" => {
            "StartServers 8\nServerLimit 8\nMaxRequestWorkers 8\nMinSpareServers 1\nMaxSpareServers 8\n"
        }
        _ => {
            "StartServers 2\nServerLimit 2\nThreadsPerChild 4\nMaxRequestWorkers 8\nMinSpareThreads 8\n\
             MaxSpareThreads 8\n<IfModule mpm_event_module>\nAsyncRequestWorkerFactor 100\n</IfModule>\n"
        }
    }
}

/// An httpd with the worker or balancer `w`, whose backend hangs, and with one that is well.
fn prepare(name: &str, mpm: &str, mode: &str, workers: &str) -> (Httpd, Backend) {
    let well = Backend::start(echo("well"));
    let config = format!(
        "KeepAlive Off\nJkAsync {mode}\nJkMount /app/* w\nJkMount /well/* well\nJkMount /jkstatus st\n{}",
        threads(mpm)
    );
    let workers = format!(
        "worker.list=w,well,st\nworker.st.type=status\nworker.well.port={}\n{workers}",
        well.port
    );
    let httpd = Setup { name, mpm, config: &config, workers: &workers }.prepare();
    fs::write(httpd.dir.join("htdocs/static.txt"), "static").expect("a file");
    (httpd, well)
}

/// A balancer with one member that hangs.
fn balancer(port: u16, more: &str) -> String {
    format!("worker.w.type=lb\nworker.w.balance_workers=n1\nworker.n1.port={port}\n{more}")
}

/// Sends a request whose answer is not waited for.
fn send(httpd: &Httpd, path: &str) -> Client {
    let mut client = Client::connect(httpd.port);
    client.send(&format!("GET /app/{path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    client
}

/// What the status worker's JSON says of `w`.
fn shown(httpd: &Httpd) -> Value {
    let page = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let all = ["balancers", "ajp_workers"].map(|kind| page[kind].as_array().cloned());
    let mut all = all.into_iter().flatten().flatten();
    all.find(|own| own["name"] == "w").expect("it is listed")
}

/// Waits until a field of it has a value.
fn becomes(httpd: &Httpd, field: &str, value: u64) {
    let is_so = || shown(httpd)[field] == value;
    assert!(wait_until(PATIENCE, is_so), "{field} is not {value}: {}", shown(httpd));
}

fn answer(mut client: Client) -> Response {
    client.response("GET").expect("an answer")
}

/// Tells that a request was refused for its thread.
fn is_refused(own: &Response) -> bool {
    (own.status, own.header("Retry-After")) == (503, Some("2"))
}

#[test]
fn a_worker_that_hangs_leaves_threads_to_all_others() {
    for (mpm, kind) in [("event", "lb"), ("event", "ajp13"), ("worker", "lb"), ("prefork", "ajp13")]
    {
        let (backend, is_let) = held();
        let name = format!("bulkhead-{mpm}-{kind}");
        let workers = match kind {
            "lb" => balancer(backend.port, "worker.w.max_threads_share=50\n"),
            _ => format!("worker.w.port={}\nworker.w.max_threads_share=50\n", backend.port),
        };
        let (mut httpd, _well) = prepare(&name, mpm, "Off", &workers);
        httpd.expect("JK-324");
        httpd.launch();
        let mut served: Vec<Client> = Vec::new();
        for number in 1..=4 {
            served.push(send(&httpd, &number.to_string()));
            assert!(wait_until(PATIENCE, || backend.count() == number), "{name}: {number}");
        }
        // More than there are threads.
        for number in 0..12 {
            let refused = answer(send(&httpd, "refused"));
            assert!(is_refused(&refused), "{name}: {number}: {}", refused.status);
        }
        assert_eq!(Client::connect(httpd.port).get("/static.txt").text(), "static", "{name}");
        assert_eq!(Client::connect(httpd.port).get("/well/x").status, 200, "{name}");
        let own = shown(&httpd);
        assert_eq!(
            (&own["threads_held"], &own["threads_allowed"]),
            (&4.into(), &4.into()),
            "{own}"
        );
        assert_eq!(own["condition"], "degraded", "{own}");
        let why = "requests hold 4 threads of httpd, as many as max_threads_share allows";
        let reasons = own["reasons"].as_array().expect("a list");
        assert!(reasons.iter().any(|own| own == why), "{own}");
        is_let.store(true, SeqCst);
        for client in served {
            assert_eq!(answer(client).status, 200, "{name}");
        }
        becomes(&httpd, "threads_held", 0);
        assert_eq!(answer(send(&httpd, "later")).status, 200, "{name}");
        assert_eq!(backend.count(), 5, "{name}");
    }
}

#[test]
fn without_a_share_a_worker_that_hangs_takes_all_threads() {
    for mpm in ["event", "prefork"] {
        let (backend, is_let) = held();
        let name = format!("bulkhead-none-{mpm}");
        let (mut httpd, _well) = prepare(&name, mpm, "Off", &balancer(backend.port, ""));
        httpd.expect("MaxRequestWorkers");
        httpd.launch();
        let served: Vec<_> = (0..8).map(|number| send(&httpd, &number.to_string())).collect();
        assert!(wait_until(PATIENCE, || backend.count() == 8), "{name}: {}", backend.count());
        let (tell, told) = mpsc::channel();
        let port = httpd.port;
        thread::spawn(move || tell.send(Client::connect(port).get("/static.txt").text()));
        let early = told.recv_timeout(Duration::from_millis(500));
        assert!(early.is_err(), "{name}: a thread was left: {early:?}");
        is_let.store(true, SeqCst);
        assert_eq!(told.recv_timeout(PATIENCE).as_deref(), Ok("static"), "{name}");
        served.into_iter().for_each(|client| assert_eq!(answer(client).status, 200, "{name}"));
    }
}

#[test]
fn of_requests_that_come_at_once_as_many_are_served_as_the_share_allows() {
    for kind in ["lb", "ajp13"] {
        let (backend, is_let) = held();
        let name = format!("bulkhead-at-once-{kind}");
        let share = "worker.w.max_threads_share=38\n";
        let workers = match kind {
            "lb" => balancer(backend.port, share),
            _ => format!("worker.w.port={}\n{share}", backend.port),
        };
        let (mut httpd, _well) = prepare(&name, "event", "Off", &workers);
        httpd.expect("JK-324");
        httpd.launch();
        let (port, own) = (httpd.port, 40);
        let ask = move |_| thread::spawn(move || Client::connect(port).get("/app/x").status);
        let clients: Vec<_> = (0..own).map(ask).collect();
        let is_over = || clients.iter().filter(|client| client.is_finished()).count() == own - 3;
        assert!(wait_until(PATIENCE, is_over), "{name}: {}", shown(&httpd));
        // 3.04 of 8 threads.
        assert_eq!((backend.count(), &shown(&httpd)["threads_held"]), (3, &3.into()), "{name}");
        is_let.store(true, SeqCst);
        let statuses: Vec<_> = clients.into_iter().map(|one| one.join().expect("one")).collect();
        let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
        assert_eq!((count(200), count(503)), (3, own - 3), "{name}");
    }
}

#[test]
fn the_threads_of_a_killed_child_count_no_longer() {
    let (backend, is_let) = held();
    let workers = balancer(backend.port, "worker.w.max_threads_share=50\n");
    let (mut httpd, _well) = prepare("bulkhead-killed", "event", "Off", &workers);
    httpd.expect("JK-324");
    httpd.expect("exit signal Killed");
    httpd.launch();
    let mut clients: Vec<Client> = Vec::new();
    for number in 1..=4 {
        clients.push(send(&httpd, &number.to_string()));
        assert!(wait_until(PATIENCE, || backend.count() == number), "{number}");
    }
    assert!(is_refused(&answer(send(&httpd, "fifth"))));
    let holder = child_of(&httpd, &clients[0]);
    let lost = clients.iter().filter(|client| child_of(&httpd, client) == holder).count();
    assert!(signal("KILL", holder.parse().expect("a number")));
    becomes(&httpd, "threads_held", 4 - lost as u64);
    for number in 1..=lost {
        clients.push(send(&httpd, &format!("again-{number}")));
        assert!(wait_until(PATIENCE, || backend.count() == 4 + number), "{number} of {lost}");
    }
    let refused = answer(send(&httpd, "one-too-many"));
    assert!(is_refused(&refused), "{}", refused.status);
    becomes(&httpd, "threads_held", 4);
    is_let.store(true, SeqCst);
    let answers = clients.iter_mut().filter_map(|client| client.response("GET"));
    assert_eq!(answers.filter(|own| own.status == 200).count(), 4);
}

/// Two are in flight and two wait in the queue: all four hold a thread.
#[test]
fn a_request_whose_thread_is_one_too_many_does_not_wait_in_the_queue() {
    for kind in ["lb", "ajp13"] {
        let (backend, is_let) = held();
        let name = format!("bulkhead-queue-{kind}");
        let queue =
            "worker.w.max_threads_share=50\nworker.w.queue_size=50\nworker.w.queue_timeout=60000\n";
        let workers = match kind {
            "lb" => balancer(backend.port, &format!("worker.n1.busy_limit=2\n{queue}")),
            _ => format!("worker.w.port={}\nworker.w.busy_limit=2\n{queue}", backend.port),
        };
        let (mut httpd, _well) = prepare(&name, "event", "Off", &workers);
        httpd.expect("JK-324");
        httpd.launch();
        let mut served: Vec<_> = (0..2).map(|_| send(&httpd, "flies")).collect();
        assert!(wait_until(PATIENCE, || backend.count() == 2), "{name}");
        served.extend((0..2).map(|_| send(&httpd, "waits")));
        becomes(&httpd, "waiting", 2);
        for _ in 0..10 {
            assert!(is_refused(&answer(send(&httpd, "refused"))), "{name}");
        }
        let own = shown(&httpd);
        assert_eq!((&own["threads_held"], &own["waiting"]), (&4.into(), &2.into()), "{own}");
        is_let.store(true, SeqCst);
        served.into_iter().for_each(|client| assert_eq!(answer(client).status, 200, "{name}"));
        becomes(&httpd, "threads_held", 0);
    }
}

#[test]
fn who_is_parked_holds_no_thread() {
    for kind in ["lb", "ajp13"] {
        let (backend, is_let) = held();
        let name = format!("bulkhead-parked-{kind}");
        let queue =
            "worker.w.max_threads_share=1\nworker.w.queue_size=50\nworker.w.queue_timeout=60000\n";
        let workers = match kind {
            "lb" => balancer(backend.port, &format!("worker.n1.busy_limit=10\n{queue}")),
            _ => format!("worker.w.port={}\nworker.w.busy_limit=10\n{queue}", backend.port),
        };
        let (mut httpd, _well) = prepare(&name, "event", "On", &workers);
        httpd.expect("JK-102");
        httpd.launch();
        let mut served = Vec::new();
        for number in 1..=15 {
            served.push(send(&httpd, "parked"));
            becomes(&httpd, "parked", number);
        }
        let own = shown(&httpd);
        assert_eq!((&own["threads_held"], &own["waiting"]), (&0.into(), &5.into()), "{own}");
        assert_eq!(own["threads_allowed"], 1, "{own}");
        is_let.store(true, SeqCst);
        // They come back at once and hold a thread each, for a moment: none of them is refused for that.
        served.into_iter().for_each(|client| assert_eq!(answer(client).status, 200, "{name}"));
        assert_eq!(backend.count(), 15, "{name}");
    }
}

#[test]
fn at_the_share_of_a_member_another_one_serves() {
    let (n1, is_let) = held();
    let n2 = Backend::start(|_| Reply::Bytes(ok(&[], b"n2")));
    let more = format!(
        "worker.n1.max_threads_share=25\nworker.w.balance_workers=n2\nworker.n2.port={}\nworker.w.method=B\n",
        n2.port
    );
    let (mut httpd, _well) = prepare("bulkhead-member", "event", "Off", &balancer(n1.port, &more));
    httpd.expect("JK-324");
    httpd.expect("JK-402");
    httpd.launch();
    let session = |own: &str| {
        let mut client = Client::connect(httpd.port);
        let cookie = format!("Cookie: JSESSIONID={own}.n1\r\n");
        client.send(&format!("GET /app/x HTTP/1.1\r\nHost: h\r\n{cookie}\r\n"));
        client
    };
    let first = [session("1"), session("2")];
    assert!(wait_until(PATIENCE, || n1.count() == 2));
    for number in 0..10 {
        assert_eq!(
            answer(session("3")).text(),
            "n2",
            "{number}: the session's member has no thread"
        );
    }
    assert_eq!(n1.count(), 2);
    let own = shown(&httpd);
    assert_eq!(own["members"][0]["threads_held"], 2, "{own}");
    assert_eq!(own["members"][0]["condition"], "degraded", "{own}");
    assert_eq!(own["members"][1]["threads_allowed"], Value::Null, "{own}");
    n2.stop();
    let refused = answer(session("4"));
    assert!(is_refused(&refused), "{}", refused.status);
    httpd.expect("JK-303");
    httpd.expect("JK-401");
    httpd.says("(n1 is at its max_threads_share; n2 is in error", 1);
    is_let.store(true, SeqCst);
    first.into_iter().for_each(|client| assert_eq!(answer(client).status, 200));
}

#[test]
fn a_share_can_be_changed_while_httpd_runs() {
    let (backend, is_let) = held();
    let (mut httpd, _well) = prepare("bulkhead-set", "event", "Off", &balancer(backend.port, ""));
    ["JK-324", "JK-402", "JK-502"].iter().for_each(|code| httpd.expect(code));
    httpd.launch();
    let served = [send(&httpd, "first"), send(&httpd, "second")];
    assert!(wait_until(PATIENCE, || backend.count() == 2));
    let set = |path: &str| {
        let path = format!("/jkstatus?cmd=update&mime=json&w=w&{path}");
        assert_eq!(Client::connect(httpd.port).get(&path).status, 200, "{path}");
    };
    set("vlmts=25");
    assert!(is_refused(&answer(send(&httpd, "third"))));
    set("vlmts=0");
    set("sw=n1&vamts=25");
    let third = answer(send(&httpd, "third"));
    assert_eq!(third.status, 503, "the member has no thread");
    set("sw=n1&vamts=0");
    let third = send(&httpd, "third");
    assert!(wait_until(PATIENCE, || backend.count() == 3));
    is_let.store(true, SeqCst);
    served.into_iter().chain([third]).for_each(|one| assert_eq!(answer(one).status, 200));
}

#[test]
fn a_share_of_less_than_a_thread_is_said_by_a_test_of_the_configuration() {
    for (mpm, is_small) in [("prefork", true), ("event", false)] {
        let name = format!("bulkhead-small-{mpm}");
        let threads =
            "<IfModule mpm_prefork_module>\nServerLimit 20\nMaxRequestWorkers 20\n</IfModule>\n";
        let workers = "worker.list=w\nworker.w.port=1\nworker.w.max_threads_share=4\n";
        let setup = Setup { name: &name, mpm, config: threads, workers };
        let (is_valid, said) = setup.prepare().configtest();
        assert!(is_valid, "{said}");
        let text = "workers.properties:3: worker.w.max_threads_share: 4 per cent of 20 threads (MaxRequestWorkers) is less than one and counts as one";
        assert_eq!(said.contains(text), is_small, "{name}: {said}");
    }
}
