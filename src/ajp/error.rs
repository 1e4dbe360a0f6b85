//! What can be wrong with a request we encode and with a packet we receive.

use thiserror::Error;

/// Why a request cannot be encoded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    /// The request is larger than one packet; it can never be split.
    #[error(
        "the request needs {needed} bytes, the packet holds {limit}, {largest} has {largest_bytes}"
    )]
    DoesNotFit {
        /// Which group of fields broke the limit.
        cause: Cause,
        /// The largest single item.
        largest: Part,
        /// Bytes of the largest item.
        largest_bytes: usize,
        /// Bytes the whole packet would take.
        needed: usize,
        /// Bytes the packet may take.
        limit: usize,
    },
    /// A field that must not be empty is.
    #[error("{part} is empty")]
    Empty {
        /// Where.
        part: Part,
    },
    /// A field holds a byte that must not reach the container.
    #[error("{part} contains the byte {byte:#04x}")]
    ForbiddenByte {
        /// Where.
        part: Part,
        /// The first such byte.
        byte: u8,
    },
    /// The caller added a header after an attribute, or attributes in another order than
    /// [`Attribute`](super::Attribute) lists them.
    #[error("{part} was added too late")]
    OutOfOrder {
        /// The late field.
        part: Part,
    },
}

impl EncodeError {
    /// Returns the status to answer the client with.
    ///
    /// 414 when the URI and its query alone are too big, 431 when the client's headers make it
    /// too big, 400 for bytes the client should not have sent, and 500 for what only the server's
    /// configuration can cause.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::DoesNotFit { cause: Cause::RequestLine, .. } => 414,
            Self::DoesNotFit { cause: Cause::Headers, .. } => 431,
            Self::DoesNotFit { cause: Cause::ServerData, .. } | Self::OutOfOrder { .. } => 500,
            Self::Empty { part } | Self::ForbiddenByte { part, .. } => match part {
                Part::Method
                | Part::Protocol
                | Part::Uri
                | Part::ServerName
                | Part::HeaderName(_)
                | Part::HeaderValue(_)
                | Part::QueryString
                | Part::RemoteUser => 400,
                Part::RemoteAddr
                | Part::RemoteHost
                | Part::Secret
                | Part::AuthType
                | Part::Route
                | Part::SslCert
                | Part::SslCipher
                | Part::SslSession
                | Part::SslKeySize
                | Part::RequestName(_)
                | Part::RequestValue(_) => 500,
            },
        }
    }
}

/// Whose data made a request too big.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The URI and the query string leave no room even without headers.
    RequestLine,
    /// The request line fits, the client's headers do not.
    Headers,
    /// What the client sent fits; certificates, the secret, environment variables do not.
    ServerData,
}

/// A field of a request. Indices count from 0 in the order the fields were added.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Part {
    /// The method token.
    #[error("the method")]
    Method,
    /// The protocol name and version.
    #[error("the protocol")]
    Protocol,
    /// The path.
    #[error("the URI")]
    Uri,
    /// The client's address.
    #[error("the remote address")]
    RemoteAddr,
    /// The client's host name.
    #[error("the remote host")]
    RemoteHost,
    /// The server's name.
    #[error("the server name")]
    ServerName,
    /// The name of a request header.
    #[error("the name of header {0}")]
    HeaderName(u32),
    /// The value of a request header.
    #[error("the value of header {0}")]
    HeaderValue(u32),
    /// The worker's secret.
    #[error("the secret")]
    Secret,
    /// The authenticated user.
    #[error("the remote user")]
    RemoteUser,
    /// The kind of authentication.
    #[error("the authentication type")]
    AuthType,
    /// The query string.
    #[error("the query string")]
    QueryString,
    /// The balancer's route.
    #[error("the route")]
    Route,
    /// The client's certificate or chain.
    #[error("the client certificate")]
    SslCert,
    /// The TLS cipher.
    #[error("the TLS cipher")]
    SslCipher,
    /// The TLS session id.
    #[error("the TLS session id")]
    SslSession,
    /// The TLS key size.
    #[error("the TLS key size")]
    SslKeySize,
    /// The name of a request attribute.
    #[error("the name of request attribute {0}")]
    RequestName(u32),
    /// The value of a request attribute.
    #[error("the value of request attribute {0}")]
    RequestValue(u32),
}

/// Why the container's bytes are not an answer to our request. Each one ends the connection.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// The stream does not begin with `AB`.
    #[error("a packet begins with {found:02x?}, not with \"AB\"")]
    BadMagic {
        /// The first two bytes; the second is 0 if only one had arrived.
        found: [u8; 2],
    },
    /// A packet without payload.
    #[error("a packet of length 0")]
    BadLength,
    /// A packet type that no container may send.
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
    #[error("header {index}: {fault}")]
    BadHeader {
        /// Which header, counted from 0.
        index: u16,
        /// What is wrong with it.
        fault: HeaderFault,
    },
    /// A Content-Length that is no number, too large, or contradicts another one.
    #[error("header {index}: Content-Length is malformed or contradictory")]
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
    #[error("a second block of headers")]
    SecondHeaders,
    /// END_RESPONSE without SEND_HEADERS.
    #[error("the response ended before its headers")]
    EndBeforeHeaders,
    /// A packet after END_RESPONSE that nobody asked for.
    #[error("a packet after the end of the response")]
    Unsolicited,
    /// CPONG without a CPING.
    #[error("an unexpected CPONG")]
    UnexpectedCpong,
    /// CPONG before END_RESPONSE: the container waits for the next request, nothing more of this
    /// response will come.
    #[error("the container has given up the response")]
    ResponseAbandoned,
    /// GET_BODY_CHUNK again after the end of the body was signalled twice.
    #[error("the container asks for more body after its end")]
    BodyRequestAfterEnd,
    /// GET_BODY_CHUNK while the previous one waits for its answer, or while a CPING is under way
    /// that the container now takes for body data.
    #[error("the container asks for body out of turn")]
    BodyRequestOutOfTurn,
    /// The response ended before its Content-Length was reached.
    #[error("the response ended {missing} bytes before its Content-Length")]
    BodyShorterThanContentLength {
        /// Bytes that did not arrive.
        missing: u64,
    },
}

impl ProtocolError {
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
