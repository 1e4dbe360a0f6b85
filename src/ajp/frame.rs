//! Splits the backend's byte stream into packets.

use std::ops::Range;

use crate::ajp::error::ProtocolError;
use crate::ajp::{MAX_PAYLOAD, PACKET_HEADER};

/// What the front of a buffer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// No whole packet yet.
    Incomplete {
        /// How many bytes the buffer must hold, counted from its front, before it is worth
        /// looking again: the packet's size, or 4 while that is unknown. At most 65,539.
        needed: usize,
    },
    /// A whole packet; the next one begins at `payload.end`.
    Packet {
        /// Where its payload lies, never empty.
        payload: Range<usize>,
    },
}

/// Looks for a packet at the front of `buf`.
///
/// Any payload from 1 to 65,535 bytes is accepted, so a backend whose packets are larger than
/// ours works without being told.
///
/// # Errors
///
/// [`ProtocolError::BadMagic`] as soon as the first wrong byte is there, and
/// [`ProtocolError::BadLength`] for a packet without payload.
pub fn next_packet(buf: &[u8]) -> Result<Frame, ProtocolError> {
    // check: B1
    let &[b'A', b'B', high, low, ..] = buf else { return incomplete_header(buf) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    // check: B3c
    if len == 0 {
        // check: B3a
        return Err(ProtocolError::BadLength);
    }
    let end = PACKET_HEADER + len;
    if buf.len() < end {
        return Ok(Frame::Incomplete { needed: end });
    }
    Ok(Frame::Packet { payload: PACKET_HEADER..end })
}

/// Tells a header that has not arrived whole from one that is wrong.
#[cold]
fn incomplete_header(buf: &[u8]) -> Result<Frame, ProtocolError> {
    match *buf {
        [] | [b'A'] | [b'A', b'B'] | [b'A', b'B', _] => {
            Ok(Frame::Incomplete { needed: PACKET_HEADER })
        }
        [first] => Err(ProtocolError::BadMagic { found: [first, 0] }),
        [first, second, ..] => Err(ProtocolError::BadMagic { found: [first, second] }),
    }
}

const _: () = assert!(MAX_PAYLOAD == u16::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;
    use Frame::{Incomplete, Packet};
    use ProtocolError::{BadLength, BadMagic};

    #[test]
    fn packets_are_framed_by_magic_and_length() {
        type Case = (&'static str, &'static [u8], Result<Frame, ProtocolError>);
        let cases: &[Case] = &[
            ("nothing", b"", Ok(Incomplete { needed: 4 })),
            ("one byte", b"A", Ok(Incomplete { needed: 4 })),
            ("magic", b"AB", Ok(Incomplete { needed: 4 })),
            ("half a length", b"AB\x00", Ok(Incomplete { needed: 4 })),
            ("header only", b"AB\x00\x02", Ok(Incomplete { needed: 6 })),
            ("half a payload", b"AB\x00\x02\x05", Ok(Incomplete { needed: 6 })),
            ("whole", b"AB\x00\x02\x05\x01", Ok(Packet { payload: 4..6 })),
            ("whole and more", b"AB\x00\x01\x09AB", Ok(Packet { payload: 4..5 })),
            ("largest length", b"AB\xff\xff\x03", Ok(Incomplete { needed: 65_539 })),
            ("length 0", b"AB\x00\x00", Err(BadLength)),
            ("B1 XX", b"XX\x00\x02\x05\x01", Err(BadMagic { found: *b"XX" })),
            ("wrong from the first byte", b"X", Err(BadMagic { found: *b"X\0" })),
            ("wrong second byte", b"AX", Err(BadMagic { found: *b"AX" })),
            ("B2 other protocol", b"\x51\x44\x00\x01", Err(BadMagic { found: [0x51, 0x44] })),
            ("B2 our own magic", b"\x12\x34\x00\x01\x09", Err(BadMagic { found: [0x12, 0x34] })),
            ("B2 HTTP", b"HTTP/1.1 200 OK\r\n", Err(BadMagic { found: *b"HT" })),
        ];

        for (name, wire, expected) in cases {
            assert_eq!(next_packet(wire), *expected, "case: {name}");
        }
    }

    #[test]
    fn every_length_up_to_65535_is_accepted() {
        let mut buf = vec![0; 4 + 65_535];
        for len in [1, 8_187, 8_188, 8_189, 8_192, 8_193, 65_532, 65_534, 65_535_u16] {
            buf[..2].copy_from_slice(b"AB");
            buf[2..4].copy_from_slice(&len.to_be_bytes());
            let end = 4 + usize::from(len);
            assert_eq!(next_packet(&buf[..end]), Ok(Packet { payload: 4..end }), "length {len}");
            let short = next_packet(&buf[..end - 1]);
            assert_eq!(short, Ok(Incomplete { needed: end }), "length {len}, one byte short");
        }
    }
}
