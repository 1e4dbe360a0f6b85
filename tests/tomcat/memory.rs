//! Large bodies in constant memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::httpd::Httpd;
use crate::{Site, cluster_or_skip};

/// Sizes of the two bodies in MiB; `MOD_JK_TEST_LARGE=1` makes them 1 GiB down and 200 MiB up.
fn sizes() -> (u64, u64) {
    match std::env::var_os("MOD_JK_TEST_LARGE") {
        Some(_) => (1024, 200),
        None => (192, 64),
    }
}

/// Resident memory of each child, in KiB: the highest so far.
fn high_water(httpd: &Httpd) -> BTreeMap<String, u64> {
    let pid = httpd.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let of = |pid: &str| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some((pid.to_owned(), line.split_whitespace().next()?.parse().ok()?))
    };
    children.expect("httpd has children").split_whitespace().filter_map(of).collect()
}

/// How much the children have grown that were there before; httpd may have begun others.
fn grown(before: &BTreeMap<String, u64>, httpd: &Httpd) -> u64 {
    let after = high_water(httpd);
    let of = |(pid, high): (&String, &u64)| after.get(pid).map(|now| now.saturating_sub(*high));
    before.iter().filter_map(of).sum()
}

/// Byte `n` of a body, as download.jsp makes it.
fn byte(n: u64) -> u8 {
    n.wrapping_mul(31).wrapping_add(n / 251) as u8
}

fn download(httpd: &Httpd, bytes: u64, query: &str) {
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    let path = format!("/probe/download.jsp?bytes={bytes}{query}");
    // HTTP/1.0 has no chunks, so the body is what follows the head.
    let head = format!("GET {path} HTTP/1.0\r\nHost: h\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("httpd reads");
    let mut part = vec![0; 1 << 16];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut part[..1]).expect("a byte"), 1);
        head.push(part[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&head));
    let mut at = 0;
    loop {
        let got = stream.read(&mut part).expect("the body");
        if got == 0 {
            break;
        }
        let wrong = part[..got].iter().zip(at..).find(|(own, n)| **own != byte(*n));
        assert_eq!(wrong, None, "every byte in its place");
        at += got as u64;
    }
    assert_eq!(at, bytes);
}

fn upload(httpd: &Httpd, bytes: u64, is_chunked: bool) {
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    let framing = match is_chunked {
        true => "Transfer-Encoding: chunked".to_owned(),
        false => format!("Content-Length: {bytes}"),
    };
    let head = format!(
        "POST /probe/upload.jsp HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("httpd reads");
    let part = vec![b'x'; 1 << 16];
    for _ in 0..bytes / part.len() as u64 {
        if is_chunked {
            stream.write_all(b"10000\r\n").expect("httpd reads");
        }
        stream.write_all(&part).expect("httpd reads");
        if is_chunked {
            stream.write_all(b"\r\n").expect("httpd reads");
        }
    }
    if is_chunked {
        stream.write_all(b"0\r\n\r\n").expect("httpd reads");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.contains(&format!("{bytes} ")), "{answer}");
}

#[test]
fn large_bodies_take_no_memory() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "memory", mpm: "event", workers: "" }.start(&cluster);
    let (down, up) = sizes();
    // What a child needs once: its threads, pools and buffers.
    for _ in 0..20 {
        download(&httpd, 2 << 20, "");
        upload(&httpd, 2 << 20, true);
        upload(&httpd, 2 << 20, false);
    }
    for (name, run) in [
        ("download", &(|| download(&httpd, down << 20, "")) as &dyn Fn()),
        ("download with a length", &|| download(&httpd, down << 20, "&length")),
        ("upload with a length", &|| upload(&httpd, up << 20, false)),
        ("upload in chunks", &|| upload(&httpd, up << 20, true)),
    ] {
        let before = high_water(&httpd);
        run();
        let grown = grown(&before, &httpd);
        println!("{name}: {down} MiB down, {up} MiB up: {grown} KiB more");
        assert!(grown < 2048, "{name}: {grown} KiB more");
    }
}
