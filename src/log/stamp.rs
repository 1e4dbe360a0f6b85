//! `JkLogStampFormat`: a strftime format with fractions of the second.

use std::time::Duration;

/// A format taken apart once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat {
    format: String,
    fraction: Option<Fraction>,
}

/// Where the fraction stands and how fine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fraction {
    at: usize,
    is_micros: bool,
}

impl TimeFormat {
    /// Reads a format. One `%Q` (milliseconds) is replaced, or if there is none one `%q`
    /// (microseconds); scripts that read logs of mod_jk rely on its limit: the fraction must
    /// end within 63 characters, and what is behind them is cut off.
    pub fn new(format: &str) -> Self {
        let whole = Self { format: format.to_owned(), fraction: None };
        let (at, is_micros) = match (format.find("%Q"), format.find("%q")) {
            (Some(at), _) => (at, false),
            (None, Some(at)) => (at, true),
            (None, None) => return whole,
        };
        let digits = if is_micros { "000000" } else { "000" };
        if at + digits.len() > LIMIT {
            return whole;
        }
        let mut format = whole.format;
        format.replace_range(at..at + 2, digits);
        let mut end = format.len().min(LIMIT);
        while !format.is_char_boundary(end) {
            end -= 1;
        }
        format.truncate(end);
        Self { format, fraction: Some(Fraction { at, is_micros }) }
    }

    /// Returns the strftime format of a moment, its fraction filled in.
    pub fn at(&self, now: Duration) -> String {
        let mut format = self.format.clone();
        if let Some(Fraction { at, is_micros }) = self.fraction {
            let micros = now.subsec_micros();
            let digits = match is_micros {
                true => format!("{micros:06}"),
                false => format!("{:03}", micros / 1000),
            };
            format.replace_range(at..at + digits.len(), &digits);
        }
        format
    }
}

impl Default for TimeFormat {
    fn default() -> Self {
        Self::new("[%a %b %d %H:%M:%S.%Q %Y] ")
    }
}

/// Longest format with a fraction.
const LIMIT: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_have_fractions_of_a_second() {
        let now = Duration::from_micros(1_700_000_000_012_345);
        let padded = |front: usize, text: &str| "x".repeat(front) + text;
        let cases = [
            ("%H", "%H".to_owned()),
            ("[%H.%Q] ", "[%H.012] ".to_owned()),
            ("[%H.%q] ", "[%H.012345] ".to_owned()),
            ("%Q %Q %q", "012 %Q %q".to_owned()),
            ("%q %Q", "%q 012".to_owned()),
            ("caf\u{e9} %Q", "caf\u{e9} 012".to_owned()),
        ];
        for (format, expected) in cases {
            assert_eq!(TimeFormat::new(format).at(now), expected, "{format}");
        }
        assert_eq!(TimeFormat::new(&padded(60, "%Q")).at(now), padded(60, "012"));
        assert_eq!(TimeFormat::new(&padded(61, "%Q")).at(now), padded(61, "%Q"));
        assert_eq!(TimeFormat::new(&padded(58, "%q")).at(now), padded(58, "%q"));
        assert_eq!(TimeFormat::new(&("%Q".to_owned() + &padded(70, ""))).at(now).len(), 63);
    }
}
