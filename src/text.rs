//! Text that people wrote, in whatever encoding, held in a `String` without loss.
//!
//! Configuration is bytes. Most of it is UTF-8 and is used as text all over; the rest has to come out
//! as it went in: to Tomcat, to the names of files, into comparisons with what clients send. Bytes that
//! are no UTF-8 stand in a `String` as characters at the end of the last private plane, one for each
//! byte, as Python does with lone surrogates. Where text leaves, [`raw`] makes the bytes again;
//! where people or strict formats read it, [`shown`] writes `\xHH`.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The character for byte 0; only those from 0x80 on are used, as ASCII is always UTF-8.
const FIRST: u32 = 0x10_ff00;

/// How all characters that stand for a byte begin in UTF-8; nothing else of use does.
const LEAD: u8 = 0xf4;

/// Takes bytes as text. Bytes that look like one of our own characters are taken apart as well, so
/// that [`raw`] gives back exactly what was taken.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if stands_for_bytes(text).is_none() => return Cow::Borrowed(text),
        _ => {}
    }
    let mut text = String::with_capacity(bytes.len());
    let stand_in = |bytes: &[u8], text: &mut String| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte_of(c) {
                Some(_) => stand_in(c.encode_utf8(&mut [0; 4]).as_bytes(), &mut text),
                None => text.push(c),
            }
        }
        stand_in(chunk.invalid(), &mut text);
    }
    Cow::Owned(text)
}

/// Takes bytes as text, for those who keep it.
pub fn owned(bytes: &[u8]) -> String {
    decode(bytes).into_owned()
}

/// Returns the bytes that [`decode`] took. Copies only where some were no UTF-8.
#[inline]
pub fn raw(text: &str) -> Cow<'_, [u8]> {
    // Requests ask for names, which are nearly always ASCII and short.
    if text.is_ascii() { Cow::Borrowed(text.as_bytes()) } else { raw_of_any(text) }
}

#[inline(never)]
fn raw_of_any(text: &str) -> Cow<'_, [u8]> {
    let Some(first) = stands_for_bytes(text) else { return Cow::Borrowed(text.as_bytes()) };
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(&text.as_bytes()[..first]);
    for c in text[first..].chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Returns the text for people: bytes that were no UTF-8 as `\xHH`.
pub fn shown(text: &str) -> Cow<'_, str> {
    spelled(text, "\\x")
}

/// Returns the text for inside a quoted string in which a backslash escapes: JSON, labels of metrics.
pub fn shown_in_quotes(text: &str) -> Cow<'_, str> {
    spelled(text, "\\\\x")
}

/// Returns the path of a file.
pub fn path(text: &str) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(&raw(text)))
}

/// Takes the path of a file as text.
pub fn of_path(path: &Path) -> String {
    owned(path.as_os_str().as_bytes())
}

/// Returns a variable of the environment.
pub fn variable(name: &str) -> Option<String> {
    std::env::var_os(OsStr::from_bytes(&raw(name))).map(|value| owned(value.as_bytes()))
}

/// Returns the byte that a character stands for.
pub fn byte_of(c: char) -> Option<u8> {
    let byte = u32::from(c).checked_sub(FIRST)?;
    u8::try_from(byte).ok().filter(|byte| *byte >= 0x80)
}

/// Cuts white space off both ends, as C's `isspace` knows it: what looks like a blank only in one
/// encoding is part of the text.
pub fn trim(text: &str) -> &str {
    let trimmed = text.trim_ascii();
    match trimmed.starts_with('\x0b') || trimmed.ends_with('\x0b') {
        true => trim(trimmed.trim_matches('\x0b')),
        false => trimmed,
    }
}

fn spelled<'t>(text: &'t str, begin: &str) -> Cow<'t, str> {
    let Some(first) = stands_for_bytes(text) else { return Cow::Borrowed(text) };
    let mut shown = String::with_capacity(text.len());
    shown.push_str(&text[..first]);
    for c in text[first..].chars() {
        match byte_of(c) {
            Some(byte) => {
                shown.push_str(begin);
                shown.push_str(&format!("{byte:02x}"));
            }
            None => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Returns where the first character is that stands for a byte.
fn stands_for_bytes(text: &str) -> Option<usize> {
    let mut places = memchr::memchr_iter(LEAD, text.as_bytes());
    places.find(|place| text[*place..].chars().next().and_then(byte_of).is_some())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bytes_come_out_as_they_went_in() {
        let cases: &[(&[u8], &str)] = &[
            (b"plain", "plain"),
            ("pässword \u{1f600}".as_bytes(), "pässword \u{1f600}"),
            (b"p\xe4ss", "p\\xe4ss"),
            (b"\x80\xff", "\\x80\\xff"),
            // What stands for a byte, written in the file itself, is four bytes like any other.
            ("a\u{10ffe4}".as_bytes(), "a\\xf4\\x8f\\xbf\\xa4"),
            ("\u{10ff7f}\u{10fffd}".as_bytes(), "\u{10ff7f}\\xf4\\x8f\\xbf\\xbd"),
            (b"cut \xf4\x8f\xbf", "cut \\xf4\\x8f\\xbf"),
        ];
        for (bytes, expected) in cases {
            let text = decode(bytes);
            assert_eq!((&*raw(&text), &*shown(&text)), (*bytes, *expected));
        }
        assert!(matches!(decode("ä".as_bytes()), Cow::Borrowed(_)));
        assert!(matches!(raw("ä"), Cow::Borrowed(_)));
        assert_eq!(shown_in_quotes(&decode(b"\xe4\"")), "\\\\xe4\"");
        assert_eq!(path(&decode(b"/\xe4")).as_os_str().as_bytes(), b"/\xe4");
    }

    #[test]
    fn blanks_of_other_encodings_are_part_of_a_value() {
        assert_eq!(trim(" \t\x0b\x0c\r\na\u{a0}\n"), "a\u{a0}");
        assert_eq!(trim("\u{85}a\u{3000}"), "\u{85}a\u{3000}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost(bytes: Vec<u8>, piece in "\\PC*") {
            let bytes = [bytes.as_slice(), piece.as_bytes(), &bytes].concat();
            let text = decode(&bytes);
            prop_assert_eq!(&*raw(&text), bytes.as_slice());
            // Text that was taken once is text, and joins as bytes do.
            let twice = format!("{text}{text}");
            prop_assert_eq!(&*raw(&twice), [bytes.as_slice(), &bytes].concat());
        }
    }
}
