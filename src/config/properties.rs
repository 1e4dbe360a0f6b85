//! The text of workers.properties as names and values, each with the line it stands on.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::config::error::{Diagnostic, Origin};
use crate::config::rows;
use crate::config::rows::ValueKind;
use crate::sorting;
use crate::text;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// What stands before the `=`.
    pub name: String,
    /// What stands behind it, with `$(…)` replaced.
    pub value: String,
    /// Where.
    pub origin: Origin,
}

/// All lines of all sources, in their order.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    lines: Vec<Property>,
    /// Places in `lines` by name: files of thousands of lines are real.
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Properties {
    /// Reads a whole file. Comments begin with `#`, white space around name and value does not
    /// count, lines may end with CRLF, and a byte order mark is skipped.
    pub fn read(
        &mut self,
        text: &str,
        file: &str,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        let file: Arc<str> = file.into();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, line) in text.lines().enumerate() {
            let origin = Origin { file: Arc::clone(&file), line: index as u32 + 1 };
            let bare = line.split('#').next().unwrap_or(line);
            let bare = text::trim(bare);
            // check: hash-in-a-secret
            if line.contains('#') && bare.contains(".secret") && bare.contains('=') {
                let text = "everything from # on is a comment, also inside a secret";
                problems.push(Diagnostic::warning(&origin, text));
            }
            if bare.is_empty() {
                continue;
            }
            problems.extend(self.line(bare, &origin, environment));
        }
        problems
    }

    /// Reads one line without comment, as `JkWorkerProperty` takes it.
    pub fn line(
        &mut self,
        line: &str,
        origin: &Origin,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Diagnostic> {
        let Some((name, value)) = line.split_once('=') else {
            // check: line-without-an-equals-sign
            let line = without_secret(line);
            return Some(Diagnostic::warning(
                origin,
                format!("line ignored: \"{line}\" has no =, expected name=value"),
            ));
        };
        let (name, value) = (text::trim(name), text::trim(value));
        if name.is_empty() || value.is_empty() {
            let text = match name {
                // check: no-name-before-the-equals-sign
                "" => {
                    format!("line ignored: no name before the = in \"{}\"", without_secret(line))
                }
                // check: no-value
                _ => format!("{name} has no value and counts as not set"),
            };
            return Some(Diagnostic::warning(origin, text));
        }
        let (value, mut problem) = self.substitute(name, value, origin, environment);
        // check: continued-line
        if value.ends_with('\\') {
            let text = format!(
                "{name}: a backslash at the end continues no line, it is part of the value"
            );
            problem = Some(Diagnostic::warning(origin, text));
        }
        let property = Property { name: name.to_owned(), value, origin: origin.clone() };
        self.by_name.entry(name.to_owned()).or_default().push(self.lines.len());
        self.lines.push(property);
        problem
    }

    /// Returns the last value of a name.
    pub fn get(&self, name: &str) -> Option<&Property> {
        self.by_name.get(name)?.last().map(|place| &self.lines[*place])
    }

    /// Returns all values of a name in their order.
    pub fn all(&self, name: &str) -> impl DoubleEndedIterator<Item = &Property> {
        let places = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        places.iter().map(|place| &self.lines[*place])
    }

    /// Returns the first line whose name begins with `prefix`.
    pub fn first_below(&self, prefix: &str) -> Option<&Property> {
        let first = self.below(prefix).filter_map(|(_, places)| places.first()).min()?;
        self.lines.get(*first)
    }

    /// Returns the last line of each name that begins with `prefix`.
    pub fn all_below(&self, prefix: &str) -> impl Iterator<Item = &Property> {
        self.below(prefix).filter_map(|(_, places)| self.lines.get(*places.last()?))
    }

    fn below(&self, prefix: &str) -> impl Iterator<Item = (&String, &Vec<usize>)> {
        let below = self.by_name.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        below.take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Iterates over all lines in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Property> {
        self.lines.iter()
    }

    /// Returns each name once, where it stands first: a list with the values of all its lines,
    /// anything else with its last value.
    pub fn merged(&self) -> Vec<(String, String)> {
        let first = |(index, line): (usize, &Property)| {
            let places = self.by_name.get(&line.name)?;
            if places.first() != Some(&index) {
                return None;
            }
            let mut values = places.iter().map(|place| self.lines[*place].value.as_str());
            let value = match is_list(&line.name) {
                true => values.collect::<Vec<_>>().join(","),
                false => values.next_back().unwrap_or_default().to_owned(),
            };
            Some((line.name.clone(), value))
        };
        let mut all: Vec<_> = self.lines.iter().enumerate().filter_map(first).collect();
        let references = self.by_name.keys().filter_map(|name| name.strip_suffix(".reference"));
        for prefix in references.filter(|prefix| prefix.starts_with("worker.")) {
            self.add_inherited(prefix, &mut all);
        }
        all
    }

    /// Adds what a worker has by its `reference`, under its own name.
    fn add_inherited(&self, prefix: &str, all: &mut Vec<(String, String)>) {
        let mut known = BTreeSet::new();
        let mut source = prefix.to_owned();
        // As deep as the original follows them.
        for _ in 0..20 {
            let Some(line) = self.get(&format!("{source}.reference")) else { return };
            source.clone_from(&line.value);
            let below = format!("{source}.");
            let names = self.below(&below).map(|(name, places)| (places.first(), name));
            let mut names: Vec<_> = names.collect();
            sorting::by_key(&mut names, |own| *own);
            for (_, name) in names {
                let own = format!("{prefix}.{}", &name[below.len()..]);
                if !self.by_name.contains_key(&own) && known.insert(own.clone()) {
                    let value = self.get(name).map(|line| line.value.clone());
                    all.push((own, value.unwrap_or_default()));
                }
            }
        }
    }

    /// Warns of a value that a later line replaces.
    pub fn replaced(&self) -> Vec<Diagnostic> {
        let mut problems = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let is_list = is_list(&line.name);
            let places = self.by_name.get(&line.name).map(Vec::as_slice).unwrap_or_default();
            // check: the-same-property-twice
            let earlier = places.iter().rev().find(|place| **place < index);
            if let (Some(earlier), false) = (earlier.map(|place| &self.lines[*place]), is_list) {
                let text = format!("{} replaces the value of {}", line.name, earlier.origin);
                problems.push(Diagnostic::warning(&line.origin, text));
            }
        }
        problems
    }

    /// Replaces `$(NAME)` by an earlier value or a variable of the environment.
    fn substitute(
        &self,
        name: &str,
        value: &str,
        origin: &Origin,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> (String, Option<Diagnostic>) {
        let (mut done, mut rest, mut problem) = (String::new(), value, None);
        while let Some((before, behind)) = rest.split_once("$(") {
            done.push_str(before);
            let Some((wanted, after)) = behind.split_once(')') else {
                let value = if name.contains("secret") { "***" } else { value };
                let text = format!("{name}: \"$(\" without \")\" in \"{value}\"");
                problem = Some(Diagnostic::warning(origin, text));
                done.push_str("$(");
                // check: variable-without-an-end
                rest = behind;
                break;
            };
            match self.get(wanted).map(|line| line.value.clone()).or_else(|| environment(wanted)) {
                // check: last-value-of-a-variable
                // Lines that double the one before must not fill the memory.
                Some(found) if done.len() + found.len() > MAX_VALUE => {
                    let text = format!(
                        "{name}: the value is longer than {MAX_VALUE} bytes with $({wanted}), which is left out"
                    );
                    problem = Some(Diagnostic::warning(origin, text));
                }
                // check: variable-that-is-not-defined
                Some(found) => done.push_str(&found),
                None => {
                    let text = format!(
                        "{name}: $({wanted}) is not defined, expected an earlier property or an environment variable"
                    );
                    problem = Some(Diagnostic::warning(origin, text));
                    done.push_str("$(");
                    done.push_str(wanted);
                    done.push(')');
                }
            }
            rest = after;
        }
        done.push_str(rest);
        (done, problem)
    }
}

/// Tells whether lines of a name add to each other.
fn is_list(name: &str) -> bool {
    name == "worker.list"
        || name
            .rsplit_once('.')
            .and_then(|(_, attribute)| rows::find(attribute))
            .is_some_and(|row| row.kind == ValueKind::List)
}

/// Hides what stands behind the word secret in a line that cannot be read.
fn without_secret(line: &str) -> String {
    match line.find("secret") {
        Some(at) => format!("{}secret***", &line[..at]),
        None => line.to_owned(),
    }
}

/// More than any property needs.
const MAX_VALUE: usize = 65_536;
