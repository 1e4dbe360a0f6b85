//! Requests and responses through one ajp13 worker.

use crate::setups::one_worker;
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head, ok};
use crate::support::client::Client;

#[test]
fn every_mpm_serves_and_stops() {
    for mpm in ["event", "worker", "prefork"] {
        let backend = Backend::start(echo("n1"));
        let httpd = one_worker(&format!("mpm-{mpm}"), mpm, backend.port, "");
        let mut client = Client::connect(httpd.port);
        for _ in 0..3 {
            let response = client.get("/app/x");
            assert_eq!(response.status, 200, "{mpm}");
            assert_eq!(response.text(), "n1 GET /app/x 0", "{mpm}");
        }
        assert_eq!(client.get("/other").status, 404, "{mpm}");
        assert_eq!(
            backend.connections.load(std::sync::atomic::Ordering::SeqCst),
            1,
            "{mpm}: kept alive"
        );
    }
}

#[test]
fn the_backend_gets_what_the_client_sent() {
    let backend = Backend::start(echo("n1"));
    let httpd = one_worker(
        "translate",
        "event",
        backend.port,
        "SetEnvIf Request_URI ^ MY_VAR=7\nJkEnvVar MY_VAR\nJkEnvVar NOT_SET fallback\n",
    );
    let mut client = Client::connect(httpd.port);
    let headers =
        [("Cookie", "a=b"), ("X-Own", "1"), ("Connection", "keep-alive, X-Hop"), ("X-Hop", "2")];
    client.request("GET", "/app/a%20b;v=1?x=1&y", &headers, b"");
    let request = backend.last();
    assert_eq!(request.method, "GET");
    assert_eq!(request.protocol, "HTTP/1.1");
    assert_eq!(request.uri, "/app/a%20b;v=1");
    assert_eq!(request.query.as_deref(), Some("x=1&y"));
    assert_eq!(request.secret.as_deref(), Some("s3cr3t"));
    assert_eq!(request.header("cookie"), Some("a=b"));
    assert_eq!(request.header("x-own"), Some("1"));
    assert_eq!(request.header("content-length"), Some("0"));
    assert_eq!(request.header("x-hop"), None, "a header that Connection names");
    assert_eq!(request.header("connection"), None);
    assert_eq!(request.attribute("JK_LB_ACTIVATION"), Some("ACT"));
    assert_eq!(request.attribute("AJP_LOCAL_ADDR"), Some("127.0.0.1"));
    assert_eq!(request.attribute("MY_VAR"), Some("7"));
    assert_eq!(request.attribute("NOT_SET"), Some("fallback"));
    client.request("PATCH", "/app/x", &[], b"");
    assert_eq!(backend.last().method, "PATCH", "a method without a number");
}

#[test]
fn bodies_of_all_sizes_arrive() {
    let backend = Backend::start(|request| Reply::Bytes(ok(&[], &request.body)));
    let httpd = one_worker("bodies", "event", backend.port, "");
    let mut client = Client::connect(httpd.port);
    for size in [1, 8_185, 8_186, 8_187, 16_372, 100_000, 3_000_000] {
        let body: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let response = client.request("POST", "/app/x", &[], &body);
        assert_eq!(response.status, 200, "{size}");
        assert!(response.body == body, "{size} bytes come back as they went");
    }
    let chunked = b"POST /app/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let response = client.raw(chunked, "POST");
    assert_eq!(response.text(), "hello world");
    assert_eq!(backend.last().header("content-length"), None, "the length was unknown");
}

#[test]
fn responses_reach_the_client() {
    let backend = Backend::start(|request| match request.uri.as_str() {
        "/app/head" => Reply::Bytes([head(200, &[("Content-Length", "5")]), end(true)].concat()),
        "/app/empty" => Reply::Bytes([head(204, &[]), end(true)].concat()),
        "/app/two" => Reply::Bytes(ok(&[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")], b"x")),
        "/app/missing" => Reply::Bytes([head(404, &[]), chunk_packet(b"gone"), end(true)].concat()),
        "/app/stream" => Reply::Bytes(
            [
                head(200, &[]),
                chunk_packet(&[b'a'; 8000]),
                chunk_packet(b""),
                chunk_packet(b"end"),
                end(true),
            ]
            .concat(),
        ),
        "/app/close" => Reply::Bytes(
            [head(200, &[("Content-Length", "2")]), chunk_packet(b"ok"), end(false)].concat(),
        ),
        _ => Reply::Bytes(ok(&[], b"?")),
    });
    let httpd = one_worker("responses", "event", backend.port, "");
    let mut client = Client::connect(httpd.port);
    let response = client.request("HEAD", "/app/head", &[], b"");
    assert_eq!((response.status, response.header("Content-Length")), (200, Some("5")));
    assert_eq!(client.get("/app/empty").status, 204);
    let two = client.get("/app/two");
    assert_eq!(two.headers.iter().filter(|(name, _)| name == "Set-Cookie").count(), 2);
    let missing = client.get("/app/missing");
    assert_eq!((missing.status, missing.reason.as_str()), (404, "Not Found"));
    assert_eq!(missing.text(), "gone");
    assert_eq!(client.get("/app/stream").body.len(), 8003);
    assert_eq!(client.get("/app/close").text(), "ok");
    assert_eq!(client.get("/app/close").text(), "ok", "over a new connection");
    let status = client.get("/jkstatus?mime=txt").text();
    assert!(status.contains("AJP Worker: name=w1 ") && !status.contains("s3cr3t"), "{status}");
}

#[test]
fn an_idle_connection_with_stray_bytes_is_not_used() {
    let backend = Backend::start(|request| {
        let own = request.header("x-token").unwrap_or("none").to_owned();
        // A second whole response that was not asked for.
        Reply::Bytes([ok(&[], own.as_bytes()), ok(&[], b"stolen")].concat())
    });
    let mut httpd = one_worker("stray", "prefork", backend.port, "");
    httpd.expect("JK-327");
    httpd.expect("JK-328");
    for token in 0..20 {
        let token = format!("t{token}");
        let response =
            Client::connect(httpd.port).request("GET", "/app/x", &[("X-Token", &token)], b"");
        assert_eq!(response.text(), token);
    }
}

#[test]
fn a_graceful_restart_leaves_requests_alone() {
    let backend = Backend::start(echo("n1"));
    let httpd = one_worker("graceful", "event", backend.port, "");
    for _ in 0..3 {
        httpd.graceful();
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    }
}
