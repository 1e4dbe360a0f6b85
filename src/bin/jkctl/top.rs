//! `jkctl top`: a live view. Plain ANSI; the terminal is as it was when it ends, however it ends.

mod terminal;

use std::io::IsTerminal;
use std::time::Duration;

use mod_jk::clock::{self, Millis};

use crate::cli::Top;
use crate::client::Client;
use crate::table::{Counters, Line, Look, counters, lines};
use crate::{Outcome, WELL};
use terminal::{Event, Terminal};

/// Shows the view until somebody leaves it.
pub fn run(args: &Top) -> Outcome {
    let client = Client::new(&args.server)?;
    // The first answer comes before the screen is cleared: a wrong URL is said where it is seen.
    let page = client.get(&[("cmd", "list")])?;
    let is_live = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if args.once || !is_live {
        for line in lines(&page, None) {
            say!("{}", line.text);
        }
        return Ok(WELL);
    }
    let delay = args.delay.max(Duration::from_millis(200));
    let mut terminal = Terminal::open()?;
    let mut view = View { before: None, last: counters(&page), taken: clock::now(), top: 0 };
    let mut shown = lines(&page, None);
    loop {
        terminal.draw(&view.visible(&shown, terminal.size()));
        match terminal.wait(delay) {
            Event::Leave => return Ok(WELL),
            Event::Down => view.top = (view.top + 1).min(shown.len().saturating_sub(1)),
            Event::Up => view.top = view.top.saturating_sub(1),
            Event::Resized => {}
            Event::Tick => match client.get(&[("cmd", "list")]) {
                Ok(page) => {
                    let now = clock::now();
                    let seconds = now.since(view.taken).as_secs_f64();
                    view.before =
                        Some((std::mem::replace(&mut view.last, counters(&page)), seconds));
                    view.taken = now;
                    let before = view.before.as_ref().map(|(own, seconds)| (own, *seconds));
                    shown = lines(&page, before);
                }
                // httpd may come back; what was seen last stays.
                Err(why) => {
                    shown.retain(|line| !line.text.starts_with(FAILED));
                    shown.insert(0, Line { text: format!("{FAILED}{why}"), look: Look::Bad });
                }
            },
        }
    }
}

struct View {
    before: Option<(Counters, f64)>,
    last: Counters,
    taken: Millis,
    /// First line that is shown.
    top: usize,
}

impl View {
    /// Cuts lines to the screen, with a last line about the keys.
    fn visible(&self, lines: &[Line], (rows, columns): (usize, usize)) -> Vec<Line> {
        let room = rows.saturating_sub(1);
        let cut =
            |line: &Line| Line { text: line.text.chars().take(columns).collect(), look: line.look };
        let mut seen: Vec<_> = lines.iter().skip(self.top).take(room).map(cut).collect();
        seen.resize(room, Line { text: String::new(), look: Look::Plain });
        let rest = lines.len().saturating_sub(self.top + room);
        let more = if rest > 0 || self.top > 0 {
            format!("  {rest} more lines: j k")
        } else {
            String::new()
        };
        seen.push(cut(&Line {
            text: format!("q leaves, space asks at once{more}"),
            look: Look::Head,
        }));
        seen
    }
}

const FAILED: &str = "no answer: ";
