//! What the page asks before it does what is hard to take back: a second step that works without
//! scripts. Scripts that send a change themselves have decided and are not asked.

use crate::config::Value;
use crate::config::rows::ACTIVATION;
use crate::lb::Activation;
use crate::status::change::Change;
use crate::status::condition::{self, Condition};
use crate::status::request::StatusRequest;
use crate::status::view::{BalancerView, MemberView, Snapshot};

/// A question, and what follows from a yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question itself.
    pub headline: String,
    /// What will happen, a sentence each.
    pub consequences: Vec<String>,
    /// The word of the button that does it.
    pub button: &'static str,
}

/// Returns what to ask before `changes` are made; nothing where they may be made at once.
pub fn question(
    command: &StatusRequest,
    changes: &[Change],
    snapshot: &Snapshot,
) -> Option<Question> {
    // Forms of the page say where they lead.
    let has = |name: &str| command.parameters.contains_key(name);
    if !has("then") || has(SURE) {
        return None;
    }
    let reset = changes.iter().find_map(|change| match change {
        Change::Reset { worker, member } => Some((worker, member)),
        _ => None,
    });
    if let Some((worker, member)) = reset {
        return Some(of_reset(worker, member.as_deref()));
    }
    let mut consequences = Vec::new();
    let mut names = Vec::new();
    let mut button = "Drain";
    for lb in &snapshot.balancers {
        let after: Vec<_> = lb.members.iter().map(|own| (own, wanted(lb, own, changes))).collect();
        for (member, to) in &after {
            if *to == Activation::Stopped && member.activation != Activation::Stopped {
                names.push(member.ajp.name.clone());
                consequences.push(of_stop(lb, member));
                button = "Stop";
            }
        }
        let assessed = condition::of_members(lb);
        let usable = assessed.iter().filter(|(_, own)| own.condition != Condition::Out);
        let usable: Vec<&str> = usable
            .filter(|(own, _)| own.activation == Activation::Active)
            .map(|(own, _)| own.ajp.name.as_str())
            .collect();
        let is_left = |(own, to): &(&MemberView, Activation)| {
            *to == Activation::Active
                && (usable.contains(&own.ajp.name.as_str()) || own.activation != Activation::Active)
        };
        if !usable.is_empty() && !after.iter().any(is_left) {
            consequences.push(format!(
                "No other member of {} can serve: new sessions get an error until a member is active and healthy.",
                lb.name
            ));
            if names.is_empty() {
                let gone = after.iter().filter(|(_, to)| *to != Activation::Active);
                let gone = gone.filter(|(own, _)| usable.contains(&own.ajp.name.as_str()));
                names.extend(gone.map(|(own, _)| own.ajp.name.clone()));
            }
        }
    }
    (!consequences.is_empty()).then(|| Question {
        headline: format!("{button} {}?", names.join(", ")),
        consequences,
        button,
    })
}

/// The parameter that says yes.
pub const SURE: &str = "sure";

/// Returns the activation a member has after the changes.
fn wanted(lb: &BalancerView, member: &MemberView, changes: &[Change]) -> Activation {
    let new = changes.iter().rev().find_map(|change| match change {
        Change::Member {
            balancer,
            member: name,
            setting: ACTIVATION,
            value: Value::Activation(to),
        } if *balancer == lb.name && *name == member.ajp.name => Some(*to),
        _ => None,
    });
    new.unwrap_or(member.activation)
}

fn of_stop(lb: &BalancerView, member: &MemberView) -> String {
    let name = &member.ajp.name;
    let sessions = match member.recent_sessions {
        0 => "It has had no session in the last half hour.".to_owned(),
        1 => "1 session of the last half hour is lost to it at once.".to_owned(),
        some => format!("{some} sessions of the last half hour are lost to it at once."),
    };
    format!(
        "{name} gets no more requests of {}, not even those of its sessions. {sessions} To let sessions end first, drain it.",
        lb.name
    )
}

fn of_reset(worker: &str, member: Option<&str>) -> Question {
    let name = member.unwrap_or(worker);
    let of_all = if member.is_none() { " and of its members, if it has any," } else { "" };
    Question {
        headline: format!("Reset the counters of {name}?"),
        consequences: vec![format!(
            "Requests, errors, sessions, bytes and highest values of {name}{of_all} begin at 0 again and cannot be brought back. Metrics and the state stay."
        )],
        button: "Reset counters",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::{Ajp13Config, MemberConfig};
    use crate::lb::MemberState;
    use crate::status::change::plan;
    use crate::status::request::parse;
    use crate::status::view::WorkerView;

    fn member(name: &str, activation: Activation, state: MemberState) -> MemberView {
        MemberView {
            ajp: WorkerView {
                name: name.to_owned(),
                config: Arc::new(Ajp13Config { port: 8009, ..Ajp13Config::default() }),
                ..WorkerView::default()
            },
            config: MemberConfig::default().into(),
            activation,
            state,
            lbmult: 1,
            lbvalue: 0,
            sessions: 0,
            time_to_recover_min: 0,
            time_to_recover_max: 0,
            recent_sessions: 7,
            last_session_ago: Some(1),
            health: None,
            health_status: 0,
            health_detail: None,
            last_check: None,
            unhealthy_since: None,
            readmitted: None,
            activated_at: None,
            foreign_routes: 0,
        }
    }

    #[test]
    fn what_is_hard_to_take_back_is_asked() {
        let (active, ok) = (Activation::Active, MemberState::Ok);
        let lb = |members: Vec<MemberView>| BalancerView {
            name: "lb".to_owned(),
            members,
            ..BalancerView::default()
        };
        let two = || vec![member("n1", active, ok), member("n2", active, ok)];
        let out = || vec![member("n1", active, ok), member("n2", active, MemberState::Error)];
        let spare = || vec![member("n1", active, ok), member("n2", Activation::Disabled, ok)];
        let cases: &[(&str, Vec<MemberView>, &str, Option<&str>)] = &[
            ("stop one of two", two(), "cmd=update&sw=n1&vwa=s", Some("Stop n1?")),
            ("drain one of two", two(), "cmd=update&sw=n1&vwa=d", None),
            ("drain the last one", out(), "cmd=update&sw=n1&vwa=d", Some("Drain n1?")),
            ("drain the one that is out", out(), "cmd=update&sw=n2&vwa=d", None),
            ("the spare one is no help", spare(), "cmd=update&sw=n1&vwa=d", Some("Drain n1?")),
            ("drain both", two(), "cmd=update&sw=*&vwa=d", Some("Drain n1, n2?")),
            ("drain one, activate another", spare(), "cmd=update&att=vwa&val.n1=d&val.n2=a", None),
            ("another setting", out(), "cmd=update&sw=n1&vwf=3", None),
            ("activate", spare(), "cmd=update&sw=n2&vwa=a", None),
            ("reset", two(), "cmd=reset&sw=n1", Some("Reset the counters of n1?")),
            ("reset all", two(), "cmd=reset", Some("Reset the counters of lb?")),
        ];
        for (name, members, query, expected) in cases {
            let snapshot = Snapshot { balancers: vec![lb(members.clone())], ..Snapshot::default() };
            let asked = |more: &str| {
                let command = parse(&format!("{query}&w=lb{more}"), false).1.expect("a command");
                let changes = plan(&command, &snapshot).expect("a change");
                question(&command, &changes, &snapshot).map(|own| own.headline)
            };
            assert_eq!(asked("&then=list").as_deref(), *expected, "{name}");
            assert_eq!(asked("&then=list&sure=yes"), None, "{name}: who has said yes");
            assert_eq!(asked(""), None, "{name}: scripts are not asked");
        }
    }
}
