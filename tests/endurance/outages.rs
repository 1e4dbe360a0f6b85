//! One of two backends is killed and comes back, again and again.

use std::time::{Duration, Instant};

use crate::backend::{BackendProcess, answering};
use crate::load::Load;
use crate::support::httpd::Setup;
use crate::support::{free_port, wait_until};
use crate::{MOUNTS, figure, is_long, workers};

#[test]
fn a_killed_backend_costs_no_get_and_is_back_at_once() {
    let (rounds, pause) =
        if is_long() { (10, Duration::from_secs(10)) } else { (2, Duration::from_secs(3)) };
    let mut slowest = Duration::ZERO;
    let (mut total, mut failed) = (0, Vec::new());
    // Half of the rounds with Debian's stock interval.
    for (name, interval) in [("outage", ""), ("outage-60", "JkWatchdogInterval 60\n")] {
        let ports = [free_port(), free_port()];
        let (_first, mut second) =
            (BackendProcess::start("n1", ports[0]), Some(BackendProcess::start("n2", ports[1])));
        for port in ports {
            answering(port);
        }
        let config = format!("{MOUNTS}{interval}");
        let workers = workers(ports);
        let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.start();
        httpd.expect("JK-401");
        let load = Load::start(httpd.port, 32, 200);
        let serves = |since: Instant| {
            load.look(|seen| seen.latest.get("n2").is_some_and(|latest| *latest > since))
        };
        for round in 0..rounds / 2 {
            let soon = Duration::from_secs(20);
            assert!(wait_until(soon, || serves(Instant::now() - pause)), "n2 serves at first");
            second.take().into_iter().for_each(BackendProcess::kill);
            std::thread::sleep(pause);
            second = Some(BackendProcess::start("n2", ports[1]));
            let since = answering(ports[1]);
            assert!(wait_until(soon, || serves(since)), "round {round}: n2 serves again");
            let latest = load.look(|seen| seen.latest["n2"]);
            // An upper bound: the latest response may not be the first.
            slowest = slowest.max(latest.duration_since(since));
        }
        let seen = load.end();
        total += seen.times.len() + seen.repeated.len();
        failed.extend(seen.failed);
    }
    figure(&format!(
        "{rounds} outages of {pause:?}: {} of {total} GETs failed, the member took load {slowest:?} after its CPONG at the latest",
        failed.len()
    ));
    assert_eq!(failed, Vec::<String>::new());
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}
