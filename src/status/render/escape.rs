//! Texts of others in each format.

/// Characters XML 1.0 cannot hold become U+FFFD, and other control characters with them.
pub(in crate::status) fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // check: quotes-in-xml
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => out.push_str(&format!("&#{};", u32::from(c))),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Writes one of our own texts as HTML: what stands between backticks, as names and values do, is code.
pub(in crate::status) fn prose(text: &str) -> String {
    let mut parts = text.split('`');
    let mut out = xml(parts.next().unwrap_or_default());
    while let Some(code) = parts.next() {
        match parts.next() {
            Some(rest) => out.push_str(&format!("<code>{}</code>{}", xml(code), xml(rest))),
            // One without a partner is a character like others.
            None => out.push_str(&format!("`{}", xml(code))),
        }
    }
    out
}

pub(in crate::status) fn quoted(text: &str) -> String {
    escape(text, |c| c == '"' || c == '\\')
}

/// A blank would move the columns.
pub(in crate::status) fn bare(text: &str) -> String {
    escape(text, |c| c == '"' || c == '\\' || c.is_whitespace())
}

pub(in crate::status) fn property_value(text: &str) -> String {
    escape(text, |c| c == '\\')
}

pub(in crate::status) fn property_key(text: &str) -> String {
    escape(text, |c| matches!(c, '\\' | '=' | ':' | '#' | '!') || c.is_whitespace())
}

/// Puts a backslash before what `is_special` names, and spells control characters.
fn escape(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            ' ' if is_special(' ') => out.push_str("\\u0020"),
            c if is_special(c) => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_backticks_are_code() {
        let cases = [
            ("set `port`", "set <code>port</code>"),
            ("`a<b` & `c`", "<code>a&lt;b</code> &amp; <code>c</code>"),
            ("plain <text>", "plain &lt;text&gt;"),
            ("one ` alone", "one ` alone"),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected);
        }
    }
}
