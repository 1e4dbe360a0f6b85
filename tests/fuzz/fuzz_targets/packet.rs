//! One payload, and the same bytes as a stream: every packet is either refused or keeps its
//! promises.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mod_jk::ajp::{Frame, Packet, ResponseHead, next_packet, parse_packet};

fuzz_target!(|data: &[u8]| {
    frames(data);
    if let Ok(packet) = parse_packet(data) {
        check(&packet, data);
        // A packet is its own end: with one byte more or less it is no packet. Only the padding
        // of a chunk may come and go.
        if !matches!(packet, Packet::SendBodyChunk(_)) {
            assert!(parse_packet(&data[..data.len() - 1]).is_err(), "cut");
            assert!(parse_packet(&[data, &[0]].concat()).is_err(), "trailing byte");
        }
    }
});

/// Splits a stream and reads each packet of it.
fn frames(mut stream: &[u8]) {
    loop {
        match next_packet(stream) {
            Ok(Frame::Packet { payload }) => {
                assert!(payload.start == 4 && payload.end > 4 && payload.end <= stream.len());
                if let Ok(packet) = parse_packet(&stream[payload.clone()]) {
                    check(&packet, &stream[payload.clone()]);
                }
                stream = &stream[payload.end..];
            }
            Ok(Frame::Incomplete { needed }) => {
                assert!(needed > stream.len() && needed <= 65_539);
                return;
            }
            Err(_) => return,
        }
    }
}

fn check(packet: &Packet<'_>, payload: &[u8]) {
    match packet {
        Packet::SendHeaders(head) => check_head(head, payload),
        Packet::SendBodyChunk(range) => {
            let announced = usize::from(u16::from_be_bytes([payload[1], payload[2]]));
            assert!(range.start == 3 && range.len() == announced && range.end <= payload.len());
            assert!(payload.len() - range.end <= 1);
        }
        Packet::GetBodyChunk(requested) => {
            assert_eq!(payload[1..], requested.to_be_bytes());
        }
        Packet::EndResponse(reuse) => assert_eq!(payload[1..], [u8::from(*reuse)]),
        Packet::Cpong => assert_eq!(payload.len(), 1),
    }
}

/// What a client may be sent, written down once more and independent of the code.
fn check_head(head: &ResponseHead<'_>, payload: &[u8]) {
    assert!((200..=999).contains(&head.status));
    assert!(head.content_length.is_none_or(|length| length <= i64::MAX as u64));
    if let Some(reason) = head.reason {
        assert!(!reason.is_empty() && reason.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t'));
    }
    let announced = u16::from_be_bytes([payload[3], payload[4]]);
    let count_at = if announced == 0xFFFF { 5 } else { 6 + usize::from(announced) };
    let count = u16::from_be_bytes([payload[count_at], payload[count_at + 1]]);
    let mut seen = 0;
    for (name, value) in head.headers() {
        seen += 1;
        let name = name.as_bytes();
        assert!(!name.is_empty());
        assert!(name.iter().all(|byte| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(byte)));
        assert!(value.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t'));
        for forbidden in HOP_BY_HOP {
            assert!(!name.eq_ignore_ascii_case(forbidden.as_bytes()), "{forbidden} got through");
        }
    }
    assert!(seen <= count);
}

const HOP_BY_HOP: [&str; 9] = [
    "connection", "content-length", "keep-alive", "proxy-authenticate", "proxy-connection", "te",
    "trailer", "transfer-encoding", "upgrade",
];
