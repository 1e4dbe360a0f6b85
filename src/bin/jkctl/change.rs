//! `jkctl activate`, `stop` and `set`.

use mod_jk::config::nearest;
use mod_jk::status::carry::{Meant, parameter_for, settable};
use mod_jk::uri_map::pattern::matches;
use serde_json::Value;

use crate::cli::{Member, Set};
use crate::client::Client;
use crate::table::{array, text};
use crate::{Outcome, WELL};

/// Sets the activation of a member: `a`, `d` or `s`.
pub fn activation(args: &Member, word: &str) -> Outcome {
    let client = Client::new(&args.server)?;
    let (balancer, member) = member_of(&args.member)?;
    activate(&client, balancer, member, word)?;
    report(&client, balancer, member)?;
    Ok(WELL)
}

/// The same, without a word.
pub fn activate(client: &Client, balancer: &str, member: &str, word: &str) -> Result<(), String> {
    client.post(&[("cmd", "update"), ("w", balancer), ("sw", member), ("vwa", word)]).map(drop)
}

/// Splits `balancer/member`.
pub fn member_of(text: &str) -> Result<(&str, &str), String> {
    match text.split_once('/') {
        Some((balancer, member)) if !balancer.is_empty() && !member.is_empty() => {
            Ok((balancer, member))
        }
        _ => Err(format!("{text}: expected balancer/member; jkctl status shows what there is")),
    }
}

/// Changes settings.
pub fn set(args: &Set) -> Outcome {
    let client = Client::new(&args.server)?;
    let (worker, member) = match args.target.split_once('/') {
        Some(_) => member_of(&args.target).map(|(balancer, member)| (balancer, Some(member)))?,
        None => (args.target.as_str(), None),
    };
    let page = client.get(&[("cmd", "list")])?;
    let is_balancer = array(&page, "balancers").any(|own| own["name"] == worker);
    let meant = match (member, is_balancer) {
        (Some(_), _) => Meant::Member,
        (None, true) => Meant::Balancer,
        (None, false) => Meant::Ajp,
    };
    let mut query = vec![("cmd", "update"), ("w", worker)];
    query.extend(member.map(|member| ("sw", member)));
    for setting in &args.settings {
        let Some((name, value)) = setting.split_once('=') else {
            return Err(format!("{setting}: expected name=value, such as lbfactor=2"));
        };
        let parameter = parameter_for(meant, name).ok_or_else(|| unknown(name, meant))?;
        query.push((parameter, value));
    }
    client.post(&query)?;
    match member {
        Some(member) => report(&client, worker, member)?,
        None => say!("{worker}: {} set", args.settings.join(", ")),
    }
    Ok(WELL)
}

fn unknown(name: &str, meant: Meant) -> String {
    let names = settable(meant);
    let of = match meant {
        Meant::Ajp => "a worker",
        Meant::Balancer => "a balancer",
        Meant::Member => "a member",
    };
    let hint = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", names.join(", ")),
    };
    format!("{name} cannot be set for {of}; {hint}")
}

/// Prints how the members are now.
fn report(client: &Client, balancer: &str, pattern: &str) -> Result<(), String> {
    let page = client.get(&[("cmd", "show"), ("w", balancer)])?;
    let members = array(&page, "balancers").flat_map(|own| array(own, "members"));
    let is_meant = |own: &&Value| matches(pattern.as_bytes(), text(own, "name").as_bytes());
    for own in members.filter(is_meant) {
        say!("{balancer}/{}", describe(own));
    }
    Ok(())
}

/// `tomcat1: disabled, state OK, 3 in flight`.
pub fn describe(member: &Value) -> String {
    let activation = match text(member, "activation") {
        "ACT" => "active",
        "DIS" => "disabled",
        "STP" => "stopped",
        other => other,
    };
    format!(
        "{}: {activation}, state {}, lbfactor {}, {} in flight",
        text(member, "name"),
        text(member, "state"),
        member["lbfactor"],
        member["busy"]
    )
}
