//! Many clients at once: CPU time of the server's processes for each request, throughput, latency
//! and memory, in rounds that take the peers in turn.

use std::collections::BTreeMap;
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

use crate::exact::{Client, Kind};
use crate::figures::{Found, Rounds};
use crate::servers::{Peer, Place, Setting, family, quiet};
use crate::support::{lifeline::Lifeline, signal, wait_until};
use crate::system::{cpu_us, pss_kib};
use crate::wrk;

/// A comparison under load.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// A word for `bench load`.
    pub word: &'static str,
    pub kind: Kind,
    pub mpm: &'static str,
    pub connections: usize,
    pub children: usize,
    pub threads: usize,
    /// How long a round takes.
    pub seconds: u64,
    pub peers: &'static [Peer],
}

impl Scene {
    const fn event(word: &'static str, kind: Kind) -> Self {
        let (mpm, connections, children, threads) = ("event", 16, 2, 50);
        let peers: &'static [Peer] = if kind.is_post { &POST } else { &Peer::ALL };
        Self { word, kind, mpm, connections, children, threads, seconds: 2, peers }
    }

    const SMALL: Self = Self::event("small", Kind::SMALL);
    const POST: Self = Self::event("post", Kind::POST);

    /// What is compared with mod_jk.
    pub const ALL: [Self; 5] = [
        Self::SMALL,
        Self::event("medium", Kind::MEDIUM),
        Self::event("large", Kind::LARGE),
        Self::POST,
        Self { mpm: "prefork", peers: &PREFORK, ..Self::event("prefork", Kind::SMALL) },
    ];

    /// One child with 50 threads that are all at work.
    pub const MEMORY: [Self; 2] = [
        Self { word: "memory", ..Self::SMALL.crowded() },
        Self { word: "memory-post", ..Self::POST.crowded() },
    ];

    /// Threads of one child that share one worker. There are more than connections: event closes
    /// connections that wait when all threads are busy, and that would be what is measured.
    pub const THREADS: Self = Self {
        word: "threads",
        children: 1,
        threads: 64,
        connections: 0,
        peers: &[Peer::ModJk, Peer::Ours],
        ..Self::SMALL
    };

    /// The same module over TCP and over a Unix-domain socket: one client, whose median is the time to
    /// the first byte of a small answer, and many.
    pub const SOCKETS: [Self; 4] = [
        Self { connections: 1, ..Self::SMALL.at_socket("sockets") },
        Self::SMALL.at_socket("sockets-many"),
        Self::event("", Kind::LARGE).at_socket("sockets-large"),
        Self::POST.at_socket("sockets-post"),
    ];

    /// With a real Tomcat behind.
    pub const TOMCAT: [Self; 3] = [
        Self::SMALL.before_tomcat("tomcat"),
        Self::event("", Kind::MEDIUM).before_tomcat("tomcat-medium"),
        Self::POST.before_tomcat("tomcat-post"),
    ];

    const fn crowded(self) -> Self {
        let peers = &[Peer::ModJk, Peer::ProxyAjp, Peer::ProxyHttp, Peer::Ours];
        Self { connections: 50, children: 1, seconds: 1, peers, ..self }
    }

    const fn at_socket(self, word: &'static str) -> Self {
        Self { word, peers: &[Peer::Ours, Peer::OursUnix], ..self }
    }

    const fn before_tomcat(self, word: &'static str) -> Self {
        let peers = &[Peer::ModJk, Peer::ProxyAjp, Peer::ProxyHttp, Peer::Ours];
        Self { word, peers, ..self }
    }

    pub fn name(&self) -> String {
        format!("{}, {}", self.kind.name, self.mpm)
    }

    /// lighttpd's mod_ajp13 cuts the path short, so that the size stands in the query string.
    pub fn path(&self) -> String {
        if self.kind.is_post { "/x/p".to_owned() } else { format!("/x/b?{}", self.kind.bytes) }
    }

    fn setting(&self) -> Setting {
        let (mpm, children, threads) = (self.mpm, self.children, self.threads);
        Setting { mpm, children, threads, ..Setting::PREFORK }
    }
}

/// The limit has no body. lighttpd 1.4.69 leaves out the length that AJP13 has in front of each part of
/// it, so that no backend can read it.
const POST: [Peer; 4] = [Peer::ModJk, Peer::ProxyAjp, Peer::ProxyHttp, Peer::Ours];
const PREFORK: [Peer; 5] = Peer::HTTPD;

/// Runs a scene; the first round fills pools and is not counted.
pub fn scene(place: &Place, scene: &Scene, rounds: usize) -> Rounds {
    let servers = Servers::start(place, scene);
    servers.round(place, &Scene { seconds: 1, ..*scene }, 0);
    let mut found = Rounds::default();
    for round in 0..rounds {
        for (peer, one) in servers.round(place, scene, round) {
            found.add(peer, one);
        }
    }
    found
}

/// Throughput over the number of connections: the worst of it is what threads in each other's way
/// would show.
pub fn curve(place: &Place, rounds: usize) -> BTreeMap<usize, Rounds> {
    let servers = Servers::start(place, &Scene::THREADS);
    let mut found: BTreeMap<usize, Rounds> = BTreeMap::new();
    for round in 0..=rounds {
        for connections in CONNECTIONS {
            let point = Scene { connections, ..Scene::THREADS };
            let point = if round == 0 { Scene { seconds: 1, ..point } } else { point };
            for (peer, one) in servers.round(place, &point, round) {
                if round > 0 {
                    found.entry(connections).or_default().add(peer, one);
                }
            }
        }
    }
    found
}

/// The servers of a scene, side by side.
struct Servers(Vec<(Peer, Server)>);

impl Servers {
    fn start(place: &Place, scene: &Scene) -> Self {
        let start = |peer: &Peer| (*peer, Server::start(place, *peer, &scene.setting()));
        Self(scene.peers.iter().map(start).collect())
    }

    /// Takes all in turn, each time beginning with another one.
    fn round(&self, place: &Place, scene: &Scene, number: usize) -> Vec<(Peer, Found)> {
        let count = self.0.len();
        let order = (0..count).map(|place| &self.0[(place + number) % count]);
        order.map(|(peer, server)| (*peer, server.round(place, scene))).collect()
    }
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

    fn round(&self, place: &Place, scene: &Scene) -> Found {
        Client::connect(self.port).request(&scene.kind, &scene.path());
        let pids = family(self.process.id());
        let before = cpu_us(&pids);
        let load = wrk::start(&place.dir, self.port, scene);
        // In the middle of it all threads are at work.
        std::thread::sleep(Duration::from_millis(scene.seconds * 600));
        let memory_kib = pids.iter().filter_map(|pid| pss_kib(*pid)).max().unwrap_or(0);
        let said = wrk::end(load);
        let used = cpu_us(&pids) - before;
        Client::connect(self.port).request(&scene.kind, &scene.path());
        Found {
            cpu_us: used / said.requests.max(1.0),
            per_second: said.per_second,
            median_ms: said.median_ms,
            p99_ms: said.p99_ms,
            memory_kib: memory_kib as f64,
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

/// Numbers of connections of the curve.
const CONNECTIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 50];
