//! One request as a state machine: the container's packets in, what to do next out.
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
    /// Pass these bytes of the payload to the client. Never empty.
    Body(Range<usize>),
    /// Flush what was passed so far.
    Flush,
    /// Send one packet of up to `max` bytes of request body, or its end, before taking the next
    /// packet.
    NeedBody {
        /// What the container can take and the client has left, more than 0. The own packet size
        /// may be smaller.
        max: usize,
    },
    /// Send the end of the request body: there is nothing to send, or nothing left.
    EndOfBodyAgain,
    /// Nothing.
    Ignored,
    /// The response is complete.
    Done {
        /// Whether the connection may carry another request; same as
        /// [`Exchange::is_reusable`].
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
    pub(super) state: State,
    upload: Upload,
    /// Bytes of body still to come; `None` without an announced length.
    pub(super) remaining: Option<u64>,
    excess: u64,
    pub(super) flushes: u32,
    /// Whether a CPING is on its way that has not been answered.
    awaits_cpong: bool,
    /// What END_RESPONSE said, once it came.
    container_allows_reuse: bool,
}

/// The request's body as the container sees it.
#[derive(Clone, Debug)]
struct Upload {
    /// Bytes that have not been sent; `None` while the length is unknown.
    unsent: Option<u64>,
    /// Whether its end was signalled, or there never was a body.
    ended: bool,
    /// Whether a GET_BODY_CHUNK waits for its answer.
    is_asked: bool,
    ends_repeated: u8,
    largest_requested: Option<u16>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
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
            state: State::BeforeHeaders,
            upload: Upload {
                unsent,
                ended: unsent == Some(0),
                is_asked: false,
                ends_repeated: 0,
                largest_requested: None,
            },
            remaining: None,
            excess: 0,
            flushes: 0,
            awaits_cpong: false,
            container_allows_reuse: false,
        }
    }

    /// Books that one packet with `bytes` of the body was sent.
    pub fn body_sent(&mut self, bytes: usize) {
        self.upload.is_asked = false;
        if let Some(unsent) = &mut self.upload.unsent {
            *unsent = unsent.saturating_sub(bytes as u64);
        }
    }

    /// Books that the end of the body was sent.
    ///
    /// The container cannot tell a cut body from a whole one, so a caller whose client stopped
    /// early closes the connection instead; after this call such a connection is not reused.
    pub fn body_ended(&mut self) {
        self.upload.is_asked = false;
        self.upload.ended = true;
    }

    /// Tells whether nothing of the request's body is left to send.
    pub fn is_body_sent(&self) -> bool {
        self.upload.ended || self.upload.unsent == Some(0)
    }

    /// Returns the largest size the container has asked for, which is the most its packets hold.
    ///
    /// Worth remembering for its address: until it is known, an unasked first packet must not
    /// carry more than 8,186 bytes. The sizes 0 and 65,535 name no limit and teach nothing.
    pub fn largest_requested(&self) -> Option<u16> {
        self.upload.largest_requested
    }

    /// Tells whether a response has begun.
    pub fn has_headers(&self) -> bool {
        self.state != State::BeforeHeaders
    }

    /// Tells whether the container sent more body than it had announced.
    pub fn has_excess(&self) -> bool {
        self.excess > 0
    }

    /// Returns how many bytes of body were cut off behind the announced length.
    pub fn excess_bytes(&self) -> u64 {
        self.excess
    }

    /// Returns how many flushes came in a row, for callers that would wait for ever on a
    /// container that sends nothing else.
    pub fn flushes_in_a_row(&self) -> u32 {
        self.flushes
    }

    /// Tells whether a CPING may be sent to find out if the container has given up the response.
    ///
    /// Only when it can ask for no more body: it would take the CPING for a body packet.
    pub fn may_probe(&self) -> bool {
        self.upload.ended && self.state != State::Done && !self.awaits_cpong
    }

    /// Books that a CPING was sent. A container that works on the response answers after its
    /// end, one that has abandoned it answers at once.
    pub fn probe_sent(&mut self) {
        self.awaits_cpong = true;
    }

    /// Tells whether a CPONG is still to come. It must be taken before the connection is reused.
    pub fn awaits_cpong(&self) -> bool {
        self.awaits_cpong
    }

    /// Tells whether the connection may carry another request now.
    ///
    /// The container must have said so, its body must have been no longer than announced, it must
    /// not wait for a body packet, none of ours may be unread, and no CPONG may be on its way.
    pub fn is_reusable(&self) -> bool {
        let upload = &self.upload;
        // A body that was cut short may have unread packets in the container's buffer, where they
        // would be read as its next request. One of unknown length is sent only as asked.
        let is_clean = upload.unsent.is_none_or(|unsent| unsent == 0) && !upload.is_asked;
        self.state == State::Done
            && self.container_allows_reuse
            && self.excess == 0
            && is_clean
            && !self.awaits_cpong
    }

    /// Takes the next packet.
    ///
    /// # Errors
    ///
    /// A packet that is malformed or out of order. The connection must be closed then.
    /// [`ProtocolError::ResponseAbandoned`] is the answer to a probe and means what a closed
    /// connection means at this point: see [`on_close`](Self::on_close).
    pub fn on_packet<'p>(&mut self, payload: &'p [u8]) -> Result<Step<'p>, ProtocolError> {
        let step = parse_packet(payload).and_then(|packet| self.on_any(packet));
        // After an error nothing can be said about where the container is.
        self.container_allows_reuse &= step.is_ok();
        step
    }

    /// Says what it means that the container closed the connection now.
    pub fn on_close(&self) -> Close {
        match self.state {
            State::Body if self.remaining == Some(0) => Close::Complete,
            State::NoBody | State::Done => Close::Complete,
            State::BeforeHeaders | State::Body => Close::Broken,
        }
    }

    fn on_any<'p>(&mut self, packet: Packet<'p>) -> Result<Step<'p>, ProtocolError> {
        match packet {
            Packet::Cpong => self.on_cpong(),
            // It would be taken for the answer to the next client's request.
            _ if self.state == State::Done => Err(ProtocolError::Unsolicited),
            Packet::SendHeaders(head) => self.on_headers(head),
            Packet::SendBodyChunk(range) => self.on_chunk(range),
            Packet::GetBodyChunk(requested) => self.on_get_body(requested),
            Packet::EndResponse(reuse) => self.on_end(reuse),
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
        self.flushes = 0;
        Ok(Step::Head(head))
    }

    fn on_chunk(&mut self, range: Range<usize>) -> Result<Step<'static>, ProtocolError> {
        self.flushes = if range.is_empty() { self.flushes.saturating_add(1) } else { 0 };
        match self.state {
            // Some containers send a late flush of the previous response.
            State::BeforeHeaders if range.is_empty() => Ok(Step::Ignored),
            State::BeforeHeaders => Err(ProtocolError::ChunkBeforeHeaders),
            State::NoBody => Ok(Step::Ignored),
            State::Body if range.is_empty() => Ok(Step::Flush),
            State::Body => {
                let Some(remaining) = &mut self.remaining else { return Ok(Step::Body(range)) };
                let len = range.len() as u64;
                let taken = len.min(*remaining);
                *remaining -= taken;
                self.excess = self.excess.saturating_add(len - taken);
                match taken {
                    0 => Ok(Step::Ignored),
                    taken => Ok(Step::Body(range.start..range.start + taken as usize)),
                }
            }
            State::Done => Err(ProtocolError::Unsolicited),
        }
    }

    fn on_get_body(&mut self, requested: u16) -> Result<Step<'static>, ProtocolError> {
        self.flushes = 0;
        if self.upload.is_asked || self.awaits_cpong {
            return Err(ProtocolError::BodyRequestOutOfTurn);
        }
        self.upload.asked(requested)
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
        self.container_allows_reuse = reuse;
        Ok(Step::Done { reuse: self.is_reusable() })
    }

    fn on_cpong(&mut self) -> Result<Step<'static>, ProtocolError> {
        if !std::mem::take(&mut self.awaits_cpong) {
            return Err(ProtocolError::UnexpectedCpong);
        }
        match self.state {
            State::Done => Ok(Step::Ignored),
            State::BeforeHeaders | State::Body | State::NoBody => {
                Err(ProtocolError::ResponseAbandoned)
            }
        }
    }
}

impl Upload {
    /// Answers a GET_BODY_CHUNK.
    fn asked(&mut self, requested: u16) -> Result<Step<'static>, ProtocolError> {
        // An application that reads up to the end asks once more after the last byte. It may be
        // told so a second time; a third request is no reader but a loop.
        if self.ended {
            self.ends_repeated = self.ends_repeated.saturating_add(1);
            return match self.ends_repeated {
                1 => Ok(Step::EndOfBodyAgain),
                _ => Err(ProtocolError::BodyRequestAfterEnd),
            };
        }
        let max = match requested {
            0 | u16::MAX => u16::MAX,
            limited => {
                self.largest_requested = self.largest_requested.max(Some(limited));
                limited
            }
        };
        match self.unsent {
            Some(0) => {
                self.ended = true;
                Ok(Step::EndOfBodyAgain)
            }
            unsent => {
                self.is_asked = true;
                let left = unsent.unwrap_or(u64::MAX);
                Ok(Step::NeedBody { max: left.min(u64::from(max)) as usize })
            }
        }
    }
}
