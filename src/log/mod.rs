//! Log lines: where they go, what they look like, and the `tracing` subscriber that makes them.
//!
//! Code calls `tracing` macros: the text for people as message, and as fields what a program would
//! want to read from it. `worker` is one of them; it also says which lines are the same, see
//! `repeats`. A thread serves one request at a time, and the edge knows which: [`Present`]. What
//! serves none says whose log it writes by [`within`].

mod json;
mod line;
mod repeats;
mod request;
mod sink;
mod stamp;

use std::cell::RefCell;
use std::fmt::Write;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

pub use repeats::FIRST as LINES_BEFORE_COUNTING;
pub use request::Facts;
pub use sink::{Host, Output};
pub use stamp::Stamp;

use crate::clock;
use crate::config::LogLevel;
use crate::config::request_log::RequestLogFormat;
use json::Object;
use line::{Fixed, Line, Summary, Value};
use repeats::{Held, Repeats};
use sink::{LONGEST_LINE, Written};

/// The log of one server.
#[derive(Debug)]
pub struct Log {
    /// `JkLogLevel`: lines below it are dropped.
    level: Option<LogLevel>,
    stamp: Stamp,
    is_json: bool,
    /// `JkLogFile`; without it everything goes to the host.
    output: Option<Arc<Output>>,
    host: Box<dyn Host>,
    repeats: Mutex<Repeats<Summary>>,
}

impl Log {
    /// Makes the log of a server.
    pub fn new(
        level: Option<LogLevel>,
        stamp: Stamp,
        is_json: bool,
        output: Option<Arc<Output>>,
        host: Box<dyn Host>,
    ) -> Self {
        Self { level, stamp, is_json, output, host, repeats: Mutex::default() }
    }

    fn wants(&self, level: LogLevel) -> bool {
        match self.output {
            Some(_) => level >= self.level.unwrap_or(LogLevel::Info),
            // Both the web server's word and our own have to allow it.
            None => self.level.is_none_or(|own| level >= own) && self.host.wants(level),
        }
    }

    /// Returns the most that can be wanted at all.
    fn most(&self) -> LogLevel {
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
    fn flush(&self) {
        // Not under the lock: writing may wait.
        let due = self.repeats.lock().due(clock::now());
        due.into_iter().for_each(|held| self.summary(held));
    }

    /// Writes everything that was held back, and lets go of the web server.
    fn close(&self) {
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

    fn line(&self, line: Line) {
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

    fn summary(&self, held: Held<Summary>) {
        let mut text = String::new();
        held.last.print(&mut text, held.count, held.span);
        match &self.output {
            Some(output) => self.put(output, Some(held.level), text),
            None => self.host.write(Some(held.level), &text),
        }
    }

    /// Makes of a line what is written about it and those before it, but for the numbers.
    fn keep(&self, line: &Line) -> Summary {
        let (code, text) = line.text.split_once(' ').unwrap_or((&line.text, ""));
        let more = " more in the last ";
        let behind = format!(" s, the last one: {text}");
        let fields = vec![("repeats", Value::Number(0)), ("seconds", Value::Number(0))];
        let is_json = self.is_json && self.output.is_some();
        let text = if is_json {
            format!("{code} the last of several: {text}")
        } else {
            format!("{code} {GAP}{more}{GAP}{behind}")
        };
        let line = Line { level: line.level, place: "log", number: None, text, fields };
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

    fn shaped(&self, line: &Line) -> String {
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
                Value::Number(number) => object.number(name, *number),
                Value::Text(text) => object.text(name, text),
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
                "JK-107 JkLogFile {name} is written again; {lost} lines are here instead of there"
            ),
            Written::Failed { why, is_first } => {
                let text = format!(
                    "JK-107 JkLogFile {name} cannot be written: {why}; its lines come here until it can: free space on its disk, or correct the path"
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

/// Runs `body`, which serves no request, with its log lines going to `log`.
pub fn within<T>(log: Option<&Arc<Log>>, body: impl FnOnce() -> T) -> T {
    within_as(log, NO_ID, body)
}

/// The same with `tag` in place of a request id.
pub fn within_as<T>(log: Option<&Arc<Log>>, tag: &'static str, body: impl FnOnce() -> T) -> T {
    let own = Context { log: log.cloned(), tag };
    let _outer = Outer(CURRENT.with(|current| current.replace(own)));
    body()
}

/// Installs the subscriber, once in a process. The first log is for lines of nobody's request;
/// `request` tells about the request the running thread serves.
pub fn install(logs: Vec<Arc<Log>>, request: Present) {
    // A second installation fails and changes nothing, which is what is wanted.
    if INSTALLED.set(Installed { logs, request }).is_ok() {
        let _ = tracing::subscriber::set_global_default(Lines);
    }
}

/// Writes what was held back in windows that have ended; called about once a second.
pub fn flush() {
    INSTALLED.get().into_iter().flat_map(|own| &own.logs).for_each(|log| log.flush());
}

/// Writes everything that was held back: the process ends, perhaps by a signal in the middle of
/// anything. Nothing is allocated, freed or waited for.
pub fn close() {
    INSTALLED.get().into_iter().flat_map(|own| &own.logs).for_each(|log| log.close());
}

/// Tells about the request that the running thread serves, if it does. It is asked when there is a
/// line to write: most requests leave none.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    /// Returns the log of its server.
    pub log: fn() -> Option<Arc<Log>>,
    /// Returns its id.
    pub id: fn() -> Option<String>,
}

/// What a child keeps.
struct Installed {
    logs: Vec<Arc<Log>>,
    request: Present,
}

/// Set in a child only.
static INSTALLED: OnceCell<Installed> = OnceCell::new();

/// Where a number will stand; it is in no line, as control characters are escaped.
const GAP: &str = "\0";
/// For two numbers and the line end.
const ROOM_FOR_NUMBERS: usize = 48;

/// Whose lines a thread writes.
#[derive(Default)]
struct Context {
    log: Option<Arc<Log>>,
    tag: &'static str,
}

thread_local! {
    static CURRENT: RefCell<Context> = const { RefCell::new(Context { log: None, tag: NO_ID }) };
}

/// Puts back what was there before, also when a panic passes.
struct Outer(Context);

impl Drop for Outer {
    fn drop(&mut self) {
        let outer = std::mem::take(&mut self.0);
        drop(CURRENT.with(|current| current.replace(outer)));
    }
}

/// Returns the id of the present request, made safe, or the tag of what runs.
fn id() -> String {
    let own = INSTALLED.get().and_then(|own| (own.request.id)());
    match own.filter(|id| !id.is_empty()) {
        Some(id) => id,
        None => CURRENT.with(|current| current.borrow().tag.to_owned()),
    }
}

/// What stands for the id of a request that has none, as in mod_jk since 1.2.49.
const NO_ID: &str = "NO-ID";

fn with_log(body: impl FnOnce(&Arc<Log>)) {
    let installed = INSTALLED.get();
    // Cloned, so that nothing is borrowed while a line is written.
    let own = installed
        .and_then(|own| (own.request.log)())
        .or_else(|| CURRENT.with(|current| current.borrow().log.clone()));
    if let Some(log) = own.as_ref().or_else(|| installed?.logs.first()) {
        body(log);
    }
}

struct Lines;

impl Subscriber for Lines {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // What is wanted depends on the server that the request is for.
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let most = INSTALLED.get()?.logs.iter().map(|log| log.most()).min()?;
        Some(match most {
            LogLevel::Trace => LevelFilter::TRACE,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Error | LogLevel::Emerg => LevelFilter::ERROR,
        })
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let mut is_wanted = false;
        with_log(|log| is_wanted = log.wants(level(metadata.level())));
        is_wanted
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let place = metadata.module_path().unwrap_or_default();
        let mut line = Line {
            level: level(metadata.level()),
            place: place.strip_prefix("mod_jk::").unwrap_or(place),
            number: metadata.line(),
            text: String::with_capacity(200),
            fields: Vec::new(),
        };
        event.record(&mut line);
        if line.text.contains(char::is_control) {
            // Callers escape what clients sent; this is for what nobody thought of.
            line.text = escaped(line.text.as_bytes());
        }
        with_log(|log| log.line(line));
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
mod tests;
