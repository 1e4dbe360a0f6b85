//! Clients that close their half of the connection, or all of it, while their request is parked.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::bare::{bare, give, take};
use crate::forwarding::parking::{hung, one_worker};
use crate::setups::parked;
use crate::support::backend::{Backend, Reply, chunk_packet, head, ok};
use crate::support::httpd::Httpd;
use crate::support::{PATIENCE, wait_until};

/// Requests in a row, of which httpd reads no more than the first at once if they are `long`; then the client
/// closes its half. Returns how long httpd's child was at work while the first one waited, and the answers.
fn half_closed(name: &str, long: bool) -> (Duration, Vec<String>) {
    let backend = Backend::start(|request| {
        if request.uri.ends_with("slow") {
            thread::sleep(Duration::from_secs(4));
        }
        Reply::Bytes(ok(&[], request.uri.as_bytes()))
    });
    let httpd = one_worker(name, backend.port, "", "");
    let more = if long { format!("X-Long: {}\r\n", "x".repeat(8000)) } else { String::new() };
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n{more}\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    let text: String = ["/app/slow", "/app/1", "/app/2", "/app/3"].map(request).concat();
    stream.write_all(text.as_bytes()).expect("httpd reads");
    assert!(wait_until(PATIENCE, || parked(&httpd) == 1));
    stream.shutdown(Shutdown::Write).expect("the connection is open");
    let begun = child_time(&httpd);
    thread::sleep(Duration::from_secs(2));
    let at_work = child_time(&httpd) - begun;
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("httpd closes the connection");
    let bodies = answers.split("\r\n\r\n").skip(1);
    let path = |body: &str| body.split("HTTP/1.1").next().unwrap_or_default().to_owned();
    (at_work, bodies.map(path).collect())
}

/// Processor time of httpd's only child.
fn child_time(httpd: &Httpd) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", httpd.children()[0])).expect("it runs");
    let (_, numbers) = stat.rsplit_once(") ").expect("a name in parentheses");
    let ticks = numbers.split(' ').skip(11).take(2);
    Duration::from_millis(ticks.map(|own| own.parse::<u64>().expect("a number") * 10).sum())
}

#[test]
fn a_client_that_sends_several_requests_may_close_its_half() {
    for (name, long) in [("parked-half-short", false), ("parked-half-long", true)] {
        let (at_work, answers) = half_closed(name, long);
        assert_eq!(answers, ["/app/slow", "/app/1", "/app/2", "/app/3"], "{name}");
        assert!(at_work < Duration::from_millis(400), "{name}: nothing is to be done, {at_work:?}");
    }
}

/// Sends a request with these last words, after which its client sends no more, and waits until it is parked.
fn last(httpd: &Httpd, words: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    write!(stream, "GET /app/slow {words}\r\n\r\n").expect("httpd reads");
    assert!(wait_until(PATIENCE, || parked(httpd) == 1), "{words}");
    stream
}

const LAST: [&str; 2] = ["HTTP/1.0", "HTTP/1.1\r\nHost: h\r\nConnection: close"];

#[test]
fn a_client_that_sends_its_last_request_may_close_its_half() {
    let backend = Backend::start(|request| {
        thread::sleep(Duration::from_millis(1500));
        Reply::Bytes(ok(&[], request.uri.as_bytes()))
    });
    let httpd = one_worker("parked-half-last", backend.port, "", "");
    for words in LAST {
        let mut stream = last(&httpd, words);
        stream.shutdown(Shutdown::Write).expect("the connection is open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("httpd closes the connection");
        assert!(answer.ends_with("\r\n\r\n/app/slow"), "{words}: {answer}");
    }
}

#[test]
fn a_client_that_breaks_off_its_last_request_takes_it_along() {
    let port = bare(|_, mut stream| {
        let _ = take(&mut stream);
        give(&mut stream, &[head(200, &[]), chunk_packet(b"part")].concat());
        // Blocks until httpd closes the connection.
        let _ = stream.read(&mut [0]);
    });
    let httpd = one_worker("parked-last-gone", port, "", "JkOptions +FlushPackets\n");
    for words in LAST {
        let stream = last(&httpd, words);
        // A part of the answer has come: to close with something unread resets the connection.
        assert!(wait_until(PATIENCE, || stream.peek(&mut [0; 400]).is_ok_and(|got| got > 0)));
        drop(stream);
        assert!(wait_until(PATIENCE, || parked(&httpd) == 0), "{words}");
    }
}

/// Linux forgets after a minute that it had the connection, and answers the next question so.
#[test]
fn a_client_that_closes_both_halves_of_its_last_request_is_missed_after_a_while() {
    if std::env::var_os("MOD_JK_TEST_ENDURANCE").is_none() {
        return;
    }
    let httpd = one_worker("parked-last-closed", hung(), "", "");
    drop(last(&httpd, LAST[1]));
    assert!(wait_until(PATIENCE * 2, || parked(&httpd) == 0));
}
