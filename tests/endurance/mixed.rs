//! All kinds of clients at once while requests wait without a thread: each gets what it asked for, and a child needs
//! no more descriptors or memory with time. In the long version only: half an hour, or `MOD_JK_TEST_SOAK` seconds.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::parking::size;
use crate::support::backend::{Backend, Reply, Request, chunk_packet, end, head, ok};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::installation::load;
use crate::{figure, is_long, times};

/// What a client does again and again, with a number of its own; an error says what it got instead.
type Visit = fn(u16, usize) -> Result<(), String>;

/// Kinds of clients, and how many there are of each.
const KINDS: [(&str, usize, Visit); 7] = [
    ("one connection, many requests", 8, kept_alive),
    ("several requests at once", 4, pipelined),
    ("slow reader", 4, slow_reader),
    ("stream", 6, stream),
    ("compressed stream", 2, compressed),
    ("upload", 4, upload),
    ("leaves", 4, leaves),
];

const BIG: usize = 1 << 20;

fn answer(request: &Request) -> Reply {
    let uri = request.uri.as_str();
    let number: u64 = uri.rsplit('/').next().and_then(|word| word.parse().ok()).unwrap_or(0);
    match uri.split('/').nth(2).unwrap_or_default() {
        "stream" => {
            let pieces = (0..20).map(|piece| chunk_packet(format!("piece {piece};").as_bytes()));
            let first = head(200, &[("Content-Type", "text/plain")]);
            let all = std::iter::once(first).chain(pieces).chain([end(true)]).collect();
            Reply::Pieces(all, Duration::from_millis(100))
        }
        "big" => Reply::Bytes(ok(&[], &pattern())),
        "upload" => {
            thread::sleep(Duration::from_millis(30));
            Reply::Bytes(ok(&[], request.body.len().to_string().as_bytes()))
        }
        "never" => {
            thread::sleep(Duration::from_millis(700));
            Reply::Close(Vec::new())
        }
        kind => {
            let pause = if kind == "slow" { 20 + number % 280 } else { 0 };
            thread::sleep(Duration::from_millis(pause));
            Reply::Bytes(ok(&[], uri.as_bytes()))
        }
    }
}

fn pattern() -> Vec<u8> {
    (0..BIG).map(|at| (at % 251) as u8).collect()
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), String> {
    let excerpt: String = found.chars().take(80).collect();
    if found == expected { Ok(()) } else { Err(format!("{what}: {excerpt}")) }
}

/// Repeats a request whose kept connection had ended before a byte of its answer, as browsers do.
fn kept_alive(port: u16, number: usize) -> Result<(), String> {
    let mut client = Client::connect(port);
    for round in 0..20 {
        let kind = ["slow", "fast", "fast"][round % 3];
        let path = format!("/app/{kind}/{}", number * 31 + round * 7);
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        let first = client.try_raw(bytes.as_bytes(), "GET");
        let response = first.or_else(|| {
            client = Client::connect(port);
            client.try_raw(bytes.as_bytes(), "GET")
        });
        same(&path, &response.ok_or(format!("{path}: no answer"))?.text(), &path)?;
    }
    Ok(())
}

fn pipelined(port: u16, number: usize) -> Result<(), String> {
    let paths: Vec<_> =
        ["slow", "fast", "slow", "fast"].map(|kind| format!("/app/{kind}/{number}")).into();
    let mut client = Client::connect(port);
    let text = |path: &String| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    client.send(&paths.iter().map(text).collect::<String>());
    for path in paths {
        let response = client.response("GET").ok_or(format!("{path}: no answer"))?;
        same("in a row", &response.text(), &path)?;
    }
    Ok(())
}

fn slow_reader(port: u16, _: usize) -> Result<(), String> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).map_err(|why| why.to_string())?;
    let request = b"GET /app/big/0 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    socket.write_all(request).map_err(|why| why.to_string())?;
    let (mut all, mut part) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        match socket.read(&mut part).map_err(|why| why.to_string())? {
            0 => break,
            got => all.extend_from_slice(&part[..got]),
        }
        thread::sleep(Duration::from_millis(15));
    }
    if all.ends_with(&pattern()) { Ok(()) } else { Err(format!("{} bytes", all.len())) }
}

fn stream(port: u16, number: usize) -> Result<(), String> {
    let whole: String = (0..20).map(|piece| format!("piece {piece};")).collect();
    let response = Client::connect(port).get(&format!("/app/stream/{number}"));
    same("pieces", &response.text(), &whole)
}

fn compressed(port: u16, number: usize) -> Result<(), String> {
    let headers = [("Accept-Encoding", "gzip")];
    let path = format!("/app/stream/{number}");
    let response = Client::connect(port).request("GET", &path, &headers, b"");
    let is_whole = response.header("Content-Encoding") == Some("gzip") && response.is_complete;
    if is_whole { Ok(()) } else { Err(format!("status {}", response.status)) }
}

fn upload(port: u16, number: usize) -> Result<(), String> {
    let mut client = Client::connect(port);
    let length = 8 * 25_000;
    client.send(&format!(
        "POST /app/upload/{number} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"
    ));
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(15));
        client.send(&"u".repeat(length / 8));
    }
    let response = client.response("POST").ok_or("no answer")?;
    same(&format!("status {}", response.status), &response.text(), &length.to_string())
}

fn leaves(port: u16, number: usize) -> Result<(), String> {
    let mut client = Client::connect(port);
    let kind = if number.is_multiple_of(2) { "never" } else { "slow" };
    client.send(&format!("GET /app/{kind}/280 HTTP/1.1\r\nHost: h\r\n\r\n"));
    thread::sleep(Duration::from_millis(60));
    Ok(())
}

#[test]
fn half_an_hour_of_all_kinds_of_clients_leaves_nothing_behind() {
    if !is_long() {
        return;
    }
    let length = Duration::from_secs(times("MOD_JK_TEST_SOAK", 1800) as u64);
    let backend = Backend::start(answer);
    let workers = format!(
        "worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={}\nworker.w1.recovery_options=0\n",
        backend.port
    );
    let config = format!(
        "StartServers 2\nServerLimit 2\nThreadsPerChild 10\nMaxRequestWorkers 20\nMinSpareThreads 1\nMaxSpareThreads 20\n\
         AsyncRequestWorkerFactor 100\nTimeout 60\nKeepAlive On\nMaxKeepAliveRequests 0\nJkAsync On\nJkMount /app/* w1\n\
         JkOptions +FlushPackets\n{}AddOutputFilterByType DEFLATE text/plain\nRequestReadTimeout header=60 body=60\n",
        load(&["filter", "deflate", "reqtimeout"])
    );
    let mut httpd =
        Setup { name: "endure-mixed", mpm: "event", config: &config, workers: &workers }.start();
    // Backends that close without an answer, for clients that left.
    httpd.expect("JK-");
    let stop = Arc::new(AtomicBool::new(false));
    let failed = Arc::<Mutex<Vec<String>>>::default();
    let counts: Vec<_> = KINDS.map(|_| Arc::new(AtomicUsize::new(0))).into();
    let port = httpd.port;
    let mut clients = Vec::new();
    for ((name, many, visit), count) in KINDS.iter().zip(&counts) {
        for client in 0..*many {
            let (stop, failed, count) = (stop.clone(), failed.clone(), count.clone());
            clients.push(thread::spawn(move || {
                for round in 0.. {
                    if stop.load(Relaxed) {
                        return;
                    }
                    match visit(port, client + round * many) {
                        Ok(()) => _ = count.fetch_add(1, Relaxed),
                        Err(why) => failed.lock().expect("no panic").push(format!("{name}: {why}")),
                    }
                }
            }));
        }
    }
    let children = httpd.children();
    let begun = Instant::now();
    let mut sizes = Vec::new();
    while begun.elapsed() < length {
        thread::sleep(Duration::from_secs(1));
        backend.requests.lock().expect("no panic").clear();
        let all: Vec<_> = children.iter().map(|child| size(child)).collect();
        sizes.push((
            all.iter().map(|size| size.0).sum::<usize>() as u64,
            all.iter().map(|size| size.1).sum::<u64>(),
        ));
    }
    stop.store(true, Relaxed);
    clients.into_iter().for_each(|client| client.join().expect("no client panics"));
    assert_eq!(httpd.children(), children, "no child has ended");
    let fifth = sizes.len() / 5;
    let most = |part: &[(u64, u64)]| {
        (
            part.iter().map(|size| size.0).max().expect("a sample"),
            part.iter().map(|size| size.1).max().expect("a sample"),
        )
    };
    let (early, late) = (most(&sizes[fifth..2 * fifth]), most(&sizes[sizes.len() - fifth..]));
    let served: Vec<_> = KINDS
        .iter()
        .zip(&counts)
        .map(|((name, ..), count)| format!("{name} {}", count.load(Relaxed)))
        .collect();
    figure(&format!(
        "{:.0?} of all kinds of clients ({}): most descriptors and KiB of two children in the second fifth {early:?}, in the last {late:?}",
        begun.elapsed(),
        served.join(", ")
    ));
    let failed = failed.lock().expect("no panic");
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), &failed[..failed.len().min(10)]);
    assert!(counts.iter().all(|count| count.load(Relaxed) > 0), "{served:?}");
    assert!(late.0 * 100 <= early.0 * 115, "descriptors: {early:?}, then {late:?}");
    assert!(late.1 * 100 <= early.1 * 110, "memory: {early:?}, then {late:?}");
}
