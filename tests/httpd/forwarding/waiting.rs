//! Backends that are slow, silent or gone, each played by a few lines over a bare socket.

use std::io::Write;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::bare::{CPING, Then, bare, give, serve, serving, take};
use crate::setups::one_child;
use crate::support::backend::{chunk_packet, end, head, ok, packet};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

fn behind(name: &str, port: u16, properties: &str) -> Httpd {
    let workers = format!(
        "worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n{}",
        properties.replace("w1.", "worker.w1.")
    );
    Setup { name, mpm: "event", config: "JkMount /app/* w1\n", workers: &workers }.start()
}

#[test]
fn a_response_given_up_ends_after_the_probe() {
    // As Tomcat does when an application throws after the response was committed: headers, some
    // body, and then nothing but answers to CPING.
    let port = serving(|stream, _| {
        give(stream, &[head(200, &[]), chunk_packet(b"some"), chunk_packet(b"")].concat());
        Then::Keep
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
fn a_response_given_up_ends_in_a_child_that_knows_nothing_yet() {
    // The first request of the child is the one that Tomcat gives up: no connection is idle that
    // could be asked whether the backend answers a CPING at all.
    let port = serving(|stream, _| {
        give(stream, &[head(200, &[]), chunk_packet(b"some")].concat());
        Then::Keep
    });
    let mut httpd = behind("given-up-first", port, "");
    httpd.expect("JK-314");
    let response = Client::connect(httpd.port).get("/app/x");
    assert_eq!(response.status, 502, "nothing of it had reached the client");
    assert!(httpd.log("jk.log").contains("JK-314"), "it is not waited for without end");
}

#[test]
fn a_slow_response_survives_the_probe() {
    // As Tomcat does while an application works: the CPING waits for the end of the response.
    let pings = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pings);
    let port = bare(move |_, mut stream| {
        while let Some(request) = take(&mut stream) {
            if request == CPING {
                seen.fetch_add(1, SeqCst);
                give(&mut stream, &packet(&[9]));
                continue;
            }
            assert_eq!(take(&mut stream), Some(CPING.to_vec()), "the probe");
            seen.fetch_add(100, SeqCst);
            give(&mut stream, &[ok(&[], b"late"), packet(&[9])].concat());
        }
    });
    // Without ping_mode one idle connection is asked once, to learn that the backend answers;
    // here the first connection's ping does that.
    let httpd = behind("slow", port, "w1.connect_timeout=5000\n");
    let response = Client::connect(httpd.port).get("/app/x");
    assert!(response.is_complete);
    assert_eq!((response.status, response.text().as_str()), (200, "late"));
    assert_eq!(pings.load(SeqCst), 101, "one ping after connecting, one probe");
}

/// A backend that counts the pings it answers.
fn counting() -> (u16, Arc<AtomicUsize>) {
    let pings = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&pings);
    let port = bare(move |_, mut stream| {
        while let Some(request) = take(&mut stream) {
            if request == CPING {
                seen.fetch_add(1, SeqCst);
                give(&mut stream, &packet(&[9]));
            } else {
                give(&mut stream, &ok(&[], b"ok"));
            }
        }
    });
    (port, pings)
}

#[test]
fn an_idle_connection_is_pinged_once_to_learn() {
    let (port, pings) = counting();
    let httpd = behind("learn", port, "");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    assert!(wait_until(PATIENCE, || pings.load(SeqCst) == 1), "it is asked");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200, "and used afterwards");
}

#[test]
fn idle_connections_are_pinged() {
    let (port, pings) = counting();
    let httpd = behind("idle", port, "w1.connection_ping_interval=1\n");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    assert!(wait_until(PATIENCE, || pings.load(SeqCst) >= 3), "again and again");
}

#[test]
fn an_answer_is_read_before_the_end_of_the_connection() {
    // The backend has had enough after the first block: it answers and hangs up.
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
fn a_body_of_several_blocks_goes_to_a_second_connection() {
    // Every second connection is closed in the middle of its second upload.
    let port = bare(|number, mut stream| {
        let mut round = 0;
        serve(&mut stream, |stream, _| {
            let mut body = take(stream).map_or(0, |block| block.len() - 2);
            round += 1;
            if number == 1 && round == 2 {
                return Then::Close;
            }
            while body < 40_000 {
                give(stream, &packet(&[6, 0x1f, 0xfa]));
                let Some(block) = take(stream) else { return Then::Close };
                body += block.len() - 2;
            }
            give(stream, &ok(&[], body.to_string().as_bytes()));
            Then::Keep
        });
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
fn flushes_alone_do_not_hold_a_response_open() {
    let port = bare(|_, mut stream| {
        take(&mut stream);
        give(&mut stream, &[head(200, &[]), chunk_packet(b"begin")].concat());
        while stream.write_all(&chunk_packet(b"")).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    // So long that no busy machine keeps the backend from flushing for it.
    let mut httpd = behind("flushes", port, "w1.reply_timeout=1000\n");
    httpd.expect("JK-310");
    let begun = Instant::now();
    let response = Client::connect(httpd.port).get("/app/x");
    let took = begun.elapsed();
    assert_eq!((response.text().as_str(), response.is_complete), ("begin", false));
    assert!((9_900..30_000).contains(&took.as_millis()), "ten times the timeout, it took {took:?}");
}

#[test]
fn other_protocols_are_recognised() {
    for (name, answer, words) in [
        ("http", &b"HTTP/1.1 400 \r\n\r\n"[..], "an HTTP connector answered"),
        ("tls", b"\x15\x03\x03\x00\x02\x02\x0a", "a TLS connector answered"),
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
fn an_unknown_host_does_not_stop_httpd() {
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
fn silent_idle_connections_are_replaced() {
    // As behind a firewall that forgets idle connections: each one serves once and is then dead.
    let port = bare(|_, mut stream| {
        for round in 0.. {
            match take(&mut stream) {
                Some(request) if request == CPING && round == 0 => {
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
    let httpd = behind("forgotten", port, "w1.ping_mode=P\nw1.ping_timeout=2000\n");
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
    assert!(took < Duration::from_millis(3900), "ping_timeout once, it took {took:?}");
}

#[test]
fn a_backend_that_accepts_and_is_silent_is_given_up() {
    let port = bare(|_, mut stream| while take(&mut stream).is_some() {});
    let mut httpd = behind("hung", port, "w1.ping_mode=A\nw1.ping_timeout=2000\nw1.retries=1\n");
    httpd.expect("JK-304");
    let begun = Instant::now();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    let took = begun.elapsed().as_millis();
    assert!((1950..3900).contains(&took), "ping_timeout once, it took {took} ms");
}

#[test]
fn a_failed_status_keeps_its_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    let port = bare(move |_, mut stream| {
        seen.fetch_add(1, SeqCst);
        serve(&mut stream, |stream, _| {
            give(stream, &[head(500, &[]), chunk_packet(b"broken"), end(true)].concat());
            Then::Keep
        });
    });
    let workers = format!(
        "worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\nworker.w1.fail_on_status=500\n"
    );
    let mut httpd = one_child("status", &workers, "JkMount /app/* w1\n");
    httpd.expect("JK-311");
    for _ in 0..10 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503);
    }
    assert_eq!(connections.load(SeqCst), 1, "one, as there is one child");
}

#[test]
fn an_unread_body_is_left_to_httpd() {
    // The backend answers without reading; the client's body must not be taken for a request.
    let port = serving(|stream, _| {
        give(stream, &[head(200, &[]), chunk_packet(b"early"), end(true)].concat());
        Then::Keep
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
