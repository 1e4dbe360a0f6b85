//! What of a client's request is sent to the backend: which headers, how the body is announced, which
//! attributes, in which order. The caller lends the parts: `httpd/forward_request.rs`
//! decides which values of httpd they have, such as the key size, the address and what JkEnvVar names.

use crate::ajp::codes::RequestHeader;
use crate::ajp::request::RequestEncoder;
use crate::ajp::request_fields::{Attribute, OwnAttribute, RequestHead};
use crate::exchange::{EncodeError, Part, Port, RequestBody, RequestParts, Tls};

/// Writes a request of at most `limit` bytes to `out` and returns how many it has. `headers` are the
/// client's, `variables` what JkEnvVar names.
///
/// # Errors
///
/// As for [`RequestEncoder::finish`].
#[inline(always)] // it has one caller, which knows most of the parts
pub fn forward_request<'a>(
    out: &mut Vec<u8>,
    limit: usize,
    request: &RequestParts<'a>,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
) -> Result<usize, EncodeError> {
    let head = RequestHead {
        method: request.method,
        protocol: request.protocol,
        uri: request.uri,
        remote_addr: non_empty(request.remote_addr),
        remote_host: non_empty(request.remote_host),
        server_name: request.server_name,
        server_port: request.server_port.number(),
        is_tls: request.tls.is_some(),
    };
    let mut encoder = RequestEncoder::new(out, limit, &head);
    put_headers(&mut encoder, headers, request.connection, request.body);

    // ---- attributes, in mod_jk's order ----
    if let Some(secret) = request.secret {
        encoder.attribute(Attribute::Secret(secret));
    }
    if let Some(user) = non_empty(request.remote_user) {
        encoder.attribute(Attribute::RemoteUser(user));
    }
    if let Some(auth) = non_empty(request.auth_type) {
        encoder.attribute(Attribute::AuthType(auth));
    }
    if let Some(query) = request.query {
        encoder.attribute(Attribute::QueryString(query));
    }
    if let Some(route) = request.route {
        encoder.attribute(Attribute::Route(route));
    }
    if let Some(tls) = &request.tls {
        put_tls(&mut encoder, tls);
    }
    let mut digits = Digits::default();
    encoder.own_attribute(OwnAttribute::RemotePort(request.remote_port.text(&mut digits)));
    encoder.own_attribute(OwnAttribute::LocalAddr(request.local_addr));
    encoder.own_attribute(OwnAttribute::Activation(request.activation));
    for (name, value) in variables {
        let (name, value) = (name.as_ref(), value.as_ref());
        encoder.attribute(Attribute::Request { name, value });
    }
    encoder.finish()
}

/// How the body is announced: by exactly one header, which is ours. A length is the one httpd
/// verified; without one the backend learns from the transfer coding that there is a body at all.
#[derive(Clone, Copy)]
enum Framing {
    Length(u64),
    Chunked,
}

/// Sends the client's headers but for those that concern its own connection only.
#[inline(always)] // as above
fn put_headers<'a>(
    encoder: &mut impl HeaderSink,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    connection: &[u8],
    body: RequestBody,
) {
    let mut framing = Some(match body {
        RequestBody::None => Framing::Length(0),
        RequestBody::Known(length) => Framing::Length(length),
        RequestBody::Unknown => Framing::Chunked,
    });
    for (name, value) in headers {
        let code = RequestHeader::find(name);
        // check: A28
        if code == Some(RequestHeader::ContentLength) {
            // Ours takes the place of the client's.
            if let Some(Framing::Length(_)) = framing {
                put_framing(encoder, framing.take());
            }
            continue;
        }
        // check: A43
        // check: A93
        let is_named = !connection.is_empty() && may_be_named(name) && names(connection, name);
        match code {
            _ if is_named => {}
            Some(RequestHeader::Connection) => {}
            Some(code) => encoder.coded(code, name, value),
            None => match Own::find(name) {
                None => encoder.spelled(name, value),
                Some(Own::TransferEncoding) => {
                    if let Some(Framing::Chunked) = framing {
                        put_framing(encoder, framing.take());
                    }
                }
                Some(Own::OfConnection) => {}
            },
        }
    }
    // check: A92
    // check: A28-framing
    put_framing(encoder, framing);
}

#[inline(always)] // as above
fn put_framing(encoder: &mut impl HeaderSink, framing: Option<Framing>) {
    const LENGTH: &[u8] = b"Content-Length";
    let code = RequestHeader::ContentLength;
    match framing {
        Some(Framing::Length(0)) => encoder.coded(code, LENGTH, b"0"),
        Some(Framing::Length(length)) => {
            encoder.coded(code, LENGTH, Digits::default().of(length));
        }
        // check: A91
        Some(Framing::Chunked) => encoder.spelled(b"Transfer-Encoding", b"chunked"),
        None => {}
    }
}

/// Takes the headers that are sent, in their order.
trait HeaderSink {
    /// Takes a header whose name has a code.
    fn coded(&mut self, code: RequestHeader, name: &[u8], value: &[u8]);

    /// Takes any other header.
    fn spelled(&mut self, name: &[u8], value: &[u8]);
}

impl HeaderSink for RequestEncoder<'_> {
    #[inline(always)] // as above
    fn coded(&mut self, code: RequestHeader, _: &[u8], value: &[u8]) {
        self.coded_header(code, value);
    }

    #[inline(always)] // as above
    fn spelled(&mut self, name: &[u8], value: &[u8]) {
        self.spelled_header(name, value);
    }
}

/// Finds the name of one header.
struct NameFinder {
    /// How many headers come before it.
    before: u32,
    name: Option<Vec<u8>>,
}

impl HeaderSink for NameFinder {
    fn coded(&mut self, _: RequestHeader, name: &[u8], value: &[u8]) {
        self.spelled(name, value);
    }

    fn spelled(&mut self, name: &[u8], _: &[u8]) {
        match self.before.checked_sub(1) {
            Some(before) => self.before = before,
            None => {
                self.name.get_or_insert_with(|| name.to_vec());
            }
        }
    }
}

/// Returns the name of the header or variable that `part` is, among those that [`forward_request`]
/// writes when it is given the same.
pub fn part_name<'a>(
    part: Part,
    request: &RequestParts<'a>,
    headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
    mut variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
) -> Option<Vec<u8>> {
    match part {
        Part::HeaderName(index) | Part::HeaderValue(index) => {
            let mut finder = NameFinder { before: index, name: None };
            put_headers(&mut finder, headers, request.connection, request.body);
            finder.name
        }
        Part::RequestName(index) | Part::RequestValue(index) => {
            let protocol = request.tls.as_ref().and_then(|tls| non_empty(tls.protocol));
            let own = ALWAYS_SENT + u32::from(protocol.is_some());
            let index = usize::try_from(index.checked_sub(own)?).ok()?;
            variables.nth(index).map(|(name, _)| name.as_ref().to_vec())
        }
        _ => None,
    }
}

/// Request attributes of ours that precede the variables, but for the TLS protocol.
const ALWAYS_SENT: u32 = 3;

/// Tells whether a Connection header names a header.
fn names(connection: &[u8], name: &[u8]) -> bool {
    let mut words = connection.split(|&byte| byte == b',');
    words.any(|word| word.trim_ascii().eq_ignore_ascii_case(name))
}

/// A client must not take away what the backend trusts, whatever its Connection header names.
fn may_be_named(name: &[u8]) -> bool {
    let is = |own: &[u8]| name.eq_ignore_ascii_case(own);
    let is_forwarding = name.len() > 11 && name[..11].eq_ignore_ascii_case(b"x-forwarded");
    !(is(b"host") || is_forwarding || is(b"forwarded") || is(b"authorization"))
}

/// A header without a code that is not passed on as the client sent it; Connection has a code.
enum Own {
    /// It announces the body, which is up to [`Framing`].
    TransferEncoding,
    /// It concerns the client's connection only (RFC 9110, section 7.6.1), or announces trailers,
    /// for which AJP13 has no packet.
    OfConnection,
}

impl Own {
    fn find(name: &[u8]) -> Option<Self> {
        let is = |own: &[u8]| name.eq_ignore_ascii_case(own);
        let is_own = match name.len() {
            2 => is(b"te"),
            // check: A43-upgrade
            // check: A95
            7 => is(b"trailer") || is(b"upgrade"),
            10 => is(b"keep-alive"),
            16 => is(b"proxy-connection"),
            17 if is(b"transfer-encoding") => return Some(Self::TransferEncoding),
            _ => false,
        };
        is_own.then_some(Self::OfConnection)
    }
}

fn put_tls(encoder: &mut RequestEncoder<'_>, tls: &Tls<'_>) {
    if let Some(certificate) = non_empty(tls.certificate) {
        encoder.attribute(Attribute::SslCert(certificate));
    }
    if let Some(cipher) = non_empty(tls.cipher) {
        encoder.attribute(Attribute::SslCipher(cipher));
    }
    if let Some(session) = non_empty(tls.session) {
        encoder.attribute(Attribute::SslSession(session));
    }
    if let Some(bits) = non_empty(tls.key_size) {
        encoder.attribute(Attribute::SslKeySize(leading_number(bits)));
    }
    if let Some(protocol) = non_empty(tls.protocol) {
        encoder.own_attribute(OwnAttribute::SslProtocol(protocol));
    }
}

fn non_empty(value: Option<&[u8]>) -> Option<&[u8]> {
    value.filter(|value| !value.is_empty())
}

impl<'a> Port<'a> {
    fn number(self) -> u16 {
        match self {
            Self::Number(number) => number,
            Self::Text(text) => leading_number(text),
        }
    }

    fn text<'d>(self, digits: &'d mut Digits) -> &'d [u8]
    where
        'a: 'd,
    {
        match self {
            Self::Number(number) => digits.of(number.into()),
            Self::Text(text) => text,
        }
    }
}

/// Reads the digits in front, as mod_jk does; 0 without any, or if they do not fit.
fn leading_number(text: &[u8]) -> u16 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[..digits]).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A number as decimal digits, without memory of its own.
#[derive(Default)]
struct Digits([u8; 20]);

impl Digits {
    fn of(&mut self, mut number: u64) -> &[u8] {
        let mut at = self.0.len();
        // Two at a time: a division costs more than all the rest.
        while number >= 100 {
            at -= 2;
            let two = (number % 100) as u8;
            (self.0[at], self.0[at + 1]) = (b'0' + two / 10, b'0' + two % 10);
            number /= 100;
        }
        loop {
            at -= 1;
            self.0[at] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return &self.0[at..];
            }
        }
    }
}
