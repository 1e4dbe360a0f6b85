//! How often a request is delivered: every way to fail, every setting of `recovery_options`, every
//! kind of request, with a single worker and with a balancer of two.

use std::collections::HashMap;
use std::io::Write;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::bare::{Then, give, path, reset, serving, take};
use crate::support::backend::{chunk_packet, end, head, packet};
use crate::support::client::Client;
use crate::support::free_port;
use crate::support::httpd::Setup;

/// Values of `recovery_options`; -1 is unset.
const OPTIONS: [i32; 9] = [-1, 0, 1, 2, 3, 8, 17, 25, 27];

/// Method and length of the body; -1 is a body without a length.
const REQUESTS: [(&str, i32); 6] =
    [("GET", 0), ("HEAD", 0), ("PUT", 10), ("POST", 10), ("POST", 12_000), ("POST", -1)];

/// What the backend does with a request, and what the client gets if nothing else is tried.
const FAILURES: [(&str, u16); 9] = [
    ("refused", 503),
    ("close", 502),
    ("reset", 502),
    ("headers-close", 502),
    ("large-close", 200),
    ("silent", 504),
    ("hard-status", 503),
    ("soft-status", 503),
    ("malformed", 502),
];

/// Deliveries of one request, from the rules as docs/differences.md has them.
fn expected(failure: &str, method: &str, options: i32, is_lb: bool) -> usize {
    let is_idempotent = matches!(method, "GET" | "HEAD" | "PUT");
    let may_repeat = match options {
        // Unset: a balancer gives what may be executed twice to one more member.
        -1 => is_idempotent && is_lb,
        options if options & 1 == 0 => true,
        options => (method == "HEAD" && options & 8 != 0) || (method == "GET" && options & 16 != 0),
    };
    match failure {
        "refused" => 0,
        // The client has seen part of the response.
        "large-close" if method != "HEAD" => 1,
        // A complete response as far as HEAD is concerned.
        "large-close" | "headers-close" if method == "HEAD" => 1,
        _ => 1 + usize::from(may_repeat),
    }
}

/// Deliveries by the request's token, which is the last part of its path.
type Seen = Arc<Mutex<HashMap<String, usize>>>;

/// Fails as the path says: `/app/<kind>/<failure>/<token>/<length>`.
fn play(stream: &mut TcpStream, request: &[u8], seen: &Seen) -> Then {
    let path = path(request);
    let mut words = path.split('/').skip(3);
    let (failure, token) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    *seen.lock().expect("no panic under it").entry(token.to_owned()).or_default() += 1;
    // The body, so that what follows is an answer and no accident on the way up.
    let mut length = words.next().and_then(|word| word.parse::<i32>().ok()).unwrap_or(0);
    if length > 0 {
        length -= take(stream).map_or(0, |block| block.len() as i32 - 2);
    }
    while length != 0 {
        give(stream, &packet(&[6, 0x1f, 0xfa]));
        let Some(block) = take(stream) else { return Then::Close };
        match block.len() {
            0 => break,
            len => length -= (len as i32 - 2).min(length.max(0)),
        }
    }
    match failure {
        "close" => {}
        "reset" => reset(stream),
        "headers-close" => give(stream, &head(200, &[])),
        "large-close" => {
            let _ = stream.write_all(&head(200, &[]));
            for _ in 0..8 {
                let _ = stream.write_all(&chunk_packet(&[b'x'; 8000]));
            }
        }
        "silent" => drop(take(stream)),
        "hard-status" => {
            give(stream, &[head(500, &[]), end(true)].concat());
            return Then::Keep;
        }
        "soft-status" => {
            give(stream, &[head(501, &[]), end(true)].concat());
            return Then::Keep;
        }
        "malformed" => give(stream, &packet(&[5])),
        other => panic!("unknown failure {other}"),
    }
    Then::Close
}

/// One worker and one balancer of two for each line of the table, as a failure takes a member out
/// of its balancer; all for one backend but those that are refused.
fn workers(port: u16, options: i32) -> (String, String) {
    let (mut list, mut text, mut mounts) = (Vec::new(), String::new(), String::new());
    let closed = free_port();
    for (failure, _) in FAILURES {
        for place in 0..REQUESTS.len() {
            let line = format!("{failure}-{place}");
            for kind in ["w", "a", "b"] {
                let port = if failure == "refused" { closed } else { port };
                // Short only where it is what ends the wait: the machine may be busy.
                let limit = if failure == "silent" { 300 } else { 20_000 };
                text += &format!(
                    "worker.{kind}{line}.host=127.0.0.1\nworker.{kind}{line}.port={port}\n\
                     worker.{kind}{line}.reply_timeout={limit}\nworker.{kind}{line}.retry_interval=10\n\
                     worker.{kind}{line}.fail_on_status=500,-501\n"
                );
                if options >= 0 {
                    text += &format!("worker.{kind}{line}.recovery_options={options}\n");
                }
            }
            text += &format!(
                "worker.lb{line}.type=lb\nworker.lb{line}.balance_workers=a{line},b{line}\n"
            );
            for kind in ["w", "lb"] {
                list.push(format!("{kind}{line}"));
                mounts += &format!("JkMount /app/{kind}/{failure}/{kind}{line}/* {kind}{line}\n");
            }
        }
    }
    (format!("worker.list={}\n{text}", list.join(",")), mounts)
}

#[test]
fn each_failure_is_delivered_as_often_as_recovery_options_allow() {
    let threads = OPTIONS.map(|options| thread::spawn(move || row(options)));
    let wrong: Vec<_> =
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Runs all failures and requests with one setting.
fn row(options: i32) -> Vec<String> {
    let seen = Seen::default();
    let port = {
        let seen = Arc::clone(&seen);
        serving(move |stream, request| play(stream, request, &seen))
    };
    let (workers, mounts) = workers(port, options);
    let name = format!("retries{options}");
    let mut httpd = Setup { name: &name, mpm: "event", config: &mounts, workers: &workers }.start();
    httpd.expect("JK-3");
    httpd.expect("JK-40");
    let mut wrong = Vec::new();
    for (failure, status) in FAILURES {
        for (place, (method, length)) in REQUESTS.iter().enumerate() {
            for kind in ["w", "lb"] {
                let token = format!("{kind}{failure}-{place}");
                let path = format!("/app/{kind}/{failure}/{token}/{length}");
                let got = ask(httpd.port, method, *length, &path);
                let deliveries = seen.lock().expect("no panic under it").get(&token).copied();
                let deliveries = deliveries.unwrap_or(0);
                let want = expected(failure, method, options, kind == "lb");
                let is_whole = *method == "HEAD" && failure.ends_with("-close");
                let status = if is_whole { 200 } else { status };
                if (deliveries, got) != (want, status) {
                    wrong.push(format!(
                        "{kind}, options {options}, {failure}, {method} {length}: {deliveries} deliveries instead of {want}, status {got} instead of {status}"
                    ));
                }
            }
        }
    }
    wrong
}

/// Sends one request and returns the status.
fn ask(http: u16, method: &str, length: i32, path: &str) -> u16 {
    let mut client = Client::connect(http);
    let response = match usize::try_from(length) {
        Ok(length) => client.request(method, path, &[], &vec![b'x'; length]),
        Err(_) => {
            let head = format!("{method} {path} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked");
            client.raw(format!("{head}\r\n\r\n5\r\nhello\r\n0\r\n\r\n").as_bytes(), method)
        }
    };
    response.status
}
