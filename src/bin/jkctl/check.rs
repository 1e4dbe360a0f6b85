//! `jkctl check`: the messages of `httpd -t`, without httpd.

use mod_jk::config::{Diagnostic, Severity, dump};
use serde_json::json;

use crate::cli::{Check, Format};
use crate::inputs::{self, Inputs};
use crate::{FAILED, NO, Outcome, WELL};

/// Checks the files and prints what is wrong.
pub fn run(args: &Check) -> Outcome {
    let inputs = inputs::read(&args.files, &args.reading)?;
    let problems = &inputs.checked.problems;
    let count = |severity| problems.iter().filter(|own| own.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let notes = count(Severity::Notice);
    match args.format {
        Format::Text if args.dump => {
            problems.iter().for_each(|problem| eprintln!("{}", line(problem)));
            let servers: Vec<_> = inputs.conf.servers.iter().map(|own| &own.settings).collect();
            say!("{}", dump(&servers, &inputs.checked).trim_end());
        }
        Format::Text => {
            for problem in problems {
                say!("{}", line(problem));
            }
            say!("{}", summary(&inputs, errors, warnings, notes));
        }
        Format::Json => {
            let shown: Vec<_> = problems.iter().map(json).collect();
            let page = json!({
                "result": match (errors, warnings) {
                    (0, 0) => "clean",
                    (0, _) => "warnings",
                    _ => "errors",
                },
                "errors": errors, "warnings": warnings, "notes": notes, "files": inputs.files,
                "problems": shown,
            });
            say!("{page}");
        }
    }
    Ok(match (errors, warnings) {
        (0, 0) => WELL,
        (0, _) if !args.strict => WELL,
        (0, _) => NO,
        _ => FAILED,
    })
}

/// The code under which httpd logs it, and the word for its weight.
fn weight(problem: &Diagnostic) -> (&'static str, &'static str) {
    match problem.severity {
        Severity::Error => ("JK-101", "error"),
        Severity::Warning => ("JK-102", "warning"),
        Severity::Notice => ("JK-108", "note"),
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
