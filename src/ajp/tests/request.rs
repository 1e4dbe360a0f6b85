use proptest::prelude::*;

use crate::ajp::{Attribute, MAX_PACKET_SIZE, RequestEncoder, RequestHead, request_packet};
use crate::exchange::{EncodeError, Part};

pub(super) const HEAD: RequestHead<'_> = RequestHead {
    method: b"GET",
    protocol: b"HTTP/1.1",
    uri: b"/t/hi",
    remote_addr: Some(b"192.0.2.7"),
    remote_host: None,
    server_name: b"www.example.org",
    server_port: 80,
    is_tls: false,
};

pub(super) type Pairs<'a> = &'a [(&'a [u8], &'a [u8])];

pub(super) fn encode(
    head: &RequestHead<'_>,
    limit: usize,
    headers: Pairs<'_>,
    attributes: &[Attribute<'_>],
) -> Result<Vec<u8>, EncodeError> {
    let out = encode_with(head, limit, headers.iter().copied(), attributes, |_| ())?;
    assert_eq!(usize::from(u16::from_be_bytes([out[2], out[3]])), out.len() - 4);
    Ok(out)
}

/// Writes headers and attributes field by field, and then what `more` writes.
pub(super) fn encode_with<'h>(
    head: &RequestHead<'_>,
    limit: usize,
    headers: impl Iterator<Item = (&'h [u8], &'h [u8])>,
    attributes: &[Attribute<'_>],
    more: impl FnOnce(&mut RequestEncoder<'_>),
) -> Result<Vec<u8>, EncodeError> {
    request_packet(limit, head, |encoder| {
        headers.for_each(|(name, value)| encoder.header(name, value));
        attributes.iter().for_each(|attribute| encoder.attribute(*attribute));
        more(encoder);
    })
}

pub(super) fn request(name: &'static [u8], value: &'static [u8]) -> Attribute<'static> {
    Attribute::Request { name, value }
}

/// Bytes as the tables of the protocol description write them.
fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap())
        .collect()
}

#[test]
fn a_whole_get_has_these_bytes() {
    let out = encode(
        &HEAD,
        8192,
        &[
            (b"Host", b"www.example.org"),
            (b"user-agent", b"curl/8.5.0"),
            (b"ACCEPT", b"*/*"),
            (b"content-length", b"0"),
        ],
        &[
            Attribute::Secret(b"s3cr3t"),
            Attribute::QueryString(b"x=1&y=a%20b"),
            request(b"AJP_REMOTE_PORT", b"51234"),
            request(b"AJP_LOCAL_ADDR", b"198.51.100.10"),
            request(b"JK_LB_ACTIVATION", b"ACT"),
        ],
    );
    let expected = hex("12 34 00 dc 02 02 00 08 48 54 54 50 2f 31 2e 31 00 00 05 2f 74 2f 68 69 00
         00 09 31 39 32 2e 30 2e 32 2e 37 00 ff ff
         00 0f 77 77 77 2e 65 78 61 6d 70 6c 65 2e 6f 72 67 00 00 50 00 00 04
         a0 0b 00 0f 77 77 77 2e 65 78 61 6d 70 6c 65 2e 6f 72 67 00
         a0 0e 00 0a 63 75 72 6c 2f 38 2e 35 2e 30 00 a0 01 00 03 2a 2f 2a 00 a0 08 00 01 30 00
         0c 00 06 73 33 63 72 33 74 00 05 00 0b 78 3d 31 26 79 3d 61 25 32 30 62 00
         0a 00 0f 41 4a 50 5f 52 45 4d 4f 54 45 5f 50 4f 52 54 00 00 05 35 31 32 33 34 00
         0a 00 0e 41 4a 50 5f 4c 4f 43 41 4c 5f 41 44 44 52 00
         00 0d 31 39 38 2e 35 31 2e 31 30 30 2e 31 30 00
         0a 00 10 4a 4b 5f 4c 42 5f 41 43 54 49 56 41 54 49 4f 4e 00 00 03 41 43 54 00 ff");
    assert_eq!(out, Ok(expected));
}

#[test]
fn a_request_begins_with_these_fields() {
    let head = RequestHead {
        method: b"MKACTIVITY",
        protocol: b"HTTP/2.0",
        uri: b"*",
        remote_addr: None,
        remote_host: Some(b"c.example"),
        server_name: b"",
        server_port: 65_535,
        is_tls: true,
    };
    let expected = hex("12 34 00 28 02 1b 00 08 48 54 54 50 2f 32 2e 30 00 00 01 2a 00 ff ff
         00 09 63 2e 65 78 61 6d 70 6c 65 00 00 00 00 ff ff 01 00 00 ff");
    assert_eq!(encode(&head, 8192, &[], &[]), Ok(expected));
}

#[test]
fn known_header_names_are_coded_and_others_written() {
    let cases: &[(&str, &[u8], &str)] = &[
        ("coded", b"accept", "a0 01 00 01 76 00"),
        ("coded in any case", b"Accept-ENCODING", "a0 03 00 01 76 00"),
        ("coded, last one", b"User-Agent", "a0 0e 00 01 76 00"),
        ("literal keeps its case", b"X-Ab", "00 04 58 2d 41 62 00 00 01 76 00"),
        ("a prefix of a coded name", b"hos", "00 03 68 6f 73 00 00 01 76 00"),
    ];

    for (name, header, expected) in cases {
        let out = encode(&HEAD, 8192, &[(header, b"v")], &[]).expect("valid");
        let empty = encode(&HEAD, 8192, &[], &[]).expect("valid");
        assert_eq!(out[empty.len() - 3..empty.len() - 1], [0, 1], "count, case: {name}");
        assert_eq!(out[empty.len() - 1..out.len() - 1], hex(expected), "case: {name}");
    }
}

#[test]
fn attributes_are_written_in_their_order() {
    let head = RequestHead { method: b"PATCH", ..HEAD };
    let attributes = [
        Attribute::Secret(b"s"),
        Attribute::RemoteUser(b"u"),
        Attribute::AuthType(b"a"),
        Attribute::QueryString(b""),
        Attribute::Route(b"r"),
        Attribute::SslCert(b"-----BEGIN\nCERT\r\n"),
        Attribute::SslCipher(b"c"),
        Attribute::SslSession(b""),
        Attribute::SslKeySize(256),
        request(b"AJP_SSL_PROTOCOL", b"TLSv1.3"),
        request(b"LINES", b"a\nb"),
    ];
    let expected = hex("0c 00 01 73 00 03 00 01 75 00 04 00 01 61 00 05 00 00 00 06 00 01 72 00
         07 00 11 2d 2d 2d 2d 2d 42 45 47 49 4e 0a 43 45 52 54 0d 0a 00
         08 00 01 63 00 09 00 00 00 0b 01 00 0d 00 05 50 41 54 43 48 00
         0a 00 10 41 4a 50 5f 53 53 4c 5f 50 52 4f 54 4f 43 4f 4c 00 00 07 54 4c 53 76 31 2e 33 00
         0a 00 05 4c 49 4e 45 53 00 00 03 61 0a 62 00 ff");
    let out = encode(&head, 8192, &[], &attributes).expect("valid");
    assert_eq!(out[5], 0xff, "the method is stored");
    assert_eq!(out[out.len() - expected.len()..], expected);
}

#[test]
fn methods_without_a_code_are_stored_as_an_attribute() {
    for (method, code) in [(&b"GET"[..], 2), (b"get", 0xff), (b"PATCH", 0xff), (b"HEAD", 3)] {
        let out = encode(&RequestHead { method, ..HEAD }, 8192, &[], &[]).expect("valid");
        assert_eq!(out[5], code);
        let stored = [&[0x0d, 0, method.len() as u8], method, &[0, 0xff]].concat();
        assert_eq!(out.ends_with(&stored), code == 0xff, "{method:?}");
    }
}

#[test]
fn order_is_enforced() {
    let late = |part| Err(EncodeError::OutOfOrder { part });
    type Case = (&'static str, &'static [Attribute<'static>], Result<(), EncodeError>);
    let cases: &[Case] = &[
        ("in order", &[Attribute::Secret(b"s"), Attribute::Route(b"r")], Ok(())),
        ("backwards", &[Attribute::Route(b"r"), Attribute::Secret(b"s")], late(Part::Secret)),
        ("twice", &[Attribute::Secret(b"s"), Attribute::Secret(b"s")], late(Part::Secret)),
        (
            "behind request attributes",
            &[Attribute::Request { name: b"a", value: b"" }, Attribute::SslKeySize(1)],
            late(Part::SslKeySize),
        ),
        (
            "request attributes repeat",
            &[
                Attribute::Request { name: b"a", value: b"" },
                Attribute::Request { name: b"a", value: b"" },
            ],
            Ok(()),
        ),
    ];
    for (name, attributes, expected) in cases {
        let result = encode(&HEAD, 8192, &[], attributes).map(|_| ());
        assert_eq!(result, *expected, "case: {name}");
        assert!(result.is_ok() || result.unwrap_err().http_status() == 500, "case: {name}");
    }

    let mut out = Vec::new();
    let mut encoder = RequestEncoder::new(&mut out, 8192, &HEAD);
    encoder.attribute(Attribute::Secret(b"s"));
    encoder.header(b"host", b"h");
    assert_eq!(encoder.finish().map(drop), late(Part::HeaderName(0)));
}

#[test]
fn a_packet_of_exactly_the_limit_fits() {
    for limit in [8_192, 9_216, MAX_PACKET_SIZE] {
        for excess in [0, 1] {
            let empty = encode(&HEAD, limit, &[], &[]).expect("valid").len();
            let filler = vec![b'v'; limit - empty - 5 + excess];
            let result = encode(&HEAD, limit, &[(b"cookie", &filler)], &[]);
            match excess {
                0 => assert_eq!(result.expect("it fits").len(), limit),
                _ => assert!(matches!(
                    result,
                    Err(EncodeError::DoesNotFit { needed, limit: own, .. })
                        if needed == limit + 1 && own == limit
                )),
            }
        }
    }
}

#[test]
fn long_strings_never_wrap() {
    let status =
        |result: Result<Vec<u8>, EncodeError>| result.map(|_| ()).map_err(|e| e.http_status());
    for len in [65_534, 65_535, 65_536, 65_541, 131_072, 131_077] {
        let long = vec![b'a'; len];
        let head = RequestHead { uri: &long, ..HEAD };
        assert_eq!(status(encode(&head, usize::MAX, &[], &[])), Err(414), "uri of {len}");
        let out = encode(&HEAD, usize::MAX, &[(b"x-auth", &long)], &[]);
        assert_eq!(status(out), Err(431), "J20 value of {len}");
        let out = encode(&HEAD, usize::MAX, &[(&long, b"v")], &[]);
        assert_eq!(status(out), Err(431), "name of {len}");
        let out = encode(&HEAD, usize::MAX, &[], &[Attribute::QueryString(&long)]);
        assert_eq!(status(out), Err(414), "query of {len}");
        let out = encode(&HEAD, usize::MAX, &[], &[Attribute::SslCert(&long)]);
        assert_eq!(status(out), Err(500), "certificate of {len}");
    }
}

#[test]
fn more_headers_than_can_be_counted_never_wrap() {
    let mut out = Vec::new();
    let mut encoder = RequestEncoder::new(&mut out, usize::MAX, &HEAD);
    for _ in 0..65_537 {
        encoder.header(b"host", b"");
    }
    assert_eq!(encoder.finish().map_err(|error| error.http_status()), Err(431));
}

#[test]
fn the_secret_is_not_printed() {
    let secret = format!("{:?}", Attribute::Secret(b"s3cr3t"));
    assert_eq!(secret, "Secret");
    assert_eq!(format!("{:?}", request(b"NAME", b"s3cr3t")), "Request(NAME)");
}

#[test]
fn the_buffer_is_reused() {
    let mut out = Vec::new();
    let len = RequestEncoder::new(&mut out, 8192, &HEAD).finish().expect("valid");
    let (place, first) = (out.as_ptr(), out[..len].to_vec());
    let big = vec![b'v'; 8_000];
    let mut encoder = RequestEncoder::new(&mut out, 8192, &HEAD);
    encoder.header(b"x", &big);
    encoder.finish().expect("valid");
    let again = RequestEncoder::new(&mut out, 8192, &HEAD).finish().expect("valid");
    assert_eq!((out.as_ptr(), &out[..again]), (place, &first[..]), "no growth, nothing left over");
}

proptest! {
    /// Whatever goes in, a packet that comes out is well formed and within the limit.
    #[test]
    fn no_input_breaks_the_frame(
        method in proptest::collection::vec(any::<u8>(), 0..12),
        uri in proptest::collection::vec(any::<u8>(), 0..40),
        pairs in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..20), proptest::collection::vec(any::<u8>(), 0..40)),
            0..6,
        ),
        limit in 0_usize..300,
    ) {
        let head = RequestHead { method: &method, uri: &uri, ..HEAD };
        let headers: Vec<_> = pairs.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        if let Ok(out) = encode(&head, limit, &headers, &[]) {
            prop_assert!(out.len() <= limit);
            prop_assert_eq!(out.last(), Some(&0xff));
        }
    }
}
