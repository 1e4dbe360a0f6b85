//! What outlives a child and what outlives a configuration.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::balancing::balanced;
use crate::bare::{bare, take};
use crate::support::client::Client;
use crate::support::container::{Container, echo};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{free_port, wait_until};

/// Returns a number of a member from the status page.
pub fn number(httpd: &Httpd, member: &str, key: &str) -> String {
    // The child that takes the request may be the one that is killed.
    let ask = || {
        let text = b"GET /jkstatus?mime=txt HTTP/1.1\r\nHost: h\r\n\r\n";
        Some(Client::connect(httpd.port).try_raw(text, "GET")?.text())
    };
    let page = (0..10).find_map(|_| ask()).expect("httpd answers");
    let is_it = |line: &&str| {
        ["Member", "AJP Worker"]
            .iter()
            .any(|kind| line.starts_with(&format!("{kind}: name={member} ")))
    };
    let line = page.lines().find(is_it);
    let line = line.unwrap_or_else(|| panic!("no {member} in {page}")).to_owned();
    let word = line.split(' ').find_map(|word| word.strip_prefix(&format!("{key}=")));
    word.unwrap_or_else(|| panic!("no {key} in {line}")).to_owned()
}

pub fn children(httpd: &Httpd) -> Vec<String> {
    let pid = httpd.pid();
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    text.expect("httpd has children").split_whitespace().map(str::to_owned).collect()
}

#[test]
fn counters_and_states_survive_a_graceful_restart() {
    let (n1, gone) = (Container::start(echo("n1")), free_port());
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
    assert_eq!(number(&httpd, "n2", "errors"), errors, "nobody tried it meanwhile");
    assert_eq!(number(&httpd, "n2", "state"), "ERR", "it is still out");

    let workers = fs::read_to_string(httpd.dir.join("workers.properties")).expect("a file");
    httpd.write("workers.properties", &format!("{workers}worker.n1.lbfactor=3\n"));
    httpd.graceful();
    // A child of before the restart may still take a connection or two.
    let is_new = || number(&httpd, "n1", "elected") == "0";
    assert!(wait_until(Duration::from_secs(5), is_new), "a changed member begins anew");
    assert_eq!(number(&httpd, "n2", "errors"), errors, "the other one does not");
}

#[test]
fn a_killed_child_gives_its_requests_back() {
    for mpm in ["event", "prefork"] {
        // A container that takes requests and never answers.
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
        assert!(wait_until(Duration::from_secs(10), || is_busy("6")), "{mpm}: all are under way");
        for pid in children(&httpd) {
            let killed = Command::new("/bin/kill").args(["-KILL", &pid]).status();
            assert!(killed.is_ok_and(|status| status.success()), "{mpm}");
        }
        assert!(wait_until(Duration::from_secs(10), || is_busy("0")), "{mpm}: all are given back");
        for client in clients {
            assert!(client.join().expect("no panic"), "{mpm}: nobody got an answer");
        }
    }
}

#[test]
fn the_background_thread_gets_no_signals() {
    const SIGTERM_BIT: u64 = 1 << 14;
    for mpm in ["event", "worker", "prefork"] {
        let container = Container::start(echo("n1"));
        let name = format!("signals-{mpm}");
        let httpd = crate::serving::one_worker(&name, mpm, container.port, "");
        let masks = || -> Vec<u64> {
            let tasks = children(&httpd).into_iter().filter_map(|pid| {
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
        assert!(wait_until(Duration::from_secs(5), || masks().len() >= 2), "{mpm}: one a child");
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
        let container = Container::start(echo("n1"));
        let name = format!("threads-{mpm}");
        let httpd = crate::serving::one_worker(&name, mpm, container.port, "");
        let each_has_one = |old: &[String]| {
            let all = children(&httpd);
            all.len() >= 2 && all.iter().all(|pid| watchdogs(pid) == Some(1) && !old.contains(pid))
        };
        assert!(wait_until(Duration::from_secs(10), || each_has_one(&[])), "{mpm}: one a child");
        for _ in 0..3 {
            let old = children(&httpd);
            httpd.graceful();
            let is_new = wait_until(Duration::from_secs(10), || each_has_one(&old));
            assert!(is_new, "{mpm}: one a new child, none of an old one");
            assert!(old.iter().all(|pid| watchdogs(pid).is_none()), "{mpm}: old children are gone");
        }
        assert_eq!(watchdogs(&httpd.pid().to_string()), Some(0), "{mpm}: the parent has none");
    }
}
