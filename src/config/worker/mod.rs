//! Properties to workers, with every mistake found on the way.

mod ajp13;
mod hints;
mod lb;
mod names;
mod status;
mod values;

use std::collections::HashSet;
use std::time::Duration;

use super::error::Diagnostic;
use super::kinds::{WorkerConfig, WorkerKind, WorkersConfig};
use super::properties::Properties;
use super::registry::hint;
use super::value::words;

pub(super) use values::{find, own};

/// Turns properties into workers. All mistakes are returned; with one of severity error the
/// workers must not be used.
pub fn resolve(properties: &Properties) -> (WorkersConfig, Vec<Diagnostic>) {
    let mut resolver = Resolver { properties, problems: properties.replaced() };
    let mut config = resolver.run();
    config.properties = properties.merged();
    let mut problems = resolver.problems;
    // A member of two balancers is read for each of them.
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert(problem.to_string()));
    (config, problems)
}

struct Resolver<'p> {
    properties: &'p Properties,
    problems: Vec<Diagnostic>,
}

impl Resolver<'_> {
    fn run(&mut self) -> WorkersConfig {
        self.check_names();
        self.check_references();
        let mut config =
            WorkersConfig { maintain: Some(Duration::from_secs(60)), ..<_>::default() };
        if let Some(line) = self.properties.get("worker.maintain") {
            let seconds = self.number(line).unwrap_or(60);
            config.has_maintain = true;
            config.maintain =
                u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs);
        }
        for line in self.properties.all("worker.list") {
            for name in words(&line.value) {
                match config.list.iter().any(|other| other == name) {
                    true => self.warn(line, format!("worker {name} is listed twice")),
                    false => config.list.push(name.to_owned()),
                }
            }
        }
        if config.list.is_empty() {
            let origin = self.properties.iter().last().map(|line| line.origin.clone());
            let text = "worker.list names no worker: a worker ajp13 at localhost:8009 is assumed";
            self.problems.push(Diagnostic::warning(&origin.unwrap_or_default(), text));
            config.list.push("ajp13".to_owned());
        }
        let is_assumed = self.properties.get("worker.list").is_none();
        for name in config.list.clone() {
            if !is_assumed {
                self.check_defined(&name);
            }
            self.worker(&name, &mut config);
        }
        self.check_unused(&config);
        self.check_together(&config);
        config
    }

    fn worker(&mut self, name: &str, config: &mut WorkersConfig) {
        if config.workers.contains_key(name) || !self.check_name(name) {
            return;
        }
        for (pattern, line) in self.lines(name, "mount") {
            config.mounts.push((pattern.to_owned(), name.to_owned(), line.origin.clone()));
        }
        let kind = self.find(name, "type").map_or("ajp13", |line| line.value.as_str()).to_owned();
        self.check_scope(name, &kind);
        let kind = match kind.as_str() {
            "ajp13" => WorkerKind::Ajp13(Box::new(self.ajp13(name))),
            "ajp12" | "ajp14" => {
                let text = format!(
                    "worker.{name}.type: {kind} is treated as ajp13, expected a container that speaks it"
                );
                self.problems.push(Diagnostic::warning(&self.place(name, "type"), text));
                WorkerKind::Ajp13(Box::new(self.ajp13(name)))
            }
            "lb" => {
                let lb = self.lb(name, config);
                WorkerKind::Lb(Box::new(lb))
            }
            "status" => WorkerKind::Status(self.status(name)),
            other => {
                let hint = hint(other, ["ajp13", "lb", "status"].into_iter());
                let text = format!(
                    "worker.{name}.type: unknown type \"{other}\", expected ajp13, lb or status{hint}"
                );
                self.problems.push(Diagnostic::error(&self.place(name, "type"), text));
                return;
            }
        };
        let worker = WorkerConfig { name: name.to_owned(), kind };
        config.workers.insert(name.to_owned(), worker);
    }
}
