//! What outlives a child and what outlives a configuration.

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::bare::{bare, take};
use crate::setups::{balanced, number};
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::{PATIENCE, free_port, module, wait_until};

#[test]
fn counters_and_states_survive_a_graceful_restart() {
    let (n1, gone) = (Backend::start(echo("n1")), free_port());
    let mut httpd = balanced("survive", "event", [n1.port, gone], "");
    httpd.expect("JK-40");
    let mut client = Client::connect(httpd.port);
    for _ in 0..10 {
        assert_eq!(client.get("/app/x").status, 200);
    }
    assert_eq!(number(&httpd, "n2", "state"), "ERR");
    let (elected, errors) = (number(&httpd, "n1", "elected"), number(&httpd, "n2", "errors"));
    httpd.graceful();
    assert_eq!(number(&httpd, "n1", "elected"), elected);
    assert_eq!(number(&httpd, "n2", "errors"), errors, "no request tried it meanwhile");
    assert_eq!(number(&httpd, "n2", "state"), "ERR", "it is still out");

    let workers = fs::read_to_string(httpd.dir.join("workers.properties")).expect("a file");
    httpd.write("workers.properties", &format!("{workers}worker.n1.lbfactor=3\n"));
    httpd.graceful();
    // A child of before the restart may still take a connection or two.
    let is_new = || number(&httpd, "n1", "elected") == "0";
    assert!(wait_until(PATIENCE, is_new), "a changed member begins with new counts");
    assert_eq!(number(&httpd, "n2", "errors"), errors, "the other one does not");
}

#[test]
fn a_child_of_before_a_restart_refuses_changes() {
    // Where the new file has many more workers, the new children have other shared memory.
    for (mpm, more) in [("event", 0), ("prefork", 0), ("event", 90)] {
        let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
        let name = format!("outdated-{mpm}-{more}");
        let httpd = balanced(&name, mpm, [n1.port, n2.port], "");
        let changes = ["vwf=7", "vwa=d", "vwn=other"];
        // Each request is held by a child of before the restart until its body is there.
        let held: Vec<_> = changes
            .iter()
            .map(|change| {
                let body = format!("cmd=update&mime=json&w=lb&sw=n1&{change}");
                let (first, rest) = body.split_at(5);
                let mut client = Client::connect(httpd.port);
                client.send(&format!(
                    "POST /jkstatus HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                ));
                // httpd asks for the body: a child has the request.
                client.send(first);
                assert!(client.is_continued(), "{mpm}");
                (client, rest.to_owned())
            })
            .collect();
        let workers = fs::read_to_string(httpd.dir.join("workers.properties")).expect("a file");
        let extra: String = (0..more)
            .map(|number| format!("worker.list=m{number}\nworker.m{number}.port=1\n"))
            .collect();
        httpd.write("workers.properties", &format!("{workers}{extra}worker.n1.lbfactor=3\n"));
        let before = httpd.graceful();
        for (mut client, rest) in held {
            client.send(&rest);
            let answer = client.response("POST").expect("an answer");
            assert_eq!(answer.status, 503, "{mpm}: {}", answer.text());
            let words =
                "httpd was restarted in the meantime; nothing was changed: repeat the request";
            assert!(answer.text().contains(words), "{mpm}: {}", answer.text());
            assert_eq!(answer.header("Connection"), Some("close"), "{mpm}");
            assert_eq!(answer.header("Retry-After"), Some("1"), "{mpm}");
        }
        assert!(!httpd.log("jk.log").contains("JK-502"), "{mpm}: {}", httpd.log("jk.log"));
        let is_gone = || httpd.children().iter().all(|pid| !before.contains(pid));
        assert!(wait_until(PATIENCE, is_gone), "{mpm}: old children do not go");
        for (key, value) in [("lbfactor", "3"), ("activation", "ACT"), ("route", "\"n1\"")] {
            assert_eq!(number(&httpd, "n1", key), value, "{mpm}: {key}");
        }
        for change in changes {
            let path = format!("/jkstatus?cmd=update&mime=json&w=lb&sw=n1&{change}");
            let answer = Client::connect(httpd.port).get(&path);
            assert_eq!(answer.status, 200, "{mpm}: repeated: {}", answer.text());
        }
        for (key, value) in [("lbfactor", "7"), ("activation", "DIS"), ("route", "\"other\"")] {
            assert_eq!(number(&httpd, "n1", key), value, "{mpm}: {key}");
        }
    }
}

#[test]
fn a_killed_child_gives_its_requests_back() {
    for mpm in ["event", "prefork"] {
        // A backend that takes requests and never answers.
        let port = bare(|_, mut stream| while take(&mut stream).is_some() {});
        let workers = format!(
            "worker.list=w1,st\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\nworker.st.type=status\n"
        );
        let config = "JkMount /app/* w1\nJkMount /jkstatus st\n";
        let name = format!("killed-{mpm}");
        let mut httpd = Setup { name: &name, mpm, config, workers: &workers }.start();
        httpd.expect("exit signal Killed");
        httpd.expect("AH10392");
        let clients: Vec<_> = (0..6)
            .map(|_| {
                let port = httpd.port;
                thread::spawn(move || {
                    let text = b"GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n";
                    Client::connect(port).try_raw(text, "GET").is_none()
                })
            })
            .collect();
        let is_busy = |count: &str| number(&httpd, "w1", "busy") == count;
        assert!(wait_until(PATIENCE, || is_busy("6")), "{mpm}: all are under way");
        for pid in httpd.children() {
            let killed = Command::new("/bin/kill").args(["-KILL", &pid]).status();
            assert!(killed.is_ok_and(|status| status.success()), "{mpm}");
        }
        assert!(wait_until(PATIENCE, || is_busy("0")), "{mpm}: all are given back");
        for client in clients {
            assert!(client.join().expect("no panic"), "{mpm}: no client got an answer");
        }
    }
}

#[test]
fn the_background_thread_gets_no_signals() {
    const SIGTERM_BIT: u64 = 1 << 14;
    for mpm in ["event", "worker", "prefork"] {
        let backend = Backend::start(echo("n1"));
        let name = format!("signals-{mpm}");
        let httpd = crate::setups::one_worker(&name, mpm, backend.port, "");
        let masks = || -> Vec<u64> {
            let tasks = httpd.children().into_iter().filter_map(|pid| {
                let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
                Some(tasks.map(|task| task.path()).collect::<Vec<_>>())
            });
            let is_ours = |path: &std::path::PathBuf| {
                fs::read_to_string(path.join("comm")).is_ok_and(|name| name.trim() == "jk-watchdog")
            };
            let mask = |path: std::path::PathBuf| {
                let text = fs::read_to_string(path.join("status")).ok()?;
                let line = text.lines().find_map(|line| line.strip_prefix("SigBlk:"))?.trim();
                u64::from_str_radix(line, 16).ok()
            };
            tasks.flatten().filter(is_ours).filter_map(mask).collect()
        };
        assert!(wait_until(PATIENCE, || masks().len() >= 2), "{mpm}: one a child");
        assert!(masks().iter().all(|mask| mask & SIGTERM_BIT != 0), "{mpm}: {:x?}", masks());
    }
}

/// How many background threads a process has; `None` if it is gone.
fn watchdogs(pid: &str) -> Option<usize> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let names = tasks.filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    Some(names.filter(|name| name.trim() == "jk-watchdog").count())
}

#[test]
fn each_child_has_one_background_thread_and_takes_it_along() {
    for mpm in ["event", "worker", "prefork"] {
        let backend = Backend::start(echo("n1"));
        let name = format!("threads-{mpm}");
        let httpd = crate::setups::one_worker(&name, mpm, backend.port, "");
        let each_has_one = |old: &[String]| {
            let all = httpd.children();
            all.len() >= 2 && all.iter().all(|pid| watchdogs(pid) == Some(1) && !old.contains(pid))
        };
        assert!(wait_until(PATIENCE, || each_has_one(&[])), "{mpm}: one a child");
        for _ in 0..3 {
            let old = httpd.graceful();
            let is_new = wait_until(PATIENCE, || each_has_one(&old));
            assert!(is_new, "{mpm}: one a new child, none of an old one");
            assert!(old.iter().all(|pid| watchdogs(pid).is_none()), "{mpm}: old children are gone");
        }
        assert_eq!(watchdogs(&httpd.pid().to_string()), Some(0), "{mpm}: the parent has none");
    }
}

/// A child of the worker MPM that still serves may have to leave its place in httpd's scoreboard to a new
/// one. That is not its end.
///
/// httpd takes the place only where a thread had ended before it marked all of them as ending. Otherwise
/// it says that its scoreboard is full and goes on without a new child: then the next httpd is tried.
#[test]
fn a_child_that_lost_its_slot_still_has_its_requests() {
    let is_taken = (0..20).any(is_slot_taken_from_a_child_that_serves);
    assert!(is_taken, "a slot is taken in one of 20 restarts");
}

/// One httpd of two full children and one restart: whether httpd gave a slot to a new child. All requests
/// must have their answers in both cases.
fn is_slot_taken_from_a_child_that_serves(attempt: u32) -> bool {
    let may_answer = Arc::new(AtomicBool::new(false));
    let waits = Arc::clone(&may_answer);
    let n1 = Backend::start(move |request| {
        while request.uri.ends_with("slow") && !waits.load(SeqCst) {
            thread::sleep(Duration::from_millis(20));
        }
        echo("n1")(request)
    });
    let config = "JkMount /app/* n1\nJkMount /jkstatus st\nTimeout 300\nStartServers 2\nServerLimit 2\n\
        ThreadsPerChild 5\nMaxRequestWorkers 10\nMinSpareThreads 1\nMaxSpareThreads 10\n";
    let workers = format!("worker.list=n1,st\nworker.n1.port={}\nworker.st.type=status\n", n1.port);
    let name = format!("lost-slot-{attempt}");
    let mut httpd = Setup { name: &name, mpm: "worker", config, workers: &workers }.start();
    httpd.expect(SCOREBOARD_IS_FULL);
    assert!(wait_until(PATIENCE, || httpd.children().len() == 2), "two children");
    let busy = || number(&httpd, "n1", "busy").parse::<u32>().expect("a number");
    let port = httpd.port;
    let slow: Vec<_> =
        (0..6).map(|_| thread::spawn(move || Client::connect(port).get("/app/slow"))).collect();
    assert!(wait_until(PATIENCE, || n1.count() == 6), "all are under way");
    assert_eq!(busy(), 6);
    let old = httpd.graceful();
    // There are two slots only, so each child beyond two has taken one from a child that still serves.
    let is_replaced = || {
        let now = httpd.children();
        now.len() > 2 && now.iter().any(|pid| !old.contains(pid))
    };
    let is_full = || httpd.log("error.log").contains(SCOREBOARD_IS_FULL);
    assert!(wait_until(PATIENCE, || is_replaced() || is_full()), "httpd looked for a slot");
    let is_taken = is_replaced();
    if is_taken {
        for _ in 0..10 {
            assert_eq!(busy(), 6, "all six are still under way");
            thread::sleep(Duration::from_millis(100));
        }
    }
    may_answer.store(true, SeqCst);
    for client in slow {
        assert_eq!(client.join().expect("no panic").status, 200);
    }
    assert!(wait_until(PATIENCE, || busy() == 0), "none is left");
    is_taken
}

/// httpd has no slot for a child it would like to start.
const SCOREBOARD_IS_FULL: &str = "AH00288";

/// A destructor of a thread's own values, as thread-local caches have one, keeps a library in memory
/// until its thread ends. In the parent that is for ever: each update would leave a library behind, and
/// the next start would find the statics of the last one.
#[test]
fn the_parent_lets_go_of_the_library() {
    let backend = Backend::start(echo("w"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let config = "JkMountFile mounts\nJkMountFileReload 1\nJkMount /app/* w\n";
    let setup = Setup { name: "let-go", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.write("mounts", "/other/*=w\n");
    httpd.launch();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    let with = httpd.log("httpd.conf");
    let without: String = with
        .lines()
        .filter(|line| !line.contains("Jk") && !line.contains("jk_module"))
        .fold(String::new(), |all, line| all + line + "\n");
    let is_loaded = || {
        let maps = fs::read_to_string(format!("/proc/{}/maps", httpd.pid())).expect("it runs");
        maps.contains(&module().display().to_string())
    };
    assert!(is_loaded());
    for (config, has_it, status) in [(&with, true, 200), (&without, false, 404), (&with, true, 200)]
    {
        httpd.write("httpd.conf", config);
        httpd.graceful_for_all();
        assert_eq!(is_loaded(), has_it, "the library is in the parent");
        // A child that httpd started just before it obeyed the signal is none of those that were waited for.
        let is_new = || Client::connect(httpd.port).get("/app/x").status == status;
        assert!(wait_until(PATIENCE, is_new), "{status}");
    }
}
