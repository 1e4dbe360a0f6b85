//! What properties of workers do: each one with a backend that sees it.

use std::io::Write;
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{bare, give, take};
use crate::support::backend::{chunk_packet, end, head, packet};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::wait_until;

/// What a backend does with a ping or a request.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Answer,
    AnswerLate,
    Close,
    Silent,
}
use Act::{Answer, AnswerLate, Close, Silent};

/// One connection as its backend saw it.
#[derive(Clone, Debug)]
struct Seen {
    from: IpAddr,
    /// First byte of each packet, and when it came: 10 for a ping, 2 for a request.
    packets: Vec<(u8, Instant)>,
    is_closed: bool,
}

type Log = Arc<Mutex<Vec<Seen>>>;

/// One row: worker, what its backend does with pings and requests, its properties.
type Row = (&'static str, Act, Act, &'static str);

const ROWS: &[Row] = &[
    ("source", Answer, Answer, "source=127.0.0.9"),
    ("silent", Answer, Silent, "socket_timeout=1,retries=1"),
    ("cping", Silent, Answer, "connect_timeout=300,retries=1"),
    ("prepost", Answer, Answer, "prepost_timeout=1000"),
    ("never", Answer, Answer, ""),
    ("retries", Close, Answer, "connect_timeout=1000,retries=4,retry_interval=150"),
    ("busy", Answer, AnswerLate, "busy_limit=1"),
    ("pool", Answer, AnswerLate, "connection_pool_size=1,connection_acquire_timeout=150"),
    ("idle", Answer, AnswerLate, "connection_pool_timeout=1,connection_pool_minsize=1"),
    ("kept", Answer, AnswerLate, "connection_pool_minsize=1"),
    ("old", Answer, Answer, "type=ajp12"),
    ("large", Answer, Answer, "max_packet_size=16384"),
    ("referring", Answer, Answer, "reference=worker.template"),
];

fn play(mut stream: TcpStream, log: &Log, ping: Act, request: Act) {
    let from = stream.peer_addr().expect("connected").ip();
    let place = {
        let mut log = log.lock().expect("no panic under it");
        log.push(Seen { from, packets: Vec::new(), is_closed: false });
        log.len() - 1
    };
    while let Some(payload) = take(&mut stream) {
        let is_ping = payload[0] == 10;
        log.lock().expect("no panic under it")[place].packets.push((payload[0], Instant::now()));
        match if is_ping { ping } else { request } {
            Silent => continue,
            Close => break,
            AnswerLate if !is_ping => thread::sleep(LATE),
            Answer | AnswerLate => {}
        }
        match is_ping {
            true => give(&mut stream, &packet(&[9])),
            false => {
                let answer = [head(200, &[]), chunk_packet(b"ok"), end(true)].concat();
                // httpd may have given up on us.
                let _ = stream.write_all(&answer);
            }
        }
    }
    log.lock().expect("no panic under it")[place].is_closed = true;
}

/// Starts one httpd with a worker and a backend for each row.
fn start() -> (Httpd, impl Fn(&str) -> Vec<Seen>) {
    let (mut list, mut text, mut mounts) = (Vec::new(), String::new(), String::new());
    let mut logs = std::collections::BTreeMap::new();
    for (name, ping, request, properties) in ROWS {
        let log = Log::default();
        logs.insert((*name).to_owned(), Arc::clone(&log));
        let (ping, request) = (*ping, *request);
        let port = bare(move |_, stream| play(stream, &log, ping, request));
        text += &format!("worker.{name}.port={port}\n");
        // The row about references has nothing but its port.
        if *name != "referring" {
            text += &format!("worker.{name}.host=127.0.0.1\n");
        }
        for property in properties.split(',').filter(|property| !property.is_empty()) {
            text += &format!("worker.{name}.{property}\n");
        }
        list.push(*name);
        mounts += &format!("JkMount /{name} {name}\n");
    }
    text += "worker.template.type=ajp13\nworker.template.host=127.0.0.1\nworker.template.prepost_timeout=1000\n";
    let workers = format!("worker.list={}\nworker.maintain=1\n{text}", list.join(","));
    let config = format!(
        "{mounts}StartServers 1\nServerLimit 1\nThreadsPerChild 32\nMaxRequestWorkers 32\nMinSpareThreads 1\nMaxSpareThreads 32\n"
    );
    let setup = Setup { name: "properties", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.prepare();
    for line in ["JK-301", "JK-304", "JK-306", "JK-312", "JK-309", "ajp12 is treated as ajp13"] {
        httpd.expect(line);
    }
    httpd.launch();
    let seen = move |name: &str| logs[name].lock().expect("no panic under it").clone();
    (httpd, seen)
}

/// Sends `count` requests at once and returns the statuses in order, with the shortest time.
fn at_once(port: u16, path: &'static str, count: usize) -> (Vec<u16>, Duration) {
    let ask = move || {
        let begun = Instant::now();
        (Client::connect(port).get(path).status, begun.elapsed())
    };
    let threads: Vec<_> = (0..count).map(|_| thread::spawn(ask)).collect();
    let mut all: Vec<_> = threads.into_iter().map(|own| own.join().expect("no panic")).collect();
    all.sort();
    let shortest = all.iter().map(|(_, took)| *took).min().unwrap_or_default();
    (all.iter().map(|(status, _)| *status).collect(), shortest)
}

#[test]
fn each_property_of_ajp13_workers_has_its_effect() {
    let (httpd, seen) = start();
    let port = httpd.port;
    let get = |path: &str| {
        let begun = Instant::now();
        (Client::connect(port).get(path).status, begun.elapsed().as_millis())
    };
    let kinds = |name: &str| -> Vec<Vec<u8>> {
        let packets = |own: Seen| own.packets.iter().map(|(kind, _)| *kind).collect();
        seen(name).into_iter().map(packets).collect()
    };
    // Those that wait run beside the others.
    let idle = thread::spawn(move || (at_once(port, "/idle", 3), at_once(port, "/kept", 3)));

    assert_eq!(get("/source").0, 200);
    assert_eq!(seen("source")[0].from, IpAddr::from([127, 0, 0, 9]), "source");

    let (status, took) = get("/silent");
    assert_eq!(status, 504, "socket_timeout");
    assert!((950..6000).contains(&took), "socket_timeout=1, it took {took} ms");

    let (status, took) = get("/cping");
    assert_eq!((status, kinds("cping")), (503, vec![vec![10]]), "connect_timeout pings first");
    assert!((290..5000).contains(&took), "connect_timeout=300, it took {took} ms");

    for name in ["prepost", "never", "referring"] {
        let mut client = Client::connect(port);
        for _ in 0..3 {
            assert_eq!(client.get(&format!("/{name}")).status, 200);
        }
    }
    let pings = |name: &str| kinds(name).concat().iter().filter(|kind| **kind == 10).count();
    assert_eq!(pings("prepost"), 3, "prepost_timeout pings each time");
    // The background thread asks each backend once whether it answers CPING at all.
    assert!(pings("never") <= 1, "no request pings");
    assert_eq!(pings("referring"), 3, "reference takes over what is not set");

    assert_eq!(get("/retries").0, 503);
    let attempts: Vec<_> = seen("retries").iter().map(|own| own.packets[0].1).collect();
    assert_eq!(attempts.len(), 4, "retries counts attempts");
    for pair in attempts.windows(2) {
        let gap = pair[1] - pair[0];
        assert!(gap >= Duration::from_millis(145), "retry_interval=150, not {gap:?}");
    }

    let (statuses, _) = at_once(port, "/busy", 2);
    assert_eq!(statuses, [200, 503], "busy_limit");
    let (statuses, shortest) = at_once(port, "/pool", 2);
    assert_eq!(statuses, [200, 503], "connection_pool_size");
    let waited = shortest.as_millis();
    assert!((145..1800).contains(&waited), "connection_acquire_timeout=150, it took {waited} ms");

    assert_eq!(get("/old").0, 200, "ajp12 is served as ajp13");
    let large = "x".repeat(10_000);
    for (name, expected) in [("large", 200), ("never", 431)] {
        let path = format!("/{name}");
        let response = Client::connect(port).request(
            "GET",
            &path,
            &[("X-Large", &large[..4000]), ("X-More", &large[..5000])],
            b"",
        );
        assert_eq!(response.status, expected, "max_packet_size of {name}");
    }

    let (of_idle, of_kept) = idle.join().expect("no panic");
    assert_eq!((of_idle.0, of_kept.0), (vec![200; 3], vec![200; 3]));
    let open = |name: &str| seen(name).iter().filter(|own| !own.is_closed).count();
    let is_one = wait_until(Duration::from_secs(20), || open("idle") == 1);
    assert!(
        is_one,
        "connection_pool_timeout closes down to connection_pool_minsize: {}",
        open("idle")
    );
    assert_eq!(open("kept"), 3, "without connection_pool_timeout they stay");
}

/// How long a late answer takes.
const LATE: Duration = Duration::from_millis(2000);
