//! `update`, `reset` and `recover` as a list of typed changes. Nothing is applied here: the caller
//! applies the whole list under the lock, or none of it.

mod target;

pub use crate::config::Value;

use crate::config::rows::{ACTIVATION, HOST, PORT, ParameterScope, ROUTE};
use crate::config::unix_path;
use crate::lb::MemberState;
use crate::status::StatusError;
use crate::status::attributes::{Parameter, parameters, read};
use crate::status::change::target::{ChangeTarget, find};
use crate::status::request::{Action, StatusRequest, is_passed_over};
use crate::status::view::{BalancerView, MemberView, Snapshot, WorkerView};
use crate::text;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    /// Of a balancer's own settings.
    Balancer { balancer: String, setting: &'static str, value: Value },
    /// Of what a balancer says about a member.
    Member { balancer: String, member: String, setting: &'static str, value: Value },
    /// Of an ajp13 worker, for every balancer that has it.
    Ajp { worker: String, setting: &'static str, value: Value },
    /// A member in error is to be tried by the next request.
    Recover { balancer: String, member: String },
    /// Counters of a balancer and all its members, of one member, or of an ajp13 worker go to 0.
    Reset { worker: String, member: Option<String> },
}

/// Turns a request into changes. What was not sent stays; what is sent and already so is no
/// change; one bad value refuses the whole request.
///
/// # Errors
///
/// What is wrong, with the parameter's name.
pub fn plan(command: &StatusRequest, snapshot: &Snapshot) -> Result<Vec<Change>, StatusError> {
    let target = find(command, snapshot)?;
    if matches!(command.action, Action::Recover | Action::Reset) {
        // Without a misspelt sw it would be about all members.
        let is_known = |name: &&String| OTHERS.contains(&name.as_str()) || is_passed_over(name);
        if let Some(name) = command.parameters.keys().find(|name| !is_known(name)) {
            return Err(StatusError::Unknown(name.chars().take(80).collect()));
        }
    }
    match (command.action, target) {
        (Action::Reset, target) => Ok(vec![match target {
            ChangeTarget::Other => return Err(StatusError::Reset),
            ChangeTarget::Ajp(ajp) => Change::Reset { worker: ajp.name.clone(), member: None },
            ChangeTarget::Balancer(lb) => Change::Reset { worker: lb.name.clone(), member: None },
            ChangeTarget::Members(lb, members) => Change::Reset {
                worker: lb.name.clone(),
                member: members.first().map(|member| member.ajp.name.clone()),
            },
        }]),
        (Action::Recover, ChangeTarget::Members(lb, members)) => recover(lb, members.into_iter()),
        (Action::Recover, ChangeTarget::Balancer(lb)) => recover(lb, lb.members.iter()),
        (Action::Recover, ChangeTarget::Ajp(_) | ChangeTarget::Other) => {
            Err(StatusError::NotInError)
        }
        (Action::Update, ChangeTarget::Other) => Err(StatusError::UpdateKind),
        (Action::Update, target) => update(command, &target),
        _ => Ok(Vec::new()),
    }
}

/// Those that are in error are tried again, also half-open ones whose request was lost.
fn recover<'m>(
    lb: &BalancerView,
    members: impl Iterator<Item = &'m MemberView>,
) -> Result<Vec<Change>, StatusError> {
    let out = [MemberState::Error, MemberState::Force, MemberState::HalfOpen];
    let changes: Vec<_> = members
        .filter(|member| out.contains(&member.state))
        .map(|member| Change::Recover {
            balancer: lb.name.clone(),
            member: member.ajp.name.clone(),
        })
        .collect();
    if changes.is_empty() { Err(StatusError::NotInError) } else { Ok(changes) }
}

/// Checks that `w` and `sw` exist, for every command that needs them.
///
/// # Errors
///
/// As mod_jk answers.
pub fn check(command: &StatusRequest, snapshot: &Snapshot) -> Result<(), StatusError> {
    let is_named = command.action == Action::Events && command.worker.is_some();
    match is_named || command.action.needs_writing() || command.action == Action::Show {
        true => find(command, snapshot).map(|_| ()),
        false => Ok(()),
    }
}

/// Finds the row of a parameter for what is to be changed.
fn meant_by(name: &str, target: &ChangeTarget<'_>) -> Option<Parameter> {
    parameters().find(|row| {
        row.is_called(name)
            && match target {
                ChangeTarget::Ajp(_) => row.scope == ParameterScope::Ajp13,
                ChangeTarget::Balancer(_) => row.scope == ParameterScope::Balancer,
                ChangeTarget::Members(..) => row.scope != ParameterScope::Balancer,
                ChangeTarget::Other => false,
            }
    })
}

/// Refuses a parameter that would be passed over: one that is not known, one for another kind of
/// worker, and one setting under two of its names.
fn known_parameters(command: &StatusRequest, target: &ChangeTarget<'_>) -> Result<(), StatusError> {
    let is_by_attribute = command.attribute.is_some();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for name in command.parameters.keys() {
        let is_value = match (name.strip_prefix("val"), target) {
            (Some(rest), ChangeTarget::Balancer(lb)) if is_by_attribute => {
                match rest.strip_prefix('.') {
                    Some(member) => lb.members.iter().any(|own| own.ajp.name == member),
                    None => (0..lb.members.len()).any(|index| rest == index.to_string()),
                }
            }
            _ => false,
        };
        // A guard that guards nothing would be passed over unseen.
        if let Some(guarded) = name.strip_prefix("was.") {
            let is_setting = !guarded.starts_with("was.") && !OTHERS.contains(&guarded);
            if !is_setting || !command.parameters.contains_key(guarded) {
                let shown: String = name.chars().take(80).collect();
                return Err(StatusError::Update(format!(
                    "'{shown}' is of no parameter that is sent"
                )));
            }
            continue;
        }
        // What keeps caches from answering changes nothing.
        if is_value || is_passed_over(name) || OTHERS.contains(&name.as_str()) {
            continue;
        }
        match meant_by(name, target).filter(|_| !is_by_attribute) {
            Some(row) => match seen.iter().find(|(setting, _)| *setting == row.own.name) {
                Some((_, other)) => {
                    return Err(StatusError::Repeated(format!("{other}, that is {name},")));
                }
                None => seen.push((row.own.name, name)),
            },
            None => {
                let shown: String = name.chars().take(80).collect();
                return Err(StatusError::Update(format!("unknown parameter '{shown}'")));
            }
        }
    }
    Ok(())
}

/// Parameters of an update that are no settings.
const OTHERS: &[&str] = &[
    "att",
    "cmd",
    "condition",
    "done",
    "dry_run",
    "from",
    "mime",
    "name",
    "opt",
    "psw",
    "q",
    "re",
    "since",
    "sure",
    "sw",
    "then",
    "w",
];

fn update(command: &StatusRequest, target: &ChangeTarget<'_>) -> Result<Vec<Change>, StatusError> {
    let mut changes = Vec::new();
    known_parameters(command, target)?;
    match target {
        ChangeTarget::Balancer(lb) if command.attribute.is_some() => {
            let code = command.attribute.as_deref().unwrap_or_default();
            let row = parameters()
                .find(|row| row.is_called(code) && !row.is_address())
                .filter(|row| row.scope != ParameterScope::Balancer)
                .ok_or_else(|| {
                    let shown: String = code.chars().take(80).collect();
                    StatusError::Update(format!("unknown attribute '{shown}'"))
                })?;
            for (index, member) in lb.members.iter().enumerate() {
                let names = [format!("val{index}"), format!("val.{}", member.ajp.name)];
                if names.iter().all(|name| command.parameters.contains_key(name)) {
                    return Err(StatusError::Repeated(format!(
                        "{}, that is {},",
                        names[0], names[1]
                    )));
                }
                for name in names {
                    let Some(text) = command.parameters.get(&name) else { continue };
                    let before = command.parameters.get(&format!("was.{name}")).map(String::as_str);
                    if before != Some(text) {
                        add(&mut changes, &row, text, before, target, Some(member))
                            .map_err(|error| error.sent_as(&name))?;
                    }
                }
            }
        }
        _ => {
            for (name, text) in &command.parameters {
                let Some(row) = meant_by(name, target) else { continue };
                let before = command.parameters.get(&format!("was.{name}")).map(String::as_str);
                if before == Some(text) {
                    continue;
                }
                match target {
                    ChangeTarget::Members(_, members) => {
                        for member in members {
                            add(&mut changes, &row, text, before, target, Some(member))?;
                        }
                    }
                    _ => add(&mut changes, &row, text, before, target, None)?,
                }
            }
        }
    }
    routes_stay_apart(target, &changes)?;
    sockets_have_no_port(target, &changes)?;
    ports_come_first(target, &changes)?;
    Ok(changes)
}

fn add(
    changes: &mut Vec<Change>,
    row: &Parameter,
    text: &str,
    before: Option<&str>,
    target: &ChangeTarget<'_>,
    member: Option<&MemberView>,
) -> Result<(), StatusError> {
    let value = read(row, text)?;
    let (lb, ajp) = match target {
        ChangeTarget::Ajp(ajp) => (None, Some(*ajp)),
        ChangeTarget::Other => (None, None),
        ChangeTarget::Balancer(lb) | ChangeTarget::Members(lb, _) => {
            (Some(*lb), member.map(|member| &member.ajp))
        }
    };
    let setting = row.row.name;
    let change = match (row.scope, lb, ajp) {
        (ParameterScope::Balancer, Some(lb), _) => {
            Change::Balancer { balancer: lb.name.clone(), setting, value: value.clone() }
        }
        (ParameterScope::Member, Some(lb), Some(ajp)) => Change::Member {
            balancer: lb.name.clone(),
            member: ajp.name.clone(),
            setting,
            value: value.clone(),
        },
        (ParameterScope::Ajp13, _, Some(ajp)) => {
            Change::Ajp { worker: ajp.name.clone(), setting, value: value.clone() }
        }
        _ => return Ok(()),
    };
    let now = row.current(lb, member, ajp);
    if now.as_ref() == Some(&value) {
        return Ok(());
    }
    // A form sends what it showed; another request may have been faster.
    if before.is_some_and(|before| {
        let now_text = now.as_ref().map(Value::to_string).unwrap_or_default();
        *text::shown(&now_text) != *text::shown(before) && read(row, before).ok() != now
    }) {
        return Err(StatusError::Stale(setting.to_owned()));
    }
    changes.push(change);
    Ok(())
}

/// A member without a port is stopped, whatever else is said of it.
fn ports_come_first(target: &ChangeTarget<'_>, changes: &[Change]) -> Result<(), StatusError> {
    let (ChangeTarget::Balancer(lb) | ChangeTarget::Members(lb, _)) = target else { return Ok(()) };
    let gets_port = |name: &str| {
        changes.iter().any(
            |change| matches!(change, Change::Ajp { worker, setting: PORT, .. } if worker == name),
        )
    };
    for change in changes {
        let Change::Member { member: name, setting: ACTIVATION, .. } = change else {
            continue;
        };
        let member = lb.members.iter().find(|own| own.ajp.name == *name);
        if member.is_some_and(|own| own.ajp.config.is_off()) && !gets_port(name) {
            let text = format!("member '{name}' has no port, set vaprt first");
            return Err(StatusError::value("vwa", text));
        }
    }
    Ok(())
}

/// A port is set only where the host that is in force afterwards has one.
fn sockets_have_no_port(target: &ChangeTarget<'_>, changes: &[Change]) -> Result<(), StatusError> {
    let workers: Vec<&WorkerView> = match target {
        ChangeTarget::Ajp(ajp) => vec![ajp],
        ChangeTarget::Members(_, members) => members.iter().map(|own| &own.ajp).collect(),
        ChangeTarget::Balancer(_) | ChangeTarget::Other => Vec::new(),
    };
    for ajp in workers {
        let new = |wanted: &str| {
            changes.iter().find_map(|change| match change {
                Change::Ajp { worker, setting, value }
                    if *worker == ajp.name && *setting == wanted =>
                {
                    Some(value.to_string())
                }
                _ => None,
            })
        };
        let host = new(HOST).unwrap_or_else(|| ajp.config.host.clone());
        if unix_path(&host).is_some() && new(PORT).is_some() {
            let name = &ajp.name;
            return Err(StatusError::value(
                "vaprt",
                format!(
                    "worker '{name}' is at {host}, which has no port; set vahst to a host name with it"
                ),
            ));
        }
    }
    Ok(())
}

/// Two members of one route: the first would get every session.
fn routes_stay_apart(target: &ChangeTarget<'_>, changes: &[Change]) -> Result<(), StatusError> {
    let (ChangeTarget::Balancer(lb) | ChangeTarget::Members(lb, _)) = target else { return Ok(()) };
    let route =
        |member: &MemberView| {
            changes.iter().find_map(|change| match change {
                Change::Member {
                    member: name, setting: ROUTE, value: Value::Text(text), ..
                } if *name == member.ajp.name => Some(text.clone()),
                _ => None,
            })
        };
    for member in &lb.members {
        let Some(new) = route(member).filter(|new| !new.is_empty()) else { continue };
        let others = lb.members.iter().filter(|other| other.ajp.name != member.ajp.name);
        for other in others {
            if route(other).unwrap_or_else(|| other.config.route.clone()) == new {
                let text = format!("the route '{new}' is already that of '{}'", other.ajp.name);
                return Err(StatusError::value("vwn", text));
            }
        }
    }
    Ok(())
}
