//! HTTP/2 clients: many streams over one connection, with few threads.

use std::process::Command;

use crate::bare::{bare, give, take};
use crate::support::client::Client;
use crate::support::container::{Container, Reply, chunk_packet, head, ok};
use crate::support::httpd::{Httpd, Setup, modules_dir};
use crate::support::skip;

/// Starts httpd with mod_http2 and four threads a child; `None` if something is missing.
fn start(name: &str, port: u16) -> Option<Httpd> {
    let module = modules_dir().join("mod_http2.so");
    let has_client = Command::new("nghttp").arg("--version").output().is_ok();
    if !module.exists() || !has_client {
        skip("http2", "mod_http2 or nghttp is missing; Debian package: nghttp2-client");
        return None;
    }
    let config = format!(
        "LoadModule http2_module {}\nProtocols h2c http/1.1\nJkMount /app/* w1\n\
         ThreadsPerChild 4\nServerLimit 4\nMaxRequestWorkers 16\nMinSpareThreads 1\nMaxSpareThreads 16\nH2MaxSessionStreams 200\n",
        module.display()
    );
    let workers = format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
    Some(Setup { name, mpm: "event", config: &config, workers: &workers }.start())
}

#[test]
fn a_hundred_streams_through_four_threads() {
    let container = Container::start(|request| {
        std::thread::sleep(std::time::Duration::from_millis(5));
        Reply::Bytes(ok(&[], format!("the body of {}\n", request.uri).as_bytes()))
    });
    let Some(httpd) = start("streams", container.port) else { return };
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
    assert_eq!(container.count(), 100);
    let load = Command::new("h2load")
        .args(["-n", "2000", "-c", "2", "-m", "100"])
        .arg(format!("http://127.0.0.1:{}/app/load", httpd.port))
        .output()
        .expect("h2load runs");
    let text = String::from_utf8_lossy(&load.stdout).into_owned();
    assert!(text.contains("2000 succeeded, 0 failed, 0 errored"), "{text}");
}

#[test]
fn a_broken_response_resets_its_stream_only() {
    let port = bare(|_, mut stream| {
        while let Some(request) = take(&mut stream) {
            if String::from_utf8_lossy(&request).contains("/app/broken") {
                give(&mut stream, &head(200, &[]));
                for _ in 0..8 {
                    give(&mut stream, &chunk_packet(&[b'x'; 8000]));
                }
                return;
            }
            give(&mut stream, &ok(&[], b"whole"));
        }
    });
    let Some(mut httpd) = start("stream-reset", port) else { return };
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
