//! A request as every protocol gets it: its parts, its body, and what keeps it from being sent.

use thiserror::Error;

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

/// The parts of a request. Where the administrator's variables replace something, the caller has
/// done so.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // named after what they are
pub struct RequestParts<'a> {
    pub method: &'a [u8],
    pub protocol: &'a [u8],
    /// The path as it is to be forwarded.
    pub uri: &'a [u8],
    pub remote_addr: Option<&'a [u8]>,
    pub remote_host: Option<&'a [u8]>,
    pub remote_port: Port<'a>,
    pub server_name: &'a [u8],
    pub server_port: Port<'a>,
    pub local_addr: &'a [u8],
    /// What is known about the body.
    pub body: RequestBody,
    /// The client's Connection header; httpd has joined repeated ones.
    pub connection: &'a [u8],
    pub secret: Option<&'a [u8]>,
    pub remote_user: Option<&'a [u8]>,
    pub auth_type: Option<&'a [u8]>,
    pub query: Option<&'a [u8]>,
    pub route: Option<&'a [u8]>,
    pub activation: &'static str,
    /// What is known about the client's TLS connection; `None` without TLS.
    pub tls: Option<Tls<'a>>,
}

/// What the backend is told about a TLS connection. An empty value is not sent.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // as above
pub struct Tls<'a> {
    /// The client's certificate with its chain, as PEM text.
    pub certificate: Option<&'a [u8]>,
    pub cipher: Option<&'a [u8]>,
    pub session: Option<&'a [u8]>,
    /// Bits of the key; the digits in front count.
    pub key_size: Option<&'a [u8]>,
    pub protocol: Option<&'a [u8]>,
}

/// A port as the system or as a variable gives it.
#[derive(Clone, Copy, Debug)]
pub enum Port<'a> {
    /// A number.
    Number(u16),
    /// The text of a variable, whatever it is.
    Text(&'a [u8]),
}

/// Why a request cannot be encoded.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum EncodeError {
    /// The request is larger than one packet; it can never be split.
    #[error(
        "the request needs {needed} bytes and max_packet_size is {limit}; its largest part is {largest} with {largest_bytes} bytes"
    )]
    DoesNotFit {
        /// Which group of fields broke the limit.
        cause: Oversize,
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
    /// A field holds a byte that must not reach the backend.
    #[error("{part} contains the byte {byte:#04x}")]
    ForbiddenByte {
        /// Where.
        part: Part,
        /// The first such byte.
        byte: u8,
    },
    /// The caller added a header after an attribute, or attributes in another order than
    /// the protocol lists them.
    #[error("{part} was added too late")]
    OutOfOrder {
        /// The late field.
        part: Part,
    },
}

/// Why a request cannot be encoded, with the name of the header or variable that is to blame.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{error}")]
pub struct NamedEncodeError {
    /// Why.
    pub error: EncodeError,
    /// As the client or the configuration wrote it; none for other parts.
    pub name: Option<Vec<u8>>,
}

impl EncodeError {
    /// Returns the part that is to blame.
    pub fn part(&self) -> Part {
        match *self {
            Self::DoesNotFit { largest, .. } => largest,
            Self::Empty { part } | Self::ForbiddenByte { part, .. } | Self::OutOfOrder { part } => {
                part
            }
        }
    }

    /// Returns the status to answer the client with.
    ///
    /// 414 when the URI and its query alone are too big, 431 when the client's headers make it
    /// too big, 400 for bytes the client should not have sent, and 500 for what only the server's
    /// configuration can cause.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::DoesNotFit { cause: Oversize::RequestLine, .. } => 414,
            Self::DoesNotFit { cause: Oversize::Headers, .. } => 431,
            Self::DoesNotFit { cause: Oversize::ServerData, .. } | Self::OutOfOrder { .. } => 500,
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
pub enum Oversize {
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
    #[error("the name of a header")]
    HeaderName(u32),
    /// The value of a request header.
    #[error("a header")]
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
    #[error("the name of a request attribute")]
    RequestName(u32),
    /// The value of a request attribute.
    #[error("a request attribute")]
    RequestValue(u32),
}

/// Returns the place of a variable with a certificate of the chain, by its name; `None` if it is
/// another variable. One whose name has no number comes behind those that have one.
pub fn chain_number(prefix: &[u8], name: &[u8]) -> Option<u32> {
    let (front, number) = name.split_at_checked(prefix.len())?;
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<u32>().ok());
    front.eq_ignore_ascii_case(prefix).then_some(number.unwrap_or(u32::MAX))
}
