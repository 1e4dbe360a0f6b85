//! The event MPM told to stop at once while it works: with no connector, with the original mod_jk and
//! with this module, under the same load.
//!
//! Some versions of the event MPM then crash now and then by themselves, as its threads use sockets and
//! pools that the child has given up already. So a crash proves nothing, and none proves nothing
//! either; what counts is whether this module adds to it.

use std::time::{Duration, Instant};

use crate::load::Hammer;
use crate::support::backend::{Backend, echo};
use crate::support::httpd::{Httpd, Setup, modules_dir};
use crate::support::skip;
use crate::{MOUNTS, figure, times, workers};

/// Who answers the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// httpd itself, with a file.
    NoConnector,
    Original,
    Ours,
}

/// What the stops of one peer came to.
#[derive(Debug)]
struct Tally {
    peer: Peer,
    /// Children that ended by a signal.
    crashes: usize,
    answered: usize,
    longest: Duration,
}

fn start(peer: Peer, round: usize, ports: [u16; 2]) -> Httpd {
    let (name, workers) = (format!("endure-at-once-{peer:?}-{round}"), workers(ports));
    let httpd = Setup { name: &name, mpm: "event", config: MOUNTS, workers: &workers };
    let mut httpd = httpd.prepare();
    match peer {
        Peer::Ours => {}
        Peer::Original => {
            // Unlike this module, it wants a file for its shared memory.
            httpd.write("httpd.conf", &(httpd.log("httpd.conf") + "JkShmFile jk.shm\n"));
            httpd.use_module(Some(modules_dir().join("mod_jk.so")));
        }
        Peer::NoConnector => {
            let text = httpd.log("httpd.conf");
            let lines = text.lines().filter(|line| !line.contains("jk_module"));
            let lines: Vec<_> = lines.filter(|line| !line.starts_with("Jk")).collect();
            httpd.write("httpd.conf", &lines.join("\n"));
            std::fs::create_dir(httpd.dir.join("htdocs/app")).expect("a directory");
            httpd.write("htdocs/app/x", "n1 GET /app/x\n");
        }
    }
    httpd.launch();
    httpd
}

#[test]
fn stopping_at_once_crashes_no_more_children_than_without_this_module() {
    let has_original = modules_dir().join("mod_jk.so").exists();
    if !has_original {
        skip("parity", "the original is missing; Debian package: libapache2-mod-jk");
    }
    let rounds = times("MOD_JK_TEST_STOPS", 40);
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let peers = [Peer::NoConnector, Peer::Original, Peer::Ours];
    let peers = peers.into_iter().filter(|peer| has_original || *peer != Peer::Original);
    let mut tallies: Vec<_> = peers
        .map(|peer| Tally { peer, crashes: 0, answered: 0, longest: Duration::ZERO })
        .collect();
    // In turns, so that all of them meet the same machine.
    for round in 0..rounds {
        for tally in &mut tallies {
            let mut httpd = start(tally.peer, round, [n1.port, n2.port]);
            let load = Hammer::start(httpd.port, 16, "/app/x");
            load.wait_for(400);
            let begun = Instant::now();
            let lines = httpd.stop_by("TERM");
            tally.longest = tally.longest.max(begun.elapsed());
            tally.answered += load.end();
            let (crashes, others): (Vec<_>, Vec<_>) =
                lines.into_iter().partition(|line| line.contains("exit signal"));
            tally.crashes += crashes.len();
            if tally.peer == Peer::Ours {
                assert_eq!(others, Vec::<String>::new(), "round {round}");
            }
        }
    }
    for tally in &tallies {
        let Tally { peer, crashes, answered, longest } = tally;
        figure(&format!(
            "event stopped {rounds} times by TERM under load, {peer:?}: {crashes} children crashed, {answered} GETs answered, {longest:.1?} at most"
        ));
    }
    let crashes = |own: bool| {
        let of = tallies.iter().filter(|tally| (tally.peer == Peer::Ours) == own);
        of.map(|tally| tally.crashes).max().unwrap_or_default()
    };
    let (ours, others) = (crashes(true), crashes(false));
    assert!(ours < others + 5, "{ours} children crashed, without this module at most {others}");
    let longest = tallies.iter().find(|tally| tally.peer == Peer::Ours).map(|tally| tally.longest);
    // httpd sends the next signals after three seconds and more, and kills after nine.
    assert!(longest < Some(Duration::from_secs(8)), "{longest:?}");
}
