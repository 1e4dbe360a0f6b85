//! `jkctl wait`: until members are healthy or drained. It changes nothing.

use mod_jk::clock;
use mod_jk::uri_map::pattern::matches;
use serde_json::{Value, json};

use crate::cli::server::Wait;
use crate::cli::values::AwaitedState;
use crate::client::Client;
use crate::members::MembersBefore;
use crate::output::Printer;
use crate::page::{Target, array, explained, text};
use crate::waiting::{DrainLimits, Screen, pause, seconds, until_drained};
use crate::{CommandResult, NO, WELL};

/// Waits and says what has come of it.
pub fn run(args: &Wait, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    let begun = clock::now();
    let (is_reached, still) = match args.state {
        AwaitedState::Healthy => until_healthy(args, &client, output)?,
        AwaitedState::Drained => {
            let members = MembersBefore::find(&client, &args.target)?;
            let limits = DrainLimits { quiet: args.quiet, timeout: args.timeout };
            (until_drained(&client, &members, limits, output)?, Vec::new())
        }
    };
    if output.is_json() {
        output.json(&json!({
            "target": args.target,
            "for": match args.state {
                AwaitedState::Healthy => "healthy",
                AwaitedState::Drained => "drained",
            },
            "reached": is_reached,
            "elapsed_ms": clock::now().since(begun).as_millis() as u64,
            "waiting_for": still,
        }));
    }
    Ok(if is_reached { WELL } else { NO })
}

/// Waits until everything that is meant is serving; returns whether it is, and what is not.
fn until_healthy(
    args: &Wait,
    client: &Client,
    output: Printer,
) -> Result<(bool, Vec<String>), String> {
    let begun = clock::now();
    let mut screen = Screen::new(output);
    let target = Target::parse(&args.target);
    // A wrong URL or name does not become right by waiting.
    let mut answer: Result<_, String> = Ok(look(client, target)?);
    loop {
        let elapsed = clock::now().since(begun);
        let left = match &answer {
            Ok(left) => left.clone(),
            Err(why) => vec![why.clone()],
        };
        let name = &args.target;
        if left.is_empty() {
            screen.say(&format!("{name} is healthy after {}", seconds(elapsed)));
            return Ok((true, left));
        }
        if elapsed >= args.timeout {
            screen.say(&format!(
                "{name} is not healthy after {}: {}",
                seconds(elapsed),
                left.join("; ")
            ));
            return Ok((false, left));
        }
        screen.show(&format!(
            "{} of {}: {}",
            seconds(elapsed),
            seconds(args.timeout),
            left.join("; ")
        ));
        pause(elapsed, args.timeout);
        answer = look(client, target);
    }
}

/// Returns what is not serving, in words.
fn look(client: &Client, target: Target<'_>) -> Result<Vec<String>, String> {
    let page = client.get(&[("cmd", "show"), ("w", target.worker)])?;
    let members = array(&page, "balancers").flat_map(|own| array(own, "members"));
    let meant: Vec<&Value> = match target.member {
        None => array(&page, "balancers").chain(array(&page, "ajp_workers")).collect(),
        Some(pattern) => {
            let is_meant = |own: &&Value| matches(pattern.as_bytes(), text(own, "name").as_bytes());
            members.filter(is_meant).collect()
        }
    };
    if meant.is_empty() {
        return Err(match target.member {
            Some(member) => format!(
                "could not find sub worker {member} of {}: jkctl status shows what there is",
                target.worker
            ),
            None => format!("{} has no condition: it is a status worker", target.worker),
        });
    }
    let now = page["server"]["time"]["unix"].as_i64();
    let others = meant.into_iter().filter(|own| own["condition"] != "serving");
    let mut words = Vec::new();
    for own in others {
        let bare = || format!("{} is {}", text(own, "name"), text(own, "condition"));
        words.push(explained(own, now).unwrap_or_else(bare));
        // The cause stands with the members of a balancer.
        words.extend(array(own, "members").filter_map(|member| explained(member, now)));
    }
    Ok(words)
}
