//! Text of clients and of backends in lines.

use std::fmt::Write;

/// Makes text of a client safe to stand in a line: control bytes and the backslash become `\xNN`.
pub fn escaped(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' '..=b'[' | b']'..=b'~' => safe.push(char::from(byte)),
            _ => {
                let _ = write!(safe, "\\x{byte:02x}");
            }
        }
    }
    safe
}

/// The same for text of any length: what is beyond `most` bytes is left out, and `...` says so.
pub fn excerpt(text: &[u8], most: usize) -> String {
    match text.get(..most) {
        Some(beginning) if text.len() > most => escaped(beginning) + "...",
        _ => escaped(text),
    }
}

/// Names a request by its method and decoded path. Neither can be mistaken for other words of the line:
/// blanks become `\x20`, and both are cut where a request of a person has long ended.
pub fn request_label(method: &[u8], path: &[u8]) -> String {
    let word = |text: &[u8], most| excerpt(text, most).replace(' ', "\\x20");
    format!("{} {}", word(method, LONGEST_METHOD), word(path, LONGEST_PATH))
}

/// The longest method that is registered has 17 letters.
const LONGEST_METHOD: usize = 24;

/// Most bytes of a path in a line.
pub const LONGEST_PATH: usize = 200;

/// Most bytes of a name, such as that of a header, in a line.
pub const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_two_words_of_bounded_length() {
        for (method, path, label) in [
            (&b"GET"[..], &b"/app/x"[..], "GET /app/x"),
            (
                b"GET",
                b"/a b: answered 200\n[emerg]",
                "GET /a\\x20b:\\x20answered\\x20200\\x0a[emerg]",
            ),
            (b"G\x1b\xff\\", b"/", "G\\x1b\\xff\\x5c /"),
            (&[b'M'; 25], b"/", "MMMMMMMMMMMMMMMMMMMMMMMM... /"),
            (&[b'M'; 24], b"/", "MMMMMMMMMMMMMMMMMMMMMMMM /"),
        ] {
            assert_eq!(request_label(method, path), label);
        }
        let longest = request_label(&[0; 9_000], &[0; 9_000]);
        assert_eq!(longest.len(), 4 * (24 + 200) + "... ...".len());
    }
}
