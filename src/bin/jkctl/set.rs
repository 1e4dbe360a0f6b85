//! `jkctl set`.

use mod_jk::config::nearest;
use mod_jk::config::rows::UNSET;
use mod_jk::status::change_text::{Meant, is_optional, parameter_for, settable};
use mod_jk::tool::running::{RunningWorker, new_problems, workers};
use mod_jk::uri_map::pattern::matches;
use serde_json::{Value, json};

use crate::cli::changes::Set;
use crate::client::Client;
use crate::effects::describe;
use crate::members::MembersBefore;
use crate::output::Printer;
use crate::page::{Target, array};
use crate::{CommandResult, NO, WELL};

/// Changes settings, all of them or none.
pub fn run(args: &Set, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?.rehearsing(args.dry);
    let target = Target::parse(&args.target);
    let page = client.list()?;
    let is_balancer = array(&page, "balancers").any(|own| own["name"] == target.worker);
    let meant = match (target.member, is_balancer) {
        (Some(_), _) => Meant::Member,
        (None, true) => Meant::Balancer,
        (None, false) => Meant::Ajp,
    };
    let changes = wanted(args, meant)?;
    let mut query = vec![("cmd", "update")];
    query.extend(target.query());
    for (name, value) in &changes {
        let parameter = parameter_for(meant, name).ok_or_else(|| unknown(name, meant))?;
        query.push((parameter, value.unwrap_or(UNSET)));
    }
    let is_out = |own: &(&str, &str)| own.0 == "vwa" && !own.1.starts_with(['a', 'A', '0']);
    if target.member.is_some() {
        let members = MembersBefore::find(&client, &args.target)?;
        if query.iter().any(is_out) {
            members.keep_one_active()?;
        }
    }
    let warnings = warnings(&page, target, &changes);
    if args.strict && !warnings.is_empty() {
        match output.is_json() {
            true => output.json(&json!({ "changes": [], "warnings": warnings, "dry_run": true })),
            false => warn(&warnings),
        }
        eprintln!("jkctl: nothing was changed, as --strict makes warnings errors");
        return Ok(NO);
    }
    let answer = client.post(&query)?;
    let made: Vec<_> = array(&answer, "changes").collect();
    if output.is_json() {
        let is_dry = client.is_dry_run();
        output.json(&json!({ "changes": made, "warnings": warnings, "dry_run": is_dry }));
        return Ok(WELL);
    }
    let tense = if client.is_dry_run() { "would be changed: " } else { "" };
    for change in &made {
        say!("{tense}{}", describe(change));
    }
    if made.is_empty() {
        say!("{}: everything was so already", args.target);
    }
    // After the refusal of the status worker, which is about what cannot be at all.
    warn(&warnings);
    Ok(WELL)
}

/// Reads the settings of the command line; `None` for one that is to be unset.
fn wanted(args: &Set, meant: Meant) -> Result<Vec<(&str, Option<&str>)>, String> {
    let mut changes = Vec::new();
    for setting in &args.settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(format!(
                "{setting}: expected name=value, such as lbfactor=2; --unset {setting} takes a value away"
            ));
        };
        changes.push((name, Some(value)));
    }
    for name in &args.unset {
        let name = name.as_str();
        parameter_for(meant, name).ok_or_else(|| unknown(name, meant))?;
        if !is_optional(meant, name) {
            return Err(format!("{name} always has a value and cannot be unset"));
        }
        changes.push((name, None));
    }
    Ok(changes)
}

/// What `httpd -t` would say of the new values in a file.
fn warnings(page: &Value, target: Target<'_>, changes: &[(&str, Option<&str>)]) -> Vec<String> {
    let is_meant = |own: &RunningWorker| match (target.member, &own.balancer) {
        (Some(pattern), Some(balancer)) => {
            balancer == target.worker && matches(pattern.as_bytes(), own.name.as_bytes())
        }
        (None, None) => own.name == target.worker,
        _ => false,
    };
    let without_unset: Vec<_> =
        changes.iter().map(|(name, value)| (*name, value.filter(|own| *own != UNSET))).collect();
    let found = new_problems(&workers(page), is_meant, &without_unset);
    found.into_iter().map(|own| own.text).collect()
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        eprintln!("jkctl: warning: {}", mod_jk::text::shown(warning));
    }
}

fn unknown(name: &str, meant: Meant) -> String {
    let names = settable(meant);
    let of = match meant {
        Meant::Ajp => "a worker",
        Meant::Balancer => "a balancer",
        Meant::Member => "a member",
    };
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", names.join(", ")),
    };
    format!("{name} cannot be set for {of}; {hint}")
}
