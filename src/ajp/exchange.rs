//! One request as a state machine: the container's packets in, what to do next out.
//!
//! It knows no socket, no clock and no retry. It decides what the order of packets, the announced
//! lengths and the request's own body allow.

use std::ops::Range;

use super::error::ProtocolError;
use super::response::{Packet, ResponseHead, parse_packet};

/// How much body the client announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// None: `content-length: 0` was sent.
    None,
    /// This many bytes, more than 0. The first packet of it goes out unasked.
    Known(u64),
    /// No length: sent only when asked for.
    Unknown,
}

/// What the caller must do next.
#[derive(Clone, Debug)]
pub enum Step<'p> {
    /// Begin the response.
    Head(ResponseHead<'p>),
    /// Pass these bytes of the payload to the client.
    Body(Range<usize>),
    /// Flush what was passed so far.
    Flush,
    /// Send up to `max` bytes of request body, or its end.
    NeedBody {
        /// What the container can take.
        max: usize,
    },
    /// Send the end of the request body once more.
    EndOfBodyAgain,
    /// Nothing.
    Ignored,
    /// The response is complete.
    Done {
        /// Whether the connection may carry another request.
        reuse: bool,
    },
}

/// What a closed connection means for the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Every announced byte was there: only END_RESPONSE is missing.
    Complete,
    /// The response is broken.
    Broken,
}

/// One request and its response.
#[derive(Clone, Debug)]
pub struct Exchange {
    is_head: bool,
    /// Bytes of the request's body that have not been sent; `None` while the length is unknown.
    unsent: Option<u64>,
    body_ended: bool,
    ends_repeated: u8,
    state: State,
    /// Bytes of body still to come; `None` without an announced length.
    remaining: Option<u64>,
    excess: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    BeforeHeaders,
    Body,
    /// The status or the method allows no body: chunks are dropped.
    NoBody,
    Done,
}

impl Exchange {
    /// Begins an exchange; `is_head` for the method HEAD.
    pub fn new(is_head: bool, body: RequestBody) -> Self {
        let unsent = match body {
            RequestBody::None => Some(0),
            RequestBody::Known(len) => Some(len),
            RequestBody::Unknown => None,
        };
        Self {
            is_head,
            unsent,
            body_ended: unsent == Some(0),
            ends_repeated: 0,
            state: State::BeforeHeaders,
            remaining: None,
            excess: false,
        }
    }

    /// Books that `bytes` of the body were sent.
    pub fn body_sent(&mut self, bytes: usize) {
        if let Some(unsent) = &mut self.unsent {
            *unsent = unsent.saturating_sub(bytes as u64);
        }
    }

    /// Books that the end of the body was sent.
    pub fn body_ended(&mut self) {
        self.body_ended = true;
    }

    /// Tells whether all announced bytes of the request's body were sent.
    pub fn is_body_sent(&self) -> bool {
        self.body_ended || self.unsent == Some(0)
    }

    /// Tells whether a response has begun.
    pub fn has_headers(&self) -> bool {
        self.state != State::BeforeHeaders
    }

    /// Takes the next packet.
    ///
    /// # Errors
    ///
    /// A packet that is malformed or out of order. The connection must be closed then.
    pub fn on_packet<'p>(&mut self, payload: &'p [u8]) -> Result<Step<'p>, ProtocolError> {
        if self.state == State::Done {
            return Err(ProtocolError::Unsolicited);
        }
        match parse_packet(payload)? {
            Packet::SendHeaders(head) => self.on_headers(head),
            Packet::SendBodyChunk(range) => self.on_chunk(range),
            Packet::GetBodyChunk(requested) => self.on_get_body(requested),
            Packet::EndResponse(reuse) => self.on_end(reuse),
            Packet::Cpong => Err(ProtocolError::UnexpectedCpong),
        }
    }

    /// Says what it means that the container closed the connection now.
    pub fn on_close(&self) -> Close {
        match self.state {
            State::Body if self.remaining == Some(0) => Close::Complete,
            State::NoBody | State::Done => Close::Complete,
            State::BeforeHeaders | State::Body => Close::Broken,
        }
    }

    fn on_headers<'p>(&mut self, head: ResponseHead<'p>) -> Result<Step<'p>, ProtocolError> {
        if self.state != State::BeforeHeaders {
            return Err(ProtocolError::SecondHeaders);
        }
        // RFC 9110: responses to HEAD, and 204, 205 and 304 have no body.
        let bodiless = self.is_head || matches!(head.status, 204 | 205 | 304);
        self.state = if bodiless { State::NoBody } else { State::Body };
        self.remaining = head.content_length;
        Ok(Step::Head(head))
    }

    fn on_chunk(&mut self, range: Range<usize>) -> Result<Step<'static>, ProtocolError> {
        match self.state {
            // Some containers send a late flush of the previous response.
            State::BeforeHeaders if range.is_empty() => Ok(Step::Ignored),
            State::BeforeHeaders => Err(ProtocolError::ChunkBeforeHeaders),
            State::NoBody => Ok(Step::Ignored),
            State::Body if range.is_empty() => Ok(Step::Flush),
            State::Body => {
                let Some(remaining) = &mut self.remaining else { return Ok(Step::Body(range)) };
                let taken = (range.len() as u64).min(*remaining);
                self.excess |= taken < range.len() as u64;
                *remaining -= taken;
                match taken {
                    0 => Ok(Step::Ignored),
                    taken => Ok(Step::Body(range.start..range.start + taken as usize)),
                }
            }
            State::Done => Err(ProtocolError::Unsolicited),
        }
    }

    fn on_get_body(&mut self, requested: u16) -> Result<Step<'static>, ProtocolError> {
        if self.body_ended {
            self.ends_repeated += 1;
            return match self.ends_repeated {
                1 => Ok(Step::EndOfBodyAgain),
                _ => Err(ProtocolError::BodyRequestAfterEnd),
            };
        }
        // 0 means that the container named no limit.
        let max = if requested == 0 { usize::from(u16::MAX) } else { usize::from(requested) };
        Ok(Step::NeedBody { max })
    }

    fn on_end(&mut self, reuse: bool) -> Result<Step<'static>, ProtocolError> {
        match self.state {
            State::BeforeHeaders => return Err(ProtocolError::EndBeforeHeaders),
            State::Body => {
                if let Some(missing @ 1..) = self.remaining {
                    return Err(ProtocolError::BodyShorterThanContentLength { missing });
                }
            }
            State::NoBody | State::Done => {}
        }
        self.state = State::Done;
        // A body the container has not taken would be read as its next request.
        let upload_is_over = self.is_body_sent() || self.unsent.is_none();
        Ok(Step::Done { reuse: reuse && !self.excess && upload_is_over })
    }

    /// Tells whether the container sent more body than it had announced.
    pub fn has_excess(&self) -> bool {
        self.excess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD_5: &[u8] = b"\x04\x00\xc8\xff\xff\x00\x01\xa0\x03\x00\x015\x00";
    const HEAD: &[u8] = b"\x04\x00\xc8\xff\xff\x00\x00";
    const HEAD_204: &[u8] = b"\x04\x00\xcc\xff\xff\x00\x00";
    const CHUNK: &[u8] = b"\x03\x00\x05hello\x00";
    const FLUSH: &[u8] = b"\x03\x00\x00\x00";
    const END: &[u8] = b"\x05\x01";
    const GET: &[u8] = b"\x06\x1f\xfa";

    /// Feeds packets and writes one letter for each step, or the tag of the error.
    fn run(is_head: bool, body: RequestBody, packets: &[&[u8]]) -> String {
        let mut exchange = Exchange::new(is_head, body);
        let mut seen = String::new();
        for packet in packets {
            match exchange.on_packet(packet) {
                Ok(Step::Head(_)) => seen.push('H'),
                Ok(Step::Body(range)) => seen.push_str(&format!("B{}", range.len())),
                Ok(Step::Flush) => seen.push('F'),
                Ok(Step::NeedBody { max }) => {
                    exchange.body_sent(max);
                    exchange.body_ended();
                    seen.push('N');
                }
                Ok(Step::EndOfBodyAgain) => seen.push('E'),
                Ok(Step::Ignored) => seen.push('-'),
                Ok(Step::Done { reuse }) => seen.push(if reuse { 'R' } else { 'C' }),
                Err(error) => return seen + " " + error.tag(),
            }
        }
        seen
    }

    #[test]
    fn s1_8_order_and_length() {
        use RequestBody::{Known, None, Unknown};
        type Case = (&'static str, bool, RequestBody, &'static [&'static [u8]], &'static str);
        let cases: &[Case] = &[
            ("plain", false, None, &[HEAD, CHUNK, END], "HB5R"),
            ("length kept", false, None, &[HEAD_5, CHUNK, END], "HB5R"),
            ("B9 end first", false, None, &[END], " end_before_headers"),
            ("B13 chunk first", false, None, &[CHUNK], " chunk_before_headers"),
            ("B14 flush first", false, None, &[FLUSH, HEAD, END], "-HR"),
            ("flush", false, None, &[HEAD, FLUSH, CHUNK, END], "HFB5R"),
            ("B41 short", false, None, &[HEAD_5, END], "H body_shorter_than_cl"),
            ("excess is cut", false, None, &[HEAD_5, CHUNK, CHUNK, END], "HB5-C"),
            ("B51 headers twice", false, None, &[HEAD, HEAD], "H second_headers"),
            ("B27 204 with body", false, None, &[HEAD_204, CHUNK, END], "H-R"),
            ("HEAD with length and body", true, None, &[HEAD_5, CHUNK, END], "H-R"),
            ("HEAD with length only", true, None, &[HEAD_5, END], "HR"),
            ("packet after the end", false, None, &[HEAD, END, END], "HR unsolicited"),
            ("cpong", false, None, &[b"\x09"], " unexpected_cpong"),
            ("B53 body asked, none there", false, None, &[GET, HEAD, END], "EHR"),
            ("B54 asked twice", false, None, &[GET, GET], "E body_request_after_end"),
            ("upload", false, Known(9), &[GET, GET, HEAD, END], "NEHR"),
            ("unknown length", false, Unknown, &[GET, HEAD, END], "NHR"),
            ("B57 upload not read", false, Known(20_000), &[HEAD, END], "HC"),
        ];
        for (name, is_head, body, packets, expected) in cases {
            assert_eq!(run(*is_head, *body, packets), *expected, "case: {name}");
        }
    }

    #[test]
    fn s6_7_close_after_the_last_byte_is_complete() {
        let cases: &[(&str, &[&[u8]], Close)] = &[
            ("nothing", &[], Close::Broken),
            ("headers", &[HEAD_5], Close::Broken),
            ("whole body", &[HEAD_5, CHUNK], Close::Complete),
            ("no length", &[HEAD, CHUNK], Close::Broken),
            ("204", &[HEAD_204], Close::Complete),
        ];
        for (name, packets, expected) in cases {
            let mut exchange = Exchange::new(false, RequestBody::None);
            for packet in *packets {
                exchange.on_packet(packet).expect("valid packets");
            }
            assert_eq!(exchange.on_close(), *expected, "case: {name}");
        }
    }
}
