use crate::ajp::ProtocolError::*;
use crate::ajp::{HeaderFault, Packet, ProtocolError, parse_packet};
use crate::exchange::{HeaderName, ResponseHeader};

/// SEND_HEADERS, status 200, reason `OK`.
fn headers(count: u16, block: &[u8]) -> Vec<u8> {
    [&[4, 0, 200, 0, 2, b'O', b'K', 0][..], &count.to_be_bytes(), block].concat()
}

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text, &[0]].concat()
}

/// SEND_HEADERS with literal names.
fn literal(list: &[(&[u8], &[u8])]) -> Vec<u8> {
    let block: Vec<u8> =
        list.iter().flat_map(|(name, value)| [string(name), string(value)].concat()).collect();
    headers(list.len() as u16, &block)
}

/// Headers and length as a client sees them.
type Seen = (Vec<(String, String)>, Option<u64>);

/// Parses and returns what the client would see.
fn seen(payload: &[u8]) -> Result<Seen, ProtocolError> {
    let Packet::SendHeaders(head) = parse_packet(payload)? else { panic!("no headers") };
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    let list = head.headers().map(|(name, value)| (text(name.as_bytes()), text(value))).collect();
    Ok((list, head.content_length))
}

#[test]
fn each_packet_of_a_response_is_read() {
    type Case = (&'static str, &'static [u8], Option<ProtocolError>);
    let cases: &[Case] = &[
        ("B10 END without flag", b"\x05", Some(ShortPacket("reuse flag"))),
        ("END reuse", b"\x05\x01", None),
        ("END close", b"\x05\x00", None),
        ("B11 reuse 2", b"\x05\x02", Some(BadReuse(2))),
        ("B11 reuse ff", b"\x05\xff", Some(BadReuse(0xff))),
        ("END and more", b"\x05\x01\x00", Some(TrailingBytes(1))),
        ("chunk", b"\x03\x00\x02hi\x00", None),
        ("chunk with other padding", b"\x03\x00\x02hi\x01", None),
        ("B50 chunk without padding", b"\x03\x00\x02hi", None),
        ("B49 chunk with excess", b"\x03\x00\x02hello\x00", Some(TrailingBytes(4))),
        ("chunk with two bytes of padding", b"\x03\x00\x02hi\x00\x00", Some(TrailingBytes(2))),
        ("B46 chunk of 4096", b"\x03\x10\x00hello", Some(bad_chunk(4096, 5))),
        ("B46 chunk of ffff", b"\x03\xff\xffhello", Some(bad_chunk(65_535, 5))),
        ("J2 chunk, one short", b"\x03\x00\x06hello", Some(bad_chunk(6, 5))),
        ("J12 chunk of one byte", b"\x03", Some(ShortPacket("chunk length"))),
        ("P23 chunk of two bytes", b"\x03\x10", Some(ShortPacket("chunk length"))),
        ("flush", b"\x03\x00\x00\x00", None),
        ("flush without padding", b"\x03\x00\x00", None),
        ("get body", b"\x06\x1f\xfa", None),
        ("B55 get body cut", b"\x06\x1f", Some(ShortPacket("requested length"))),
        ("get body and more", b"\x06\x1f\xfa\x00", Some(TrailingBytes(1))),
        ("cpong", b"\x09", None),
        ("B61 cpong and more", b"\x09\x00", Some(TrailingBytes(1))),
        ("empty", b"", Some(ShortPacket("packet type"))),
        ("B15 type only", b"\x04", Some(ShortPacket("status"))),
        ("B15 half a status", b"\x04\x00", Some(ShortPacket("status"))),
        ("B15 status only", b"\x04\x00\xc8", Some(ShortPacket("reason"))),
        ("no header count", b"\x04\x00\xc8\xff\xff", Some(ShortPacket("header count"))),
        ("reason past the end", b"\x04\x00\xc8\x00\x09OK\x00", Some(BadString("reason"))),
    ];

    for (name, payload, expected) in cases {
        assert_eq!(parse_packet(payload).err(), *expected, "case: {name}");
    }
    for kind in (0..=255u8).filter(|kind| !matches!(kind, 3 | 4 | 5 | 6 | 9)) {
        assert_eq!(parse_packet(&[kind, 0, 0]).err(), Some(BadType(kind)), "type {kind}");
    }
}

fn bad_chunk(announced: u16, present: usize) -> ProtocolError {
    BadChunk { announced, present }
}

#[test]
fn each_packet_has_its_values() {
    let chunk = parse_packet(b"\x03\x00\x02hi\x00");
    assert!(matches!(chunk, Ok(Packet::SendBodyChunk(range)) if range == (3..5)));
    assert!(matches!(parse_packet(b"\x06\x1f\xfa"), Ok(Packet::GetBodyChunk(8_186))));
    assert!(matches!(parse_packet(b"\x05\x01"), Ok(Packet::EndResponse(true))));
    assert!(matches!(parse_packet(b"\x05\x00"), Ok(Packet::EndResponse(false))));
    assert!(matches!(parse_packet(b"\x09"), Ok(Packet::Cpong)));
}

#[test]
fn impossible_statuses_are_refused() {
    for status in 0..=u16::MAX {
        let [high, low] = status.to_be_bytes();
        let payload = [4, high, low, 0xff, 0xff, 0, 0];
        let result = parse_packet(&payload);
        match status {
            200..=999 => assert!(
                matches!(&result, Ok(Packet::SendHeaders(head)) if head.status == status),
                "status {status}"
            ),
            _ => assert_eq!(result.err(), Some(BadStatus(status)), "B25, B26 status {status}"),
        }
    }
}

#[test]
fn header_blocks_are_read_whole_or_refused() {
    use HeaderFault::{BadName, BadValue, Missing, NullName, NullValue};

    let bad = |index, fault| Some(BadHeader { index, fault });
    let length = |index| Some(BadContentLength { index });
    type Case = (&'static str, u16, &'static [u8], Option<ProtocolError>);
    let cases: &[Case] = &[
        ("none", 0, b"", None),
        ("coded", 1, b"\xa0\x01\x00\x01a\x00", None),
        ("literal", 1, b"\x00\x01X\x00\x00\x01a\x00", None),
        ("empty value", 1, b"\x00\x01X\x00\x00\x00\x00", None),
        ("obs-text", 1, b"\x00\x01X\x00\x00\x02\xc3\xa9\x00", None),
        ("TAB", 1, b"\x00\x01X\x00\x00\x03a\tb\x00", None),
        ("J15 code 0", 1, b"\xa0\x00\x00\x01v\x00", Some(BadHeaderCode(0xa000))),
        ("code 12", 1, b"\xa0\x0c\x00\x01v\x00", Some(BadHeaderCode(0xa00c))),
        ("B19 code 7f", 1, b"\xa0\x7f\x00\x01v\x00", Some(BadHeaderCode(0xa07f))),
        ("code ff", 1, b"\xa0\xff\x00\x01v\x00", Some(BadHeaderCode(0xa0ff))),
        ("B17 65534 announced", 65_534, b"", bad(0, Missing)),
        ("B17 two announced, one there", 2, b"\xa0\x01\x00\x01a\x00", bad(1, Missing)),
        ("B18 more than announced", 0, b"\xa0\x01\x00\x01a\x00", Some(TrailingBytes(6))),
        ("half a name", 1, b"\xa0", Some(ShortPacket("header name"))),
        ("name without value", 1, b"\xa0\x01", Some(ShortPacket("header value"))),
        ("B21 null name", 1, b"\xff\xff\x00\x01a\x00", bad(0, NullName)),
        ("B21 null value", 1, b"\xa0\x01\xff\xff", bad(0, NullValue)),
        ("B22 empty name", 1, b"\x00\x00\x00\x00\x01a\x00", bad(0, BadName)),
        ("P22 other terminator", 1, b"\xa0\x01\x00\x03abcQ", Some(BadString("header value"))),
        ("value past the end", 1, b"\xa0\x01\x00\x09abc\x00", Some(BadString("header value"))),
        ("name past the end", 1, b"\x9f\xffab\x00", Some(BadString("header name"))),
        ("B31 CRLF", 1, b"\xa0\x01\x00\x03a\r\n\x00", bad(0, BadValue)),
        ("B31 LF", 1, b"\x00\x01X\x00\x00\x03b\nX\x00", bad(0, BadValue)),
        ("NUL in a value", 1, b"\x00\x01X\x00\x00\x01\x00\x00", bad(0, BadValue)),
        ("DEL in a value", 1, b"\x00\x01X\x00\x00\x01\x7f\x00", bad(0, BadValue)),
        ("in a dropped header too", 1, b"\x00\x02TE\x00\x00\x01\n\x00", bad(0, BadValue)),
        ("B33 space in the name", 1, b"\x00\x03X A\x00\x00\x00\x00", bad(0, BadName)),
        ("B33 CRLF in the name", 1, b"\x00\x06X: b\r\n\x00\x00\x00\x00", bad(0, BadName)),
        ("B33 latin-1 in the name", 1, b"\x00\x02X\xc4\x00\x00\x00\x00", bad(0, BadName)),
        ("B34 Content-Type", 1, b"\xa0\x01\x00\x03a\r\n\x00", bad(0, BadValue)),
        ("B35 Location", 1, b"\xa0\x06\x00\x03a\r\n\x00", bad(0, BadValue)),
        ("the index is told", 2, b"\xa0\x01\x00\x00\x00\xa0\x06\xff\xff", bad(1, NullValue)),
        ("B43 -5", 1, b"\xa0\x03\x00\x02-5\x00", length(0)),
        ("B43 abc", 1, b"\xa0\x03\x00\x03abc\x00", length(0)),
        ("B43 5abc", 1, b"\xa0\x03\x00\x045abc\x00", length(0)),
        ("B43 +5, spelled out", 1, b"\x00\x0econtent-length\x00\x00\x02+5\x00", length(0)),
        ("B43 empty", 1, b"\xa0\x03\x00\x00\x00", length(0)),
        ("B43 blank before it", 1, b"\xa0\x03\x00\x02 5\x00", length(0)),
        ("B43 20 digits", 1, b"\xa0\x03\x00\x1410000000000000000000\x00", length(0)),
        ("B43 20 digits with zeros", 1, b"\xa0\x03\x00\x1400000000000000000005\x00", length(0)),
        ("more than 63 bits", 1, b"\xa0\x03\x00\x139223372036854775808\x00", length(0)),
        ("63 bits", 1, b"\xa0\x03\x00\x139223372036854775807\x00", None),
        ("B43 5 and 3", 2, b"\xa0\x03\x00\x015\x00\xa0\x03\x00\x013\x00", length(1)),
        ("B43 5, 5 in one", 1, b"\xa0\x03\x00\x045, 5\x00", length(0)),
        ("equal twice", 2, b"\xa0\x03\x00\x015\x00\xa0\x03\x00\x015\x00", None),
    ];

    for (name, count, block, expected) in cases {
        assert_eq!(parse_packet(&headers(*count, block)).err(), *expected, "case: {name}");
    }
}

#[test]
fn lengths_that_look_like_codes_are_lengths() {
    // A name of A0xx bytes cannot be told from a code; 9FFF is the longest that is a length.
    let name = vec![b'x'; 0x9fff];
    let (list, _) = seen(&literal(&[(&name, b"v")])).expect("valid");
    assert_eq!(list[0].0.len(), 0x9fff);
    let name = vec![b'x'; 0xa100];
    assert_eq!(seen(&literal(&[(&name, b"v")])).expect("valid").0[0].0.len(), 0xa100);
    let name = vec![b'x'; 0xa005];
    assert!(parse_packet(&literal(&[(&name, b"v")])).is_err());
}

#[test]
fn what_the_client_sees_of_the_headers() {
    type Case = (
        &'static str,
        &'static [(&'static [u8], &'static [u8])],
        &'static [(&'static str, &'static str)],
        Option<u64>,
    );
    let cases: &[Case] = &[
        ("spelling of a known name", &[(b"set-COOKIE", b"a")], &[("Set-Cookie", "a")], None),
        ("spelling of another name", &[(b"x-ABC", b"a")], &[("x-ABC", "a")], None),
        (
            "repeated headers in order",
            &[(b"Set-Cookie", b"a"), (b"X", b"1"), (b"Set-Cookie", b"b")],
            &[("Set-Cookie", "a"), ("X", "1"), ("Set-Cookie", "b")],
            None,
        ),
        ("length is apart", &[(b"Content-Length", b"007")], &[], Some(7)),
        (
            "equal lengths collapse",
            &[(b"Content-Length", b"5"), (b"content-length", b"5")],
            &[],
            Some(5),
        ),
        ("B37 hop by hop", HOP_BY_HOP, &[("X-Last", "1")], None),
        (
            "B37 names in Connection",
            &[
                (b"X-Foo", b"1"),
                (b"connection", b"close, X-FOO ,,x-bar"),
                (b"X-Bar", b"2"),
                (b"X-Baz", b"3"),
            ],
            &[("X-Baz", "3")],
            None,
        ),
        (
            "names in two Connections",
            &[
                (b"Connection", b"a"),
                (b"A", b"1"),
                (b"Connection", b"b"),
                (b"B", b"2"),
                (b"C", b"3"),
            ],
            &[("C", "3")],
            None,
        ),
        ("a coded header can be named", &[(b"Connection", b"date"), (b"Date", b"x")], &[], None),
        (
            "the length cannot be named away",
            &[(b"Connection", b"Content-Length"), (b"Content-Length", b"5")],
            &[],
            Some(5),
        ),
        (
            "B39 both framings",
            &[(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"5")],
            &[],
            Some(5),
        ),
        ("B45 close", &[(b"Connection", b"close"), (b"X", b"1")], &[("X", "1")], None),
    ];

    for (name, list, expected, length) in cases {
        let (found, content_length) = seen(&literal(list)).expect("valid");
        let expected: Vec<_> =
            expected.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected, "case: {name}");
        assert_eq!(content_length, *length, "case: {name}");
    }
}

#[test]
fn the_length_goes_on_in_digits() {
    type Case = (&'static str, u8, &'static [u8], Option<u64>, &'static [u8]);
    let cases: &[Case] = &[
        ("plain", 200, b"128", Some(128), b"128"),
        ("zero", 200, b"0", Some(0), b"0"),
        ("zeros in front", 200, b"0070", Some(70), b"70"),
        ("zeros only", 200, b"000", Some(0), b"0"),
        ("largest", 200, b"9223372036854775807", Some(i64::MAX as u64), b"9223372036854775807"),
        ("no body", 204, b"5", None, b""),
    ];
    for (name, status, value, length, digits) in cases {
        let mut payload = literal(&[(b"a", b"b"), (b"Content-Length", value)]);
        payload[2] = *status;
        let Ok(Packet::SendHeaders(head)) = parse_packet(&payload) else { panic!("{name}") };
        assert_eq!((head.content_length, head.length_digits), (*length, *digits), "case: {name}");
        if length.is_some() {
            assert!(head.block().as_ptr_range().contains(&head.length_digits.as_ptr()), "{name}");
        }
    }
}

const HOP_BY_HOP: &[(&[u8], &[u8])] = &[
    (b"Connection", b""),
    (b"KEEP-alive", b"timeout=5"),
    (b"Proxy-Connection", b"x"),
    (b"Proxy-Authenticate", b"Basic"),
    (b"TE", b"trailers"),
    (b"Trailer", b"X"),
    (b"upgrade", b"h2c"),
    (b"Transfer-Encoding", b"chunked"),
    (b"X-Last", b"1"),
];

#[test]
fn work_for_connection_is_bounded() {
    let nine: &[u8] = b"a, b, c, d, e, f, g, h, i";
    let fault = HeaderFault::TooManyOptions;
    let result = seen(&literal(&[(b"Connection", nine)]));
    assert_eq!(result, Err(BadHeader { index: 0, fault }));
    assert!(seen(&literal(&[(b"Connection", &nine[..22])])).is_ok(), "eight are fine");
    let same = b"close, keep-alive, TE, x-a, X-A, x-a, x-a, x-a, x-a, x-a, x-a, x-a, x-a";
    assert!(seen(&literal(&[(b"Connection", same)])).is_ok(), "names count once");
}

#[test]
fn length_of_a_status_without_body() {
    let cases: &[(u16, Option<u64>)] =
        &[(200, Some(4)), (204, None), (205, None), (206, Some(4)), (304, Some(4)), (404, Some(4))];
    for (status, expected) in cases {
        let mut payload = headers(1, b"\xa0\x03\x00\x014\x00");
        payload[1..3].copy_from_slice(&status.to_be_bytes());
        assert_eq!(seen(&payload).expect("valid"), (vec![], *expected), "status {status}");
    }
}

#[test]
fn known_header_names_are_found_in_any_case() {
    for code in 1..=11 {
        let payload = headers(1, &[0xa0, code, 0, 1, b'5', 0]);
        let Ok(Packet::SendHeaders(head)) = parse_packet(&payload) else { panic!("valid") };
        let known = ResponseHeader::from_code(code).expect("a code of the table");
        let found: Vec<_> = head.headers().collect();
        match known {
            ResponseHeader::ContentLength => assert_eq!(found, []),
            _ => assert_eq!(found, [(HeaderName::Known(known), &b"5"[..])], "code {code}"),
        }
    }
}

#[test]
fn the_reason_is_shown_where_it_says_more_than_the_status() {
    let long = vec![b'a'; 8_000];
    let cases: &[(&str, Option<&[u8]>, bool)] = &[
        ("phrase", Some(b"Not here"), true),
        ("number of another status", Some(b"404"), true),
        ("the status", Some(b"200"), false),
        ("B30 null", None, false),
        ("empty", Some(b""), false),
        ("blank", Some(b"  \t"), false),
        ("B29 CRLF", Some(b"OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK"), false),
        ("B30 control byte", Some(b"\x01"), false),
        ("B30 no ASCII", Some(b"\x80"), false),
        ("B30 8000 bytes", Some(&long), false),
    ];

    for (name, reason, is_kept) in cases {
        let reason_field = reason.map_or(vec![0xff, 0xff], string);
        let payload = [&[4, 0, 200][..], &reason_field, &[0, 0]].concat();
        let Ok(Packet::SendHeaders(head)) = parse_packet(&payload) else { panic!("{name}") };
        assert_eq!(head.reason, reason.filter(|_| *is_kept), "case: {name}");
    }
}

#[test]
fn headers_are_not_printed() {
    let payload = literal(&[(b"Set-Cookie", b"JSESSIONID=s3cr3t")]);
    let packet = parse_packet(&payload).expect("valid");
    let Packet::SendHeaders(head) = &packet else { panic!("no headers") };
    let text = format!("{packet:?} {:?}", head.headers());
    assert!(!text.contains("115, 51, 99") && !text.contains("s3cr3t"), "{text}");
}

#[test]
fn every_cut_is_an_error() {
    let payload = [
        headers(3, b"\xa0\x01\x00\x0atext/plain\x00\x00\x01X\x00\x00\x00\x00\xa0\x03\x00\x015\x00"),
        b"".to_vec(),
    ]
    .concat();
    assert!(parse_packet(&payload).is_ok());
    for cut in 0..payload.len() {
        assert!(parse_packet(&payload[..cut]).is_err(), "B16, P21 cut at {cut}");
    }
}
