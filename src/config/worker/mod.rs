//! Properties to workers, with every mistake found on the way.

mod ajp13;
mod lb;
mod lints;
mod names;
mod resolver;
mod status;
mod values;

use std::collections::HashSet;
use std::time::Duration;

use crate::config::error::Diagnostic;
use crate::config::model::{WorkerConfig, WorkerKind, WorkersConfig};
use crate::config::properties::Properties;
use crate::config::rows::hint;
use crate::config::value::words;
use crate::config::worker::resolver::Resolver;

pub(super) use lints::meant::is_odd;
pub(super) use values::{find, own};

/// Turns properties into workers. All mistakes are returned; with one of severity error the
/// workers must not be used.
pub fn resolve(properties: &Properties) -> (WorkersConfig, Vec<Diagnostic>) {
    let mut resolver =
        Resolver { properties, problems: properties.replaced(), asked: 0, named: None };
    let mut config = resolver.run();
    config.properties = properties.merged();
    config.lines = properties.clone().into();
    let mut problems = resolver.problems;
    // A member of two balancers is read for each of them.
    let mut seen = HashSet::new();
    problems.retain(|problem| seen.insert(problem.to_string()));
    (config, problems)
}

impl Resolver<'_> {
    fn run(&mut self) -> WorkersConfig {
        self.check_names();
        // check: quotes-around-a-host
        self.check_meant();
        self.check_references();
        let mut config =
            WorkersConfig { maintain: Some(Duration::from_secs(60)), ..<_>::default() };
        if let Some(line) = self.properties.get("worker.maintain") {
            let seconds = self.number(line).unwrap_or(60);
            // check: negative-interval-of-maintenance
            if seconds < 0 {
                let name = &line.name;
                let text =
                    format!("{name}: {seconds} counts as 0, which is never, expected 0 or more");
                self.warn(line, text);
            }
            config.has_maintain = true;
            config.maintain =
                u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs);
        }
        let mut listed = HashSet::new();
        for line in self.properties.all("worker.list") {
            for name in words(&line.value) {
                match !listed.insert(name) {
                    // check: listed-twice
                    true => self.warn(line, format!("worker {name} is listed twice")),
                    false => config.list.push(name.to_owned()),
                }
            }
        }
        if config.list.is_empty()
            && let Some(meant) = self.misspelt_list()
        {
            config.list = words(&meant.value).map(str::to_owned).collect();
        }
        if config.list.is_empty() {
            let origin = self.properties.iter().last().map(|line| line.origin.clone());
            let text = "worker.list names no worker: a worker ajp13 at localhost:8009 is assumed";
            // check: nothing-listed
            self.problems.push(Diagnostic::warning(&origin.unwrap_or_default(), text));
            config.list.push("ajp13".to_owned());
        }
        let is_assumed = config.list == ["ajp13"] && self.properties.get("worker.list").is_none();
        for name in config.list.clone() {
            // check: listed-and-not-defined
            if !is_assumed {
                self.check_defined(&name);
            }
            self.worker(&name, &mut config);
        }
        // Without a list every worker is unused, which was said.
        if !is_assumed {
            // check: defined-and-not-listed
            self.check_unused(&config);
        }
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
        // check: property-of-another-type
        self.check_scope(name, &kind);
        let kind = match kind.as_str() {
            "ajp13" => WorkerKind::Ajp13(Box::new(self.ajp13(name))),
            // check: older-protocol
            "ajp12" | "ajp14" => {
                let text = format!(
                    "worker.{name}.type: {kind} is treated as ajp13, expected a backend that speaks AJP13"
                );
                self.problems.push(Diagnostic::warning(&self.place(name, "type"), text));
                WorkerKind::Ajp13(Box::new(self.ajp13(name)))
            }
            "lb" => {
                let lb = self.lb(name, config);
                WorkerKind::Lb(Box::new(lb))
            }
            "status" => WorkerKind::Status(self.status(name)),
            // check: unknown-type
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
