//! The manual's reference, made from the tables.

use std::fmt::Write;

use crate::config::rows::{
    COMMANDS, DIRECTIVES, DirectiveRow, EXPLAINED, EXTENSIONS, Entry, FILE_SYNTAX, FORMATS, NOTES,
    OPTIONS, PARAMETERS, PROPERTIES, ParameterScope, Place, PropertyScope, RETIRED, RULE_SYNTAX,
    STAMPS, VARIABLES, ValueKind, find,
};

/// Returns `docs/reference.md`.
pub fn reference() -> String {
    let mut text = String::from(HEAD);
    directives(&mut text);
    entries(
        &mut text,
        "JkOptions",
        "Each word with `+`, `-` or neither; a later word wins.",
        OPTIONS,
    );
    text += "\n## Properties of workers\n\n`worker.<name>.<property>=value` in the file of JkWorkersFile, or behind JkWorkerProperty.\n`worker.list` names the workers that rules may use; `worker.maintain` is the interval of maintenance in\nseconds, 60 unless set, 0 for never.\n";
    for scope in [
        PropertyScope::All,
        PropertyScope::Ajp13,
        PropertyScope::Both,
        PropertyScope::Lb,
        PropertyScope::Member,
        PropertyScope::Status,
    ] {
        properties(&mut text, scope);
    }
    text +=
        "\n### Without effect\n\nAccepted with a warning.\n\n| property | instead |\n|---|---|\n";
    for (name, instead) in RETIRED {
        let _ = writeln!(text, "| `{name}` | {instead} |");
    }
    explained(&mut text);
    entries(&mut text, "Workers files", "How they are written.", FILE_SYNTAX);
    entries(
        &mut text,
        "Rules",
        "In mount files, JkMount, JkUnMount and `worker.<name>.mount`.",
        RULE_SYNTAX,
    );
    entries(
        &mut text,
        "Rule extensions",
        "After the worker of a rule: `worker;name=value;name=value`.",
        EXTENSIONS,
    );
    entries(
        &mut text,
        "Environment variables",
        "Of the request. A directive named here changes the variable's name.",
        VARIABLES,
    );
    entries(
        &mut text,
        "Notes",
        "For log formats: `%{JK_WORKER_NAME}n`. See also [the access log](status.md#access-log).",
        NOTES,
    );
    entries(&mut text, "JkRequestLogFormat", "Codes of the request log.", FORMATS);
    entries(&mut text, "JkLogStampFormat", "Codes beside those of strftime.", STAMPS);
    entries(
        &mut text,
        "Status worker: commands",
        "`cmd=…`; see [the status worker](status.md).",
        COMMANDS,
    );
    entries(&mut text, "Status worker: parameters", "Beside `cmd`.", PARAMETERS);
    changes(&mut text);
    text
}

/// The parameters that change properties.
fn changes(text: &mut String) {
    for row in PROPERTIES {
        for (scope, own) in row.parameters() {
            let scope = match scope {
                ParameterScope::Ajp13 => "ajp13",
                ParameterScope::Balancer => "Balancer",
                ParameterScope::Member => "Member",
            };
            let values = match row.kind {
                ValueKind::Word(words) => words.names.join(", "),
                kind => kind.expected().to_owned(),
            };
            let or = if row.is_optional() { ", unset" } else { "" };
            let (name, since, property) = (own.name, own.since, row.name);
            let _ = writeln!(text, "| `{name}` | {values}{or} | {since} | {scope}: {property}. |");
        }
    }
}

fn directives(text: &mut String) {
    *text += "## Directives\n\nThe handler `jakarta-servlet` (SetHandler) sends requests to the worker that JK_WORKER_NAME names.\n\n| directive | meaning |\n|---|---|\n";
    for row in DIRECTIVES {
        let (name, place) = (row.name, row.name.to_lowercase());
        let _ = writeln!(text, "| [`{name}`](#{place}) | {} |", cell(row.doc));
    }
    for row in DIRECTIVES {
        let place = match row.place {
            Place::Global => "main server",
            Place::Server => "main server, virtual host",
            Place::Section => "main server, virtual host, Location, Directory",
        };
        let DirectiveRow { name, doc, syntax, default, since, example, .. } = row;
        let _ = write!(
            text,
            "\n### {name}\n\n{doc}.\n\n* Syntax: `{name} {syntax}`\n* Default: {default}\n* Context: {place}\n* Since: {since}\n\n```apache\n{example}\n```\n"
        );
    }
}

/// The properties that need more than a line.
fn explained(text: &mut String) {
    *text += "\n## Properties explained\n\nEach property has a line above; these need more.\n";
    for own in EXPLAINED {
        let Some(row) = find(own.name) else { continue };
        let (name, scope, kind) = (own.name, row.scope.label(), row.kind.expected());
        let default = match row.default_in_words() {
            "" => "none",
            some => some,
        };
        let head = match row.scope {
            PropertyScope::Lb => {
                "worker.list=app\nworker.app.type=lb\nworker.app.balance_workers=node-a,node-b\n"
            }
            PropertyScope::Member => {
                "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=app,node-b\nworker.app.type=ajp13\nworker.node-b.type=ajp13\nworker.node-b.port=8010\n"
            }
            _ => "worker.list=app\nworker.app.type=ajp13\n",
        };
        let _ = write!(
            text,
            "\n### {name}\n\nFor {scope}: {kind}. Default: {default}.\n\n{}\n\n```properties\n{head}worker.app.{}\n```\n",
            own.text, own.example
        );
    }
}

fn properties(text: &mut String, scope: PropertyScope) {
    let label = scope.label();
    let _ = write!(
        text,
        "\n### For {label}\n\n| property | value | default | since | meaning |\n|---|---|---|---|---|\n"
    );
    for row in PROPERTIES.iter().filter(|row| row.scope == scope) {
        let old = match row.aliases {
            [] => String::new(),
            aliases => format!(" (once {})", aliases.join(", ")),
        };
        let default = match row.default_in_words() {
            "" => String::new(),
            some => format!("`{}`", cell(some)),
        };
        let (kind, doc) = (row.kind.expected(), cell(row.doc));
        let name = row.name;
        let name = match EXPLAINED.iter().any(|own| own.name == name) {
            true => format!("[`{name}`](#{name})"),
            false => format!("`{name}`"),
        };
        let _ = writeln!(text, "| {name}{old} | {kind} | {default} | {} | {doc} |", row.since);
    }
}

fn entries(text: &mut String, title: &str, about: &str, rows: &[Entry]) {
    let _ = write!(
        text,
        "\n## {title}\n\n{about}\n\n| name | values | since | meaning |\n|---|---|---|---|\n"
    );
    for row in rows {
        let (name, values, doc) = (cell(row.name), words(row.values), words(row.doc));
        let _ = writeln!(text, "| `{name}` | {values} | {} | {doc} |", row.since);
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Outside of code a word in angle brackets would be HTML, of which a browser shows nothing.
fn words(text: &str) -> String {
    cell(text).replace('<', "\\<")
}

const HEAD: &str = "\
# Reference

Every name a configuration may use. Made from the tables in `src/config/rows`, as are the parser
and the help texts of `httpd -L`. Versions before 2.0.0 are those of the module this one replaces.

";
