//! Recorded packets of a real backend, used both ways, and what must hold for any other bytes.

#[path = "vectors/decoder.rs"]
mod decoder;
#[path = "vectors/driver.rs"]
mod driver;
#[path = "vectors/random.rs"]
mod random;
#[path = "vectors/script.rs"]
mod script;

use decoder::{Field, Forward, decode};
use driver::{encode, run_script, say_packet};
use mod_jk::ajp::{self, CPING, END_OF_BODY, Frame, body_packet_header, next_packet, parse_packet};
use proptest::prelude::*;
use script::Script;

#[test]
fn every_recording_is_read() {
    let scripts = script::all();
    assert_eq!(scripts.len(), 50);
    let packets = |up: bool| {
        let events = scripts.iter().flat_map(|script| &script.events);
        events.filter(|event| event.goes_up == up && !event.bytes.is_empty()).count()
    };
    assert_eq!((packets(true), packets(false)), (80, 151));
}

/// The text of each backend packet was written by another decoder.
#[test]
fn backend_packets_are_read() {
    for script in script::all() {
        for event in script.events.iter().filter(|event| !event.goes_up) {
            if event.bytes.is_empty() {
                continue;
            }
            let frame = next_packet(&event.bytes);
            let expected = Ok(Frame::Packet { payload: 4..event.bytes.len() });
            assert_eq!(frame, expected, "{}: {}", script.name, event.label);
            let said = say_packet(&event.bytes[4..]);
            assert_eq!(said, event.label, "{}", script.name);
        }
    }
}

#[test]
fn backend_packets_cut_anywhere_are_refused() {
    for script in script::all() {
        for event in script.events.iter().filter(|event| !event.goes_up) {
            for cut in 0..event.bytes.len() {
                let front = &event.bytes[..cut];
                assert!(
                    matches!(next_packet(front), Ok(Frame::Incomplete { needed }) if needed > cut),
                    "{}: {} cut at {cut}",
                    script.name,
                    event.label
                );
                // The cut as the backend would make it: with a length that matches.
                let Some(payload) = front.get(4..) else { continue };
                let lacks_padding_only =
                    payload[..].first() == Some(&3) && cut + 1 == event.bytes.len();
                let whole = parse_packet(payload).is_ok();
                assert_eq!(
                    whole, lacks_padding_only,
                    "{}: {} cut at {cut}",
                    script.name, event.label
                );
            }
        }
    }
}

/// For the same request we send the recorded bytes. Those
/// marked `raw` are requests it never sends: malformed, or with attributes in another order.
#[test]
fn requests_are_written() {
    let mut raw = Vec::new();
    for script in script::all() {
        for event in script.events.iter().filter(|event| event.goes_up) {
            let bytes = &event.bytes;
            match event.label.split(' ').next() {
                Some("request") => {
                    let again = decode(bytes).and_then(|forward| {
                        encode(&forward, bytes.len()).map_err(|error| error.to_string())
                    });
                    match event.label.as_str() {
                        "request" => assert_eq!(again.as_ref(), Ok(bytes), "{}", script.name),
                        _ => {
                            assert_ne!(again.as_ref(), Ok(bytes), "{}", script.name);
                            raw.push(script.name.clone());
                        }
                    }
                }
                Some("cping") => assert_eq!(bytes[..], CPING, "{}", script.name),
                Some("end") if event.label == "end" => assert_eq!(bytes[..], END_OF_BODY),
                Some("body") => {
                    let data = &bytes[6..];
                    let len = u16::try_from(data.len()).expect("a packet");
                    assert_eq!(bytes[..6], body_packet_header(len), "{}", script.name);
                }
                _ => {}
            }
        }
    }
    assert_eq!(
        raw,
        [
            "21-bad-method-code",
            "22-bad-header-code",
            "23-missing-terminator",
            "45-attribute-repeated",
            "46-secret-repeated",
        ]
    );
}

#[test]
fn exchanges_take_the_recorded_steps() {
    for script in script::all() {
        assert_eq!(run_script(&script), script.steps, "{}", script.name);
    }
}

/// However the stream is cut into reads, the same packets come out.
#[test]
fn recorded_streams_split_anywhere() {
    for script in script::all() {
        let stream = downstream_bytes(&script);
        let whole = driver::run_reads(&script, &[&stream]);
        // Two reads at every place of the short streams, and at every 97th of the long ones.
        let stride = if stream.len() < 1_000 { 1 } else { 97 };
        for at in (0..stream.len()).step_by(stride) {
            let (first, second) = stream.split_at(at);
            assert_eq!(driver::run_reads(&script, &[first, second]), whole, "{} {at}", script.name);
        }
        let bytes: Vec<_> = stream.chunks(1).collect();
        assert_eq!(driver::run_reads(&script, &bytes), whole, "{}, byte by byte", script.name);
    }
}

fn downstream_bytes(script: &Script) -> Vec<u8> {
    let events = script.events.iter().filter(|event| !event.goes_up);
    events.flat_map(|event| event.bytes.clone()).collect()
}

/// B66: fixed seeds, so that a failure can be repeated. Debug builds check for overflow too.
#[test]
fn mutated_streams_never_panic() {
    let scripts = script::all();
    let mut words = std::collections::BTreeSet::new();
    for seed in 0..10_000 {
        let mut random = random::Random::new(seed);
        let script = &scripts[random.below(scripts.len())];
        let mut stream = downstream_bytes(script);
        random.mutate(&mut stream);
        let said = driver::run_reads(script, &[&stream]);
        words.extend(said.split(' ').map(str::to_owned));
    }
    // The mutations reach far more than the first check.
    for tag in ALL_TAGS {
        assert!(words.contains(*tag), "{tag} was never reached, only {words:?}");
    }
}

/// What a backend's bytes alone can cause.
const ALL_TAGS: &[&str] = &[
    "bad_chunk",
    "bad_content_length",
    "bad_header_name",
    "bad_header_value",
    "header_missing",
    "bad_header_code",
    "bad_length",
    "bad_magic",
    "bad_reuse",
    "bad_status",
    "bad_string",
    "bad_type",
    "body_shorter_than_cl",
    "chunk_before_headers",
    "end_before_headers",
    "second_headers",
    "short_packet",
    "trailing_bytes",
    "unexpected_cpong",
    "unsolicited",
];

fn token() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(&b"abcXYZ019-_.!~"[..]), 1..20)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_map(|b| if b < 0x20 || b == 0x7f { b'\t' } else { b });
    proptest::collection::vec(byte, 0..60)
}

fn uri() -> impl Strategy<Value = Vec<u8>> {
    let byte = any::<u8>().prop_map(|b| if b <= 0x20 || b == 0x7f { b'/' } else { b });
    proptest::collection::vec(byte, 1..60)
}

fn header_name() -> impl Strategy<Value = Vec<u8>> {
    let coded = proptest::sample::select(vec![
        "accept",
        "ACCEPT-charset",
        "Accept-Encoding",
        "accept-language",
        "Authorization",
        "connection",
        "content-type",
        "Content-Length",
        "cookie",
        "Cookie2",
        "HOST",
        "pragma",
        "referer",
        "user-agent",
    ]);
    prop_oneof![token(), coded.prop_map(|name| name.as_bytes().to_vec())]
}

prop_compose! {
    fn forward()(
        method in prop_oneof![token(), Just(b"GET".to_vec()), Just(b"VERSION-CONTROL".to_vec())],
        protocol in line(),
        uri in uri(),
        remote_addr in proptest::option::of(line()),
        remote_host in proptest::option::of(line()),
        server_name in line(),
        server_port in any::<u16>(),
        is_tls in any::<bool>(),
        headers in proptest::collection::vec((header_name(), line()), 0..8),
        texts in proptest::collection::vec(proptest::option::of(line()), 7),
        query in proptest::option::of(uri()),
        bits in proptest::option::of(any::<u16>()),
        named in proptest::collection::vec((token(), line()), 0..5),
    ) -> Forward {
        // In the order the encoder asks for; 05 takes URI text, 0B is a number.
        let mut attributes = Vec::new();
        for (code, text) in [0x0c, 3, 4, 6, 7, 8, 9].into_iter().zip(texts) {
            if code == 6 && let Some(query) = &query {
                attributes.push(Field::Text(5, query.clone()));
            }
            attributes.extend(text.map(|text| Field::Text(code, text)));
        }
        attributes.extend(bits.map(Field::KeySize));
        attributes.extend(named.into_iter().map(|(name, value)| Field::Named(name, value)));
        Forward {
            method, protocol, uri, remote_addr, remote_host, server_name, server_port, is_tls,
            headers, attributes,
        }
    }
}

proptest! {
    /// What goes in comes out at the other side; only coded names lose their case.
    #[test]
    fn requests_survive_the_way(request in forward()) {
        let packet = encode(&request, ajp::DEFAULT_PACKET_SIZE).expect("small enough");
        let mut seen = decode(&packet).expect("well formed");
        for ((own, _), (theirs, _)) in request.headers.iter().zip(&mut seen.headers) {
            if own.eq_ignore_ascii_case(theirs) {
                theirs.clone_from(own);
            }
        }
        prop_assert_eq!(seen, request);
    }

    /// The limit is kept to the byte.
    #[test]
    fn requests_need_what_they_say(request in forward()) {
        let whole = encode(&request, ajp::DEFAULT_PACKET_SIZE).expect("small enough").len();
        prop_assert!(encode(&request, whole).is_ok());
        for limit in [0, 4, 40, whole - 1] {
            match encode(&request, limit) {
                Err(mod_jk::exchange::EncodeError::DoesNotFit { needed, limit: told, .. }) => {
                    prop_assert_eq!((needed, told), (whole, limit));
                }
                other => prop_assert!(false, "limit {}: {:?}", limit, other),
            }
        }
    }

    /// Any bytes in any pieces: no panic, and the same steps as in one piece.
    #[test]
    fn any_stream_splits_anywhere(
        index in 0_usize..50,
        seed in any::<u64>(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
    ) {
        let script = &script::all()[index];
        let mut stream = downstream_bytes(script);
        random::Random::new(seed).mutate(&mut stream);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.sort_unstable();
        let mut reads = Vec::new();
        let mut from = 0;
        for cut in cuts {
            reads.push(&stream[from..cut]);
            from = cut;
        }
        reads.push(&stream[from..]);
        prop_assert_eq!(driver::run_reads(script, &reads), driver::run_reads(script, &[&stream]));
    }
}
