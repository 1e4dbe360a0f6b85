//! `update`, `reset` and `recover` as a list of typed changes. Nothing is applied here: the caller
//! applies the whole list under the lock, or none of it.

use super::Refusal;
use super::request::{Action, Command};
use super::view::{Ajp, Balancer, Member, Snapshot};
use crate::config::boolean;
use crate::lb::{Activation, MemberState, Method};

/// What a parameter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // named after the properties
pub enum Attribute {
    Activation,
    BusyLimit,
    ConnectTimeout,
    ConnectionPingInterval,
    ConnectionPoolTimeout,
    Distance,
    Domain,
    ErrorEscalationTime,
    Host,
    Lbfactor,
    Lock,
    MaxPacketSize,
    MaxReplyTimeouts,
    Method,
    PingTimeout,
    Port,
    PrepostTimeout,
    RecoverTime,
    RecoveryOptions,
    Redirect,
    ReplyTimeout,
    Retries,
    RetryInterval,
    Route,
    StickySession,
    StickySessionForce,
}

/// A checked value; times keep the unit of their property.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Value {
    Activation(Activation),
    Flag(bool),
    Method(Method),
    Number(u32),
    Text(String),
}

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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Ajp,
    Balancer,
    Member,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Activation,
    Flag,
    Lock,
    Method,
    Number(u32, u32),
    /// Bytes, rounded up to 1024.
    Packet,
    Text,
}

use Attribute as A;

const MOST: u32 = i32::MAX.unsigned_abs();

/// Parameter, older name, attribute, whom it is for, accepted values.
#[rustfmt::skip]
pub(super) const PARAMETERS: &[(&str, &str, Attribute, Scope, Kind)] = &[
    ("vlr", "lr", A::Retries, Scope::Balancer, Kind::Number(1, MOST)),
    ("vlri", "", A::RetryInterval, Scope::Balancer, Kind::Number(1, MOST)),
    ("vlt", "lt", A::RecoverTime, Scope::Balancer, Kind::Number(1, MOST)),
    ("vlee", "", A::ErrorEscalationTime, Scope::Balancer, Kind::Number(1, MOST)),
    ("vlx", "", A::MaxReplyTimeouts, Scope::Balancer, Kind::Number(0, MOST)),
    ("vls", "ls", A::StickySession, Scope::Balancer, Kind::Flag),
    ("vlf", "lf", A::StickySessionForce, Scope::Balancer, Kind::Flag),
    ("vlm", "lm", A::Method, Scope::Balancer, Kind::Method),
    ("vll", "ll", A::Lock, Scope::Balancer, Kind::Lock),
    ("vwa", "wa", A::Activation, Scope::Member, Kind::Activation),
    ("vwf", "wf", A::Lbfactor, Scope::Member, Kind::Number(1, MOST)),
    ("vwn", "wn", A::Route, Scope::Member, Kind::Text),
    ("vwr", "wr", A::Redirect, Scope::Member, Kind::Text),
    ("vwc", "wc", A::Domain, Scope::Member, Kind::Text),
    ("vwd", "wd", A::Distance, Scope::Member, Kind::Number(0, MOST)),
    ("vahst", "", A::Host, Scope::Ajp, Kind::Text),
    ("vaprt", "", A::Port, Scope::Ajp, Kind::Number(1, 65_535)),
    ("vacpt", "", A::ConnectionPoolTimeout, Scope::Ajp, Kind::Number(0, MOST)),
    ("vapng", "", A::PingTimeout, Scope::Ajp, Kind::Number(0, MOST)),
    ("vact", "", A::ConnectTimeout, Scope::Ajp, Kind::Number(0, MOST)),
    ("vapt", "", A::PrepostTimeout, Scope::Ajp, Kind::Number(0, MOST)),
    ("vart", "", A::ReplyTimeout, Scope::Ajp, Kind::Number(0, MOST)),
    ("var", "", A::Retries, Scope::Ajp, Kind::Number(1, MOST)),
    ("vari", "", A::RetryInterval, Scope::Ajp, Kind::Number(1, MOST)),
    ("vacpi", "", A::ConnectionPingInterval, Scope::Ajp, Kind::Number(1, MOST)),
    ("varo", "", A::RecoveryOptions, Scope::Ajp, Kind::Number(0, 31)),
    ("vabl", "", A::BusyLimit, Scope::Ajp, Kind::Number(0, MOST)),
    ("vamps", "", A::MaxPacketSize, Scope::Ajp, Kind::Packet),
];

pub(super) type Row = (&'static str, &'static str, Attribute, Scope, Kind);

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
            Target::Ajp(ajp) => Change::Reset { worker: ajp.name.clone(), member: None },
            Target::Balancer(lb) => Change::Reset { worker: lb.name.clone(), member: None },
            Target::Members(lb, members) => Change::Reset {
                worker: lb.name.clone(),
                member: members.first().map(|member| member.ajp.name.clone()),
            },
        }]),
        (Action::Recover, Target::Members(lb, members)) => members
            .iter()
            .map(|member| match member.state {
                MemberState::Error => Ok(Change::Recover {
                    balancer: lb.name.clone(),
                    member: member.ajp.name.clone(),
                }),
                _ => Err(Refusal::NotInError),
            })
            .collect(),
        (Action::Recover, _) => Err(Refusal::NotInError),
        (Action::Update, target) => update(command, &target),
        _ => Ok(Vec::new()),
    }
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
}

fn find<'a>(command: &Command, snapshot: &'a Snapshot) -> Result<Target<'a>, Refusal> {
    let name = command.worker.as_deref().ok_or(Refusal::NoWorker)?;
    if let Some(ajp) = snapshot.workers.iter().find(|ajp| ajp.name == name) {
        return match command.member {
            Some(_) => Err(Refusal::WithoutMembers),
            None => Ok(Target::Ajp(ajp)),
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
                .ok_or_else(|| Refusal::Update(format!("unknown attribute '{code}'")))?;
            for (index, member) in lb.members.iter().enumerate() {
                let names = [format!("val{index}"), format!("val.{}", member.ajp.name)];
                for text in names.iter().filter_map(|name| command.parameters.get(name)) {
                    add(&mut changes, row, text, target, Some(member))?;
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
                        }
                };
                let Some(row) = PARAMETERS.iter().find(known) else {
                    // val0 and its like belong to att; other v… names are mistakes.
                    if name.starts_with('v') && !name.starts_with("val") {
                        return Err(Refusal::Update(format!("unknown parameter '{name}'")));
                    }
                    continue;
                };
                if row.0 != name && command.parameters.contains_key(row.0) {
                    continue;
                }
                match target {
                    Target::Members(_, members) => {
                        for member in members {
                            add(&mut changes, row, text, target, Some(member))?;
                        }
                    }
                    _ => add(&mut changes, row, text, target, None)?,
                }
            }
        }
    }
    routes_stay_apart(target, &changes)?;
    Ok(changes)
}

fn is_called(row: &Row, name: &str) -> bool {
    row.0 == name || (!row.1.is_empty() && row.1 == name)
}

fn add(
    changes: &mut Vec<Change>,
    row: &Row,
    text: &str,
    target: &Target<'_>,
    member: Option<&Member>,
) -> Result<(), Refusal> {
    let value = read(row, text)?;
    let (lb, ajp) = match target {
        Target::Ajp(ajp) => (None, Some(*ajp)),
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
    if current(attribute, lb, member, ajp, row.3) != Some(value) {
        changes.push(change);
    }
    Ok(())
}

pub(super) fn read((name, _, _, _, kind): &Row, text: &str) -> Result<Value, Refusal> {
    let bad = |expected: &str| {
        let shown: String = text.chars().take(80).collect();
        Refusal::Update(format!("{name}: invalid value '{shown}', expected {expected}"))
    };
    // The configuration's readers look at the first letter; a misspelt word must not pass here.
    let is_one_of = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
    let number = || match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u32>().ok(),
        false => None,
    };
    Ok(match kind {
        Kind::Activation => Value::Activation(
            Activation::from_word(text)
                .filter(|_| {
                    is_one_of(&["a", "d", "s", "0", "1", "2", "act", "dis", "stp"])
                        || is_one_of(&["active", "disabled", "stopped"])
                })
                .ok_or_else(|| bad("active, disabled or stopped"))?,
        ),
        Kind::Flag => Value::Flag(boolean(text).ok_or_else(|| bad("true or false"))?),
        Kind::Lock => match is_one_of(&["o", "p", "0", "1", "optimistic", "pessimistic"]) {
            true => Value::Flag(text.starts_with(['p', 'P', '1'])),
            false => return Err(bad("optimistic or pessimistic")),
        },
        Kind::Method => Value::Method(
            Method::from_word(text)
                .filter(|_| {
                    text.len() == 1
                        || is_one_of(&["request", "traffic", "busyness", "session", "sessions"])
                        || is_one_of(&["next"])
                })
                .ok_or_else(|| bad("Request, Traffic, Busyness, Session or Next"))?,
        ),
        Kind::Number(least, most) => Value::Number(
            number()
                .filter(|value| (*least..=*most).contains(value))
                .ok_or_else(|| bad(&format!("a whole number from {least} to {most}")))?,
        ),
        Kind::Packet => Value::Number(
            number()
                .and_then(|value| value.checked_next_multiple_of(1024))
                .filter(|value| (8192..=65_536).contains(value))
                .ok_or_else(|| bad("a whole number from 8192 to 65536"))?,
        ),
        Kind::Text if text.len() > 63 => return Err(bad("at most 63 bytes")),
        Kind::Text if text.chars().any(char::is_control) => {
            return Err(bad("no control characters"));
        }
        Kind::Text if text.is_empty() && *name == "vahst" => return Err(bad("a host name")),
        Kind::Text => Value::Text(text.to_owned()),
    })
}

pub(super) fn current(
    attribute: Attribute,
    lb: Option<&Balancer>,
    member: Option<&Member>,
    ajp: Option<&Ajp>,
    scope: Scope,
) -> Option<Value> {
    let number = |value: u64| u32::try_from(value).ok().map(Value::Number);
    match scope {
        Scope::Balancer => lb.and_then(|lb| match attribute {
            A::Retries => Some(Value::Number(lb.retries)),
            A::RetryInterval => number(lb.retry_interval_ms),
            A::RecoverTime => number(lb.recover_time),
            A::ErrorEscalationTime => number(lb.error_escalation_time),
            A::MaxReplyTimeouts => Some(Value::Number(lb.max_reply_timeouts)),
            A::StickySession => Some(Value::Flag(lb.sticky_session)),
            A::StickySessionForce => Some(Value::Flag(lb.sticky_session_force)),
            A::Method => Some(Value::Method(lb.method)),
            A::Lock => Some(Value::Flag(lb.is_pessimistic)),
            _ => None,
        }),
        Scope::Member => member.and_then(|member| match attribute {
            A::Activation => Some(Value::Activation(member.activation)),
            A::Lbfactor => Some(Value::Number(member.lbfactor)),
            A::Route => Some(Value::Text(member.route.clone())),
            A::Redirect => Some(Value::Text(member.redirect.clone())),
            A::Domain => Some(Value::Text(member.domain.clone())),
            A::Distance => u32::try_from(member.distance).ok().map(Value::Number),
            _ => None,
        }),
        Scope::Ajp => ajp.and_then(|ajp| match attribute {
            A::Host => Some(Value::Text(ajp.host.clone())),
            A::Port => Some(Value::Number(ajp.port.into())),
            A::ConnectionPoolTimeout => number(ajp.connection_pool_timeout),
            A::PingTimeout => number(ajp.ping_timeout),
            A::ConnectTimeout => number(ajp.connect_timeout),
            A::PrepostTimeout => number(ajp.prepost_timeout),
            A::ReplyTimeout => number(ajp.reply_timeout),
            A::Retries => Some(Value::Number(ajp.retries)),
            A::RetryInterval => number(ajp.retry_interval_ms),
            A::ConnectionPingInterval => number(ajp.connection_ping_interval),
            A::RecoveryOptions => Some(Value::Number(ajp.recovery_options)),
            A::BusyLimit => Some(Value::Number(ajp.busy_limit)),
            A::MaxPacketSize => number(ajp.max_packet_size),
            _ => None,
        }),
    }
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
