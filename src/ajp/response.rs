//! The backend's packets. A packet is validated as a whole before any of it is used.

use std::fmt;
use std::ops::Range;

use crate::ajp::codes;
use crate::ajp::codes::is_hop_by_hop;
use crate::ajp::error::{HeaderFault, ProtocolError};
use crate::ajp::reader::{NULL_STRING, PayloadReader};
use crate::ajp::text;
use crate::exchange::{HeaderName, ResponseHeader, ResponseParts};

/// One packet of a backend.
#[derive(Clone, Debug)]
pub enum Packet<'a> {
    /// Status and headers of the response.
    SendHeaders(ResponseHead<'a>),
    /// Bytes of the body, as a range of the payload; an empty range asks for a flush.
    SendBodyChunk(Range<usize>),
    /// The backend wants up to this many bytes of the request's body.
    GetBodyChunk(u16),
    /// The response is complete; the flag says whether the connection may be used again.
    EndResponse(bool),
    /// The answer to a CPING.
    Cpong,
}

/// Status and headers of a response, validated.
#[derive(Clone, Copy)]
pub struct ResponseHead<'a> {
    /// 200 to 999.
    pub status: u16,
    /// The reason phrase, if it says more than the status and may be shown.
    pub reason: Option<&'a [u8]>,
    /// The announced length of the body; none for 204 and 205, which have no body.
    pub content_length: Option<u64>,
    /// The same in digits, as they stand in the packet without zeros in front; empty without one.
    pub length_digits: &'a [u8],
    headers: PayloadReader<'a>,
    count: u16,
    /// Whether a header is among them that concerns this connection only.
    has_hop_by_hop: bool,
    /// Whether a cookie is set.
    pub sets_cookie: bool,
}

impl fmt::Debug for ResponseHead<'_> {
    /// Leaves the headers out: cookies do not belong in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .field("content_length", &self.content_length)
            .field("headers", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a> ResponseHead<'a> {
    /// Iterates over the headers for the client, in the backend's order. Left out are the
    /// hop-by-hop ones, those that Connection names, and Content-Length, which is
    /// [`content_length`](Self::content_length).
    pub fn headers(&self) -> Headers<'a> {
        let options = self.has_hop_by_hop.then(|| self.options());
        Headers { reader: self.headers, left: self.count, options }
    }

    /// Returns the bytes that the names and values of [`headers`](Self::headers) are parts of, and
    /// [`length_digits`](Self::length_digits), but for the names that came as numbers. Behind each of those parts a NUL follows.
    pub fn block(&self) -> &'a [u8] {
        self.headers.rest()
    }

    /// Reads the Connection headers again: most responses have none worth keeping.
    #[cold]
    fn options(&self) -> ConnectionOptions<'a> {
        let mut options = ConnectionOptions::NONE;
        let mut reader = self.headers;
        for index in 0..self.count {
            if let Ok((HeaderName::Other(name), value)) = read_header(&mut reader, index)
                && name.eq_ignore_ascii_case(b"connection")
            {
                options.add(value);
            }
        }
        options
    }
}

impl ResponseParts for ResponseHead<'_> {
    #[inline]
    fn status(&self) -> u16 {
        self.status
    }

    #[inline]
    fn reason(&self) -> Option<&[u8]> {
        self.reason
    }

    #[inline]
    fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    #[inline]
    fn length_digits(&self) -> &[u8] {
        self.length_digits
    }

    #[inline]
    fn sets_cookie(&self) -> bool {
        self.sets_cookie
    }

    #[inline]
    fn headers(&self) -> impl Iterator<Item = (HeaderName<'_>, &[u8])> {
        Self::headers(self)
    }

    #[inline]
    fn block(&self) -> &[u8] {
        Self::block(self)
    }
}

/// Iterator of [`ResponseHead::headers`].
#[derive(Clone)]
pub struct Headers<'a> {
    reader: PayloadReader<'a>,
    left: u16,
    /// None if all of the headers but Content-Length are for the client.
    options: Option<ConnectionOptions<'a>>,
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Headers").field("left", &self.left).finish_non_exhaustive()
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (HeaderName<'a>, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.left > 0 {
            self.left -= 1;
            // The block was checked as a whole, so it reads again.
            let (name, value) = read_header(&mut self.reader, 0).ok()?;
            if name == HeaderName::Known(ResponseHeader::ContentLength) {
                continue;
            }
            // check: B37
            if self.options.as_ref().is_none_or(|options| !options.drop(name)) {
                return Some((name, value));
            }
        }
        None
    }
}

/// The names of further headers that concern this connection only, from the Connection headers.
#[derive(Clone, Copy)]
struct ConnectionOptions<'a> {
    names: [&'a [u8]; MAX_OPTIONS],
    count: usize,
}

impl<'a> ConnectionOptions<'a> {
    const NONE: Self = Self { names: [b""; MAX_OPTIONS], count: 0 };

    /// Adds the names in one Connection header. Returns whether there was room.
    fn add(&mut self, value: &'a [u8]) -> bool {
        value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).all(|name| {
            let is_idle = name.is_empty()
                || name.eq_ignore_ascii_case(b"close")
                || is_hop_by_hop(name)
                || self.contains(name);
            if !is_idle && let Some(slot) = self.names.get_mut(self.count) {
                *slot = name;
                self.count += 1;
                return true;
            }
            is_idle
        })
    }

    /// Tells whether a header does not go to the client.
    #[cold]
    fn drop(&self, name: HeaderName<'_>) -> bool {
        matches!(name, HeaderName::Other(other) if is_hop_by_hop(other))
            || self.contains(name.as_bytes())
    }

    fn contains(&self, name: &[u8]) -> bool {
        self.names.iter().take(self.count).any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// Reads a whole payload.
///
/// # Errors
///
/// The first rule the packet breaks; see [`ProtocolError`].
pub fn parse_packet(payload: &[u8]) -> Result<Packet<'_>, ProtocolError> {
    let mut reader = PayloadReader::new(payload);
    match reader.u8("packet type")? {
        codes::SEND_BODY_CHUNK => body_chunk(reader),
        codes::SEND_HEADERS => send_headers(reader),
        codes::END_RESPONSE => {
            let reuse = match reader.u8("reuse flag")? {
                0 => false,
                1 => true,
                // check: B11a
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
        // check: B61b
        other => Err(ProtocolError::BadType(other)),
    }
}

/// A chunk may carry one byte of padding; most backends send it, some do not.
fn body_chunk(mut reader: PayloadReader<'_>) -> Result<Packet<'_>, ProtocolError> {
    let announced = reader.u16("chunk length")?;
    let len = usize::from(announced);
    let present = reader.rest().len();
    match present.checked_sub(len) {
        // check: B50
        Some(0 | 1) => Ok(Packet::SendBodyChunk(3..3 + len)),
        // check: B49
        Some(excess) => Err(ProtocolError::TrailingBytes(excess)),
        // check: B46a
        None => Err(ProtocolError::BadChunk { announced, present }),
    }
}

fn send_headers(mut reader: PayloadReader<'_>) -> Result<Packet<'_>, ProtocolError> {
    let status = reader.u16("status")?;
    // check: B15a
    if !(200..=999).contains(&status) {
        return Err(ProtocolError::BadStatus(status));
    }
    let reason = reader.string("reason")?.filter(|reason| is_worth_showing(reason, status));
    let count = reader.u16("header count")?;
    let headers = reader;
    let (mut content_length, mut length_digits) = (None, &b""[..]);
    let (mut options, mut sets_cookie) = (None, false);
    for index in 0..count {
        let bad = |fault| ProtocolError::BadHeader { index, fault };
        if reader.rest().is_empty() {
            // check: B17a
            return Err(bad(HeaderFault::Missing));
        }
        let (name, value) = read_header(&mut reader, index)?;
        // check: B31a
        if !text::is_field_value(value) {
            return Err(bad(HeaderFault::BadValue));
        }
        match name {
            HeaderName::Known(ResponseHeader::ContentLength) => {
                // check: B43a
                let length = number(value).ok_or(ProtocolError::BadContentLength { index })?;
                // check: B43h
                // check: B43g
                if content_length.is_some_and(|earlier| earlier != length) {
                    return Err(ProtocolError::BadContentLength { index });
                }
                content_length = Some(length);
                let zeros = value.iter().take_while(|byte| **byte == b'0').count();
                length_digits = &value[zeros.min(value.len() - 1)..];
            }
            HeaderName::Known(ResponseHeader::SetCookie) => sets_cookie = true,
            HeaderName::Known(_) => {}
            // check: B22
            HeaderName::Other(other) if !text::is_token(other) => {
                return Err(bad(HeaderFault::BadName));
            }
            HeaderName::Other(other) if is_hop_by_hop(other) => {
                let options = options.get_or_insert(ConnectionOptions::NONE);
                if other.eq_ignore_ascii_case(b"connection") && !options.add(value) {
                    return Err(bad(HeaderFault::TooManyOptions));
                }
            }
            HeaderName::Other(_) => {}
        }
    }
    reader.end()?;
    // RFC 9110: a 204 must not announce a length, and one on a 205 could only be 0. Tomcat sends
    // the length of the body it has swallowed.
    if matches!(status, 204 | 205) {
        (content_length, length_digits) = (None, b"");
    }
    Ok(Packet::SendHeaders(ResponseHead {
        status,
        reason,
        content_length,
        length_digits,
        headers,
        count,
        has_hop_by_hop: options.is_some(),
        sets_cookie,
    }))
}

/// Reads one header. Which bytes it holds is up to the caller.
fn read_header<'a>(
    reader: &mut PayloadReader<'a>,
    index: u16,
) -> Result<(HeaderName<'a>, &'a [u8]), ProtocolError> {
    let bad = |fault| ProtocolError::BadHeader { index, fault };
    let name = match reader.u16("header name")? {
        // check: B21a
        NULL_STRING => return Err(bad(HeaderFault::NullName)),
        code if code >> 8 == u16::from(codes::CODED_NAME) => {
            let known = ResponseHeader::from_code(code as u8);
            // check: B19a
            HeaderName::Known(known.ok_or(ProtocolError::BadHeaderCode(code))?)
        }
        len => {
            let name = reader.string_body(len, "header name")?;
            ResponseHeader::find(name).map_or(HeaderName::Other(name), HeaderName::Known)
        }
    };
    // check: B21b
    let value = reader.string("header value")?.ok_or(bad(HeaderFault::NullValue))?;
    Ok((name, value))
}

/// Returns the name of a header in the payload of a SEND_HEADERS packet, counted from 0, also if the
/// packet is malformed there or behind it. `None` if there is none.
pub fn header_name(payload: &[u8], index: u16) -> Option<&[u8]> {
    let mut reader = PayloadReader::new(payload);
    (reader.u8("packet type").ok()? == codes::SEND_HEADERS).then_some(())?;
    reader.u16("status").ok()?;
    reader.string("reason").ok()?;
    reader.u16("header count").ok()?;
    for _ in 0..index {
        read_name(&mut reader)?;
        reader.string("header value").ok()?;
    }
    read_name(&mut reader)
}

/// Reads the name of a header, whatever it holds.
fn read_name<'a>(reader: &mut PayloadReader<'a>) -> Option<&'a [u8]> {
    match reader.u16("header name").ok()? {
        NULL_STRING => None,
        code if code >> 8 == u16::from(codes::CODED_NAME) => {
            ResponseHeader::from_code(code as u8).map(ResponseHeader::name)
        }
        len => reader.string_body(len, "header name").ok(),
    }
}

/// Tomcat sends the status number as reason; a client is better served with the standard phrase.
fn is_worth_showing(reason: &[u8], status: u16) -> bool {
    // check: B30c
    // check: B30a
    !reason.iter().all(u8::is_ascii_whitespace)
        && number(reason) != Some(u64::from(status))
        && text::is_reason(reason)
}

/// Reads `1*DIGIT` without sign, blank or overflow. httpd counts bytes in 63 bits, and 19 digits
/// are enough for all of them.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value = 0_u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // The largest number of 19 digits fits.
        value = value * 10 + u64::from(digit);
    }
    (value <= i64::MAX as u64).then_some(value)
}

/// Most names the Connection headers of one response may add. Real ones add none, or one; a limit
/// keeps the work for each header small.
const MAX_OPTIONS: usize = 8;
