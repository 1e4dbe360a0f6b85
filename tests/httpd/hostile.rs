//! What no container and no client should send, and what becomes of it.

use crate::serving::one_worker;
use crate::support::client::Client;
use crate::support::container::{Container, Reply, chunk_packet, end, head, ok, packet};

/// Name, the container's bytes, and what the client gets: the status, or 0 for a response that
/// had begun and is broken off.
fn replies() -> Vec<(&'static str, Vec<u8>, u16)> {
    let with =
        |name, value| [head(200, &[(name, value)]), chunk_packet(b"hello"), end(true)].concat();
    let big = vec![b'x'; 8000];
    let long: Vec<u8> = (0..10).flat_map(|_| chunk_packet(&big)).collect();
    vec![
        ("B1 wrong magic", b"XX\x00\x02\x05\x01".to_vec(), 502),
        ("B2 HTTP", b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), 502),
        ("B9 end before headers", end(true), 502),
        ("B10 end without flag", packet(&[5]), 502),
        ("B11 reuse 2", [head(200, &[]), packet(&[5, 2])].concat(), 502),
        (
            "B13 body before headers",
            [chunk_packet(b"hello"), head(200, &[]), end(true)].concat(),
            502,
        ),
        (
            "B15 header code 0",
            packet(b"\x04\x00\xc8\x00\x02OK\x00\x00\x01\xa0\x00\x00\x01v\x00"),
            502,
        ),
        (
            "B18 trailing bytes",
            packet(b"\x04\x00\xc8\x00\x02OK\x00\x00\x00\xa0\x01\x00\x01v\x00"),
            502,
        ),
        (
            "B23 no terminator",
            packet(b"\x04\x00\xc8\x00\x02OK\x00\x00\x01\xa0\x01\x00\x03abcQ"),
            502,
        ),
        ("B25 status 101", [head(101, &[]), end(true)].concat(), 502),
        ("B26 status 0", [head(0, &[]), end(true)].concat(), 502),
        ("B31 CRLF in a value", with("X-A", "b\r\nX-Injected: yes"), 502),
        ("B33 space in a name", with("X A", "b"), 502),
        (
            "B41 body too short",
            [head(200, &[("Content-Length", "50")]), chunk_packet(b"hello"), end(true)].concat(),
            502,
        ),
        ("B43 length abc", with("Content-Length", "abc"), 502),
        ("B46 chunk too long", [head(200, &[]), packet(b"\x03\x10\x00hello")].concat(), 502),
        ("B47 chunk of one byte", [head(200, &[]), packet(b"\x03")].concat(), 502),
        ("B51 headers twice", [head(200, &[]), head(200, &[]), end(true)].concat(), 502),
        ("B54 body asked twice", [packet(&[6, 0, 9]), packet(&[6, 0, 9])].concat(), 502),
        ("B61 unexpected CPONG", [packet(&[9]), head(200, &[]), end(true)].concat(), 502),
        ("dies before headers", Vec::new(), 502),
        ("dies in a small reply", [head(200, &[]), chunk_packet(b"hello")].concat(), 502),
        ("dies in a large reply", [head(200, &[]), long.clone()].concat(), 0),
        ("malformed in a large reply", [head(200, &[]), long, packet(b"\x03")].concat(), 0),
    ]
}

#[test]
fn group_b_malformed_replies() {
    let count = replies().len();
    let container = Container::start(move |request| {
        match request.uri.strip_prefix("/app/bad/").and_then(|n| n.parse::<usize>().ok()) {
            Some(row) => Reply::Close(replies().swap_remove(row).1),
            None => Reply::Bytes(ok(&[], request.header("x-token").unwrap_or("").as_bytes())),
        }
    });
    let mut httpd = one_worker("hostile", "event", container.port, "");
    httpd.expect("JK-30");
    for row in 0..count {
        let (name, _, expected) = replies().swap_remove(row);
        let mut client = Client::connect(httpd.port);
        // A POST is never sent twice, so each row is one delivery.
        let before = container.count();
        let response = client.request("POST", &format!("/app/bad/{row}"), &[], b"12345");
        if expected == 0 {
            assert_eq!(response.status, 200, "{name}");
            assert!(!response.is_complete, "{name}: the client sees that the response is broken");
        } else {
            assert_eq!(response.status, expected, "{name}");
            assert_eq!(response.header("X-Injected"), None, "{name}");
        }
        assert_eq!(container.count() - before, 1, "{name}: one delivery");
        for token in ["a", "b"] {
            let token = format!("{row}{token}");
            let next =
                Client::connect(httpd.port).request("GET", "/app/x", &[("X-Token", &token)], b"");
            assert_eq!((next.status, next.text()), (200, token), "after {name}");
        }
    }
}

#[test]
fn hop_by_hop_headers_and_excess_stay_behind() {
    let container = Container::start(|_| {
        let headers = [
            ("Transfer-Encoding", "chunked"),
            ("Connection", "X-Foo"),
            ("X-Foo", "1"),
            ("Upgrade", "h2c"),
            ("Content-Length", "5"),
        ];
        Reply::Bytes(
            [head(200, &headers), chunk_packet(b"hello, and more than announced"), end(true)]
                .concat(),
        )
    });
    let mut httpd = one_worker("hop", "event", container.port, "");
    httpd.expect("JK-316");
    let mut client = Client::connect(httpd.port);
    for _ in 0..3 {
        let response = client.get("/app/x");
        assert_eq!(response.text(), "hello");
        for name in ["Transfer-Encoding", "X-Foo", "Upgrade"] {
            assert_eq!(response.header(name), None, "{name}");
        }
    }
}

#[test]
fn a_silent_container_is_given_up() {
    let container = Container::start(|_| Reply::Bytes(Vec::new()));
    let mut httpd = one_worker("silent", "event", container.port, "");
    httpd.expect("JK-310");
    let begun = std::time::Instant::now();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 504);
    let took = begun.elapsed().as_millis();
    assert!((1900..4000).contains(&took), "reply_timeout is 2 s, it took {took} ms");
}

#[test]
fn group_a_paths_cannot_get_around_an_exclusion() {
    let container = Container::start(|request| Reply::Bytes(ok(&[], request.uri.as_bytes())));
    let httpd = one_worker(
        "paths",
        "event",
        container.port,
        "JkUnMount /app/admin/* w1\nJkUnMount /app/admin w1\n",
    );
    let paths = [
        "/app/admin/x",
        "/app/./admin/x",
        "/app/x/../admin/x",
        "/app//admin/x",
        "//app/admin/x",
        "/app/;a/admin/x",
        "/app/admin;a=1/x",
        "/app;a=1/admin/x",
        "/;x/app/admin/x",
        "/app/%61dmin/x",
        "/app/x/..;/admin/x",
        "/app/x/%2e%2e/admin/x",
        "/app/admin/",
    ];
    for path in paths {
        let status = Client::connect(httpd.port).get(path).status;
        assert_eq!(status, 404, "{path}");
    }
    assert_eq!(container.count(), 0, "the container saw none of them");
    let above = Client::connect(httpd.port).get("/app/..;/..;/x").status;
    assert_eq!(above, 400);
    assert_eq!(Client::connect(httpd.port).get("/app/%2561dmin/x").text(), "/app/%2561dmin/x");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_sent() {
    let container = Container::start(|_| Reply::Bytes(ok(&[], b"ok")));
    let mut httpd = one_worker(
        "large",
        "event",
        container.port,
        "LimitRequestFieldSize 20000\nLimitRequestLine 20000\n",
    );
    httpd.expect("JK-309");
    let big = "x".repeat(9000);
    let mut client = Client::connect(httpd.port);
    assert_eq!(client.request("GET", "/app/x", &[("X-Big", &big)], b"").status, 431);
    assert_eq!(client.get(&format!("/app/{big}")).status, 414);
    // httpd closes the connection after a 414.
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    assert_eq!(container.count(), 1);
}
