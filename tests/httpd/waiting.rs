//! Containers that are slow, silent or gone, each played by a few lines over a bare socket.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{bare, give, take};
use crate::support::client::Client;
use crate::support::container::{chunk_packet, end, head, ok, packet};
use crate::support::httpd::{Httpd, Setup};
use crate::support::wait_until;

const CPING: u8 = 0x0a;

fn behind(name: &str, port: u16, properties: &str) -> Httpd {
    let workers = format!(
        "worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n{}",
        properties.replace("w1.", "worker.w1.")
    );
    Setup { name, mpm: "event", config: "JkMount /app/* w1\n", workers: &workers }.start()
}

#[test]
fn s3_6_a_response_given_up_ends_after_the_probe() {
    // As Tomcat does when an application throws after the response was committed: headers, some
    // body, and then nothing but answers to CPING.
    let port = bare(|_, mut stream| {
        while let Some(request) = take(&mut stream) {
            match request[0] {
                CPING => give(&mut stream, &packet(&[9])),
                _ => give(
                    &mut stream,
                    &[head(200, &[]), chunk_packet(b"some"), chunk_packet(b"")].concat(),
                ),
            }
        }
    });
    let mut httpd = behind("given-up", port, "w1.ping_mode=C\n");
    httpd.expect("JK-314");
    let begun = Instant::now();
    let response = Client::connect(httpd.port).get("/app/x");
    let took = begun.elapsed();
    assert_eq!((response.status, response.text().as_str()), (200, "some"));
    assert!(!response.is_complete, "the client sees that it is broken");
    assert!((9_900..13_000).contains(&took.as_millis()), "the probe's 10 s, it took {took:?}");
    assert!(httpd.log("jk.log").contains("broken off after 4 bytes of body"));
}

#[test]
fn s3_6_a_slow_response_survives_the_probe() {
    // As Tomcat does while an application works: the CPING waits for the end of the response.
    let pings = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pings);
    let port = bare(move |_, mut stream| {
        while let Some(request) = take(&mut stream) {
            if request[0] == CPING {
                seen.fetch_add(1, SeqCst);
                give(&mut stream, &packet(&[9]));
                continue;
            }
            assert_eq!(take(&mut stream), Some(vec![CPING]), "the probe");
            seen.fetch_add(100, SeqCst);
            give(&mut stream, &[ok(&[], b"late"), packet(&[9])].concat());
        }
    });
    // Without ping_mode one idle connection is asked once, to learn that the container answers;
    // here the first connection's ping does that.
    let httpd = behind("slow", port, "w1.connect_timeout=5000\n");
    let response = Client::connect(httpd.port).get("/app/x");
    assert!(response.is_complete);
    assert_eq!((response.status, response.text().as_str()), (200, "late"));
    assert_eq!(pings.load(SeqCst), 101, "one ping after connecting, one probe");
}

/// A container that counts the pings it answers.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let pings = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pings);
    let port = bare(move |_, mut stream| {
        while let Some(request) = take(&mut stream) {
            match request[0] {
                CPING => {
                    seen.fetch_add(1, SeqCst);
                    give(&mut stream, &packet(&[9]));
                }
                _ => give(&mut stream, &ok(&[], b"ok")),
            }
        }
    });
    (port, pings)
}

#[test]
fn s3_6_an_idle_connection_is_asked_once_to_learn() {
    let (port, pings) = counting();
    let httpd = behind("learn", port, "");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    assert!(wait_until(Duration::from_secs(5), || pings.load(SeqCst) == 1), "it is asked");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200, "and used afterwards");
}

#[test]
fn s2_7_idle_connections_are_pinged() {
    let (port, pings) = counting();
    let httpd = behind("idle", port, "w1.connection_ping_interval=1\n");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    assert!(wait_until(Duration::from_secs(8), || pings.load(SeqCst) >= 3), "again and again");
}

#[test]
fn s3_3_an_answer_is_read_before_the_end_of_the_connection() {
    // The container has had enough after the first block: it answers and hangs up.
    let port = bare(|_, mut stream| {
        take(&mut stream);
        take(&mut stream);
        give(&mut stream, &packet(&[6, 0x1f, 0xfa]));
        give(&mut stream, &[head(413, &[]), chunk_packet(b"too much"), end(false)].concat());
        let _ = stream.shutdown(Shutdown::Both);
    });
    let mut httpd = behind("enough", port, "");
    httpd.expect("JK-30");
    for _ in 0..10 {
        let response = Client::connect(httpd.port).request("POST", "/app/x", &[], &[b'x'; 20_000]);
        // When the packet that crosses the end is answered by a reset, the answer may be lost.
        assert!([413, 502].contains(&response.status), "{}", response.status);
    }
}

#[test]
fn s3_4_a_body_of_several_blocks_goes_to_a_second_connection() {
    // Every second connection is closed in the middle of its second upload.
    let port = bare(|number, mut stream| {
        for round in 0.. {
            let Some(request) = take(&mut stream) else { return };
            assert_ne!(request[0], CPING);
            let mut body = take(&mut stream).map_or(0, |block| block.len() - 2);
            if number == 1 && round == 1 {
                return;
            }
            while body < 40_000 {
                give(&mut stream, &packet(&[6, 0x1f, 0xfa]));
                let Some(block) = take(&mut stream) else { return };
                body += block.len() - 2;
            }
            give(&mut stream, &ok(&[], body.to_string().as_bytes()));
        }
    });
    // Only what may be executed twice is repeated on its own; PUT is such a method.
    let httpd = behind("replay", port, "");
    let mut client = Client::connect(httpd.port);
    for _ in 0..3 {
        let response = client.request("PUT", "/app/x", &[], &[b'x'; 40_000]);
        assert_eq!((response.status, response.text().as_str()), (200, "40000"));
    }
}

#[test]
fn s6_39_flushes_alone_do_not_hold_a_response_open() {
    let port = bare(|_, mut stream| {
        take(&mut stream);
        give(&mut stream, &[head(200, &[]), chunk_packet(b"begin")].concat());
        while stream.write_all(&chunk_packet(b"")).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut httpd = behind("flushes", port, "w1.reply_timeout=200\n");
    httpd.expect("JK-310");
    let begun = Instant::now();
    let response = Client::connect(httpd.port).get("/app/x");
    let took = begun.elapsed();
    assert_eq!((response.text().as_str(), response.is_complete), ("begin", false));
    assert!((1900..5000).contains(&took.as_millis()), "ten times the timeout, it took {took:?}");
}

#[test]
fn s1_13_a_refusal_is_explained_once() {
    let port = bare(|_, mut stream| {
        take(&mut stream);
        give(&mut stream, &[head(403, &[]), end(false)].concat());
    });
    let httpd = behind("refusal", port, "");
    for _ in 0..3 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 403);
    }
    let log = httpd.log("jk.log");
    let lines: Vec<_> = log.lines().filter(|line| line.contains("JK-315")).collect();
    assert!((1..=2).contains(&lines.len()), "once a minute and child: {lines:?}");
}

#[test]
fn s3_5_other_protocols_are_recognised() {
    for (name, answer, words) in [
        ("http", &b"HTTP/1.1 400 \r\n\r\n"[..], "that is an HTTP connector"),
        ("tls", b"\x15\x03\x03\x00\x02\x02\x0a", "that is a TLS connector"),
    ] {
        let port = bare(move |_, mut stream| {
            take(&mut stream);
            give(&mut stream, answer);
            let _ = stream.shutdown(Shutdown::Both);
        });
        let mut httpd = behind(name, port, "");
        httpd.expect("JK-307");
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 502);
        assert!(httpd.log("jk.log").contains(words), "{name}");
    }
}

#[test]
fn s2_5_an_unknown_host_does_not_stop_httpd() {
    let mut httpd = Setup {
        name: "unknown-host",
        mpm: "event",
        config: "JkMount /app/* w1\n",
        workers: "worker.list=w1\nworker.w1.host=no-such-host.invalid\n",
    }
    .start();
    httpd.expect("JK-302");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    assert_eq!(Client::connect(httpd.port).get("/other").status, 404);
}

#[test]
fn s2_4_silent_idle_connections_are_replaced() {
    // As behind a firewall that forgets idle connections: each one serves once and is then dead.
    let port = bare(|_, mut stream| {
        for round in 0.. {
            match take(&mut stream) {
                Some(request) if request[0] == CPING && round == 0 => {
                    give(&mut stream, &packet(&[9]));
                    take(&mut stream);
                    thread::sleep(Duration::from_millis(100));
                    give(&mut stream, &ok(&[], b"ok"));
                }
                Some(_) => {}
                None => return,
            }
        }
    });
    let httpd = behind("forgotten", port, "w1.ping_mode=P\nw1.ping_timeout=1000\n");
    let clients: Vec<_> = (0..5)
        .map(|_| {
            let port = httpd.port;
            thread::spawn(move || Client::connect(port).get("/app/x").status)
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().expect("no panic"), 200);
    }
    let begun = Instant::now();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    let took = begun.elapsed();
    assert!(took < Duration::from_millis(1200), "ping_timeout at most, it took {took:?}");
}

#[test]
fn s2_4_a_container_that_accepts_and_is_silent() {
    let port = bare(|_, mut stream| while take(&mut stream).is_some() {});
    let mut httpd = behind("hung", port, "w1.ping_mode=A\nw1.ping_timeout=500\nw1.retries=1\n");
    httpd.expect("JK-304");
    let begun = Instant::now();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    let took = begun.elapsed().as_millis();
    assert!((450..900).contains(&took), "ping_timeout, it took {took} ms");
}

#[test]
fn s3_7_a_failed_status_keeps_its_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let port = bare(move |_, mut stream| {
        seen.fetch_add(1, SeqCst);
        while let Some(request) = take(&mut stream) {
            match request[0] {
                CPING => give(&mut stream, &packet(&[9])),
                _ => give(
                    &mut stream,
                    &[head(500, &[]), chunk_packet(b"broken"), end(true)].concat(),
                ),
            }
        }
    });
    let mut httpd = behind("status", port, "w1.fail_on_status=500\n");
    httpd.expect("JK-311");
    for _ in 0..10 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    }
    assert!(connections.load(SeqCst) <= 2, "one for each child at most");
}

#[test]
fn s3_11_an_unread_body_is_left_to_httpd() {
    // The container answers without reading; the client's body must not be taken for a request.
    let port = bare(|_, mut stream| {
        while let Some(request) = take(&mut stream) {
            if request[0] != CPING {
                give(&mut stream, &[head(200, &[]), chunk_packet(b"early"), end(true)].concat());
            }
        }
    });
    let httpd = behind("unread", port, "");
    let inside = "GET /app/inside HTTP/1.1\r\nHost: h\r\n\r\n".repeat(500);
    let mut client = Client::connect(httpd.port);
    let response = client.request("POST", "/app/x", &[], inside.as_bytes());
    assert_eq!((response.status, response.text().as_str()), (200, "early"));
    // Either httpd has read the rest of the body, or it has closed the connection.
    if let Some(next) = client.try_raw(b"GET /other HTTP/1.1\r\nHost: h\r\n\r\n", "GET") {
        assert_eq!(next.status, 404, "the answer to this request and to no other");
    }
}
