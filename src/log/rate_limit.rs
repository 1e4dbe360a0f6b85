//! Holds back lines that say the same of the same worker again and again, and counts them.
//!
//! A backend that is down fails every request, and a line for each fills the disk of the machine
//! that is still up. The first lines are always written; from then on one for each window, which
//! grows up to a minute, together with how many were held back. No count is lost: [`due`] brings
//! out those of windows that have ended and [`close`] the rest.
//!
//! [`due`]: Repeats::due
//! [`close`]: Repeats::close

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Millis;
use crate::config::LogLevel;

/// What makes lines the same: the number of the message, who and what it is about, and how serious
/// it is.
pub type LineKey = (u16, String, LogLevel);

/// Lines held back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed<T> {
    /// How serious they are.
    pub level: LogLevel,
    /// How many.
    pub count: u64,
    /// In which time.
    pub span: Duration,
    /// The last one.
    pub last: T,
}

/// What is known of the lines of one log; `T` is what is kept of a line.
#[derive(Debug)]
pub struct Repeats<T> {
    windows: BTreeMap<LineKey, Window<T>>,
    is_closed: bool,
}

#[derive(Debug)]
struct Window<T> {
    begun: Millis,
    length: Duration,
    left: u32,
    held: u64,
    last: Option<T>,
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self { windows: BTreeMap::new(), is_closed: false }
    }
}

impl<T> Repeats<T> {
    /// Tells whether a line shall be written, and what was held back before it.
    pub fn admit(
        &mut self,
        key: LineKey,
        keep: impl FnOnce() -> T,
        now: Millis,
    ) -> (Option<Suppressed<T>>, bool) {
        if self.is_closed || (!self.windows.contains_key(&key) && self.windows.len() >= MOST_KEYS) {
            return (None, true);
        }
        let level = key.2;
        let window = self.windows.entry(key).or_insert_with(|| Window::calm(now));
        let held = window.turn(level, now);
        if window.left > 0 {
            window.left -= 1;
            return (held, true);
        }
        window.held += 1;
        window.last = Some(keep());
        (held, false)
    }

    /// Returns what was held back in windows that have ended, and forgets who has become quiet.
    pub fn due(&mut self, now: Millis) -> Vec<Suppressed<T>> {
        let mut held = Vec::new();
        self.windows.retain(|key, window| {
            let is_over = now.since(window.begun) >= window.length;
            let was_quiet = window.held == 0;
            held.extend(window.turn(key.2, now));
            !(is_over && was_quiet)
        });
        held
    }

    /// Shows everything that was held back: how serious, how many, in which time, and the last
    /// line. From now on nothing is held back. Nothing is allocated or freed: the end of a process
    /// may come by a signal in the middle of either.
    pub fn close(&mut self, now: Millis, mut show: impl FnMut(LogLevel, u64, Duration, &T)) {
        self.is_closed = true;
        for (key, window) in &mut self.windows {
            if let (1.., Some(last)) = (window.held, &window.last) {
                show(key.2, window.held, now.since(window.begun), last);
            }
            window.held = 0;
        }
    }
}

impl<T> Window<T> {
    /// A window of a worker that was quiet before.
    fn calm(now: Millis) -> Self {
        Self { begun: now, length: SHORTEST, left: FIRST, held: 0, last: None }
    }

    /// Begins the next window if this one is over, and returns what this one held back.
    fn turn(&mut self, level: LogLevel, now: Millis) -> Option<Suppressed<T>> {
        if now.since(self.begun) < self.length {
            return None;
        }
        let next = match self.held {
            0 => Self::calm(now),
            // The flood goes on: one line is enough to see what it is about.
            _ => Self { left: 1, length: (self.length * 2).min(LONGEST), ..Self::calm(now) },
        };
        let ended = std::mem::replace(self, next);
        let span = now.since(ended.begun);
        Some(Suppressed { level, count: ended.held, span, last: ended.last? })
    }
}

/// Lines written before any is held back.
pub const FIRST: u32 = 10;
const SHORTEST: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(60);
/// Names of workers come from the configuration, so this many are never reached; it is the bound
/// for a mistake of ours.
const MOST_KEYS: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(worker: &str) -> LineKey {
        (303, worker.to_owned(), LogLevel::Error)
    }

    /// Feeds one line every `step` ms for `length` ms. Returns shown and held.
    fn feed(repeats: &mut Repeats<&'static str>, from: u64, length: u64, step: u64) -> (u64, u64) {
        let (mut shown, mut held) = (0, 0);
        for at in (from..from + length).step_by(step as usize) {
            let (before, is_shown) = repeats.admit(key("w"), || "text", Millis(at));
            held += before.map_or(0, |held| held.count);
            shown += u64::from(is_shown);
        }
        (shown, held)
    }

    fn rest(repeats: &mut Repeats<&'static str>, now: u64) -> Vec<(u64, Duration)> {
        let mut rest = Vec::new();
        repeats.close(Millis(now), |_, count, span, _| rest.push((count, span)));
        rest
    }

    #[test]
    fn a_few_lines_are_all_written() {
        let mut repeats = Repeats::default();
        // One line every 2 s for an hour: nothing is held back.
        assert_eq!(feed(&mut repeats, 0, 3_600_000, 2000), (1800, 0));
        assert_eq!(rest(&mut repeats, 3_600_000), []);
    }

    #[test]
    fn a_flood_is_counted_to_the_last_line() {
        let mut repeats = Repeats::default();
        let (shown, held) = feed(&mut repeats, 0, 3_600_000, 1);
        let rest: u64 = rest(&mut repeats, 3_600_000).iter().map(|(count, _)| count).sum();
        assert_eq!(shown + held + rest, 3_600_000, "no line is lost");
        assert!((FIRST.into()..100).contains(&shown), "{shown} lines in an hour");
    }

    #[test]
    fn windows_that_end_in_silence_are_reported() {
        let mut repeats = Repeats::default();
        assert_eq!(feed(&mut repeats, 0, 100, 1), (10, 0));
        assert!(repeats.due(Millis(9_999)).is_empty());
        let due = repeats.due(Millis(10_000));
        let expected = Suppressed {
            level: LogLevel::Error,
            count: 90,
            span: Duration::from_secs(10),
            last: "text",
        };
        assert_eq!(due, [expected]);
        // A window without a line makes it calm again: all of the next ones are written.
        assert!(repeats.due(Millis(30_000)).is_empty());
        assert!(repeats.windows.is_empty());
        assert_eq!(feed(&mut repeats, 40_000, 10, 1), (10, 0));
    }

    #[test]
    fn others_are_not_held_back() {
        let mut repeats = Repeats::default();
        feed(&mut repeats, 0, 100, 1);
        assert!(repeats.admit(key("other"), || "x", Millis(100)).1);
        let (code, worker, _) = key("w");
        assert!(repeats.admit((306, worker.clone(), LogLevel::Error), || "x", Millis(100)).1);
        assert!(repeats.admit((code, worker, LogLevel::Info), || "x", Millis(100)).1);
    }

    #[test]
    fn after_the_end_nothing_is_held_back() {
        let mut repeats = Repeats::default();
        feed(&mut repeats, 0, 100, 1);
        assert_eq!(rest(&mut repeats, 2000), [(90, Duration::from_secs(2))]);
        assert!(repeats.admit(key("w"), || "x", Millis(2000)).1);
        assert_eq!(rest(&mut repeats, 2001), []);
    }
}
