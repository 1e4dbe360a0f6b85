//! Waiting until members are drained, for `drain --wait` and `wait --for drained`.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use mod_jk::clock;
use mod_jk::tool::drain::{Drain as Watch, DrainProgress, Observation};
use rustix::termios::tcgetwinsize;
use serde_json::Value;

use crate::client::Client;
use crate::members::MembersBefore;
use crate::output::Printer;
use crate::page::{array, text};

/// How long is waited.
#[derive(Clone, Copy, Debug)]
pub struct DrainLimits {
    /// Time without a request after which all sessions count as ended.
    pub quiet: Duration,
    /// Longest time to wait.
    pub timeout: Duration,
}

/// Waits until all members are drained, or the time is up; returns whether they are. A member that is
/// active takes new sessions and is never drained.
pub fn until_drained(
    client: &Client,
    members: &MembersBefore,
    limits: DrainLimits,
    output: Printer,
) -> Result<bool, String> {
    let begun = clock::now();
    let mut left: Vec<_> = members.names().map(|name| (name, Watch::new(limits.quiet))).collect();
    let mut screen = Screen::new(output);
    let balancer = &members.balancer;
    loop {
        let page = client.get(&[("cmd", "show"), ("w", balancer)])?;
        let elapsed = clock::now().since(begun);
        let mut states = Vec::new();
        let mut drained = Vec::new();
        for (member, watch) in &mut left {
            let own = find(&page, member).ok_or_else(|| {
                format!("{balancer}/{member}: httpd does not know this member any more")
            })?;
            if own["activation"] == "ACT" {
                *watch = Watch::new(limits.quiet);
                states.push((*member, "active, takes new sessions".to_owned()));
                continue;
            }
            let number = |key: &str| own[key].as_u64();
            let look = Observation {
                busy: number("busy").unwrap_or(0),
                used: number("used").unwrap_or(0),
                elapsed,
            };
            match watch.look(&look) {
                DrainProgress::Drained => drained.push(*member),
                DrainProgress::Waiting { busy, left } => {
                    let quiet = seconds(limits.quiet.saturating_sub(left));
                    let sessions = number("recent_sessions")
                        .map(|count| format!(", {count} sessions in half an hour"))
                        .unwrap_or_default();
                    let state = format!(
                        "{busy} in flight{sessions}, quiet for {quiet} of {}",
                        seconds(limits.quiet)
                    );
                    states.push((*member, state));
                }
            }
        }
        for member in &drained {
            screen.say(&format!("{balancer}/{member} is drained after {}", seconds(elapsed)));
        }
        left.retain(|(member, _)| !drained.contains(member));
        if left.is_empty() {
            return Ok(true);
        }
        if elapsed >= limits.timeout {
            for (member, state) in states {
                screen.say(&format!(
                    "{balancer}/{member} is not drained after {}: {state}",
                    seconds(elapsed)
                ));
            }
            return Ok(false);
        }
        for (member, state) in states {
            screen.show(&format!(
                "{} of {}: {balancer}/{member}: {state}",
                seconds(elapsed),
                seconds(limits.timeout)
            ));
        }
        pause(elapsed, limits.timeout);
    }
}

/// Waits for the time between two looks, or what is left of the whole.
pub fn pause(elapsed: Duration, timeout: Duration) {
    let rest = timeout.saturating_sub(elapsed).max(Duration::from_millis(50));
    std::thread::sleep(rest.min(INTERVAL));
}

fn find<'p>(page: &'p Value, member: &str) -> Option<&'p Value> {
    let mut members = array(page, "balancers").flat_map(|own| array(own, "members"));
    members.find(|own| text(own, "name") == member)
}

/// Progress: one line that changes on a terminal, else a line from time to time; none for programs.
pub struct Screen {
    is_silent: bool,
    said: String,
    count: u32,
}

impl Screen {
    /// Begins.
    pub fn new(output: Printer) -> Self {
        Self { is_silent: output.is_json(), said: String::new(), count: 0 }
    }

    /// Shows how far it is.
    pub fn show(&mut self, text: &str) {
        if self.is_silent {
            return;
        }
        if std::io::stdout().is_terminal() {
            // A line that wraps could not be written over.
            let columns = tcgetwinsize(std::io::stdout()).map_or(80, |size| size.ws_col);
            let text: String = text.chars().take(usize::from(columns.max(2)) - 1).collect();
            let mut out = std::io::stdout();
            let _ = write!(out, "\r{text}\x1b[K").and_then(|()| out.flush());
        } else if self.count.is_multiple_of(EVERY) {
            say!("{text}");
        }
        self.count += 1;
        self.said.replace_range(.., text);
    }

    /// Says what has come of it.
    pub fn say(&mut self, text: &str) {
        if self.is_silent {
            return;
        }
        if !self.said.is_empty() && std::io::stdout().is_terminal() {
            let _ = write!(std::io::stdout(), "\r\x1b[K");
        }
        self.said.clear();
        say!("{text}");
    }
}

/// Writes a time for people.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Without a terminal, so many looks for a line.
const EVERY: u32 = 10;
