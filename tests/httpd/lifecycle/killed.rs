//! Children killed with requests under way, held at every point of their lives.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{Then, bare, give, serving};
use crate::support::backend::{Backend, chunk_packet, echo, head, packet};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{signal, wait_until};

/// A backend that answers a request's head with `bytes` and then says nothing any more.
fn holding(bytes: Vec<u8>) -> u16 {
    serving(move |stream, _| {
        give(stream, &bytes);
        Then::Keep
    })
}

/// A backend that accepts and says nothing at all.
fn silent() -> u16 {
    bare(|_, mut stream| while stream.read(&mut [0; 512]).is_ok_and(|got| got > 0) {})
}

/// A port whose queue is full, so that connecting to it never ends. The sockets keep it so.
fn swallowing() -> (u16, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let mut queue = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        queue.push(stream);
    }
    (address.port(), listener, queue)
}

/// In flight, by name: of balancers and of members.
fn busy(httpd: &Httpd) -> Vec<(String, String)> {
    let text = b"GET /jkstatus?mime=txt HTTP/1.1\r\nHost: h\r\n\r\n";
    let page = (0..20).find_map(|_| Some(Client::connect(httpd.port).try_raw(text, "GET")?.text()));
    let page = page.expect("httpd answers");
    let of = |line: &str| {
        let line = line.strip_prefix("Balancer Worker: ").or(line.strip_prefix("Member: "))?;
        let word = |key: &str| line.split(' ').find_map(|word| word.strip_prefix(key));
        Some((word("name=")?.to_owned(), word("busy=")?.to_owned()))
    };
    page.lines().filter_map(of).collect()
}

#[test]
fn wherever_a_child_is_killed_counts_are_right_and_nobody_waits() {
    let (swallows, _listener, _queue) = swallowing();
    let ask_for_body = packet(&[6, 0x1f, 0xfa]);
    let half = [head(200, &[("Content-Length", "9")]), chunk_packet(b"half")].concat();
    // Each is the name of a balancer, the port of its member, and what else is set there.
    let points: [(&str, u16, &str); 7] = [
        ("connecting", swallows, "socket_connect_timeout=60000"),
        ("pinging", silent(), "prepost_timeout=60000"),
        ("waiting", silent(), ""),
        ("uploading", holding(ask_for_body), ""),
        ("answered", holding(head(200, &[])), ""),
        ("streaming", holding(half), ""),
        (
            "queueing",
            silent(),
            "connection_pool_size=1\nworker.queueing1.connection_acquire_timeout=60000",
        ),
    ];
    let alive = Backend::start(echo("n1"));
    let (mut workers, mut config, mut list) = (String::new(), String::new(), String::new());
    for (name, port, more) in points.iter().chain([&("fine", alive.port, "")]) {
        list += &format!("{name},");
        config += &format!("JkMount /{name} {name}\n");
        workers += &format!(
            "worker.{name}.type=lb\nworker.{name}.balance_workers={name}1\n\
             worker.{name}1.host=127.0.0.1\nworker.{name}1.port={port}\n"
        );
        if !more.is_empty() {
            workers += &format!("worker.{name}1.{more}\n");
        }
    }
    workers += &format!("worker.list={list}st\nworker.st.type=status\n");
    config += "JkMount /jkstatus st\n";
    let mut httpd =
        Setup { name: "killed-at", mpm: "event", config: &config, workers: &workers }.start();
    httpd.expect("exit signal Killed");
    httpd.expect("AH10392");
    for _ in 0..2 {
        // Enough for both children to have one at each point, and one in the queue.
        let clients: Vec<_> = points
            .iter()
            .flat_map(|(name, ..)| [*name; 6])
            .map(|name| {
                let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd");
                let text = match name {
                    "uploading" => format!(
                        "POST /{name} HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\nbegun"
                    ),
                    _ => format!("GET /{name} HTTP/1.1\r\nHost: h\r\n\r\n"),
                };
                stream.write_all(text.as_bytes()).expect("httpd reads");
                // Its end, whatever has come before it.
                thread::spawn(move || drop(stream.read_to_end(&mut Vec::new())))
            })
            .collect();
        let all = |count: &str, busy: &[(String, String)]| {
            points.iter().all(|(name, ..)| {
                let is_it =
                    |(own, number): &&(String, String)| own.starts_with(name) && number == count;
                busy.iter().filter(is_it).count() == 2
            })
        };
        let has_begun = wait_until(Duration::from_secs(20), || all("6", &busy(&httpd)));
        assert!(has_begun, "all are held: {:?}", busy(&httpd));
        for pid in httpd.children() {
            assert!(signal("KILL", pid.parse().expect("a number")), "{pid}");
        }
        clients.into_iter().for_each(|client| client.join().expect("no panic"));
        // A second on an idle machine.
        let is_given_back = wait_until(Duration::from_secs(20), || all("0", &busy(&httpd)));
        assert!(is_given_back, "all are given back: {:?}", busy(&httpd));
        let begun = Instant::now();
        assert_eq!(Client::connect(httpd.port).get("/fine").text(), "n1 GET /fine 0");
        assert!(begun.elapsed() < Duration::from_secs(10), "no dead request is in the way");
    }
}
