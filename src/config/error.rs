//! What is wrong with a configuration, and where.

use std::fmt;
use std::sync::Arc;

/// Where a setting stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// File name as httpd or the administrator wrote it.
    pub file: Arc<str>,
    /// Line, counted from 1.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// How much a mistake matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// httpd must not start with it.
    Error,
    /// httpd starts; the administrator should know.
    Warning,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong with which value, and what was expected: one line without a full stop.
    pub text: String,
}

impl Diagnostic {
    /// Makes one that keeps httpd from starting.
    pub fn error(origin: &Origin, text: impl Into<String>) -> Self {
        Self { severity: Severity::Error, origin: origin.clone(), text: text.into() }
    }

    /// Makes one that httpd starts with.
    pub fn warning(origin: &Origin, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, origin: origin.clone(), text: text.into() }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}
