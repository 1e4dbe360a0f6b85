//! Settings changed while httpd runs: lines in shared memory, laid over the configuration.
//!
//! A line says who it is for, what the configuration of that worker was (as a fingerprint), and the
//! parameter with its value. It passes the same reader as the request it came from each time it is
//! taken up, and counts only as long as the configuration below it is the same.

use std::sync::Arc;

use crate::config::{Settings, Value, WorkerKind, WorkersConfig};
use crate::shm::fingerprint;
use crate::status::change::Change;
use crate::status::change_text::{change_of, parameter};
use crate::status::view::RuntimeChange;
use crate::worker::records::settings_of_ajp;

/// Lays the lines over a configuration. Returns it with the lines that did not count.
pub fn apply<'t>(config: &WorkersConfig, text: &'t str) -> (WorkersConfig, Vec<&'t str>) {
    let mut edited = config.clone();
    let strange = text.lines().filter(|line| {
        let change = read(line).filter(|(base, change)| base_of(config, change) == Some(*base));
        !change.is_some_and(|(_, change)| set(&mut edited, &change))
    });
    let strange = strange.collect();
    (edited, strange)
}

/// Returns what the lines change, each with the value that the configuration has.
pub fn differing(config: &WorkersConfig, text: &str) -> Vec<RuntimeChange> {
    let lines = text.lines().filter_map(read);
    let lines = lines.filter(|(base, change)| base_of(config, change) == Some(*base));
    let each = lines.filter_map(|(_, change)| {
        let (balancer, worker) = owner(&change)?;
        let (property, old) = configured(config, &change)?;
        let new = value_of(&change)?.clone();
        let (balancer, worker) = (balancer.to_owned(), worker.to_owned());
        (old != new).then_some(RuntimeChange { balancer, worker, property, old, new, edit: None })
    });
    each.collect()
}

/// Returns the property of a change and what the configuration says of it.
fn configured(config: &WorkersConfig, change: &Change) -> Option<(&'static str, Value)> {
    let kind = |name: &str| config.workers.get(name).map(|worker| &worker.kind);
    match change {
        Change::Balancer { balancer, setting, .. } => match kind(balancer)? {
            WorkerKind::Lb(lb) => Some((setting, lb.value(setting)?)),
            _ => None,
        },
        Change::Member { balancer, member, setting, .. } => match kind(balancer)? {
            WorkerKind::Lb(lb) => {
                let own = lb.members.iter().find(|own| own.worker == *member)?;
                Some((setting, own.value(setting)?))
            }
            _ => None,
        },
        Change::Ajp { worker, setting, .. } => match kind(worker)? {
            WorkerKind::Ajp13(ajp) => Some((setting, ajp.value(setting)?)),
            _ => None,
        },
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

/// Tells whether a change has a setting it could change.
pub fn is_possible(config: &WorkersConfig, change: &Change) -> bool {
    key_of(change).is_some() && set(&mut config.clone(), change)
}

/// Adds changes to the lines; a later one of the same setting replaces the earlier.
pub fn add(config: &WorkersConfig, text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for change in changes {
        let (Some(key), Some(base)) = (key_of(change), base_of(config, change)) else { continue };
        let Some(value) = value_of(change) else { continue };
        lines.retain(|line| !line.starts_with(&key));
        lines.push(format!("{key}{base}\t{value}"));
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// Who and what, as the line begins. Names with a tab cannot be told apart and are not kept.
fn key_of(change: &Change) -> Option<String> {
    let (balancer, worker) = owner(change)?;
    let name = parameter(change)?;
    let is_plain = ![balancer, worker].iter().any(|name| name.contains(['\t', '\n']));
    is_plain.then(|| format!("{balancer}\t{worker}\t{name}\t"))
}

fn owner(change: &Change) -> Option<(&str, &str)> {
    match change {
        Change::Balancer { balancer, .. } => Some((balancer, "")),
        Change::Member { balancer, member, .. } => Some((balancer, member)),
        Change::Ajp { worker, .. } => Some(("", worker)),
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

fn value_of(change: &Change) -> Option<&Value> {
    match change {
        Change::Balancer { value, .. }
        | Change::Member { value, .. }
        | Change::Ajp { value, .. } => Some(value),
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

fn read(line: &str) -> Option<(u64, Change)> {
    let mut words = line.splitn(5, '\t');
    let (balancer, worker, name) = (words.next()?, words.next()?, words.next()?);
    let base = words.next()?.parse().ok()?;
    Some((base, change_of(balancer, worker, name, words.next()?)?))
}

/// Condenses the settings a change is laid over.
fn base_of(config: &WorkersConfig, change: &Change) -> Option<u64> {
    let kind = |name: &str| config.workers.get(name).map(|worker| &worker.kind);
    Some(match change {
        Change::Balancer { balancer, .. } => match kind(balancer)? {
            WorkerKind::Lb(lb) => {
                // Members come and go without being the balancer's own settings.
                let own = lb.differing().into_iter().filter(|(name, _)| *name != "balance_workers");
                fingerprint(&own.collect::<Vec<_>>())
            }
            _ => return None,
        },
        Change::Member { balancer, member, .. } => match kind(balancer)? {
            WorkerKind::Lb(lb) => {
                let own = lb.members.iter().find(|own| own.worker == *member)?;
                fingerprint(&own.differing())
            }
            _ => return None,
        },
        Change::Ajp { worker, .. } => match kind(worker)? {
            WorkerKind::Ajp13(ajp) => fingerprint(&settings_of_ajp(ajp)),
            _ => return None,
        },
        Change::Recover { .. } | Change::Reset { .. } => return None,
    })
}

fn set(config: &mut WorkersConfig, change: &Change) -> bool {
    let Some((balancer, worker)) = owner(change) else { return false };
    let name = if balancer.is_empty() { worker } else { balancer };
    let kind = config.workers.get_mut(name).map(|worker| &mut worker.kind);
    match change {
        Change::Balancer { setting, value, .. } => match kind {
            Some(WorkerKind::Lb(lb)) => lb.change(setting, value),
            _ => false,
        },
        Change::Member { member, setting, value, .. } => match kind {
            Some(WorkerKind::Lb(lb)) => {
                let own = lb.members.iter_mut().find(|own| own.worker == *member);
                own.is_some_and(|own| Arc::make_mut(own).change(setting, value))
            }
            _ => false,
        },
        Change::Ajp { setting, value, .. } => match kind {
            Some(WorkerKind::Ajp13(ajp)) => ajp.change(setting, value),
            _ => false,
        },
        Change::Recover { .. } | Change::Reset { .. } => false,
    }
}
