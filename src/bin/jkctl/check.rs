//! `jkctl check`: the messages of `httpd -t`, without httpd.

use mod_jk::config::{Diagnostic, DumpSection, Severity, dump, sections};
use mod_jk::messages::MessageCode::{JK101, JK102, JK108};
use mod_jk::tool::original::{OriginalVersion, Unknown, unknown};
use serde_json::json;

use crate::cli::files::Check;
use crate::inputs::{self, Inputs};
use crate::output::{Emphasis, Printer};
use crate::{CommandResult, FAILED, NO, WELL};

/// Checks the files and prints what is wrong.
pub fn run(args: &Check, output: Printer) -> CommandResult {
    let inputs = inputs::read(&args.files, &args.reading)?;
    let problems = &inputs.checked.problems;
    let count = |severity| problems.iter().filter(|own| own.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let notes = count(Severity::Notice);
    let servers: Vec<_> = inputs.conf.servers.iter().map(|own| &own.settings).collect();
    if let Some(version) = &args.for_original {
        return for_original(version, &inputs, errors, output);
    }
    if output.is_json() {
        let shown: Vec<_> = problems.iter().map(json).collect();
        let mut page = json!({
            "result": match (errors, warnings) {
                (0, 0) => "clean",
                (0, _) => "warnings",
                _ => "errors",
            },
            "errors": errors, "warnings": warnings, "notes": notes, "files": inputs.files,
            "problems": shown,
        });
        if args.dump {
            page["configuration"] =
                sections(&servers, &inputs.checked).iter().map(section).collect();
        }
        output.json(&page);
    } else if args.dump {
        problems.iter().for_each(|problem| eprintln!("{}", line(problem)));
        say!("{}", dump(&servers, &inputs.checked).trim_end());
    } else {
        for problem in problems {
            say!("{}", colored(problem, output));
        }
        say!("{}", summary(&inputs, errors, warnings, notes));
    }
    Ok(match (errors, warnings) {
        (0, 0) => WELL,
        (0, _) if !args.strict => WELL,
        (0, _) => NO,
        _ => FAILED,
    })
}

/// Lists what the original does not know. Files with errors are not read to their end, so that there may
/// be more.
fn for_original(
    version: &OriginalVersion,
    inputs: &Inputs,
    errors: usize,
    output: Printer,
) -> CommandResult {
    let problems = inputs.checked.problems.iter();
    let wrong = problems.filter(|own| own.severity == Severity::Error);
    wrong.for_each(|problem| eprintln!("{}", mod_jk::text::shown(&line(problem))));
    let servers: Vec<_> = inputs.conf.servers.iter().map(|own| &own.settings).collect();
    let found = unknown(version, &servers, &inputs.checked.properties, &inputs.disk);
    if output.is_json() {
        output.json(&json!({
            "original": version.to_string(), "errors": errors, "files": inputs.files,
            "unknown": found.iter().map(unknown_json).collect::<Vec<_>>(),
        }));
    } else {
        let place = |own: &Unknown| match own.origin.line {
            0 => own.origin.file.to_string(),
            _ => own.origin.to_string(),
        };
        found.iter().for_each(|own| say!("{}: {own}", place(own)));
        match found.len() {
            0 => say!("mod_jk {version} knows all of it"),
            1 => say!("1 line that mod_jk {version} does not take as it is"),
            many => say!("{many} lines that mod_jk {version} does not take as they are"),
        }
    }
    Ok(match (errors, found.is_empty()) {
        (0, true) => WELL,
        (0, false) => NO,
        _ => FAILED,
    })
}

fn unknown_json(own: &Unknown) -> serde_json::Value {
    let line = Some(own.origin.line).filter(|line| *line > 0);
    json!({
        "kind": own.kind, "name": own.name, "file": &*own.origin.file, "line": line, "since": own.since,
        "effect": own.effect.word(), "remedy": own.remedy,
    })
}

/// The code under which httpd logs it, and the word for its weight.
fn weight(problem: &Diagnostic) -> (&'static str, &'static str) {
    match problem.severity {
        Severity::Error => (JK101.text(), "error"),
        Severity::Warning => (JK102.text(), "warning"),
        Severity::Notice => (JK108.text(), "note"),
    }
}

/// `file:line: error: text`, which editors understand.
fn line(problem: &Diagnostic) -> String {
    let (code, word) = weight(problem);
    let place = match problem.origin.line {
        _ if problem.origin.file.is_empty() => String::new(),
        0 => format!("{}: ", problem.origin.file),
        _ => format!("{}: ", problem.origin),
    };
    format!("{place}{word}: {code} {}", problem.text)
}

/// The same with the word for its weight in colour. What configuration files hold is shown as it is
/// without colour.
fn colored(problem: &Diagnostic, output: Printer) -> String {
    let (line, word) = (line(problem), weight(problem).1);
    let look = match problem.severity {
        Severity::Error => Emphasis::Bad,
        Severity::Warning => Emphasis::Degraded,
        Severity::Notice => Emphasis::Plain,
    };
    match output.has_color() {
        true => line.replacen(word, &look.paint(word), 1),
        false => line,
    }
}

fn section(section: &DumpSection) -> serde_json::Value {
    let rows = section.rows.iter();
    let rows = rows.map(|own| json!({ "name": own.name, "value": own.value, "origin": own.from }));
    json!({ "kind": section.kind, "title": section.title, "settings": rows.collect::<Vec<_>>() })
}

fn json(problem: &Diagnostic) -> serde_json::Value {
    let (code, word) = weight(problem);
    let line = Some(problem.origin.line).filter(|line| *line > 0);
    let file = Some(&*problem.origin.file).filter(|file| !file.is_empty());
    json!({ "severity": word, "code": code, "file": file, "line": line, "text": problem.text })
}

fn summary(inputs: &Inputs, errors: usize, warnings: usize, notes: usize) -> String {
    let many = |count: usize, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    if errors + warnings + notes > 0 {
        let [errors, warnings] = [many(errors, "error"), many(warnings, "warning")];
        return format!("{errors}, {warnings}, {}", many(notes, "note"));
    }
    let rules = (0..inputs.conf.servers.len()).map(|place| inputs.map(place).rules().count()).sum();
    let workers = match inputs.has_workers {
        true => many(inputs.checked.workers.workers.len(), "worker"),
        false => "workers not checked, as no file names them".to_owned(),
    };
    format!(
        "no problem: {workers}, {} in {}",
        many(rules, "rule"),
        many(inputs.conf.servers.len(), "server")
    )
}
