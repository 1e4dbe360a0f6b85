//! The log of one server.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock;
use crate::config::LogLevel;
use crate::config::request_log::RequestLogFormat;
use crate::log::json::Object;
use crate::log::line::{FieldValue, Fixed, LogLine, Summary, word};
use crate::log::rate_limit::{Repeats, Suppressed};
use crate::log::request::Facts;
use crate::log::request_id::{NO_ID, id};
use crate::log::sink;
use crate::log::sink::{LONGEST_LINE, Output, ServerLog, Written};
use crate::log::stamp::TimeFormat;
use crate::messages::MessageCode::JK107;

/// The log of one server.
#[derive(Debug)]
pub struct Log {
    /// `JkLogLevel`: lines below it are dropped.
    level: Option<LogLevel>,
    stamp: TimeFormat,
    is_json: bool,
    /// `JkLogFile`; without it everything goes to the host.
    output: Option<Arc<Output>>,
    host: Box<dyn ServerLog>,
    repeats: Mutex<Repeats<Summary>>,
}

impl Log {
    /// Makes the log of a server.
    pub fn new(
        level: Option<LogLevel>,
        stamp: TimeFormat,
        is_json: bool,
        output: Option<Arc<Output>>,
        host: Box<dyn ServerLog>,
    ) -> Self {
        Self { level, stamp, is_json, output, host, repeats: Mutex::default() }
    }

    pub(super) fn wants(&self, level: LogLevel) -> bool {
        match self.output {
            Some(_) => level >= self.level.unwrap_or(LogLevel::Info),
            // Both the web server's word and our own have to allow it.
            None => self.level.is_none_or(|own| level >= own) && self.host.wants(level),
        }
    }

    /// Returns the most that can be wanted at all.
    pub(super) fn most(&self) -> LogLevel {
        match self.output {
            Some(_) => self.level.unwrap_or(LogLevel::Info),
            None => LogLevel::Trace,
        }
    }

    /// Writes the line of a request that is over, whatever the levels say.
    pub fn request(&self, format: &RequestLogFormat, facts: &Facts<'_>) {
        match &self.output {
            Some(output) if self.is_json => {
                let mut object = Object::default();
                object.text("time", &sink::universal());
                object.text("type", "request");
                object.text("id", &id());
                facts.describe(format, &mut object);
                self.put(output, None, object.line(LONGEST_LINE - 1));
            }
            Some(output) => {
                let line = sink::local(&self.stamp) + &facts.line(format);
                self.put(output, None, line);
            }
            None => self.host.write(None, &facts.line(format)),
        }
    }

    /// Writes what was held back in windows that have ended.
    pub(super) fn flush(&self) {
        // Not under the lock: writing may wait.
        let due = self.repeats.lock().due(clock::now());
        due.into_iter().for_each(|held| self.summary(held));
    }

    /// Writes everything that was held back, and lets go of the web server.
    pub(super) fn close(&self) {
        // The end may come by a signal in the middle of a request that holds the lock.
        if let Some(mut repeats) = self.repeats.try_lock() {
            repeats.close(clock::now(), |level, count, span, last| {
                let mut line = Fixed::default();
                last.print(&mut line, count, span);
                match &self.output {
                    Some(output) => {
                        line.push("\n");
                        output.write(line.text());
                    }
                    None => self.host.write(Some(level), line.text()),
                }
            });
        }
        self.host.close();
    }

    pub(super) fn line(&self, line: LogLine) {
        let level = line.level;
        let code = line.text.strip_prefix("JK-").and_then(|text| text.get(..3)?.parse().ok());
        if let Some(code) = code.filter(|code| level >= LogLevel::Info && !is_record(*code)) {
            let key = (code, line.subject(), level);
            let keep = || self.keep(&line);
            let (held, is_shown) = self.repeats.lock().admit(key, keep, clock::now());
            if let Some(held) = held {
                self.summary(held);
            }
            if !is_shown {
                return;
            }
        }
        let text = self.shaped(&line);
        match &self.output {
            Some(output) => self.put(output, Some(level), text),
            None => self.host.write(Some(level), &text),
        }
    }

    fn summary(&self, held: Suppressed<Summary>) {
        let mut text = String::new();
        held.last.print(&mut text, held.count, held.span);
        match &self.output {
            Some(output) => self.put(output, Some(held.level), text),
            None => self.host.write(Some(held.level), &text),
        }
    }

    /// Makes of a line what is written about it and those before it, but for the numbers.
    fn keep(&self, line: &LogLine) -> Summary {
        let (code, text) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        let more = " more in the last ";
        let behind = format!(" s, the last one: {text}");
        let fields = vec![("repeats", FieldValue::Number(0)), ("seconds", FieldValue::Number(0))];
        let is_json = self.is_json && self.output.is_some();
        let text = if is_json {
            format!("{code} the last of several: {text}")
        } else {
            format!("{code} {GAP}{more}{GAP}{behind}")
        };
        let line = LogLine { level: line.level, place: "log", number: None, text, fields };
        let shaped = self.shaped(&line);
        let gaps = if is_json { ["\"repeats\":0", "\"seconds\":0"] } else { [GAP, GAP] };
        let (head, rest) = shaped.split_once(gaps[0]).unwrap_or((&shaped, ""));
        let (middle, tail) = rest.split_once(gaps[1]).unwrap_or((rest, ""));
        let name = |gap: &str| gap.strip_suffix('0').unwrap_or_default().to_owned();
        Summary {
            pieces: [
                head.to_owned() + &name(gaps[0]),
                middle.to_owned() + &name(gaps[1]),
                tail.to_owned(),
            ],
        }
    }

    fn shaped(&self, line: &LogLine) -> String {
        let id = id();
        if self.output.is_none() {
            // The host adds time, process and level itself.
            return match id == NO_ID {
                true => line.text.clone(),
                false => format!("{} [{id}]", line.text),
            };
        }
        let (process, thread) = (std::process::id(), sink::thread());
        let level = word(line.level);
        if !self.is_json {
            return format!(
                "{}[{id}] [{process}:{thread}] [{level}] {} ({}): {}",
                sink::local(&self.stamp),
                line.place,
                line.number.unwrap_or(0),
                line.text
            );
        }
        let mut object = Object::default();
        object.text("time", &sink::universal());
        object.text("level", level);
        object.text("id", &id);
        object.number("pid", process.into());
        object.number("tid", thread.unsigned_abs().into());
        object.text("place", line.place);
        for (name, value) in &line.fields {
            match value {
                FieldValue::Number(number) => object.number(name, *number),
                FieldValue::Text(text) => object.text(name, text),
            }
        }
        match line.text.split_once(' ').filter(|(code, _)| code.starts_with("JK-")) {
            Some((code, text)) => {
                object.text("code", code);
                object.text("message", text);
            }
            None => object.text("message", &line.text),
        }
        object.line(LONGEST_LINE - ROOM_FOR_NUMBERS)
    }

    fn put(&self, output: &Output, level: Option<LogLevel>, mut line: String) {
        if line.len() >= LONGEST_LINE {
            let mut end = LONGEST_LINE - 4;
            while !line.is_char_boundary(end) {
                end -= 1;
            }
            line.truncate(end);
            line.push_str("...");
        }
        line.push('\n');
        let name = &output.name;
        let text = match output.write(&line) {
            Written::Fine => return,
            Written::Again(lost) => format!(
                "{JK107} JkLogFile {name} can be written again; {lost} of its lines went to this log"
            ),
            Written::Failed { why, is_first } => {
                let text = format!(
                    "{JK107} JkLogFile {name} cannot be written: {why}; its lines go to this log until it can: free space on its disk, or correct the path"
                );
                if is_first {
                    self.host.write(Some(LogLevel::Error), &text);
                }
                return self.host.write(level, line.trim_end());
            }
        };
        self.host.write(Some(LogLevel::Warn), &text);
    }
}

/// Tells whether a message is a record of who did what: each of them counts.
fn is_record(code: u16) -> bool {
    matches!(code, 502 | 503)
}

/// Where a number will stand; it is in no line, as control characters are escaped.
const GAP: &str = "\0";
/// For two numbers and the line end.
const ROOM_FOR_NUMBERS: usize = 48;
