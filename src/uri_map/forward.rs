//! The URI the backend gets. Not the match URI: path parameters survive here.
//!
//! httpd hands over a decoded path, in which a `;` that delimits a parameter and one that the
//! client wrote as `%3B` look the same. Where the request target is known and nothing rewrote it,
//! the client's own escapes decide.

use crate::uri_map::normalize;
use crate::uri_map::normalize::NormalizeError;

/// How the URI is forwarded, from `JkOptions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardUri {
    /// The decoded path, raw but for blanks and what would change its meaning.
    Compat,
    /// The request target as received, without the query; rewriting is ignored. The caller must
    /// look up what [`decoded_and_cleaned`] makes of it too and answer 400 if the worker differs.
    CompatUnparsed,
    /// Encoded again, with lower-case digits.
    Escaped,
    /// Encoded again, with upper-case digits.
    #[default]
    Proxy,
}

/// Why nothing may be forwarded. Each is answered with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardError {
    /// A byte below 0x20, or 0x7F, would travel raw.
    #[error("the forwarded URI would contain a control byte")]
    ControlByte,
    /// A percent sign without two digits, or an encoded NUL.
    #[error("the request target holds an invalid escape")]
    InvalidEscape,
    /// The request target is neither a path nor an absolute URI, or it is not known.
    #[error("the request target is not a path")]
    NotAPath,
}

/// Writes the URI to forward into `out`.
///
/// `path` is httpd's decoded path before cleaning, `target` the request target as received
/// (query and authority may still be in it), if there is one. Allocates only for a path that
/// httpd has normalised and that holds a semicolon or a percent sign.
///
/// # Errors
///
/// [`ForwardError::ControlByte`] in the two modes that forward raw bytes and
/// [`ForwardError::NotAPath`] for [`ForwardUri::CompatUnparsed`].
pub fn forward_uri(
    mode: ForwardUri,
    path: &[u8],
    target: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> Result<(), ForwardError> {
    out.clear();
    let target = target.and_then(target_path);
    let code = match mode {
        ForwardUri::CompatUnparsed => {
            out.extend_from_slice(target.ok_or(ForwardError::NotAPath)?);
            return no_control_bytes(out);
        }
        ForwardUri::Compat => Code { kept: &KEPT_IN_COMPAT, hex: UPPER },
        ForwardUri::Escaped => Code { kept: &UNRESERVED, hex: LOWER },
        ForwardUri::Proxy => Code { kept: &UNRESERVED, hex: UPPER },
    };
    if !code.encode_with_escapes_of(target, path, out) {
        out.clear();
        code.encode(path, out);
    }
    match mode {
        ForwardUri::Compat => no_control_bytes(out),
        _ => Ok(()),
    }
}

/// Tells whether `path` goes to the backend as it is, whatever the client has written: no byte
/// of it is escaped in any way, nor could have been spelled so that it shows.
pub fn is_forwarded_as_it_is(mode: ForwardUri, path: &[u8]) -> bool {
    mode != ForwardUri::CompatUnparsed && path.iter().all(|byte| PLAIN[usize::from(*byte)])
}

/// Tells whether httpd's path is what a request target says, and not what rewriting made of it.
pub fn is_decoded_from(target: &[u8], path: &[u8]) -> bool {
    let code = Code { kept: &UNRESERVED, hex: UPPER };
    let Some(target) = target_path(target) else { return false };
    let (mut written, mut resolved) = (Vec::new(), Vec::new());
    // With MergeSlashes Off httpd resolves less than `follow` does.
    code.follow(target, path, &mut written)
        || normalize::normalize_into(path, false, &mut resolved).is_ok()
            && code.follow(target, &resolved, &mut written)
}

/// Reads a request target as the backend will: parameters cut where a literal `;` begins them,
/// then decoded (encoded slashes too), then slashes and dot segments resolved.
///
/// # Errors
///
/// [`ForwardError::InvalidEscape`], or [`ForwardError::NotAPath`] also for a climb above the root.
pub fn decoded_and_cleaned(target: &[u8]) -> Result<Vec<u8>, ForwardError> {
    let target = target_path(target).ok_or(ForwardError::NotAPath)?;
    let mut decoded = Vec::with_capacity(target.len());
    for (n, segment) in target.split(|b| *b == b'/').enumerate() {
        if n > 0 {
            decoded.push(b'/');
        }
        let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
        let mut rest = &segment[..end];
        while let [first, ..] = rest {
            let (byte, length) = match escape(rest) {
                Some(byte) => (byte, 3),
                None => (*first, 1),
            };
            if byte == 0 || (length == 1 && byte == b'%') {
                return Err(ForwardError::InvalidEscape);
            }
            decoded.push(byte);
            rest = &rest[length..];
        }
    }
    let mut normalized = Vec::with_capacity(decoded.len());
    normalize::normalize_into(&decoded, false, &mut normalized)
        .map_err(|_: NormalizeError| ForwardError::NotAPath)?;
    Ok(normalized)
}

/// Tells whether a segment of a request target is a dot segment with parameters, such as `..;x`.
///
/// httpd takes it for a name and Tomcat for dots, so the two resolve what is around it differently.
pub fn hides_dots(target: &[u8]) -> bool {
    behind_dots(target).any(|rest| rest.first() == Some(&b';'))
}

/// Tells whether a segment is dots with an escaped semicolon behind them, such as `..%3Bx`.
///
/// It is a name for Tomcat. httpd hands it over decoded, and cleaning takes it for a dot segment.
pub fn escapes_semicolon_behind_dots(target: &[u8]) -> bool {
    behind_dots(target).any(|rest| escape(rest) == Some(b';'))
}

/// Returns what follows one or two dots, escaped or not, at the beginning of each segment.
fn behind_dots(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    let segments = target_path(target).into_iter().flat_map(|path| path.split(|b| *b == b'/'));
    segments.filter_map(|segment| {
        let mut rest = segment;
        let mut dots = 0;
        while let [first, ..] = rest {
            let (byte, length) = escape(rest).map_or((*first, 1), |byte| (byte, 3));
            if byte != b'.' {
                break;
            }
            dots += 1;
            rest = &rest[length..];
        }
        matches!(dots, 1 | 2).then_some(rest)
    })
}

/// Reduces a request target to its path: no query, no fragment, no scheme and authority.
///
/// A backend that got an absolute URI would believe its authority more than the Host header.
pub fn target_path(target: &[u8]) -> Option<&[u8]> {
    let end = target.iter().position(|b| matches!(b, b'?' | b'#')).unwrap_or(target.len());
    let target = &target[..end];
    if target.first() == Some(&b'/') {
        return Some(target);
    }
    let scheme = memchr::memmem::find(target, b"://")?;
    let is_scheme = |b: &u8| b.is_ascii_alphanumeric() || b"+-.".contains(b);
    if scheme == 0 || !target[..scheme].iter().all(is_scheme) {
        return None;
    }
    let authority = &target[scheme + 3..];
    Some(memchr::memchr(b'/', authority).map_or(b"/".as_slice(), |slash| &authority[slash..]))
}

fn no_control_bytes(uri: &[u8]) -> Result<(), ForwardError> {
    match uri.iter().any(|b| b.is_ascii_control() || *b == b' ') {
        true => Err(ForwardError::ControlByte),
        false => Ok(()),
    }
}

/// Which bytes stay, and how the others are spelled.
struct Code {
    kept: &'static [bool; 256],
    hex: &'static [u8; 16],
}

impl Code {
    fn encode(&self, path: &[u8], out: &mut Vec<u8>) {
        let mut rest = path;
        while let Some(end) = rest.iter().position(|b| !self.kept[usize::from(*b)]) {
            out.extend_from_slice(&rest[..end]);
            self.escape(rest[end], out);
            rest = &rest[end + 1..];
        }
        out.extend_from_slice(rest);
    }

    /// Encodes `path` with the help of the target it was decoded from; false if it was not.
    fn encode_with_escapes_of(
        &self,
        target: Option<&[u8]>,
        path: &[u8],
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(target) = target else { return false };
        // Only these can have been spelled in a way that the decoded path does not tell. In the
        // encoding modes `?`, `#` and the backslash are escaped anyway.
        let is_ambiguous = |b: &u8| matches!(b, b';' | b'%' | b'\\');
        if !path.iter().any(is_ambiguous) || memchr::memchr(b'%', target).is_none() {
            return false;
        }
        self.follow(target, path, out)
    }

    /// Encodes `path` with the escapes of a target, as it is or as httpd resolves it; false if the
    /// path was not decoded from it.
    fn follow(&self, target: &[u8], path: &[u8], out: &mut Vec<u8>) -> bool {
        out.clear();
        if self.walk(target, path, out) {
            return true;
        }
        // httpd resolves dot segments and slashes, and a client must not be able to switch this
        // off with a second slash.
        let mut resolved = Vec::with_capacity(target.len());
        resolve_target(target, &mut resolved);
        out.clear();
        self.walk(&resolved, path, out)
    }

    fn walk(&self, target: &[u8], path: &[u8], out: &mut Vec<u8>) -> bool {
        let (mut target, mut path) = (target, path);
        while let ([t, target_rest @ ..], [p, path_rest @ ..]) = (target, path) {
            match escape(target) {
                // AllowEncodedSlashes NoDecode left the escape in the path.
                Some(b'/') if path.starts_with(&target[..3]) => {
                    out.extend_from_slice(&target[..3]);
                    path = &path[3..];
                    target = &target[3..];
                }
                Some(byte) if byte == *p => {
                    // A decoded slash is a slash: httpd was told to see it as one, and so did the
                    // rules. A semicolon keeps the client's spelling in every mode; the backslash
                    // only where it would otherwise become raw.
                    match byte {
                        b';' => out.extend_from_slice(&target[..3]),
                        b'\\' if self.kept[usize::from(b'\\')] => {
                            out.extend_from_slice(&target[..3]);
                        }
                        _ => self.put(byte, out),
                    }
                    target = &target[3..];
                    path = path_rest;
                }
                None if t == p => {
                    self.put(*t, out);
                    target = target_rest;
                    path = path_rest;
                }
                _ => return false,
            }
        }
        target.is_empty() && path.is_empty()
    }

    fn put(&self, byte: u8, out: &mut Vec<u8>) {
        match self.kept[usize::from(byte)] {
            true => out.push(byte),
            false => self.escape(byte, out),
        }
    }

    fn escape(&self, byte: u8, out: &mut Vec<u8>) {
        let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
        out.extend_from_slice(&[b'%', self.hex[high], self.hex[low]]);
    }
}

/// Resolves slashes and dot segments of a target whose escapes stay, as httpd does.
fn resolve_target(target: &[u8], out: &mut Vec<u8>) {
    let mut plain = Vec::with_capacity(target.len());
    let mut rest = target;
    while let [first, ..] = rest {
        let (byte, length) = match escape(rest) {
            Some(b'.') => (b'.', 3),
            _ => (*first, 1),
        };
        plain.push(byte);
        rest = &rest[length..];
    }
    if normalize::normalize_into(&plain, false, out).is_err() {
        out.clear();
    }
}

/// Returns the byte that an escape at the start of `text` stands for.
pub fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |b: u8| (b as char).to_digit(16).map(|d| d as u8);
    Some(digit(*high)? << 4 | digit(*low)?)
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

/// Alphanumerics, the slash, and the marks the original leaves alone.
const UNRESERVED: [bool; 256] = {
    let mut kept = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        kept[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let marks = b"/~$-_.+!*'(),;:@&=";
    let mut n = 0;
    while n < marks.len() {
        kept[marks[n] as usize] = true;
        n += 1;
    }
    kept
};

/// What no mode escapes and no path parameter begins with.
const PLAIN: [bool; 256] = {
    let mut plain = UNRESERVED;
    plain[b';' as usize] = false;
    plain
};

/// Everything but what the backend would decode again or cut at, and the blank.
const KEPT_IN_COMPAT: [bool; 256] = {
    let mut kept = [true; 256];
    kept[b'%' as usize] = false;
    kept[b'?' as usize] = false;
    kept[b'#' as usize] = false;
    kept[b' ' as usize] = false;
    kept
};

#[cfg(test)]
mod tests;
