//! `jkctl reset`: counters go to 0.

use serde_json::json;

use crate::cli::changes::Reset;
use crate::client::Client;
use crate::output::Printer;
use crate::page::Target;
use crate::{CommandResult, WELL};

/// Resets the counters of a balancer, a member or a worker.
pub fn run(args: &Reset, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let target = Target::parse(&args.target);
    let answer = client.post(&[&[("cmd", "reset")][..], &target.query()].concat())?;
    let done = if client.is_dry_run() { "counters would be reset" } else { "counters are reset" };
    match output.is_json() {
        true => {
            output.json(&json!({ "changes": answer["changes"], "dry_run": client.is_dry_run() }))
        }
        false => say!("{}: {done}", args.target),
    }
    Ok(WELL)
}
