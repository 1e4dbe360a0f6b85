//! `jkctl ping`: every way a container can fail, and the words for it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::support::container::{Container, Reply, echo, end, head, ok};
use crate::support::{free_port, fresh_dir};
use crate::{jkctl, with_input};

/// Accepts connections and answers the first bytes of each.
fn raw(answer: &'static [u8], closes: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut kept: Vec<TcpStream> = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 512];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer);
            if !closes {
                kept.push(stream);
            }
        }
    });
    port
}

fn kind(args: &[&str]) -> (i32, String, String) {
    let mut all = vec!["ping", "--format", "json", "--timeout", "400ms"];
    all.extend(args);
    let run = jkctl(&all);
    let page = run.json();
    let found = &page["containers"][0]["diagnosis"];
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (run.code, text("kind"), text("cause"))
}

#[test]
fn a_container_that_serves() {
    let container = Container::start(echo("c"));
    let target = format!("127.0.0.1:{}", container.port);
    let run = with_input(&["ping", &target, "--secret-file", "-", "--uri", "/x?y=1"], "s3cret\n");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for part in ["connect", "CPONG", "GET /x?y=1: 200", "serves"] {
        assert!(run.out.contains(part), "no {part} in {}", run.out);
    }
    assert!(!run.out.contains("s3cret"));
    let request = container.last();
    assert_eq!(request.secret.as_deref(), Some("s3cret"));
    assert_eq!((request.uri.as_str(), request.query.as_deref()), ("/x", Some("y=1")));
    assert_eq!(request.header("host"), Some("localhost"));
}

#[test]
fn each_failing_peer_has_its_diagnosis() {
    let forbids = Container::start(|_| {
        Reply::Close([head(403, &[("Content-Length", "0")]), end(false)].concat())
    });
    let fails = Container::start(|_| Reply::Bytes([head(500, &[]), end(true)].concat()));
    let closes = Container::start(|_| Reply::Close(Vec::new()));
    let silent_on_requests = Container::start(|_| Reply::Bytes(Vec::new()));
    let garbled = Container::start(|_| Reply::Close(b"AB\x00\x02\x04\x00".to_vec()));
    let missing = Container::start(|_| Reply::Bytes([head(404, &[]), end(true)].concat()));
    let cases: &[(&str, u16, i32, &str)] = &[
        ("refused", free_port(), 1, "refused"),
        ("silent", raw(b"", false), 1, "hangs"),
        ("closed at once", raw(b"", true), 1, "no-ajp"),
        ("HTTP", raw(b"HTTP/1.1 400 Bad Request\r\n\r\n", true), 1, "http"),
        ("TLS alert", raw(b"\x15\x03\x03\x00\x02\x02\x50", true), 1, "tls"),
        (
            "HTTPS of Tomcat",
            raw(b"HTTP/1.1 400 \r\n\r\nThis combination of host and port requires TLS.\r\n", true),
            1,
            "tls",
        ),
        ("mail", raw(b"220 mail ready\r\n", false), 1, "no-ajp"),
        ("403 and the end", forbids.port, 1, "secret"),
        ("500", fails.port, 1, "status"),
        ("404", missing.port, 0, ""),
        ("closed over the request", closes.port, 1, "closed"),
        ("silent over the request", silent_on_requests.port, 1, "slow"),
        ("a bad packet", garbled.port, 1, "malformed"),
    ];
    for (name, port, code, expected) in cases {
        let target = format!("127.0.0.1:{port}");
        let (found, kind, cause) = kind(&[&target]);
        assert_eq!((found, kind.as_str()), (*code, *expected), "{name}: {cause}");
        assert!(expected.is_empty() || cause.contains(&target), "{name}: {cause}");
    }
    // TEST-NET-1 (RFC 5737): nobody is there, but some networks say so.
    let (code, kind, _) = kind(&["192.0.2.1:8009"]);
    assert_eq!(code, 1);
    assert!(["timeout", "unreachable", "refused"].contains(&kind.as_str()), "{kind}");
}

#[test]
fn addresses_that_do_not_work_are_told_apart() {
    let container = Container::start(echo("c"));
    let (_, kind, cause) = kind(&[&format!("127.0.0.2:{}", container.port)]);
    assert_eq!(kind, "address", "{cause}");
    assert!(cause.contains(&format!("on 127.0.0.1:{}", container.port)), "{cause}");
    let (_, kind, cause) = self::kind(&["no-such-host.invalid:8009"]);
    assert_eq!(kind, "no-address", "{cause}");
}

#[test]
fn a_small_packet_size_is_found() {
    // As a connector with packetSize 8192: a larger packet ends the connection.
    let small = Container::start(|request| {
        let size: usize =
            request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if size > 8192 { Reply::Close(Vec::new()) } else { Reply::Bytes(ok(&[], b"x")) }
    });
    let target = format!("127.0.0.1:{}", small.port);
    assert_eq!(kind(&[&target]).1, "");
    let (code, kind, cause) = kind(&[&target, "--packet-size", "65536"]);
    assert_eq!((code, kind.as_str()), (1, "packet-size"));
    assert!(cause.contains("65536 bytes"), "{cause}");
}

#[test]
fn workers_come_from_the_files() {
    let container = Container::start(echo("c"));
    let dir = fresh_dir("jkctl-ping");
    let text = format!(
        "worker.list=lb,st\nworker.st.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\n\
         worker.a.host=127.0.0.1\nworker.a.port={}\nworker.a.secret=hush\nworker.a.max_packet_size=16384\n\
         worker.b.host=127.0.0.1\nworker.b.port={}\n",
        container.port,
        free_port()
    );
    std::fs::write(dir.join("workers.properties"), text).unwrap();
    std::fs::write(dir.join("httpd.conf"), "JkWorkersFile workers.properties\n").unwrap();
    for file in ["workers.properties", "httpd.conf"] {
        let file = dir.join(file).display().to_string();
        let run = jkctl(&["ping", "-f", &file, "lb"]);
        assert_eq!(run.code, 1, "{}{}", run.out, run.err);
        let expected = format!("a at 127.0.0.1:{}", container.port);
        assert!(run.out.contains(&expected), "{}", run.out);
        assert!(run.out.contains("a request of 16384 bytes: 200"), "{}", run.out);
        assert!(run.out.contains("nothing listens"), "{}", run.out);
        assert!(!(run.out + &run.err).contains("hush"));
        assert_eq!(container.last().secret.as_deref(), Some("hush"));
        assert_eq!(jkctl(&["ping", "-f", &file, "a"]).code, 0);
        let unknown = jkctl(&["ping", "-f", &file, "c"]);
        assert_eq!(
            (unknown.code, unknown.err.as_str()),
            (2, "jkctl: there is no worker c; there are a, b, lb, st\n")
        );
        let status = jkctl(&["ping", "-f", &file, "st"]);
        assert!(status.err.contains("status worker"), "{}", status.err);
    }
    assert!(jkctl(&["ping", "a"]).err.contains("-f"));
    assert!(jkctl(&["ping"]).err.contains("nothing to ask"));
}
