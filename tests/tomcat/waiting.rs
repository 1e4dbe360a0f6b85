//! Slow applications, and responses that Tomcat gives up.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::{Site, cluster_or_skip};

/// The backend is asked after 10 s of silence.
const LONGER_THAN_THE_PROBE: u64 = 12_000;

#[test]
fn a_response_that_tomcat_gives_up_ends() {
    let cluster = cluster_or_skip!();
    let mut httpd = Site {
        name: "gone",
        mpm: "event",
        workers: "worker.worker1.ping_mode=C\nworker.worker2.ping_mode=C\n",
    }
    .start(&cluster);
    httpd.expect("JK-314");
    let port = httpd.port;
    let after_commit = thread::spawn(move || {
        let begun = Instant::now();
        let response = Client::connect(port).get("/probe/gone.jsp");
        assert_eq!((response.status, response.text().as_str()), (200, "some"));
        assert!(!response.is_complete, "the client sees that it is broken");
        begun.elapsed()
    });
    // The header that does not fit is the same on the other member, so it takes two probes.
    let begun = Instant::now();
    let response = Client::connect(port).get("/probe/gone.jsp?header");
    assert_eq!(response.status, 502);
    let took = begun.elapsed();
    assert!((10..25).contains(&took.as_secs()), "{took:?}");
    let took = after_commit.join().expect("the other request");
    assert!((10..15).contains(&took.as_secs()), "{took:?}");
    assert_eq!(Client::connect(port).get("/probe/facts.jsp").status, 200, "both go on");
}

#[test]
fn slow_and_asynchronous_applications_are_waited_for() {
    let cluster = cluster_or_skip!();
    let workers = "worker.worker1.ping_mode=A\nworker.worker2.ping_mode=A\n";
    let httpd = Site { name: "slow", mpm: "event", workers }.start(&cluster);
    let threads = ["", "&flush", "&async", "&async&flush"].map(|how| {
        let port = httpd.port;
        thread::spawn(move || {
            let path = format!("/probe/slow.jsp?ms={LONGER_THAN_THE_PROBE}{how}");
            let response = Client::connect(port).get(&path);
            let expected = if how.contains("flush") { "first late" } else { "late" };
            assert_eq!((response.status, response.text().as_str()), (200, expected), "{path}");
            assert!(response.is_complete, "{path}");
        })
    });
    for thread in threads {
        thread.join().expect("the response is whole");
    }
}

#[test]
fn both_directions_flow() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "flow", mpm: "event", workers: "" }.start(&cluster);
    for framing in ["Content-Length: 15", "Transfer-Encoding: chunked"] {
        let stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a valid timeout");
        let mut answer = BufReader::new(stream.try_clone().expect("a second handle"));
        let send = |text: &str| {
            let text = match framing.starts_with('T') && text != "0\r\n\r\n" {
                true => format!("{:x}\r\n{text}\r\n", text.len()),
                false => text.to_owned(),
            };
            (&stream).write_all(text.as_bytes()).expect("httpd reads");
        };
        let mut expect = |words: &str| {
            let mut line = String::new();
            while !line.contains(words) {
                line.clear();
                let got = answer.read_line(&mut line).expect("an answer in time");
                assert!(got > 0, "{framing}: the end instead of {words}");
            }
        };
        let head = format!("POST /probe/stream.jsp HTTP/1.1\r\nHost: h\r\n{framing}\r\n\r\n");
        (&stream).write_all(head.as_bytes()).expect("httpd reads");
        // Each part is answered before the next one is sent.
        for _ in 0..3 {
            send("hello");
            expect("got 5");
        }
        if framing.starts_with('T') {
            send("0\r\n\r\n");
        }
        expect("end");
    }
}
