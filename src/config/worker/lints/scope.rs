//! Properties that mean nothing to a worker of its type.

use crate::config::error::Diagnostic;
use crate::config::properties::Property;
use crate::config::rows;
use crate::config::rows::{PropertyScope, RETIRED};
use crate::config::value::words;
use crate::config::worker::names::without_effect;
use crate::config::worker::resolver::Resolver;
use crate::sorting;

impl Resolver<'_> {
    /// Reports them, one line for each worker. Those of a template are not looked at: it may serve
    /// workers of several types.
    pub(in crate::config) fn check_scope(&mut self, name: &str, kind: &str) {
        let prefix = format!("worker.{name}.");
        let row = |line: &Property| rows::find(&line.name[prefix.len()..]);
        let mut lost: Vec<(&Property, PropertyScope)> = self
            .properties
            .all_below(&prefix)
            .filter_map(|line| Some((line, row(line)?)))
            .filter(|(_, row)| RETIRED.iter().all(|(name, _)| *name != row.name))
            .filter(|(_, row)| !row.scope.covers(kind))
            .map(|(line, row)| (line, row.scope))
            .collect();
        sorting::by_key(&mut lost, |(line, _)| line.origin.line);
        if lost.is_empty() {
            return;
        }
        let members = lost
            .iter()
            .find(|(line, _)| row(line).is_some_and(|row| row.name == "balance_workers"));
        if let Some((line, _)) = members.filter(|_| kind != "status") {
            let unset = match self.find(name, "type") {
                Some(_) => "",
                None => ", as its type is not set",
            };
            let text = format!(
                "{} has no effect: {name} is of type {kind}{unset}, expected worker.{name}.type=lb",
                line.name
            );
            self.problems.push(Diagnostic::warning(&line.origin, text));
            return;
        }
        // Each scope has a remedy of its own.
        while let Some((_, scope)) = lost.first().copied() {
            let (own, rest): (Vec<_>, Vec<_>) = lost.into_iter().partition(|(_, of)| *of == scope);
            lost = rest;
            let lines: Vec<&Property> = own.into_iter().map(|(line, _)| line).collect();
            let (they, them) = match lines.len() {
                1 => ("it is", "it"),
                _ => ("they are", "them"),
            };
            let text = format!(
                "{}: {they} for {}, and {name} is of type {kind}{}",
                without_effect(&lines),
                scope.label(),
                self.remedy(name, kind, scope, them)
            );
            self.problems.push(Diagnostic::warning(&lines[0].origin, text));
        }
    }

    /// Says where such a property belongs.
    fn remedy(&self, name: &str, kind: &str, scope: PropertyScope, them: &str) -> String {
        match (kind, scope) {
            ("lb", PropertyScope::Ajp13 | PropertyScope::Member) => {
                let members = self.list(name, "balance_workers");
                match members.first() {
                    Some(member) => format!(", expected {them} at the members, such as {member}"),
                    None => String::new(),
                }
            }
            (_, PropertyScope::Lb) if kind != "status" => {
                let balancer = self.properties.iter().find_map(|line| {
                    let owner =
                        line.name.strip_prefix("worker.")?.strip_suffix(".balance_workers")?;
                    words(&line.value).any(|word| word == name).then_some(owner)
                });
                match balancer {
                    Some(balancer) => format!(", expected {them} at worker.{balancer}"),
                    None => format!(", expected {them} at a balancer, or worker.{name}.type=lb"),
                }
            }
            _ => String::new(),
        }
    }
}
