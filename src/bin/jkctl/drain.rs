//! `jkctl drain`: no new sessions, and waiting until no session is left.

use mod_jk::clock;
use serde_json::{Value, json};

use crate::cli::changes::DrainArgs;
use crate::client::Client;
use crate::members::MembersBefore;
use crate::output::Printer;
use crate::page::array;
use crate::waiting::{DrainLimits, until_drained};
use crate::{CommandResult, PARTLY, WELL};

/// Disables the members and, if asked, waits.
pub fn run(args: &DrainArgs, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let members = MembersBefore::find(&client, &args.member)?;
    members.keep_one_active()?;
    let begun = clock::now();
    let answer = members.disable_active(&client)?;
    if !args.wait || client.is_dry_run() {
        members.report(&answer, output);
        return Ok(WELL);
    }
    let limits = DrainLimits { quiet: args.quiet, timeout: args.timeout };
    let is_drained = until_drained(&client, &members, limits, output)?;
    let page = match args.stop {
        true => members.activate(&client, "s")?,
        false => client.get(&[("cmd", "show"), ("w", &members.balancer)])?,
    };
    if output.is_json() {
        let changes = [&answer, &page].into_iter().flat_map(|own| array(own, "changes"));
        let mut report = members.json(&page);
        report["changes"] = changes.cloned().collect::<Vec<Value>>().into();
        report["drained"] = json!(is_drained);
        report["elapsed_ms"] = json!(clock::now().since(begun).as_millis() as u64);
        output.json(&report);
    } else if args.stop || !is_drained {
        members.report(&page, output);
        if members.shown(&page).any(|own| own["activation"] == "DIS") {
            say!("it stays disabled: jkctl activate '{}' takes that back", args.member);
        }
    }
    Ok(if is_drained { WELL } else { PARTLY })
}
