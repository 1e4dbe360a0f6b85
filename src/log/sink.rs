//! Where lines go. Edge: one write per line, so that lines of many processes do not mix.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fmt::Debug;
use std::fs::File;
use std::io::{Error, ErrorKind, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock;
use crate::config::LogLevel;
use crate::log::stamp::TimeFormat;
use crate::text;

/// The web server's own log for one server. It adds time and process itself.
pub trait ServerLog: Debug + Send + Sync {
    /// Tells whether lines of a level are written.
    fn wants(&self, level: LogLevel) -> bool;

    /// Writes finished text; without a level it is written whatever the levels say.
    fn write(&self, level: Option<LogLevel>, text: &str);

    /// Lets go of the server: it ends, and threads that are late must not find it.
    fn close(&self);
}

/// A file or a pipe, shared by all servers that name it.
#[derive(Debug)]
pub struct Output {
    file: File,
    /// As the directive names it.
    pub name: String,
    /// Lines that could not be written since one could.
    failed: AtomicU64,
}

/// What became of a line.
#[derive(Debug)]
pub enum Written {
    /// It is written.
    Fine,
    /// It is written, after so many that were not.
    Again(u64),
    /// It is not written, and `is_first` that happens to.
    Failed {
        /// Why.
        why: Error,
        /// Whether the one before was written.
        is_first: bool,
    },
}

impl Output {
    /// Takes a file that is open for appending, or the writing end of a pipe.
    pub fn new(name: &str, file: File) -> Self {
        Self { file, name: name.to_owned(), failed: AtomicU64::new(0) }
    }

    /// Writes a line by one call: appending is atomic, and so is a pipe up to `LONGEST_LINE`.
    pub fn write(&self, line: &str) -> Written {
        // Formats of lines are configuration, and that is bytes.
        let line = text::raw(line);
        let result = loop {
            match (&mut &self.file).write(&line) {
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                // A line cut short by a full disk is not repeated: it would be there twice.
                other => break other,
            }
        };
        match result {
            Ok(_) if self.failed.load(Ordering::Relaxed) == 0 => Written::Fine,
            Ok(_) => match self.failed.swap(0, Ordering::Relaxed) {
                0 => Written::Fine,
                lost => Written::Again(lost),
            },
            Err(why) => {
                let is_first = self.failed.fetch_add(1, Ordering::Relaxed) == 0;
                Written::Failed { why, is_first }
            }
        }
    }
}

/// Longest line with its end: POSIX promises at least 512 bytes, Linux 4096, that writers of one
/// pipe do not mix.
pub const LONGEST_LINE: usize = 4096;

/// Returns the system's number of the running thread.
pub fn thread() -> i32 {
    // SAFETY: takes no argument and cannot fail.
    unsafe { libc::gettid() }
}

/// Formats the local time.
pub fn local(stamp: &TimeFormat) -> String {
    let now = clock::unix_now();
    let seconds = now.as_secs() as libc::time_t;
    // SAFETY: all-zero is a valid `tm`: integers and a pointer that may be null.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point at live values.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    formatted(stamp.at(now), &parts)
}

/// Formats the time as RFC 3339 has it, in UTC, with milliseconds.
pub fn universal() -> String {
    let now = clock::unix_now();
    let seconds = now.as_secs() as libc::time_t;
    // SAFETY: as in `local`.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point at live values.
    unsafe { libc::gmtime_r(&raw const seconds, &raw mut parts) };
    formatted(format!("%Y-%m-%dT%H:%M:%S.{:03}Z", now.subsec_millis()), &parts)
}

fn formatted(format: String, parts: &libc::tm) -> String {
    let Ok(format) = CString::new(text::raw(&format)) else { return String::new() };
    let mut text = vec![0_u8; 1024];
    // SAFETY: `text` is writable for its length, `format` ends with NUL, `parts` was filled.
    let len = unsafe {
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const *parts)
    };
    text.truncate(len);
    // A line end from %n would make two lines of one.
    let text = text::decode(&text);
    if text.contains('\n') { text.replace('\n', " ") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_follow_their_format() {
        let text = local(&TimeFormat::new("[%Y %Q]"));
        assert!(text.starts_with("[20") && text.len() == 10, "{text}");
        assert_eq!(local(&TimeFormat::new("plain")), "plain");
        assert_eq!(local(&TimeFormat::new("%q")).len(), 6);
        assert_eq!(local(&TimeFormat::new("a%nb")), "a b");
        let text = universal();
        assert!(text.starts_with("20") && text.ends_with('Z') && text.len() == 24, "{text}");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_once() {
        let full = File::options().append(true).open("/dev/full").expect("a device of Linux");
        let output = Output::new("full", full);
        assert!(matches!(output.write("x\n"), Written::Failed { is_first: true, .. }));
        assert!(matches!(output.write("x\n"), Written::Failed { is_first: false, .. }));
        let null = File::options().append(true).open("/dev/null").expect("a device");
        let output = Output { file: null, ..output };
        assert!(matches!(output.write("x\n"), Written::Again(2)));
        assert!(matches!(output.write("x\n"), Written::Fine));
    }
}
