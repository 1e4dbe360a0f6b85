//! The members that a command is about, as they were before it changes anything.

use mod_jk::uri_map::pattern::matches;
use serde_json::{Value, json};

use crate::client::Client;
use crate::effects;
use crate::output::Printer;
use crate::page::{Target, array, text};

/// Members of one balancer, as they were before a change.
pub struct MembersBefore {
    pub balancer: String,
    pattern: String,
    /// The names of those that are meant, and their activations.
    members: Vec<(String, String)>,
    /// Whether one of them takes new sessions and serves.
    serves: bool,
    /// Whether an active member is not among them.
    leaves_an_active_one: bool,
    /// Whether one of those active members is not out of service.
    leaves_one_that_serves: bool,
}

impl MembersBefore {
    /// Finds the members that `balancer/member` names, perhaps by a pattern.
    pub fn find(client: &Client, target: &str) -> Result<Self, String> {
        let (balancer, pattern) = match Target::parse(target) {
            Target { worker, member: Some(member) } if !worker.is_empty() && !member.is_empty() => {
                (worker, member)
            }
            _ => {
                return Err(format!(
                    "{target}: expected balancer/member; jkctl status shows what there is"
                ));
            }
        };
        let page = client.get(&[("cmd", "show"), ("w", balancer)])?;
        if array(&page, "balancers").next().is_none() {
            return Err(format!(
                "{balancer} is no balancer: jkctl status shows what there is; nothing was changed"
            ));
        }
        let all = array(&page, "balancers").flat_map(|own| array(own, "members"));
        let is_meant = |own: &&Value| matches(pattern.as_bytes(), text(own, "name").as_bytes());
        let (meant, others): (Vec<_>, Vec<_>) = all.partition(is_meant);
        if meant.is_empty() {
            return Err(format!(
                "could not find sub worker {pattern} of {balancer}: jkctl status shows what there is; \
                 nothing was changed"
            ));
        }
        // A module that shows no condition counts as serving, as its page does not say otherwise.
        let is_active = |own: &&Value| own["activation"] == ACTIVE;
        let serves = |own: &Value| is_active(&own) && own["condition"] != "out";
        let kept = |own: &Value| (text(own, "name").to_owned(), text(own, "activation").to_owned());
        Ok(Self {
            balancer: balancer.to_owned(),
            pattern: pattern.to_owned(),
            serves: meant.iter().any(|own| serves(own)),
            members: meant.into_iter().map(kept).collect(),
            leaves_an_active_one: others.iter().any(is_active),
            leaves_one_that_serves: others.iter().any(|own| serves(own)),
        })
    }

    /// Returns the names of those that are meant.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// Refuses a pattern that would leave no member for new sessions. One that is named may be the
    /// last one: naming it shows intent, and a warning is printed.
    pub fn keep_one_active(&self) -> Result<(), String> {
        let Self { balancer, pattern, .. } = self;
        // What takes no new sessions now leaves no gap.
        let takes_any = self.members.iter().any(|(_, activation)| activation == ACTIVE);
        let (left, warning) = if takes_any && !self.leaves_an_active_one {
            ("no active member", format!("no other member of {balancer} is active"))
        } else if self.serves && !self.leaves_one_that_serves {
            (
                "no active member that serves",
                format!("the other active members of {balancer} are out of service"),
            )
        } else {
            return Ok(());
        };
        if pattern.contains(['*', '?']) {
            return Err(format!(
                "{balancer}/{pattern} would leave {left} in {balancer} ({}); nothing was changed: name the \
                 members one by one if you mean that",
                self.names().collect::<Vec<_>>().join(", ")
            ));
        }
        eprintln!("jkctl: {warning}: requests without a session will fail");
        Ok(())
    }

    /// Sets the activation of all of them at once and returns the answer.
    pub fn activate(&self, client: &Client, word: &str) -> Result<Value, String> {
        client.post(&[
            ("cmd", "update"),
            ("w", &self.balancer),
            ("sw", &self.pattern),
            ("vwa", word),
        ])
    }

    /// Disables those that are active, all at once, and returns the answer. One that is stopped or
    /// disabled takes fewer requests already, and stays as it is; a change that another
    /// administrator makes meanwhile makes the status worker refuse this one.
    pub fn disable_active(&self, client: &Client) -> Result<Value, String> {
        let active = self.members.iter().filter(|(_, activation)| activation == ACTIVE);
        let active: Vec<_> =
            active.map(|(name, _)| (format!("val.{name}"), format!("was.val.{name}"))).collect();
        if active.is_empty() {
            return client.get(&[("cmd", "show"), ("w", &self.balancer)]);
        }
        let mut query = vec![("cmd", "update"), ("w", self.balancer.as_str()), ("att", "vwa")];
        for (value, before) in &active {
            query.extend([(value.as_str(), "d"), (before.as_str(), ACTIVE)]);
        }
        client.post(&query)
    }

    /// Prints how they are in an answer, with what was changed.
    pub fn report(&self, answer: &Value, output: Printer) {
        if output.is_json() {
            return output.json(&self.json(answer));
        }
        for change in array(answer, "changes").filter(|_| answer["dry_run"] == true) {
            say!("would be changed: {}", effects::describe(change));
        }
        self.shown(answer).for_each(|own| say!("{}/{}", self.balancer, describe(own)));
    }

    /// Returns what a change has come to, for programs.
    pub fn json(&self, answer: &Value) -> Value {
        let members = self.shown(answer).map(|own| member_json(&self.balancer, own));
        json!({
            "changes": array(answer, "changes").collect::<Vec<_>>(),
            "members": members.collect::<Vec<_>>(),
            "dry_run": answer["dry_run"] == true,
        })
    }

    /// Finds them in a page.
    pub fn shown<'p>(&self, page: &'p Value) -> impl Iterator<Item = &'p Value> {
        let of = array(page, "balancers").find(|own| text(own, "name") == self.balancer);
        let members = of.into_iter().flat_map(|own| array(own, "members"));
        members.filter(|own| self.names().any(|name| name == text(own, "name")))
    }
}

/// A member as the commands that change something report it in JSON.
pub fn member_json(balancer: &str, own: &Value) -> Value {
    json!({
        "balancer": balancer, "name": own["name"], "activation": own["activation"],
        "state": own["state"], "condition": own["condition"], "lbfactor": own["lbfactor"],
        "busy": own["busy"],
    })
}

/// `tomcat1: disabled, state OK, lbfactor 1, 3 in flight`.
fn describe(member: &Value) -> String {
    let activation = match text(member, "activation") {
        ACTIVE => "active",
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

/// The activation of members that take all requests.
const ACTIVE: &str = "ACT";
