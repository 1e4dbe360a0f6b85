//! What can be changed: the properties whose rows have a parameter, and how a request's text for
//! one is read.

use crate::config::rows::{
    ACTIVATION, HOST, PORT, PROPERTIES, ParameterScope, PropertyRow, Range, StatusParameter, UNSET,
};
use crate::config::{Settings, Value, ValueKind, boolean, unix_path, unix_path_fault};
use crate::status::StatusError;
use crate::status::view::{BalancerView, MemberView, Snapshot, WorkerView};

/// One parameter of an update.
#[derive(Clone, Copy)]
pub(super) struct Parameter {
    /// The property it changes.
    pub row: &'static PropertyRow,
    pub own: StatusParameter,
    pub scope: ParameterScope,
}

/// Returns all parameters of updates.
pub(super) fn parameters() -> impl Iterator<Item = Parameter> {
    let of = |row: &'static PropertyRow| {
        row.parameters().map(move |(scope, own)| Parameter { row, own, scope })
    };
    PROPERTIES.iter().flat_map(of)
}

/// Finds the parameter of a property. `balancer` and `worker` are empty where there is none; a worker
/// without a balancer stands for every balancer that has it.
pub(super) fn parameter_of(balancer: &str, worker: &str, property: &str) -> Option<Parameter> {
    let scope = match (balancer, worker) {
        (_, "") => ParameterScope::Balancer,
        ("", _) => ParameterScope::Ajp13,
        _ => ParameterScope::Member,
    };
    parameters().find(|row| row.row.name == property && row.scope == scope)
}

impl Parameter {
    /// Returns the value in force of those that are named as in [`parameter_of`].
    pub fn find(&self, balancer: &str, worker: &str, snapshot: &Snapshot) -> Option<Value> {
        let lb = || snapshot.balancers.iter().find(|lb| lb.name == balancer);
        match self.scope {
            ParameterScope::Balancer => self.current(lb(), None, None),
            ParameterScope::Member => {
                let own = lb()?.members.iter().find(|own| own.ajp.name == worker);
                self.current(None, own, None)
            }
            ParameterScope::Ajp13 => {
                let members = snapshot.balancers.iter().flat_map(|lb| &lb.members);
                let mut all = snapshot.workers.iter().chain(members.map(|member| &member.ajp));
                self.current(None, None, all.find(|ajp| ajp.name == worker))
            }
        }
    }

    /// By its name, its older name, or as `set.` and the property.
    pub fn is_called(&self, name: &str) -> bool {
        let is_property = name.strip_prefix("set.").is_some_and(|name| name == self.row.name);
        self.own.name == name
            || (!self.own.older.is_empty() && self.own.older == name)
            || is_property
    }

    /// Tells whether it is about where a worker is, which is never the same for several.
    pub fn is_address(&self) -> bool {
        matches!(self.row.name, HOST | PORT)
    }

    /// Returns the value in force.
    pub fn current(
        &self,
        lb: Option<&BalancerView>,
        member: Option<&MemberView>,
        ajp: Option<&WorkerView>,
    ) -> Option<Value> {
        match self.scope {
            ParameterScope::Balancer => lb?.config.value(self.row.name),
            // In the record, where elections read it.
            ParameterScope::Member if self.row.name == ACTIVATION => {
                Some(Value::Activation(member?.activation))
            }
            ParameterScope::Member => member?.config.value(self.row.name),
            ParameterScope::Ajp13 => ajp?.config.value(self.row.name),
        }
    }
}

/// Reads a value as a request sends it.
pub(super) fn read(parameter: &Parameter, text: &str) -> Result<Value, StatusError> {
    let (name, row) = (parameter.own.name, parameter.row);
    if text == UNSET {
        return match row.is_optional() {
            true => Ok(Value::Unset),
            false => Err(StatusError::value(
                name,
                "it always has a value and cannot be unset".to_owned(),
            )),
        };
    }
    let bad = |expected: &str| {
        let shown: String = text.chars().take(80).collect();
        let or = if row.is_optional() { ", or unset" } else { "" };
        StatusError::value(name, format!("invalid value '{shown}', expected {expected}{or}"))
    };
    match row.kind {
        ValueKind::Bool => boolean(text).map(Value::Flag).ok_or_else(|| bad("true or false")),
        ValueKind::Word(words) => words.strictly(text).ok_or_else(|| {
            let (last, others) = words.names.split_last().unwrap_or((&"", &[]));
            bad(&format!("{} or {last}", others.join(", ")))
        }),
        kind if kind.is_number() => {
            let (least, most) = row.range.limits();
            let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
            let number = digits.and_then(|text| text.parse::<u32>().ok());
            let number = match row.range {
                Range::Packet => number.and_then(|number| number.checked_next_multiple_of(1024)),
                _ => number,
            };
            let number = number.filter(|number| (least..=most).contains(number));
            let number = number.map(|number| Value::Number(number.into()));
            number.ok_or_else(|| bad(&format!("a whole number from {least} to {most}")))
        }
        ValueKind::Host if unix_path(text).is_some() => {
            match unix_path(text).and_then(unix_path_fault) {
                Some(fault) => Err(StatusError::value(name, format!("'{text}': {fault}"))),
                None => Ok(Value::Text(text.to_owned())),
            }
        }
        ValueKind::Host if text.is_empty() => Err(bad("a host name")),
        _ if text.len() > 63 => Err(bad("at most 63 bytes")),
        _ if text.chars().any(char::is_control) => Err(bad("no control characters")),
        // Nothing is what an optional text is when it is unset; forms have always sent it so.
        _ if text.is_empty() && row.is_optional() => Ok(Value::Unset),
        _ => Ok(Value::Text(text.to_owned())),
    }
}
