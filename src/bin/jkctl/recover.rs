//! `jkctl recover`: members in error are tried by the next request.

use serde_json::json;

use crate::cli::changes::Recover;
use crate::client::Client;
use crate::output::Printer;
use crate::page::{Target, array, text};
use crate::{CommandResult, WELL};

/// Recovers a member, or all of a balancer that are in error.
pub fn run(args: &Recover, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let target = Target::parse(&args.target);
    let page = client.get(&[&[("cmd", "show")][..], &target.query()].concat())?;
    if array(&page, "balancers").next().is_none() {
        return Err(format!(
            "{} is no balancer and no member of one: a worker without a balancer is tried by each request",
            args.target
        ));
    }
    let mut members = array(&page, "balancers").flat_map(|own| array(own, "members"));
    // As the status worker sees it, which has the last word.
    let is_out =
        |own: &serde_json::Value| ["ERR", "ERR/FRC", "ERR/PRB"].contains(&text(own, "state"));
    if !members.any(is_out) {
        match output.is_json() {
            true => output.json(&json!({ "changes": [] })),
            false => say!("{}: no member is in error", args.target),
        }
        return Ok(WELL);
    }
    let answer = client.post(&[&[("cmd", "recover")][..], &target.query()].concat())?;
    if output.is_json() {
        output.json(&json!({ "changes": answer["changes"], "dry_run": client.is_dry_run() }));
        return Ok(WELL);
    }
    let tried = if client.is_dry_run() { "would be tried" } else { "is tried" };
    for change in array(&answer, "changes") {
        say!("{}/{} {tried} by the next request", text(change, "balancer"), text(change, "worker"));
    }
    Ok(WELL)
}
