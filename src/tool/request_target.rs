//! From the request target as a client writes it to the path modules see, as httpd 2.4 does it.
//!
//! httpd itself does this for requests; here it is for explaining what would happen.

use crate::uri_map::normalize::{NormalizeError, normalize_into};

/// `AllowEncodedSlashes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EncodedSlashes {
    /// `%2F` is decoded like anything else.
    Decoded,
    /// `%2F` stays as it is.
    Kept,
    /// A path with `%2F` is answered with 404.
    #[default]
    Refused,
}

impl EncodedSlashes {
    /// Reads the directive's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "on" => Self::Decoded,
            "nodecode" => Self::Kept,
            "off" => Self::Refused,
            _ => return None,
        })
    }
}

/// Why httpd answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A percent sign without two digits.
    #[error("a percent sign without two hexadecimal digits")]
    BadEscape,
    /// `..` above the root.
    #[error("the path climbs above the root")]
    ClimbsAboveRoot,
    /// `%00`.
    #[error("the path has an encoded NUL")]
    EncodedNul,
    /// `%2F`, with `AllowEncodedSlashes Off`.
    #[error("the path has an encoded slash; AllowEncodedSlashes On or NoDecode would let it in")]
    EncodedSlash,
    /// A `#`, which browsers never send.
    #[error("a # in the request target; browsers cut it off, curl needs --path-as-is to send it")]
    Fragment,
    /// Neither a path nor an absolute URI.
    #[error("the request target is not a path, expected a slash at its beginning")]
    NotAPath,
}

impl Refused {
    /// Returns the status httpd answers with.
    pub fn http_status(self) -> u16 {
        match self {
            Self::EncodedNul | Self::EncodedSlash => 404,
            Self::BadEscape | Self::ClimbsAboveRoot | Self::Fragment | Self::NotAPath => 400,
        }
    }
}

/// Decodes a request target: query and authority are cut, escapes decoded once, dot segments and,
/// with `merge_slashes`, runs of slashes resolved.
///
/// # Errors
///
/// Why httpd would answer by itself.
pub fn decoded(
    target: &[u8],
    slashes: EncodedSlashes,
    merge_slashes: bool,
) -> Result<Vec<u8>, Refused> {
    if memchr::memchr(b'#', target).is_some() {
        return Err(Refused::Fragment);
    }
    let path = crate::uri_map::forward::target_path(target).ok_or(Refused::NotAPath)?;
    let resolve = |path: &[u8]| resolved(path, merge_slashes);
    // Dots are unreserved characters, so their escapes count as dots already.
    let path = resolve(&unescaped_dots(path))?;
    let (mut out, mut rest) = (Vec::with_capacity(path.len()), path.as_slice());
    // A broken escape is worse than one that is only refused, wherever each of them stands.
    let mut refused = None;
    while let [first, tail @ ..] = rest {
        if *first != b'%' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let byte = crate::uri_map::forward::escape(rest).ok_or(Refused::BadEscape)?;
        match (byte, slashes) {
            (0, _) => refused = refused.or(Some(Refused::EncodedNul)),
            (b'/', EncodedSlashes::Refused) => refused = refused.or(Some(Refused::EncodedSlash)),
            (b'/', EncodedSlashes::Kept) => out.extend_from_slice(&rest[..3]),
            _ => out.push(byte),
        }
        rest = &rest[3..];
    }
    match (refused, slashes) {
        (Some(why), _) => Err(why),
        (None, EncodedSlashes::Decoded) => resolve(&out),
        (None, _) => Ok(out),
    }
}

fn unescaped_dots(path: &[u8]) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::with_capacity(path.len()), path);
    while let [first, tail @ ..] = rest {
        match crate::uri_map::forward::escape(rest) {
            Some(b'.') => {
                out.push(b'.');
                rest = &rest[3..];
            }
            _ => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

fn resolved(path: &[u8], merge_slashes: bool) -> Result<Vec<u8>, Refused> {
    if merge_slashes {
        let mut out = Vec::new();
        return match normalize_into(path, false, &mut out) {
            Ok(()) => Ok(out),
            Err(NormalizeError::ClimbsAboveRoot) => Err(Refused::ClimbsAboveRoot),
            Err(NormalizeError::Asterisk | NormalizeError::NotAbsolute) => Err(Refused::NotAPath),
        };
    }
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path[1..].split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            // The first slashes are merged all the same.
            b"" if !is_last && kept.is_empty() => {}
            b"." if is_last => kept.push(b""),
            b"." => {}
            b".." => {
                kept.pop().ok_or(Refused::ClimbsAboveRoot)?;
                if is_last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    Ok([b"/", kept.join(&b'/').as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::EncodedSlashes::{Decoded, Kept};
    use super::*;

    #[test]
    fn section_4_what_httpd_does_before() {
        type Case = (&'static str, EncodedSlashes, Result<&'static str, u16>);
        let off = EncodedSlashes::Refused;
        let cases: &[Case] = &[
            ("/a/b?q=1", off, Ok("/a/b")),
            ("http://host/a", off, Ok("/a")),
            ("http://host", off, Ok("/")),
            ("a/b", off, Err(400)),
            ("/a#b", off, Err(400)),
            ("/a/../b", off, Ok("/b")),
            ("/a/%2e%2E/b", off, Ok("/b")),
            ("/../b", off, Err(400)),
            ("/a//b", off, Ok("/a/b")),
            ("/a;x/..;/b", off, Ok("/a;x/..;/b")),
            ("/a%2fb", off, Err(404)),
            ("/a%2fb", Decoded, Ok("/a/b")),
            ("/a%2fb", Kept, Ok("/a%2fb")),
            ("/a/x%2f..%2fb", Decoded, Ok("/a/b")),
            ("/a/x%2f..%2fb", Kept, Ok("/a/x%2f..%2fb")),
            ("/a%252fb", off, Ok("/a%2fb")),
            ("/a%00b", Decoded, Err(404)),
            ("/a%zz", off, Err(400)),
            ("/a%2", off, Err(400)),
            ("/a%2f%zz", off, Err(400)),
            ("/a%20b", off, Ok("/a b")),
        ];
        for (target, slashes, expected) in cases {
            let result = decoded(target.as_bytes(), *slashes, true);
            let shown = result.as_deref().map(String::from_utf8_lossy).map_err(|e| e.http_status());
            assert_eq!(shown.as_deref(), expected.as_deref(), "{target} {slashes:?}");
        }
        let kept = decoded(b"//a//b/./c/../d", EncodedSlashes::Refused, false);
        assert_eq!(kept.expect("a path"), b"/a//b/d");
    }
}
