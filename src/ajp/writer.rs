//! Builds one packet in a reused buffer. It knows the data types and the limit, no field.

use super::codes::CODED_NAME;
use super::reader::NULL_STRING;
use super::{MAX_PAYLOAD, MAX_STRING, PACKET_HEADER};

/// Appends fields while they fit, and only counts them afterwards.
///
/// Counting on tells how large the packet would have been, which an administrator needs to know
/// and which decides whose fault it was.
pub(super) struct Writer<'b> {
    out: &'b mut Vec<u8>,
    /// Size of the whole packet at most.
    limit: usize,
    /// How large the packet may still grow: the limit, or 0 once something did not fit.
    end: usize,
    /// Bytes that did not fit.
    spilled: usize,
}

impl<'b> Writer<'b> {
    /// Starts a packet for the container of at most `limit` bytes, header included.
    pub(super) fn new(out: &'b mut Vec<u8>, limit: usize) -> Self {
        let limit = limit.min(PACKET_HEADER + MAX_PAYLOAD);
        out.clear();
        out.reserve(limit.max(PACKET_HEADER));
        out.extend_from_slice(&[0x12, 0x34, 0, 0]);
        Self { out, limit, end: limit, spilled: 0 }
    }

    /// Returns the size the packet may have.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the size the packet has, or would have if it could grow.
    pub(super) fn needed(&self) -> usize {
        self.out.len() + self.spilled
    }

    /// Appends one byte.
    pub(super) fn u8(&mut self, value: u8) {
        if self.has_room(1) {
            self.out.push(value);
        }
    }

    /// Appends a big-endian integer of two bytes and returns where it is, for [`Self::patch`].
    pub(super) fn u16(&mut self, value: u16) -> usize {
        let at = self.out.len();
        if self.has_room(2) {
            self.out.extend_from_slice(&value.to_be_bytes());
        }
        at
    }

    /// Appends a string.
    #[inline]
    pub(super) fn string(&mut self, bytes: &[u8]) {
        if let Some([high, low]) = self.string_room(2, bytes) {
            self.out.extend_from_slice(&[high, low]);
            self.text(bytes);
        }
    }

    /// Appends the code of an attribute and a string.
    #[inline]
    pub(super) fn coded_string(&mut self, code: u8, bytes: &[u8]) {
        if let Some([high, low]) = self.string_room(3, bytes) {
            self.out.extend_from_slice(&[code, high, low]);
            self.text(bytes);
        }
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
        if let Some([high, low]) = self.string_room(4, value) {
            self.out.extend_from_slice(&[CODED_NAME, code, high, low]);
            self.text(value);
        }
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
        if let Some(place) = self.out.get_mut(at..at + 2) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }

    /// Fills in the payload length. Returns whether the packet is whole.
    pub(super) fn finish(&mut self) -> bool {
        let payload = u16::try_from(self.out.len() - PACKET_HEADER);
        self.patch(2, payload.expect("the limit keeps the payload below 65,536 bytes"));
        self.spilled == 0
    }

    #[inline]
    fn text(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.out.push(0);
    }

    /// Returns the length field of a string if it and `overhead` more bytes fit.
    #[inline]
    fn string_room(&mut self, overhead: usize, bytes: &[u8]) -> Option<[u8; 2]> {
        self.has_room(overhead + bytes.len() + 1).then(|| (bytes.len() as u16).to_be_bytes())
    }

    #[inline]
    fn has_room(&mut self, bytes: usize) -> bool {
        if self.out.len() + bytes <= self.end {
            return true;
        }
        self.spill(bytes);
        false
    }

    /// Notes that `bytes` did not fit. Nothing may be appended behind a gap.
    #[cold]
    #[inline(never)]
    fn spill(&mut self, bytes: usize) {
        self.end = 0;
        self.spilled = self.spilled.saturating_add(bytes);
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
    fn s1_10_exactly_the_limit_fits() {
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
            assert_eq!(writer.finish(), *fits, "case: {name}");
        }
    }

    #[test]
    fn s1_10_nothing_is_written_behind_a_gap() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, 10);
        writer.string(b"does not fit");
        writer.u8(1);
        writer.u16(2);
        assert_eq!(writer.needed(), 4 + 15 + 1 + 2);
        assert!(!writer.finish());
        assert_eq!(out, b"\x12\x34\x00\x00");
    }

    #[test]
    fn s1_2_a_string_that_wraps_its_length_is_refused() {
        for len in [65_535, 65_536, 65_541, 131_072] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, usize::MAX);
            writer.string(&vec![b'a'; len]);
            assert_eq!(writer.needed(), 4 + 2 + len + 1, "length {len}");
            assert!(!writer.finish(), "length {len}");
            assert_eq!(out.len(), 4, "length {len}");
        }
    }

    #[test]
    fn s1_10_the_buffer_is_reused() {
        let mut out = Vec::new();
        Writer::new(&mut out, 8_192).string(b"first");
        let (place, capacity) = (out.as_ptr(), out.capacity());
        let mut writer = Writer::new(&mut out, 8_192);
        writer.string(&[b'a'; 8_000]);
        assert!(writer.finish());
        assert_eq!((out.as_ptr(), out.capacity()), (place, capacity));
    }
}
