//! How a run prints: as text, in colour on a terminal, or as JSON.

use std::io::IsTerminal;

use mod_jk::text;
use rustix::termios::tcgetwinsize;
use serde_json::Value;

use crate::cli::values::{ColorWhen, Format, OutputArgs};

/// A line, and how it is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLine {
    pub text: String,
    pub look: Emphasis,
}

impl TextLine {
    /// Makes a line.
    pub fn new(text: impl Into<String>, look: Emphasis) -> Self {
        Self { text: text.into(), look }
    }

    /// Makes a line without emphasis.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Emphasis::Plain)
    }
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    Bad,
    Degraded,
    Good,
    Head,
    Plain,
}

impl Emphasis {
    /// Returns a text with it, for a terminal. Names come from configuration files and may hold
    /// anything: control characters, which a terminal would obey, are shown as `?`.
    pub fn paint(self, text: &str) -> String {
        let (on, off) = match self {
            Self::Bad => ("\x1b[31m", OFF),
            Self::Degraded => ("\x1b[33m", OFF),
            Self::Good => ("\x1b[32m", OFF),
            Self::Head => ("\x1b[1m", OFF),
            Self::Plain => ("", ""),
        };
        format!("{on}{}{off}", harmless(text))
    }
}

/// How this run prints.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    format: Format,
    has_color: bool,
    columns: usize,
}

impl Printer {
    /// Looks at what was asked for, at NO_COLOR and at the terminal.
    pub fn new(args: OutputArgs) -> Self {
        let stdout = std::io::stdout();
        let is_terminal = stdout.is_terminal();
        let is_set = |name| std::env::var_os(name).is_some_and(|own| !own.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|own| own == "dumb");
        let has_color = match args.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !is_set("NO_COLOR") && !is_dumb,
        };
        let size = is_terminal.then(|| tcgetwinsize(stdout).ok()).flatten();
        let columns = size.map(|own| usize::from(own.ws_col)).filter(|columns| *columns > 0);
        Self { format: args.format, has_color, columns: columns.unwrap_or(usize::MAX) }
    }

    /// Tells whether JSON is wanted.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Tells whether text is coloured.
    pub fn has_color(self) -> bool {
        self.has_color
    }

    /// Returns the width of the terminal; without one, a line may have any length.
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Prints a page of JSON on one line.
    pub fn json(self, page: &Value) {
        say!("{}", text::shown_in_quotes(&page.to_string()));
    }

    /// Prints lines of text.
    pub fn lines(self, lines: &[TextLine]) {
        for line in lines {
            say!("{}", self.paint(line.look, &line.text));
        }
    }

    /// Returns a text as it is printed, with colour if there is any.
    pub fn paint(self, look: Emphasis, text: &str) -> String {
        match self.has_color {
            true => look.paint(text),
            false => harmless(text),
        }
    }
}

fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Breaks a text at blanks; all lines but the first are indented by `indent`.
pub fn wrapped(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let (mut lines, mut line, mut has_words) = (Vec::new(), String::new(), false);
    let begin = text.len() - text.trim_start().len();
    line.push_str(&text[..begin]);
    for word in text.split_whitespace() {
        let blank = usize::from(has_words);
        if has_words && line.chars().count() + blank + word.chars().count() > columns {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            has_words = false;
        }
        if has_words {
            line.push(' ');
        }
        line.push_str(word);
        has_words = true;
    }
    lines.push(line);
    lines
}

const OFF: &str = "\x1b[0m";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_blanks() {
        let text = "  a is out since noon";
        assert_eq!(wrapped(text, usize::MAX, 4), [text]);
        assert_eq!(wrapped(text, 12, 4), ["  a is out", "    since", "    noon"]);
        assert_eq!(wrapped("incomprehensible", 5, 4), ["incomprehensible"]);
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(Emphasis::Bad.paint("a\x1b[2Jb"), "\x1b[31ma?[2Jb\x1b[0m");
    }
}
