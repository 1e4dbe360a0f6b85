use crate::ajp::tests::request::{HEAD, encode_with};
use crate::ajp::{Attribute, OwnAttribute, RequestHead, forward_request};
use crate::exchange::{Port, RequestBody, RequestParts, Tls, chain_number};

const PLAIN: RequestParts<'_> = RequestParts {
    method: HEAD.method,
    protocol: HEAD.protocol,
    uri: HEAD.uri,
    remote_addr: HEAD.remote_addr,
    remote_host: None,
    remote_port: Port::Number(4711),
    server_name: HEAD.server_name,
    server_port: Port::Number(HEAD.server_port),
    local_addr: b"192.0.2.1",
    body: RequestBody::None,
    connection: b"",
    secret: None,
    remote_user: None,
    auth_type: None,
    query: None,
    route: None,
    activation: "ACT",
    tls: None,
};

/// Header or variable lines, as pairs.
fn pairs<'t>(lines: &'t [&'t str]) -> impl Iterator<Item = (&'t [u8], &'t [u8])> {
    lines.iter().map(|line| {
        let (name, value) = line.split_once(": ").expect("a name and a value");
        (name.as_bytes(), value.as_bytes())
    })
}

fn forward(request: &RequestParts<'_>, headers: &[&str], variables: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    let len = forward_request(&mut out, 8192, request, pairs(headers), pairs(variables));
    out.truncate(len.expect("valid"));
    out
}

/// What is expected, written field by field.
fn packet(head: &RequestHead<'_>, headers: &[&str], attributes: &[Attribute<'_>]) -> Vec<u8> {
    let written = encode_with(head, 8192, pairs(headers), attributes, |encoder| {
        encoder.own_attribute(OwnAttribute::RemotePort(b"4711"));
        encoder.own_attribute(OwnAttribute::LocalAddr(b"192.0.2.1"));
        encoder.own_attribute(OwnAttribute::Activation("ACT"));
    });
    written.expect("valid")
}

#[test]
fn the_body_is_announced_by_one_header_of_ours() {
    use RequestBody::{Known, None, Unknown};

    let cases: &[(RequestBody, &[&str], &[&str])] = &[
        (None, &["A: 1"], &["A: 1", "Content-Length: 0"]),
        (None, &["Content-Length: 7", "A: 1"], &["Content-Length: 0", "A: 1"]),
        (None, &["Transfer-Encoding: chunked", "A: 1"], &["A: 1", "Content-Length: 0"]),
        (Known(5), &["Content-Length: 05", "A: 1"], &["Content-Length: 5", "A: 1"]),
        (Known(5), &["Content-Length: 5", "content-length: 5"], &["Content-Length: 5"]),
        (Known(5), &["Transfer-Encoding: gzip"], &["Content-Length: 5"]),
        (Unknown, &["transfer-encoding: CHUNKED", "A: 1"], &["Transfer-Encoding: chunked", "A: 1"]),
        (
            Unknown,
            &["Transfer-Encoding: a", "Transfer-Encoding: b"],
            &["Transfer-Encoding: chunked"],
        ),
        (Unknown, &["Content-Length: 5", "A: 1"], &["A: 1", "Transfer-Encoding: chunked"]),
        (Unknown, &[], &["Transfer-Encoding: chunked"]),
    ];
    for (body, sent, expected) in cases {
        let request = RequestParts { body: *body, ..PLAIN };
        assert_eq!(forward(&request, sent, &[]), packet(&HEAD, expected, &[]), "{body:?} {sent:?}");
    }
    // Nor can the client take it away.
    let named = b"transfer-encoding, content-length";
    for (body, expected) in
        [(Unknown, "Transfer-Encoding: chunked"), (Known(5), "Content-Length: 5")]
    {
        let request = RequestParts { body, connection: named, ..PLAIN };
        let sent = ["Transfer-Encoding: chunked", "Content-Length: 5"];
        assert_eq!(forward(&request, &sent, &[]), packet(&HEAD, &[expected], &[]), "{body:?}");
    }
}

#[test]
fn headers_of_the_clients_connection_stay_with_httpd() {
    let removed = [
        "Connection: close",
        "TE: trailers",
        "Trailer: X-Sum",
        "Upgrade: websocket",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "transfer-encoding: gzip",
    ];
    let expected = packet(&HEAD, &["Content-Length: 0"], &[]);
    for line in removed {
        assert_eq!(forward(&PLAIN, &[line], &[]), expected, "{line}");
    }
    let kept = [
        "Expect: 100-continue",
        "Proxy-Authorization: Basic eDp5",
        "Upgrade-Insecure-Requests: 1",
        "Sec-WebSocket-Key: x",
        "Trailers: x",
        "T: x",
    ];
    for line in kept {
        let expected = packet(&HEAD, &[line, "Content-Length: 0"], &[]);
        assert_eq!(forward(&PLAIN, &[line], &[]), expected, "{line}");
    }
}

#[test]
fn a_connection_header_takes_away_what_it_names_but_for_what_the_backend_trusts() {
    let request = RequestParts {
        connection: b"close, X-Own ,cookie,EXPECT,host,Authorization,forwarded,x-forwarded-for",
        ..PLAIN
    };
    let sent = [
        "Host: h",
        "X-Own: 1",
        "Cookie: a=b",
        "Expect: 100-continue",
        "Authorization: Basic eDp5",
        "Forwarded: for=x",
        "X-Forwarded-For: x",
        "X-Own-Too: 1",
    ];
    let expected = [
        "Host: h",
        "Authorization: Basic eDp5",
        "Forwarded: for=x",
        "X-Forwarded-For: x",
        "X-Own-Too: 1",
        "Content-Length: 0",
    ];
    assert_eq!(forward(&request, &sent, &[]), packet(&HEAD, &expected, &[]));
}

#[test]
fn attributes_have_mod_jks_order_and_empty_ones_are_left_out() {
    let tls = Tls {
        certificate: Some(b"PEM"),
        cipher: Some(b"AES"),
        session: Some(b"0a"),
        key_size: Some(b"256bits"),
        protocol: None,
    };
    let request = RequestParts {
        secret: Some(b"s"),
        remote_user: Some(b"ann"),
        auth_type: Some(b"Basic"),
        query: Some(b""),
        route: Some(b"n1"),
        tls: Some(tls),
        ..PLAIN
    };
    let attributes = [
        Attribute::Secret(b"s"),
        Attribute::RemoteUser(b"ann"),
        Attribute::AuthType(b"Basic"),
        Attribute::QueryString(b""),
        Attribute::Route(b"n1"),
        Attribute::SslCert(b"PEM"),
        Attribute::SslCipher(b"AES"),
        Attribute::SslSession(b"0a"),
        Attribute::SslKeySize(256),
    ];
    let head = RequestHead { is_tls: true, ..HEAD };
    let length = ["Content-Length: 0"];
    assert_eq!(forward(&request, &[], &[]), packet(&head, &length, &attributes));

    let empty = Some(&b""[..]);
    let nothing =
        Tls { certificate: empty, cipher: empty, session: empty, key_size: empty, protocol: empty };
    let request = RequestParts {
        remote_addr: empty,
        remote_host: empty,
        remote_user: empty,
        auth_type: empty,
        tls: Some(nothing),
        ..PLAIN
    };
    let head = RequestHead { remote_addr: None, ..head };
    assert_eq!(forward(&request, &[], &[]), packet(&head, &length, &[]));
}

#[test]
fn variables_come_last_in_their_order() {
    let with = forward(&PLAIN, &[], &["B: 1", "A: two", "EMPTY: "]);
    let mut expected = packet(&HEAD, &["Content-Length: 0"], &[]);
    assert_eq!(expected.pop(), Some(0xFF));
    expected.extend(b"\x0a\x00\x01B\0\x00\x011\0\x0a\x00\x01A\0\x00\x03two\0");
    expected.extend(b"\x0a\x00\x05EMPTY\0\x00\x00\0\xFF");
    let length = (expected.len() - 4) as u16;
    expected[2..4].copy_from_slice(&length.to_be_bytes());
    assert_eq!(with, expected);
}

#[test]
fn ports_from_variables() {
    for (text, number) in [("8443", 8443), ("12x", 12), ("x", 0), ("", 0), ("70000", 0)] {
        let request = RequestParts { server_port: Port::Text(text.as_bytes()), ..PLAIN };
        let head = RequestHead { server_port: number, ..HEAD };
        let expected = packet(&head, &["Content-Length: 0"], &[]);
        assert_eq!(forward(&request, &[], &[]), expected, "{text}");
    }
    let as_text = RequestParts { remote_port: Port::Text(b"4711"), ..PLAIN };
    assert_eq!(forward(&as_text, &[], &[]), forward(&PLAIN, &[], &[]));
}

#[test]
fn certificates_of_a_chain_are_found_by_their_names() {
    let number = |name: &str| chain_number(b"CHAIN_", name.as_bytes());
    assert_eq!((number("CHAIN_0"), number("chain_12")), (Some(0), Some(12)));
    assert_eq!(number("CHAIN_x"), Some(u32::MAX));
    assert_eq!((number("CHAI"), number("OTHER_0")), (None, None));
}

/// A message names the header that is at fault, although only its number among those sent is known.
#[test]
fn a_part_is_named_as_the_client_or_the_configuration_wrote_it() {
    use crate::ajp::part_name;
    use crate::exchange::Part::{HeaderName, HeaderValue, RequestName, RequestValue, Uri};

    let headers = ["cOOkie: c", "Keep-Alive: 1", "X-Own: y", "Connection: x-own", "X-Last: z"];
    let variables = ["FIRST: 1", "SECOND: 2"];
    let tls = Tls { protocol: Some(b"TLSv1.3"), ..Tls::default() };
    let cases = [
        (PLAIN, HeaderValue(0), Some("cOOkie")),
        (PLAIN, HeaderName(1), Some("X-Own")),
        (PLAIN, HeaderName(2), Some("X-Last")),
        (PLAIN, HeaderValue(3), Some("Content-Length")),
        (PLAIN, HeaderValue(4), None),
        (RequestParts { connection: b"x-own", ..PLAIN }, HeaderName(1), Some("X-Last")),
        (PLAIN, RequestValue(2), None),
        (PLAIN, RequestName(3), Some("FIRST")),
        (PLAIN, RequestValue(4), Some("SECOND")),
        (RequestParts { tls: Some(tls), ..PLAIN }, RequestValue(4), Some("FIRST")),
        (PLAIN, Uri, None),
    ];
    for (request, part, name) in cases {
        let found = part_name(part, &request, pairs(&headers), pairs(&variables));
        assert_eq!(found.as_deref(), name.map(str::as_bytes), "{part:?}");
    }
}
