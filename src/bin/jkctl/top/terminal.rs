//! The terminal: keys without Enter, another screen, and everything as it was afterwards.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

use crate::output::{Emphasis, TextLine};

/// What happened while waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// A signal, or the end of the input.
    End,
    Keys(Vec<u8>),
    Resized,
    Tick,
}

/// The terminal; dropped, it is as it was.
pub struct Terminal {
    before: Termios,
    ends: Arc<AtomicBool>,
    resized: Arc<AtomicBool>,
    has_color: bool,
}

impl Terminal {
    /// Takes the terminal over.
    pub fn open(has_color: bool) -> Result<Self, String> {
        let failed =
            |why: &dyn std::fmt::Display| format!("the terminal: {why}; --once needs none");
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).map_err(|why| failed(&why))?;
        let (ends, resized) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&ends)).map_err(|why| failed(&why))?;
        }
        signal_hook::flag::register(SIGWINCH, Arc::clone(&resized)).map_err(|why| failed(&why))?;
        let mut raw = before.clone();
        // Ctrl-C and Ctrl-Z stay what they are.
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(&stdin, OptionalActions::Now, &raw).map_err(|why| failed(&why))?;
        let terminal = Self { before, ends, resized, has_color };
        send(ENTER);
        Ok(terminal)
    }

    /// Returns rows and columns.
    pub fn size(&self) -> (usize, usize) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_row > 0 && size.ws_col > 0 => {
                (size.ws_row.into(), size.ws_col.into())
            }
            _ => (24, 80),
        }
    }

    /// Draws a whole screen at once, so that nothing flickers.
    pub fn draw(&mut self, lines: &[TextLine]) {
        let mut text = String::from(HOME);
        for (place, line) in lines.iter().enumerate() {
            if place > 0 {
                text.push_str("\r\n");
            }
            match self.has_color {
                true => text.push_str(&line.look.paint(&line.text)),
                false => text.push_str(&Emphasis::Plain.paint(&line.text)),
            }
            text.push_str(REST_OF_LINE);
        }
        send(&text);
    }

    /// Waits for a key, a signal, or the time.
    pub fn wait(&self, limit: Duration) -> TerminalEvent {
        let limit = Timespec::try_from(limit).unwrap_or(Timespec { tv_sec: 2, tv_nsec: 0 });
        let stdin = io::stdin();
        let mut fds = [PollFd::new(&stdin, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&limit));
        if self.ends.load(Relaxed) {
            return TerminalEvent::End;
        }
        if self.resized.swap(false, Relaxed) {
            return TerminalEvent::Resized;
        }
        match ready {
            Ok(0) | Err(_) => TerminalEvent::Tick,
            Ok(_) => {
                let mut keys = [0; 16];
                match rustix::io::read(&stdin, &mut keys) {
                    Ok(0) | Err(_) => TerminalEvent::End,
                    Ok(len) => TerminalEvent::Keys(keys[..len].to_vec()),
                }
            }
        }
    }
}

/// A terminal that is gone ends the program by a signal; until then there is nothing to do about it.
fn send(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl Drop for Terminal {
    fn drop(&mut self) {
        send(EXIT);
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// The other screen, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[2J";
const EXIT: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K";
