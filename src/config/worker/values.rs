//! Looking values up: under a name or an older one, here or at the end of references, and read as
//! the table says.

use crate::ajp::{DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE};
use crate::config::error::{Diagnostic, Origin};
use crate::config::properties::{Properties, Property};
use crate::config::rows;
use crate::config::rows::{PropertyRow, Range, Value, ValueKind, Words, hint};
use crate::config::unix_host::{unix_path, unix_path_fault};
use crate::config::value::{boolean, instead, integer, is_clean_integer, is_clear_boolean, words};
use crate::config::worker::lints::meant::is_odd;
use crate::config::worker::resolver::Resolver;

/// Finds an attribute under exactly this name, following references.
pub(in crate::config) fn own<'p>(
    properties: &'p Properties,
    name: &str,
    attribute: &str,
) -> Option<&'p Property> {
    let mut prefix = format!("worker.{name}");
    for _ in 0..=MAX_REFERENCES {
        if let Some(line) = properties.get(&format!("{prefix}.{attribute}")) {
            return Some(line);
        }
        prefix = properties.get(&format!("{prefix}.reference"))?.value.clone();
    }
    None
}

/// Finds an attribute under its name or an older one, here or at the end of references.
pub(in crate::config) fn find<'p>(
    properties: &'p Properties,
    name: &str,
    attribute: &str,
) -> Option<&'p Property> {
    let row = rows::find(attribute)?;
    let mut spellings = std::iter::once(row.name).chain(row.aliases.iter().copied());
    spellings.find_map(|spelling| own(properties, name, spelling))
}

impl<'p> Resolver<'p> {
    pub(super) fn find(&self, name: &str, attribute: &str) -> Option<&'p Property> {
        find(self.properties, name, attribute)
    }

    pub(super) fn list(&self, name: &str, attribute: &str) -> Vec<String> {
        self.lines(name, attribute).map(|(word, _)| word.to_owned()).collect()
    }

    /// Returns the words of a list with the lines they stand on.
    pub(super) fn lines(
        &self,
        name: &str,
        attribute: &str,
    ) -> impl Iterator<Item = (&'p str, &'p Property)> + use<'p> {
        let last = self.find(name, attribute);
        let all = last.into_iter().flat_map(|last| self.properties.all(&last.name));
        all.flat_map(|line| words(&line.value).map(move |word| (word, line)))
    }

    pub(super) fn text(&self, name: &str, attribute: &str) -> Option<String> {
        self.find(name, attribute).map(|line| line.value.clone())
    }

    /// Returns the value of a property, if it is set and can be read.
    pub(super) fn value(&mut self, name: &str, row: &PropertyRow) -> Option<Value> {
        let line = self.find(name, row.name)?;
        match row.kind {
            ValueKind::Bool => self.flag(line, row).map(Value::Flag),
            ValueKind::List => {
                Some(Value::Words(self.list(name, row.name))).filter(|own| *own != EMPTY)
            }
            ValueKind::Host if unix_path(&line.value).is_some() => {
                Some(Value::Text(self.socket(line)))
            }
            ValueKind::Host | ValueKind::Name => Some(Value::Text(self.short_text(line))),
            ValueKind::Secret | ValueKind::Text => Some(Value::Text(line.value.clone())),
            ValueKind::Word(words) => self.word(line, row, words),
            kind if kind.is_number() => {
                let number = self.number(line)?;
                let value = row.range.counts_as(number);
                self.check_range(line, row, number, value);
                value.map(Value::Number)
            }
            _ => None,
        }
    }

    /// Says where another number counts than the one that is written.
    fn check_range(
        &mut self,
        line: &Property,
        row: &PropertyRow,
        number: i32,
        counts: Option<i64>,
    ) {
        let (name, other) = (&line.name, counts.filter(|counts| *counts != i64::from(number)));
        match (row.range, other) {
            // check: number-too-small
            (Range::AtLeast(_), Some(least)) => {
                self.warn(line, format!("{name}: {number} counts as {least}, the smallest value"));
            }
            // check: packet-too-large
            (Range::Packet, Some(size)) => {
                let text = format!(
                    "{name}: {number} counts as {size}, expected a multiple of 1024 from {DEFAULT_PACKET_SIZE} to {MAX_PACKET_SIZE}"
                );
                self.warn(line, text);
            }
            // check: negative-number
            (Range::Natural, Some(least)) if !OR_NEGATIVE.contains(&row.name) => {
                self.warn(line, format!("{name}: {number} counts as {least}, expected 0 or more"));
            }
            // A pool of no connection has a warning of its own.
            (Range::SetFrom(least), _) if number < 0 && row.name != "connection_pool_size" => {
                let text = format!("{name}: {number} counts as not set, expected at least {least}");
                self.warn(line, text);
            }
            // -1 is the usual word for it.
            (Range::OrEndless, _) if number < -1 => {
                self.warn(line, format!("{name}: {number} counts as no limit, expected 0 or more"));
            }
            (Range::Percent, Some(nearest)) => {
                let text = format!("{name}: {number} counts as {nearest}, expected 0 to 100");
                self.warn(line, text);
            }
            _ => {}
        }
    }

    /// Returns a host that is a Unix-domain socket, whose path may be longer.
    fn socket(&mut self, line: &Property) -> String {
        if let Some(fault) = unix_path(&line.value).and_then(unix_path_fault) {
            let text = format!("{}: \"{}\": {fault}", line.name, line.value);
            self.problems.push(Diagnostic::error(&line.origin, text));
        }
        line.value.clone()
    }

    /// Returns a text that the original keeps in 64 bytes; a longer one stops it.
    fn short_text(&mut self, line: &Property) -> String {
        // check: host-too-long
        if line.value.len() > MAX_TEXT {
            let text =
                format!("{}: {} bytes, expected at most {MAX_TEXT}", line.name, line.value.len());
            self.problems.push(Diagnostic::error(&line.origin, text));
        }
        line.value.clone()
    }

    /// Returns a number, or what the table says of it; 0 if it says nothing that is a number.
    pub(super) fn integer(&mut self, name: &str, attribute: &str) -> i32 {
        self.given(name, attribute).or_else(|| integer(default_of(attribute))).unwrap_or(0)
    }

    /// Returns a number that is really there.
    pub(super) fn given(&mut self, name: &str, attribute: &str) -> Option<i32> {
        self.find(name, attribute).and_then(|line| self.number(line))
    }

    /// Reads a number, once with a word about what is wrong with it.
    pub(super) fn number(&mut self, line: &Property) -> Option<i32> {
        let value = integer(&line.value);
        let attribute = line.name.rsplit('.').next().unwrap_or_default();
        let kind = rows::find(attribute).map_or(ValueKind::Seconds, |row| row.kind);
        // k and m are for bytes: 5m is no time of five minutes, and there is no million of anything.
        let has_unit = match kind {
            ValueKind::Millis | ValueKind::Seconds => line.value.ends_with(['k', 'K', 'm', 'M']),
            ValueKind::Int => line.value.ends_with(['m', 'M']),
            _ => false,
        };
        // check: number-that-does-not-fit
        // check: unit-behind-a-number
        if (has_unit || !is_clean_integer(&line.value) || value.is_none()) && !is_odd(line) {
            let expected = kind.expected();
            let used = match value {
                Some(value) => {
                    format!("{value} is used{}", instead(&line.value, kind, value.into()))
                }
                None if attribute == "port" => "the worker cannot connect".to_owned(),
                None => "it counts as not set".to_owned(),
            };
            let (name, word) = (&line.name, &line.value);
            self.warn(
                line,
                format!("{name}: invalid value \"{word}\", expected {expected}; {used}"),
            );
        }
        value
    }

    /// Tells whether an older name of something that is no truth value says yes.
    pub(super) fn is_on(&mut self, name: &str, attribute: &str, row: &PropertyRow) -> bool {
        let line = own(self.properties, name, attribute);
        line.and_then(|line| self.flag(line, row)).unwrap_or(false)
    }

    fn flag(&mut self, line: &Property, row: &PropertyRow) -> Option<bool> {
        let (name, word) = (&line.name, &line.value);
        let read = boolean(word);
        let text = match read {
            _ if is_odd(line) || row.is_retired() => return read,
            // check: word-that-is-neither-yes-nor-no
            // check: no-truth-value
            Some(_) if is_clear_boolean(word) => return read,
            Some(read) => format!(
                "{name}: \"{word}\" is read as {read} for its first letter, expected true or false"
            ),
            None => format!(
                "{name}: invalid value \"{word}\", expected true or false; it counts as not set"
            ),
        };
        self.warn(line, text);
        read
    }

    /// Reads one of some words, of which the first ones go by their first letter; says so where the
    /// other letters mean something else.
    fn word(&mut self, line: &Property, row: &PropertyRow, words: &Words) -> Option<Value> {
        let read = (words.read)(&line.value);
        if is_odd(line) || row.is_retired() {
            return read;
        }
        let (name, word, names) = (&line.name, line.value.as_str(), words.names);
        let lower = word.to_ascii_lowercase();
        let mut by_letter = names[..words.by_letter].iter();
        let meant = by_letter.find(|own| own.to_ascii_lowercase().get(..1) == lower.get(..1));
        let is_other = |meant: &&&str| {
            let meant = meant.to_ascii_lowercase();
            !lower.starts_with(&meant) && !meant.starts_with(&lower)
        };
        // check: method-by-its-first-letter-only
        // check: unknown-method
        if read.is_none() {
            let (list, hint) = (names.join(", "), hint(word, names.iter().copied()));
            let text = format!("{name}: invalid value \"{word}\", expected one of {list}{hint}");
            self.warn(line, text);
        } else if let Some(meant) = meant.filter(is_other) {
            let list = names[..words.by_letter].join(", ");
            let text = format!(
                "{name}: \"{word}\" is read as {meant} for its first letter, expected one of {list}"
            );
            self.warn(line, text);
        }
        read
    }

    /// Where a worker is defined, or else where it is listed.
    pub(super) fn origin(&self, name: &str) -> Origin {
        let prefix = format!("worker.{name}.");
        let own = self.properties.first_below(&prefix);
        own.or_else(|| self.properties.get("worker.list"))
            .map(|line| line.origin.clone())
            .unwrap_or_default()
    }

    /// Where an attribute of a worker is set, or else the worker.
    pub(super) fn place(&self, name: &str, attribute: &str) -> Origin {
        self.find(name, attribute).map_or_else(|| self.origin(name), |line| line.origin.clone())
    }

    pub(super) fn warn(&mut self, line: &Property, text: String) {
        self.problems.push(Diagnostic::warning(&line.origin, text));
    }
}

/// Properties for which a negative number always meant the same as 0.
const OR_NEGATIVE: &[&str] = &["retry_interval", "socket_buffer"];

/// A list without a word is none.
const EMPTY: Value = Value::Words(Vec::new());

fn default_of(attribute: &str) -> &'static str {
    rows::find(attribute).map_or("", |row: &PropertyRow| row.default)
}

/// Longest chain of references; a longer one is a circle.
pub(super) const MAX_REFERENCES: usize = 20;

/// The original keeps names and texts in 64 bytes with an end mark.
pub(super) const MAX_TEXT: usize = 63;
