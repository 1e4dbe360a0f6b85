//! THE tables: every name a configuration may use, with unit, default, place and meaning. The
//! parser, the messages, httpd's help texts and the manual are made from them. They never parse.

mod directives;
mod legacy;
mod options;
mod properties;
mod rules;
mod status;
mod variables;

pub use directives::{Arity, DIRECTIVES, DirectiveRow, Place};
pub use legacy::{FILE_SYNTAX, RETIRED};
pub use options::OPTIONS;
pub use properties::PROPERTIES;
pub use rules::{EXTENSIONS, RULE_SYNTAX};
pub use status::{COMMANDS, PARAMETERS};
pub use variables::{FORMATS, NOTES, STAMPS, VARIABLES};

/// Which workers a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every worker.
    All,
    /// ajp13 workers.
    Ajp13,
    /// ajp13 workers and balancers.
    Both,
    /// Balancers.
    Lb,
    /// ajp13 workers as members of a balancer.
    Member,
    /// Status workers.
    Status,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// On or off.
    Bool,
    /// A number of bytes, possibly with k or m.
    Bytes,
    /// A number.
    Int,
    /// Words, collected over repeated lines.
    List,
    /// A time in milliseconds.
    Millis,
    /// A time in seconds.
    Seconds,
    /// Text.
    Text,
}

/// One property of workers.
#[derive(Debug)]
pub struct PropertyRow {
    /// Its name, without `worker.<name>.`.
    pub name: &'static str,
    /// Older names of it.
    pub aliases: &'static [&'static str],
    /// Whom it is for.
    pub scope: Scope,
    /// What its value is.
    pub kind: Kind,
    /// Value if it is not set.
    pub default: &'static str,
    /// First version that has it; 2.0.0 is the first of this module.
    pub since: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// One name of another kind: an option, a variable, a note, a rule extension.
#[derive(Debug)]
pub struct Entry {
    /// How it is written.
    pub name: &'static str,
    /// Which values it takes or has.
    pub values: &'static str,
    /// First version that has it.
    pub since: &'static str,
    /// What it does or says.
    pub doc: &'static str,
}

const fn entry(
    name: &'static str,
    values: &'static str,
    since: &'static str,
    doc: &'static str,
) -> Entry {
    Entry { name, values, since, doc }
}

impl Kind {
    /// What a value of this kind must be, for messages and the manual.
    pub fn expected(self) -> &'static str {
        match self {
            Kind::Bool => "true or false",
            Kind::Bytes => "a whole number of bytes",
            Kind::Int => "a whole number",
            Kind::List => "words separated by commas or blanks",
            Kind::Millis => "a whole number of milliseconds",
            Kind::Seconds => "a whole number of seconds",
            Kind::Text => "text",
        }
    }
}

impl Scope {
    /// Whether a worker of a type heeds properties of this scope.
    pub fn covers(self, worker_type: &str) -> bool {
        match worker_type {
            "lb" => matches!(self, Scope::All | Scope::Both | Scope::Lb),
            "status" => matches!(self, Scope::All | Scope::Status),
            _ => matches!(self, Scope::All | Scope::Ajp13 | Scope::Both | Scope::Member),
        }
    }

    /// Whom properties of this scope are for, in words.
    pub fn label(self) -> &'static str {
        match self {
            Scope::All => "all workers",
            Scope::Ajp13 => "ajp13 workers",
            Scope::Both => "ajp13 workers and balancers",
            Scope::Lb => "balancers",
            Scope::Member => "members of balancers",
            Scope::Status => "status workers",
        }
    }
}

/// Finds a property by its name or an older name of it.
pub fn find(name: &str) -> Option<&'static PropertyRow> {
    PROPERTIES.iter().find(|row| row.name == name || row.aliases.contains(&name))
}

/// Returns the candidate closest to `word`, if it is close enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (distance(word, candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= 2.max(word.len() / 4))
        .map(|(_, candidate)| candidate)
}

/// Returns `, did you mean …` for a slip, else nothing.
pub fn hint<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    nearest(word, candidates).map_or(String::new(), |name| format!(", did you mean {name}"))
}

/// Number of letters to insert, delete or replace, upper and lower case being equal.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(!left.eq_ignore_ascii_case(right));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
