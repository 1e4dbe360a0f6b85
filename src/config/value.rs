//! Values as mod_jk reads them: leniently, so that what a file has always meant stays.

use crate::config::rows::ValueKind;

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

/// Tells whether a truth value is one of the words for it, not only like one in its first letter.
pub(super) fn is_clear_boolean(text: &str) -> bool {
    let words = ["true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0"];
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Reads a number with a unit of time behind it, such as `5m` or `1.5 seconds`, in milliseconds.
fn time(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = (text[..end].parse::<f64>().ok()?, text[end..].trim());
    let factor = match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "msecs" | "millis" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        _ => return None,
    };
    // A time of years fits, and what does not is the largest number.
    Some((number * factor).round() as u64)
}

/// Returns what to write for a value with a unit, if `used` is something else.
pub(super) fn instead(text: &str, kind: ValueKind, used: i64) -> String {
    let millis = time(text);
    let meant = match kind {
        ValueKind::Millis => millis,
        ValueKind::Seconds => millis.map(|millis| millis.div_ceil(1_000)),
        _ => None,
    };
    // check: time-with-a-unit
    match meant.filter(|meant| i64::try_from(*meant) != Ok(used)) {
        Some(meant) => format!(", for {text} write {meant}"),
        None => String::new(),
    }
}

/// Splits a list at commas and blanks.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ', '\t']).filter(|word| !word.is_empty())
}
