//! `jkctl dump`: the settings in force.

use mod_jk::tool::running::{RunningWorker, properties, workers};
use serde_json::{Map, Value, json};

use crate::cli::server::Dump;
use crate::client::Client;
use crate::output::Printer;
use crate::page::text;
use crate::{CommandResult, WELL};

/// Prints the settings of all workers, or of one.
pub fn run(args: &Dump, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    let page = match &args.worker {
        None => client.list()?,
        Some(worker) => client.get(&[("cmd", "show"), ("w", worker)])?,
    };
    let all = workers(&page);
    if output.is_json() {
        output.json(&json!({ "workers": all.iter().map(json).collect::<Vec<_>>() }));
        return Ok(WELL);
    }
    say!("# in force at {} ({})", client.url(), text(&page["server"], "jk_version"));
    let mut before = String::new();
    for (name, value) in properties(&all) {
        // A gap between workers.
        let owner = name.rsplit_once('.').map_or("", |(owner, _)| owner);
        if owner != before {
            say!();
            owner.clone_into(&mut before);
        }
        say!("{name}={value}");
    }
    Ok(WELL)
}

fn json(own: &RunningWorker) -> Value {
    let settings = own.settings.iter().map(|(row, value)| (row.name.to_owned(), json!(value)));
    json!({
        "name": own.name, "balancer": own.balancer, "type": own.kind,
        "settings": settings.collect::<Map<_, _>>(),
    })
}
