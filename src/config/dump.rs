//! The configuration in force, each value with where it comes from: `httpd -t -D DUMP_JK`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::check::{Checked, mounts_seen};
use super::kinds::{WorkerConfig, WorkerKind, WorkersConfig};
use super::properties::Properties;
use super::registry::{self, DIRECTIVES, Place};
use super::server::{Given, ServerSettings};
use super::shown;
use super::worker::{find, own};
use crate::uri_map::UriMap;
use crate::uri_map::merge::MountCopy;

/// Returns the whole configuration as text for people; secrets are `***`.
pub fn dump(servers: &[&ServerSettings], checked: &Checked) -> String {
    let mut text = String::new();
    for (place, server) in servers.iter().enumerate() {
        let _ = match place {
            0 => writeln!(text, "Main server"),
            _ => writeln!(text, "\nVirtual host {} ({})", server.host, server.host_origin),
        };
        directives(&mut text, server, place == 0);
        rules(&mut text, checked, place);
    }
    let (workers, properties) = (&checked.workers, &checked.properties);
    let _ = writeln!(text, "\nWorkers: {}", workers.list.join(", "));
    let maintain = workers.maintain.map_or(0, |time| time.as_secs()).to_string();
    let from = match properties.get("worker.maintain") {
        Some(line) => line.origin.to_string(),
        None => "default".to_owned(),
    };
    row(&mut text, "worker.maintain", &maintain, &from);
    for worker in workers.workers.values() {
        one_worker(&mut text, worker, workers, properties);
    }
    text
}

fn directives(text: &mut String, server: &ServerSettings, is_main: bool) {
    let shows = |given: &&Given| !matches!(given.name, "JkMount" | "JkUnMount");
    let mut own: Vec<_> = server.given.iter().filter(shows).collect();
    own.sort_by_key(|given| DIRECTIVES.iter().position(|row| row.name == given.name));
    for given in &own {
        row(text, given.name, &hidden(given), &given.origin.to_string());
    }
    for given in server.inherited.iter().filter(shows) {
        let adds = matches!(given.name, "JkOptions" | "JkEnvVar");
        let has_own = own.iter().any(|other| other.name == given.name);
        let is_own_only = match given.name {
            "JkMountFile" | "JkAutoAlias" => server.mount_copy != Some(MountCopy::On),
            name => name == "JkMountCopy",
        };
        if is_main || (has_own && !adds) || is_own_only || is_global(given.name) {
            continue;
        }
        row(text, given.name, &hidden(given), &format!("main server, {}", given.origin));
    }
    for entry in
        DIRECTIVES.iter().filter(|entry| entry.default != "none" && entry.place != Place::Section)
    {
        let is_set = own
            .iter()
            .chain(&server.inherited.iter().collect::<Vec<_>>())
            .any(|given| given.name == entry.name);
        if !is_set && (is_main || entry.place != Place::Global) {
            row(text, entry.name, entry.default, "default");
        }
    }
}

fn is_global(name: &str) -> bool {
    DIRECTIVES.iter().any(|row| row.name == name && row.place == Place::Global)
}

/// Returns the words of a directive, without what may be a secret, perhaps behind a slip.
fn hidden(given: &Given) -> String {
    if given.name != "JkWorkerProperty" {
        return given.words.clone();
    }
    let Some((name, _)) = given.words.split_once('=') else { return "***".to_owned() };
    let attribute = name.trim().rsplit('.').next().unwrap_or_default();
    let is_harmless = registry::find(attribute).is_some_and(|row| !row.name.starts_with("secret"));
    if is_harmless { given.words.clone() } else { format!("{name}=***") }
}

fn rules(text: &mut String, checked: &Checked, place: usize) {
    let (map, _) = UriMap::build(mounts_seen(&checked.mounts, place));
    for rule in map.rules() {
        let disabled = if rule.is_disabled { "-" } else { "" };
        let excluded = if rule.is_exclusion { "!" } else { "" };
        let pattern = String::from_utf8_lossy(&rule.pattern);
        row(
            text,
            &format!("rule {disabled}{excluded}{pattern}"),
            &rule.worker,
            &rule.origin.to_string(),
        );
    }
}

fn one_worker(
    text: &mut String,
    worker: &WorkerConfig,
    workers: &WorkersConfig,
    properties: &Properties,
) {
    let name = &worker.name;
    let kind = match worker.kind {
        WorkerKind::Ajp13(_) => "ajp13",
        WorkerKind::Lb(_) => "lb",
        WorkerKind::Status(_) => "status",
    };
    let _ = writeln!(text, "\nWorker {name}");
    row(text, "type", kind, &source(properties, name, "type"));
    let mut settings: Vec<_> = shown::shown(worker);
    let balancers: BTreeMap<_, _> = workers
        .workers
        .values()
        .filter_map(|own| match &own.kind {
            WorkerKind::Lb(lb) => Some((&own.name, lb)),
            _ => None,
        })
        .collect();
    let member = balancers.values().flat_map(|lb| &lb.members).find(|own| own.worker == *name);
    settings.extend(member.into_iter().flat_map(shown::member));
    if let (WorkerKind::Ajp13(_), mode) = (&worker.kind, find(properties, name, "ping_mode")) {
        // Folded into the three waits below it.
        let mode = mode.map_or(String::new(), |line| line.value.clone());
        settings.insert(0, ("ping_mode", mode));
    }
    for (attribute, value) in settings {
        let mut from = source(properties, name, attribute);
        let by_mode =
            matches!(attribute, "connect_timeout" | "prepost_timeout" | "connection_ping_interval");
        if by_mode && from == "default" && value != "0" {
            from = format!("ping_mode, {}", source(properties, name, "ping_mode"));
        }
        // The one property that comes down from a balancer.
        if attribute == "secret" && from == "default" && !value.is_empty() {
            let giver = balancers.iter().find(|(_, lb)| lb.member_names.contains(name));
            from = giver.map_or(from, |(lb, _)| {
                format!("balancer {lb}, {}", source(properties, lb, "secret"))
            });
        }
        row(text, attribute, &value, &from);
    }
}

/// Says where the value of a property comes from.
fn source(properties: &Properties, name: &str, attribute: &str) -> String {
    let old = ["stopped", "disabled"].into_iter().filter(|_| attribute == "activation");
    let line = find(properties, name, attribute)
        .or_else(|| old.clone().find_map(|word| own(properties, name, word)));
    let Some(line) = line else { return "default".to_owned() };
    let (prefix, spelling) = line.name.rsplit_once('.').unwrap_or_default();
    let mut from = line.origin.to_string();
    if prefix != format!("worker.{name}") {
        from += &format!(", by reference to {prefix}");
    }
    if registry::find(attribute).is_some_and(|row| row.name != spelling) {
        from += &format!(", as {spelling}");
    }
    from
}

fn row(text: &mut String, name: &str, value: &str, from: &str) {
    let value = if value.is_empty() { "-" } else { value };
    let _ = writeln!(text, "  {name:<28} {value:<32} {from}");
}
