//! Names in workers files: which exist, who refers to whom, who is used.

use std::collections::BTreeSet;

use super::Resolver;
use super::values::{MAX_REFERENCES, MAX_TEXT};
use crate::config::error::Diagnostic;
use crate::config::kinds::WorkersConfig;
use crate::config::properties::Property;
use crate::config::registry::{self, PROPERTIES, RETIRED, hint, nearest};

impl Resolver<'_> {
    /// Reports names that do not exist, are old, or have no effect.
    pub(super) fn check_names(&mut self) {
        for line in self.properties.iter() {
            let Some(rest) = line.name.strip_prefix("worker.") else {
                self.check_prefix(line);
                continue;
            };
            let (worker, attribute) = match rest.rsplit_once('.') {
                Some((worker, attribute)) => (Some(worker), attribute),
                None if matches!(rest, "list" | "maintain") => continue,
                None => (None, rest),
            };
            let name = &line.name;
            let row = registry::find(attribute);
            let why = RETIRED.iter().find(|(retired, _)| *retired == attribute);
            // A lock that is as it is anyway needs no word.
            let is_default = attribute == "lock" && line.value.starts_with(['O', 'o', '0']);
            match (why, row) {
                (Some(_), _) if is_default => {}
                (Some((_, why)), _) => self.warn(line, format!("{name} has no effect: {why}")),
                // worker.retries=3: an attribute without a worker was never an error.
                (None, Some(row)) if worker.is_none() => {
                    let text = format!(
                        "{name} names no worker and has no effect, expected worker.<name>.{}",
                        row.name
                    );
                    self.warn(line, text);
                }
                (None, Some(row)) if row.name != attribute => {
                    self.warn(line, format!("{name} is an old name, use {}", row.name));
                }
                (None, Some(_)) => {}
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
        let is_known = attribute == "list" || registry::find(attribute).is_some();
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
            if self.properties.first_below(&format!("{target}.")).is_none() {
                let names = self.properties.iter();
                let prefixes = names.filter_map(|other| Some(other.name.rsplit_once('.')?.0));
                let with_prefix = format!("worker.{target}");
                let hint = match self.properties.first_below(&format!("{with_prefix}.")) {
                    Some(_) => format!(", did you mean {with_prefix}"),
                    None => hint(target, prefixes.filter(|prefix| *prefix != "worker")),
                };
                let text = format!("{}: no property begins with \"{target}.\"{hint}", line.name);
                self.problems.push(Diagnostic::error(&line.origin, text));
                continue;
            }
            let mut prefix = target.clone();
            for depth in 1.. {
                match self.properties.get(&format!("{prefix}.reference")) {
                    Some(next) if depth <= MAX_REFERENCES => prefix = next.value.clone(),
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
        if name.len() > MAX_TEXT {
            let text = format!(
                "worker {shown}...: the name has {} bytes, expected at most {MAX_TEXT}",
                name.len()
            );
            self.problems.push(Diagnostic::error(&origin, text));
            return false;
        }
        let is_odd = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_');
        if let Some(odd) = name.chars().find(|c| is_odd(*c)) {
            let text =
                format!("worker {name}: \"{odd}\" in the name, expected letters, digits, - and _");
            self.problems.push(Diagnostic::warning(&origin, text));
        }
        true
    }

    /// Reports a worker that is named and of which nothing is said.
    pub(super) fn check_defined(&mut self, name: &str) {
        let own = self.properties.first_below(&format!("worker.{name}."));
        if let Some(own) = own {
            if self.find(name, "type").is_none() {
                let text = format!("worker.{name}.type is not set, ajp13 is assumed");
                self.problems.push(Diagnostic::notice(&own.origin, text));
            }
            return;
        }
        let others = self.properties.iter().filter_map(|line| {
            line.name.strip_prefix("worker.")?.rsplit_once('.').map(|(worker, _)| worker)
        });
        let hint = hint(name, others);
        let named = self.properties.iter().find(|line| {
            let is_list = line.name == "worker.list" || line.name.ends_with("_workers");
            is_list && crate::config::value::words(&line.value).any(|word| word == name)
        });
        let text =
            format!("worker {name} has no properties: ajp13 at localhost:8009 is assumed{hint}");
        let origin = named.map(|line| line.origin.clone()).unwrap_or_default();
        self.problems.push(Diagnostic::warning(&origin, text));
    }

    /// Reports workers that nobody can use.
    pub(super) fn check_unused(&mut self, config: &WorkersConfig) {
        let templates: BTreeSet<_> = self
            .properties
            .iter()
            .filter(|line| line.name.ends_with(".reference"))
            .filter_map(|line| line.value.strip_prefix("worker."))
            .collect();
        let mut seen = BTreeSet::new();
        for line in self.properties.iter() {
            let Some(name) =
                line.name.strip_prefix("worker.").and_then(|rest| rest.strip_suffix(".type"))
            else {
                continue;
            };
            if !config.list.iter().any(|listed| listed == name)
                && !config.workers.contains_key(name)
                && !templates.contains(name)
                && seen.insert(name)
            {
                let text = format!(
                    "worker {name} is neither in worker.list nor a member of a listed balancer"
                );
                self.warn(line, text);
            }
        }
    }

    /// Reports properties that mean nothing to a worker of this type. Those of a template are not
    /// looked at: it may serve workers of several types.
    pub(super) fn check_scope(&mut self, name: &str, kind: &str) {
        let prefix = format!("worker.{name}.");
        let lines: Vec<_> = self.properties.all_below(&prefix).cloned().collect();
        for line in lines {
            let Some(row) = registry::find(&line.name[prefix.len()..]) else { continue };
            if !row.scope.covers(kind) && RETIRED.iter().all(|(name, _)| *name != row.name) {
                let text = format!(
                    "{} has no effect: it is for {}, and {name} is of type {kind}",
                    line.name,
                    row.scope.label()
                );
                self.problems.push(Diagnostic::notice(&line.origin, text));
            }
        }
    }
}
