//! HTTP/2 clients: many streams over one connection, with few threads.

use std::process::Command;

use super::filters::{SIZES, same, sized, text};
use crate::bare::{Then, give, path, serving};
use crate::setups::compiled;
use crate::support::backend::{Backend, Reply, chunk_packet, head, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, has_module, load};
use crate::support::skip;

/// Starts httpd with mod_http2 and four threads a child; `None` if something is missing.
fn start(name: &str, port: u16) -> Option<Httpd> {
    start_with(name, port, "")
}

/// The same with further lines of configuration.
fn start_with(name: &str, port: u16, lines: &str) -> Option<Httpd> {
    let has_client = Command::new("nghttp").arg("--version").output().is_ok();
    if !has_module("http2") || !has_client {
        skip("http2", "mod_http2 or nghttp is missing; Debian package: nghttp2-client");
        return None;
    }
    let config = format!(
        "{}Protocols h2c http/1.1\nJkMount /app/* w1\n\
         ThreadsPerChild 4\nServerLimit 4\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16\nH2MaxSessionStreams 200\n{lines}",
        load(&["http2"])
    );
    let workers = format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
    Some(Setup { name, mpm: "event", config: &config, workers: &workers }.start())
}

#[test]
fn a_hundred_streams_through_four_threads() {
    let backend = Backend::start(|request| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        Reply::Bytes(ok(&[], format!("the body of {}\n", request.uri).as_bytes()))
    });
    let Some(httpd) = start("streams", backend.port) else { return };
    let urls: Vec<_> =
        (0..100).map(|n| format!("http://127.0.0.1:{}/app/{n}-of-them", httpd.port)).collect();
    // The bodies come as the streams end; `-s` adds a line with the path and status of each.
    let output = Command::new("nghttp").arg("-s").args(&urls).output().expect("nghttp runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    for n in 0..100 {
        let body = format!("the body of /app/{n}-of-them\n");
        assert_eq!(text.matches(&body).count(), 1, "{n}: {text}");
    }
    let answered = text.lines().filter(|line| line.contains(" 200 ")).count();
    assert_eq!(answered, 100, "{text}");
    assert_eq!(backend.count(), 100);
    let load = Command::new("h2load")
        .args(["-n", "2000", "-c", "2", "-m", "100"])
        .arg(format!("http://127.0.0.1:{}/app/load", httpd.port))
        .output()
        .expect("h2load runs");
    let text = String::from_utf8_lossy(&load.stdout).into_owned();
    assert!(text.contains("2000 succeeded, 0 failed, 0 errored"), "{text}");
}

/// A backend that breaks off a response where the path says so, and answers otherwise.
fn breaking() -> u16 {
    serving(|stream, request| {
        if path(request).starts_with("/app/broken") {
            give(stream, &head(200, &[("Content-Type", "text/plain")]));
            for _ in 0..8 {
                give(stream, &chunk_packet(&[b'x'; 8000]));
            }
            return Then::Close;
        }
        give(stream, &ok(&[], b"whole"));
        Then::Keep
    })
}

#[test]
fn a_broken_response_resets_its_stream_only() {
    let Some(mut httpd) = start("stream-reset", breaking()) else { return };
    httpd.expect("JK-306");
    let url = |path: &str| format!("http://127.0.0.1:{}/app/{path}", httpd.port);
    let urls = [url("one"), url("broken"), url("two")];
    let output = Command::new("nghttp").arg("-vn").args(&urls).output().expect("nghttp runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("recv RST_STREAM frame"), "{text}");
    assert_eq!(text.matches("recv RST_STREAM frame").count(), 1, "{text}");
    assert_eq!(text.matches(":status: 200").count(), 3, "{text}");
    assert_eq!(Client::connect(httpd.port).get("/app/three").text(), "whole");
}

/// Counts the streams of an `nghttp -v` that ended as complete ones do, and those that were reset.
pub fn ends(httpd: &Httpd, path: &str, headers: &[&str]) -> (usize, usize) {
    let url = format!("http://127.0.0.1:{}{path}", httpd.port);
    let output = Command::new("nghttp").arg("-vn").args(headers).arg(&url).output();
    let text = String::from_utf8_lossy(&output.expect("nghttp runs").stdout).into_owned();
    let received = text.split("recv ").skip(1);
    let is_end = |frame: &&str| {
        let is_response = frame.starts_with("DATA") || frame.starts_with("HEADERS");
        is_response && frame.contains("; END_STREAM")
    };
    (received.filter(is_end).count(), text.matches("recv RST_STREAM frame").count())
}

/// mod_http2 before 2.0 takes no notice of an error bucket.
#[test]
fn a_broken_response_is_seen_with_an_older_http2_module_too() {
    let module = compiled("old_http2") + &load(&["deflate"]);
    let lines = "<Location /app/broken/zip>\nSetOutputFilter DEFLATE\n</Location>\n";
    for (name, blind) in [("h2-old", "Off"), ("h2-blind", "On")] {
        let lines = format!("{module}{lines}OldHttp2Blind {blind}\n");
        let Some(mut httpd) = start_with(name, breaking(), &lines) else { return };
        httpd.expect("JK-306");
        assert_eq!(ends(&httpd, "/app/whole", &[]), (1, 0), "{name}");
        let gzip = ["-H", "accept-encoding: gzip"];
        for (path, headers) in [("/app/broken", &[][..]), ("/app/broken/zip", &gzip)] {
            let (complete, resets) = ends(&httpd, path, headers);
            assert_eq!(complete, 0, "{name} {path}");
            // The connection is ended where the stream cannot be reset.
            assert_eq!(resets, usize::from(blind == "Off"), "{name} {path}");
        }
        assert_eq!(Client::connect(httpd.port).get("/app/three").text(), "whole");
    }
}

/// Over HTTP/2 a response goes to another thread, and by way of copies.
#[test]
fn bodies_of_any_size_are_whole_over_http_2() {
    let backend = Backend::start(sized);
    let Some(httpd) = start("h2-sizes", backend.port) else { return };
    for len in SIZES {
        for kind in ["8184/length", "60000/end", "8184/flush"] {
            let url = format!("http://127.0.0.1:{}/app/{len}/{kind}", httpd.port);
            let output = Command::new("nghttp").arg(&url).output().expect("nghttp runs");
            assert!(output.status.success(), "{url}");
            same(&url, &text(len), &output.stdout);
        }
    }
}
