//! The numbers of AJP13: methods, coded header names, attributes. Lookup only.

/// Returns the code of a method; `None` means that it travels as the stored method.
///
/// Methods are case-sensitive.
pub fn method_code(method: &[u8]) -> Option<u8> {
    Some(match method {
        b"OPTIONS" => 1,
        b"GET" => 2,
        b"HEAD" => 3,
        b"POST" => 4,
        b"PUT" => 5,
        b"DELETE" => 6,
        b"TRACE" => 7,
        b"PROPFIND" => 8,
        b"PROPPATCH" => 9,
        b"MKCOL" => 10,
        b"COPY" => 11,
        b"MOVE" => 12,
        b"LOCK" => 13,
        b"UNLOCK" => 14,
        b"ACL" => 15,
        b"REPORT" => 16,
        b"VERSION-CONTROL" => 17,
        b"CHECKIN" => 18,
        b"CHECKOUT" => 19,
        b"UNCHECKOUT" => 20,
        b"SEARCH" => 21,
        b"MKWORKSPACE" => 22,
        b"UPDATE" => 23,
        b"LABEL" => 24,
        b"MERGE" => 25,
        b"BASELINE-CONTROL" => 26,
        b"MKACTIVITY" => 27,
        _ => return None,
    })
}

/// A request header whose name travels as the two bytes `A0` and this number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // the variants are the names
pub enum RequestHeader {
    Accept = 1,
    AcceptCharset,
    AcceptEncoding,
    AcceptLanguage,
    Authorization,
    Connection,
    ContentType,
    ContentLength,
    Cookie,
    Cookie2,
    Host,
    Pragma,
    Referer,
    UserAgent,
}

impl RequestHeader {
    /// Finds a name, in whatever case it is written.
    pub fn find(name: &[u8]) -> Option<Self> {
        use RequestHeader::*;

        // Length and one byte leave one candidate, so at most one comparison follows.
        let first = name.first()? | 0x20;
        let (candidate, folded) = match (name.len(), first) {
            (4, b'h') => (Host, const { &Folded::new(b"host") }),
            (6, b'a') => (Accept, const { &Folded::new(b"accept") }),
            (6, b'c') => (Cookie, const { &Folded::new(b"cookie") }),
            (6, b'p') => (Pragma, const { &Folded::new(b"pragma") }),
            (7, b'c') => (Cookie2, const { &Folded::new(b"cookie2") }),
            (7, b'r') => (Referer, const { &Folded::new(b"referer") }),
            (10, b'c') => (Connection, const { &Folded::new(b"connection") }),
            (10, b'u') => (UserAgent, const { &Folded::new(b"user-agent") }),
            (12, b'c') => (ContentType, const { &Folded::new(b"content-type") }),
            (13, b'a') => (Authorization, const { &Folded::new(b"authorization") }),
            (14, b'a') => (AcceptCharset, const { &Folded::new(b"accept-charset") }),
            (14, b'c') => (ContentLength, const { &Folded::new(b"content-length") }),
            (15, b'a') if name[7] | 0x20 == b'e' => {
                (AcceptEncoding, const { &Folded::new(b"accept-encoding") })
            }
            (15, b'a') => (AcceptLanguage, const { &Folded::new(b"accept-language") }),
            _ => return None,
        };
        folded.matches(name).then_some(candidate)
    }
}

/// Tells whether a response header concerns one connection only and is never passed on.
///
/// Connection itself is one of them; what it names is up to the caller. The last variant of the
/// protocol's names, `Proxy-Authenticate`, is addressed to a proxy that does not exist here.
pub(super) fn is_hop_by_hop(name: &[u8]) -> bool {
    let Some(first) = name.first() else { return false };
    let candidate: &[u8] = match (name.len(), first | 0x20) {
        (2, b't') => b"te",
        (7, b't') => b"trailer",
        (7, b'u') => b"upgrade",
        (10, b'c') => b"connection",
        (10, b'k') => b"keep-alive",
        (16, b'p') => b"proxy-connection",
        (17, b't') => b"transfer-encoding",
        (18, b'p') => b"proxy-authenticate",
        _ => return false,
    };
    name.eq_ignore_ascii_case(candidate)
}

/// A name of 4 to 16 bytes, ready to be compared in any case: two overlapping words of it, and
/// the bits that tell upper from lower case in each.
///
/// Only letters have such a bit, so `content\rlength` does not pass for `content-length`.
struct Folded {
    words: [u64; 2],
    case_bits: [u64; 2],
}

impl Folded {
    const fn new(lower: &[u8]) -> Self {
        let mut bits = [0; 16];
        let mut at = 0;
        while at < lower.len() {
            bits[at] = if lower[at].is_ascii_lowercase() { 0x20 } else { 0 };
            at += 1;
        }
        let (bits, _) = bits.split_at(lower.len());
        Self { words: Self::ends(lower), case_bits: Self::ends(bits) }
    }

    /// Compares; `name` must be as long as this one.
    fn matches(&self, name: &[u8]) -> bool {
        let [head, tail] = Self::ends(name);
        (head | self.case_bits[0]) == self.words[0] && (tail | self.case_bits[1]) == self.words[1]
    }

    /// Returns the first and the last bytes, which together cover a name of 4 to 16 bytes.
    const fn ends(name: &[u8]) -> [u64; 2] {
        if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            [u64::from_ne_bytes(*head), u64::from_ne_bytes(*tail)]
        } else if let (Some(head), Some(tail)) = (name.first_chunk(), name.last_chunk()) {
            [u32::from_ne_bytes(*head) as u64, u32::from_ne_bytes(*tail) as u64]
        } else {
            panic!("a coded name has at least four bytes")
        }
    }
}

/// Packet types we send.
pub(super) const FORWARD_REQUEST: u8 = 0x02;

/// Packet types a backend sends.
pub(super) const SEND_BODY_CHUNK: u8 = 0x03;
pub(super) const SEND_HEADERS: u8 = 0x04;
pub(super) const END_RESPONSE: u8 = 0x05;
pub(super) const GET_BODY_CHUNK: u8 = 0x06;
pub(super) const CPONG: u8 = 0x09;

/// First byte of a coded header name, in both directions.
pub(super) const CODED_NAME: u8 = 0xA0;

/// Method byte of a request whose method is in [`STORED_METHOD`].
pub(super) const METHOD_STORED: u8 = 0xFF;

/// Attributes of a request.
pub(super) const REMOTE_USER: u8 = 0x03;
pub(super) const AUTH_TYPE: u8 = 0x04;
pub(super) const QUERY_STRING: u8 = 0x05;
pub(super) const ROUTE: u8 = 0x06;
pub(super) const SSL_CERT: u8 = 0x07;
pub(super) const SSL_CIPHER: u8 = 0x08;
pub(super) const SSL_SESSION: u8 = 0x09;
pub(super) const REQUEST_ATTRIBUTE: u8 = 0x0A;
pub(super) const SSL_KEY_SIZE: u8 = 0x0B;
pub(super) const SECRET: u8 = 0x0C;
pub(super) const STORED_METHOD: u8 = 0x0D;
pub(super) const END_OF_ATTRIBUTES: u8 = 0xFF;
