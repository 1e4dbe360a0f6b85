//! A response as the web server gets it, whatever protocol carried it.

use std::ffi::CStr;

/// Status and headers of a response, validated by the protocol that received them.
pub trait ResponseParts {
    /// Returns the status, 200 to 999.
    fn status(&self) -> u16;

    /// Returns the reason phrase, if it says more than the status and may be shown.
    fn reason(&self) -> Option<&[u8]>;

    /// Returns the announced length of the body.
    fn content_length(&self) -> Option<u64>;

    /// Returns the same in digits, without zeros in front; empty without one.
    fn length_digits(&self) -> &[u8];

    /// Tells whether a cookie is set.
    fn sets_cookie(&self) -> bool;

    /// Iterates over the headers for the client, in the backend's order. Left out are those that
    /// concern the backend's connection only, and Content-Length.
    fn headers(&self) -> impl Iterator<Item = (HeaderName<'_>, &[u8])>;

    /// Returns the bytes that the names and values of [`headers`](Self::headers) and
    /// [`length_digits`](Self::length_digits) are parts of, but for known names. Behind each of those
    /// parts a NUL follows, so that the web server can copy all of them at once.
    fn block(&self) -> &[u8];
}

/// The name of a response header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderName<'a> {
    /// One that the web server or a protocol treats by itself, however it came.
    Known(ResponseHeader),
    /// Any other name, a token.
    Other(&'a [u8]),
}

impl<'a> HeaderName<'a> {
    /// Returns the name as it goes to the client.
    pub fn as_bytes(&self) -> &'a [u8] {
        match self {
            Self::Known(header) => header.name(),
            Self::Other(name) => name,
        }
    }
}

/// A well-known response header. AJP13 has these numbers for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs)] // the variants are the names
pub enum ResponseHeader {
    ContentType = 1,
    ContentLanguage,
    ContentLength,
    Date,
    LastModified,
    Location,
    SetCookie,
    SetCookie2,
    ServletEngine,
    Status,
    WwwAuthenticate,
}

impl ResponseHeader {
    /// Returns the header with this number, the second byte of its code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }

    /// Finds a name, in whatever case it is written.
    pub fn find(name: &[u8]) -> Option<Self> {
        let first = name.first()? | 0x20;
        let candidate = match (name.len(), first) {
            (4, b'd') => Self::Date,
            (6, b's') => Self::Status,
            (8, b'l') => Self::Location,
            (10, b's') => Self::SetCookie,
            (11, b's') => Self::SetCookie2,
            (12, b'c') => Self::ContentType,
            (13, b'l') => Self::LastModified,
            (14, b'c') => Self::ContentLength,
            (14, b's') => Self::ServletEngine,
            (16, b'c') => Self::ContentLanguage,
            (16, b'w') => Self::WwwAuthenticate,
            _ => return None,
        };
        name.eq_ignore_ascii_case(candidate.name()).then_some(candidate)
    }

    /// Returns the name as HTTP writes it.
    pub const fn name(self) -> &'static [u8] {
        self.c_name().to_bytes()
    }

    /// Returns the same as a C string.
    pub const fn c_name(self) -> &'static CStr {
        match self {
            Self::ContentType => c"Content-Type",
            Self::ContentLanguage => c"Content-Language",
            Self::ContentLength => c"Content-Length",
            Self::Date => c"Date",
            Self::LastModified => c"Last-Modified",
            Self::Location => c"Location",
            Self::SetCookie => c"Set-Cookie",
            Self::SetCookie2 => c"Set-Cookie2",
            Self::ServletEngine => c"Servlet-Engine",
            Self::Status => c"Status",
            Self::WwwAuthenticate => c"WWW-Authenticate",
        }
    }

    /// All of them, in the order of their codes.
    const ALL: [Self; 11] = [
        Self::ContentType,
        Self::ContentLanguage,
        Self::ContentLength,
        Self::Date,
        Self::LastModified,
        Self::Location,
        Self::SetCookie,
        Self::SetCookie2,
        Self::ServletEngine,
        Self::Status,
        Self::WwwAuthenticate,
    ];
}
