//! AJP13 on the wire. Pure: bytes in, values out; no socket, clock or policy.
//!
//! ```text
//!             0     2     4                                       4 + n
//! to          +-----+-----+------+-------------------------------+
//! backend   |12 34|  n  | type | fields                        |   02 FORWARD_REQUEST, 0A CPING
//!             +-----+-----+------+-------------------------------+
//! request     |12 34|  n  |  m   | m = n - 2 bytes of body       |   no type byte
//! body        +-----+-----+------+-------------------------------+
//! end of body |12 34|00 00|
//!             +-----+-----+------+-------------------------------+
//! from        |41 42|  n  | type | fields                        |   03 SEND_BODY_CHUNK, 04 SEND_HEADERS,
//! backend   +-----+-----+------+-------------------------------+   05 END_RESPONSE, 06 GET_BODY_CHUNK, 09 CPONG
//! ```
//!
//! Integers are big-endian. A string is a two-byte length, the bytes and one NUL that the length
//! does not count; the length `FFFF` alone is the null string.
//!
//! [`forward_request`] decides what of a client's request is sent, [`RequestEncoder`] writes it,
//! [`next_packet`] splits the answer into packets and
//! [`AjpExchange`] says, packet by packet or for much body at once, what they mean for this request. What is sent when, and
//! how errors become answers to the client, is decided by the caller.
#![forbid(unsafe_code)]

mod body_chunks;
mod codes;
mod error;
mod exchange;
mod forward;
mod frame;
mod reader;
mod request;
mod request_fields;
mod response;
mod text;
mod writer;

#[cfg(test)]
mod tests;

pub use codes::{RequestHeader, method_code};
pub use error::{HeaderFault, ProtocolError};
pub use exchange::AjpExchange;
pub use forward::{forward_request, part_name};
pub use frame::{Frame, next_packet};
pub use request::{RequestEncoder, request_packet};
pub use request_fields::{Attribute, OwnAttribute, RequestHead};
pub use response::{Headers, Packet, ResponseHead, header_name, parse_packet};

/// Builds the six bytes that precede `len` bytes of request body.
///
/// # Panics
///
/// If `len` is 0 or above [`MAX_BODY_DATA`]: the backend would take the former for the end of
/// the body, and the latter has no representation.
pub fn body_packet_header(len: u16) -> [u8; 6] {
    assert!((1..=MAX_BODY_DATA).contains(&usize::from(len)), "a body packet carries data");
    let [outer_high, outer_low] = (len + 2).to_be_bytes();
    let [high, low] = len.to_be_bytes();
    [0x12, 0x34, outer_high, outer_low, high, low]
}

/// The packet that ends a request body.
///
/// The backend takes it for a normal end even if fewer bytes than the content length arrived,
/// so it is sent only when the body really ended.
pub const END_OF_BODY: [u8; 4] = [0x12, 0x34, 0x00, 0x00];

/// The packet that asks an idle backend for a [`Packet::Cpong`].
pub const CPING: [u8; 5] = [0x12, 0x34, 0x00, 0x01, 0x0A];

/// The whole answer to a CPING.
pub const CPONG: [u8; 5] = [0x41, 0x42, 0x00, 0x01, 0x09];

/// Bytes of magic and length in front of every payload.
pub const PACKET_HEADER: usize = 4;

/// Largest payload a backend may send; `max_packet_size` does not limit it.
pub const MAX_PAYLOAD: usize = 65_535;

/// Smallest and default `max_packet_size`, header included.
pub const DEFAULT_PACKET_SIZE: usize = 8_192;

/// Largest `max_packet_size`, header included.
pub const MAX_PACKET_SIZE: usize = 65_536;

/// Bytes of a body packet that are not data: its header and the inner length.
pub const BODY_OVERHEAD: usize = 6;

/// Most data one body packet can carry.
pub const MAX_BODY_DATA: usize = MAX_PACKET_SIZE - BODY_OVERHEAD;

/// Longest string: the length `FFFF` is the null string.
pub const MAX_STRING: usize = 65_534;
