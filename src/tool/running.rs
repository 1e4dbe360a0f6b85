//! The settings of a running httpd, from the JSON of its status worker: as lines of workers.properties,
//! checked as a file is, and compared with one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::config::rows::{HOST, PORT, UNSET};
use crate::config::{
    Ajp13Config, Diagnostic, DumpSection, LbConfig, MemberConfig, Origin, Properties, PropertyRow,
    Settings, ValueKind, resolve, unix_path,
};
use crate::text;

/// A balancer, a member or a worker as it runs.
#[derive(Clone, Debug)]
pub struct RunningWorker {
    /// Its name in the file.
    pub name: String,
    /// The balancer it is a member of.
    pub balancer: Option<String>,
    /// `lb` or `ajp13`.
    pub kind: &'static str,
    /// Its settings as [`sections`](crate::config::sections) spells them: `***` for a secret, `unset` for
    /// a number that is not set.
    pub settings: Vec<(&'static PropertyRow, String)>,
}

impl RunningWorker {
    /// Returns the name by which commands take it.
    pub fn target(&self) -> String {
        match &self.balancer {
            Some(balancer) => format!("{balancer}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A setting that is not what the file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingDifference {
    /// As commands take it: `balancer/member`, a balancer or a worker.
    pub target: String,
    /// The property; `None` where one side does not have the worker.
    pub property: Option<&'static str>,
    /// Its value in the running httpd.
    pub running: Option<String>,
    /// Its value in the file.
    pub file: Option<String>,
    /// Where the file says so, `default` where it does not.
    pub origin: Option<String>,
}

/// Finds everything with settings on a page of the status worker.
pub fn workers(page: &Value) -> Vec<RunningWorker> {
    let list = |own: &Value, key: &str| own[key].as_array().cloned().unwrap_or_default();
    let ajp_rows = || Ajp13Config::rows().map(|(row, _)| row);
    let mut all = Vec::new();
    for balancer in list(page, "balancers") {
        let rows = LbConfig::rows().map(|(row, _)| row);
        let own = worker(&balancer, None, "lb", rows);
        let name = own.name.clone();
        all.push(own);
        for member in list(&balancer, "members") {
            let rows = ajp_rows().chain(MemberConfig::rows().map(|(row, _)| row));
            all.push(worker(&member, Some(&name), "ajp13", rows));
        }
    }
    let alone = list(page, "ajp_workers");
    all.extend(alone.iter().map(|own| worker(own, None, "ajp13", ajp_rows())));
    all
}

fn worker(
    own: &Value,
    balancer: Option<&str>,
    kind: &'static str,
    rows: impl Iterator<Item = &'static PropertyRow>,
) -> RunningWorker {
    let settings = rows.filter_map(|row| Some((row, spelled(row, own.get(row.key())?))));
    RunningWorker {
        name: own["name"].as_str().unwrap_or_default().to_owned(),
        balancer: balancer.map(str::to_owned),
        kind,
        settings: settings.collect(),
    }
}

/// Spells a value of the page as the configuration in force does.
fn spelled(row: &PropertyRow, value: &Value) -> String {
    match (value, row.kind) {
        (Value::Bool(is_set), ValueKind::Secret) => if *is_set { HIDDEN } else { "" }.to_owned(),
        (Value::String(text), kind) if text == UNSET && !kind.is_number() => String::new(),
        (Value::String(text), ValueKind::Word(words)) => {
            (words.read)(text).map_or_else(|| text.clone(), |own| own.in_words())
        }
        (Value::String(text), _) => text.clone(),
        (Value::Array(all), _) => {
            let words = all.iter().map(|own| match own {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            words.collect::<Vec<_>>().join(",")
        }
        (Value::Null, _) => String::new(),
        (other, _) => other.to_string(),
    }
}

/// Returns names and values as workers.properties has them. What is unset is left out; a secret is
/// `***`. What several balancers say of one member is there once, as the first one has it.
pub fn properties(workers: &[RunningWorker]) -> Vec<(String, String)> {
    let listed = workers.iter().filter(|own| own.balancer.is_none());
    let list: Vec<_> = listed.map(|own| own.name.as_str()).collect();
    let mut lines = vec![("worker.list".to_owned(), list.join(","))];
    let mut seen = BTreeSet::new();
    for own in workers {
        let is_socket =
            own.settings.iter().any(|(row, value)| row.name == HOST && unix_path(value).is_some());
        let mut all = vec![("type", own.kind)];
        all.extend(own.settings.iter().map(|(row, value)| (row.name, value.as_str())));
        for (property, value) in all {
            let is_meant = !value.is_empty() && value != UNSET && !(is_socket && property == PORT);
            let name = format!("worker.{}.{property}", own.name);
            if is_meant && seen.insert(name.clone()) {
                lines.push((name, value.to_owned()));
            }
        }
    }
    lines
}

/// Checks what `httpd -t` would say of changed settings that it does not say of the present ones. `None` for a
/// value unsets it.
pub fn new_problems(
    workers: &[RunningWorker],
    is_meant: impl Fn(&RunningWorker) -> bool,
    changes: &[(&str, Option<&str>)],
) -> Vec<Diagnostic> {
    let before = properties(workers);
    let mut after = before.clone();
    for own in workers.iter().filter(|own| is_meant(own)) {
        for (property, value) in changes {
            let name = format!("worker.{}.{property}", own.name);
            after.retain(|(other, _)| *other != name);
            after.extend(value.map(|value| (name, value.to_owned())));
        }
    }
    let known: BTreeSet<String> = problems(&before).into_iter().map(|own| own.text).collect();
    problems(&after).into_iter().filter(|own| !known.contains(&own.text)).collect()
}

fn problems(lines: &[(String, String)]) -> Vec<Diagnostic> {
    let mut properties = Properties::default();
    let mut found = Vec::new();
    for (name, value) in lines {
        // A secret that is hidden is there, and nothing is to be said of its letters.
        let value = if value == HIDDEN { "hidden" } else { value };
        let line = format!("{name}={value}");
        found.extend(properties.line(&line, &Origin::default(), &|_| None));
    }
    found.extend(resolve(&properties).1);
    found
}

/// Compares what runs with what the files say.
pub fn differences(running: &[RunningWorker], sections: &[DumpSection]) -> Vec<SettingDifference> {
    let of_file = |name: &str| {
        let mut workers = sections.iter().filter(|own| own.kind == "worker");
        workers.find(|own| *text::shown(&own.name) == *name)
    };
    let mut all = Vec::new();
    for own in running {
        let one = |property, running: &str, file: Option<String>, origin| SettingDifference {
            target: own.target(),
            property,
            running: Some(running.to_owned()),
            file,
            origin,
        };
        let Some(section) = of_file(&own.name) else {
            all.push(one(None, own.kind, None, None));
            continue;
        };
        for (row, value) in &own.settings {
            let Some(other) = section.rows.iter().find(|own| own.name == row.name) else {
                continue;
            };
            let file = text::shown(&other.value).into_owned();
            if file != *value {
                all.push(one(Some(row.name), value, Some(file), Some(other.from.clone())));
            }
        }
    }
    for section in sections.iter().filter(|own| own.kind == "worker") {
        let name = text::shown(&section.name).into_owned();
        let kind = section.rows.iter().find(|own| own.name == "type");
        // Status workers have no settings to compare.
        let Some(kind) = kind.filter(|own| own.value != "status") else { continue };
        if running.iter().all(|own| own.name != name) {
            all.push(SettingDifference {
                target: name,
                property: None,
                running: None,
                file: Some(kind.value.clone()),
                origin: Some(kind.from.clone()),
            });
        }
    }
    all
}

/// What stands for a secret.
const HIDDEN: &str = "***";

#[cfg(test)]
mod tests;
