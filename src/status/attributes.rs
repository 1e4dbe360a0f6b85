//! What can be changed: parameters, their older names, whom they are for and what they take.

use super::Refusal;
use super::carry::property;
use super::view::{Ajp, Balancer, Member};
use crate::config::boolean;
use crate::lb::{Activation, Method};

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

/// By its parameter, its older name, or as `set.` and the property.
pub(super) fn is_called(row: &Row, name: &str) -> bool {
    let property = || name.strip_prefix("set.").is_some_and(|name| name == property(row.2));
    row.0 == name || (!row.1.is_empty() && row.1 == name) || property()
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
                        || is_one_of(&["next", "leasttime", "hash"])
                })
                .ok_or_else(|| {
                    bad("Request, Traffic, Busyness, Session, Next, LeastTime or Hash")
                })?,
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
