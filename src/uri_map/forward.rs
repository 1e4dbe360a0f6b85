//! The path as the container gets it.

use std::borrow::Cow;

/// The forwarding modes of `JkOptions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForwardUri {
    /// The decoded path as it is.
    Compat,
    /// What the client sent.
    CompatUnparsed,
    /// The decoded path, encoded again in lower case.
    Escaped,
    /// The decoded path, encoded again.
    #[default]
    Proxy,
}

/// Returns the path to forward. `path` is what httpd made of the request, decoded; `unparsed` is
/// what the client sent. As long as they mean the same, the client's own escapes of characters
/// with a meaning are kept, so that an encoded semicolon does not become a delimiter.
///
/// `None` if the path must not be forwarded: it has control bytes, or is not a path.
pub fn forward<'a>(mode: ForwardUri, path: &'a [u8], unparsed: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let target = target_path(unparsed);
    let forwarded = match mode {
        ForwardUri::Compat => Cow::Borrowed(path),
        ForwardUri::CompatUnparsed => Cow::Borrowed(target),
        ForwardUri::Proxy | ForwardUri::Escaped => encode(mode, path, target),
    };
    let is_fine = forwarded.first() == Some(&b'/')
        && forwarded.iter().all(|&byte| byte > 0x20 && byte != 0x7F);
    is_fine.then_some(forwarded)
}

/// Cuts scheme, authority and query off a request target.
pub fn target_path(unparsed: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'?', b'#', unparsed).unwrap_or(unparsed.len());
    let target = &unparsed[..end];
    if target.first() == Some(&b'/') {
        return target;
    }
    match memchr::memmem::find(target, b"://") {
        Some(scheme) => {
            let authority = &target[scheme + 3..];
            memchr::memchr(b'/', authority).map_or(b"/", |slash| &authority[slash..])
        }
        None => target,
    }
}

/// Percent-decodes; a malformed escape stays as it is.
pub fn decode(text: &[u8]) -> Vec<u8> {
    let mut done = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        match rest {
            [b'%', high, low, behind @ ..] if hex(*high).is_some() && hex(*low).is_some() => {
                let value = hex(*high).zip(hex(*low)).map_or(b'%', |(high, low)| high * 16 + low);
                done.push(value);
                rest = behind;
            }
            _ => {
                done.push(*first);
                rest = behind;
            }
        }
    }
    done
}

fn encode<'a>(mode: ForwardUri, path: &'a [u8], target: &[u8]) -> Cow<'a, [u8]> {
    if path.iter().all(|&byte| is_plain(byte)) && !target.contains(&b'%') {
        return Cow::Borrowed(path);
    }
    let digits: &[u8; 16] = match mode {
        ForwardUri::Escaped => b"0123456789abcdef",
        _ => b"0123456789ABCDEF",
    };
    let mut done = Vec::with_capacity(path.len() + 16);
    let escape = |byte: u8, done: &mut Vec<u8>| {
        let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
        done.extend_from_slice(&[b'%', digits[high], digits[low]]);
    };
    // Walks both at once: same meaning, so the client's escape of a special character is kept.
    let mut client = target;
    let mut in_step = true;
    for &byte in path {
        let (value, was_escaped, is_raw_escape, behind) = match client {
            [b'%', high, low, behind @ ..] => match hex(*high).zip(hex(*low)) {
                // httpd keeps %2F as text with AllowEncodedSlashes NoDecode.
                Some((2, 15)) if byte == b'%' => (b'%', false, true, &client[1..]),
                Some((high, low)) => (high * 16 + low, true, false, behind),
                None => (b'%', false, false, &client[1..]),
            },
            [first, behind @ ..] => (*first, false, false, behind),
            [] => (0, false, false, client),
        };
        in_step = in_step && value == byte;
        client = behind;
        let keeps_escape = in_step && was_escaped && matches!(byte, b';' | b'/');
        if (is_plain(byte) && !keeps_escape) || (in_step && is_raw_escape) {
            done.push(byte);
        } else {
            escape(byte, &mut done);
        }
    }
    Cow::Owned(done)
}

/// Tells whether a byte goes into an encoded path as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'/' | b'~'
                | b'$'
                | b'-'
                | b'_'
                | b'.'
                | b'+'
                | b'!'
                | b'*'
                | b'\''
                | b'('
                | b')'
                | b','
                | b';'
                | b':'
                | b'@'
                | b'&'
                | b'='
        )
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::ForwardUri::{Compat, CompatUnparsed, Escaped, Proxy};
    use super::*;

    #[test]
    fn s4_2_modes() {
        type Case = (&'static str, &'static str, [Option<&'static str>; 4]);
        let cases: &[Case] = &[
            ("/a/b%20c", "/a/b c", [Some("/a/b%20c"), Some("/a/b%20c"), None, Some("/a/b%20c")]),
            ("/a+b", "/a+b", [Some("/a+b"); 4]),
            ("/%41bc", "/Abc", [Some("/Abc"), Some("/Abc"), Some("/Abc"), Some("/%41bc")]),
            ("/a;s=X.n1", "/a;s=X.n1", [Some("/a;s=X.n1"); 4]),
            (
                "/a%3Bs=X",
                "/a;s=X",
                [Some("/a%3Bs=X"), Some("/a%3bs=X"), Some("/a;s=X"), Some("/a%3Bs=X")],
            ),
            (
                "/a%2541",
                "/a%41",
                [Some("/a%2541"), Some("/a%2541"), Some("/a%41"), Some("/a%2541")],
            ),
            ("/a%3Fb", "/a?b", [Some("/a%3Fb"), Some("/a%3fb"), Some("/a?b"), Some("/a%3Fb")]),
            ("/x%0a", "/x\n", [Some("/x%0A"), Some("/x%0a"), None, Some("/x%0a")]),
            ("/c/../b", "/b", [Some("/b"), Some("/b"), Some("/b"), Some("/c/../b")]),
            ("/a%2fb", "/a%2fb", [Some("/a%2fb"), Some("/a%2fb"), Some("/a%2fb"), Some("/a%2fb")]),
            ("http://h/p?q", "/p", [Some("/p"); 4]),
            (
                "/rw/z",
                "/fake/z",
                [Some("/fake/z"), Some("/fake/z"), Some("/fake/z"), Some("/rw/z")],
            ),
            (
                "/a[b]",
                "/a[b]",
                [Some("/a%5Bb%5D"), Some("/a%5bb%5d"), Some("/a[b]"), Some("/a[b]")],
            ),
        ];
        for (unparsed, path, expected) in cases {
            for (mode, expected) in [Proxy, Escaped, Compat, CompatUnparsed].iter().zip(expected) {
                let got = forward(*mode, path.as_bytes(), unparsed.as_bytes());
                let got = got.map(|uri| String::from_utf8_lossy(&uri).into_owned());
                assert_eq!(got.as_deref(), *expected, "{mode:?} {unparsed}");
            }
        }
    }
}
