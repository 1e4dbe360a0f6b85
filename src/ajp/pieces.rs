//! Body in bulk: the packets of a long response that carry nothing else, taken together.
//!
//! What each of them means is settled before it comes. Whatever is not as plain, malformed or only
//! partly there is left to [`next_packet`](super::next_packet) and [`Exchange::on_packet`].

use super::PACKET_HEADER;
use super::codes::SEND_BODY_CHUNK;
use super::exchange::{Exchange, State};

/// Where a piece of the body lies among the bytes it was found in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Its first byte.
    pub start: usize,
    /// How many it has.
    pub len: usize,
}

/// Room for the places of some pieces.
#[derive(Clone, Debug, Default)]
pub struct Pieces {
    list: [Piece; MOST],
    count: usize,
    bytes: usize,
}

impl Pieces {
    /// Returns them in the order of the body.
    pub fn list(&self) -> &[Piece] {
        &self.list[..self.count]
    }

    /// Returns how many bytes they have together.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Exchange {
    /// Tells whether the next packet may be a piece of the body.
    pub fn takes_pieces(&self) -> bool {
        self.state == State::Body
    }

    /// Takes packets from the front of `stream` as long as each is whole and is a piece of the body
    /// that was announced. `pieces` gets their places; returns how long the packets are.
    ///
    /// It is as if [`on_packet`](Self::on_packet) had been called for each: afterwards it has to be
    /// called for what follows.
    pub fn on_pieces(&mut self, stream: &[u8], pieces: &mut Pieces) -> usize {
        (pieces.count, pieces.bytes) = (0, 0);
        if !self.takes_pieces() {
            return 0;
        }
        let mut left = self.remaining.unwrap_or(u64::MAX);
        let mut rest = stream;
        for place in &mut pieces.list {
            let Some(&[b'A', b'B', outer_high, outer_low, SEND_BODY_CHUNK, high, low]) =
                rest.first_chunk::<DATA>()
            else {
                break;
            };
            let payload = usize::from(u16::from_be_bytes([outer_high, outer_low]));
            let len = usize::from(u16::from_be_bytes([high, low]));
            let padding = (PACKET_HEADER + payload).wrapping_sub(DATA + len);
            // An empty one is a flush.
            if padding > MAX_PADDING || len == 0 || len as u64 > left {
                break;
            }
            let Some(next) = rest.get(PACKET_HEADER + payload..) else { break };
            *place = Piece { start: stream.len() - rest.len() + DATA, len };
            pieces.count += 1;
            pieces.bytes += len;
            left -= len as u64;
            rest = next;
        }
        if pieces.count > 0 {
            self.flushes = 0;
            self.remaining = self.remaining.map(|_| left);
        }
        stream.len() - rest.len()
    }
}

/// Where the data of a SEND_BODY_CHUNK begin: behind the packet's header, its type and their length.
const DATA: usize = PACKET_HEADER + 3;

/// Bytes there may be behind the data.
const MAX_PADDING: usize = 1;

/// Most pieces at once. A buffer holds nine of the usual size.
const MOST: usize = 16;
