//! One line, and the line about lines that were held back.

use std::fmt::{self, Write};
use std::time::Duration;

use tracing::field::{Field, Visit};

use crate::config::LogLevel;
use crate::log::sink::LONGEST_LINE;

/// A line on its way: the text for people, and the fields for programs.
pub struct LogLine {
    pub level: LogLevel,
    pub place: &'static str,
    pub number: Option<u32>,
    pub text: String,
    pub fields: Vec<(&'static str, FieldValue)>,
}

/// What a field holds.
#[allow(missing_docs)]
pub enum FieldValue {
    Number(u64),
    Text(String),
}

impl LogLine {
    /// Returns who it is about, and which of the mistakes a message has a number for together.
    pub fn subject(&self) -> String {
        let text = |name| match self.fields.iter().find(|(own, _)| *own == name) {
            Some((_, FieldValue::Text(text))) => text.as_str(),
            _ => "",
        };
        [text("worker"), text("tag")].join(" ")
    }
}

impl Visit for LogLine {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{value:?}");
        } else {
            self.fields.push((field.name(), FieldValue::Text(format!("{value:?}"))));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.text.push_str(value);
        } else {
            self.fields.push((field.name(), FieldValue::Text(value.to_owned())));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), FieldValue::Number(value)));
    }
}

/// A line about lines that were held back: what stands before, between and behind two numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The text between the numbers.
    pub pieces: [String; 3],
}

impl Summary {
    /// Puts the numbers in.
    pub fn print(&self, to: &mut impl Write, count: u64, span: Duration) {
        let [head, middle, tail] = &self.pieces;
        let seconds = (span.as_millis() as u64).div_ceil(1000).max(1);
        // Neither a string nor a fixed line fails.
        let _ = write!(to, "{head}{count}{middle}{seconds}{tail}");
    }
}

/// A line without memory of the heap; what does not fit is cut.
pub struct Fixed {
    bytes: [u8; LONGEST_LINE],
    len: usize,
}

impl Default for Fixed {
    fn default() -> Self {
        Self { bytes: [0; LONGEST_LINE], len: 0 }
    }
}

impl Fixed {
    /// Appends text as far as it fits.
    pub fn push(&mut self, text: &str) {
        // Lines are ASCII but for names of workers, so that a cut letter is rare; `text` copes.
        let text = text.as_bytes();
        let fits = text.len().min(LONGEST_LINE - self.len);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text[..fits]);
        self.len += fits;
    }

    /// Returns what was written.
    pub fn text(&self) -> &str {
        let bytes = &self.bytes[..self.len];
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(at) => std::str::from_utf8(&bytes[..at.valid_up_to()]).unwrap_or_default(),
        }
    }
}

impl Write for Fixed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// Returns the word of a level.
pub fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Emerg => "emerg",
    }
}
