//! Log lines: where they go, what they look like, and the `tracing` subscriber that makes them.
//!
//! Code calls `tracing` macros. A thread serves one request at a time, so the log of the server
//! that handles it is kept per thread, by [`within`].

mod sink;

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::Arc;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

pub use sink::{Host, Sink};

use crate::config::LogLevel;

/// The log of one server.
#[derive(Debug)]
pub struct Log {
    /// Lines below it are dropped.
    pub level: LogLevel,
    /// `JkLogStampFormat`.
    pub stamp: String,
    /// Where lines go.
    pub sink: Sink,
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Log>>> = const { RefCell::new(None) };
}

/// Runs `body` with its log lines going to `log`.
pub fn within<T>(log: Option<&Arc<Log>>, body: impl FnOnce() -> T) -> T {
    let outer = CURRENT.with(|current| current.replace(log.cloned()));
    let result = body();
    CURRENT.with(|current| current.replace(outer));
    result
}

/// Installs the subscriber, once in a process.
pub fn install() {
    // A second installation fails and changes nothing, which is what is wanted.
    let _ = tracing::subscriber::set_global_default(Lines);
}

struct Lines;

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        CURRENT.with(|current| {
            current.borrow().as_ref().is_some_and(|log| level(metadata.level()) >= log.level)
        })
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut text = String::with_capacity(200);
        event.record(&mut Text(&mut text));
        CURRENT.with(|current| {
            if let Some(log) = current.borrow().as_ref() {
                let place = metadata.module_path().unwrap_or_default();
                let place = place.strip_prefix("mod_jk::").unwrap_or(place);
                log.sink.write(log, level(metadata.level()), place, metadata.line(), &text);
            }
        });
    }

    // Spans are not used: see the top of the file.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Writes the message, then the fields.
struct Text<'t>(&'t mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.0, "{value}"),
            name => write!(self.0, " {name}={value}"),
        };
    }
}

fn level(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
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

/// Makes text of a client safe to stand in a line: control bytes and the backslash become `\xNN`.
pub fn escaped(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' '..=b'[' | b']'..=b'~' => safe.push(char::from(byte)),
            _ => {
                let _ = write!(safe, "\\x{byte:02x}");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s12_client_text_cannot_forge_lines() {
        assert_eq!(escaped(b"/a\n[emerg] \x1b[31m\\x0a"), "/a\\x0a[emerg] \\x1b[31m\\x5cx0a");
    }
}
