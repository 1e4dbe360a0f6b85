use crate::ajp::tests::request::{HEAD, encode};
use crate::ajp::{Attribute, RequestHead};
use crate::exchange::{EncodeError, Oversize, Part};

#[test]
fn what_does_not_fit_names_the_cause() {
    use Oversize::{Headers, RequestLine, ServerData};

    // Bytes of URI, one header, query, certificate, and of a secret.
    type Case = (&'static str, [usize; 5], Option<(Oversize, Part, u16)>);
    let header = Part::HeaderValue(0);
    let cases: &[Case] = &[
        ("fits", [100, 100, 100, 100, 8], None),
        ("uri", [9_000, 0, 0, 0, 0], Some((RequestLine, Part::Uri, 414))),
        ("query", [9, 0, 9_000, 0, 0], Some((RequestLine, Part::QueryString, 414))),
        ("uri and query", [5_000, 0, 4_000, 0, 0], Some((RequestLine, Part::Uri, 414))),
        ("header", [9, 9_000, 0, 0, 0], Some((Headers, header, 431))),
        ("header, and a small query", [9, 8_000, 300, 0, 0], Some((Headers, header, 431))),
        ("header and uri", [4_500, 4_000, 0, 0, 0], Some((Headers, Part::Uri, 431))),
        ("certificate", [9, 9, 9, 9_000, 0], Some((ServerData, Part::SslCert, 500))),
        ("secret", [9, 9, 9, 9, 9_000], Some((ServerData, Part::Secret, 500))),
        (
            "headers leave too little for the certificate",
            [9, 6_000, 0, 3_000, 0],
            Some((ServerData, header, 500)),
        ),
    ];

    for (name, [uri, header, query, certificate, secret], expected) in cases {
        let uri = vec![b'/'; *uri + 1];
        let text = |len: &usize| vec![b'a'; *len];
        let (header, query) = (text(header), text(query));
        let (certificate, secret) = (text(certificate), text(secret));
        let attributes = [
            Attribute::Secret(&secret),
            Attribute::QueryString(&query),
            Attribute::SslCert(&certificate),
        ];
        let out =
            encode(&RequestHead { uri: &uri, ..HEAD }, 8192, &[(b"x-big", &header)], &attributes);
        let sum = uri.len() + header.len() + query.len() + certificate.len() + secret.len();
        let found = out.err().map(|error| match error {
            EncodeError::DoesNotFit { cause, largest, largest_bytes, needed, limit: 8192 } => {
                assert!((sum + 50..sum + 150).contains(&needed), "case: {name}");
                assert!(largest_bytes < needed, "case: {name}");
                (cause, largest, error.http_status())
            }
            other => panic!("case: {name}: {other}"),
        });
        assert_eq!(found, *expected, "case: {name}");
    }
}

#[test]
fn forbidden_bytes_in_headers_are_found() {
    let name = Some(Part::HeaderName(0));
    let value = Some(Part::HeaderValue(0));
    type Case = (&'static str, &'static [u8], &'static [u8], Option<Part>);
    let cases: &[Case] = &[
        ("plain", b"x-a", b"b\tc d", None),
        ("latin-1", b"x-a", b"caf\xe9", None),
        ("empty value", b"x-a", b"", None),
        ("newline", b"x-a", b"b\nc", value),
        ("newline in a coded header", b"cookie", b"b\r\nX: y", value),
        ("NUL", b"x-a", b"\0", value),
        ("DEL", b"x-a", b"long enough for a word\x7f", value),
        ("space in the name", b"x a", b"b", name),
        ("colon in the name", b"x:", b"b", name),
        ("latin-1 in the name", b"x\xe9", b"b", name),
        ("CR for the dash of a coded name", b"user\x0dagent", b"b", name),
    ];

    for (case, header, text, expected) in cases {
        let out = encode(&HEAD, 8192, &[(header, text)], &[]);
        let found = out.err().map(|error| match error {
            EncodeError::ForbiddenByte { part, .. } => (part, error.http_status()),
            other => panic!("case: {case}: {other}"),
        });
        assert_eq!(found, expected.map(|part| (part, 400)), "case: {case}");
    }
    let empty = encode(&HEAD, 8192, &[(b"", b"v")], &[]);
    assert_eq!(empty, Err(EncodeError::Empty { part: Part::HeaderName(0) }));
}

#[test]
fn forbidden_bytes_outside_of_headers_are_refused() {
    let forbidden = |part, byte| EncodeError::ForbiddenByte { part, byte };
    type Case =
        (&'static str, RequestHead<'static>, &'static [Attribute<'static>], EncodeError, u16);
    let cases: &[Case] = &[
        (
            "newline in the URI",
            RequestHead { uri: b"/x\n", ..HEAD },
            &[],
            forbidden(Part::Uri, b'\n'),
            400,
        ),
        (
            "space in the URI",
            RequestHead { uri: b"/a b", ..HEAD },
            &[],
            forbidden(Part::Uri, b' '),
            400,
        ),
        (
            "DEL in a long URI",
            RequestHead { uri: b"/0123456789abcdef\x7f", ..HEAD },
            &[],
            forbidden(Part::Uri, 0x7f),
            400,
        ),
        (
            "no URI",
            RequestHead { uri: b"", ..HEAD },
            &[],
            EncodeError::Empty { part: Part::Uri },
            400,
        ),
        (
            "space in the query",
            HEAD,
            &[Attribute::QueryString(b"a b")],
            forbidden(Part::QueryString, b' '),
            400,
        ),
        (
            "method with a space",
            RequestHead { method: b"A B", ..HEAD },
            &[],
            forbidden(Part::Method, b' '),
            400,
        ),
        (
            "no method",
            RequestHead { method: b"", ..HEAD },
            &[],
            EncodeError::Empty { part: Part::Method },
            400,
        ),
        (
            "protocol",
            RequestHead { protocol: b"HTTP/1.1\r", ..HEAD },
            &[],
            forbidden(Part::Protocol, b'\r'),
            400,
        ),
        (
            "remote address",
            RequestHead { remote_addr: Some(b"\x01"), ..HEAD },
            &[],
            forbidden(Part::RemoteAddr, 1),
            500,
        ),
        (
            "remote host",
            RequestHead { remote_host: Some(b"\n"), ..HEAD },
            &[],
            forbidden(Part::RemoteHost, b'\n'),
            500,
        ),
        (
            "server name",
            RequestHead { server_name: b"a\nb", ..HEAD },
            &[],
            forbidden(Part::ServerName, b'\n'),
            400,
        ),
        ("user", HEAD, &[Attribute::RemoteUser(b"a\nb")], forbidden(Part::RemoteUser, b'\n'), 400),
        ("secret", HEAD, &[Attribute::Secret(b"a\nb")], forbidden(Part::Secret, b'\n'), 500),
        ("certificate", HEAD, &[Attribute::SslCert(b"a\0")], forbidden(Part::SslCert, 0), 500),
        (
            "attribute name",
            HEAD,
            &[Attribute::Request { name: b"a\n", value: b"" }],
            forbidden(Part::RequestName(0), b'\n'),
            500,
        ),
        (
            "NUL in the second attribute",
            HEAD,
            &[
                Attribute::Request { name: b"a", value: b"" },
                Attribute::Request { name: b"b", value: b"a\0" },
            ],
            forbidden(Part::RequestValue(1), 0),
            500,
        ),
    ];

    for (name, head, attributes, expected, status) in cases {
        let result = encode(head, 8192, &[], attributes);
        assert_eq!(result, Err(*expected), "case: {name}");
        assert_eq!(expected.http_status(), *status, "case: {name}");
    }
}
