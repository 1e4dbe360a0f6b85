//! The configuration in force, each value with where it comes from: `httpd -t -D DUMP_JK`.

use std::fmt::Write;

use crate::config::model::{WorkerConfig, WorkerKind, WorkersConfig};
use crate::config::properties::Properties;
use crate::config::rows;
use crate::config::rows::{DIRECTIVES, Place, Settings, UNSET, Value, ValueKind};
use crate::config::server::{ServerSettings, SetDirectives};
use crate::config::validate::Checked;
use crate::config::worker::{find, own};
use crate::sorting;
use crate::text;
use crate::uri_map::UriMap;
use crate::uri_map::merge::{MountCopy, mounts_seen};

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpRow {
    /// The directive, rule or property.
    pub name: String,
    /// Its value; a secret is `***`.
    pub value: String,
    /// The file and line, or what else has set it.
    pub from: String,
}

/// Settings that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DumpSection {
    /// `server`, `workers` or `worker`.
    pub kind: &'static str,
    /// Name of the worker; empty for the others.
    pub name: String,
    /// What it is about, in words.
    pub title: String,
    /// Its settings in their order.
    pub rows: Vec<DumpRow>,
}

/// Returns the whole configuration as text for people.
pub fn dump(servers: &[&ServerSettings], checked: &Checked) -> String {
    let mut text = String::new();
    for section in sections(servers, checked) {
        let gap = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{gap}{}", section.title);
        for DumpRow { name, value, from } in &section.rows {
            let value = if value.is_empty() { "-" } else { value };
            let _ = writeln!(text, "  {name:<28} {value:<32} {from}");
        }
    }
    text
}

/// Returns the whole configuration: a section for each server, one for all workers, and one for each
/// worker.
pub fn sections(servers: &[&ServerSettings], checked: &Checked) -> Vec<DumpSection> {
    let mut all = Vec::new();
    for (place, server) in servers.iter().enumerate() {
        let title = match place {
            0 => "Main server".to_owned(),
            _ => format!("Virtual host {} ({})", server.host, server.host_origin),
        };
        let mut rows = Vec::new();
        directives(&mut rows, server, place == 0);
        rules(&mut rows, checked, place);
        all.push(DumpSection { kind: "server", name: String::new(), title, rows });
    }
    let (workers, properties) = (&checked.workers, &checked.properties);
    let maintain = workers.maintain.map_or(0, |time| time.as_secs()).to_string();
    let from = match properties.get("worker.maintain") {
        Some(line) => line.origin.to_string(),
        None => "default".to_owned(),
    };
    let mut rows = Vec::new();
    row(&mut rows, "worker.maintain", &maintain, &from);
    let title = format!("Workers: {}", workers.list.join(", "));
    all.push(DumpSection { kind: "workers", name: String::new(), title, rows });
    for worker in workers.workers.values() {
        let mut rows = Vec::new();
        one_worker(&mut rows, worker, workers, properties);
        let (name, title) = (worker.name.clone(), format!("Worker {}", worker.name));
        all.push(DumpSection { kind: "worker", name, title, rows });
    }
    all
}

/// Returns where each setting of a worker comes from, by its property: a file and line, or what else has set it.
pub fn origins(workers: &WorkersConfig, name: &str) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    if let Some(worker) = workers.workers.get(name) {
        one_worker(&mut rows, worker, workers, &workers.lines);
    }
    rows.into_iter().map(|row| (row.name, row.from)).collect()
}

fn directives(rows: &mut Vec<DumpRow>, server: &ServerSettings, is_main: bool) {
    let shows = |given: &&SetDirectives| !matches!(given.name, "JkMount" | "JkUnMount");
    let mut own: Vec<_> = server.given.iter().filter(shows).collect();
    sorting::by_key(&mut own, |given| DIRECTIVES.iter().position(|row| row.name == given.name));
    for given in &own {
        row(rows, given.name, &hidden(given), &given.origin.to_string());
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
        row(rows, given.name, &hidden(given), &format!("main server, {}", given.origin));
    }
    for entry in
        DIRECTIVES.iter().filter(|entry| entry.default != "none" && entry.place != Place::Section)
    {
        let is_set = own
            .iter()
            .chain(&server.inherited.iter().collect::<Vec<_>>())
            .any(|given| given.name == entry.name);
        if !is_set && (is_main || entry.place != Place::Global) {
            row(rows, entry.name, entry.default, "default");
        }
    }
}

fn is_global(name: &str) -> bool {
    DIRECTIVES.iter().any(|row| row.name == name && row.place == Place::Global)
}

/// Returns the words of a directive, without what may be a secret, perhaps behind a slip.
fn hidden(given: &SetDirectives) -> String {
    if given.name != "JkWorkerProperty" {
        return given.words.clone();
    }
    let Some((name, _)) = given.words.split_once('=') else { return "***".to_owned() };
    let attribute = name.trim().rsplit('.').next().unwrap_or_default();
    let is_harmless = rows::find(attribute).is_some_and(|row| !row.name.starts_with("secret"));
    if is_harmless { given.words.clone() } else { format!("{name}=***") }
}

fn rules(rows: &mut Vec<DumpRow>, checked: &Checked, place: usize) {
    let (map, _) = UriMap::build(mounts_seen(&checked.mounts, place));
    for rule in map.rules() {
        let disabled = if rule.is_disabled { "-" } else { "" };
        let excluded = if rule.is_exclusion { "!" } else { "" };
        let pattern = text::decode(&rule.pattern);
        row(
            rows,
            &format!("rule {disabled}{excluded}{pattern}"),
            &rule.worker,
            &rule.origin.to_string(),
        );
    }
}

fn one_worker(
    rows: &mut Vec<DumpRow>,
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
    row(rows, "type", kind, &source(properties, name, "type"));
    let mut settings = match &worker.kind {
        WorkerKind::Ajp13(config) => in_force(&**config),
        WorkerKind::Lb(config) => in_force(&**config),
        WorkerKind::Status(config) => in_force(config),
    };
    let balancers = workers.workers.values().filter_map(|own| match &own.kind {
        WorkerKind::Lb(lb) => Some((&own.name, lb)),
        _ => None,
    });
    let balancers: Vec<_> = balancers.collect();
    let member = balancers.iter().flat_map(|(_, lb)| &lb.members).find(|own| own.worker == *name);
    settings.extend(member.into_iter().flat_map(|own| in_force(&**own)));
    for (attribute, value) in settings {
        let mut from = source(properties, name, attribute);
        let by_mode =
            matches!(attribute, "connect_timeout" | "prepost_timeout" | "connection_ping_interval");
        if by_mode && from == "default" && value != UNSET {
            from = format!("ping_mode, {}", source(properties, name, "ping_mode"));
        }
        // The one property that comes down from a balancer.
        if attribute == "secret" && from == "default" && !value.is_empty() {
            let giver = balancers.iter().find(|(_, lb)| lb.member_names.contains(name));
            from = giver.map_or(from, |(lb, _)| {
                format!("balancer {lb}, {}", source(properties, lb, "secret"))
            });
        }
        row(rows, attribute, &value, &from);
    }
}

/// Returns every property with the value in force. A secret is `***`.
fn in_force<C: Settings>(config: &C) -> Vec<(&'static str, String)> {
    let text = |kind, value: Value| match (kind, value) {
        (ValueKind::Secret, Value::Flag(is_set)) => if is_set { "***" } else { "" }.to_owned(),
        (kind, Value::Unset) if !kind.is_number() => String::new(),
        (_, value) => value.in_words(),
    };
    C::rows().map(|(row, own)| (row.name, text(row.kind, own.get(row, config)))).collect()
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
    if rows::find(attribute).is_some_and(|row| row.name != spelling) {
        from += &format!(", as {spelling}");
    }
    from
}

fn row(rows: &mut Vec<DumpRow>, name: &str, value: &str, from: &str) {
    rows.push(DumpRow { name: name.to_owned(), value: value.to_owned(), from: from.to_owned() });
}
