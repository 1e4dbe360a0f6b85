//! Connections that are used again: what must not come over them, and how long they are waited for.

use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{CPING, bare, give, path, take};
use crate::setups::one_child;
use crate::support::backend::{ok, packet};
use crate::support::client::Client;
use crate::support::httpd::Httpd;
use crate::support::{at_least, wait_until};

fn worker(name: &str, port: u16, properties: &[&str]) -> String {
    let mut text = format!("worker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n");
    properties.iter().for_each(|line| text += &format!("worker.{name}.{line}\n"));
    text
}

/// A backend that answers with the last part of the path, and what it was asked.
#[derive(Default)]
struct Backend {
    pings: AtomicUsize,
    /// Connections that are open.
    open: AtomicUsize,
    requests: AtomicUsize,
    /// Whether it has stopped to answer anything.
    is_frozen: AtomicBool,
    /// How many requests for `/app/.../together` have come.
    together: Mutex<usize>,
    changed: Condvar,
}

impl Backend {
    fn start(
        play: impl Fn(&Self, &str, &mut TcpStream) -> bool + Send + Sync + 'static,
    ) -> (u16, Arc<Self>) {
        let own: Arc<Self> = Arc::default();
        let kept = Arc::clone(&own);
        let port = bare(move |_, mut stream| {
            kept.open.fetch_add(1, SeqCst);
            while let Some(request) = take(&mut stream) {
                if kept.is_frozen.load(SeqCst) {
                    while take(&mut stream).is_some() {}
                    break;
                }
                if request == CPING {
                    kept.pings.fetch_add(1, SeqCst);
                    give(&mut stream, &packet(&[9]));
                    continue;
                }
                let path = path(&request);
                let last = path.rsplit('/').next().expect("a last part");
                kept.requests.fetch_add(1, SeqCst);
                if !play(&kept, last, &mut stream) {
                    break;
                }
            }
            kept.open.fetch_sub(1, SeqCst);
        });
        (port, own)
    }

    /// Answers, requests for `together<n>` when there are n of them.
    fn plain(&self, last: &str, stream: &mut TcpStream) -> bool {
        if let Some(count) = last.strip_prefix("together").and_then(|count| count.parse().ok()) {
            let mut came = self.together.lock().expect("no panic under it");
            *came += 1;
            self.changed.notify_all();
            let limit = Duration::from_secs(30);
            let few = |came: &mut usize| *came < count;
            drop(self.changed.wait_timeout_while(came, limit, few).expect("no panic under it"));
        }
        give(stream, &ok(&[], last.as_bytes()));
        true
    }
}

/// Leaves `count` connections of what a path is mapped to idle.
fn warm(http: u16, path: &str, count: usize) {
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let path = format!("{path}/together{count}");
            thread::spawn(move || Client::connect(http).get(&path).status)
        })
        .collect();
    clients.into_iter().for_each(|client| assert_eq!(client.join().expect("no panic"), 200));
}

/// Counts the lines of the log with a code.
fn lines(httpd: &Httpd, code: &str) -> usize {
    httpd.log("jk.log").lines().filter(|line| line.contains(code)).count()
}

#[test]
fn an_idle_connection_that_the_backend_closes_is_no_failure() {
    let (closing, _) = Backend::start(|own, last, stream| {
        own.plain(last, stream);
        false
    });
    let (open, healthy) = Backend::start(Backend::plain);
    let workers =
        format!("worker.list=a,b\n{}{}", worker("a", closing, &[]), worker("b", open, &[]));
    let httpd = one_child("idle-close", &workers, "JkMount /app/a/* a\nJkMount /app/b/* b\n");
    for _ in 0..3 {
        assert_eq!(Client::connect(httpd.port).get("/app/a/x").status, 200);
    }
    assert_eq!(Client::connect(httpd.port).get("/app/b/x").status, 200);
    // Idle connections of all workers are looked at in one turn, in the order of their names.
    let is_asked = || healthy.pings.load(SeqCst) > 0;
    assert!(wait_until(Duration::from_secs(20), is_asked), "an idle connection is asked once");
    assert_eq!(lines(&httpd, "JK-304"), 0, "{}", httpd.log("jk.log"));
}

#[test]
fn a_frozen_backend_costs_one_ping_timeout() {
    let (port, backend) = Backend::start(Backend::plain);
    let properties = ["ping_mode=A", "ping_timeout=2000", "retries=1"];
    let workers = format!(
        "worker.list=cold,warm\n{}{}",
        worker("cold", port, &properties),
        worker("warm", port, &properties)
    );
    let mounts = "JkMount /app/cold/* cold\nJkMount /app/warm/* warm\n";
    let mut httpd = one_child("frozen", &workers, mounts);
    httpd.expect("JK-304");
    warm(httpd.port, "/app/warm", 4);
    backend.is_frozen.store(true, SeqCst);
    let time = |path: &str| {
        let begun = Instant::now();
        assert_eq!(Client::connect(httpd.port).get(path).status, 503);
        begun.elapsed()
    };
    // A new connection is asked once; idle ones must not add a wait of their own.
    let (one, warm) = (time("/app/cold/x"), time("/app/warm/x"));
    assert!(one >= at_least(2000), "{one:?}");
    assert!(warm < one.mul_f64(1.25), "{warm:?} with idle connections, {one:?} without");
}

#[test]
fn a_place_in_a_full_pool_is_waited_for_once() {
    let release: Arc<(Mutex<bool>, Condvar)> = Arc::default();
    let held = Arc::clone(&release);
    let (port, backend) = Backend::start(move |own, last, stream| {
        if last == "hold" {
            let (is_over, changed) = &*held;
            let guard = is_over.lock().expect("no panic under it");
            let limit = Duration::from_secs(60);
            drop(changed.wait_timeout_while(guard, limit, |is_over| !*is_over));
        }
        own.plain(last, stream)
    });
    let properties = ["connection_pool_size=1", "connection_acquire_timeout=2000"];
    let workers = format!(
        "worker.list=w,lb\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\n{}{}{}",
        worker("w", port, &properties),
        worker("a", port, &properties),
        worker("b", port, &properties)
    );
    let mounts = "JkMount /app/w/* w\nJkMount /app/lb/* lb\n";
    let mut httpd = one_child("places", &workers, mounts);
    httpd.expect("JK-301");
    httpd.expect("JK-402");
    let http = httpd.port;
    let holders: Vec<_> = ["/app/w/hold", "/app/lb/hold", "/app/lb/hold"]
        .map(|path| thread::spawn(move || Client::connect(http).get(path).status))
        .into();
    let is_full = || backend.requests.load(SeqCst) == 3;
    assert!(wait_until(Duration::from_secs(20), is_full), "all places are taken");
    for path in ["/app/w/x", "/app/lb/x"] {
        let begun = Instant::now();
        assert_eq!(Client::connect(http).get(path).status, 503);
        let took = begun.elapsed();
        let range = at_least(2000)..Duration::from_millis(3900);
        assert!(
            range.contains(&took),
            "{path}: waited {took:?}, connection_acquire_timeout is 2 s"
        );
    }
    *release.0.lock().expect("no panic under it") = true;
    release.1.notify_all();
    for holder in holders {
        assert_eq!(holder.join().expect("no panic"), 200);
    }
}

#[test]
fn unexpected_data_is_learned_from() {
    let (port, backend) = Backend::start(|own, last, stream| {
        if last == "surplus" {
            give(stream, &[ok(&[], b"surplus"), ok(&[], b"foreign")].concat());
            return true;
        }
        own.plain(last, stream)
    });
    let workers = format!("worker.list=w\n{}", worker("w", port, &[]));
    let mut httpd = one_child("learned", &workers, "JkMount /app/* w\n");
    httpd.expect("JK-327");
    httpd.expect("JK-328");
    warm(httpd.port, "/app", 4);
    let get = |path: &str| Client::connect(httpd.port).get(path).text();
    let is_open = |count: usize| move |own: &Backend| own.open.load(SeqCst) == count;
    assert!(is_open(4)(&backend));
    assert_eq!(get("/app/surplus"), "surplus");
    let is_empty = || is_open(0)(&backend);
    assert!(wait_until(Duration::from_secs(20), is_empty), "idle connections are closed");
    assert_eq!((lines(&httpd, "JK-328"), lines(&httpd, "JK-327")), (1, 1));
    let pings = backend.pings.load(SeqCst);
    for number in 0..10 {
        assert_eq!(get(&format!("/app/{number}")), number.to_string());
    }
    // The background thread may have asked once more on its own.
    let asked = backend.pings.load(SeqCst) - pings;
    assert!((9..=10).contains(&asked), "one CPING for each connection used again: {asked}");
    assert_eq!(get("/app/surplus"), "surplus");
    assert_eq!(get("/app/x"), "x");
    assert_eq!((lines(&httpd, "JK-328"), lines(&httpd, "JK-327")), (2, 1), "one episode");
}

/// One of a hundred replies is followed by a second one, half of them up to 10 ms later. The first one
/// comes with the reply: AJP has no number in a reply, so one that comes late, just when the next request
/// is sent, is taken for the answer to that, and so on, as long as none is seen.
#[test]
fn surplus_replies_reach_no_client_once_one_was_seen() {
    const CLIENTS: usize = 4;
    const REQUESTS: usize = 750;
    let served = AtomicUsize::new(0);
    let (port, backend) = Backend::start(move |_, last, stream| {
        let number = served.fetch_add(1, SeqCst);
        let (reply, foreign) = (ok(&[], last.as_bytes()), ok(&[], b"foreign"));
        match number % 200 {
            0 => give(stream, &[reply, foreign].concat()),
            100 => {
                give(stream, &reply);
                thread::sleep(Duration::from_millis(number as u64 / 200 % 11));
                give(stream, &foreign);
            }
            _ => give(stream, &reply),
        }
        true
    });
    let workers = format!("worker.list=w\n{}", worker("w", port, &[]));
    let mut httpd = one_child("surplus", &workers, "JkMount /app/* w\n");
    httpd.expect("JK-3");
    let http = httpd.port;
    assert_eq!(Client::connect(http).get("/app/first").text(), "first");
    httpd.says("JK-327", 1);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            thread::spawn(move || {
                let mut connection = Client::connect(http);
                let is_foreign = |number: &usize| {
                    let token = format!("{client}-{number}");
                    let response = connection.get(&format!("/app/{token}"));
                    assert_eq!(response.status, 200, "{}", response.text());
                    response.text() != token
                };
                (0..REQUESTS).filter(is_foreign).count()
            })
        })
        .collect();
    let foreign: usize = clients.into_iter().map(|own| own.join().expect("no panic")).sum();
    let served = backend.requests.load(SeqCst);
    assert_eq!(served, CLIENTS * REQUESTS + 1);
    assert_eq!(foreign, 0, "of {served}");
    assert_eq!(lines(&httpd, "JK-327"), 1);
}
