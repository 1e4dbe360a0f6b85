//! What is wrong with a configuration, and where.

use std::fmt;

use crate::text;
pub use crate::uri_map::Origin;
use crate::uri_map::problem::printable;
use crate::uri_map::{Problem, RuleSeverity};

/// How much a mistake matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// httpd must not start with it.
    Error,
    /// httpd starts; the administrator should know.
    Warning,
    /// Often intended: reported by checks only, by `httpd -t` and `jkctl check`, and not at
    /// each start.
    Notice,
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
    /// Makes one of a text in which values stand as they were found: control bytes are escaped.
    fn new(severity: Severity, origin: &Origin, text: &str) -> Self {
        Self { severity, origin: origin.clone(), text: printable(&text::raw(text)) }
    }

    /// Makes one that keeps httpd from starting.
    pub fn error(origin: &Origin, text: impl Into<String>) -> Self {
        Self::new(Severity::Error, origin, &text.into())
    }

    /// Makes one that httpd starts with.
    pub fn warning(origin: &Origin, text: impl Into<String>) -> Self {
        Self::new(Severity::Warning, origin, &text.into())
    }

    /// Makes one that only a check of the configuration says.
    pub fn notice(origin: &Origin, text: impl Into<String>) -> Self {
        Self::new(Severity::Notice, origin, &text.into())
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.text)
    }
}

impl From<Problem> for Diagnostic {
    /// A lost rule is no reason to keep httpd from starting: the original starts as well.
    fn from(problem: Problem) -> Self {
        let lost = match problem.severity {
            RuleSeverity::Error => ", the rule is left out",
            RuleSeverity::Failing | RuleSeverity::Warning | RuleSeverity::Hint => "",
        };
        let severity = match problem.severity {
            RuleSeverity::Hint => Severity::Notice,
            _ => Severity::Warning,
        };
        Self::new(severity, &problem.origin, &(problem.text + lost))
    }
}
