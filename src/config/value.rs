//! Values as mod_jk reads them: leniently, so that what a file has always meant stays.

/// Reads leading digits with an optional sign and a k or m; `None` if there are none or they do
/// not fit.
pub(super) fn integer(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let end = text.len() - unsigned.len() + digits;
    let value = text[..end].parse::<i64>().ok().filter(|_| digits > 0)?;
    let factor = match text[end..].bytes().next().map(|byte| byte.to_ascii_lowercase()) {
        Some(b'k') => 1024,
        Some(b'm') => 1024 * 1024,
        _ => 1,
    };
    i32::try_from(value.checked_mul(factor)?).ok()
}

/// Tells whether the whole text is a number, not only its front.
pub(super) fn is_clean_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = digits.strip_suffix(['k', 'm', 'K', 'M']).unwrap_or(digits);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Reads a truth value; `None` for other words.
pub fn boolean(text: &str) -> Option<bool> {
    let first = text.bytes().next()?.to_ascii_lowercase();
    match text.to_ascii_lowercase().as_str() {
        "off" | "0" => Some(false),
        "on" | "1" => Some(true),
        _ => match first {
            b'f' | b'n' => Some(false),
            b't' | b'y' => Some(true),
            _ => None,
        },
    }
}

/// Splits a list at commas and blanks.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}
