//! `jkctl ping`: every way a backend can fail, and the words for it.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;

use crate::support::backend::{Backend, Reply, echo, end, head, ok};
use crate::support::sockets::{SocketDir, listen, listen_shortly};
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
    let found = &page["backends"][0]["diagnosis"];
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (run.code, text("kind"), text("cause"))
}

#[test]
fn a_backend_that_serves() {
    let backend = Backend::start(echo("c"));
    let target = format!("127.0.0.1:{}", backend.port);
    let run = with_input(&["ping", &target, "--secret-file", "-", "--uri", "/x?y=1"], "s3cret\n");
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for part in ["connect", "CPONG", "GET /x?y=1: 200", "serves"] {
        assert!(run.out.contains(part), "no {part} in {}", run.out);
    }
    assert!(!run.out.contains("s3cret"));
    let request = backend.last();
    assert_eq!(request.secret.as_deref(), Some("s3cret"));
    assert_eq!((request.uri.as_str(), request.query.as_deref()), ("/x", Some("y=1")));
    assert_eq!(request.header("host"), Some("localhost"));
}

/// Serves requests, and answers CPINGs from the connection with this number on.
fn late(first: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let mut kept: Vec<TcpStream> = Vec::new();
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 512];
            let got = stream.read(&mut buffer).unwrap_or(0);
            // The type of a packet stands behind its mark and its length.
            if got > 5 {
                let _ = stream.write_all(&ok(&[], b"page"));
            } else if number >= first {
                let _ = stream.write_all(b"AB\0\x01\x09");
            }
            kept.push(stream);
        }
    });
    port
}

#[test]
fn one_that_is_still_starting_is_told_from_one_that_answers_no_cping() {
    // Connections: CPING, request, CPING again.
    for (first, remark) in [(2, "probably still starting"), (9, "leave ping_mode")] {
        let target = format!("127.0.0.1:{}", late(first));
        let run = jkctl(&["ping", &target, "--timeout", "400ms"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        assert_eq!(run.out.matches("note: ").count(), 1, "{}", run.out);
        assert!(run.out.contains(remark), "{}", run.out);
    }
}

#[test]
fn a_host_alone_has_the_port_of_ajp() {
    let target = |args: &[&str]| {
        let run = jkctl(&[&["ping", "-o", "json", "--timeout", "100ms"], args].concat());
        run.json()["backends"][0]["target"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(target(&["127.0.0.9"]), "127.0.0.9:8009");
    assert_eq!(target(&["no-such-host.invalid"]), "no-such-host.invalid:8009");
    assert_eq!(target(&["::1"]), target(&["[::1]"]));
    assert!(target(&["::1"]).ends_with(":8009") && target(&["[::1]:8010"]).ends_with(":8010"));
    // With files it is the name of a worker.
    let file = fresh_dir("ping-names").join("workers.properties");
    fs::write(&file, "worker.list=w\nworker.w.host=127.0.0.1\n").unwrap();
    let run = jkctl(&["ping", "-f", &file.display().to_string(), "localhost"]);
    assert!(run.code == 2 && run.err.contains("there is no worker localhost"), "{}", run.err);
    for wrong in ["", "/x", "a b", "h:0", "h:x"] {
        let run = jkctl(&["ping", wrong]);
        assert!(run.code == 2 && run.err.contains("no host, host:port"), "{wrong}: {}", run.err);
    }
}

#[test]
fn a_unix_domain_socket_is_asked_like_a_port() {
    let dir = SocketDir::new("ping");
    let good = dir.path("good");
    let _backend = Backend::start_unix(&good, echo("c"));
    let at = |name: &str| format!("unix:{}", dir.path(name).display());
    let run = jkctl(&["ping", &at("good")]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    for part in [at("good").as_str(), "CPONG", "GET /: 200", "serves"] {
        assert!(run.out.contains(part), "no {part} in {}", run.out);
    }
    // By the name of a worker as well; its port does not matter.
    let file = fresh_dir("jkctl-ping-unix").join("workers.properties");
    let lines = format!("worker.list=w\nworker.w.host={}\nworker.w.port=0\n", at("good"));
    fs::write(&file, lines).unwrap();
    let run = jkctl(&["ping", "w", "-f", &file.display().to_string()]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains(&format!("w at {}", at("good"))), "{}", run.out);

    drop(listen(&dir.path("stale")));
    fs::write(dir.path("file"), "").unwrap();
    let full = listen_shortly(&dir.path("full"));
    let _first = UnixStream::connect(dir.path("full")).unwrap();
    let cases = [
        ("missing", "no-socket", "there is no file"),
        ("file", "not-a-socket", "is not a socket"),
        ("stale", "refused", "no process listens"),
        ("full", "hangs", "its listen queue is full"),
    ];
    for (name, expected, part) in cases {
        let (code, kind, cause) = kind(&[&at(name)]);
        assert_eq!((code, kind.as_str()), (1, expected), "{name}: {cause}");
        assert!(cause.contains(part) && cause.contains(&at(name)), "{name}: {cause}");
    }
    drop(full);
    for (target, part) in [("unix:a", "not absolute"), (&at(&"x".repeat(108)), "at most 107")] {
        let run = jkctl(&["ping", target]);
        assert!(run.code == 2 && run.err.contains(part), "{target}: {} {}", run.code, run.err);
    }
}

#[test]
fn each_failing_peer_has_its_diagnosis() {
    let forbids = Backend::start(|_| {
        Reply::Close([head(403, &[("Content-Length", "0")]), end(false)].concat())
    });
    let fails = Backend::start(|_| Reply::Bytes([head(500, &[]), end(true)].concat()));
    let closes = Backend::start(|_| Reply::Close(Vec::new()));
    let silent_on_requests = Backend::start(|_| Reply::Bytes(Vec::new()));
    let garbled = Backend::start(|_| Reply::Close(b"AB\x00\x02\x04\x00".to_vec()));
    let missing = Backend::start(|_| Reply::Bytes([head(404, &[]), end(true)].concat()));
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
    // TEST-NET-1 (RFC 5737): no machine is there, but some networks say so.
    let (code, kind, _) = kind(&["192.0.2.1:8009"]);
    assert_eq!(code, 1);
    assert!(["timeout", "unreachable", "refused"].contains(&kind.as_str()), "{kind}");
}

#[test]
fn addresses_that_do_not_work_are_told_apart() {
    let backend = Backend::start(echo("c"));
    let (_, kind, cause) = kind(&[&format!("127.0.0.2:{}", backend.port)]);
    assert_eq!(kind, "address", "{cause}");
    assert!(cause.contains(&format!("on 127.0.0.1:{}", backend.port)), "{cause}");
    let (_, kind, cause) = self::kind(&["no-such-host.invalid:8009"]);
    assert_eq!(kind, "no-address", "{cause}");
}

#[test]
fn a_small_packet_size_is_found() {
    // As a connector with packetSize 8192: a larger packet ends the connection.
    let small = Backend::start(|request| {
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
    let backend = Backend::start(echo("c"));
    let dir = fresh_dir("jkctl-ping");
    let text = format!(
        "worker.list=lb,st\nworker.st.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=a,b\n\
         worker.a.host=127.0.0.1\nworker.a.port={}\nworker.a.secret=hush\nworker.a.max_packet_size=16384\n\
         worker.b.host=127.0.0.1\nworker.b.port={}\n",
        backend.port,
        free_port()
    );
    std::fs::write(dir.join("workers.properties"), text).unwrap();
    std::fs::write(dir.join("httpd.conf"), "JkWorkersFile workers.properties\n").unwrap();
    for file in ["workers.properties", "httpd.conf"] {
        let file = dir.join(file).display().to_string();
        let run = jkctl(&["ping", "-f", &file, "lb"]);
        assert_eq!(run.code, 1, "{}{}", run.out, run.err);
        let expected = format!("a at 127.0.0.1:{}", backend.port);
        assert!(run.out.contains(&expected), "{}", run.out);
        assert!(run.out.contains("a request of 16384 bytes: 200"), "{}", run.out);
        assert!(run.out.contains("nothing listens"), "{}", run.out);
        assert!(!(run.out + &run.err).contains("hush"));
        assert_eq!(backend.last().secret.as_deref(), Some("hush"));
        assert_eq!(jkctl(&["ping", "-f", &file, "a"]).code, 0);
        let unknown = jkctl(&["ping", "-f", &file, "c"]);
        assert_eq!(
            (unknown.code, unknown.err.as_str()),
            (2, "jkctl: there is no worker c; there are a, b, lb, st\n")
        );
        let status = jkctl(&["ping", "-f", &file, "st"]);
        assert!(status.err.contains("status worker"), "{}", status.err);
    }
    let guess = jkctl(&["ping", "no-such-host.invalid"]);
    assert!(
        guess.code == 1 && guess.out.contains("give the workers file with -f"),
        "{}",
        guess.out
    );
    assert!(jkctl(&["ping"]).err.contains("no target"));
}

#[test]
fn a_member_whose_session_ids_end_in_another_route() {
    let backend = Backend::start(|_| {
        let set = ("Set-Cookie", "JSESSIONID=A1.tomcat-a; Path=/; HttpOnly");
        Reply::Bytes([head(200, &[set, ("Content-Length", "0")]), end(true)].concat())
    });
    let file = fresh_dir("ping-routes").join("workers.properties");
    let workers = format!(
        "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=n1\nworker.n1.host=127.0.0.1\n\
         worker.n1.port={}\n",
        backend.port
    );
    std::fs::write(&file, workers).unwrap();
    let run = jkctl(&["ping", "-f", &file.display().to_string()]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("ends in the route \"tomcat-a\" instead of \"n1\""), "{}", run.out);
    assert!(run.out.contains("set jvmRoute=\"n1\""), "{}", run.out);
}
