//! The container's packets. A packet is validated as a whole before any of it is used.

use std::ops::Range;

use super::codes::{self, ResponseHeader, is_hop_by_hop};
use super::error::{HeaderFault, ProtocolError};
use super::reader::{NULL_STRING, Reader};
use super::text;

/// One packet of a container.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// Status and headers of the response.
    SendHeaders(ResponseHead<'a>),
    /// Bytes of the body, as a range of the payload; an empty range asks for a flush.
    SendBodyChunk(Range<usize>),
    /// The container wants up to this many bytes of the request's body.
    GetBodyChunk(u16),
    /// The response is complete; the flag says whether the connection may be used again.
    EndResponse(bool),
    /// The answer to a CPING.
    Cpong,
}

/// Status and headers of a response, validated.
#[derive(Clone, Debug)]
pub struct ResponseHead<'a> {
    /// 200 to 999.
    pub status: u16,
    /// The reason phrase, if it says more than the status and may be shown.
    pub reason: Option<&'a [u8]>,
    /// The announced length of the body.
    pub content_length: Option<u64>,
    headers: Reader<'a>,
    count: u16,
    /// Values of the Connection headers: further names that concern this connection only.
    options: [Option<&'a [u8]>; MAX_OPTIONS],
}

/// The name of a response header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderName<'a> {
    /// One of the names AJP13 has a number for, whether it came coded or spelled out.
    Known(ResponseHeader),
    /// Any other name, a token.
    Other(&'a [u8]),
}

impl<'a> HeaderName<'a> {
    /// Returns the name as it goes to the client.
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Known(header) => header.name(),
            Self::Other(name) => name,
        }
    }
}

impl<'a> ResponseHead<'a> {
    /// Iterates over the headers for the client, in the container's order. Left out are the
    /// hop-by-hop ones and Content-Length, which is [`content_length`](Self::content_length).
    pub fn headers(&self) -> Headers<'a> {
        Headers { reader: self.headers, left: self.count, options: self.options }
    }
}

/// Iterator of [`ResponseHead::headers`].
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    reader: Reader<'a>,
    left: u16,
    options: [Option<&'a [u8]>; MAX_OPTIONS],
}

impl<'a> Iterator for Headers<'a> {
    type Item = (HeaderName<'a>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            self.left -= 1;
            // The block was read once already, so it reads again.
            let (name, value) = header(&mut self.reader, 0).ok()?;
            match name {
                HeaderName::Known(ResponseHeader::ContentLength) => {}
                HeaderName::Other(other) if is_hop_by_hop(other) || self.is_option(other) => {}
                _ => return Some((name, value)),
            }
        }
        None
    }
}

impl Headers<'_> {
    fn is_option(&self, name: &[u8]) -> bool {
        self.options.iter().map_while(|option| *option).any(|option| {
            option
                .split(|&byte| byte == b',')
                .any(|word| word.trim_ascii().eq_ignore_ascii_case(name))
        })
    }
}

/// Reads a whole payload.
///
/// # Errors
///
/// The first rule the packet breaks; see [`ProtocolError`].
pub fn parse_packet(payload: &[u8]) -> Result<Packet<'_>, ProtocolError> {
    let mut reader = Reader::new(payload);
    match reader.u8("packet type")? {
        codes::SEND_BODY_CHUNK => body_chunk(reader),
        codes::SEND_HEADERS => send_headers(reader),
        codes::END_RESPONSE => {
            let reuse = match reader.u8("reuse flag")? {
                0 => false,
                1 => true,
                other => return Err(ProtocolError::BadReuse(other)),
            };
            reader.end()?;
            Ok(Packet::EndResponse(reuse))
        }
        codes::GET_BODY_CHUNK => {
            let requested = reader.u16("requested length")?;
            reader.end()?;
            Ok(Packet::GetBodyChunk(requested))
        }
        codes::CPONG => {
            reader.end()?;
            Ok(Packet::Cpong)
        }
        other => Err(ProtocolError::BadType(other)),
    }
}

/// A chunk may carry one byte of padding; most containers send it, some do not.
fn body_chunk(mut reader: Reader<'_>) -> Result<Packet<'_>, ProtocolError> {
    let announced = reader.u16("chunk length")?;
    let len = usize::from(announced);
    let present = reader.rest().len();
    match present.checked_sub(len) {
        Some(0 | 1) => Ok(Packet::SendBodyChunk(3..3 + len)),
        Some(excess) => Err(ProtocolError::TrailingBytes(excess)),
        None => Err(ProtocolError::BadChunk { announced, present }),
    }
}

fn send_headers(mut reader: Reader<'_>) -> Result<Packet<'_>, ProtocolError> {
    let status = reader.u16("status")?;
    if !(200..=999).contains(&status) {
        return Err(ProtocolError::BadStatus(status));
    }
    let reason = reader.string("reason")?.filter(|reason| is_worth_showing(reason, status));
    let count = reader.u16("header count")?;
    let headers = reader;
    let mut content_length = None;
    let mut options = [None; MAX_OPTIONS];
    let mut named = 0;
    for index in 0..count {
        if reader.rest().is_empty() {
            return Err(ProtocolError::BadHeader { index, fault: HeaderFault::Missing });
        }
        let (name, value) = header(&mut reader, index)?;
        match name {
            HeaderName::Known(ResponseHeader::ContentLength) => {
                let length = number(value).ok_or(ProtocolError::BadContentLength { index })?;
                if content_length.is_some_and(|earlier| earlier != length) {
                    return Err(ProtocolError::BadContentLength { index });
                }
                content_length = Some(length);
            }
            HeaderName::Other(other) if other.eq_ignore_ascii_case(b"connection") => {
                let fault = HeaderFault::TooManyOptions;
                let slot =
                    options.get_mut(named).ok_or(ProtocolError::BadHeader { index, fault })?;
                *slot = Some(value);
                named += 1;
            }
            _ => {}
        }
    }
    reader.end()?;
    Ok(Packet::SendHeaders(ResponseHead {
        status,
        reason,
        content_length,
        headers,
        count,
        options,
    }))
}

/// Reads one header and checks that its bytes may go to a client.
fn header<'a>(
    reader: &mut Reader<'a>,
    index: u16,
) -> Result<(HeaderName<'a>, &'a [u8]), ProtocolError> {
    let bad = |fault| ProtocolError::BadHeader { index, fault };
    let name = match reader.u16("header name")? {
        NULL_STRING => return Err(bad(HeaderFault::NullName)),
        code if code >> 8 == u16::from(codes::CODED_NAME) => {
            let known = ResponseHeader::from_code(code as u8);
            HeaderName::Known(known.ok_or(ProtocolError::BadHeaderCode(code))?)
        }
        len => {
            let name = reader.string_body(len, "header name")?;
            match ResponseHeader::find(name) {
                Some(known) => HeaderName::Known(known),
                None if text::is_token(name) => HeaderName::Other(name),
                None => return Err(bad(HeaderFault::BadName)),
            }
        }
    };
    let value = reader.string("header value")?.ok_or(bad(HeaderFault::NullValue))?;
    if !text::is_field_value(value) {
        return Err(bad(HeaderFault::BadValue));
    }
    Ok((name, value))
}

/// Tomcat sends the status number as reason; a client is better served with the standard phrase.
fn is_worth_showing(reason: &[u8], status: u16) -> bool {
    !reason.is_empty() && number(reason) != Some(u64::from(status)) && text::is_reason(reason)
}

/// Reads `1*DIGIT` without sign, blank or overflow.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Connection headers of one response; real ones have one at most.
const MAX_OPTIONS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use ProtocolError::*;

    fn headers(count: u16, block: &[u8]) -> Vec<u8> {
        [&[4, 0, 200, 0, 2, b'O', b'K', 0][..], &count.to_be_bytes(), block].concat()
    }

    #[test]
    fn s1_8_packets() {
        type Case = (&'static str, &'static [u8], Option<ProtocolError>);
        let cases: &[Case] = &[
            ("B10 END without flag", b"\x05", Some(ShortPacket("reuse flag"))),
            ("END reuse", b"\x05\x01", None),
            ("END close", b"\x05\x00", None),
            ("B11 reuse 2", b"\x05\x02", Some(BadReuse(2))),
            ("B11 reuse ff", b"\x05\xff", Some(BadReuse(0xff))),
            ("END and more", b"\x05\x01\x00", Some(TrailingBytes(1))),
            ("chunk", b"\x03\x00\x02hi\x00", None),
            ("B50 chunk without padding", b"\x03\x00\x02hi", None),
            ("B49 chunk with excess", b"\x03\x00\x02hello\x00", Some(TrailingBytes(4))),
            (
                "B46 chunk too long",
                b"\x03\x10\x00hello",
                Some(BadChunk { announced: 4096, present: 5 }),
            ),
            ("B47 chunk of one byte", b"\x03", Some(ShortPacket("chunk length"))),
            ("B47 chunk of two bytes", b"\x03\x10", Some(ShortPacket("chunk length"))),
            ("flush", b"\x03\x00\x00\x00", None),
            ("get body", b"\x06\x1f\xfa", None),
            ("B55 get body cut", b"\x06\x1f", Some(ShortPacket("requested length"))),
            ("cpong", b"\x09", None),
            ("B61 cpong and more", b"\x09\x00", Some(TrailingBytes(1))),
            ("unknown type", b"\x07", Some(BadType(7))),
            ("empty", b"", Some(ShortPacket("packet type"))),
            ("B15 headers cut", b"\x04\x00", Some(ShortPacket("status"))),
            ("B25 101", b"\x04\x00\x65\x00\x00\x00\x00\x00", Some(BadStatus(101))),
            ("B26 0", b"\x04\x00\x00\x00\x00\x00\x00\x00", Some(BadStatus(0))),
            ("B26 999", b"\x04\x03\xe7\x00\x00\x00\x00\x00", None),
            ("B26 1000", b"\x04\x03\xe8\x00\x00\x00\x00\x00", Some(BadStatus(1000))),
        ];
        for (name, payload, expected) in cases {
            assert_eq!(parse_packet(payload).err(), *expected, "case: {name}");
        }
    }

    #[test]
    fn s1_8_header_blocks() {
        let bad = |index, fault| Some(BadHeader { index, fault });
        type Case = (&'static str, u16, &'static [u8], Option<ProtocolError>);
        let cases: &[Case] = &[
            ("coded", 1, b"\xa0\x01\x00\x01a\x00", None),
            ("B15 code 0", 1, b"\xa0\x00\x00\x01a\x00", Some(BadHeaderCode(0xa000))),
            ("B19 code 7f", 1, b"\xa0\x7f\x00\x01a\x00", Some(BadHeaderCode(0xa07f))),
            ("B17 announced, missing", 1, b"", bad(0, HeaderFault::Missing)),
            ("B18 more than announced", 0, b"\xa0\x01\x00\x01a\x00", Some(TrailingBytes(6))),
            ("B21 null name", 1, b"\xff\xff\x00\x01a\x00", bad(0, HeaderFault::NullName)),
            ("B21 null value", 1, b"\xa0\x01\xff\xff", bad(0, HeaderFault::NullValue)),
            ("B22 empty name", 1, b"\x00\x00\x00\x00\x01a\x00", bad(0, HeaderFault::BadName)),
            ("B23 terminator", 1, b"\xa0\x01\x00\x03abcQ", Some(BadString("header value"))),
            (
                "B31 CRLF in the value",
                1,
                b"\xa0\x01\x00\x03a\r\n\x00",
                bad(0, HeaderFault::BadValue),
            ),
            (
                "B33 space in the name",
                1,
                b"\x00\x03X A\x00\x00\x00\x00",
                bad(0, HeaderFault::BadName),
            ),
            ("B43 length -5", 1, b"\xa0\x03\x00\x02-5\x00", Some(BadContentLength { index: 0 })),
            ("B43 length empty", 1, b"\xa0\x03\x00\x00\x00", Some(BadContentLength { index: 0 })),
            ("B43 equal twice", 2, b"\xa0\x03\x00\x015\x00\xa0\x03\x00\x015\x00", None),
            (
                "B43 5 and 3",
                2,
                b"\xa0\x03\x00\x015\x00\xa0\x03\x00\x013\x00",
                Some(BadContentLength { index: 1 }),
            ),
            (
                "B43 spelled out",
                1,
                b"\x00\x0econtent-length\x00\x00\x02+5\x00",
                Some(BadContentLength { index: 0 }),
            ),
        ];
        for (name, count, block, expected) in cases {
            assert_eq!(parse_packet(&headers(*count, block)).err(), *expected, "case: {name}");
        }
    }

    #[test]
    fn s3_8_hop_by_hop_headers_stay_here() {
        let mut block = Vec::new();
        let list: &[(&[u8], &[u8])] = &[
            (b"Connection", b"X-Foo , close"),
            (b"x-foo", b"1"),
            (b"X-Bar", b"2"),
            (b"Transfer-Encoding", b"chunked"),
            (b"Content-Length", b"7"),
            (b"Keep-Alive", b"timeout=5"),
            (b"Set-Cookie", b"a=b"),
        ];
        for (name, value) in list {
            for text in [name, value] {
                block.extend_from_slice(&(text.len() as u16).to_be_bytes());
                block.extend_from_slice(text);
                block.push(0);
            }
        }
        let payload = headers(list.len() as u16, &block);
        let Ok(Packet::SendHeaders(head)) = parse_packet(&payload) else { panic!("it is valid") };
        let kept: Vec<_> = head.headers().map(|(name, value)| (name.as_bytes(), value)).collect();
        assert_eq!(kept, [(&b"X-Bar"[..], &b"2"[..]), (b"Set-Cookie", b"a=b")]);
        assert_eq!(head.content_length, Some(7));
    }

    #[test]
    fn s3_8_reason() {
        let cases: &[(&[u8], Option<&[u8]>)] = &[
            (b"\x00\x02OK\x00", Some(b"OK")),
            (b"\x00\x03200\x00", None),
            (b"\xff\xff", None),
            (b"\x00\x00\x00", None),
            (b"\x00\x03a\r\n\x00", None),
        ];
        for (reason, expected) in cases {
            let payload = [&[4, 0, 200][..], reason, &[0, 0]].concat();
            let Ok(Packet::SendHeaders(head)) = parse_packet(&payload) else { panic!("valid") };
            assert_eq!(head.reason, *expected, "{reason:?}");
        }
    }
}
