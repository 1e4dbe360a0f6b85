//! A request as one FORWARD_REQUEST packet, written straight into a reused buffer.

use super::codes::{self, RequestHeader, method_code};
use super::error::{Cause, EncodeError, Part};
use super::text;
use super::{MAX_STRING, PACKET_HEADER};

/// The fixed fields of a request, in wire order.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// Method token, case kept.
    pub method: &'a [u8],
    /// Such as `HTTP/1.1`.
    pub protocol: &'a [u8],
    /// Path without query.
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

/// An optional field of a request. The variants stand in the order in which mod_jk sends them;
/// the container accepts any order.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // the variants are the names of AJP13
pub enum Attribute<'a> {
    Secret(&'a [u8]),
    RemoteUser(&'a [u8]),
    AuthType(&'a [u8]),
    QueryString(&'a [u8]),
    Route(&'a [u8]),
    SslCert(&'a [u8]),
    SslCipher(&'a [u8]),
    SslSession(&'a [u8]),
    SslKeySize(u16),
    /// A request attribute the servlet can read.
    Request {
        name: &'a [u8],
        value: &'a [u8],
    },
}

/// Writes one request. Headers come first, then attributes, then [`finish`](Self::finish).
///
/// What does not fit is counted on, so that the error can say how many bytes were needed.
pub struct RequestEncoder<'b> {
    out: &'b mut Vec<u8>,
    limit: usize,
    stored_method: Option<Vec<u8>>,
    count_at: usize,
    headers: u32,
    in_attributes: bool,
    request_attributes: u32,
    /// Bytes of fields that were left out as the packet was full.
    dropped: usize,
    cause: Cause,
    largest: (Part, usize),
    fault: Option<EncodeError>,
}

impl<'b> RequestEncoder<'b> {
    /// Empties `out` and begins a request of at most `max_packet_size` bytes, header included.
    pub fn new(out: &'b mut Vec<u8>, max_packet_size: usize, head: &RequestHead<'_>) -> Self {
        out.clear();
        out.extend_from_slice(&[0x12, 0x34, 0, 0, codes::FORWARD_REQUEST]);
        let code = method_code(head.method);
        out.push(code.unwrap_or(codes::METHOD_STORED));
        let mut encoder = Self {
            out,
            limit: max_packet_size,
            stored_method: code.is_none().then(|| head.method.to_vec()),
            count_at: 0,
            headers: 0,
            in_attributes: false,
            request_attributes: 0,
            dropped: 0,
            cause: Cause::RequestLine,
            largest: (Part::Uri, 0),
            fault: None,
        };
        encoder.check(text::is_token(head.method), Part::Method, head.method);
        encoder.check(text::is_uri_text(head.uri), Part::Uri, head.uri);
        encoder.field(Part::Protocol, head.protocol);
        encoder.string(Part::Uri, head.uri);
        encoder.optional(Part::RemoteAddr, head.remote_addr);
        encoder.optional(Part::RemoteHost, head.remote_host);
        encoder.field(Part::ServerName, head.server_name);
        encoder.out.extend_from_slice(&head.server_port.to_be_bytes());
        encoder.out.push(u8::from(head.is_tls));
        encoder.count_at = encoder.out.len();
        encoder.out.extend_from_slice(&[0, 0]);
        encoder
    }

    /// Adds a header. The caller sends exactly one Content-Length, or none for a body of unknown
    /// length: this type does not know the body.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        let index = self.headers;
        self.headers += 1;
        if self.dropped == 0 {
            self.cause = Cause::Headers;
        }
        match RequestHeader::find(name) {
            Some(coded) => {
                self.check(text::is_field_value(value), Part::HeaderValue(index), value);
                if self.room(2 + 3 + value.len(), Part::HeaderValue(index)) {
                    self.out.extend_from_slice(&[codes::CODED_NAME, coded as u8]);
                    self.put(value);
                }
            }
            None => {
                self.check(text::is_token(name), Part::HeaderName(index), name);
                self.check(text::is_field_value(value), Part::HeaderValue(index), value);
                if self.room(6 + name.len() + value.len(), Part::HeaderValue(index)) {
                    self.put(name);
                    self.put(value);
                }
            }
        }
    }

    /// Adds an attribute; no header may follow.
    pub fn attribute(&mut self, attribute: Attribute<'_>) {
        self.in_attributes = true;
        let (part, code, value) = match attribute {
            Attribute::Secret(value) => (Part::Secret, codes::SECRET, value),
            Attribute::RemoteUser(value) => (Part::RemoteUser, codes::REMOTE_USER, value),
            Attribute::AuthType(value) => (Part::AuthType, codes::AUTH_TYPE, value),
            Attribute::QueryString(value) => {
                self.check(text::is_uri_text(value), Part::QueryString, value);
                if self.dropped == 0 {
                    self.cause = Cause::RequestLine;
                }
                (Part::QueryString, codes::QUERY_STRING, value)
            }
            Attribute::Route(value) => (Part::Route, codes::ROUTE, value),
            Attribute::SslCert(value) => (Part::SslCert, codes::SSL_CERT, value),
            Attribute::SslCipher(value) => (Part::SslCipher, codes::SSL_CIPHER, value),
            Attribute::SslSession(value) => (Part::SslSession, codes::SSL_SESSION, value),
            Attribute::SslKeySize(bits) => {
                if self.room(3, Part::SslKeySize) {
                    self.out.push(codes::SSL_KEY_SIZE);
                    self.out.extend_from_slice(&bits.to_be_bytes());
                }
                return;
            }
            Attribute::Request { name, value } => {
                let index = self.request_attributes;
                self.request_attributes += 1;
                if self.dropped == 0 {
                    self.cause = Cause::ServerData;
                }
                if self.room(7 + name.len() + value.len(), Part::RequestValue(index)) {
                    self.out.push(codes::REQUEST_ATTRIBUTE);
                    self.put(name);
                    self.put(value);
                }
                return;
            }
        };
        if !matches!(part, Part::QueryString) && self.dropped == 0 {
            self.cause = Cause::ServerData;
        }
        // A certificate is PEM text of many lines; everything else is one line.
        if !matches!(part, Part::SslCert | Part::QueryString) {
            self.check(text::is_field_value(value), part, value);
        }
        if self.room(4 + value.len(), part) {
            self.out.push(code);
            self.put(value);
        }
    }

    /// Ends the packet and fills in its lengths.
    ///
    /// # Errors
    ///
    /// The first forbidden byte, or what made the request too big.
    pub fn finish(mut self) -> Result<(), EncodeError> {
        if let Some(method) = self.stored_method.take()
            && self.room(4 + method.len(), Part::Method)
        {
            self.out.push(codes::STORED_METHOD);
            self.put(&method);
        }
        self.out.push(codes::END_OF_ATTRIBUTES);
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let needed = self.out.len() + self.dropped;
        let count = u16::try_from(self.headers);
        let (Ok(count), true) = (count, self.dropped == 0 && needed <= self.limit) else {
            return Err(EncodeError::DoesNotFit {
                cause: if count.is_err() { Cause::Headers } else { self.cause },
                largest: self.largest.0,
                largest_bytes: self.largest.1,
                needed,
                limit: self.limit,
            });
        };
        let payload = (needed - PACKET_HEADER) as u16;
        self.out[2..4].copy_from_slice(&payload.to_be_bytes());
        self.out[self.count_at..self.count_at + 2].copy_from_slice(&count.to_be_bytes());
        Ok(())
    }

    fn check(&mut self, fine: bool, part: Part, bytes: &[u8]) {
        if !fine {
            self.refuse(part, bytes);
        }
    }

    #[cold]
    fn refuse(&mut self, part: Part, bytes: &[u8]) {
        let is_name = matches!(part, Part::Method | Part::HeaderName(_));
        let bad = bytes.iter().copied().find(|&byte| match part {
            _ if is_name => !text::is_token(&[byte]),
            Part::Uri | Part::QueryString => !text::is_uri_text(&[byte]),
            _ => !text::is_field_value(&[byte]),
        });
        self.fault.get_or_insert(match bad {
            Some(byte) => EncodeError::ForbiddenByte { part, byte },
            None => EncodeError::Empty { part },
        });
    }

    fn field(&mut self, part: Part, value: &[u8]) {
        self.check(text::is_field_value(value), part, value);
        self.string(part, value);
    }

    fn optional(&mut self, part: Part, value: Option<&[u8]>) {
        match value {
            Some(value) => self.field(part, value),
            None => self.out.extend_from_slice(&[0xFF, 0xFF]),
        }
    }

    fn string(&mut self, part: Part, value: &[u8]) {
        if self.room(3 + value.len(), part) {
            self.put(value);
        }
    }

    /// Tells whether `len` more bytes fit; if not, they are counted and left out. One byte stays
    /// reserved for the end of the packet.
    fn room(&mut self, len: usize, part: Part) -> bool {
        if len > self.largest.1 {
            self.largest = (part, len);
        }
        let fits = self.out.len() + len < self.limit && len <= MAX_STRING;
        if !fits {
            self.dropped += len;
        }
        fits
    }

    /// Writes a string whose length [`room`](Self::room) has accepted.
    fn put(&mut self, value: &[u8]) {
        self.out.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.out.extend_from_slice(value);
        self.out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: RequestHead<'_> = RequestHead {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: b"/t/hi",
        remote_addr: Some(b"192.0.2.7"),
        remote_host: None,
        server_name: b"www.example.org",
        server_port: 80,
        is_tls: false,
    };

    #[test]
    fn s1_11_the_worked_get_is_reproduced() {
        let mut out = Vec::new();
        let mut encoder = RequestEncoder::new(&mut out, 8192, &HEAD);
        encoder.header(b"Host", b"www.example.org");
        encoder.header(b"user-agent", b"curl/8.5.0");
        encoder.header(b"ACCEPT", b"*/*");
        encoder.header(b"content-length", b"0");
        encoder.attribute(Attribute::Secret(b"s3cr3t"));
        encoder.attribute(Attribute::QueryString(b"x=1&y=a%20b"));
        for (name, value) in [
            (&b"AJP_REMOTE_PORT"[..], &b"51234"[..]),
            (b"AJP_LOCAL_ADDR", b"198.51.100.10"),
            (b"JK_LB_ACTIVATION", b"ACT"),
        ] {
            encoder.attribute(Attribute::Request { name, value });
        }
        encoder.finish().expect("it fits");
        assert_eq!(out.len(), 224);
        assert_eq!(out[..6], [0x12, 0x34, 0x00, 0xdc, 0x02, 0x02]);
        assert_eq!(out[0x3c..0x40], [0, 4, 0xa0, 0x0b]);
        assert_eq!(out.last(), Some(&0xff));
    }

    #[test]
    fn s3_9_what_does_not_fit_names_the_cause() {
        type Case = (&'static str, usize, usize, usize, u16);
        let cases: &[Case] = &[
            ("fits", 100, 100, 100, 0),
            ("uri", 9_000, 0, 0, 414),
            ("header", 10, 9_000, 0, 431),
            ("uri longer than a string", 70_000, 0, 0, 414),
            ("header longer than a string", 10, 70_000, 0, 431),
            ("attribute", 10, 10, 9_000, 500),
        ];
        for (name, uri, header, attribute, expected) in cases {
            let mut out = Vec::new();
            let uri = [&b"/"[..], &vec![b'u'; *uri]].concat();
            let limit = if name.contains("longer") { 65_536 } else { 8_192 };
            let head = RequestHead { uri: &uri, ..HEAD };
            let mut encoder = RequestEncoder::new(&mut out, limit, &head);
            encoder.header(b"x-big", &vec![b'h'; *header]);
            let value = vec![b'a'; *attribute];
            encoder.attribute(Attribute::Request { name: b"a", value: &value });
            let status = encoder.finish().err().map_or(0, |error| error.http_status());
            assert_eq!(status, *expected, "case: {name}");
            assert!(expected != &0 || out.len() <= limit, "case: {name}");
        }
    }

    #[test]
    fn s1_10_a_packet_of_exactly_the_limit_is_sent() {
        for excess in 0..2 {
            let mut out = Vec::new();
            RequestEncoder::new(&mut out, 8192, &HEAD).finish().expect("it fits");
            let fill = 8192 - out.len() - 6 - 1 + excess;
            let mut encoder = RequestEncoder::new(&mut out, 8192, &HEAD);
            encoder.header(b"x", &vec![b'v'; fill]);
            assert_eq!(encoder.finish().is_ok(), excess == 0, "excess {excess}");
        }
    }

    #[test]
    fn s4_5_forbidden_bytes_are_refused() {
        let cases: &[(&str, &[u8], &[u8], bool)] = &[
            ("plain", b"x-a", b"b\tc", true),
            ("newline", b"x-a", b"b\nc", false),
            ("carriage return in a coded header", b"cookie", b"b\rc", false),
            ("NUL", b"x-a", b"\0", false),
            ("DEL", b"x-a", b"\x7f", false),
            ("space in the name", b"x a", b"b", false),
            ("empty name", b"", b"b", false),
            ("latin-1", b"x-a", b"caf\xe9", true),
        ];
        for (name, header, value, fine) in cases {
            let mut out = Vec::new();
            let mut encoder = RequestEncoder::new(&mut out, 8192, &HEAD);
            encoder.header(header, value);
            let result = encoder.finish();
            assert_eq!(result.is_ok(), *fine, "case: {name}");
            assert!(result.is_ok() || result.unwrap_err().http_status() == 400, "case: {name}");
        }
    }

    #[test]
    fn s1_4_unknown_methods_are_stored() {
        for (method, code) in [(&b"GET"[..], 2), (b"get", 0xff), (b"PATCH", 0xff), (b"HEAD", 3)] {
            let mut out = Vec::new();
            let head = RequestHead { method, ..HEAD };
            RequestEncoder::new(&mut out, 8192, &head).finish().expect("it fits");
            assert_eq!(out[5], code);
            let stored = [&[0x0d, 0, method.len() as u8], method, &[0, 0xff]].concat();
            assert_eq!(out.ends_with(&stored), code == 0xff, "{method:?}");
        }
    }
}
