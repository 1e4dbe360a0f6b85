//! The manual's reference, made from the tables.

use std::fmt::Write;

use super::registry::{
    COMMANDS, DIRECTIVES, EXTENSIONS, Entry, FILE_SYNTAX, FORMATS, NOTES, OPTIONS, PARAMETERS,
    PROPERTIES, Place, RETIRED, RULE_SYNTAX, STAMPS, Scope, VARIABLES,
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
    for scope in [Scope::All, Scope::Ajp13, Scope::Both, Scope::Lb, Scope::Member, Scope::Status] {
        properties(&mut text, scope);
    }
    text +=
        "\n### Without effect\n\nAccepted with a warning.\n\n| property | instead |\n|---|---|\n";
    for (name, instead) in RETIRED {
        let _ = writeln!(text, "| `{name}` | {instead} |");
    }
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
        "Behind the worker of a rule: `worker;name=value;name=value`.",
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
    text
}

fn directives(text: &mut String) {
    *text += "## Directives\n\nThe handler `jakarta-servlet` (SetHandler) sends requests to the worker that JK_WORKER_NAME names.\n\n| directive | where | default | since | meaning |\n|---|---|---|---|---|\n";
    for row in DIRECTIVES {
        let place = match row.place {
            Place::Global => "main server",
            Place::Server => "server, virtual host",
            Place::Section => "server, virtual host, Location, Directory",
        };
        let _ = writeln!(
            text,
            "| `{} {}` | {place} | {} | {} | {} |",
            row.name,
            cell(row.syntax),
            cell(row.default),
            row.since,
            cell(row.doc),
        );
    }
}

fn properties(text: &mut String, scope: Scope) {
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
        let default = match row.default {
            "" => String::new(),
            some => format!("`{}`", cell(some)),
        };
        let (kind, doc) = (row.kind.expected(), cell(row.doc));
        let name = row.name;
        let _ = writeln!(text, "| `{name}`{old} | {kind} | {default} | {} | {doc} |", row.since);
    }
}

fn entries(text: &mut String, title: &str, about: &str, rows: &[Entry]) {
    let _ = write!(
        text,
        "\n## {title}\n\n{about}\n\n| name | values | since | meaning |\n|---|---|---|---|\n"
    );
    for row in rows {
        let (name, values, doc) = (cell(row.name), cell(row.values), cell(row.doc));
        let _ = writeln!(text, "| `{name}` | {values} | {} | {doc} |", row.since);
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

const HEAD: &str = "\
# Reference

Every name a configuration may use. Made from the tables in `src/config/registry`, as are the parser
and the help texts of `httpd -L`. Versions before 2.0.0 are those of the module this one replaces.

";
