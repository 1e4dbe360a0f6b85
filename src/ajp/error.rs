//! What can be wrong with a packet we receive.

use thiserror::Error;

/// Why the backend's bytes are not an answer to our request. Each one ends the connection.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The stream does not begin with `AB`.
    #[error("the peer does not speak AJP")]
    BadMagic {
        /// The first two bytes; the second is 0 if only one had arrived.
        found: [u8; 2],
    },
    /// A packet without payload.
    #[error("a packet of length 0")]
    BadLength,
    /// A packet type that no backend may send.
    #[error("unknown packet type {0:#04x}")]
    BadType(u8),
    /// The packet ends inside a field.
    #[error("the packet ends inside {0}")]
    ShortPacket(&'static str),
    /// The packet goes on behind its last field.
    #[error("{0} bytes behind the last field")]
    TrailingBytes(usize),
    /// A string runs past the packet or lacks its NUL.
    #[error("{0} is cut or lacks its terminator")]
    BadString(&'static str),
    /// A status that cannot be a final answer.
    #[error("impossible status {0}")]
    BadStatus(u16),
    /// A coded header name outside `A001` to `A00B`.
    #[error("unknown header code {0:#06x}")]
    BadHeaderCode(u16),
    /// A header that must not reach the client.
    #[error("a response header: {fault}")]
    BadHeader {
        /// Which header, counted from 0.
        index: u16,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// A Content-Length that is no number, too large, or contradicts another one.
    #[error("the response header \"Content-Length\" is malformed or contradicts another one")]
    BadContentLength {
        /// Which header, counted from 0.
        index: u16,
    },
    /// SEND_BODY_CHUNK announces more than the packet holds.
    #[error("a body chunk announces {announced} bytes and has {present}")]
    BadChunk {
        /// The length field.
        announced: u16,
        /// Bytes that follow it.
        present: usize,
    },
    /// END_RESPONSE with a reuse flag other than 0 and 1.
    #[error("reuse flag {0:#04x}")]
    BadReuse(u8),
    /// Body data before SEND_HEADERS.
    #[error("body data before the headers")]
    ChunkBeforeHeaders,
    /// SEND_HEADERS for the second time.
    #[error("a second header packet")]
    SecondHeaders,
    /// END_RESPONSE without SEND_HEADERS.
    #[error("the response ended before its headers")]
    EndBeforeHeaders,
    /// A packet after END_RESPONSE that belongs to no request.
    #[error("a packet after the end of the response")]
    Unsolicited,
    /// CPONG without a CPING.
    #[error("an unexpected CPONG")]
    UnexpectedCpong,
    /// CPONG before END_RESPONSE: the backend waits for the next request, nothing more of this
    /// response will come.
    #[error("the backend abandoned the response")]
    ResponseAbandoned,
    /// GET_BODY_CHUNK again after the end of the body was signalled twice.
    #[error("the backend requested more of the body after its end")]
    BodyRequestAfterEnd,
    /// GET_BODY_CHUNK while the previous one waits for its answer, or while a CPING is under way
    /// that the backend now takes for body data.
    #[error("the backend requested body data out of turn")]
    BodyRequestOutOfTurn,
    /// The response ended before its Content-Length was reached.
    #[error("the response ended {missing} bytes before its Content-Length")]
    BodyShorterThanContentLength {
        /// Bytes that did not arrive.
        missing: u64,
    },
}

impl ProtocolError {
    /// Tells whether these bytes are no packet a backend sends, whatever the application did: the
    /// other end speaks another protocol, or the stream is out of step.
    pub fn is_no_packet(&self) -> bool {
        matches!(self, Self::BadMagic { .. } | Self::BadLength | Self::BadType(_))
    }

    /// Returns the short name under which this error is logged and counted.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::BadMagic { .. } => "bad_magic",
            Self::BadLength => "bad_length",
            Self::BadType(_) => "bad_type",
            Self::ShortPacket(_) => "short_packet",
            Self::TrailingBytes(_) => "trailing_bytes",
            Self::BadString(_) => "bad_string",
            Self::BadStatus(_) => "bad_status",
            Self::BadHeaderCode(_) => "bad_header_code",
            Self::BadHeader { fault, .. } => match fault {
                HeaderFault::Missing => "header_missing",
                HeaderFault::NullName | HeaderFault::BadName => "bad_header_name",
                HeaderFault::NullValue | HeaderFault::BadValue => "bad_header_value",
                HeaderFault::TooManyOptions => "too_many_connection_options",
            },
            Self::BadContentLength { .. } => "bad_content_length",
            Self::BadChunk { .. } => "bad_chunk",
            Self::BadReuse(_) => "bad_reuse",
            Self::ChunkBeforeHeaders => "chunk_before_headers",
            Self::SecondHeaders => "second_headers",
            Self::EndBeforeHeaders => "end_before_headers",
            Self::Unsolicited => "unsolicited",
            Self::UnexpectedCpong => "unexpected_cpong",
            Self::ResponseAbandoned => "response_abandoned",
            Self::BodyRequestAfterEnd => "body_request_after_end",
            Self::BodyRequestOutOfTurn => "body_request_out_of_turn",
            Self::BodyShorterThanContentLength { .. } => "body_shorter_than_cl",
        }
    }
}

/// What is wrong with a response header.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum HeaderFault {
    /// Fewer headers follow than were announced.
    #[error("announced but missing")]
    Missing,
    /// The name is the null string.
    #[error("the name is null")]
    NullName,
    /// The name is empty or holds a byte that is not allowed in a token.
    #[error("the name is not a token")]
    BadName,
    /// The value is the null string.
    #[error("the value is null")]
    NullValue,
    /// The value holds a control byte other than TAB.
    #[error("the value contains a control byte")]
    BadValue,
    /// Connection names more headers than any real application does.
    #[error("Connection names too many headers")]
    TooManyOptions,
}
