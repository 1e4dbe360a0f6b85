//! Looking values up: under a name or an older one, here or at the end of references, and read as
//! the table says.

use std::time::Duration;

use super::Resolver;
use crate::config::error::{Diagnostic, Origin};
use crate::config::properties::{Properties, Property};
use crate::config::registry::{self, PropertyRow, hint};
use crate::config::value::{boolean, integer, is_clean_integer, words};

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
    let row = registry::find(attribute)?;
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

    /// Returns a text, or what the table says of it.
    pub(super) fn text_or_default(&self, name: &str, attribute: &str) -> String {
        self.text(name, attribute).unwrap_or_else(|| default_of(attribute).to_owned())
    }

    /// Returns a text that the original keeps in 64 bytes; a longer one stops it.
    pub(super) fn short_text(&mut self, name: &str, attribute: &str) -> Option<String> {
        let line = self.find(name, attribute)?;
        if line.value.len() > MAX_TEXT {
            let text =
                format!("{}: {} bytes, expected at most {MAX_TEXT}", line.name, line.value.len());
            self.problems.push(Diagnostic::error(&line.origin, text));
        }
        Some(line.value.clone())
    }

    /// Returns a list, or what the table says of it.
    pub(super) fn list_or_default(&self, name: &str, attribute: &str) -> Vec<String> {
        let own = self.list(name, attribute);
        let default = words(default_of(attribute)).map(str::to_owned);
        if own.is_empty() { default.collect() } else { own }
    }

    /// Returns a text of which `-` means none.
    pub(super) fn word_or_default(&self, name: &str, attribute: &str) -> String {
        let own = self.text_or_default(name, attribute);
        if own.starts_with('-') { String::new() } else { own }
    }

    /// Returns a number, or what the table says of it; 0 if it says nothing that is a number.
    pub(super) fn integer(&mut self, name: &str, attribute: &str) -> i32 {
        self.given(name, attribute).or_else(|| integer(default_of(attribute))).unwrap_or(0)
    }

    /// Returns a number that is really there.
    pub(super) fn given(&mut self, name: &str, attribute: &str) -> Option<i32> {
        self.find(name, attribute).and_then(|line| self.number(line))
    }

    /// Returns a number that is at least `least`, as the original makes it.
    pub(super) fn at_least(&mut self, name: &str, attribute: &str, least: i32) -> i32 {
        let value = self.integer(name, attribute);
        if value < least
            && let Some(line) = self.find(name, attribute)
        {
            let text = format!("{}: {value} counts as {least}, the smallest value", line.name);
            self.warn(line, text);
        }
        value.max(least)
    }

    pub(super) fn millis(&mut self, name: &str, attribute: &str) -> Option<Duration> {
        positive(self.integer(name, attribute)).map(|ms| Duration::from_millis(ms.into()))
    }

    pub(super) fn seconds(&mut self, name: &str, attribute: &str) -> Option<Duration> {
        positive(self.integer(name, attribute)).map(|s| Duration::from_secs(s.into()))
    }

    /// Reads a number, once with a word about what is wrong with it.
    pub(super) fn number(&mut self, line: &Property) -> Option<i32> {
        let value = integer(&line.value);
        if !is_clean_integer(&line.value) || value.is_none() {
            let attribute = line.name.rsplit('.').next().unwrap_or_default();
            let row = registry::find(attribute);
            let expected = row.map_or("a whole number", |row| row.kind.expected());
            let used = match value {
                Some(value) => format!("{value} is used"),
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

    pub(super) fn boolean(&mut self, name: &str, attribute: &str) -> bool {
        let default = boolean(default_of(attribute)).unwrap_or(false);
        let line = match attribute {
            // Older names of something that is no truth value.
            "stopped" | "disabled" => own(self.properties, name, attribute),
            _ => self.find(name, attribute),
        };
        let Some(line) = line else { return default };
        boolean(&line.value).unwrap_or_else(|| {
            let (name, word) = (&line.name, &line.value);
            let text = format!(
                "{name}: invalid value \"{word}\", expected true or false; it counts as not set"
            );
            self.warn(line, text);
            default
        })
    }

    pub(super) fn choice<T: Default>(
        &mut self,
        name: &str,
        attribute: &str,
        read: fn(&str) -> Option<T>,
        names: &[&str],
    ) -> T {
        let Some(line) = self.find(name, attribute) else { return T::default() };
        read(&line.value).unwrap_or_else(|| {
            let hint = hint(&line.value, names.iter().copied());
            let (name, word, list) = (&line.name, &line.value, names.join(", "));
            self.warn(
                line,
                format!("{name}: invalid value \"{word}\", expected one of {list}{hint}"),
            );
            T::default()
        })
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

fn default_of(attribute: &str) -> &'static str {
    registry::find(attribute).map_or("", |row: &PropertyRow| row.default)
}

/// Returns a number that is more than 0.
pub(super) fn positive(value: i32) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| *value > 0)
}

/// Longest chain of references; a longer one is a circle.
pub(super) const MAX_REFERENCES: usize = 20;

/// The original keeps names and texts in 64 bytes with an end mark.
pub(super) const MAX_TEXT: usize = 63;
