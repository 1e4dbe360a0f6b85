//! Requests at a steady rate over kept-alive connections, and what became of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::wait_until;

/// Clients at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    clients: Vec<JoinHandle<()>>,
}

/// What the clients have seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// Time of each complete response.
    pub times: Vec<Duration>,
    /// Who answered, and when last.
    pub latest: BTreeMap<String, Instant>,
    /// Requests without a complete response of status 200, and why.
    pub failed: Vec<String>,
    /// Requests repeated as their connection had ended before a byte of the response.
    pub repeats: usize,
    /// How long those of them took that were answered then, which are not among the others.
    pub repeated: Vec<Duration>,
}

impl Seen {
    /// The time that 99 of 100 responses did not take.
    pub fn p99(&self) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        times.get(times.len() * 99 / 100).copied().unwrap_or_default()
    }
}

impl Load {
    /// Begins with `count` connections that together send `rate` requests a second. A client
    /// repeats a request once if a connection that has served one ends without an answer, as
    /// browsers do.
    pub fn start(port: u16, count: u32, rate: u32) -> Self {
        let (stop, seen): (Arc<AtomicBool>, Arc<Mutex<Seen>>) = Default::default();
        let pause = Duration::from_secs(1) * count / rate;
        let clients = (0..count)
            .map(|number| {
                let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
                std::thread::spawn(move || {
                    let mut due = Instant::now() + pause * number / count;
                    let mut connection = None;
                    for round in 0.. {
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        if stop.load(Ordering::Relaxed) {
                            return;
                        }
                        due += pause;
                        let path = format!("/app/{number}/{round}");
                        one(port, &path, &mut connection, &seen);
                    }
                })
            })
            .collect();
        Self { stop, seen, clients }
    }

    /// Looks at what was seen so far.
    pub fn look<T>(&self, at: impl FnOnce(&Seen) -> T) -> T {
        at(&self.seen.lock().expect("no panic under the lock"))
    }

    /// Takes what was seen so far and starts again from 0.
    pub fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().expect("no panic under the lock"))
    }

    /// Ends the clients and returns what they have seen.
    pub fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().expect("no client panics"));
        std::mem::take(&mut *self.seen.lock().expect("no panic under the lock"))
    }
}

fn one(port: u16, path: &str, connection: &mut Option<Client>, seen: &Mutex<Seen>) {
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let begun = Instant::now();
    let kept = connection.take();
    let was_kept = kept.is_some();
    let mut client = kept.unwrap_or_else(|| Client::connect(port));
    let mut response = client.try_raw(bytes.as_bytes(), "GET");
    let is_repeat = response.is_none() && was_kept;
    if is_repeat {
        client = Client::connect(port);
        response = client.try_raw(bytes.as_bytes(), "GET");
    }
    let mut seen = seen.lock().expect("no panic under the lock");
    seen.repeats += usize::from(is_repeat);
    let Some(response) = response else {
        return seen.failed.push(format!("{path}: no answer after {:?}", begun.elapsed()));
    };
    let text = response.text();
    let (name, rest) = text.split_once(' ').unwrap_or_default();
    if response.status != 200 || !response.is_complete || rest != format!("GET {path} 0") {
        return seen.failed.push(format!("{path}: {} {text}", response.status));
    }
    match is_repeat {
        true => seen.repeated.push(begun.elapsed()),
        false => seen.times.push(begun.elapsed()),
    }
    seen.latest.insert(name.to_owned(), Instant::now());
    let is_closing = response.header("Connection").is_some_and(|word| word == "close");
    *connection = Some(client).filter(|_| !is_closing);
}

/// Asks for a page; a connection that ends without an answer is replaced.
pub fn ask(port: u16, path: &str) -> String {
    let bytes = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    let mut tries = (0..20).filter_map(|_| Client::connect(port).try_raw(bytes.as_bytes(), "GET"));
    tries.next().expect("httpd answers").text()
}

/// Clients that ask for one path as fast as they can, until their httpd is gone.
pub struct Hammer {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<()>>,
}

impl Hammer {
    /// Begins with `count` connections.
    pub fn start(port: u16, count: usize, path: &str) -> Self {
        let (stop, answered): (Arc<AtomicBool>, Arc<AtomicUsize>) = Default::default();
        let client = |_| {
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let Some(mut own) = Client::try_connect(port) else { break };
                    while own.try_raw(request.as_bytes(), "GET").is_some() {
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        };
        let clients = (0..count).map(client).collect();
        Self { stop, answered, clients }
    }

    /// Waits until so many responses have come.
    pub fn wait_for(&self, count: usize) {
        let is_enough = || self.answered.load(Ordering::Relaxed) >= count;
        assert!(wait_until(Duration::from_secs(60), is_enough), "there is no load");
    }

    /// Ends the clients, whose httpd must be gone. Returns how many responses came.
    pub fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.clients.into_iter().for_each(|client| client.join().expect("it does not panic"));
        self.answered.load(Ordering::Relaxed)
    }
}
