//! Packets captured with a real Tomcat 10: what it sends is understood, cut packets are refused,
//! and what we send for the same request is the same to the byte.

use mod_jk::ajp::{
    Attribute, Exchange, Frame, RequestBody, RequestEncoder, RequestHead, next_packet, parse_packet,
};

struct Vector {
    name: &'static str,
    is_in: bool,
    bytes: Vec<u8>,
}

fn vectors() -> Vec<Vector> {
    let lines = include_str!("vectors/tomcat10.txt").lines();
    let all: Vec<_> = lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut words = line.split(' ');
            let name = words.next().expect("a name");
            let is_in = words.next() == Some("in");
            let hex = words.next().unwrap_or_default().as_bytes();
            let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hex digit") as u8;
            let bytes = hex.chunks(2).map(|pair| digit(pair[0]) * 16 + digit(pair[1])).collect();
            Vector { name, is_in, bytes }
        })
        .collect();
    assert!(all.len() > 200, "the captures are there");
    all
}

/// Splits a capture into payloads.
fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let Ok(Frame::Packet { payload }) = next_packet(rest) {
        found.push(&rest[payload.clone()]);
        rest = &rest[payload.end..];
    }
    found
}

#[test]
fn everything_tomcat_sends_is_understood_or_refused_for_a_reason() {
    for vector in vectors().iter().filter(|vector| vector.is_in) {
        for payload in payloads(&vector.bytes) {
            if let Err(error) = parse_packet(payload) {
                // Captures of applications that send what no client may get.
                let tags = ["bad_status", "bad_header", "bad_content_length"];
                assert!(tags.contains(&error.tag()), "{}: {error}", vector.name);
            }
        }
    }
}

#[test]
fn a_packet_cut_anywhere_is_refused() {
    for vector in vectors().iter().filter(|vector| vector.is_in) {
        for payload in payloads(&vector.bytes) {
            if parse_packet(payload).is_err() {
                continue;
            }
            // A chunk may come without its last byte, which is padding.
            let padding = usize::from(payload[0] == 3);
            for len in 0..payload.len() - padding {
                assert!(parse_packet(&payload[..len]).is_err(), "{} cut at {len}", vector.name);
            }
        }
    }
}

#[test]
fn damaged_packets_never_panic() {
    // A fixed generator (xorshift), so that a failure can be repeated.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let all: Vec<_> = vectors().into_iter().filter(|vector| vector.is_in).collect();
    for _ in 0..20_000 {
        let vector = &all[random() % all.len()];
        let mut exchange = Exchange::new(random() % 2 == 0, RequestBody::Unknown);
        for payload in payloads(&vector.bytes) {
            let mut damaged = payload.to_vec();
            let at = random() % damaged.len();
            damaged[at] = random() as u8;
            if exchange.on_packet(&damaged).is_err() {
                break;
            }
        }
    }
}

#[test]
fn the_worked_get_is_the_captured_one() {
    let all = vectors();
    let captured = all.iter().find(|vector| vector.name == "02-get-200/1").expect("it is there");
    let head = RequestHead {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: b"/t/hi",
        remote_addr: Some(b"192.0.2.7"),
        remote_host: None,
        server_name: b"www.example.org",
        server_port: 80,
        is_tls: false,
    };
    let mut out = Vec::new();
    let mut encoder = RequestEncoder::new(&mut out, 8192, &head);
    encoder.header(b"Host", b"www.example.org");
    encoder.header(b"User-Agent", b"curl/8.5.0");
    encoder.header(b"Accept", b"*/*");
    encoder.header(b"Content-Length", b"0");
    encoder.attribute(Attribute::Secret(b"s3cr3t"));
    encoder.attribute(Attribute::QueryString(b"x=1&y=a%20b"));
    for (name, value) in [
        ("AJP_REMOTE_PORT", "51234"),
        ("AJP_LOCAL_ADDR", "198.51.100.10"),
        ("JK_LB_ACTIVATION", "ACT"),
    ] {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        encoder.attribute(Attribute::Request { name, value });
    }
    encoder.finish().expect("it fits");
    assert_eq!(out, captured.bytes);
}
