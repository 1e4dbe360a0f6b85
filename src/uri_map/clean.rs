//! The URI that rules are compared with: no path parameters, no empty, `.` or `..` segments.

use std::borrow::Cow;

use thiserror::Error;

/// A path that no rule can be asked about.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CleanError {
    /// `..` above the root.
    #[error("the path climbs above the root")]
    AboveRoot,
    /// Not absolute.
    #[error("the path does not begin with /")]
    NotAbsolute,
}

/// Cleans a decoded path. The usual path is returned as it is.
///
/// # Errors
///
/// If the path has no meaning.
pub fn clean(path: &[u8]) -> Result<Cow<'_, [u8]>, CleanError> {
    if path.first() != Some(&b'/') {
        return Err(CleanError::NotAbsolute);
    }
    let is_clean =
        !path.contains(&b';') && !path.windows(2).any(|pair| pair == b"//" || pair == b"/.");
    if is_clean {
        return Ok(Cow::Borrowed(path));
    }
    let mut done: Vec<u8> = Vec::with_capacity(path.len());
    let mut segments = path[1..].split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let end = memchr::memchr(b';', segment).unwrap_or(segment.len());
        match &segment[..end] {
            b"" | b"." => {}
            b".." => {
                let parent = memchr::memrchr(b'/', &done).ok_or(CleanError::AboveRoot)?;
                done.truncate(parent);
            }
            name => {
                done.push(b'/');
                done.extend_from_slice(name);
                continue;
            }
        }
        if is_last {
            done.push(b'/');
        }
    }
    if done.is_empty() {
        done.push(b'/');
    }
    Ok(Cow::Owned(done))
}

/// Tells whether `RejectUnsafeURI` keeps a cleaned URI from being mapped.
pub fn is_unsafe(uri: &[u8]) -> bool {
    memchr::memchr2(b'%', b'\\', uri).is_some()
}

/// Removes every path parameter `name`, which includes its semicolon, from a URI or file name.
pub fn strip_session(uri: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut stripped = Vec::with_capacity(uri.len());
    let mut rest = uri;
    while let Some(at) = memchr::memmem::find(rest, name) {
        let behind = &rest[at + name.len()..];
        let is_whole = behind.first().is_none_or(|byte| matches!(byte, b'=' | b';' | b'/'));
        let end = match is_whole {
            true => {
                stripped.extend_from_slice(&rest[..at]);
                behind.iter().position(|byte| matches!(byte, b';' | b'/')).unwrap_or(behind.len())
            }
            false => {
                stripped.extend_from_slice(&rest[..at + name.len()]);
                0
            }
        };
        rest = &behind[end..];
    }
    stripped.extend_from_slice(rest);
    (stripped.len() < uri.len()).then_some(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_clean() {
        let cases: &[(&str, Result<&str, CleanError>)] = &[
            ("/", Ok("/")),
            ("/a/b", Ok("/a/b")),
            ("/a/", Ok("/a/")),
            ("/a;x=1/b;y", Ok("/a/b")),
            ("//a///b", Ok("/a/b")),
            ("/a/.", Ok("/a/")),
            ("/./a", Ok("/a")),
            ("/a/b/..", Ok("/a/")),
            ("/x/a/;/..;/y", Ok("/x/y")),
            ("/a/..;/b", Ok("/b")),
            ("/a/..", Ok("/")),
            ("/.hidden/x", Ok("/.hidden/x")),
            ("/a..b", Ok("/a..b")),
            ("/;", Ok("/")),
            ("/..", Err(CleanError::AboveRoot)),
            ("/a/../../b", Err(CleanError::AboveRoot)),
            ("a", Err(CleanError::NotAbsolute)),
            ("", Err(CleanError::NotAbsolute)),
        ];
        for (path, expected) in cases {
            let got = clean(path.as_bytes());
            assert_eq!(got.as_deref(), expected.as_ref().map(|uri| uri.as_bytes()), "{path}");
        }
    }

    #[test]
    fn s9_strip_session() {
        let cases: &[(&str, Option<&str>)] = &[
            ("/a;jsessionid=1", Some("/a")),
            ("/a;jsessionid=1/b;jsessionid=2", Some("/a/b")),
            ("/a;jsessionid=1;v=2", Some("/a;v=2")),
            ("/a;jsessionidfoo=1", None),
            ("/a", None),
        ];
        for (uri, expected) in cases {
            let got = strip_session(uri.as_bytes(), b";jsessionid");
            assert_eq!(got.as_deref(), expected.map(str::as_bytes), "{uri}");
        }
    }
}
