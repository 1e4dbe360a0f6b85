//! `jkctl rules`: the rules in force that lead to workers.

use serde_json::{Value, json};

use crate::cli::server::Rules;
use crate::client::Client;
use crate::output::{Emphasis, Printer, TextLine};
use crate::page::{array, text};
use crate::{CommandResult, WELL};

/// Shows the rules of all workers, or of one.
pub fn run(args: &Rules, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    let page = match &args.worker {
        None => client.list()?,
        Some(worker) if worker.contains('/') => {
            return Err(format!(
                "{worker}: rules lead to balancers and workers, not to members: name the balancer alone"
            ));
        }
        Some(worker) => client.get(&[("cmd", "show"), ("w", worker)])?,
    };
    let workers = array(&page, "balancers").chain(array(&page, "ajp_workers"));
    let rules: Vec<_> = workers
        .flat_map(|own| array(own, "rules").map(move |rule| (text(own, "name"), rule)))
        .collect();
    if output.is_json() {
        let with_worker = |(worker, rule): &(&str, &Value)| {
            let mut rule = (*rule).clone();
            rule["worker"] = json!(worker);
            rule
        };
        output.json(&json!({ "rules": rules.iter().map(with_worker).collect::<Vec<_>>() }));
        return Ok(WELL);
    }
    let mut cells = vec![TITLES.map(str::to_owned)];
    cells.extend(rules.iter().map(|(worker, rule)| {
        [
            text(rule, "uri").to_owned(),
            (*worker).to_owned(),
            text(rule, "type").to_owned(),
            text(rule, "server").to_owned(),
            text(rule, "source").to_owned(),
            options(rule),
        ]
    }));
    let width = |column: usize| cells.iter().map(|own| own[column].chars().count()).max();
    let widths: Vec<usize> = (0..TITLES.len()).map(|column| width(column).unwrap_or(0)).collect();
    let lines = cells.iter().enumerate().map(|(place, own)| {
        let parts = own.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        let look = if place == 0 { Emphasis::Head } else { Emphasis::Plain };
        TextLine::new(parts.collect::<Vec<_>>().join("  ").trim_end(), look)
    });
    output.lines(&lines.collect::<Vec<_>>());
    if rules.is_empty() {
        say!("no rule leads to a worker that is meant");
    }
    Ok(WELL)
}

/// Writes the extensions that a rule has, by their names in mount files.
fn options(rule: &Value) -> String {
    let mut all = Vec::new();
    for (key, name) in
        [("reply_timeout_ms", "reply_timeout"), ("use_server_errors", "use_server_errors")]
    {
        all.extend(
            rule[key]
                .as_u64()
                .filter(|number| *number > 0)
                .map(|number| format!("{name}={number}")),
        );
    }
    for key in ["fail_on_status", "active", "disabled", "stopped"] {
        all.extend(
            Some(text(rule, key)).filter(|own| !own.is_empty()).map(|own| format!("{key}={own}")),
        );
    }
    for key in ["sticky_ignore", "stateless"] {
        all.extend((rule[key] == true).then(|| format!("{key}=1")));
    }
    all.join(" ")
}

const TITLES: [&str; 6] = ["uri", "worker", "type", "server", "source", "options"];
