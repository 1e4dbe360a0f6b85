//! Body in bulk: the packets of a long response that carry nothing else, taken together.
//!
//! What each of them means is settled before it comes. Whatever is not as plain, malformed or only
//! partly there is left to [`next_packet`](crate::ajp::next_packet) and
//! [`on_message`](crate::exchange::Exchange::on_message).

use crate::ajp::PACKET_HEADER;
use crate::ajp::codes::SEND_BODY_CHUNK;
use crate::exchange::{BodyChunks, Chunk};

/// Takes packets from the front of `stream` as long as each is whole and is a piece of the `left` bytes
/// of body that are to come. Returns how long they are and how much is left then.
#[inline]
pub(super) fn take_body_chunks(
    stream: &[u8],
    mut left: u64,
    chunks: &mut BodyChunks,
) -> (usize, u64) {
    chunks.clear();
    let mut rest = stream;
    let (mut count, mut bytes) = (0, 0);
    for place in chunks.room() {
        let Some(&[b'A', b'B', outer_high, outer_low, SEND_BODY_CHUNK, high, low]) =
            rest.first_chunk::<DATA>()
        else {
            break;
        };
        let payload = usize::from(u16::from_be_bytes([outer_high, outer_low]));
        let len = usize::from(u16::from_be_bytes([high, low]));
        let padding = (PACKET_HEADER + payload).wrapping_sub(DATA + len);
        // An empty one is a flush.
        // check: B50-chunks
        // check: B3c-chunks
        if padding > MAX_PADDING || len == 0 || len as u64 > left {
            break;
        }
        let Some(next) = rest.get(PACKET_HEADER + payload..) else { break };
        *place = Chunk { start: stream.len() - rest.len() + DATA, len };
        count += 1;
        bytes += len;
        left -= len as u64;
        rest = next;
    }
    chunks.filled(count, bytes);
    (stream.len() - rest.len(), left)
}

/// Where the data of a SEND_BODY_CHUNK begin: behind the packet's header, its type and their length.
const DATA: usize = PACKET_HEADER + 3;

/// Bytes there may be behind the data.
const MAX_PADDING: usize = 1;
