//! `update`, `reset` and `recover` as a list of typed changes. Nothing is applied here: the caller
//! applies the whole list under the lock, or none of it.

pub use super::attributes::{Attribute, Value};

use super::Refusal;
use super::attributes::{Attribute as A, PARAMETERS, Row, Scope, current, is_called, read};
use super::carry::property;
use super::request::{Action, Command};
use super::view::{Ajp, Balancer, Member, Snapshot};
use crate::lb::MemberState;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Change {
    /// Of a balancer's own settings.
    Balancer { balancer: String, attribute: Attribute, value: Value },
    /// Of what a balancer says about a member.
    Member { balancer: String, member: String, attribute: Attribute, value: Value },
    /// Of an ajp13 worker, for every balancer that has it.
    Ajp { worker: String, attribute: Attribute, value: Value },
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
pub fn plan(command: &Command, snapshot: &Snapshot) -> Result<Vec<Change>, Refusal> {
    let target = find(command, snapshot)?;
    match (command.action, target) {
        (Action::Reset, target) => Ok(vec![match target {
            Target::Other => return Err(Refusal::Reset),
            Target::Ajp(ajp) => Change::Reset { worker: ajp.name.clone(), member: None },
            Target::Balancer(lb) => Change::Reset { worker: lb.name.clone(), member: None },
            Target::Members(lb, members) => Change::Reset {
                worker: lb.name.clone(),
                member: members.first().map(|member| member.ajp.name.clone()),
            },
        }]),
        (Action::Recover, Target::Members(lb, members)) => recover(lb, members.into_iter()),
        (Action::Recover, Target::Balancer(lb)) => recover(lb, lb.members.iter()),
        (Action::Recover, Target::Ajp(_) | Target::Other) => Err(Refusal::NotInError),
        (Action::Update, Target::Other) => Err(Refusal::UpdateKind),
        (Action::Update, target) => update(command, &target),
        _ => Ok(Vec::new()),
    }
}

/// Those that are in error are tried again, also those on trial that somebody has lost.
fn recover<'m>(
    lb: &Balancer,
    members: impl Iterator<Item = &'m Member>,
) -> Result<Vec<Change>, Refusal> {
    let out = [MemberState::Error, MemberState::Force, MemberState::Probe];
    let changes: Vec<_> = members
        .filter(|member| out.contains(&member.state))
        .map(|member| Change::Recover {
            balancer: lb.name.clone(),
            member: member.ajp.name.clone(),
        })
        .collect();
    if changes.is_empty() { Err(Refusal::NotInError) } else { Ok(changes) }
}

/// Checks that `w` and `sw` exist, for every command that needs them.
///
/// # Errors
///
/// As mod_jk answers.
pub fn check(command: &Command, snapshot: &Snapshot) -> Result<(), Refusal> {
    match command.action.needs_writing() || command.action == Action::Show {
        true => find(command, snapshot).map(|_| ()),
        false => Ok(()),
    }
}

enum Target<'a> {
    Ajp(&'a Ajp),
    Balancer(&'a Balancer),
    Members(&'a Balancer, Vec<&'a Member>),
    /// A status worker: it can be named, and has nothing to show or to change.
    Other,
}

fn find<'a>(command: &Command, snapshot: &'a Snapshot) -> Result<Target<'a>, Refusal> {
    let name = command.worker.as_deref().ok_or(Refusal::NoWorker)?;
    if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
        return match command.member {
            Some(_) => Err(Refusal::WithoutMembers),
            None => Ok(Target::Ajp(ajp)),
        };
    }
    if snapshot.others.iter().any(|other| other == name) {
        return match command.member {
            Some(_) => Err(Refusal::WithoutMembers),
            None => Ok(Target::Other),
        };
    }
    let lb = snapshot.balancers.iter().find(|lb| lb.name == name).ok_or(Refusal::UnknownWorker)?;
    let Some(pattern) = command.member.as_deref() else { return Ok(Target::Balancer(lb)) };
    let matches = |member: &&Member| match command.action {
        Action::Update => glob(pattern.as_bytes(), member.ajp.name.as_bytes()),
        _ => pattern == member.ajp.name,
    };
    let members: Vec<_> = lb.members.iter().filter(matches).collect();
    match members.is_empty() {
        true => Err(Refusal::UnknownMember),
        false => Ok(Target::Members(lb, members)),
    }
}

/// `*` for any run, `?` for any byte; goes back to the last star only, so never more than the
/// product of both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

fn update(command: &Command, target: &Target<'_>) -> Result<Vec<Change>, Refusal> {
    let mut changes = Vec::new();
    match target {
        Target::Balancer(lb) if command.attribute.is_some() => {
            let code = command.attribute.as_deref().unwrap_or_default();
            let row = PARAMETERS
                .iter()
                .find(|row| is_called(row, code) && !matches!(row.2, A::Host | A::Port))
                .filter(|row| row.3 != Scope::Balancer)
                .ok_or_else(|| {
                    let shown: String = code.chars().take(80).collect();
                    Refusal::Update(format!("unknown attribute '{shown}'"))
                })?;
            for (index, member) in lb.members.iter().enumerate() {
                let names = [format!("val{index}"), format!("val.{}", member.ajp.name)];
                for name in names {
                    let Some(text) = command.parameters.get(&name) else { continue };
                    let before = command.parameters.get(&format!("was.{name}")).map(String::as_str);
                    if before != Some(text) {
                        add(&mut changes, row, text, before, target, Some(member))?;
                    }
                }
            }
        }
        _ => {
            for (name, text) in &command.parameters {
                let known = |row: &&Row| {
                    is_called(row, name)
                        && match target {
                            Target::Ajp(_) => row.3 == Scope::Ajp,
                            Target::Balancer(_) => row.3 == Scope::Balancer,
                            Target::Members(..) => row.3 != Scope::Balancer,
                            Target::Other => false,
                        }
                };
                let Some(row) = PARAMETERS.iter().find(known) else {
                    // val0 and its like belong to att; other v… names are mistakes.
                    let is_value = name.starts_with('v') && !name.starts_with("val");
                    if is_value || name.starts_with("set.") {
                        let shown: String = name.chars().take(80).collect();
                        return Err(Refusal::Update(format!("unknown parameter '{shown}'")));
                    }
                    continue;
                };
                if row.0 != name && command.parameters.contains_key(row.0) {
                    continue;
                }
                let before = command.parameters.get(&format!("was.{name}")).map(String::as_str);
                if before == Some(text) {
                    continue;
                }
                match target {
                    Target::Members(_, members) => {
                        for member in members {
                            add(&mut changes, row, text, before, target, Some(member))?;
                        }
                    }
                    _ => add(&mut changes, row, text, before, target, None)?,
                }
            }
        }
    }
    routes_stay_apart(target, &changes)?;
    ports_come_first(target, &changes)?;
    Ok(changes)
}

fn add(
    changes: &mut Vec<Change>,
    row: &Row,
    text: &str,
    before: Option<&str>,
    target: &Target<'_>,
    member: Option<&Member>,
) -> Result<(), Refusal> {
    let value = read(row, text)?;
    let (lb, ajp) = match target {
        Target::Ajp(ajp) => (None, Some(*ajp)),
        Target::Other => (None, None),
        Target::Balancer(lb) | Target::Members(lb, _) => {
            (Some(*lb), member.map(|member| &member.ajp))
        }
    };
    let attribute = row.2;
    let change = match (row.3, lb, ajp) {
        (Scope::Balancer, Some(lb), _) => {
            Change::Balancer { balancer: lb.name.clone(), attribute, value: value.clone() }
        }
        (Scope::Member, Some(lb), Some(ajp)) => Change::Member {
            balancer: lb.name.clone(),
            member: ajp.name.clone(),
            attribute,
            value: value.clone(),
        },
        (Scope::Ajp, _, Some(ajp)) => {
            Change::Ajp { worker: ajp.name.clone(), attribute, value: value.clone() }
        }
        _ => return Ok(()),
    };
    let now = current(attribute, lb, member, ajp, row.3);
    if now.as_ref() == Some(&value) {
        return Ok(());
    }
    // A form says what it showed; somebody else may have been faster.
    if before.is_some_and(|before| {
        now.as_ref().map(Value::text).as_deref() != Some(before) && read(row, before).ok() != now
    }) {
        return Err(Refusal::Stale(property(attribute)));
    }
    changes.push(change);
    Ok(())
}

/// A member without a port is stopped, whatever else is said of it.
fn ports_come_first(target: &Target<'_>, changes: &[Change]) -> Result<(), Refusal> {
    let (Target::Balancer(lb) | Target::Members(lb, _)) = target else { return Ok(()) };
    let gets_port = |name: &str| {
        changes.iter().any(|change| {
            matches!(change, Change::Ajp { worker, attribute: A::Port, .. } if worker == name)
        })
    };
    for change in changes {
        let Change::Member { member: name, attribute: A::Activation, .. } = change else {
            continue;
        };
        let member = lb.members.iter().find(|own| own.ajp.name == *name);
        if member.is_some_and(|own| own.ajp.port == 0) && !gets_port(name) {
            let text = format!("vwa: member '{name}' has no port, set vaprt first");
            return Err(Refusal::Update(text));
        }
    }
    Ok(())
}

/// Two members of one route: the first would get every session.
fn routes_stay_apart(target: &Target<'_>, changes: &[Change]) -> Result<(), Refusal> {
    let (Target::Balancer(lb) | Target::Members(lb, _)) = target else { return Ok(()) };
    let route = |member: &Member| {
        changes.iter().find_map(|change| match change {
            Change::Member {
                member: name, attribute: A::Route, value: Value::Text(text), ..
            } if *name == member.ajp.name => Some(text.clone()),
            _ => None,
        })
    };
    for member in &lb.members {
        let Some(new) = route(member).filter(|new| !new.is_empty()) else { continue };
        let others = lb.members.iter().filter(|other| other.ajp.name != member.ajp.name);
        for other in others {
            if route(other).unwrap_or_else(|| other.route.clone()) == new {
                let text =
                    format!("vwn: the route '{new}' is already that of '{}'", other.ajp.name);
                return Err(Refusal::Update(text));
            }
        }
    }
    Ok(())
}
