//! Builds one packet in a reused buffer. It knows the data types and the limit, no field.

use crate::ajp::codes::CODED_NAME;
use crate::ajp::reader::NULL_STRING;
use crate::ajp::{MAX_PAYLOAD, MAX_STRING, PACKET_HEADER};

/// Appends fields while they fit, and only counts them afterwards.
///
/// Counting on tells how large the packet would have been, which an administrator needs to know
/// and which decides whose fault it was.
pub(super) struct Writer<'b> {
    /// What the packet may fill; only what it has filled, once something did not fit.
    room: &'b mut [u8],
    /// Where the next field goes.
    at: usize,
    /// Size of the whole packet at most.
    limit: usize,
    /// Bytes that did not fit.
    spilled: usize,
}

impl<'b> Writer<'b> {
    /// Starts a packet for the backend of at most `limit` bytes, header included. `out` becomes
    /// as large as that once, so that it is not cleared for each packet.
    pub(super) fn new(out: &'b mut Vec<u8>, limit: usize) -> Self {
        let limit = limit.min(PACKET_HEADER + MAX_PAYLOAD);
        let size = limit.max(PACKET_HEADER);
        if out.len() < size {
            // Fresh memory of the system is zero anyway and takes no place before it is used.
            *out = vec![0; size];
        }
        let room = &mut out[..size];
        room[..PACKET_HEADER].copy_from_slice(&[0x12, 0x34, 0, 0]);
        Self { room, at: PACKET_HEADER, limit, spilled: 0 }
    }

    /// Returns the size the packet may have.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the size the packet has, or would have if it could grow.
    pub(super) fn needed(&self) -> usize {
        self.at + self.spilled
    }

    /// Appends one byte.
    pub(super) fn u8(&mut self, value: u8) {
        if let Some(place) = self.take(1) {
            place.copy_from_slice(&[value]);
        }
    }

    /// Appends a big-endian integer of two bytes and returns where it is, for [`Self::patch`].
    pub(super) fn u16(&mut self, value: u16) -> usize {
        let at = self.at;
        if let Some(place) = self.take(2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
        at
    }

    /// Appends a string.
    #[inline]
    pub(super) fn string(&mut self, bytes: &[u8]) {
        self.prefixed_string([], bytes);
    }

    /// Appends the code of an attribute and a string.
    #[inline]
    pub(super) fn coded_string(&mut self, code: u8, bytes: &[u8]) {
        self.prefixed_string([code], bytes);
    }

    /// Appends the code of a request attribute, its name and its value.
    #[inline]
    pub(super) fn coded_pair(&mut self, code: u8, name: &[u8], value: &[u8]) {
        self.coded_string(code, name);
        self.string(value);
    }

    /// Appends a header with a coded name.
    #[inline]
    pub(super) fn coded_header(&mut self, code: u8, value: &[u8]) {
        self.prefixed_string([CODED_NAME, code], value);
    }

    /// Appends a string or the null string.
    pub(super) fn optional_string(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.string(bytes),
            None => {
                self.u16(NULL_STRING);
            }
        }
    }

    /// Replaces an integer written before.
    pub(super) fn patch(&mut self, at: usize, value: u16) {
        if let Some(place) = self.room.get_mut(at..at + 2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Fills in the payload length. Returns how long the packet is, if it is whole.
    pub(super) fn finish(&mut self) -> Option<usize> {
        let payload = u16::try_from(self.at - PACKET_HEADER);
        self.patch(2, payload.expect("the limit keeps the payload below 65,536 bytes"));
        (self.spilled == 0).then_some(self.at)
    }

    /// Appends a string behind `prefix`.
    #[inline]
    pub(super) fn prefixed_string<const N: usize>(&mut self, prefix: [u8; N], bytes: &[u8]) {
        if bytes.len() > SHORT {
            return self.long_string(&prefix, bytes);
        }
        let size = N + 2 + bytes.len() + 1;
        let place = self.room.get_mut(self.at..).unwrap_or_default();
        let Some((front, place)) = place.split_first_chunk_mut() else { return self.spill(size) };
        let Some((length, place)) = place.split_first_chunk_mut() else { return self.spill(size) };
        let Some((text, [end, ..])) = place.split_at_mut_checked(bytes.len()) else {
            return self.spill(size);
        };
        *front = prefix;
        *length = (bytes.len() as u16).to_be_bytes();
        copy(text, bytes);
        *end = 0;
        self.at += size;
    }

    /// The same for a string that is worth a call of memcpy.
    #[inline(never)]
    fn long_string(&mut self, prefix: &[u8], bytes: &[u8]) {
        let Some(place) = self.take(prefix.len() + 2 + bytes.len() + 1) else { return };
        let (front, place) = place.split_at_mut(prefix.len());
        front.copy_from_slice(prefix);
        let (length, place) = place.split_at_mut(2);
        length.copy_from_slice(&(bytes.len() as u16).to_be_bytes());
        place[..bytes.len()].copy_from_slice(bytes);
        place[bytes.len()] = 0;
    }

    /// Returns the place for so many bytes, if they fit.
    #[inline]
    fn take(&mut self, bytes: usize) -> Option<&mut [u8]> {
        let end = self.at + bytes;
        if end > self.room.len() {
            self.spill(bytes);
            return None;
        }
        let at = std::mem::replace(&mut self.at, end);
        self.room.get_mut(at..end)
    }

    /// Notes that `bytes` did not fit. Nothing may be appended behind a gap.
    #[cold]
    #[inline(never)]
    fn spill(&mut self, bytes: usize) {
        let room = std::mem::take(&mut self.room);
        self.room = &mut room[..self.at];
        self.spilled = self.spilled.saturating_add(bytes);
    }
}

/// Copies at most [`SHORT`] bytes between places of the same length. Calling memcpy costs more than
/// copying what most fields hold.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        33.. => ends::<32>(to, from),
        16.. => ends::<16>(to, from),
        8.. => ends::<8>(to, from),
        4.. => ends::<4>(to, from),
        _ => few(to, from),
    }
}

/// What [`copy`] copies at most.
const SHORT: usize = 64;

/// Copies up to three bytes: the first, the middle and the last.
#[inline]
fn few(to: &mut [u8], from: &[u8]) {
    if let ([first, ..], [to_first, ..]) = (from, &mut *to) {
        *to_first = *first;
    }
    let middle = from.len() / 2;
    if let (Some(from), Some(to)) = (from.get(middle), to.get_mut(middle)) {
        *to = *from;
    }
    if let ([.., last], [.., to_last]) = (from, to) {
        *to_last = *last;
    }
}

/// Copies `N` to `2 * N` bytes as their first and their last `N`, which may overlap.
#[inline]
fn ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return;
    };
    if let Some(place) = to.first_chunk_mut() {
        *place = *first;
    }
    if let Some(place) = to.last_chunk_mut() {
        *place = *last;
    }
}

// A string that is too long for its length field must not wrap: its length modulo 65,536 would be
// a valid packet with another content. Such a string fits no packet, so the check for room is the
// check of its length.
const _: () = assert!(2 + (MAX_STRING + 1) + 1 > MAX_PAYLOAD);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_limit_fits() {
        let cases: &[(&str, usize, usize, bool)] = &[
            ("one byte left", 4 + 2 + 3 + 1, 2, true),
            ("exactly", 4 + 2 + 3, 3 - 1, true),
            ("one too many", 4 + 2 + 2, 3 - 1, false),
            ("no room for the header", 0, 0, false),
        ];

        for (name, limit, len, fits) in cases {
            let mut out = vec![9; 100];
            let mut writer = Writer::new(&mut out, *limit);
            writer.string(&vec![b'a'; *len]);
            assert_eq!(writer.needed(), 4 + 2 + len + 1, "case: {name}");
            assert_eq!(writer.finish().is_some(), *fits, "case: {name}");
        }
    }

    #[test]
    fn strings_of_every_length_are_copied_whole() {
        for len in 0..100 {
            let text: Vec<u8> = (0..len).map(|at| at as u8 + 1).collect();
            let mut out = Vec::new();
            Writer::new(&mut out, 200).string(&text);
            assert_eq!(out[6..len + 7], [&text[..], &[0]].concat(), "length {len}");
        }
    }

    #[test]
    fn nothing_is_written_behind_a_gap() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, 10);
        writer.string(b"does not fit");
        writer.u8(1);
        writer.u16(2);
        assert_eq!(writer.needed(), 4 + 15 + 1 + 2);
        assert_eq!(writer.finish(), None);
        assert_eq!(out[..6], *b"\x12\x34\x00\x00\x00\x00");
    }

    #[test]
    fn a_string_that_wraps_its_length_is_refused() {
        for len in [65_535, 65_536, 65_541, 131_072] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, usize::MAX);
            writer.string(&vec![b'a'; len]);
            assert_eq!(writer.needed(), 4 + 2 + len + 1, "length {len}");
            assert_eq!(writer.finish(), None, "length {len}");
            assert_eq!(out[..6], *b"\x12\x34\x00\x00\x00\x00", "length {len}");
        }
    }

    #[test]
    fn the_buffer_is_reused() {
        let mut out = Vec::new();
        Writer::new(&mut out, 8_192).string(b"first");
        let (place, capacity) = (out.as_ptr(), out.capacity());
        let mut writer = Writer::new(&mut out, 8_192);
        writer.string(&[b'a'; 8_000]);
        assert!(writer.finish().is_some());
        assert_eq!((out.as_ptr(), out.capacity()), (place, capacity));
    }
}
