//! What is said of lines that have no counterpart, or another meaning on the other side.

use std::fmt;

use crate::config::Origin;

/// How much is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// It has no counterpart.
    Lost,
    /// It has one that is not quite the same.
    Changed,
    /// It is not needed.
    Needless,
}

impl Loss {
    /// Its word in text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lost => "no counterpart",
            Self::Changed => "changed",
            Self::Needless => "not needed",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The line that it is about.
    pub origin: Origin,
    /// How much is lost.
    pub loss: Loss,
    /// The name that it is about.
    pub subject: String,
    /// What it means, and what to do.
    pub text: String,
}

impl Remark {
    fn new(loss: Loss, origin: &Origin, subject: &str, text: &str) -> Self {
        let (subject, text) = (subject.to_owned(), text.to_owned());
        Self { origin: origin.clone(), loss, subject, text }
    }

    pub(super) fn lost(origin: &Origin, subject: &str, text: &str) -> Self {
        Self::new(Loss::Lost, origin, subject, text)
    }

    pub(super) fn changed(origin: &Origin, subject: &str, text: &str) -> Self {
        Self::new(Loss::Changed, origin, subject, text)
    }

    pub(super) fn needless(origin: &Origin, subject: &str, text: &str) -> Self {
        Self::new(Loss::Needless, origin, subject, text)
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {} {}", self.origin, self.loss.word(), self.subject, self.text)
    }
}

/// Sorts remarks by file and line, each once.
pub(super) fn sorted(mut remarks: Vec<Remark>) -> Vec<Remark> {
    remarks.sort_by(|a, b| (&*a.origin.file, a.origin.line).cmp(&(&*b.origin.file, b.origin.line)));
    remarks.dedup();
    remarks
}
