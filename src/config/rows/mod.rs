//! THE tables: every name a configuration may use, with unit, default, place and meaning. The
//! parser, the messages, httpd's help texts, what the status worker shows and changes, and the manual
//! are made from them.

mod directives;
mod explained;
mod legacy;
mod options;
mod properties;
mod property;
mod rules;
mod settings;
mod status;
mod stored;
mod value;
mod variables;

pub use directives::{Arity, DIRECTIVES, DirectiveName, DirectiveRow, Place};
pub use explained::{EXPLAINED, Explained};
pub use legacy::{FILE_SYNTAX, RETIRED};
pub use options::OPTIONS;
pub use properties::PROPERTIES;
pub use property::{
    ACTIVATION, HOST, PORT, ParameterScope, PropertyRow, PropertyScope, ROUTE, Setting,
    StatusParameter,
};
pub use rules::{EXTENSIONS, RULE_SYNTAX};
pub use settings::Settings;
pub use status::{COMMANDS, PARAMETERS};
pub use value::{Range, UNSET, Value, ValueKind, Words};
pub use variables::{FORMATS, NOTES, STAMPS, VARIABLES};

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
