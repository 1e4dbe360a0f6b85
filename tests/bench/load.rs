//! Many clients at once: CPU time of the server's processes for each request, throughput, latency
//! and memory, in rounds that take the peers in turn.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use crate::exact::{Client, Kind};
use crate::servers::{Peer, Place, Setting, family, quiet};
use crate::support::{lifeline::Lifeline, signal, wait_until};

/// A comparison under load.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    pub kind: Kind,
    pub mpm: &'static str,
    pub connections: usize,
}

impl Scene {
    pub const ALL: [Self; 5] = [
        Self { kind: Kind::SMALL, mpm: "event", connections: 16 },
        Self { kind: Kind::MEDIUM, mpm: "event", connections: 16 },
        Self { kind: Kind::LARGE, mpm: "event", connections: 16 },
        Self { kind: Kind::POST, mpm: "event", connections: 16 },
        Self { kind: Kind::SMALL, mpm: "prefork", connections: 16 },
    ];

    pub fn name(&self) -> String {
        format!("{}, {}", self.kind.name, self.mpm)
    }
}

/// What one round has found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    /// CPU time of the server's processes for each request, in microseconds.
    pub cpu_us: f64,
    pub per_second: f64,
    /// Latency in milliseconds.
    pub median_ms: f64,
    pub p99_ms: f64,
    /// Proportional memory of the largest process, in KiB, while it works.
    pub memory_kib: u64,
}

/// Runs a scene with all peers that can take part; returns the median of the rounds.
pub fn scene(place: &Place, scene: &Scene, peers: &[Peer], rounds: usize) -> BTreeMap<Peer, Found> {
    let setting = Setting { mpm: scene.mpm, ..Setting::PREFORK };
    let servers: Vec<_> =
        peers.iter().map(|peer| (*peer, Server::start(place, *peer, &setting))).collect();
    let mut found: BTreeMap<Peer, Vec<Found>> = BTreeMap::new();
    for round in 0..=rounds {
        for (peer, server) in &servers {
            // The first round fills pools and is not counted.
            let seconds = if round == 0 { 1 } else { SECONDS };
            let result = server.round(place, scene, seconds);
            if round > 0 {
                found.entry(*peer).or_default().push(result);
            }
        }
    }
    found.into_iter().map(|(peer, rounds)| (peer, median(rounds))).collect()
}

/// Throughput over the number of connections: the worst of it is what threads in each other's way
/// would show.
pub fn curve(place: &Place, peers: &[Peer]) -> BTreeMap<Peer, Vec<(usize, Found)>> {
    let mut found: BTreeMap<Peer, Vec<(usize, Found)>> = BTreeMap::new();
    let setting = Setting { mpm: "event", children: 1, ..Setting::PREFORK };
    let servers: Vec<_> =
        peers.iter().map(|peer| (*peer, Server::start(place, *peer, &setting))).collect();
    for connections in CONNECTIONS {
        let scene = Scene { kind: Kind::SMALL, mpm: "event", connections };
        for (peer, server) in &servers {
            let rounds = (0..3).map(|_| server.round(place, &scene, 1)).collect();
            found.entry(*peer).or_default().push((connections, median(rounds)));
        }
    }
    found
}

struct Server {
    process: Child,
    _lifeline: Lifeline,
    port: u16,
}

impl Server {
    fn start(place: &Place, peer: Peer, setting: &Setting) -> Self {
        let (words, port) = place.server(peer, setting, false);
        let process = quiet(&words).spawn().expect("the server can be started");
        let lifeline = Lifeline::tie(process.id());
        let up = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(wait_until(Duration::from_secs(30), up), "{} did not come up", peer.name());
        Self { process, _lifeline: lifeline, port }
    }

    fn round(&self, place: &Place, scene: &Scene, seconds: u64) -> Found {
        Client::connect(self.port).request(&scene.kind);
        let pids = family(self.process.id());
        let before = cpu_us(&pids);
        let load = place.wrk(self.port, scene, seconds);
        // In the middle of it all threads are at work.
        std::thread::sleep(Duration::from_millis(seconds * 600));
        let memory_kib = pids.iter().filter_map(|pid| pss_kib(*pid)).max().unwrap_or(0);
        let output = load.wait_with_output().expect("wrk ends");
        let used = cpu_us(&pids) - before;
        Client::connect(self.port).request(&scene.kind);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("Non-2xx"), "a request failed: {text}");
        let word = |label: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
            line.split_whitespace().next().map(str::to_owned)
        };
        let line = text.lines().find(|line| line.contains(" requests in "));
        let count = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let count = count.unwrap_or_else(|| panic!("wrk says how many requests: {text}"));
        Found {
            cpu_us: used / count.max(1.0),
            per_second: word("Requests/sec:").and_then(|word| word.parse().ok()).unwrap_or(0.0),
            median_ms: word("50%").map_or(0.0, |word| milliseconds(&word)),
            p99_ms: word("99%").map_or(0.0, |word| milliseconds(&word)),
            memory_kib,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal("TERM", self.process.id());
        if !wait_until(Duration::from_secs(10), || matches!(self.process.try_wait(), Ok(Some(_)))) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

impl Place {
    fn wrk(&self, port: u16, scene: &Scene, seconds: u64) -> Child {
        let mut command = Command::new("wrk");
        command.args(["-t1", "--latency"]);
        command.arg(format!("-c{}", scene.connections)).arg(format!("-d{seconds}s"));
        let path = match scene.kind.is_post {
            true => {
                let script = self.dir.join("post.lua");
                let text = format!(
                    "wrk.method = \"POST\"\nwrk.body = string.rep(\"a\", {})\n",
                    scene.kind.bytes
                );
                fs::write(&script, text).expect("a file");
                command.arg("-s").arg(script);
                "/x/p".to_owned()
            }
            false => format!("/x/b/{}", scene.kind.bytes),
        };
        command.arg(format!("http://127.0.0.1:{port}{path}"));
        command.stdout(std::process::Stdio::piped());
        command.spawn().expect("wrk is missing; Debian package: wrk")
    }
}

fn median(mut rounds: Vec<Found>) -> Found {
    let mut of = |value: fn(&Found) -> f64| {
        rounds.sort_by(|a, b| value(a).total_cmp(&value(b)));
        value(&rounds[rounds.len() / 2])
    };
    Found {
        cpu_us: of(|own| own.cpu_us),
        per_second: of(|own| own.per_second),
        median_ms: of(|own| own.median_ms),
        p99_ms: of(|own| own.p99_ms),
        memory_kib: of(|own| own.memory_kib as f64) as u64,
    }
}

/// Reads `1.23ms`, `45.00us` or `1.20s`.
fn milliseconds(word: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let found = units.iter().find_map(|(unit, factor)| {
        word.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
    });
    found.unwrap_or(0.0)
}

/// What all threads of the processes have computed, in microseconds.
fn cpu_us(pids: &[u32]) -> f64 {
    let threads = pids.iter().flat_map(|pid| fs::read_dir(format!("/proc/{pid}/task"))).flatten();
    let nanoseconds = threads.flatten().filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1000.0
}

fn pss_kib(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// How long each round takes.
const SECONDS: u64 = 2;

/// Numbers of connections of the curve.
const CONNECTIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 50];
