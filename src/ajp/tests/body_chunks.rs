use crate::ajp::{AjpExchange, next_packet};
use crate::exchange::{BodyChunks, Chunk, Close, Exchange, RequestBody, Step};

/// Begins a response of so many announced bytes.
fn begun(length: Option<u64>) -> AjpExchange {
    let mut exchange = AjpExchange::new(false, RequestBody::None);
    let head = match length {
        Some(length) => {
            let text = length.to_string();
            let len = (text.len() as u16).to_be_bytes();
            [b"\x04\x00\xc8\xff\xff\x00\x01\xa0\x03", &len[..], text.as_bytes(), b"\0"].concat()
        }
        None => b"\x04\x00\xc8\xff\xff\x00\x00".to_vec(),
    };
    assert!(matches!(exchange.on_message(&head), Ok(Step::Head(_))));
    exchange
}

/// Makes a packet with a piece of `data`.
fn packet(data: &[u8], padding: &[u8]) -> Vec<u8> {
    let (outer, inner) = ((data.len() + 3 + padding.len()) as u16, data.len() as u16);
    let head = [&b"AB"[..], &outer.to_be_bytes(), b"\x03", &inner.to_be_bytes()].concat();
    [&head[..], data, padding].concat()
}

#[test]
fn plain_chunks_are_taken_together() {
    let hello = packet(b"hello", b"\0");
    let bare = packet(b"hi", b"");
    let flush = packet(b"", b"\0");
    let long = packet(b"four", b"\0\0");
    let bare_six = b"AB\x00\x09\x03\x00\x06hello\0".to_vec();
    let short = b"AB\x00\x07\x03\x00\x05hell\0".to_vec();
    type Case<'c> = (&'static str, Option<u64>, Vec<&'c [u8]>, &'static [usize]);
    let cases: &[Case<'_>] = &[
        ("nothing", None, vec![], &[]),
        ("one", None, vec![&hello], &[5]),
        ("several", None, vec![&hello, &bare, &hello], &[5, 2, 5]),
        ("up to what is announced", Some(7), vec![&hello, &bare], &[5, 2]),
        ("one byte more than announced", Some(6), vec![&hello, &bare], &[5]),
        ("more than announced", Some(4), vec![&hello], &[]),
        ("up to a flush", None, vec![&hello, &flush, &hello], &[5]),
        ("up to the end", None, vec![&hello, b"AB\x00\x02\x05\x01"], &[5]),
        ("half a packet", None, vec![&hello, &hello[..11]], &[5]),
        ("half a header", None, vec![&hello, &hello[..6]], &[5]),
        ("B49 two bytes of padding", None, vec![&hello, &long], &[5]),
        ("B46 more than the packet has", None, vec![&hello, &short], &[5]),
        ("B50 the last byte is data", None, vec![&bare_six], &[6]),
        ("other magic", None, vec![&hello, b"BA\x00\x09\x03\x00\x05hello\0"], &[5]),
        ("other type", None, vec![b"AB\x00\x09\x07\x00\x05hello\0"], &[]),
    ];

    for (name, length, packets, expected) in cases {
        let (mut exchange, mut chunks) = (begun(*length), BodyChunks::default());
        let stream = packets.concat();
        let used = exchange.on_body_chunks(&stream, &mut chunks);
        let lens: Vec<_> = chunks.list().iter().map(|piece| piece.len).collect();
        assert_eq!(lens, *expected, "case: {name}");
        assert_eq!(chunks.bytes(), expected.iter().sum::<usize>(), "case: {name}");
        let taken: usize = packets.iter().take(expected.len()).map(|packet| packet.len()).sum();
        assert_eq!(used, taken, "case: {name}");
        for Chunk { start, len } in chunks.list() {
            let data = &stream[*start..start + len];
            assert!(data.starts_with(b"h"), "case: {name}: {data:?}");
        }
        // The same again one by one.
        let (mut single, mut rest) = (begun(*length), &stream[..used]);
        while let Ok(crate::ajp::Frame::Packet { payload }) = next_packet(rest) {
            let end = payload.end;
            assert!(matches!(single.on_message(&rest[payload]), Ok(Step::Body(_))));
            rest = &rest[end..];
        }
        assert_eq!(format!("{exchange:?}"), format!("{single:?}"), "case: {name}");
    }
}

#[test]
fn more_chunks_than_there_is_room_for() {
    let stream = packet(b"x", b"\0").repeat(40);
    let (mut exchange, mut chunks) = (begun(Some(40)), BodyChunks::default());
    let (mut at, mut count) = (0, 0);
    while at < stream.len() {
        let used = exchange.on_body_chunks(&stream[at..], &mut chunks);
        assert!(used > 0);
        at += used;
        count += chunks.list().len();
    }
    assert_eq!((count, exchange.on_close()), (40, Close::Complete));
}

#[test]
fn chunks_are_taken_together_only_inside_a_body() {
    let (stream, mut chunks) = (packet(b"hello", b"\0"), BodyChunks::default());
    let mut early = AjpExchange::new(false, RequestBody::None);
    assert_eq!(early.on_body_chunks(&stream, &mut chunks), 0);
    let mut head = AjpExchange::new(true, RequestBody::None);
    assert!(matches!(head.on_message(b"\x04\x00\xc8\xff\xff\x00\x00"), Ok(Step::Head(_))));
    assert_eq!(head.on_body_chunks(&stream, &mut chunks), 0);
    let mut ended = begun(None);
    assert!(matches!(ended.on_message(b"\x05\x01"), Ok(Step::Done { .. })));
    assert_eq!(ended.on_body_chunks(&stream, &mut chunks), 0);
}

#[test]
fn a_chunk_ends_a_row_of_flushes() {
    let mut exchange = begun(None);
    for _ in 0..3 {
        assert!(matches!(exchange.on_message(b"\x03\x00\x00\x00"), Ok(Step::Flush)));
    }
    assert_eq!(exchange.flushes_in_a_row(), 3);
    assert!(exchange.on_body_chunks(&packet(b"x", b"\0"), &mut BodyChunks::default()) > 0);
    assert_eq!(exchange.flushes_in_a_row(), 0);
}
