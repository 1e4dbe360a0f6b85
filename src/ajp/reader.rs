//! A cursor over one payload. It knows the data types, no packet.

use crate::ajp::error::ProtocolError;

/// Reads fields from the front of a payload; never past its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct PayloadReader<'a> {
    rest: &'a [u8],
}

impl<'a> PayloadReader<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    /// Returns what has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::ShortPacket`] naming `field`.
    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, ProtocolError> {
        // check: B10-byte
        let (&byte, rest) = self.rest.split_first().ok_or(ProtocolError::ShortPacket(field))?;
        self.rest = rest;
        Ok(byte)
    }

    /// Reads a big-endian integer of two bytes.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::ShortPacket`] naming `field`.
    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, ProtocolError> {
        // check: B10-integer
        let (bytes, rest) =
            self.rest.split_first_chunk().ok_or(ProtocolError::ShortPacket(field))?;
        self.rest = rest;
        Ok(u16::from_be_bytes(*bytes))
    }

    /// Reads a string: a length, the bytes, one NUL. `None` is the null string.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::ShortPacket`] if the length is missing, [`ProtocolError::BadString`] if
    /// the bytes or the NUL are.
    pub(super) fn string(
        &mut self,
        field: &'static str,
    ) -> Result<Option<&'a [u8]>, ProtocolError> {
        match self.u16(field)? {
            // check: B30b
            NULL_STRING => Ok(None),
            len => self.string_body(len, field).map(Some),
        }
    }

    /// Reads the bytes and the NUL of a string whose length is already known.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::BadString`] naming `field`.
    pub(super) fn string_body(
        &mut self,
        len: u16,
        field: &'static str,
    ) -> Result<&'a [u8], ProtocolError> {
        match self.rest.split_at_checked(usize::from(len)) {
            Some((bytes, [0, rest @ ..])) => {
                self.rest = rest;
                Ok(bytes)
            }
            // check: B10-string
            _ => Err(ProtocolError::BadString(field)),
        }
    }

    /// Ends the packet.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::TrailingBytes`] if something is left.
    pub(super) fn end(self) -> Result<(), ProtocolError> {
        match self.rest.len() {
            0 => Ok(()),
            // check: B18
            left => Err(ProtocolError::TrailingBytes(left)),
        }
    }
}

/// Length of the null string, which has neither bytes nor NUL.
pub(super) const NULL_STRING: u16 = 0xFFFF;

#[cfg(test)]
mod tests {
    use super::*;
    use ProtocolError::{BadString, ShortPacket};

    #[test]
    fn null_empty_and_coded_strings_are_told_apart() {
        type Case = (&'static str, &'static [u8], Result<Option<&'static [u8]>, ProtocolError>);
        let cases: &[Case] = &[
            ("plain", b"\x00\x02ok\x00", Ok(Some(b"ok"))),
            ("empty", b"\x00\x00\x00", Ok(Some(b""))),
            ("null", b"\xff\xff", Ok(None)),
            ("latin-1 passes through", b"\x00\x01\xe9\x00", Ok(Some(b"\xe9"))),
            ("NUL inside is data here", b"\x00\x02\x00a\x00", Ok(Some(b"\x00a"))),
            ("other terminator", b"\x00\x03abcQ", Err(BadString("reason"))),
            ("terminator missing", b"\x00\x02ok", Err(BadString("reason"))),
            ("past the end", b"\x00\x05ok\x00", Err(BadString("reason"))),
            ("longest length", b"\xff\xfeok\x00", Err(BadString("reason"))),
            ("half a length", b"\x00", Err(ShortPacket("reason"))),
            ("nothing", b"", Err(ShortPacket("reason"))),
        ];

        for (name, wire, expected) in cases {
            assert_eq!(PayloadReader::new(wire).string("reason"), *expected, "case: {name}");
        }
    }

    #[test]
    fn integers_are_big_endian_and_consumed_in_order() {
        let mut reader = PayloadReader::new(b"\x07\x12\x34\xff\xff\x00");
        assert_eq!(reader.u8("a"), Ok(7));
        assert_eq!(reader.u16("b"), Ok(0x1234));
        assert_eq!(reader.u16("c"), Ok(65_535));
        assert_eq!(reader.end(), Err(ProtocolError::TrailingBytes(1)));
        assert_eq!(reader.u16("d"), Err(ShortPacket("d")));
        assert_eq!(reader.u8("e"), Ok(0));
        assert_eq!(reader.u8("f"), Err(ShortPacket("f")));
        assert_eq!(reader.end(), Ok(()));
    }
}
