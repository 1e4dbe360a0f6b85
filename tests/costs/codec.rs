//! What the codec costs, in instructions as callgrind counts them. Prints a line for each case and fails
//! if one costs more than it may; `codec table` prints the report's rows.
//!
//! `cargo run --profile costs --example codec` does it all; the program starts itself under valgrind,
//! twice for each case: what the second run does more is what is counted.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod callgrind;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;

use mod_jk::ajp::{AjpExchange, Attribute, Frame, RequestEncoder, RequestHead, next_packet};
use mod_jk::exchange::{BodyChunks, Exchange, RequestBody, Step};

/// What it is, what does it, and how many instructions it may take.
type Case = (&'static str, fn(u64), u64);

const CASES: &[Case] = &[
    ("encode a browser's request, 9 headers", encode, 3_100),
    ("decode a response's head, 6 headers", head, 2_450),
    ("decode 8 body packets of 8 KiB", body, 400),
];

const TIMES: u64 = 200;

fn encode(times: u64) {
    let head = RequestHead {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: b"/shop/cart/view.jsp",
        remote_addr: Some(b"192.0.2.7"),
        remote_host: None,
        server_name: b"www.example.org",
        server_port: 443,
        is_tls: true,
    };
    let headers: [(&[u8], &[u8]); 9] = [
        (b"Host", b"www.example.org"),
        (b"User-Agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
        (b"Accept", b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        (b"Accept-Language", b"en-US,en;q=0.5"),
        (b"Accept-Encoding", b"gzip, deflate, br"),
        (b"Referer", b"https://www.example.org/shop/"),
        (b"Cookie", b"JSESSIONID=0123456789ABCDEF0123456789ABCDEF.node1"),
        (b"Upgrade-Insecure-Requests", b"1"),
        (b"Sec-Fetch-Site", b"same-origin"),
    ];
    let mut out = Vec::new();
    for _ in 0..times {
        let mut encoder = RequestEncoder::new(&mut out, 8192, black_box(&head));
        for (name, value) in black_box(&headers) {
            encoder.header(name, value);
        }
        encoder.attribute(Attribute::QueryString(b"item=4711&amount=2"));
        encoder.attribute(Attribute::Request { name: b"AJP_REMOTE_PORT", value: b"51234" });
        encoder.attribute(Attribute::Request { name: b"JK_LB_ACTIVATION", value: b"ACT" });
        black_box(encoder.finish().unwrap());
    }
}

fn head(times: u64) {
    let packet = head_packet();
    for _ in 0..times {
        black_box(headers_of(black_box(&packet)));
    }
}

fn body(times: u64) {
    let mut exchange = AjpExchange::new(false, RequestBody::None);
    let first = head_packet();
    black_box(exchange.on_message(payload(&first)).unwrap());
    let chunk = packet(&[&[3, 0x1F, 0xF8][..], &[b'a'; 0x1FF8], &[0]].concat());
    let (buffer, mut chunks) = (chunk.repeat(8), BodyChunks::default());
    for _ in 0..times {
        let used = exchange.on_body_chunks(black_box(&buffer), &mut chunks);
        assert!(used == buffer.len() && black_box(&chunks).bytes() == 8 * 0x1FF8);
    }
}

/// Reads a head and looks at all of its headers.
fn headers_of(packet: &[u8]) -> usize {
    let mut exchange = AjpExchange::new(false, RequestBody::None);
    match exchange.on_message(payload(packet)).unwrap() {
        Step::Head(head) => {
            head.headers().filter(|(_, value)| !black_box(value).is_empty()).count()
        }
        other => panic!("{other:?} instead of a head"),
    }
}

fn payload(bytes: &[u8]) -> &[u8] {
    match next_packet(bytes).unwrap() {
        Frame::Packet { payload, .. } => &bytes[payload],
        other => panic!("{other:?} instead of a packet"),
    }
}

fn head_packet() -> Vec<u8> {
    let string = |text: &str| [&(text.len() as u16).to_be_bytes(), text.as_bytes(), b"\0"].concat();
    packet(
        &[
            &b"\x04\x00\xC8"[..],
            &string("OK"),
            b"\x00\x06\xA0\x01",
            &string("text/html;charset=UTF-8"),
            b"\xA0\x07",
            &string("JSESSIONID=0123456789ABCDEF0123456789ABCDEF.node1; Path=/shop; HttpOnly"),
            &string("Cache-Control"),
            &string("private"),
            &string("Expires"),
            &string("Thu, 01 Jan 1970 00:00:00 GMT"),
            &string("Vary"),
            &string("accept-encoding"),
            &string("Content-Language"),
            &string("en-US"),
        ]
        .concat(),
    )
}

fn packet(payload: &[u8]) -> Vec<u8> {
    [b"AB", &(payload.len() as u16).to_be_bytes()[..], payload].concat()
}

/// Counts what one time of a case takes.
fn count(number: usize) -> u64 {
    let run = |times: u64| callgrind::own(&[number.to_string(), times.to_string()], &[]);
    (run(2 * TIMES) - run(TIMES)) / TIMES
}

fn main() -> ExitCode {
    let words: Vec<_> = env::args().skip(1).collect();
    if let [number, times] = &words[..] {
        CASES[number.parse::<usize>().unwrap()].1(times.parse().unwrap());
        return ExitCode::SUCCESS;
    }
    let is_table = words.first().is_some_and(|word| word == "table");
    let mut is_over = false;
    for (number, (what, _, limit)) in CASES.iter().enumerate() {
        let each = count(number);
        if is_table {
            println!("{what}\t{each}");
            continue;
        }
        let mark = if each > *limit { "  TOO MANY" } else { "" };
        is_over |= each > *limit;
        println!("{what:<40} {each:>8} instructions, at most {limit:>6}{mark}");
    }
    if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
