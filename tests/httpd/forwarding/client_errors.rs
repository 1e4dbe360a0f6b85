//! What goes wrong on the client's side: bodies that httpd refuses, stalls, clients that leave, and
//! filters that answer in place of the response.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::bare::{Then, give, serving, take};
use crate::setups::compiled;
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head, ok, packet};
use crate::support::client::Client;
use crate::support::http2::stalled_post;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::{times, wait_until};

/// Starts httpd with `/app/*` on one worker, a status worker below `/status`, HTTP/2 where the MPM
/// has threads, an access log of statuses, and more lines.
fn start(name: &str, mpm: &str, port: u16, config: &str) -> Httpd {
    let http2 = match mpm {
        "prefork" => String::new(),
        _ => format!("{}Protocols h2c http/1.1\nH2StreamTimeout 1\n", load(&["http2"])),
    };
    let config = format!(
        "{http2}{}JkMount /app/* w\nJkMount /status status\nRequestReadTimeout body=1\n\
         LogFormat \"%U %>s\" statuses\nCustomLog @DIR@/statuses.log statuses\n{config}",
        load(&["reqtimeout"])
    );
    let workers = format!(
        "worker.list=w,status\nworker.status.type=status\nworker.w.host=127.0.0.1\nworker.w.port={port}\n"
    );
    Setup { name, mpm, config: &config, workers: &workers }.start()
}

/// Sends bytes and returns all that comes back until httpd hangs up.
fn whole(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("httpd accepts");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a valid timeout");
    stream.write_all(bytes).expect("httpd reads");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("httpd hangs up in time");
    String::from_utf8_lossy(&all).into_owned()
}

/// What a backend that asks for the whole body got of it.
type Got = Arc<Mutex<Vec<&'static str>>>;

/// A backend that begins its answer with `first`, asks for body until it ends, then answers in full
/// if nothing was sent before. Notes how each body ended: with the packet that says so, or cut.
fn asking(first: Vec<u8>) -> (u16, Got) {
    let got = Got::default();
    let seen = Arc::clone(&got);
    let port = serving(move |stream, _| {
        give(stream, &first);
        let ended = loop {
            give(stream, &packet(&[6, 0x1f, 0xfa]));
            match take(stream) {
                None => break "cut",
                Some(block) if block.len() <= 2 => break "ended",
                Some(_) => {}
            }
        };
        seen.lock().expect("no panic").push(ended);
        if ended == "cut" {
            return Then::Close;
        }
        let rest = match first.is_empty() {
            true => ok(&[], b"the backend's"),
            false => [chunk_packet(b"the rest"), end(true)].concat(),
        };
        let _ = stream.write_all(&rest);
        Then::Keep
    });
    (port, got)
}

fn ends(got: &Got, count: usize) -> Vec<&'static str> {
    wait_until(Duration::from_secs(20), || got.lock().expect("no panic").len() >= count);
    got.lock().expect("no panic").clone()
}

const CHUNKED: &str = "POST /app/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn a_body_that_httpd_refuses_gets_one_answer_and_is_never_complete_for_the_backend() {
    for mpm in ["event", "worker", "prefork"] {
        let (port, got) = asking(Vec::new());
        let config = "<Location /app/limited>\nLimitRequestBody 1000\n</Location>\n";
        let mut httpd = start(&format!("refused-body-{mpm}"), mpm, port, config);
        let large = format!("7d0\r\n{}\r\n0\r\n\r\n", "x".repeat(2000));
        let cases = [
            (CHUNKED.to_owned() + "5\r\nhello\r\nnot a chunk\r\n\r\n", 400),
            (CHUNKED.replace("/x", "/limited") + &large, 413),
        ];
        for (request, status) in &cases {
            let answer = whole(httpd.port, request.as_bytes());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{mpm}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{mpm}: {answer}");
            assert_eq!(answer.matches("<html>").count(), 1, "{mpm} {status}: {answer}");
            assert!(answer.trim_end().ends_with("</html>"), "{mpm} {status}: {answer}");
        }
        assert_eq!(ends(&got, 2), ["cut", "cut"], "{mpm}");
        httpd.stop();
        let statuses = httpd.log("statuses.log");
        assert_eq!(statuses, "/app/x 400\n/app/limited 413\n", "{mpm}");
    }
}

#[test]
fn nothing_follows_a_response_that_httpd_has_ended() {
    for mpm in ["event", "worker", "prefork"] {
        let (port, got) =
            asking([head(200, &[]), chunk_packet(b"beginning"), chunk_packet(b"")].concat());
        let httpd = start(&format!("ended-by-httpd-{mpm}"), mpm, port, "");
        let request = CHUNKED.to_owned() + "5\r\nhello\r\nnot a chunk\r\n\r\n";
        let answer = whole(httpd.port, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200 "), "{mpm}: {answer}");
        assert!(answer.contains("beginning") && !answer.contains("the rest"), "{mpm}: {answer}");
        let (_, behind) = answer.split_once("\r\n0\r\n\r\n").unwrap_or_default();
        assert_eq!(behind, "", "{mpm}: {answer}");
        assert_eq!(ends(&got, 1), ["cut"], "{mpm}");
    }
}

#[test]
fn a_body_that_stalls_breaks_the_response_off_visibly() {
    for mpm in ["event", "worker", "prefork"] {
        let (port, got) =
            asking([head(200, &[]), chunk_packet(b"beginning"), chunk_packet(b"")].concat());
        let httpd = start(&format!("stalled-body-{mpm}"), mpm, port, "");
        for length in
            ["Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 50\r\n\r\nhello"]
        {
            let request = format!("POST /app/x HTTP/1.1\r\nHost: h\r\n{length}");
            let answer = whole(httpd.port, request.as_bytes());
            assert!(answer.contains("beginning"), "{mpm}: {answer}");
            assert!(!answer.contains("0\r\n\r\n"), "{mpm}: it must not look complete: {answer}");
        }
        assert_eq!(ends(&got, 2), ["cut", "cut"], "{mpm}");
        let log = httpd.log("jk.log");
        assert!(log.contains("JK-308") && log.contains("408"), "{mpm}: {log}");
        if mpm == "prefork" {
            continue;
        }
        let answer = stalled_post(httpd.port, "/app/x", &[], b"hello");
        assert_eq!(answer.body, b"beginning", "{mpm}");
        assert!(!answer.is_complete && answer.reset.is_some(), "{mpm}: {answer:?}");
        assert_eq!(ends(&got, 3), ["cut"; 3], "{mpm}");
    }
}

#[test]
fn the_status_worker_adds_nothing_to_what_httpd_has_answered() {
    let backend = Backend::start(echo("w"));
    let config = "<Location /status>\nRequire all granted\n</Location>\n";
    let httpd = start("refused-status-body", "event", backend.port, config);
    let request =
        CHUNKED.replace("/app/x", "/status?mime=txt") + "5\r\nhello\r\nnot a chunk\r\n\r\n";
    let answer = whole(httpd.port, request.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(answer.matches("<html>").count(), 1, "{answer}");
    assert!(answer.trim_end().ends_with("</html>"), "nothing follows: {answer}");
}

/// One process, so that there is one pool of connections.
const ONE_CHILD: &str = "StartServers 1\nServerLimit 1\nThreadsPerChild 16\nMaxRequestWorkers 16\n\
    MinSpareThreads 1\nMaxSpareThreads 16\n";

/// Tells what the status worker says of the worker: a counter.
fn counter(httpd: &Httpd, name: &str) -> u64 {
    let text = Client::connect(httpd.port).get("/status?mime=prop").text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("worker.w.{name}=")));
    line.expect("a counter").parse().expect("a number")
}

#[test]
fn a_range_that_cannot_be_satisfied_is_no_failure() {
    let backend = Backend::start(|request| match request.uri.as_str() {
        "/app/own" => {
            let headers = [("Content-Range", "bytes */10"), ("Content-Length", "0")];
            Reply::Bytes([head(416, &headers), end(true)].concat())
        }
        _ => Reply::Bytes(ok(&[("Accept-Ranges", "bytes")], b"0123456789")),
    });
    let config = ONE_CHILD;
    let httpd = start("range", "event", backend.port, config);
    for round in 0..5 {
        let mut client = Client::connect(httpd.port);
        for path in ["/app/x", "/app/own"] {
            let answer = client.request("GET", path, &[("Range", "bytes=50-60")], b"");
            assert_eq!(answer.status, 416, "{path} {round}");
        }
        for path in ["/app/x", "/app/own"] {
            let output = Command::new("curl")
                .args([
                    "-s",
                    "--http2-prior-knowledge",
                    "-r",
                    "50-60",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                ])
                .arg(format!("http://127.0.0.1:{}{path}", httpd.port))
                .output()
                .expect("curl runs");
            assert_eq!(String::from_utf8_lossy(&output.stdout), "416", "{path} {round}");
            assert!(output.status.success(), "{path} {round}");
        }
    }
    assert_eq!(counter(&httpd, "client_errors"), 0);
    // The next request may come before the connection is back. Ten answers were the filter's.
    let connections = backend.connections.load(std::sync::atomic::Ordering::SeqCst);
    assert!(connections < 5, "{connections} connections");
    assert!(!httpd.log("jk.log").contains("JK-308"), "{}", httpd.log("jk.log"));
}

#[test]
fn a_client_that_leaves_after_the_end_is_no_failure() {
    let backend = Backend::start(|_| {
        let length = [("Content-Length", "402")];
        Reply::Bytes([head(200, &length), chunk_packet(&[b'x'; 402]), end(true)].concat())
    });
    for flush in ["", "JkOptions +FlushPackets\n"] {
        let name = format!("gone-after-the-end-{}", flush.len());
        let httpd = start(&name, "event", backend.port, &(ONE_CHILD.to_owned() + flush));
        for _ in 0..times(25, 100) {
            // It hangs up as soon as it has what it asked for.
            let load = Command::new("h2load")
                .args(["-n", "40", "-c", "4", "-m", "10"])
                .arg(format!("http://127.0.0.1:{}/app/load", httpd.port))
                .output()
                .expect("h2load runs");
            let text = String::from_utf8_lossy(&load.stdout).into_owned();
            assert!(text.contains("40 succeeded, 0 failed, 0 errored"), "{text}");
        }
        assert_eq!(counter(&httpd, "client_errors"), 0, "{flush}");
        let log = httpd.log("jk.log");
        assert!(!log.contains("JK-308"), "{} times: {log}", log.matches("JK-308").count());
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_is_counted_once_and_not_blamed_on_a_backend() {
    let backend = Backend::start(|_| Reply::Bytes(ok(&[], &vec![b'x'; 8_000_000])));
    let httpd = start("gone-in-the-middle", "event", backend.port, "");
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    stream.write_all(b"GET /app/large HTTP/1.1\r\nHost: h\r\n\r\n").expect("httpd reads");
    stream.read_exact(&mut [0; 1000]).expect("the response begins");
    stream.shutdown(Shutdown::Both).expect("it is open");
    drop(stream);
    let is_said = || httpd.log("jk.log").contains("JK-308");
    assert!(wait_until(Duration::from_secs(20), is_said), "{}", httpd.log("jk.log"));
    let log = httpd.log("jk.log");
    assert!(log.contains("the client closed the connection"), "{log}");
    assert_eq!((counter(&httpd, "client_errors"), counter(&httpd, "errors")), (1, 0));
}

#[test]
fn a_connection_of_http_1_0_ends_after_a_transfer_encoding() {
    let backend = Backend::start(echo("w"));
    let httpd = start("chunked-1-0", "event", backend.port, "");
    let request = "POST /app/x HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n0\r\n\r\n";
    let next = "GET /app/next HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n";
    let answer = whole(httpd.port, (request.to_owned() + next).as_bytes());
    assert!(answer.contains("w POST /app/x 5"), "{answer}");
    assert!(!answer.contains("/app/next"), "{answer}");
    assert!(answer.contains("Connection: Upgrade, close"), "{answer}");
}

#[test]
fn output_filters_that_answer_end_or_fail_get_the_last_word() {
    let module = compiled("output");
    for mpm in ["event", "prefork"] {
        // Without a length, so that a response that ends early can be complete.
        let backend = Backend::start(|request| {
            let count = if request.uri.ends_with("small") { 1 } else { 100 };
            let body = chunk_packet(&[b'x'; 8000]).repeat(count);
            Reply::Bytes([head(200, &[]), body, end(true)].concat())
        });
        let mut config = module.clone();
        for filter in ["answer_first", "end_second", "fail_first", "fail_second"] {
            config += &format!(
                "<Location /app/{filter}>\nSetOutputFilter {}\n</Location>\n",
                filter.to_ascii_uppercase()
            );
        }
        let mut httpd = start(&format!("output-filters-{mpm}"), mpm, backend.port, &config);
        httpd.expect("JK-321");
        // What the client gets: the status; whether all of it came; what is said about it.
        let cases = [
            ("answer_first/small", 403, true, ""),
            ("answer_first/large", 403, true, "JK-320"),
            ("end_second/large", 200, true, "JK-320"),
            ("fail_first/small", 500, true, "JK-321"),
            ("fail_first/large", 500, true, "JK-321"),
            ("fail_second/large", 200, false, "JK-321"),
        ];
        for (path, status, is_complete, _) in cases {
            let what = format!("{mpm} {path}");
            let answer = Client::connect(httpd.port).get(&format!("/app/{path}"));
            assert_eq!((answer.status, answer.is_complete), (status, is_complete), "{what}");
            assert!(answer.text().matches("<html>").count() <= 1, "{what}");
            if mpm == "prefork" {
                continue;
            }
            let output = Command::new("curl")
                .args(["-s", "-m", "30", "--http2-prior-knowledge", "-w", " %{http_code}"])
                .arg(format!("http://127.0.0.1:{}/app/{path}", httpd.port))
                .output()
                .expect("curl runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.success(), is_complete, "HTTP/2 {what}: {text}");
            assert!(text.ends_with(&format!(" {status}")), "HTTP/2 {what}: {text}");
        }
        assert_eq!(counter(&httpd, "client_errors"), 0, "{mpm}");
        assert_eq!(counter(&httpd, "errors"), 0, "{mpm}");
        // A line may come after its answer; all of them are there when httpd has ended.
        httpd.stop();
        let log = httpd.log("jk.log");
        let requests = if mpm == "prefork" { 1 } else { 2 };
        for (path, _, _, code) in cases {
            let said = log.lines().filter(|line| line.contains(&format!("GET /app/{path}:")));
            let with_code = said.clone().filter(|line| line.contains(code)).count();
            let wanted = if code.is_empty() { 0 } else { requests };
            assert_eq!((said.count(), with_code), (wanted, wanted), "{mpm} {path}: {log}");
        }
    }
}
