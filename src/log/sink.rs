//! Where lines go. Edge: one write per line, so that lines of many processes do not mix.
#![allow(unsafe_code)]

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;

use super::{Log, word};
use crate::clock;
use crate::config::LogLevel;

/// A function of the web server that takes finished text.
pub type Host = fn(LogLevel, &str);

/// A place for lines.
#[derive(Debug)]
pub enum Sink {
    /// A file or a pipe.
    File(File),
    /// The web server's own log, which adds time and process itself.
    Host(Host),
}

impl Sink {
    /// Writes one line.
    pub fn write(&self, log: &Log, level: LogLevel, place: &str, line: Option<u32>, text: &str) {
        match self {
            Self::Host(host) => host(level, text),
            Self::File(file) => {
                let mut whole = stamp(&log.stamp);
                // SAFETY: takes no argument and cannot fail.
                let thread = unsafe { libc::gettid() };
                // Writing to a string cannot fail.
                let _ = writeln!(
                    whole,
                    "[{}:{thread}] [{}] {place} ({}): {text}",
                    std::process::id(),
                    word(level),
                    line.unwrap_or(0)
                );
                // A full disk must not stop requests, and there is no other place to say so.
                let _ = (&mut &*file).write_all(whole.as_bytes());
            }
        }
    }

    /// Writes a finished line as it is.
    pub fn write_plain(&self, log: &Log, text: &str) {
        match self {
            Self::Host(host) => host(LogLevel::Info, text),
            Self::File(file) => {
                let line = stamp(&log.stamp) + text + "\n";
                // As above.
                let _ = (&mut &*file).write_all(line.as_bytes());
            }
        }
    }
}

/// Formats the local time; `%Q` are milliseconds, `%q` microseconds.
fn stamp(format: &str) -> String {
    let now = clock::unix_now();
    let seconds = now.as_secs() as libc::time_t;
    let format = match (format.contains("%Q"), now.subsec_micros()) {
        (true, micros) => format.replacen("%Q", &format!("{:03}", micros / 1000), 1),
        (false, micros) => format.replacen("%q", &format!("{micros:06}"), 1),
    };
    let Ok(format) = std::ffi::CString::new(format) else { return String::new() };
    // SAFETY: all-zero is a valid `tm`: integers and a pointer that may be null.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both point at live values.
    unsafe { libc::localtime_r(&raw const seconds, &raw mut parts) };
    let mut text = vec![0_u8; 256];
    // SAFETY: `text` is writable for its length, `format` ends with NUL, `parts` was filled.
    let len = unsafe {
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const parts)
    };
    text.truncate(len);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s12_stamp() {
        let text = stamp("[%Y %Q]");
        assert!(text.starts_with("[20") && text.len() == 10, "{text}");
        assert_eq!(stamp("plain"), "plain");
        assert_eq!(stamp("%q").len(), 6);
    }
}
