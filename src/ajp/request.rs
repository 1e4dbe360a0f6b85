//! A request as one FORWARD_REQUEST packet, written straight into a reused buffer.
//!
//! The encoder decides how a field is written, not which fields there are: leaving out hop-by-hop
//! headers, and sending exactly one Content-Length, is up to the caller.

use crate::ajp::codes;
use crate::ajp::codes::{RequestHeader, method_code};
use crate::ajp::request_fields::{Attribute, OwnAttribute, RequestHead, prefixes};
use crate::ajp::text;
use crate::ajp::writer::Writer;
use crate::exchange::{EncodeError, Oversize, Part};

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
    /// Bytes of the request line and of the query string, which the client has chosen.
    line_bytes: usize,
    query_bytes: usize,
    /// Bytes that the server's configuration has added: secret, certificates, variables.
    server_bytes: usize,
    largest: (Part, usize),
    fault: Option<EncodeError>,
}

/// Makes a request in a packet of its own, as long as it is; `fill` adds headers and attributes. What
/// is sent again and again goes into a buffer that is used again, see [`RequestEncoder::new`].
///
/// # Errors
///
/// As for [`RequestEncoder::finish`].
pub fn request_packet(
    max_packet_size: usize,
    head: &RequestHead<'_>,
    fill: impl FnOnce(&mut RequestEncoder<'_>),
) -> Result<Vec<u8>, EncodeError> {
    let mut packet = Vec::new();
    let mut encoder = RequestEncoder::new(&mut packet, max_packet_size, head);
    fill(&mut encoder);
    let len = encoder.finish()?;
    packet.truncate(len);
    Ok(packet)
}

impl<'b> RequestEncoder<'b> {
    /// Begins a request of at most `max_packet_size` bytes, header included, at the front of `out`,
    /// which grows to that size.
    #[inline(always)] // it has one caller, and what it makes is not small
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
            query_bytes: 0,
            server_bytes: 0,
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
        match RequestHeader::find(name) {
            Some(coded) => self.coded_header(coded, value),
            None => self.spelled_header(name, value),
        }
    }

    /// Adds a header whose name has a code, as [`header`](Self::header) does.
    #[inline]
    pub fn coded_header(&mut self, name: RequestHeader, value: &[u8]) {
        if self.begin_header(value).is_some() {
            self.writer.coded_header(name as u8, value);
        }
    }

    /// Adds a header whose name has none.
    pub fn spelled_header(&mut self, name: &[u8], value: &[u8]) {
        if let Some(index) = self.begin_header(value) {
            self.check(text::is_token, Part::HeaderName(index), name);
            self.measure(Part::HeaderName(index), name);
            self.writer.string(name);
            self.writer.string(value);
        }
    }

    /// Returns the number of the next header, if there may still be one.
    #[inline]
    fn begin_header(&mut self, value: &[u8]) -> Option<u32> {
        let index = self.headers;
        self.headers = index.saturating_add(1);
        if self.rank > 0 {
            self.refuse(EncodeError::OutOfOrder { part: Part::HeaderName(index) });
            return None;
        }
        self.check(text::is_field_value, Part::HeaderValue(index), value);
        self.measure(Part::HeaderValue(index), value);
        Some(index)
    }

    /// Adds an attribute; no header may follow, and no attribute that stands before it.
    #[inline(always)] // which attribute it is, every caller knows
    pub fn attribute(&mut self, attribute: Attribute<'_>) {
        let before = self.writer.needed();
        let is_server_data = matches!(
            attribute,
            Attribute::Secret(_) | Attribute::SslCert(_) | Attribute::Request { .. }
        );
        self.put(attribute);
        if is_server_data {
            self.server_bytes += self.writer.needed() - before;
        }
    }

    /// Adds one of the request attributes that every request carries, whatever the configuration:
    /// they take their room from the client's headers.
    #[inline(always)] // which one it is, every caller knows
    pub fn own_attribute(&mut self, own: OwnAttribute<'_>) {
        // What stands before the value is the same each time.
        match own {
            OwnAttribute::RemotePort(text) => {
                self.begin_request_attribute(text);
                self.writer.prefixed_string(prefixes::REMOTE_PORT, text);
            }
            OwnAttribute::LocalAddr(text) => {
                self.begin_request_attribute(text);
                self.writer.prefixed_string(prefixes::LOCAL_ADDR, text);
            }
            OwnAttribute::Activation(word) => {
                // A word of ours.
                self.number_request_attribute();
                let prefix = prefixes::ACTIVATION;
                self.writer.prefixed_string(prefix, word.as_bytes());
            }
            OwnAttribute::SslProtocol(text) => {
                self.begin_request_attribute(text);
                self.writer.prefixed_string(prefixes::SSL_PROTOCOL, text);
            }
        }
    }

    #[inline(always)] // as above
    fn put(&mut self, attribute: Attribute<'_>) {
        match attribute {
            Attribute::Secret(text) => self.line(1, Part::Secret, codes::SECRET, text),
            Attribute::RemoteUser(text) => {
                self.line(2, Part::RemoteUser, codes::REMOTE_USER, text);
            }
            Attribute::AuthType(text) => self.line(3, Part::AuthType, codes::AUTH_TYPE, text),
            Attribute::QueryString(text) => {
                self.query_bytes = text.len() + 4;
                self.text(4, Part::QueryString, codes::QUERY_STRING, text, text::is_uri_text);
            }
            Attribute::Route(text) => self.line(5, Part::Route, codes::ROUTE, text),
            Attribute::SslCert(text) => {
                self.text(6, Part::SslCert, codes::SSL_CERT, text, has_no_nul);
            }
            Attribute::SslCipher(text) => self.line(7, Part::SslCipher, codes::SSL_CIPHER, text),
            Attribute::SslSession(text) => {
                self.line(8, Part::SslSession, codes::SSL_SESSION, text);
            }
            Attribute::SslKeySize(bits) => {
                if self.is_in_order(9, Part::SslKeySize) {
                    self.writer.u8(codes::SSL_KEY_SIZE);
                    self.writer.u16(bits);
                }
            }
            Attribute::Request { name, value } => self.request_attribute(name, value),
        }
    }

    /// Ends the packet, fills in its lengths and returns how many bytes it has. Without it, or if it
    /// fails, the buffer holds nothing that may be sent.
    ///
    /// # Errors
    ///
    /// The first forbidden byte, or what made the request too big.
    #[inline(always)] // as above
    pub fn finish(mut self) -> Result<usize, EncodeError> {
        self.put_stored_method();
        self.writer.u8(codes::END_OF_ATTRIBUTES);
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        // A request of more than 65,535 headers fits no packet, so only a whole one is patched.
        let Some(len) = self.writer.finish() else { return Err(self.too_big()) };
        self.writer.patch(self.count_at, self.headers as u16);
        Ok(len)
    }

    /// Adds an attribute of one line.
    fn line(&mut self, rank: u8, part: Part, code: u8, text: &[u8]) {
        self.text(rank, part, code, text, text::is_field_value);
    }

    #[inline]
    fn text(
        &mut self,
        rank: u8,
        part: Part,
        code: u8,
        text: &[u8],
        is_fine: impl Fn(&[u8]) -> bool,
    ) {
        if self.is_in_order(rank, part) {
            self.check(is_fine, part, text);
            self.measure(part, text);
            self.writer.coded_string(code, text);
        }
    }

    fn request_attribute(&mut self, name: &[u8], value: &[u8]) {
        let index = self.begin_request_attribute(value);
        self.check(is_attribute_name, Part::RequestName(index), name);
        self.writer.coded_pair(codes::REQUEST_ATTRIBUTE, name, value);
    }

    /// Returns the number of the next request attribute, whose value is checked.
    #[inline(always)] // as above
    fn begin_request_attribute(&mut self, value: &[u8]) -> u32 {
        let index = self.number_request_attribute();
        self.check(has_no_nul, Part::RequestValue(index), value);
        self.measure(Part::RequestValue(index), value);
        index
    }

    #[inline(always)] // as above
    fn number_request_attribute(&mut self) -> u32 {
        let index = self.request_attributes;
        self.request_attributes = index.saturating_add(1);
        self.rank = LAST_RANK;
        self.put_stored_method();
        index
    }

    /// Tells whether an attribute may still be added, and remembers that it was.
    #[inline]
    fn is_in_order(&mut self, rank: u8, part: Part) -> bool {
        if rank <= self.rank {
            self.refuse(EncodeError::OutOfOrder { part });
            return false;
        }
        self.rank = rank;
        true
    }

    /// Writes the method that has no code, once.
    #[inline]
    fn put_stored_method(&mut self) {
        if self.stored_method.is_some() {
            self.put_method();
        }
    }

    #[cold]
    fn put_method(&mut self) {
        if let Some(method) = self.stored_method.take() {
            self.measure(Part::Method, method);
            self.line_bytes += method.len() + 4;
            // check: A41a
            self.writer.coded_string(codes::STORED_METHOD, method);
        }
    }

    /// Remembers the largest field.
    #[inline]
    fn measure(&mut self, part: Part, bytes: &[u8]) {
        if bytes.len() > self.largest.1 {
            self.largest = (part, bytes.len());
        }
    }

    #[inline(always)] // what remains is a call and a comparison
    fn check(&mut self, is_fine: impl Fn(&[u8]) -> bool, part: Part, bytes: &[u8]) {
        if !is_fine(bytes) {
            self.refuse_bytes(is_fine, part, bytes);
        }
    }

    #[cold]
    #[inline(never)]
    fn refuse_bytes(&mut self, is_fine: impl Fn(&[u8]) -> bool, part: Part, bytes: &[u8]) {
        // A byte that is bad alone is bad in company, and an empty name has none.
        let bad = bytes.iter().copied().find(|&byte| !is_fine(&[byte]));
        self.refuse(match bad {
            Some(byte) => EncodeError::ForbiddenByte { part, byte },
            None => EncodeError::Empty { part },
        });
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, fault: EncodeError) {
        self.fault.get_or_insert(fault);
    }

    #[cold]
    fn too_big(&self) -> EncodeError {
        let limit = self.writer.limit();
        let line_bytes = self.line_bytes + self.query_bytes;
        // check: A48b
        let cause = if line_bytes >= limit {
            Oversize::RequestLine
            // check: A45
        } else if self.writer.needed() - self.server_bytes > limit {
            Oversize::Headers
        } else {
            Oversize::ServerData
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
    // Most values are one line, and for those the first check is the shorter one.
    text::is_field_value(bytes) || memchr::memchr(0, bytes).is_none()
}

/// Rank of the request attributes, the only ones that may repeat.
const LAST_RANK: u8 = 10;
