//! The `tracing` subscriber: to whose log a line goes.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

use crate::config::LogLevel;
use crate::log::escape::escaped;
use crate::log::line::LogLine;
use crate::log::request_id;
use crate::log::request_id::NO_ID;
use crate::log::server::Log;
use crate::text;

/// Runs `body`, which serves no request, with its log lines going to `log`.
pub fn within<T>(log: Option<&Arc<Log>>, body: impl FnOnce() -> T) -> T {
    within_as(log, NO_ID, body)
}

/// The same with `tag` in place of a request id.
pub fn within_as<T>(log: Option<&Arc<Log>>, tag: &'static str, body: impl FnOnce() -> T) -> T {
    let log = CURRENT.with(|current| current.replace(log.cloned()));
    let _outer = PreviousContext { log, tag: request_id::set_tag(tag) };
    body()
}

/// Installs the subscriber, once in a process. The first log is for lines that belong to no request;
/// `request` tells about the request the running thread serves.
pub fn install(logs: Vec<Arc<Log>>, request: Present) {
    // A second installation fails and changes nothing, which is what is wanted.
    if INSTALLED.set(Installed { logs, request }).is_ok() {
        request_id::ask(request.id);
        let _ = tracing::subscriber::set_global_default(Lines);
    }
}

/// Tells whether lines of this process reach a log: not in httpd's parent.
pub fn is_installed() -> bool {
    INSTALLED.get().is_some()
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

thread_local! {
    /// Whose lines a thread writes.
    static CURRENT: RefCell<Option<Arc<Log>>> = const { RefCell::new(None) };
}

/// Puts back what was there before, also when a panic passes.
struct PreviousContext {
    log: Option<Arc<Log>>,
    tag: &'static str,
}

impl Drop for PreviousContext {
    fn drop(&mut self) {
        request_id::set_tag(self.tag);
        let outer = self.log.take();
        drop(CURRENT.with(|current| current.replace(outer)));
    }
}

fn with_log(body: impl FnOnce(&Arc<Log>)) {
    let installed = INSTALLED.get();
    // Cloned, so that nothing is borrowed while a line is written.
    let own = installed
        .and_then(|own| (own.request.log)())
        .or_else(|| CURRENT.with(|current| current.borrow().clone()));
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
        let mut line = LogLine {
            level: level(metadata.level()),
            place: place.strip_prefix("mod_jk::").unwrap_or(place),
            number: metadata.line(),
            text: String::with_capacity(200),
            fields: Vec::new(),
        };
        event.record(&mut line);
        if line.text.contains(char::is_control) {
            // Callers escape what clients sent; this covers anything they missed.
            line.text = escaped(&text::raw(&line.text));
        } else if let Cow::Owned(shown) = text::shown(&line.text) {
            line.text = shown;
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
