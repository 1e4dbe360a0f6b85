//! Which bytes may stand where, RFC 9110 section 5. Checked on every byte of every request, so
//! the common answer "all fine" is found eight bytes at a time.

/// Tells whether `bytes` may be a field value: no control byte but TAB.
#[inline]
pub(super) fn is_field_value(bytes: &[u8]) -> bool {
    !has_suspect::<0x20>(bytes) || has_only_tabs(bytes)
}

/// Tells whether all control bytes are TABs.
#[cold]
fn has_only_tabs(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == b'\t' || !is_control(byte))
}

/// Tells whether `bytes` may be a part of a URI: no control byte and no space.
#[inline]
pub(super) fn is_uri_text(bytes: &[u8]) -> bool {
    !has_suspect::<0x21>(bytes)
}

/// Tells whether `bytes` are a token: a header name or a method. An empty one is none.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    // Nearly all are, so there is no look after each byte whether this is the end.
    !bytes.is_empty() && bytes.iter().fold(true, |fine, &byte| fine & TOKEN[usize::from(byte)])
}

/// Tells whether `bytes` may be shown as a reason phrase: printable ASCII and not too long.
///
/// Bytes above `7E` are legal but have no charset, so the standard phrase is the better text.
pub(super) fn is_reason(bytes: &[u8]) -> bool {
    bytes.len() <= MAX_REASON && bytes.iter().all(|&byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// Tells whether `byte` is a control byte, TAB included.
pub(super) fn is_control(byte: u8) -> bool {
    byte < 0x20 || byte == 0x7F
}

/// Tells whether any byte is below `LOW` or is DEL.
#[inline]
fn has_suspect<const LOW: u8>(bytes: &[u8]) -> bool {
    !is_plain::<LOW>(bytes) && bytes.iter().any(|&byte| byte < LOW || byte == 0x7F)
}

/// Tells whether all bytes are printable ASCII from `LOW` on.
fn is_plain<const LOW: u8>(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<8>() {
        let words = bytes.as_chunks::<8>().0;
        let marks = words.iter().fold(0, |marks, word| marks | others::<LOW>(*word));
        // check: last-bytes-of-a-long-text
        return (marks | others::<LOW>(*last)) & HIGH_BITS == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let ([a, b, c, d], [e, f, g, h]) = (*first, *last);
        return others::<LOW>([a, b, c, d, e, f, g, h]) & HIGH_BITS == 0;
    }
    bytes.iter().all(|byte| (LOW..=b'~').contains(byte))
}

/// Marks bytes that are not in `LOW..=7E`, in their highest bits.
///
/// A carry or a borrow may also mark the neighbour of such a byte, never a byte of a word without one: the
/// highest bits are zero exactly if the word has none. `LOW` is at most `80`.
#[inline]
const fn others<const LOW: u8>(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    word.wrapping_sub(ONES * LOW as u64) | word.wrapping_add(ONES) | word
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Longer reason phrases are replaced; no registered one has more than 31 bytes.
const MAX_REASON: usize = 256;

/// The `tchar` of RFC 9110 section 5.6.2.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let b = byte as u8;
        table[byte] = b.is_ascii_alphanumeric()
            || matches!(
                b,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Every byte at every position of every short length: the fast path must agree with the
    /// definition wherever a byte falls in a word.
    #[test]
    fn fast_checks_agree_with_the_definition() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=255u8 {
                    for filler in [b'a', 0x80, 0xFF, 0x21, 0x7E] {
                        let mut text = vec![filler; len];
                        text[at] = byte;
                        let case = (len, at, byte, filler);
                        let control = byte < 0x20 || byte == 0x7F;
                        assert_eq!(is_field_value(&text), !control || byte == 9, "value {case:?}");
                        assert_eq!(is_uri_text(&text), !control && byte != 0x20, "uri {case:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn two_bad_bytes_do_not_hide_each_other() {
        let cases: &[(&str, &[u8], bool, bool)] = &[
            ("empty", b"", true, true),
            ("tab then newline", b"\t\n", false, false),
            ("tabs only", b"a\tb\tc\td\te\tf\tg", true, false),
            ("tab and DEL far apart", b"\t2345678901234567890\x7f", false, false),
            ("borrow into the neighbour", b"\x00\x20\x20\x20\x20\x20\x20\x20", false, false),
            ("space", b"a b", true, false),
            ("obs-text", b"caf\xe9 \xff", true, false),
            ("obs-text without space", b"caf\xe9\xff\x80\x81\x82", true, true),
        ];

        for (name, text, value, uri) in cases {
            assert_eq!(is_field_value(text), *value, "value, case: {name}");
            assert_eq!(is_uri_text(text), *uri, "uri, case: {name}");
        }
    }

    #[test]
    fn only_tokens_are_header_names() {
        let legal =
            b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
        for byte in 0..=255u8 {
            assert_eq!(is_token(&[b'a', byte]), legal.contains(&byte), "byte {byte:#04x}");
        }
        assert!(!is_token(b""), "an empty name is no token");
    }

    #[test]
    fn a_reason_with_forbidden_bytes_is_not_shown() {
        for byte in 0..=255u8 {
            let printable = byte == 9 || (0x20..0x7F).contains(&byte);
            assert_eq!(is_reason(&[byte]), printable, "byte {byte:#04x}");
        }
        assert!(is_reason(&[b'a'; 256]));
        assert!(!is_reason(&[b'a'; 257]));
    }
}
