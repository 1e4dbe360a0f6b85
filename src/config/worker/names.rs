//! Names in workers files: which exist, who refers to whom, who is used.

use std::collections::{HashMap, HashSet};

use crate::config::error::Diagnostic;
use crate::config::model::WorkersConfig;
use crate::config::properties::{Properties, Property};
use crate::config::rows;
use crate::config::rows::{PROPERTIES, RETIRED, hint, nearest};
use crate::config::value::words;
use crate::config::worker::lints::meant::{is_odd_name, meant_words};
use crate::config::worker::resolver::Resolver;
use crate::config::worker::values::{MAX_REFERENCES, MAX_TEXT};
use crate::sorting;
use crate::uri_map::diagnostics::MOST_HINTS;

impl<'p> Resolver<'p> {
    /// Reports names that do not exist, are old, or have no effect.
    pub(super) fn check_names(&mut self) {
        for line in self.properties.iter() {
            let Some(rest) = line.name.strip_prefix("worker.") else {
                // check: slip-in-the-first-word
                self.check_prefix(line);
                continue;
            };
            let (worker, attribute) = match rest.rsplit_once('.') {
                Some((worker, attribute)) => (Some(worker), attribute),
                None if matches!(rest, "list" | "maintain") => continue,
                None => (None, rest),
            };
            let name = &line.name;
            let row = rows::find(attribute);
            let why = RETIRED.iter().find(|(retired, _)| *retired == attribute);
            // A lock that is as it is anyway needs no word.
            let is_default = attribute == "lock" && line.value.starts_with(['O', 'o', '0']);
            match (why, row) {
                // check: property-without-effect
                (Some(_), _) if is_default => {}
                (Some((_, why)), _) => self.warn(line, format!("{name} has no effect: {why}")),
                // worker.retries=3: an attribute without a worker was never an error.
                // check: property-of-no-worker
                (None, Some(row)) if worker.is_none() => {
                    let text = format!(
                        "{name} names no worker and has no effect, expected worker.<name>.{}",
                        row.name
                    );
                    self.warn(line, text);
                }
                // check: old-name
                (None, Some(row)) if row.name != attribute => {
                    self.warn(line, format!("{name} is an old name, use {}", row.name));
                }
                (None, Some(_)) => {}
                // check: unknown-attribute
                (None, None) => {
                    let names = PROPERTIES.iter().map(|row| row.name);
                    let global: &[&str] =
                        if worker.is_none() { &["list", "maintain"] } else { &[] };
                    let hint = hint(attribute, names.chain(global.iter().copied()));
                    let text = format!("{name}: unknown attribute \"{attribute}\"{hint}");
                    self.problems.push(Diagnostic::error(&line.origin, text));
                }
            }
        }
    }

    /// A slip in the first word makes a variable of a property.
    fn check_prefix(&mut self, line: &Property) {
        let Some((prefix, rest)) = line.name.split_once('.') else { return };
        let attribute = rest.rsplit('.').next().unwrap_or(rest);
        let is_known = attribute == "list" || rows::find(attribute).is_some();
        if is_known && nearest(prefix, ["worker"].into_iter()).is_some() {
            let text = format!(
                "{} is a variable and no property of a worker, did you mean worker.{rest}",
                line.name
            );
            self.warn(line, text);
        }
    }

    /// Reports references that lead nowhere or round in a circle; the original stops at both.
    pub(super) fn check_references(&mut self) {
        for line in self.properties.iter().filter(|line| line.name.ends_with(".reference")) {
            let target = &line.value;
            // check: reference-to-nothing
            if self.properties.first_below(&format!("{target}.")).is_none() {
                let with_prefix = format!("worker.{target}");
                let hint = match self.properties.first_below(&format!("{with_prefix}.")) {
                    Some(_) => format!(", did you mean {with_prefix}"),
                    None => self.hint(target, Self::prefixes),
                };
                let text = format!("{}: no property begins with \"{target}.\"{hint}", line.name);
                self.problems.push(Diagnostic::error(&line.origin, text));
                continue;
            }
            let mut prefix = target.clone();
            for depth in 1.. {
                match self.properties.get(&format!("{prefix}.reference")) {
                    Some(next) if depth <= MAX_REFERENCES => prefix = next.value.clone(),
                    // check: reference-in-a-circle
                    Some(_) => {
                        let text = format!(
                            "{}: more than {MAX_REFERENCES} references in a row, expected a worker \
                             that refers to no other in the end",
                            line.name
                        );
                        self.problems.push(Diagnostic::error(&line.origin, text));
                        break;
                    }
                    None => break,
                }
            }
        }
    }

    /// Tells whether a worker's name can be used at all.
    pub(super) fn check_name(&mut self, name: &str) -> bool {
        let origin = self.origin(name);
        let shown: String = name.chars().take(MAX_TEXT + 1).collect();
        // check: name-too-long
        if name.len() > MAX_TEXT {
            let text = format!(
                "worker {shown}...: the name has {} bytes, expected at most {MAX_TEXT}",
                name.len()
            );
            self.problems.push(Diagnostic::error(&origin, text));
            return false;
        }
        let is_odd = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
        // check: odd-character-in-a-name
        if let Some(odd) = name.chars().find(|c| is_odd(*c)).filter(|_| !is_odd_name(name)) {
            let text =
                format!("worker {name}: \"{odd}\" in the name, expected letters, digits, - and _");
            self.problems.push(Diagnostic::warning(&origin, text));
        }
        true
    }

    /// Reports a worker that is named and of which nothing is said.
    pub(super) fn check_defined(&mut self, name: &str) {
        if self.has_properties(name) || is_odd_name(name) {
            return;
        }
        let hint = self.hint(name, Self::names);
        let properties = self.properties;
        let named = self.named.get_or_insert_with(|| lists(properties)).get(name).copied();
        let text =
            format!("worker {name} has no properties: ajp13 at localhost:8009 is assumed{hint}");
        let named = named.or_else(|| self.misspelt_list());
        let origin = named.map(|line| line.origin.clone()).unwrap_or_default();
        self.problems.push(Diagnostic::warning(&origin, text));
    }

    /// Returns `, did you mean …` for a slip, for the first names only that have one.
    fn hint<C: Iterator<Item = &'p str>>(
        &mut self,
        name: &str,
        candidates: impl FnOnce(&Self) -> C,
    ) -> String {
        self.asked += 1;
        match self.asked <= MOST_HINTS {
            true => hint(name, candidates(self)),
            false => String::new(),
        }
    }

    /// Returns the prefixes that a reference may name.
    fn prefixes(&self) -> impl Iterator<Item = &'p str> + use<'p> {
        let names = self.properties.iter();
        let prefixes = names.filter_map(|line| Some(line.name.rsplit_once('.')?.0));
        prefixes.filter(|prefix| *prefix != "worker")
    }

    fn has_properties(&self, name: &str) -> bool {
        self.properties.first_below(&format!("worker.{name}.")).is_some()
    }

    /// Returns the names of workers that properties are given for.
    fn names(&self) -> impl Iterator<Item = &'p str> + use<'p> {
        self.properties.iter().filter_map(|line| Some(owner(line)?.0))
    }

    /// Returns a property that is meant to be `worker.list`.
    pub(super) fn misspelt_list(&self) -> Option<&'p Property> {
        self.properties.iter().find(|line| {
            let rest = line.name.strip_prefix("worker.").filter(|rest| !rest.contains('.'));
            let is_unknown = |rest: &&str| rows::find(rest).is_none() && *rest != "list";
            rest.filter(is_unknown)
                .is_some_and(|rest| nearest(rest, ["list"].into_iter()).is_some())
        })
    }

    /// Reports workers that have properties and that nothing uses, and slips in their names.
    pub(super) fn check_unused(&mut self, config: &WorkersConfig) {
        let known = self.known(config);
        let named = self.meant(&known);
        let mut unknown: Vec<(&str, Vec<&Property>)> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for line in self.properties.iter() {
            let Some((name, _)) = owner(line) else { continue };
            if known.contains(name) || named.contains(name) {
                continue;
            }
            let place = *places.entry(name).or_insert_with(|| {
                unknown.push((name, Vec::new()));
                unknown.len() - 1
            });
            unknown[place].1.push(line);
        }
        for (place, (name, lines)) in unknown.into_iter().enumerate() {
            let is_asked = place < MOST_HINTS;
            let near = is_asked.then(|| nearest(name, known.iter().copied())).flatten();
            let is_own = |attribute: &str| lines.iter().any(|line| line.name.ends_with(attribute));
            let is_whole = is_own(".type") || is_own(".reference");
            // What the other one has as well was not meant for it.
            let has_all = near.is_some_and(|near| {
                lines.iter().any(|line| {
                    let attribute = owner(line).map_or("", |(_, attribute)| attribute);
                    self.properties.get(&format!("worker.{near}.{attribute}")).is_some()
                })
            });
            let is_slip = !(is_whole && has_all);
            let text = match near.filter(|_| is_slip) {
                Some(near) => format!(
                    "{}: nothing uses a worker {name}, did you mean worker.{near}",
                    without_effect(&lines)
                ),
                None if is_whole => format!(
                    "worker {name} is neither in worker.list nor a member of a listed balancer"
                ),
                None => format!(
                    "{}: worker {name} is neither in worker.list nor a member of a balancer nor \
                     referred to",
                    without_effect(&lines)
                ),
            };
            let is_complete = is_whole && !(is_slip && near.is_some());
            let severity = if is_complete { Diagnostic::notice } else { Diagnostic::warning };
            self.problems.push(severity(&lines[0].origin, text));
        }
    }

    /// Names that something uses: lists, balancers and references.
    fn known(&self, config: &WorkersConfig) -> HashSet<&'p str> {
        let mut known = HashSet::new();
        let properties: &'p Properties = self.properties;
        for line in properties.iter() {
            match line.name.rsplit_once('.').map_or("", |(_, attribute)| attribute) {
                "reference" => known.extend(line.value.strip_prefix("worker.")),
                "balance_workers" | "balanced_workers" | "list" => {
                    known.extend(meant_words(&line.value));
                }
                _ => {}
            }
        }
        known.extend(self.names().filter(|name| config.workers.contains_key(*name)));
        known
    }

    /// Names that a message about another name suggests already.
    fn meant(&self, known: &HashSet<&'p str>) -> HashSet<&'p str> {
        let undefined = known.iter().copied().filter(|name| !self.has_properties(name));
        let lost = self.properties.iter().filter(|line| line.name.ends_with(".reference"));
        let lost = lost.map(|line| line.value.as_str());
        let lost = lost.filter(|target| !target.starts_with("worker."));
        // In an order of their own: the same file says the same each time.
        let mut wrong: Vec<_> = undefined.chain(lost).collect();
        sorting::by_key(&mut wrong, |name| *name);
        let wrong = wrong.into_iter().take(MOST_HINTS);
        wrong.filter_map(|name| nearest(name, self.names())).collect()
    }
}

/// Returns the first line of a list for each word in it.
fn lists(properties: &Properties) -> HashMap<&str, &Property> {
    let mut named = HashMap::new();
    for line in properties.iter() {
        if line.name == "worker.list" || line.name.ends_with("_workers") {
            for word in words(&line.value) {
                named.entry(word).or_insert(line);
            }
        }
    }
    named
}

/// Returns the worker a property is for, and its attribute.
fn owner(line: &Property) -> Option<(&str, &str)> {
    line.name.strip_prefix("worker.")?.rsplit_once('.')
}

/// Says that some properties have no effect: the first by its name, the others by their number.
pub(super) fn without_effect(lines: &[&Property]) -> String {
    let first = lines.first().map_or("", |line| line.name.as_str());
    match lines.len() {
        0 | 1 => format!("{first} has no effect"),
        count => format!("{first} and {} more have no effect", count - 1),
    }
}
