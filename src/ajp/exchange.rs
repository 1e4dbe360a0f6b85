//! One request as a state machine: the backend's packets in, what to do next out.
//!
//! It knows no socket, no clock and no retry. It decides what the order of packets, the announced
//! lengths and the request's own body allow.
//!
//! ```text
//! BeforeHeaders --SEND_HEADERS--> Body or NoBody --END_RESPONSE--> Done
//!      |                               |
//!      +-- flush: ignored              +-- SEND_BODY_CHUNK: Body, Flush or Ignored
//!      +------- GET_BODY_CHUNK: NeedBody or EndOfBodyAgain -------+
//! ```

use std::ops::Range;

use crate::ajp::body_chunks::take_body_chunks;
use crate::ajp::error::ProtocolError;
use crate::ajp::forward::{forward_request, part_name};
use crate::ajp::frame::{Frame, next_packet};
use crate::ajp::response::{Packet, ResponseHead, parse_packet};
use crate::ajp::{CPING, CPONG, END_OF_BODY, body_packet_header};
use crate::exchange::{
    BodyChunks, Close, EncodeError, Exchange, Part, Ping, RequestBody, RequestParts, Step,
};

/// One request and its response.
#[derive(Clone, Debug)]
pub struct AjpExchange {
    is_head: bool,
    state: ExchangeState,
    request_body: BodyProgress,
    /// Bytes of body still to come; `None` without an announced length.
    remaining: Option<u64>,
    excess: u64,
    flushes: u32,
    /// Whether a CPING is on its way that has not been answered.
    awaits_cpong: bool,
    /// What END_RESPONSE said, once it came.
    backend_allows_reuse: bool,
}

/// The request's body as the backend sees it.
#[derive(Clone, Debug)]
struct BodyProgress {
    /// Bytes that have not been sent; `None` while the length is unknown.
    unsent: Option<u64>,
    /// Whether its end was signalled, or there never was a body.
    ended: bool,
    /// Whether a GET_BODY_CHUNK waits for its answer.
    is_body_requested: bool,
    ends_repeated: u8,
    largest_requested: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExchangeState {
    BeforeHeaders,
    Body,
    /// The status or the method allows no body: chunks are dropped.
    NoBody,
    Done,
}

impl Exchange for AjpExchange {
    type Head<'m> = ResponseHead<'m>;
    type Fault = ProtocolError;
    type BodyHead = [u8; 6];

    const END_OF_BODY: &'static [u8] = &END_OF_BODY;

    const PING: Ping = Ping { question: &CPING, answer: &CPONG };

    #[inline(always)] // it has one caller, which knows most of the parts
    fn write_request<'a>(
        out: &mut Vec<u8>,
        limit: usize,
        request: &RequestParts<'a>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) -> Result<usize, EncodeError> {
        forward_request(out, limit, request, headers, variables)
    }

    #[cold]
    fn part_name<'a>(
        part: Part,
        request: &RequestParts<'a>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) -> Option<Vec<u8>> {
        part_name(part, request, headers, variables)
    }

    #[inline]
    fn body_head(len: u16) -> [u8; 6] {
        body_packet_header(len)
    }

    /// Begins an exchange; `is_head` for the method HEAD.
    fn new(is_head: bool, body: RequestBody) -> Self {
        let unsent = match body {
            RequestBody::None => Some(0),
            RequestBody::Known(len) => Some(len),
            RequestBody::Unknown => None,
        };
        Self {
            is_head,
            state: ExchangeState::BeforeHeaders,
            request_body: BodyProgress {
                unsent,
                ended: unsent == Some(0),
                is_body_requested: false,
                ends_repeated: 0,
                largest_requested: None,
            },
            remaining: None,
            excess: 0,
            flushes: 0,
            awaits_cpong: false,
            backend_allows_reuse: false,
        }
    }

    /// Books that one packet with `bytes` of the body was sent.
    fn body_sent(&mut self, bytes: usize) {
        self.request_body.is_body_requested = false;
        if let Some(unsent) = &mut self.request_body.unsent {
            *unsent = unsent.saturating_sub(bytes as u64);
        }
    }

    /// Books that the end of the body was sent.
    ///
    /// The backend cannot tell a cut body from a whole one, so a caller whose client stopped
    /// early closes the connection instead; after this call such a connection is not reused.
    fn body_ended(&mut self) {
        self.request_body.is_body_requested = false;
        self.request_body.ended = true;
    }

    /// Tells whether nothing of the request's body is left to send.
    fn is_body_sent(&self) -> bool {
        self.request_body.ended || self.request_body.unsent == Some(0)
    }

    /// Returns the largest size the backend has asked for, which is the most its packets hold.
    ///
    /// Worth remembering for its address: until it is known, an unasked first packet must not
    /// carry more than 8,186 bytes. The sizes 0 and 65,535 name no limit and teach nothing.
    fn largest_requested(&self) -> Option<u16> {
        self.request_body.largest_requested
    }

    /// Tells whether a response has begun.
    fn has_headers(&self) -> bool {
        self.state != ExchangeState::BeforeHeaders
    }

    /// Returns how many bytes of body were cut off behind the announced length.
    fn excess_bytes(&self) -> u64 {
        self.excess
    }

    /// Returns how many flushes came in a row, for callers that would wait for ever on a
    /// backend that sends nothing else.
    fn flushes_in_a_row(&self) -> u32 {
        self.flushes
    }

    /// Tells whether a CPING may be sent to find out if the backend has given up the response.
    ///
    /// Only when it can ask for no more body: it would take the CPING for a body packet.
    fn may_probe(&self) -> bool {
        self.request_body.ended && self.state != ExchangeState::Done && !self.awaits_cpong
    }

    /// Books that a CPING was sent. A backend that works on the response answers after its
    /// end, one that has abandoned it answers at once.
    fn probe_sent(&mut self) {
        self.awaits_cpong = true;
    }

    /// Tells whether a CPONG is still to come. It must be taken before the connection is reused.
    fn awaits_pong(&self) -> bool {
        self.awaits_cpong
    }

    /// Tells whether the connection may carry another request now.
    ///
    /// The backend must have said so, its body must have been no longer than announced, it must
    /// not wait for a body packet, none of ours may be unread, and no CPONG may be on its way.
    fn is_reusable(&self) -> bool {
        let request_body = &self.request_body;
        // A body that was cut short may have unread packets in the backend's buffer, where they
        // would be read as its next request. One of unknown length is sent only as asked.
        // check: B57
        let is_clean =
            request_body.unsent.is_none_or(|unsent| unsent == 0) && !request_body.is_body_requested;
        self.state == ExchangeState::Done
            && self.backend_allows_reuse
            && self.excess == 0
            && is_clean
            && !self.awaits_cpong
    }

    /// Tells whether the backend ended the connection together with a complete response.
    fn ends_connection(&self) -> bool {
        self.state == ExchangeState::Done && !self.backend_allows_reuse
    }

    /// Takes the next packet.
    ///
    /// # Errors
    ///
    /// A packet that is malformed or out of order. The connection must be closed then.
    /// [`ProtocolError::ResponseAbandoned`] is the answer to a probe and means what a closed
    /// connection means at this point: see [`on_close`](Self::on_close).
    fn on_message<'m>(
        &mut self,
        payload: &'m [u8],
    ) -> Result<Step<ResponseHead<'m>>, ProtocolError> {
        let step = parse_packet(payload).and_then(|packet| self.on_any(packet));
        // After an error nothing can be said about where the backend is.
        self.backend_allows_reuse &= step.is_ok();
        step
    }

    fn is_abandoned(fault: &ProtocolError) -> bool {
        *fault == ProtocolError::ResponseAbandoned
    }

    #[inline]
    fn next_message(stream: &[u8]) -> Result<Option<Range<usize>>, ProtocolError> {
        Ok(match next_packet(stream)? {
            Frame::Packet { payload } => Some(payload),
            Frame::Incomplete { .. } => None,
        })
    }

    #[inline]
    fn takes_body_chunks(&self) -> bool {
        self.state == ExchangeState::Body
    }

    #[inline]
    fn on_body_chunks(&mut self, stream: &[u8], chunks: &mut BodyChunks) -> usize {
        if !self.takes_body_chunks() {
            chunks.clear();
            return 0;
        }
        let (used, left) = take_body_chunks(stream, self.remaining.unwrap_or(u64::MAX), chunks);
        if used > 0 {
            self.flushes = 0;
            self.remaining = self.remaining.map(|_| left);
        }
        used
    }

    /// Says what it means that the backend closed the connection now.
    fn on_close(&self) -> Close {
        match self.state {
            ExchangeState::Body if self.remaining == Some(0) => Close::Complete,
            ExchangeState::NoBody | ExchangeState::Done => Close::Complete,
            ExchangeState::BeforeHeaders | ExchangeState::Body => Close::Broken,
        }
    }
}

impl AjpExchange {
    fn on_any<'p>(&mut self, packet: Packet<'p>) -> Result<Step<ResponseHead<'p>>, ProtocolError> {
        match packet {
            Packet::Cpong => self.on_cpong(),
            // It would be taken for the answer to the next client's request.
            _ if self.state == ExchangeState::Done => Err(ProtocolError::Unsolicited),
            Packet::SendHeaders(head) => self.on_headers(head),
            Packet::SendBodyChunk(range) => self.on_chunk(range),
            Packet::GetBodyChunk(requested) => self.on_get_body(requested),
            Packet::EndResponse(reuse) => self.on_end(reuse),
        }
    }

    fn on_headers<'p>(
        &mut self,
        head: ResponseHead<'p>,
    ) -> Result<Step<ResponseHead<'p>>, ProtocolError> {
        // check: B26e
        if self.state != ExchangeState::BeforeHeaders {
            return Err(ProtocolError::SecondHeaders);
        }
        // RFC 9110: responses to HEAD, and 204, 205 and 304 have no body.
        let bodiless = self.is_head || matches!(head.status, 204 | 205 | 304);
        self.state = if bodiless { ExchangeState::NoBody } else { ExchangeState::Body };
        self.remaining = head.content_length;
        self.flushes = 0;
        Ok(Step::Head(head))
    }

    fn on_chunk(
        &mut self,
        range: Range<usize>,
    ) -> Result<Step<ResponseHead<'static>>, ProtocolError> {
        self.flushes = if range.is_empty() { self.flushes.saturating_add(1) } else { 0 };
        match self.state {
            // Some backends send a late flush of the previous response.
            // check: B14
            ExchangeState::BeforeHeaders if range.is_empty() => Ok(Step::Ignored),
            // check: B13
            ExchangeState::BeforeHeaders => Err(ProtocolError::ChunkBeforeHeaders),
            // check: B27a
            ExchangeState::NoBody => Ok(Step::Ignored),
            ExchangeState::Body if range.is_empty() => Ok(Step::Flush),
            ExchangeState::Body => {
                let Some(remaining) = &mut self.remaining else { return Ok(Step::Body(range)) };
                let len = range.len() as u64;
                // check: B41c
                let taken = len.min(*remaining);
                *remaining -= taken;
                self.excess = self.excess.saturating_add(len - taken);
                match taken {
                    0 => Ok(Step::Ignored),
                    taken => Ok(Step::Body(range.start..range.start + taken as usize)),
                }
            }
            ExchangeState::Done => Err(ProtocolError::Unsolicited),
        }
    }

    fn on_get_body(
        &mut self,
        requested: u16,
    ) -> Result<Step<ResponseHead<'static>>, ProtocolError> {
        self.flushes = 0;
        if self.request_body.is_body_requested || self.awaits_cpong {
            return Err(ProtocolError::BodyRequestOutOfTurn);
        }
        self.request_body.body_requested(requested)
    }

    fn on_end(&mut self, reuse: bool) -> Result<Step<ResponseHead<'static>>, ProtocolError> {
        match self.state {
            // check: B9
            ExchangeState::BeforeHeaders => return Err(ProtocolError::EndBeforeHeaders),
            ExchangeState::Body => {
                // check: B41a
                // check: one-byte-too-few
                if let Some(missing @ 1..) = self.remaining {
                    return Err(ProtocolError::BodyShorterThanContentLength { missing });
                }
            }
            ExchangeState::NoBody | ExchangeState::Done => {}
        }
        self.state = ExchangeState::Done;
        // check: B15d
        self.backend_allows_reuse = reuse;
        Ok(Step::Done { reuse: self.is_reusable() })
    }

    fn on_cpong(&mut self) -> Result<Step<ResponseHead<'static>>, ProtocolError> {
        if !std::mem::take(&mut self.awaits_cpong) {
            // check: B61
            return Err(ProtocolError::UnexpectedCpong);
        }
        match self.state {
            ExchangeState::Done => Ok(Step::Ignored),
            ExchangeState::BeforeHeaders | ExchangeState::Body | ExchangeState::NoBody => {
                Err(ProtocolError::ResponseAbandoned)
            }
        }
    }
}

impl BodyProgress {
    /// Answers a GET_BODY_CHUNK.
    fn body_requested(
        &mut self,
        requested: u16,
    ) -> Result<Step<ResponseHead<'static>>, ProtocolError> {
        // An application that reads up to the end asks once more after the last byte. It may be
        // told so a second time; a third request is no reader but a loop.
        if self.ended {
            self.ends_repeated = self.ends_repeated.saturating_add(1);
            return match self.ends_repeated {
                // check: B53
                1 => Ok(Step::EndOfBodyAgain),
                // check: B54
                _ => Err(ProtocolError::BodyRequestAfterEnd),
            };
        }
        let max = match requested {
            // check: B55b
            0 | u16::MAX => u16::MAX,
            limited => {
                self.largest_requested = self.largest_requested.max(Some(limited));
                limited
            }
        };
        match self.unsent {
            // check: B53-empty
            Some(0) => {
                self.ended = true;
                Ok(Step::EndOfBodyAgain)
            }
            unsent => {
                self.is_body_requested = true;
                let left = unsent.unwrap_or(u64::MAX);
                Ok(Step::NeedBody { max: left.min(u64::from(max)) as usize })
            }
        }
    }
}
