//! What `top` shows, and what the keys do to it.

use clap::ValueEnum;
use mod_jk::clock::Millis;
use serde_json::Value;

use crate::cli::values::SortBy;
use crate::output::{Emphasis, TextLine};
use crate::table::{Counters, TableView, counters, lines};

/// The latest page, and how it is looked at.
pub struct LiveView {
    page: Value,
    taken: Millis,
    /// Counters of the page before, and the seconds between the two.
    before: Option<(Counters, f64)>,
    /// Why the latest question has no answer.
    failure: Option<String>,
    sort: SortBy,
    filter: String,
    is_trouble_only: bool,
    mode: KeyMode,
    /// First line that is shown.
    top: usize,
}

/// What keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyMode {
    Commands,
    Filter,
    Help,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEffect {
    Draw,
    Quit,
    Refresh,
}

impl LiveView {
    /// Begins with a first page.
    pub fn new(page: Value, taken: Millis, sort: SortBy, filter: String) -> Self {
        Self {
            page,
            taken,
            before: None,
            failure: None,
            sort,
            filter,
            is_trouble_only: false,
            mode: KeyMode::Commands,
            top: 0,
        }
    }

    /// Takes the next page, or why there is none. httpd may come back; what was seen last stays.
    pub fn refresh(&mut self, answer: Result<Value, String>, now: Millis) {
        match answer {
            Ok(page) => {
                let seconds = now.since(self.taken).as_secs_f64();
                self.before = Some((counters(&self.page), seconds));
                (self.page, self.taken, self.failure) = (page, now, None);
            }
            Err(why) => self.failure = Some(why),
        }
    }

    /// Does what a key is for.
    pub fn key(&mut self, keys: &[u8]) -> KeyEffect {
        match (self.mode, keys) {
            (_, b"\x04") => return KeyEffect::Quit,
            (KeyMode::Help, _) => self.mode = KeyMode::Commands,
            (KeyMode::Filter, b"\r" | b"\n") => self.mode = KeyMode::Commands,
            (KeyMode::Filter, b"\x1b") => {
                self.filter.clear();
                self.mode = KeyMode::Commands;
            }
            (KeyMode::Filter, b"\x7f" | b"\x08") => drop(self.filter.pop()),
            (KeyMode::Filter, keys) => {
                // A key with a name of its own, such as an arrow, is no text.
                let typed = String::from_utf8_lossy(keys);
                let is_text = !keys.starts_with(b"\x1b");
                self.filter.extend(typed.chars().filter(|c| is_text && !c.is_control()));
            }
            (KeyMode::Commands, b"q" | b"Q" | b"\x1b") => return KeyEffect::Quit,
            (KeyMode::Commands, b"j" | b"\x1b[B") => self.top += 1,
            (KeyMode::Commands, b"k" | b"\x1b[A") => self.top = self.top.saturating_sub(1),
            (KeyMode::Commands, b"s") => self.sort = next(self.sort),
            (KeyMode::Commands, b"t") => self.is_trouble_only = !self.is_trouble_only,
            (KeyMode::Commands, b"/") => self.mode = KeyMode::Filter,
            (KeyMode::Commands, b"h" | b"?") => self.mode = KeyMode::Help,
            (KeyMode::Commands, _) => return KeyEffect::Refresh,
        }
        KeyEffect::Draw
    }

    /// Cuts the view to a screen of so many rows and columns, with a last line about the keys.
    pub fn screen(&mut self, (rows, columns): (usize, usize)) -> Vec<TextLine> {
        let lines = self.lines(columns);
        let room = rows.saturating_sub(1);
        self.top = self.top.min(lines.len().saturating_sub(1));
        let cut = |line: &TextLine| TextLine {
            text: line.text.chars().take(columns).collect(),
            look: line.look,
        };
        let mut seen: Vec<_> = lines.iter().skip(self.top).take(room).map(cut).collect();
        seen.resize(room, TextLine::plain(""));
        let rest = lines.len().saturating_sub(self.top + room);
        seen.push(cut(&TextLine::new(self.last_line(rest), Emphasis::Head)));
        seen
    }

    fn lines(&self, columns: usize) -> Vec<TextLine> {
        if self.mode == KeyMode::Help {
            return HELP.lines().map(TextLine::plain).collect();
        }
        let before = self.before.as_ref().map(|(own, seconds)| (own, *seconds));
        let Self { sort, is_trouble_only, .. } = *self;
        let view = TableView {
            before,
            columns,
            sort,
            filter: &self.filter,
            is_trouble_only,
            has_history: false,
        };
        let failure = self
            .failure
            .iter()
            .map(|why| TextLine::new(format!("no answer: {why}"), Emphasis::Bad));
        failure.chain(lines(&self.page, &view)).collect()
    }

    fn last_line(&self, rest: usize) -> String {
        let sort =
            self.sort.to_possible_value().map_or(String::new(), |own| own.get_name().to_owned());
        match self.mode {
            KeyMode::Filter => {
                format!("filter: {}_  (Enter keeps it, Esc removes it)", self.filter)
            }
            KeyMode::Help => "any key returns".to_owned(),
            KeyMode::Commands => {
                let mut text = format!("q quits, h keys, s sorts: {sort}");
                if !self.filter.is_empty() {
                    text += &format!(", / {}", self.filter);
                }
                if self.is_trouble_only {
                    text += ", t: trouble only";
                }
                if rest > 0 || self.top > 0 {
                    text += &format!("  {rest} more lines: j k");
                }
                text
            }
        }
    }
}

fn next(sort: SortBy) -> SortBy {
    let all = SortBy::value_variants();
    let place = all.iter().position(|own| *own == sort).unwrap_or(0);
    all[(place + 1) % all.len()]
}

const HELP: &str = "\
Keys of jkctl top

  q, Esc      quit
  s           sort by the next: config, condition, busy, requests, errors, p99
  /           filter by name, address, condition or state
  t           only what is out or degraded, and everything again
  j, k        scroll down and up, also with the arrows
  space       refresh now
  h, ?        these keys

Columns: in flight = requests being served now; per s = requests per second
since the last look; p99 ms = 99 of 100 replies begin within this time since
httpd began; sessions = sessions served in the last half hour.
A narrow terminal leaves columns out: make it wider to see them.";

#[cfg(test)]
mod tests {
    use mod_jk::clock::Millis;
    use serde_json::json;

    use super::*;

    fn view() -> LiveView {
        let member = |name: &str, condition: &str, used: u64| {
            json!({ "name": name, "address": "10.0.0.1:8009", "condition": condition, "used": used,
                "reasons": [], "busy": 0, "errors": 0 })
        };
        let page = json!({ "server": {}, "ajp_workers": [], "balancers": [{ "name": "lb",
            "condition": "degraded",
            "members": [member("one", "serving", 1), member("two", "out", 2)] }] });
        LiveView::new(page, Millis(0), SortBy::Config, String::new())
    }

    fn text(view: &mut LiveView, size: (usize, usize)) -> String {
        let lines = view.screen(size);
        assert_eq!(lines.len(), size.0.max(1));
        for line in &lines {
            assert!(line.text.chars().count() <= size.1, "{}", line.text);
        }
        lines.into_iter().map(|line| line.text + "\n").collect()
    }

    #[test]
    fn every_screen_is_as_large_as_the_terminal() {
        for size in [(24, 80), (10, 40), (5, 20), (2, 10), (1, 1)] {
            text(&mut view(), size);
            let mut view = view();
            view.key(b"h");
            text(&mut view, size);
        }
        for line in HELP.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn keys_sort_filter_and_explain_themselves() {
        let mut view = view();
        assert_eq!(view.key(b"s"), KeyEffect::Draw);
        let shown = text(&mut view, (24, 80));
        assert!(shown.find("two") < shown.find("one"), "what is out comes first: {shown}");
        assert!(shown.contains("s sorts: condition"), "{shown}");
        view.key(b"/");
        for key in [b"O", b"N", b"q"] {
            assert_eq!(view.key(key), KeyEffect::Draw, "q is text within a filter");
        }
        view.key(b"\x7f");
        view.key(b"\r");
        let shown = text(&mut view, (24, 80));
        assert!(shown.contains("one") && !shown.contains("two"), "{shown}");
        assert!(shown.contains("/ ON"), "{shown}");
        view.key(b"/");
        view.key(b"\x1b");
        view.key(b"t");
        let shown = text(&mut view, (24, 80));
        assert!(shown.contains("two") && !shown.contains("one"), "{shown}");
        view.key(b"h");
        assert!(text(&mut view, (24, 80)).contains("scroll down"), "the keys");
        assert_eq!(view.key(b"q"), KeyEffect::Draw, "any key leaves the help");
        assert_eq!(view.key(b"q"), KeyEffect::Quit);
    }

    #[test]
    fn a_failure_keeps_the_last_picture() {
        let mut view = view();
        view.refresh(Err("refused".to_owned()), Millis(1_000));
        let shown = text(&mut view, (24, 80));
        assert!(shown.contains("no answer: refused") && shown.contains("two"), "{shown}");
        let page = view.page.clone();
        view.refresh(Ok(page), Millis(2_000));
        let shown = text(&mut view, (24, 80));
        assert!(!shown.contains("no answer") && shown.contains("per s"), "{shown}");
    }
}
