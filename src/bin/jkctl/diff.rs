//! `jkctl diff`: the settings in force against the files.

use mod_jk::config::rows::UNSET;
use mod_jk::config::sections;
use mod_jk::tool::running::{SettingDifference, differences, workers};
use serde_json::{Value, json};

use crate::cli::server::Diff;
use crate::client::Client;
use crate::inputs;
use crate::output::Printer;
use crate::{CommandResult, NO, WELL};

/// Compares and prints what differs.
pub fn run(args: &Diff, output: Printer) -> CommandResult {
    let files = match args.files.is_empty() {
        true => vec![inputs::usual_conf()?],
        false => args.files.clone(),
    };
    let inputs = inputs::read(&files, &args.reading)?;
    if !inputs.has_workers {
        return Err(
            "the files name no workers: give workers.properties, or the httpd.conf that names it"
                .to_owned(),
        );
    }
    if let Some(refused) = inputs::refusal(&inputs.checked) {
        return Err(format!("{refused}; there is nothing to compare with"));
    }
    let client = Client::new(&args.server)?;
    let running = workers(&client.list()?);
    let found = differences(&running, &sections(&[], &inputs.checked));
    if output.is_json() {
        output.json(&json!({ "differences": found.iter().map(json).collect::<Vec<_>>() }));
    } else {
        found.iter().for_each(|own| say!("{}", line(own)));
        match found.len() {
            0 => say!("no difference: {} runs with the settings of the files", client.url()),
            count => say!(
                "{count} difference{}: changes made while httpd runs, or files that a restart has not read yet",
                if count == 1 { "" } else { "s" }
            ),
        }
    }
    Ok(if found.is_empty() { WELL } else { NO })
}

/// `app/tomcat1: lbfactor is 3 in httpd and 1 in the file (workers.properties:7)`.
fn line(own: &SettingDifference) -> String {
    let value = |own: &Option<String>| match own.as_deref() {
        None | Some("") => UNSET.to_owned(),
        Some(value) => value.to_owned(),
    };
    let origin = own.origin.as_deref().unwrap_or_default();
    match (own.property, &own.file) {
        (Some(property), _) => format!(
            "{}: {property} is {} in httpd and {} in the file ({origin})",
            own.target,
            value(&own.running),
            value(&own.file)
        ),
        (None, None) => format!("{}: runs in httpd and is not in the file", own.target),
        (None, Some(_)) if origin == "default" => {
            format!("{}: is in the file and not in httpd", own.target)
        }
        (None, Some(_)) => format!("{}: is in the file ({origin}) and not in httpd", own.target),
    }
}

fn json(own: &SettingDifference) -> Value {
    json!({
        "target": own.target, "property": own.property, "running": own.running,
        "file": own.file, "origin": own.origin,
    })
}
