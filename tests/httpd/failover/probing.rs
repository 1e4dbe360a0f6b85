//! Members in error are asked in the background: they cost no request and are soon back.

use std::fs;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::bare::{bare, give, take};
use crate::setups::balanced;
use crate::setups::number;
use crate::support::backend::{Backend, Reply, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, free_port, signal, times, wait_until};

/// Asks until every dead member has been noticed.
fn notice(httpd: &Httpd, dead: &[&str]) {
    let is_out = |name: &&str| number(httpd, name, "state") == "ERR";
    let noticed = wait_until(PATIENCE, || {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
        dead.iter().all(is_out)
    });
    assert!(noticed, "{dead:?} are in error");
}

/// Waits until a member serves again, and returns how long that took.
fn back_in_service(httpd: &Httpd, name: &str, limit: Duration) -> Duration {
    let begun = Instant::now();
    let is_back = wait_until(limit, || {
        (0..4).any(|_| Client::connect(httpd.port).get("/app/x").text().starts_with(name))
    });
    assert!(is_back, "{name} is back within {limit:?}: {}", httpd.log("jk.log"));
    begun.elapsed()
}

/// Within what time a member is back that answers again. The promise is two seconds, which `make soak` judges
/// on a quiet machine; on a busy one they are three times as long, and what these tests guard against takes
/// ten times as long and more.
fn soon() -> Duration {
    Duration::from_secs(times(6, 2) as u64)
}

/// With default settings, with Debian's stock interval, and with none.
#[test]
fn a_dead_member_costs_no_request_and_is_soon_back() {
    for (name, interval) in
        [("dead", ""), ("dead-60", "JkWatchdogInterval 60\n"), ("dead-0", "JkWatchdogInterval 0\n")]
    {
        let (n1, port) = (Backend::start(echo("n1")), free_port());
        let workers = format!(
            "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
             worker.lb.recover_time=1\nworker.n1.host=127.0.0.1\nworker.n1.port={}\n\
             worker.n2.host=127.0.0.1\nworker.n2.port={port}\nworker.st.type=status\n",
            n1.port
        );
        let config = format!("JkMount /app/* lb\nJkMount /jkstatus st\n{interval}");
        let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.start();
        httpd.expect("JK-401");
        notice(&httpd, &["n2"]);
        let errors = number(&httpd, "n2", "errors");
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(3) {
            assert_eq!(Client::connect(httpd.port).get("/app/x").text(), "n1 GET /app/x 0");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(number(&httpd, "n2", "errors"), errors, "{name}: no request has tried it");
        let _n2 = Backend::start_on(port, echo("n2"));
        let took = back_in_service(&httpd, "n2", Duration::from_secs(10));
        assert!(took < soon(), "{name}: back after {took:?}");
    }
}

/// A child that takes the lead over knows of no backend, and `recover_time` has long passed.
#[test]
fn a_new_leader_asks_before_it_lets_a_request_try() {
    let (n1, dead) = (Backend::start(echo("n1")), free_port());
    let more = "worker.lb.recover_time=1\n";
    let mut httpd = balanced("new-leader", "event", [n1.port, dead], more);
    httpd.expect("JK-401");
    notice(&httpd, &["n2"]);
    let errors = number(&httpd, "n2", "errors");
    for pid in httpd.children() {
        let begun = Instant::now();
        // Longer than recover_time, and than a child needs to find itself in the lead.
        while begun.elapsed() < Duration::from_secs(2) {
            assert_eq!(Client::connect(httpd.port).get("/app/x").text(), "n1 GET /app/x 0");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(signal("KILL", pid.parse().expect("a number")));
        let has_gone = || !httpd.children().contains(&pid);
        assert!(wait_until(PATIENCE, has_gone), "the parent has noticed");
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        assert_eq!(Client::connect(httpd.port).get("/app/x").text(), "n1 GET /app/x 0");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(number(&httpd, "n2", "errors"), errors, "no request has tried it");
}

/// A member that answers pings and drops every request: each trial costs a request.
#[test]
fn a_member_that_fails_its_trials_is_tried_less_and_less_often() {
    let tried: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let is_broken = Arc::new(AtomicBool::new(true));
    let n1 = Backend::start(echo("n1"));
    let n2 = {
        let (tried, is_broken, well) = (Arc::clone(&tried), Arc::clone(&is_broken), echo("n2"));
        Backend::start(move |request| {
            tried.lock().expect("no panic under the lock").push(Instant::now());
            match is_broken.load(SeqCst) {
                true => Reply::Close(Vec::new()),
                false => well(request),
            }
        })
    };
    let mut httpd = balanced("relapse", "event", [n1.port, n2.port], "");
    httpd.expect("JK-401");
    httpd.expect("JK-306");
    notice(&httpd, &["n2"]);
    let before = tried.lock().expect("no panic under the lock").len();
    // The first trial comes at once, those after it half a second, 1 s, 2 s, 4 s after the one before.
    let has_been_tried = wait_until(PATIENCE, || {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
        tried.lock().expect("no panic under the lock").len() >= before + 5
    });
    assert!(has_been_tried);
    let tried = tried.lock().expect("no panic under the lock").clone();
    let took = tried[before + 4].duration_since(tried[before]);
    assert!(took >= Duration::from_millis(7_000), "five trials within {took:?}");
    is_broken.store(false, SeqCst);
    back_in_service(&httpd, "n2", Duration::from_secs(30));
}

/// While no other member is left, each is tried once a second. That is no news.
#[test]
fn a_member_is_said_to_be_in_error_once() {
    let ports = [free_port(), free_port()];
    let mut httpd = balanced("error-once", "event", ports, "");
    httpd.expect("JK-40");
    httpd.expect("JK-303");
    let errors = |name| number(&httpd, name, "errors").parse::<u32>().expect("a number");
    let are_tried = wait_until(PATIENCE, || {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
        errors("n1") >= 4 && errors("n2") >= 4
    });
    assert!(are_tried);
    for name in ["n1", "n2"] {
        let words = format!("JK-401 balancer lb: member {name} ");
        assert_eq!(httpd.log("jk.log").matches(&words).count(), 1, "{}", httpd.log("jk.log"));
    }
}

/// As a port that leads to Tomcat's HTTP connector does, or to no server of requests at all.
#[test]
fn a_member_that_does_not_speak_ajp_is_out_after_two_answers() {
    let answers: [(&str, &[u8]); 3] = [
        ("http", b"HTTP/1.1 400 \r\nConnection: close\r\n\r\n"),
        ("empty", b"AB\0\0AB\0\0"),
        ("type", b"AB\0\x01\x63"),
    ];
    for (name, answer) in answers {
        let n1 = Backend::start(echo("n1"));
        let n2 = bare(move |_, mut stream| {
            // A ping is answered with this, too.
            if take(&mut stream).is_some() {
                give(&mut stream, answer);
            }
        });
        let mut httpd = balanced(&format!("no-ajp-{name}"), "event", [n1.port, n2], "");
        httpd.expect("JK-401");
        httpd.expect("JK-307");
        let mut client = Client::connect(httpd.port);
        let statuses = (0..20).map(|_| client.request("POST", "/app/x", &[], b"x").status);
        let failed = statuses.filter(|status| *status == 502).count();
        assert_eq!(failed, 2, "{name}: {}", httpd.log("jk.log"));
        assert_eq!(number(&httpd, "n2", "state"), "ERR", "{name}");
    }
}

#[test]
fn members_that_say_nothing_delay_no_other() {
    let n1 = Backend::start(echo("n1"));
    let names = ["n2", "n3", "n4", "n5", "n6", "n7"];
    let ports = names.map(|_| free_port());
    let mut workers = format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,{}\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.st.type=status\n",
        names.join(","),
        n1.port
    );
    for (name, port) in names.iter().zip(ports) {
        workers += &format!("worker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n");
    }
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\n";
    let mut httpd = Setup { name: "silent", mpm: "event", config, workers: &workers }.start();
    httpd.expect("JK-401");
    notice(&httpd, &names);
    // They accept connections now, and say nothing.
    let listen = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).expect("the port is free");
    let _silent: Vec<_> = ports[..5].iter().map(listen).collect();
    std::thread::sleep(Duration::from_secs(1));
    let _n7 = Backend::start_on(ports[5], echo("n7"));
    let took = back_in_service(&httpd, "n7", Duration::from_secs(30));
    assert!(took < soon(), "back after {took:?}");
}

#[test]
fn without_probes_recover_time_decides() {
    let (n1, port) = (Backend::start(echo("n1")), free_port());
    let more = "worker.lb.probe=off\nworker.lb.recover_time=3\n";
    let mut httpd = balanced("unprobed", "event", [n1.port, port], more);
    httpd.expect("JK-401");
    notice(&httpd, &["n2"]);
    let begun = Instant::now();
    let n2 = Backend::start_on(port, echo("n2"));
    back_in_service(&httpd, "n2", Duration::from_secs(10));
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(2_500), "no request asked for it: {took:?}");
    assert_eq!(n2.connections.load(std::sync::atomic::Ordering::SeqCst), 1, "but for a request");
    let is_said =
        || httpd.log("jk.log").contains("JK-403 balancer lb: member n2 is back in service");
    assert!(wait_until(PATIENCE, is_said), "{}", httpd.log("jk.log"));
}

/// An answered CPING lets one request try the member. Whether it is back, that request decides. Each outage
/// is said once: when it begins, when a request is first let try the member, and when it is over.
#[test]
fn back_in_service_is_said_when_it_is_true() {
    let (n1, port) = (Backend::start(echo("n1")), free_port());
    let mut httpd = balanced("said", "event", [n1.port, port], "");
    httpd.expect("JK-401");
    notice(&httpd, &["n2"]);
    let count = |code: &str| httpd.log("jk.log").matches(code).count();
    let trials = Arc::new(AtomicUsize::new(0));
    assert_eq!(count("JK-403"), 0);
    // It answers CPING, and breaks every request off.
    let n2 = {
        let trials = Arc::clone(&trials);
        Backend::start_on(port, move |_| {
            trials.fetch_add(1, SeqCst);
            Reply::Close(Vec::new())
        })
    };
    let is_tried = || {
        Client::connect(httpd.port).get("/app/x");
        trials.load(SeqCst) >= 3
    };
    assert!(wait_until(PATIENCE, is_tried), "{}", httpd.log("jk.log"));
    for (code, times) in [("JK-401", 1), ("JK-411", 1), ("JK-403", 0)] {
        assert_eq!(count(code), times, "{code}: {}", httpd.log("jk.log"));
    }
    drop(n2);
    notice(&httpd, &["n2"]);
    // The administrator may not wait for the ping.
    let _n2 = Backend::start_on(port, echo("n2"));
    Client::connect(httpd.port).get("/jkstatus?cmd=recover&w=lb&sw=n2&mime=txt");
    back_in_service(&httpd, "n2", Duration::from_secs(10));
    let line = "JK-403 balancer lb: member n2 is back in service: a request to it succeeded";
    assert!(wait_until(PATIENCE, || count(line) == 1), "{}", httpd.log("jk.log"));
    assert_eq!(number(&httpd, "n2", "state"), "OK");
    for _ in 0..10 {
        Client::connect(httpd.port).get("/app/x");
    }
    assert_eq!(count(line), 1, "once");
    assert_eq!(count(&format!("{line}; it was out for ")), 1, "{}", httpd.log("jk.log"));
    assert_eq!(count("JK-401"), 1, "one outage: {}", httpd.log("jk.log"));
}

/// One of the children leads, so one of these is the leader.
#[test]
fn whichever_child_freezes_or_dies_members_come_back() {
    for mpm in ["event", "prefork"] {
        let (n1, port) = (Backend::start(echo("n1")), free_port());
        let name = format!("leader-{mpm}");
        let mut httpd = balanced(&name, mpm, [n1.port, port], "");
        httpd.expect("JK-401");
        httpd.expect("exit signal Killed");
        httpd.expect("AH10392");
        // A frozen leader is replaced within 3 s; of a killed one httpd's parent tells the others.
        for (word, limit) in [("STOP", 4), ("KILL", 3)] {
            for child in httpd.children() {
                notice(&httpd, &["n2"]);
                let pid = child.parse().expect("a number");
                assert!(signal(word, pid), "{mpm}: {word} {pid}");
                // Until then it may still take a connection.
                let is_still = || {
                    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                    let state = stat.rsplit_once(") ").map_or("gone", |(_, rest)| rest);
                    state.starts_with(['T', 'Z']) || state == "gone"
                };
                assert!(wait_until(PATIENCE, is_still), "{mpm}: {word} {pid}");
                let n2 = Backend::start_on(port, echo("n2"));
                back_in_service(&httpd, "n2", Duration::from_secs(limit));
                drop(n2);
                if word == "STOP" {
                    assert!(signal("CONT", pid), "{mpm}: CONT {pid}");
                }
            }
        }
    }
}
