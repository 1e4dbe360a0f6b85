//! Long bodies: packets of every size, ends in the middle, clients that are slow or gone.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::backend::{Backend, Reply, chunk_packet, end, head, packet};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};

fn start(name: &str, port: u16) -> Httpd {
    let workers = format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
    // Slow clients are slower on a busy machine.
    let config = "JkMount /app/* w1\nTimeout 300\n";
    Setup { name, mpm: "event", config, workers: &workers }.start()
}

/// The body for a path: numbers from one of its own on, so that no part can be taken for another.
fn body(path: &str, len: usize) -> Vec<u8> {
    let own = path.bytes().fold(0_u32, |own, byte| own.wrapping_mul(31) ^ u32::from(byte)) << 24;
    let mut body = Vec::with_capacity(len + 64);
    for number in own.. {
        if body.len() >= len {
            break;
        }
        // Sixteen times each, as the millions of numbers of a long body take seconds to write.
        body.extend(number.to_le_bytes().repeat(16));
    }
    body.truncate(len);
    body
}

/// Cuts a body into packets of the sizes in turn. Every third has no padding.
fn cut(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), body);
    for (at, size) in sizes.iter().cycle().enumerate() {
        let (data, next) = rest.split_at(rest.len().min(*size));
        if data.is_empty() {
            return out;
        }
        out.extend(match at % 3 {
            0 => packet(&[&[3], &(data.len() as u16).to_be_bytes()[..], data].concat()),
            _ => chunk_packet(data),
        });
        rest = next;
    }
    out
}

const SIZES: &[(&str, &[usize])] = &[
    ("of Tomcat", &[8184]),
    ("largest", &[65_531]),
    ("tiny", &[1]),
    ("mixed", &[8184, 1, 40_000, 100, 65_531, 7, 8184, 8184, 8184, 20_000]),
    ("as long as a buffer", &[40_953, 40_953]),
];

#[test]
fn packets_of_any_size_are_one_body() {
    let backend = Backend::start(|request| {
        let sizes = SIZES.iter().find(|(name, _)| request.uri.contains(&name.replace(' ', "-")));
        let (name, sizes) = sizes.expect("a path of this test");
        let len = if *name == "tiny" { 90_000 } else { 900_001 };
        let length = len.to_string();
        let headers = [("Content-Length", length.as_str())];
        let headers = if request.uri.ends_with("length") { &headers[..] } else { &[] };
        Reply::Bytes([head(200, headers), cut(&body(name, len), sizes), end(true)].concat())
    });
    let httpd = start("large-sizes", backend.port);
    let mut client = Client::connect(httpd.port);
    for (name, _) in SIZES {
        for framing in ["length", "chunks"] {
            let response = client.get(&format!("/app/{}/{framing}", name.replace(' ', "-")));
            assert!(response.is_complete, "{name} {framing}");
            let len = if *name == "tiny" { 90_000 } else { 900_001 };
            assert!(response.body == body(name, len), "{name} {framing}");
        }
    }
}

/// Whatever comes before the connection ends goes to the client, also what comes with its end.
#[test]
fn a_body_that_is_cut_is_handed_on_to_its_last_byte() {
    let cuts = [30_000, 80_000, 163_840, 300_000];
    let backend = Backend::start(move |request| {
        let len: usize =
            cuts.into_iter().find(|len| request.uri.ends_with(&len.to_string())).expect("one");
        let bytes = [head(200, &[("Content-Length", "400000")]), cut(&body("cut", len), &[8184])];
        Reply::Close(bytes.concat())
    });
    let mut httpd = start("large-cut", backend.port);
    httpd.expect("JK-306");
    for len in cuts {
        let response = Client::connect(httpd.port).get(&format!("/app/{len}"));
        assert!(!response.is_complete, "{len}");
        assert!(response.body == body("cut", len), "{len}: {} bytes", response.body.len());
    }
}

/// What httpd still has to write stays as it is, even if its memory is used again.
#[test]
fn slow_clients_and_clients_that_go_get_their_own_bytes() {
    const LEN: usize = 12 << 20;
    let backend = Backend::start(|request| {
        let length = LEN.to_string();
        let head = head(200, &[("Content-Length", length.as_str())]);
        Reply::Bytes([head, cut(&body(&request.uri, LEN), &[8184]), end(true)].concat())
    });
    let httpd = start("large-slow", backend.port);
    let begin = |path: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
        let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("httpd reads");
        stream.read_exact(&mut [0; 1]).expect("the response begins");
        stream
    };
    // More than the sockets hold: each of them makes httpd wait.
    let slow: Vec<_> = ["/app/a", "/app/b", "/app/c"].map(|path| (path, begin(path))).into();
    for round in 0..4 {
        drop(begin(&format!("/app/gone{round}")));
        let path = format!("/app/round{round}");
        let response = Client::connect(httpd.port).get(&path);
        assert!(response.is_complete && response.body == body(&path, LEN), "{path}");
    }
    for (path, mut stream) in slow {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("the rest");
        let start = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        assert!(bytes[start..] == body(path, LEN), "{path}");
    }
}
