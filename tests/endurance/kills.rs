//! Children are killed under load.

use std::time::{Duration, Instant};

use crate::backend::{BackendProcess, answering};
use crate::load::Load;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{free_port, signal, wait_until};
use crate::{MOUNTS, figure, is_long, values, workers};

fn children(httpd: &Httpd) -> Vec<u32> {
    let pid = httpd.pid();
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let text = text.unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn killed_children_leave_counts_right_and_others_undisturbed() {
    let kills = if is_long() { 50 } else { 5 };
    let ports = [free_port(), free_port()];
    let _backends = [BackendProcess::start("n1", ports[0]), BackendProcess::start("n2", ports[1])];
    for port in ports {
        answering(port);
    }
    let config = format!(
        "{MOUNTS}StartServers 3\nServerLimit 4\nThreadsPerChild 25\nMaxRequestWorkers 100\n\
         MinSpareThreads 75\nMaxSpareThreads 100\n"
    );
    let workers = workers(ports);
    let mut httpd =
        Setup { name: "kills", mpm: "event", config: &config, workers: &workers }.start();
    httpd.expect("exit signal Killed");
    httpd.expect("AH10392");
    let load = Load::start(httpd.port, 32, 400);
    std::thread::sleep(Duration::from_secs(if is_long() { 30 } else { 3 }));
    let calm = load.take();
    assert_eq!(calm.failed, Vec::<String>::new());
    for number in 0..kills {
        let soon = Duration::from_secs(20);
        assert!(wait_until(soon, || children(&httpd).len() >= 3), "httpd starts children again");
        let all = children(&httpd);
        assert!(signal("KILL", all[number % all.len()]), "a child is killed");
        std::thread::sleep(Duration::from_millis(600));
    }
    let disturbed = load.end();
    let rest = Instant::now();
    let is_at_rest = || {
        // The balancer, its members; the status worker's own request is not theirs.
        let busy = values(httpd.port, "busy");
        busy.len() >= 3 && busy.iter().all(|count| count == "0")
    };
    let is_given_back = wait_until(Duration::from_secs(5), is_at_rest);
    let (before, after) = (calm.p99(), disturbed.p99());
    figure(&format!(
        "{kills} children killed: p99 {before:?} undisturbed ({} answers), {after:?} of the surviving children ({} answers); {} requests of killed ones repeated, at most {:?}, {} lost; nothing in flight {:?} after rest",
        calm.times.len(),
        disturbed.times.len(),
        disturbed.repeats,
        disturbed.repeated.iter().max(),
        disturbed.failed.len(),
        rest.elapsed()
    ));
    assert!(is_given_back, "in flight: {:?}", values(httpd.port, "busy"));
    // What a killed child was answering is lost, and no more than that.
    assert!(disturbed.failed.len() <= kills * 32, "{:?}", disturbed.failed);
    assert!(disturbed.failed.iter().all(|why| why.contains("no answer")), "{:?}", disturbed.failed);
    assert!(!is_long() || after <= before * 2, "p99 {after:?}, undisturbed {before:?}");
}
