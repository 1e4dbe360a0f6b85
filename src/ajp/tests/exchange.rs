use crate::ajp::{AjpExchange, ProtocolError};
use crate::exchange::RequestBody::{Known, None, Unknown};
use crate::exchange::{Close, Exchange, RequestBody, Step};

const HEAD_0: &[u8] = b"\x04\x00\xc8\xff\xff\x00\x01\xa0\x03\x00\x010\x00";
const HEAD_5: &[u8] = b"\x04\x00\xc8\xff\xff\x00\x01\xa0\x03\x00\x015\x00";
const HEAD: &[u8] = b"\x04\x00\xc8\xff\xff\x00\x00";
const HEAD_204: &[u8] = b"\x04\x00\xcc\xff\xff\x00\x01\xa0\x03\x00\x015\x00";
const HEAD_205: &[u8] = b"\x04\x00\xcd\xff\xff\x00\x01\xa0\x03\x00\x015\x00";
const HEAD_304: &[u8] = b"\x04\x01\x30\xff\xff\x00\x01\xa0\x03\x00\x019\x00";
const HEAD_413: &[u8] = b"\x04\x01\x9d\xff\xff\x00\x00";
const CHUNK: &[u8] = b"\x03\x00\x05hello\x00";
const LONG: &[u8] = b"\x03\x00\x07hello!!\x00";
const SHORT: &[u8] = b"\x03\x00\x02he\x00";
const FLUSH: &[u8] = b"\x03\x00\x00\x00";
const END: &[u8] = b"\x05\x01";
const END_CLOSE: &[u8] = b"\x05\x00";
const GET: &[u8] = b"\x06\x1f\xfa";
const GET_0: &[u8] = b"\x06\x00\x00";
const GET_FFFF: &[u8] = b"\x06\xff\xff";
const GET_3: &[u8] = b"\x06\x00\x03";
const CPONG: &[u8] = b"\x09";

/// What the scripted client does when the backend asks for body.
#[derive(Clone, Copy, Debug)]
enum Client {
    /// Sends all that is allowed; signals the end when it has nothing more.
    Sends(usize),
    /// Does not answer.
    Sleeps,
}

/// Feeds packets and writes one word for each step, or the tag of the error.
///
/// `H` head, `B<n>` body, `F` flush, `N<max>` body wanted, `E` end of body wanted, `-` nothing,
/// `R` done and reusable, `C` done and to be closed.
fn run(is_head: bool, body: RequestBody, client: Client, packets: &[&[u8]]) -> String {
    let mut exchange = AjpExchange::new(is_head, body);
    let mut left = match client {
        Client::Sends(bytes) => bytes,
        Client::Sleeps => 0,
    };
    let mut words = Vec::new();
    for packet in packets {
        words.push(match exchange.on_message(packet) {
            Ok(Step::Head(_)) => "H".to_owned(),
            Ok(Step::Body(range)) => {
                assert!(!range.is_empty() && range.end <= packet.len());
                format!("B{}", range.len())
            }
            Ok(Step::Flush) => "F".to_owned(),
            Ok(Step::NeedBody { max }) => {
                match client {
                    Client::Sends(_) if left == 0 => exchange.body_ended(),
                    Client::Sends(_) => {
                        exchange.body_sent(left.min(max));
                        left -= left.min(max);
                    }
                    Client::Sleeps => {}
                }
                format!("N{max}")
            }
            Ok(Step::EndOfBodyAgain) => "E".to_owned(),
            Ok(Step::Ignored) => "-".to_owned(),
            Ok(Step::Done { reuse }) => {
                assert_eq!(reuse, exchange.is_reusable());
                if reuse { "R" } else { "C" }.to_owned()
            }
            Err(error) => {
                words.push(error.tag().to_owned());
                assert!(!exchange.is_reusable(), "{packets:?}");
                break;
            }
        });
    }
    words.join(" ")
}

#[test]
fn packets_come_in_their_order_or_are_refused() {
    type Case = (&'static str, &'static [&'static [u8]], &'static str);
    let cases: &[Case] = &[
        ("plain", &[HEAD, CHUNK, END], "H B5 R"),
        ("no body", &[HEAD_0, END], "H R"),
        ("backend closes", &[HEAD, CHUNK, END_CLOSE], "H B5 C"),
        ("B9 end first", &[END], "end_before_headers"),
        ("B13 chunk first", &[CHUNK, HEAD], "chunk_before_headers"),
        ("B14 flush first", &[FLUSH, HEAD, CHUNK, END], "- H B5 R"),
        ("flush", &[HEAD, FLUSH, CHUNK, FLUSH, END], "H F B5 F R"),
        ("B51 headers twice", &[HEAD, HEAD], "H second_headers"),
        ("B51 headers after body", &[HEAD, CHUNK, HEAD], "H B5 second_headers"),
        ("B51 headers twice for 204", &[HEAD_204, HEAD], "H second_headers"),
        ("J16 end after the end", &[HEAD, END, END], "H R unsolicited"),
        ("J16 second response", &[HEAD, END, HEAD], "H R unsolicited"),
        ("J16 late chunk", &[HEAD, END, CHUNK], "H R unsolicited"),
        ("J16 late flush", &[HEAD, END, FLUSH], "H R unsolicited"),
        ("J16 late body request", &[HEAD, END, GET], "H R unsolicited"),
        ("unexpected CPONG", &[CPONG], "unexpected_cpong"),
        ("CPONG in the body", &[HEAD, CPONG], "H unexpected_cpong"),
        ("CPONG after the end", &[HEAD, END, CPONG], "H R unexpected_cpong"),
        ("malformed packet", &[HEAD, b"\x03"], "H short_packet"),
        ("B11 reuse 2", &[HEAD, b"\x05\x02"], "H bad_reuse"),
    ];

    for (name, packets, expected) in cases {
        assert_eq!(run(false, None, Client::Sends(0), packets), *expected, "case: {name}");
    }
}

#[test]
fn content_lengths_are_read_strictly() {
    type Case = (&'static str, bool, &'static [&'static [u8]], &'static str);
    let cases: &[Case] = &[
        ("kept", false, &[HEAD_5, CHUNK, END], "H B5 R"),
        ("kept in pieces", false, &[HEAD_5, SHORT, b"\x03\x00\x03llo", END], "H B2 B3 R"),
        ("B41 short", false, &[HEAD_5, SHORT, FLUSH, END], "H B2 F body_shorter_than_cl"),
        ("B41 nothing at all", false, &[HEAD_5, END], "H body_shorter_than_cl"),
        ("excess inside a chunk", false, &[HEAD_5, LONG, END], "H B5 C"),
        ("excess in a chunk of its own", false, &[HEAD_5, CHUNK, CHUNK, END], "H B5 - C"),
        ("excess over two chunks", false, &[HEAD_5, SHORT, CHUNK, END], "H B2 B3 C"),
        ("length 0 with a body", false, &[HEAD_0, CHUNK, END], "H - C"),
        ("a flush is no excess", false, &[HEAD_5, CHUNK, FLUSH, END], "H B5 F R"),
        ("B27 204 with length and body", false, &[HEAD_204, CHUNK, END], "H - R"),
        ("205 with length and body", false, &[HEAD_205, CHUNK, END], "H - R"),
        ("B27 304 with length and body", false, &[HEAD_304, CHUNK, END], "H - R"),
        ("304 with length only", false, &[HEAD_304, END], "H R"),
        ("B27 HEAD with length and body", true, &[HEAD_5, CHUNK, CHUNK, END], "H - - R"),
        ("HEAD with length only", true, &[HEAD_5, END], "H R"),
        ("HEAD is not flushed", true, &[HEAD_5, FLUSH, END], "H - R"),
    ];

    for (name, is_head, packets, expected) in cases {
        assert_eq!(run(*is_head, None, Client::Sends(0), packets), *expected, "case: {name}");
    }
}

#[test]
fn excess_and_shortage_are_counted() {
    let mut exchange = AjpExchange::new(false, None);
    for packet in [HEAD_5, LONG, CHUNK] {
        exchange.on_message(packet).expect("valid");
    }
    assert_eq!(exchange.excess_bytes(), 7);

    let mut exchange = AjpExchange::new(false, None);
    for packet in [HEAD_5, SHORT] {
        exchange.on_message(packet).expect("valid");
    }
    assert_eq!(exchange.excess_bytes(), 0);
    let end = exchange.on_message(END).map(|_| ());
    assert_eq!(end, Err(ProtocolError::BodyShorterThanContentLength { missing: 3 }));
}

#[test]
fn a_body_is_sent_as_it_is_asked_for() {
    use Client::{Sends, Sleeps};

    type Case = (&'static str, RequestBody, Client, &'static [&'static [u8]], &'static str);
    let cases: &[Case] = &[
        // No body.
        ("B53 asked once", None, Sends(0), &[GET, HEAD, END], "E H R"),
        ("B54 asked twice", None, Sends(0), &[GET, GET], "E body_request_after_end"),
        // A body of known length; the first packet is sent by the caller in these cases too.
        ("rule 5: end after the last byte", Known(9), Sends(9), &[GET, GET, HEAD, END], "N9 E H R"),
        ("end twice", Known(9), Sends(9), &[GET, GET, GET, HEAD, END], "N9 E E H R"),
        (
            "B54 end three times",
            Known(9),
            Sends(9),
            &[GET, GET, GET, GET],
            "N9 E E body_request_after_end",
        ),
        ("never more than left", Known(7), Sends(7), &[GET_3, GET_3, GET_3], "N3 N3 N1"),
        ("B55 size 0", Known(70_000), Sends(70_000), &[GET_0, GET_0], "N65535 N4465"),
        ("B55 size ffff", Known(70_000), Sends(9), &[GET_FFFF], "N65535"),
        ("B55 cut", Known(9), Sends(9), &[b"\x06\x1f"], "short_packet"),
        ("B57 upload not read", Known(20_000), Sends(0), &[HEAD_413, END], "H C"),
        ("B57 upload half read", Known(20_000), Sends(20_000), &[GET, HEAD_413, END], "N8186 H C"),
        ("B58 answer first", Known(9), Sends(9), &[HEAD, GET, CHUNK, END], "H N9 B5 R"),
        ("client was cut", Known(9), Sends(0), &[GET, HEAD, END], "N9 H C"),
        ("request not answered", Known(9), Sleeps, &[GET, HEAD, END], "N9 H C"),
        ("asked while asked", Known(9), Sleeps, &[GET, GET], "N9 body_request_out_of_turn"),
        // A body of unknown length.
        ("not requested", Unknown, Sends(9), &[HEAD, END], "H R"),
        ("read to the end", Unknown, Sends(9), &[GET, GET, HEAD, END], "N8186 N8186 H R"),
        ("read in part", Unknown, Sends(9_000), &[GET, HEAD, END], "N8186 H R"),
        ("end twice more", Unknown, Sends(0), &[GET, GET, HEAD, END], "N8186 E H R"),
        (
            "B54 end three times, unknown",
            Unknown,
            Sends(0),
            &[GET, GET, GET],
            "N8186 E body_request_after_end",
        ),
        ("size 0, unknown", Unknown, Sends(9), &[GET_0], "N65535"),
        ("not answered, unknown", Unknown, Sleeps, &[GET, HEAD, END], "N8186 H C"),
    ];

    for (name, body, client, packets, expected) in cases {
        assert_eq!(run(false, *body, *client, packets), *expected, "case: {name}");
    }
}

#[test]
fn the_packet_size_is_learned() {
    type Case = (&'static str, &'static [&'static [u8]], Option<u16>);
    let cases: &[Case] = &[
        ("not asked", &[HEAD], Option::None),
        ("asked", &[GET], Some(8_186)),
        ("the largest", &[GET_3, GET, GET_3], Some(8_186)),
        ("64 K", &[b"\x06\xff\xfa"], Some(65_530)),
        ("0 teaches nothing", &[GET_0], Option::None),
        ("ffff teaches nothing", &[GET, GET_FFFF], Some(8_186)),
    ];

    for (name, packets, expected) in cases {
        let mut exchange = AjpExchange::new(false, Unknown);
        for packet in *packets {
            exchange.on_message(packet).expect("valid");
            exchange.body_sent(1);
        }
        assert_eq!(exchange.largest_requested(), *expected, "case: {name}");
    }
}

#[test]
fn a_body_cut_by_the_client_is_never_complete() {
    let mut exchange = AjpExchange::new(false, Known(100));
    exchange.body_sent(50);
    assert!(!exchange.is_body_sent());
    exchange.body_sent(50);
    assert!(exchange.is_body_sent());
    exchange.body_sent(usize::MAX);
    assert!(exchange.is_body_sent(), "more than announced does not wrap");
}

#[test]
fn the_end_of_the_connection_means_what_the_state_says() {
    type Case = (&'static str, bool, &'static [&'static [u8]], Close);
    let cases: &[Case] = &[
        ("nothing", false, &[], Close::Broken),
        ("headers of a HEAD", true, &[HEAD_5], Close::Complete),
        ("headers", false, &[HEAD_5], Close::Broken),
        ("B42 part of the body", false, &[HEAD_5, SHORT], Close::Broken),
        ("whole body", false, &[HEAD_5, CHUNK], Close::Complete),
        ("more than the body", false, &[HEAD_5, LONG], Close::Complete),
        ("empty body", false, &[HEAD_0], Close::Complete),
        ("no length", false, &[HEAD, CHUNK], Close::Broken),
        ("204", false, &[HEAD_204], Close::Complete),
        ("304 with a length", false, &[HEAD_304], Close::Complete),
        ("after the end", false, &[HEAD, END], Close::Complete),
        ("only a body request", false, &[GET], Close::Broken),
    ];

    for (name, is_head, packets, expected) in cases {
        let mut exchange = AjpExchange::new(*is_head, None);
        for packet in *packets {
            exchange.on_message(packet).expect("valid");
        }
        assert_eq!(exchange.on_close(), *expected, "case: {name}");
        assert_eq!(exchange.has_headers(), packets.iter().any(|p| p[0] == 4), "case: {name}");
    }
}

#[test]
fn a_probe_is_sent_only_when_the_backend_can_read_it() {
    type Case = (&'static str, RequestBody, &'static [&'static [u8]], usize, bool);
    let cases: &[Case] = &[
        ("no body", None, &[], 0, true),
        ("no body, headers came", None, &[HEAD], 0, true),
        ("body to come", Known(9), &[], 0, false),
        ("body sent, its end may be asked for", Known(9), &[], 9, false),
        ("body sent and its end", Known(9), &[GET], 9, true),
        ("unknown length", Unknown, &[], 0, false),
        ("unknown length, asked", Unknown, &[GET], 0, false),
        ("response complete", None, &[HEAD, END], 0, false),
    ];

    for (name, body, packets, sent, expected) in cases {
        let mut exchange = AjpExchange::new(false, *body);
        exchange.body_sent(*sent);
        for packet in *packets {
            exchange.on_message(packet).expect("valid");
        }
        assert_eq!(exchange.may_probe(), *expected, "case: {name}");
        exchange.probe_sent();
        assert!(!exchange.may_probe(), "case: {name}, a second probe");
    }
}

#[test]
fn only_an_awaited_answer_to_a_probe_is_taken() {
    // V-41: the backend works, and answers after the end.
    let mut exchange = AjpExchange::new(false, None);
    exchange.probe_sent();
    exchange.on_message(HEAD).expect("headers");
    let done = exchange.on_message(END).expect("end");
    assert!(matches!(done, Step::Done { reuse: false }), "a CPONG is on its way");
    assert!(exchange.awaits_pong());
    assert!(matches!(exchange.on_message(CPONG), Ok(Step::Ignored)));
    assert!(exchange.is_reusable() && !exchange.awaits_pong());
    assert_eq!(exchange.on_message(CPONG).map(|_| ()), Err(ProtocolError::UnexpectedCpong));
    assert!(!exchange.is_reusable());

    // V-35 and V-36: the backend has given up, before or after the headers.
    let cases: &[(&str, &[&[u8]], Close)] = &[
        ("V-36 nothing came", &[], Close::Broken),
        ("V-35 part of the body came", &[HEAD, CHUNK, FLUSH, FLUSH], Close::Broken),
        ("the body is complete", &[HEAD_5, CHUNK], Close::Complete),
    ];
    for (name, packets, close) in cases {
        let mut exchange = AjpExchange::new(false, None);
        for packet in *packets {
            exchange.on_message(packet).expect("valid");
        }
        exchange.probe_sent();
        let answer = exchange.on_message(CPONG).map(|_| ());
        assert_eq!(answer, Err(ProtocolError::ResponseAbandoned), "case: {name}");
        assert_eq!(exchange.on_close(), *close, "case: {name}");
        assert!(!exchange.is_reusable(), "case: {name}");
    }

    // V-42: the backend takes the probe for body data.
    let mut exchange = AjpExchange::new(false, None);
    exchange.probe_sent();
    let answer = exchange.on_message(GET).map(|_| ());
    assert_eq!(answer, Err(ProtocolError::BodyRequestOutOfTurn));
}

#[test]
fn flushes_in_a_row_are_counted() {
    let mut exchange = AjpExchange::new(false, Unknown);
    let cases: &[(&[u8], u32)] = &[
        (FLUSH, 1),
        (FLUSH, 2),
        (HEAD, 0),
        (FLUSH, 1),
        (CHUNK, 0),
        (FLUSH, 1),
        (FLUSH, 2),
        (GET, 0),
    ];
    for (packet, expected) in cases {
        exchange.on_message(packet).expect("valid");
        assert_eq!(exchange.flushes_in_a_row(), *expected);
    }
}
