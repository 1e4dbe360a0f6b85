//! What a real application is told about a request.

use crate::support::client::Client;
use crate::{Site, cluster_or_skip};

#[test]
fn the_application_sees_the_request() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "facts", mpm: "event", workers: "" }.start(&cluster);
    let mut client = Client::connect(httpd.port);
    let long = "x".repeat(3000);
    let headers = [
        ("Accept-Language", "de, en;q=0.5"),
        ("Cookie", "a=1; b=\"2\""),
        ("X-Custom", "one"),
        ("X-Custom", "two"),
        ("X-Long", &long),
    ];
    let response = client.request("GET", "/probe/facts.jsp?a=1&b=%20%C3%A9", &headers, b"");
    let text = response.text();
    assert_eq!(response.header("Content-Type"), Some("text/plain;charset=UTF-8"));
    let cases = [
        "method GET".to_owned(),
        "uri /probe/facts.jsp".to_owned(),
        "query a=1&b=%20%C3%A9".to_owned(),
        "remote 127.0.0.1".to_owned(),
        // Neither the client nor ServerName has a port, so it is that of the protocol.
        "server localhost 80".to_owned(),
        "secure false".to_owned(),
        "header host=localhost".to_owned(),
        "header accept-language=de, en;q=0.5".to_owned(),
        "header cookie=a=1; b=\"2\"".to_owned(),
        format!("header x-long={long}"),
    ];
    for line in cases {
        assert!(text.lines().any(|own| own == line), "case: {line}\n{text}");
    }
    // httpd may join repeated headers; both values arrive in order either way.
    let values: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("header x-custom=")).collect();
    assert_eq!(values.join(", "), "one, two");
}

#[test]
fn methods_arrive() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "methods", mpm: "event", workers: "" }.start(&cluster);
    let mut client = Client::connect(httpd.port);
    // Tomcat allows GET, HEAD and POST for a JSP itself and answers the others with 405.
    let cases: &[(&str, u16)] = &[
        ("GET", 200),
        ("HEAD", 200),
        ("POST", 200),
        ("PUT", 405),
        ("DELETE", 405),
        ("PATCH", 405),
        ("PROPFIND", 405),
    ];
    for (method, status) in cases {
        let response = client.request(method, "/probe/facts.jsp", &[], b"");
        assert_eq!(response.status, *status, "case: {method}");
        if *method == "HEAD" {
            assert!(response.body.is_empty(), "case: {method}");
        } else if *status == 200 {
            assert!(response.text().contains(&format!("method {method}\n")), "case: {method}");
        }
    }
}

#[test]
fn answers_of_the_backend_pass_unchanged() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "answers", mpm: "event", workers: "" }.start(&cluster);
    let mut client = Client::connect(httpd.port);
    let response = client.get("/probe/there-is-none.jsp");
    assert_eq!(response.status, 404);
    assert!(response.text().contains("there-is-none.jsp"), "Tomcat's own page");
    // A number that is none makes the page throw.
    let response = client.get("/probe/download.jsp?bytes=many");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("NumberFormatException"), "Tomcat's own page");
    // httpd closes the connection after a 500.
    let next = Client::connect(httpd.port).get("/probe/facts.jsp");
    assert_eq!(next.status, 200);
}

#[test]
fn headers_of_the_clients_connection_do_not_arrive_and_change_nothing() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "connection", mpm: "event", workers: "" }.start(&cluster);
    let mut client = Client::connect(httpd.port);
    let plain = client.get("/probe/facts.jsp");
    assert_eq!(plain.status, 200);
    let removed = [
        ("TE", "trailers"),
        ("Trailer", "X-Sum"),
        ("Upgrade", "websocket"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"),
    ];
    for (name, value) in removed {
        let got = client.request("GET", "/probe/facts.jsp", &[(name, value)], b"");
        // The first line says which Tomcat it was.
        let told =
            [&got, &plain].map(|own| own.text().split_once('\n').map(|(_, rest)| rest.to_owned()));
        assert_eq!(told[0], told[1], "{name}");
    }
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let got = client.request("GET", "/probe/facts.jsp", &upgrade, b"");
    assert_eq!(got.status, 200, "a page that is no WebSocket");
    // httpd has sent the 100 itself; the application may still see what the client expects.
    let body = b"x";
    let expecting = [("Expect", "100-continue")];
    let got = client.request("POST", "/probe/facts.jsp", &expecting, body);
    let text = got.text();
    assert!(text.lines().any(|line| line == "header expect=100-continue"), "{text}");
}
