//! `jkctl activate` and `stop`.

use crate::cli::changes::MemberArgs;
use crate::client::Client;
use crate::members::MembersBefore;
use crate::output::Printer;
use crate::{CommandResult, WELL};

/// Makes members active again.
pub fn activate(args: &MemberArgs, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let members = MembersBefore::find(&client, &args.member)?;
    members.report(&members.activate(&client, "a")?, output);
    Ok(WELL)
}

/// Stops members.
pub fn stop(args: &MemberArgs, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let members = MembersBefore::find(&client, &args.member)?;
    members.keep_one_active()?;
    members.report(&members.activate(&client, "s")?, output);
    Ok(WELL)
}
