//! `jkctl drain`: no new sessions, and waiting until nobody is left.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use mod_jk::clock;
use mod_jk::tool::drained::{Drain as Watch, Look, Progress};
use rustix::termios::tcgetwinsize;
use serde_json::Value;

use crate::change::{activate, describe, member_of};
use crate::cli::Drain;
use crate::client::Client;
use crate::table::{array, text};
use crate::{NO, Outcome, WELL};

/// Disables the member and, if asked, waits.
pub fn run(args: &Drain) -> Outcome {
    let client = Client::new(&args.server)?;
    let (balancer, member) = member_of(&args.member)?;
    warn_of_the_last(&client, balancer, member)?;
    activate(&client, balancer, member, "d")?;
    if !args.wait {
        say!("{balancer}/{}", describe(&look_up(&client, balancer, member)?));
        return Ok(WELL);
    }
    let code = wait(args, &client, balancer, member)?;
    if args.stop {
        activate(&client, balancer, member, "s")?;
        say!("{balancer}/{}", describe(&look_up(&client, balancer, member)?));
    }
    Ok(code)
}

fn wait(args: &Drain, client: &Client, balancer: &str, member: &str) -> Outcome {
    let begun = clock::now();
    let mut watch = Watch::new(args.quiet);
    let mut screen = Screen::default();
    loop {
        let own = look_up(client, balancer, member)?;
        let elapsed = clock::now().since(begun);
        let number = |key: &str| own[key].as_u64();
        let look =
            Look { busy: number("busy").unwrap_or(0), used: number("used").unwrap_or(0), elapsed };
        match watch.look(&look) {
            Progress::Drained => {
                screen.end();
                say!("{balancer}/{member} is drained after {}", seconds(elapsed));
                return Ok(WELL);
            }
            Progress::Waiting { busy, left } => {
                let quiet = seconds(args.quiet.saturating_sub(left));
                let sessions = number("recent_sessions")
                    .map(|count| format!(", {count} sessions in half an hour"))
                    .unwrap_or_default();
                let state = format!(
                    "{busy} in flight{sessions}, quiet for {quiet} of {}",
                    seconds(args.quiet)
                );
                if elapsed >= args.timeout {
                    screen.end();
                    say!("{balancer}/{member} is not drained after {}: {state}", seconds(elapsed));
                    return Ok(NO);
                }
                screen.show(&format!(
                    "{balancer}/{member}: {state}, {} of {}",
                    seconds(elapsed),
                    seconds(args.timeout)
                ));
            }
        }
        let left = args.timeout.saturating_sub(elapsed).max(Duration::from_millis(50));
        std::thread::sleep(left.min(INTERVAL));
    }
}

/// Says so if nobody else takes new sessions.
fn warn_of_the_last(client: &Client, balancer: &str, member: &str) -> Result<(), String> {
    let page = client.get(&[("cmd", "show"), ("w", balancer)])?;
    let mut others = array(&page, "balancers")
        .flat_map(|own| array(own, "members"))
        .filter(|own| own["name"] != member && own["activation"] == "ACT");
    if others.next().is_none() {
        eprintln!(
            "jkctl: no other member of {balancer} is active: nobody is left to take new sessions"
        );
    }
    Ok(())
}

fn look_up(client: &Client, balancer: &str, member: &str) -> Result<Value, String> {
    let page = client.get(&[("cmd", "show"), ("w", balancer), ("sw", member)])?;
    let mut members = array(&page, "balancers").flat_map(|own| array(own, "members"));
    let found = members.find(|own| text(own, "name") == member).cloned();
    found.ok_or_else(|| format!("{balancer}/{member}: httpd does not know this member any more"))
}

/// Progress: one line that changes on a terminal, else a line from time to time.
#[derive(Default)]
struct Screen {
    said: String,
    count: u32,
}

impl Screen {
    fn show(&mut self, text: &str) {
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

    fn end(&mut self) {
        if !self.said.is_empty() && std::io::stdout().is_terminal() {
            let _ = write!(std::io::stdout(), "\r\x1b[K");
        }
    }
}

fn seconds(time: Duration) -> String {
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
