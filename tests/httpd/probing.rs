//! Members in error are asked in the background: they cost no request and are soon back.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::balancing::balanced;
use crate::restarts::{children, number};
use crate::support::client::Client;
use crate::support::container::{Container, echo};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{free_port, signal, wait_until};

/// Asks until every dead member has been noticed.
fn notice(httpd: &Httpd, dead: &[&str]) {
    let is_out = |name: &&str| number(httpd, name, "state") == "ERR";
    let noticed = wait_until(Duration::from_secs(10), || {
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

/// With default settings, with Debian's stock interval, and with none.
#[test]
fn a_dead_member_costs_no_request_and_is_soon_back() {
    for (name, interval) in
        [("dead", ""), ("dead-60", "JkWatchdogInterval 60\n"), ("dead-0", "JkWatchdogInterval 0\n")]
    {
        let (n1, port) = (Container::start(echo("n1")), free_port());
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
        let _n2 = Container::start_on(port, echo("n2"));
        let took = back_in_service(&httpd, "n2", Duration::from_secs(10));
        assert!(took < Duration::from_secs(2), "{name}: back after {took:?}");
    }
}

#[test]
fn members_that_say_nothing_delay_no_other() {
    let n1 = Container::start(echo("n1"));
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
    let _n7 = Container::start_on(ports[5], echo("n7"));
    let took = back_in_service(&httpd, "n7", Duration::from_secs(30));
    assert!(took < Duration::from_secs(2), "back after {took:?}");
}

#[test]
fn without_probes_recover_time_decides() {
    let (n1, port) = (Container::start(echo("n1")), free_port());
    let more = "worker.lb.probe=off\nworker.lb.recover_time=3\n";
    let mut httpd = balanced("unprobed", "event", [n1.port, port], more);
    httpd.expect("JK-401");
    notice(&httpd, &["n2"]);
    let begun = Instant::now();
    let n2 = Container::start_on(port, echo("n2"));
    back_in_service(&httpd, "n2", Duration::from_secs(10));
    let took = begun.elapsed();
    assert!(took > Duration::from_millis(2_500), "nobody asked for it: {took:?}");
    assert_eq!(n2.connections.load(std::sync::atomic::Ordering::SeqCst), 1, "but for a request");
    assert!(!httpd.log("jk.log").contains("JK-403"), "{}", httpd.log("jk.log"));
}

/// One of the children leads, so one of these is the leader.
#[test]
fn whichever_child_freezes_or_dies_members_come_back() {
    for mpm in ["event", "prefork"] {
        let (n1, port) = (Container::start(echo("n1")), free_port());
        let name = format!("leader-{mpm}");
        let mut httpd = balanced(&name, mpm, [n1.port, port], "");
        httpd.expect("JK-401");
        httpd.expect("exit signal Killed");
        httpd.expect("AH10392");
        // A frozen leader is replaced within 3 s; of a killed one httpd's parent tells the others.
        for (word, limit) in [("STOP", 4), ("KILL", 3)] {
            for child in children(&httpd) {
                notice(&httpd, &["n2"]);
                let pid = child.parse().expect("a number");
                assert!(signal(word, pid), "{mpm}: {word} {pid}");
                // Until then it may still take a connection.
                let is_still = || {
                    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                    let state = stat.rsplit_once(") ").map_or("gone", |(_, rest)| rest);
                    state.starts_with(['T', 'Z']) || state == "gone"
                };
                assert!(wait_until(Duration::from_secs(5), is_still), "{mpm}: {word} {pid}");
                let n2 = Container::start_on(port, echo("n2"));
                back_in_service(&httpd, "n2", Duration::from_secs(limit));
                drop(n2);
                if word == "STOP" {
                    assert!(signal("CONT", pid), "{mpm}: CONT {pid}");
                }
            }
        }
    }
}
