//! The match URI: a copy of the request path that rules are compared with.
//!
//! httpd has already decoded the path once and resolved its dot segments, but it does not know
//! path parameters: `/a/..;/b` is three plain segments to it and a climb to the backend. So
//! parameters go first and everything else is done again. Exclusions see the result as well.

/// A match URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NormalizedPath<'a> {
    /// The path: the given one if there was nothing to clean, else in the buffer.
    pub path: &'a [u8],
    /// Whether it differs from the given one.
    pub changed: bool,
}

/// Why a path has no match URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NormalizeError {
    /// `OPTIONS *`: nothing is wrong, but it is never mapped.
    #[error("\"*\" is not a path")]
    Asterisk,
    /// A `..` has no segment to remove; answered with 400.
    #[error("the path climbs above the root")]
    ClimbsAboveRoot,
    /// Answered with 400.
    #[error("the path does not begin with a slash")]
    NotAbsolute,
}

/// Makes the match URI of a decoded path. `out` is used only if something must be removed.
///
/// In this order: path parameters are cut from every segment, runs of slashes become one, `.`
/// segments go, `..` segments go with their predecessor.
///
/// # Errors
///
/// [`NormalizeError`], all variants.
#[inline]
pub fn normalize<'a>(
    path: &'a [u8],
    out: &'a mut Vec<u8>,
) -> Result<NormalizedPath<'a>, NormalizeError> {
    if path.starts_with(b"/") && !may_need_cleaning(path) {
        return Ok(NormalizedPath { path, changed: false });
    }
    clean_into(path, out)
}

#[inline(never)]
fn clean_into<'a>(path: &[u8], out: &'a mut Vec<u8>) -> Result<NormalizedPath<'a>, NormalizeError> {
    match path {
        b"*" => return Err(NormalizeError::Asterisk),
        [b'/', ..] => {}
        _ => return Err(NormalizeError::NotAbsolute),
    }
    normalize_into(path, true, out)?;
    // Cleaning only ever removes bytes.
    let changed = out.len() != path.len();
    Ok(NormalizedPath { path: out, changed })
}

/// Says whether `JkOptions +RejectUnsafeURI` keeps this match URI from being mapped: it contains
/// a percent sign or a backslash, which a backend might decode or turn once more.
pub fn is_unsafe(match_uri: &[u8]) -> bool {
    memchr::memchr2(b'%', b'\\', match_uri).is_some()
}

/// Resolves slashes and dot segments of an absolute path, without or with path parameters.
pub fn normalize_into(
    path: &[u8],
    cut_parameters: bool,
    out: &mut Vec<u8>,
) -> Result<(), NormalizeError> {
    out.clear();
    out.push(b'/');
    let mut segments = path[1..].split(|b| *b == b'/').peekable();
    while let Some(segment) = segments.next() {
        let segment = match memchr::memchr(b';', segment) {
            Some(end) if cut_parameters => &segment[..end],
            _ => segment,
        };
        match segment {
            b"" | b"." => {}
            b".." => {
                // `out` ends in a slash here: only the last segment leaves none.
                out.pop();
                let parent = memchr::memrchr(b'/', out).ok_or(NormalizeError::ClimbsAboveRoot)?;
                out.truncate(parent + 1);
            }
            _ => {
                out.extend_from_slice(segment);
                if segments.peek().is_some() {
                    out.push(b'/');
                }
            }
        }
    }
    Ok(())
}

/// One pass for the usual path, eight bytes at a time. A name that begins with a dot counts as a
/// maybe.
#[inline(never)]
fn may_need_cleaning(path: &[u8]) -> bool {
    // Each byte with the one before it; the first one is the slash.
    let (before, here) = (&path[..path.len() - 1], &path[1..]);
    let words = before.as_chunks::<8>().0.iter().zip(here.as_chunks::<8>().0);
    for (before, here) in words {
        if is_suspicious(*before, *here) {
            return true;
        }
    }
    // The last word overlaps the one before it.
    match (before.last_chunk(), here.last_chunk()) {
        (Some(before), Some(here)) => is_suspicious(*before, *here),
        _ => path.windows(2).any(|pair| pair[1] == b';' || matches!(pair, b"//" | b"/.")),
    }
}

/// Tells whether a byte of `here` is a semicolon, or a slash or dot and the one in `before` a slash.
#[inline]
fn is_suspicious(before: [u8; 8], here: [u8; 8]) -> bool {
    const fn all(byte: u8) -> u64 {
        u64::from_ne_bytes([byte; 8])
    }
    let (before, here) = (u64::from_ne_bytes(before), u64::from_ne_bytes(here));
    // Not zero if and only if some byte of the word is zero.
    let has_zero = |word: u64| word.wrapping_sub(all(1)) & !word & all(0x80);
    // A dot and a slash differ in the lowest bit only.
    let segments = (before ^ all(b'/')) | ((here | all(1)) ^ all(b'/'));
    has_zero(segments) | has_zero(here ^ all(b';')) != 0
}

#[cfg(test)]
mod tests {
    use super::NormalizeError::{Asterisk, ClimbsAboveRoot, NotAbsolute};
    use super::*;

    #[test]
    fn section_4_match_uri() {
        type Case = (&'static str, &'static str, Result<&'static str, NormalizeError>);
        let cases: &[Case] = &[
            ("plain", "/a/b", Ok("/a/b")),
            ("root", "/", Ok("/")),
            ("asterisk", "*", Err(Asterisk)),
            ("relative", "a/b", Err(NotAbsolute)),
            ("empty", "", Err(NotAbsolute)),
            ("absolute URI", "http://h/a", Err(NotAbsolute)),
            ("parameter at the end", "/a/b;p=1", Ok("/a/b")),
            ("parameter inside", "/a;p=1/b", Ok("/a/b")),
            ("bare semicolon", "/a/b;", Ok("/a/b")),
            ("parameter only", "/;x", Ok("/")),
            ("parameter segment", "/a/;x/b", Ok("/a/b")),
            ("two semicolons", "/a;x;y/b;z", Ok("/a/b")),
            ("slashes", "//a///b//", Ok("/a/b/")),
            ("dot", "/a/./b", Ok("/a/b")),
            ("last dot", "/a/.", Ok("/a/")),
            ("dots", "/a/b/../c", Ok("/a/c")),
            ("last dots", "/a/b/..", Ok("/a/")),
            ("to the root", "/a/..", Ok("/")),
            ("dots are not a name", "/a/.hidden/..x/...", Ok("/a/.hidden/..x/...")),
            ("above", "/..", Err(ClimbsAboveRoot)),
            ("above later", "/a/../../b", Err(ClimbsAboveRoot)),
            ("A57", "/app/x/.;/../admin/x", Ok("/app/admin/x")),
            ("A58", "/app/pub/..;/../other/x", Ok("/other/x")),
            ("A71", "/app/pub/;/..;/..;/other/x", Ok("/other/x")),
            ("A82", "/\n[emerg]/..;/..;/x", Err(ClimbsAboveRoot)),
            ("order", "/x/a/;/..;/y", Ok("/x/y")),
            ("J9", "/;a/jkstatus/..;/jkstatus;", Ok("/jkstatus")),
            ("backslash stays", "/a\\..\\b", Ok("/a\\..\\b")),
        ];
        for (name, path, expected) in cases {
            let mut out = Vec::new();
            let result = normalize(path.as_bytes(), &mut out);
            let wanted = expected
                .map(|clean| NormalizedPath { path: clean.as_bytes(), changed: clean != *path });
            assert_eq!(result, wanted, "case: {name}");
        }
    }

    #[test]
    fn a_clean_path_is_not_copied() {
        let mut out = Vec::new();
        normalize(b"/docs/index.html", &mut out).unwrap();
        assert_eq!(out.capacity(), 0);
    }

    #[test]
    fn the_quick_look_sees_what_a_slow_one_sees() {
        let is_seen = |path: &[u8]| {
            path.contains(&b';')
                || path.windows(2).any(|pair| pair[0] == b'/' && matches!(pair[1], b'/' | b'.'))
        };
        // Neighbours in value and with the upper bit, at all places of words and of their borders.
        let bytes = b"./0:;<\x00\x01a\x80\xae\xaf\xbb\xff";
        for len in 1..=25 {
            let mut path = vec![b'a'; len];
            path[0] = b'/';
            assert!(!may_need_cleaning(&path), "length {len}");
            for at in 1..len {
                for first in bytes {
                    for second in bytes {
                        let mut path = path.clone();
                        path[at] = *first;
                        if let Some(next) = path.get_mut(at + 1) {
                            *next = *second;
                        }
                        assert_eq!(may_need_cleaning(&path), is_seen(&path), "{path:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn slashes_never_hide_a_path() {
        // J6: every count of slashes at every boundary.
        for count in 1..=64 {
            let slashes = "/".repeat(count);
            let path = format!("{slashes}app{slashes}admin{slashes}x");
            let mut out = Vec::new();
            assert_eq!(normalize(path.as_bytes(), &mut out).unwrap().path, b"/app/admin/x");
        }
    }

    #[test]
    fn section_4_1_unsafe_uris() {
        let cases: &[(&str, &[u8], bool)] = &[
            ("blank", b"/a b", false),
            ("percent", b"/a%b", true),
            ("backslash", b"/a/..\\b", true),
            ("utf-8", "/é".as_bytes(), false),
        ];
        for (name, uri, expected) in cases {
            assert_eq!(is_unsafe(uri), *expected, "case: {name}");
        }
    }
}
