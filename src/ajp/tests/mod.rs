//! Tables, each named after the section of the protocol description it checks. `B…` and `J…` in a
//! case's name is the malformed input of that number in the list of hazards.

mod body_chunks;
mod codes;
mod exchange;
mod forward;
mod own_attributes;
mod request;
mod request_refusals;
mod response;

use crate::ajp::{CPING, END_OF_BODY, body_packet_header};

#[test]
fn body_packets_have_both_lengths() {
    assert_eq!(body_packet_header(11), [0x12, 0x34, 0, 13, 0, 11]);
    assert_eq!(body_packet_header(8_186), [0x12, 0x34, 0x1f, 0xfc, 0x1f, 0xfa]);
    assert_eq!(body_packet_header(65_530), [0x12, 0x34, 0xff, 0xfc, 0xff, 0xfa]);
    assert_eq!(END_OF_BODY, [0x12, 0x34, 0, 0]);
    assert_eq!(CPING, [0x12, 0x34, 0, 1, 10]);
}

#[test]
fn an_empty_or_overlong_body_packet_is_never_built() {
    for len in [0, 65_531, 65_534, 65_535] {
        let built = std::panic::catch_unwind(|| body_packet_header(len));
        assert!(built.is_err(), "length {len}");
    }
}
