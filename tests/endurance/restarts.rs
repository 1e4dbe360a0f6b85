//! Graceful restarts under load.

use std::fs;
use std::time::Duration;

use crate::backend::{BackendProcess, answering};
use crate::load::{self, Load};
use crate::support::httpd::Setup;
use crate::support::{PATIENCE, free_port, wait_until};
use crate::{MOUNTS, figure, is_long, values, workers};

/// Open descriptors and resident memory in KiB of a process.
fn size(pid: u32) -> (usize, u64) {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let resident = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    (descriptors, resident.expect("a number of KiB"))
}

/// The same when httpd has done what belongs to a restart: it opens more for moments.
fn settled(pid: u32) -> (usize, u64) {
    let mut last = size(pid);
    let is_same = || {
        let now = size(pid);
        std::mem::replace(&mut last, now).0 == now.0
    };
    assert!(wait_until(PATIENCE, is_same), "its descriptors come and go");
    last
}

#[test]
fn graceful_restarts_lose_no_request_and_no_edit() {
    let restarts = if is_long() { 100 } else { 8 };
    let ports = [free_port(), free_port()];
    let _backends = [BackendProcess::start("n1", ports[0]), BackendProcess::start("n2", ports[1])];
    for port in ports {
        answering(port);
    }
    let workers = workers(ports);
    let mut httpd =
        Setup { name: "graceful", mpm: "event", config: MOUNTS, workers: &workers }.start();
    httpd.expect("JK-502");
    let edited = load::ask(httpd.port, "/jkstatus?cmd=update&mime=txt&w=lb&sw=n2&vwf=3&vwa=d");
    assert!(edited.contains("type=OK"), "{edited}");
    let load = Load::start(httpd.port, 32, 200);
    let mut early = None;
    for number in 1..=restarts {
        // Enough for connections to be kept and requests to be under way.
        std::thread::sleep(Duration::from_millis(500));
        httpd.graceful();
        // The first ones are left out: httpd itself grows in them.
        if number == restarts / 4 {
            early = Some(settled(httpd.pid()));
        }
    }
    let early = early.expect("a quarter of the restarts");
    // What it opens for moments may have been counted early, and a leak is one of each restart.
    let mut late = settled(httpd.pid());
    let comes_back = wait_until(PATIENCE, || {
        late = size(httpd.pid());
        late.0 <= early.0
    });
    let seen = load.end();
    figure(&format!(
        "{restarts} graceful restarts: {} of {} requests failed, {} repeated on a new connection; parent {} descriptors and {} KiB after a quarter, {} and {} KiB at the end",
        seen.failed.len(),
        seen.times.len() + seen.repeated.len(),
        seen.repeats,
        early.0,
        early.1,
        late.0,
        late.1
    ));
    assert_eq!(seen.failed, Vec::<String>::new());
    assert_eq!(values(httpd.port, "lbfactor"), ["1", "3"], "the edit is in force");
    assert_eq!(values(httpd.port, "activation"), ["ACT", "DIS"], "the edit is in force");
    assert!(comes_back, "descriptors of the parent: {early:?}, {late:?}");
    assert!(late.1 <= early.1 + 512, "memory of the parent: {early:?}, {late:?}");
}
