//! What others notice of requests that wait for a hung worker: files and requests to a healthy worker, beside an
//! httpd that is idle and one whose requests wait in their threads.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::holding::{Holding, waiting};
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, many_descriptors, wait_until};
use crate::{figure, is_long};

/// What is asked for: a file, and a healthy worker.
const PATHS: [&str; 2] = ["/file.txt", "/healthy/x"];

/// Requests of a round for each path and server.
const REQUESTS: usize = 1000;

const ROUNDS: usize = 5;

fn start(mode: &str, number: usize, hung: u16, healthy: u16) -> Httpd {
    let workers = format!(
        "worker.list=w1,w2\nworker.w1.host=127.0.0.1\nworker.w1.port={hung}\n\
         worker.w2.host=127.0.0.1\nworker.w2.port={healthy}\n"
    );
    let config = format!(
        "StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\nMinSpareThreads 1\n\
         MaxSpareThreads 25\nAsyncRequestWorkerFactor 1000\nTimeout 300\nJkAsync {mode}\nKeepAlive On\n\
         MaxKeepAliveRequests 0\nJkMount /app/* w1\nJkMount /healthy/* w2\n"
    );
    let name = format!("endure-undisturbed-{mode}-{number}");
    let httpd = Setup { name: &name, mpm: "event", config: &config, workers: &workers }.start();
    httpd.write("htdocs/file.txt", "a file");
    httpd
}

/// A client and how long its requests took.
struct Timed {
    port: u16,
    client: Client,
    times: Vec<Duration>,
}

impl Timed {
    fn new(httpd: &Httpd) -> Self {
        let port = httpd.port;
        Self { port, client: Client::connect(port), times: Vec::new() }
    }

    /// httpd closes idle connections when all of its threads are busy; a new one is made then, within the time of
    /// its request.
    fn ask(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let begun = Instant::now();
        let response = self.client.try_raw(request.as_bytes(), "GET").unwrap_or_else(|| {
            self.client = Client::connect(self.port);
            self.client.raw(request.as_bytes(), "GET")
        });
        assert_eq!(response.status, 200);
        self.times.push(begun.elapsed());
    }

    /// The time that 95 of 100 requests did not take.
    fn p95(mut self) -> Duration {
        self.times.sort_unstable();
        self.times[self.times.len() * 95 / 100]
    }
}

/// Asks two servers in turn, so that both meet the same machine, and returns the p95 of each.
fn p95s(servers: [&Httpd; 2], path: &str) -> [Duration; 2] {
    let mut clients = servers.map(Timed::new);
    for number in 0..2 * REQUESTS {
        // 0, 1, 1, 0: each follows itself as often as the other.
        clients[(number + number / 2) % 2].ask(path);
    }
    clients.map(Timed::p95)
}

/// Tells whether a file comes within two seconds.
fn is_served(httpd: &Httpd) -> bool {
    let limit = Some(Duration::from_secs(2));
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("the kernel accepts");
    stream.set_read_timeout(limit).expect("a valid timeout");
    let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", PATHS[0]);
    stream.write_all(request.as_bytes()).expect("the kernel takes it");
    stream.read(&mut [0]).is_ok_and(|got| got > 0)
}

/// In the long version only: it judges latencies.
#[test]
fn requests_for_a_hung_worker_slow_no_others_down() {
    let parked = if is_long() { 2000 } else { return };
    if !many_descriptors(3 * parked + 500) {
        return;
    }
    let (hung, healthy) = (Holding::start(), Backend::start(echo("n1")));
    let mut servers = [("Auto", 0), ("Auto", 1), ("Off", 0)]
        .map(|(mode, number)| start(mode, number, hung.port, healthy.port));
    // Of clients that leave.
    servers.iter_mut().for_each(|httpd| httpd.expect("JK-"));
    let [idle, busy, blocking] = &servers;
    let clients = waiting(busy.port, parked);
    assert!(wait_until(PATIENCE * 2, || hung.count() == parked));
    let in_threads = waiting(blocking.port, 40);
    assert!(wait_until(PATIENCE, || hung.count() >= parked + 25));
    let mut ratios = [Vec::new(), Vec::new()];
    let mut served = 0;
    for round in 0..=ROUNDS {
        for (path, ratios) in PATHS.iter().zip(&mut ratios) {
            let [calm, disturbed] = p95s([idle, busy], path);
            // The first round fills pools.
            if round > 0 {
                ratios.push((disturbed.as_secs_f64() / calm.as_secs_f64(), calm, disturbed));
            }
        }
        served += usize::from(is_served(blocking));
    }
    assert!(hung.count() >= parked + 25, "they wait still");
    for (path, mut ratios) in PATHS.iter().zip(ratios) {
        ratios.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (ratio, calm, disturbed) = ratios[ROUNDS / 2];
        figure(&format!(
            "{path} while {parked} requests are parked: p95 {disturbed:?}, {calm:?} idle, {ratio:.2} times (median of {ROUNDS} rounds; {:.2} to {:.2})",
            ratios[0].0,
            ratios[ROUNDS - 1].0
        ));
        assert!(ratio <= 1.5, "{path}: {ratios:?}");
    }
    figure(&format!(
        "the same with JkAsync Off and 40 requests for the hung worker: a file came within 2 s {served} times of {}",
        ROUNDS + 1
    ));
    drop((clients, in_threads));
    // What waited for a thread comes to the hung worker then.
    let are_free = || {
        hung.release();
        is_served(blocking)
    };
    assert!(wait_until(PATIENCE, are_free));
    hung.release();
}
