//! `jkctl top`: a live view. Plain ANSI; the terminal is as it was when it ends, however it ends.

mod terminal;
mod view;

use std::io::IsTerminal;
use std::time::Duration;

use mod_jk::clock;

use crate::cli::server::Top;
use crate::client::Client;
use crate::output::Printer;
use crate::table::{TableView, lines};
use crate::{CommandResult, WELL};
use terminal::{Terminal, TerminalEvent};
use view::{KeyEffect, LiveView};

/// Shows the view until the user quits.
pub fn run(args: &Top, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    // The first answer comes before the screen is cleared: a wrong URL is said where it is seen.
    let page = match output.is_json() {
        true => client.get(&[("cmd", "list")])?,
        false => client.list()?,
    };
    let is_live = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    if output.is_json() {
        output.json(&page);
        return Ok(WELL);
    }
    if args.once || !is_live {
        let columns = output.columns();
        let (sort, filter) = (args.sort, args.filter.as_str());
        output.lines(&lines(&page, &TableView { columns, sort, filter, ..TableView::default() }));
        return Ok(WELL);
    }
    let delay = args.delay.max(Duration::from_millis(200));
    let mut terminal = Terminal::open(output.has_color())?;
    let mut view = LiveView::new(page, clock::now(), args.sort, args.filter.clone());
    loop {
        terminal.draw(&view.screen(terminal.size()));
        let effect = match terminal.wait(delay) {
            TerminalEvent::End => KeyEffect::Quit,
            TerminalEvent::Keys(keys) => view.key(&keys),
            TerminalEvent::Resized => KeyEffect::Draw,
            TerminalEvent::Tick => KeyEffect::Refresh,
        };
        match effect {
            KeyEffect::Draw => {}
            KeyEffect::Quit => return Ok(WELL),
            KeyEffect::Refresh => view.refresh(client.list(), clock::now()),
        }
    }
}
