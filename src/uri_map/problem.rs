//! What is wrong with a rule, and where it was written.

use std::fmt;
use std::sync::Arc;

/// Where a rule was written. Cheap to copy: all rules of a file share its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Path of the file.
    pub file: Arc<str>,
    /// Line in that file, counted from 1.
    pub line: u32,
}

impl Origin {
    /// Makes the origin of line `line` of `file`.
    pub fn new(file: &str, line: u32) -> Self {
        Origin { file: file.into(), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What the problem does to the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleSeverity {
    /// The rule does what it says, which is not always what is meant.
    Hint,
    /// The rule or extension is used, perhaps not as its writer meant it.
    Warning,
    /// The rule is used, and the requests it maps fail.
    Failing,
    /// The rule is not used.
    Error,
}

/// One finding about a rule. Displays as `file:line: what, remedy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whether the rule is lost.
    pub severity: RuleSeverity,
    /// Place of the rule.
    pub origin: Origin,
    /// One line without a full stop, control bytes escaped.
    pub text: String,
}

impl Problem {
    /// Makes a finding about a rule that is often meant as it is.
    pub fn hint(origin: &Origin, text: impl Into<String>) -> Self {
        Problem { severity: RuleSeverity::Hint, origin: origin.clone(), text: text.into() }
    }

    /// Makes a finding that leaves the rule in use.
    pub fn warning(origin: &Origin, text: impl Into<String>) -> Self {
        Problem { severity: RuleSeverity::Warning, origin: origin.clone(), text: text.into() }
    }

    /// Makes a finding that lets the rule's requests fail.
    pub fn failing(origin: &Origin, text: impl Into<String>) -> Self {
        Problem { severity: RuleSeverity::Failing, origin: origin.clone(), text: text.into() }
    }

    /// Makes a finding that drops the rule.
    pub fn error(origin: &Origin, text: impl Into<String>) -> Self {
        Problem { severity: RuleSeverity::Error, origin: origin.clone(), text: text.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}

/// Makes bytes fit for one line of a log: control bytes become `\xNN`, UTF-8 text stays.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // C1 controls reach terminals as well, so `is_control` and not only ASCII.
            match c.is_control() {
                true => c.to_string().bytes().for_each(|b| text.push_str(&format!("\\x{b:02x}"))),
                false => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|b| text.push_str(&format!("\\x{b:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_read_as_one_line() {
        let origin = Origin::new("conf/map.properties", 7);
        let problem = Problem::warning(&origin, "text");
        assert_eq!(problem.to_string(), "conf/map.properties:7: text");
        let cases: &[(&str, &[u8], &str)] = &[
            ("plain", b"/a b", "/a b"),
            ("newline", b"/a\nb", "/a\\x0ab"),
            ("escape", b"/\x1b[31m", "/\\x1b[31m"),
            ("utf-8", "/café".as_bytes(), "/café"),
            ("latin-1", b"/caf\xe9", "/caf\\xe9"),
            ("c1 control", "/\u{9b}".as_bytes(), "/\\xc2\\x9b"),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(printable(bytes), *expected, "case: {name}");
        }
    }
}
