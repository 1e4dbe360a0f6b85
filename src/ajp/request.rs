//! A request as one FORWARD_REQUEST packet, written straight into a reused buffer.
//!
//! The encoder decides how a field is written, not which fields there are: leaving out hop-by-hop
//! headers, and sending exactly one Content-Length, is up to the caller.

use std::fmt;

use super::codes::{self, RequestHeader, method_code};
use super::error::{Cause, EncodeError, Part};
use super::text;
use super::writer::Writer;

/// The fixed fields of a request, in wire order.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Method token, case kept; HEAD is `HEAD`, not a GET.
    pub method: &'a [u8],
    /// Such as `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// Path without query, escaped as it is to be forwarded.
    pub uri: &'a [u8],
    /// The client's address as text.
    pub remote_addr: Option<&'a [u8]>,
    /// The client's host name, if it was looked up.
    pub remote_host: Option<&'a [u8]>,
    /// The server's name; the container uses it where the request has no Host header.
    pub server_name: &'a [u8],
    /// The server's port.
    pub server_port: u16,
    /// Whether the client connection is TLS.
    pub is_tls: bool,
}

/// An optional field of a request. The variants stand in the order in which they are added, which
/// is mod_jk's; the stored method takes its place between the last two by itself.
#[derive(Clone, Copy)]
#[allow(missing_docs)] // the variants are the names of AJP13
pub enum Attribute<'a> {
    Secret(&'a [u8]),
    RemoteUser(&'a [u8]),
    AuthType(&'a [u8]),
    /// What follows the `?`. An empty one is sent, an absent one is not added.
    QueryString(&'a [u8]),
    Route(&'a [u8]),
    /// One or more certificates as PEM text.
    SslCert(&'a [u8]),
    SslCipher(&'a [u8]),
    SslSession(&'a [u8]),
    SslKeySize(u16),
    /// A request attribute the servlet can read; there may be several.
    Request {
        /// Unless the container knows it, it must match its `allowedRequestAttributesPattern`.
        name: &'a [u8],
        /// Any bytes but NUL, as environment variables may hold certificates.
        value: &'a [u8],
    },
}

impl fmt::Debug for Attribute<'_> {
    /// Shows which attribute it is; the value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request { name, .. } => write!(f, "Request({})", name.escape_ascii()),
            Self::SslKeySize(bits) => write!(f, "SslKeySize({bits})"),
            other => write!(f, "{:?}", other.fields(0).0),
        }
    }
}

impl<'a> Attribute<'a> {
    /// Returns the field's name, its code and its value.
    fn fields(&self, index: u32) -> (Part, u8, Value<'a>) {
        match *self {
            Self::Secret(text) => (Part::Secret, codes::SECRET, Value::Line(text)),
            Self::RemoteUser(text) => (Part::RemoteUser, codes::REMOTE_USER, Value::Line(text)),
            Self::AuthType(text) => (Part::AuthType, codes::AUTH_TYPE, Value::Line(text)),
            Self::QueryString(text) => (Part::QueryString, codes::QUERY_STRING, Value::Uri(text)),
            Self::Route(text) => (Part::Route, codes::ROUTE, Value::Line(text)),
            Self::SslCert(text) => (Part::SslCert, codes::SSL_CERT, Value::Lines(text)),
            Self::SslCipher(text) => (Part::SslCipher, codes::SSL_CIPHER, Value::Line(text)),
            Self::SslSession(text) => (Part::SslSession, codes::SSL_SESSION, Value::Line(text)),
            Self::SslKeySize(bits) => (Part::SslKeySize, codes::SSL_KEY_SIZE, Value::Bits(bits)),
            Self::Request { name, value } => {
                (Part::RequestValue(index), codes::REQUEST_ATTRIBUTE, Value::Pair(name, value))
            }
        }
    }

    /// Returns the place among the attributes.
    fn rank(&self) -> u8 {
        match self {
            Self::Secret(_) => 1,
            Self::RemoteUser(_) => 2,
            Self::AuthType(_) => 3,
            Self::QueryString(_) => 4,
            Self::Route(_) => 5,
            Self::SslCert(_) => 6,
            Self::SslCipher(_) => 7,
            Self::SslSession(_) => 8,
            Self::SslKeySize(_) => 9,
            Self::Request { .. } => LAST_RANK,
        }
    }
}

/// The value of an attribute and which bytes it may hold.
#[derive(Clone, Copy)]
enum Value<'a> {
    Bits(u16),
    Line(&'a [u8]),
    Lines(&'a [u8]),
    Pair(&'a [u8], &'a [u8]),
    Uri(&'a [u8]),
}

/// Writes one request: headers first, then attributes, then [`finish`](Self::finish).
///
/// Nothing is refused before `finish`: only the sum of all fields tells how many bytes a request
/// needs that does not fit, and whose data was too much.
pub struct RequestEncoder<'b> {
    writer: Writer<'b>,
    /// The method if it has no code and its place has not come.
    stored_method: Option<&'b [u8]>,
    count_at: usize,
    headers: u32,
    /// Rank of the last attribute, 0 while there may be headers.
    rank: u8,
    request_attributes: u32,
    /// Bytes of the request line and the query string.
    line_bytes: usize,
    /// Bytes of everything else the client has chosen.
    header_bytes: usize,
    largest: (Part, usize),
    fault: Option<EncodeError>,
}

impl<'b> RequestEncoder<'b> {
    /// Empties `out` and begins a request of at most `max_packet_size` bytes, header included.
    pub fn new(out: &'b mut Vec<u8>, max_packet_size: usize, head: &RequestHead<'b>) -> Self {
        let code = method_code(head.method);
        let mut writer = Writer::new(out, max_packet_size);
        writer.u8(codes::FORWARD_REQUEST);
        writer.u8(code.unwrap_or(codes::METHOD_STORED));
        writer.string(head.protocol);
        writer.string(head.uri);
        let line_bytes = writer.needed();
        writer.optional_string(head.remote_addr);
        writer.optional_string(head.remote_host);
        writer.string(head.server_name);
        writer.u16(head.server_port);
        writer.u8(u8::from(head.is_tls));
        let count_at = writer.u16(0);
        let mut encoder = Self {
            stored_method: code.is_none().then_some(head.method),
            count_at,
            headers: 0,
            rank: 0,
            request_attributes: 0,
            line_bytes,
            header_bytes: writer.needed() - line_bytes,
            largest: (Part::Uri, head.uri.len()),
            fault: None,
            writer,
        };
        if code.is_none() {
            encoder.check(text::is_token, Part::Method, head.method);
        }
        encoder.check(text::is_field_value, Part::Protocol, head.protocol);
        encoder.check(is_uri, Part::Uri, head.uri);
        encoder.check(text::is_field_value, Part::RemoteAddr, head.remote_addr.unwrap_or_default());
        encoder.check(text::is_field_value, Part::RemoteHost, head.remote_host.unwrap_or_default());
        encoder.check(text::is_field_value, Part::ServerName, head.server_name);
        encoder
    }

    /// Adds a header. The caller sends exactly one Content-Length, or none for a body of unknown
    /// length: this type does not know the body.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        let index = self.headers;
        self.headers = index.saturating_add(1);
        if self.rank > 0 {
            self.refuse(EncodeError::OutOfOrder { part: Part::HeaderName(index) });
            return;
        }
        self.check(text::is_field_value, Part::HeaderValue(index), value);
        let before = self.writer.needed();
        match RequestHeader::find(name) {
            Some(coded) => self.writer.coded_header(coded as u8, value),
            None => {
                self.check(text::is_token, Part::HeaderName(index), name);
                self.writer.string(name);
                self.writer.string(value);
            }
        }
        self.header_bytes += self.grown(before, Part::HeaderValue(index));
    }

    /// Adds an attribute; no header may follow, and no attribute that stands before it.
    pub fn attribute(&mut self, attribute: Attribute<'_>) {
        let (part, code, value) = attribute.fields(self.request_attributes);
        let rank = attribute.rank();
        if rank < self.rank || (rank == self.rank && rank != LAST_RANK) {
            self.refuse(EncodeError::OutOfOrder { part });
            return;
        }
        self.rank = rank;
        if rank == LAST_RANK {
            self.put_stored_method();
        }
        let before = self.writer.needed();
        match value {
            Value::Bits(bits) => {
                self.writer.u8(code);
                self.writer.u16(bits);
            }
            Value::Line(text) => {
                self.check(text::is_field_value, part, text);
                self.writer.coded_string(code, text);
            }
            Value::Lines(text) => {
                self.check(has_no_nul, part, text);
                self.writer.coded_string(code, text);
            }
            Value::Uri(text) => {
                self.check(text::is_uri_text, part, text);
                self.writer.coded_string(code, text);
            }
            Value::Pair(name, value) => {
                let name_part = Part::RequestName(self.request_attributes);
                self.request_attributes = self.request_attributes.saturating_add(1);
                self.check(is_attribute_name, name_part, name);
                self.check(has_no_nul, part, value);
                self.writer.coded_pair(code, name, value);
            }
        }
        let bytes = self.grown(before, part);
        if part == Part::QueryString {
            self.line_bytes += bytes;
        }
    }

    /// Ends the packet and fills in its lengths. Without it, or if it fails, the buffer holds
    /// nothing that may be sent.
    ///
    /// # Errors
    ///
    /// The first forbidden byte, or what made the request too big.
    pub fn finish(mut self) -> Result<(), EncodeError> {
        self.put_stored_method();
        self.writer.u8(codes::END_OF_ATTRIBUTES);
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        // A request of more than 65,535 headers fits no packet, so only a whole one is patched.
        if !self.writer.finish() {
            return Err(self.too_big());
        }
        self.writer.patch(self.count_at, self.headers as u16);
        Ok(())
    }

    /// Writes the method that has no code, once.
    fn put_stored_method(&mut self) {
        if let Some(method) = self.stored_method.take() {
            let before = self.writer.needed();
            self.writer.coded_string(codes::STORED_METHOD, method);
            self.line_bytes += self.grown(before, Part::Method);
        }
    }

    /// Returns the bytes added since `before`, and remembers the largest field.
    fn grown(&mut self, before: usize, part: Part) -> usize {
        let bytes = self.writer.needed() - before;
        if bytes > self.largest.1 {
            self.largest = (part, bytes);
        }
        bytes
    }

    fn check(&mut self, is_fine: impl Fn(&[u8]) -> bool, part: Part, bytes: &[u8]) {
        if !is_fine(bytes) {
            // A byte that is bad alone is bad in company, and an empty name has none.
            let bad = bytes.iter().copied().find(|&byte| !is_fine(&[byte]));
            self.refuse(match bad {
                Some(byte) => EncodeError::ForbiddenByte { part, byte },
                None => EncodeError::Empty { part },
            });
        }
    }

    #[cold]
    fn refuse(&mut self, fault: EncodeError) {
        self.fault.get_or_insert(fault);
    }

    #[cold]
    fn too_big(&self) -> EncodeError {
        let limit = self.writer.limit();
        let cause = if self.line_bytes >= limit {
            Cause::RequestLine
        } else if self.line_bytes + self.header_bytes >= limit {
            Cause::Headers
        } else {
            Cause::ServerData
        };
        let (largest, largest_bytes) = self.largest;
        EncodeError::DoesNotFit {
            cause,
            largest,
            largest_bytes,
            needed: self.writer.needed(),
            limit,
        }
    }
}

fn is_uri(bytes: &[u8]) -> bool {
    !bytes.is_empty() && text::is_uri_text(bytes)
}

fn is_attribute_name(bytes: &[u8]) -> bool {
    !bytes.is_empty() && text::is_field_value(bytes)
}

fn has_no_nul(bytes: &[u8]) -> bool {
    memchr::memchr(0, bytes).is_none()
}

/// Rank of the request attributes, the only ones that may repeat.
const LAST_RANK: u8 = 10;
