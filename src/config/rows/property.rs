//! The row of a property, from which everything about it is made: how the file is read, `DUMP_JK`,
//! JSON, the page and its forms, changes at run time, fingerprints, and whether connections stay.

use crate::config::model::{Ajp13Config, LbConfig, MemberConfig, StatusConfig};
use crate::config::rows::legacy::RETIRED;
use crate::config::rows::value::{Range, UNSET, Value, ValueKind};
use crate::config::value::{boolean, integer, words};

/// Which workers a property is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PropertyScope {
    /// Every worker.
    All,
    /// ajp13 workers.
    Ajp13,
    /// ajp13 workers and balancers.
    Both,
    /// Balancers.
    Lb,
    /// ajp13 workers as members of a balancer.
    Member,
    /// Status workers.
    Status,
}

/// One property of workers.
#[derive(Debug)]
pub struct PropertyRow {
    /// Its name, without `worker.<name>.`.
    pub name: &'static str,
    /// Older names of it.
    pub aliases: &'static [&'static str],
    /// Whom it is for.
    pub scope: PropertyScope,
    /// What its value is.
    pub kind: ValueKind,
    /// Which numbers it takes.
    pub range: Range,
    /// Value if it is not set, or in words what it is then; empty where unset is a value.
    pub default: &'static str,
    /// First version that has it; 2.0.0 is the first of this module.
    pub since: &'static str,
    /// What it does, for the manual and as help beside a form's field.
    pub doc: &'static str,
    /// Where an ajp13 worker keeps it.
    pub ajp13: Option<Setting<Ajp13Config>>,
    /// Where a balancer keeps it.
    pub lb: Option<Setting<LbConfig>>,
    /// Where a member keeps it.
    pub member: Option<Setting<MemberConfig>>,
    /// Where a status worker keeps it.
    pub status: Option<Setting<StatusConfig>>,
}

/// The field of a configuration of type `C` that keeps a property.
#[derive(Clone, Copy, Debug)]
pub struct Setting<C: 'static> {
    get: fn(&C, ValueKind) -> Value,
    /// Absent where a reader of its own fills the field.
    set: Option<fn(&mut C, &Value, ValueKind) -> bool>,
    /// Its value if it is not set, where other properties say it.
    pub otherwise: Option<fn(&C) -> Value>,
    /// How a request to the status worker changes it, if it can change at run time.
    pub parameter: Option<StatusParameter>,
    /// Whether open connections are of no use after a change.
    pub affects_connections: bool,
    /// Whether a `-` in the file is nothing.
    takes_dash: bool,
}

/// A parameter of `cmd=update`.
#[derive(Clone, Copy, Debug)]
pub struct StatusParameter {
    /// Its name.
    pub name: &'static str,
    /// An older name, empty for none.
    pub older: &'static str,
    /// First version that has it.
    pub since: &'static str,
}

/// Whose property a parameter changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterScope {
    /// An ajp13 worker's, also of one that is a member.
    Ajp13,
    /// A balancer's.
    Balancer,
    /// What a balancer says of a member.
    Member,
}

/// Names of properties that more than their row knows of.
#[allow(missing_docs)]
mod names {
    pub const ACTIVATION: &str = "activation";
    pub const HOST: &str = "host";
    pub const PORT: &str = "port";
    pub const ROUTE: &str = "route";
}

pub use names::{ACTIVATION, HOST, PORT, ROUTE};

impl PropertyRow {
    /// Makes a row; the rest is added by what follows.
    pub(super) const fn new(
        name: &'static str,
        scope: PropertyScope,
        kind: ValueKind,
        default: &'static str,
        since: &'static str,
        doc: &'static str,
    ) -> Self {
        let (range, aliases) = (Range::Natural, &[]);
        let (ajp13, lb, member, status) = (None, None, None, None);
        Self { name, aliases, scope, kind, range, default, since, doc, ajp13, lb, member, status }
    }

    pub(super) const fn once(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    pub(super) const fn range(self, range: Range) -> Self {
        Self { range, ..self }
    }

    pub(super) const fn ajp13(self, setting: Setting<Ajp13Config>) -> Self {
        Self { ajp13: Some(setting), ..self }
    }

    pub(super) const fn lb(self, setting: Setting<LbConfig>) -> Self {
        Self { lb: Some(setting), ..self }
    }

    pub(super) const fn member(self, setting: Setting<MemberConfig>) -> Self {
        Self { member: Some(setting), ..self }
    }

    pub(super) const fn status(self, setting: Setting<StatusConfig>) -> Self {
        Self { status: Some(setting), ..self }
    }

    /// Returns the parameters that change it, with whose property each one changes.
    pub fn parameters(&self) -> impl Iterator<Item = (ParameterScope, StatusParameter)> + use<> {
        let ajp13 = self.ajp13.as_ref().and_then(|own| own.parameter);
        let balancer = self.lb.as_ref().and_then(|own| own.parameter);
        let member = self.member.as_ref().and_then(|own| own.parameter);
        let all = [
            (ParameterScope::Ajp13, ajp13),
            (ParameterScope::Balancer, balancer),
            (ParameterScope::Member, member),
        ];
        all.into_iter().filter_map(|(scope, own)| Some((scope, own?)))
    }

    /// Tells whether unset is one of its values.
    pub const fn is_optional(&self) -> bool {
        self.default.is_empty()
    }

    /// Tells whether it is accepted without effect.
    pub fn is_retired(&self) -> bool {
        RETIRED.iter().any(|(name, _)| *name == self.name)
    }

    /// Returns the value if it is not set, as far as the row alone says it.
    pub fn usual(&self) -> Value {
        let number = || integer(self.default).map_or(Value::Unset, |own| Value::Number(own.into()));
        match self.kind {
            _ if self.default.is_empty() => Value::Unset,
            ValueKind::Bool => boolean(self.default).map_or(Value::Unset, Value::Flag),
            kind if kind.is_number() => number(),
            ValueKind::List => Value::Words(words(self.default).map(str::to_owned).collect()),
            ValueKind::Word(words) => (words.read)(self.default).unwrap_or(Value::Unset),
            _ => Value::Text(self.default.to_owned()),
        }
    }

    /// Returns its default as the manual shows it.
    pub fn default_in_words(&self) -> &'static str {
        if self.kind.is_number() && self.is_optional() { UNSET } else { self.default }
    }

    /// Returns its key in JSON, with the unit; of a secret only is shown whether there is one.
    pub fn key(&self) -> String {
        match self.kind {
            ValueKind::Millis | ValueKind::Seconds => [self.name, "_", self.kind.unit()].concat(),
            ValueKind::Secret => ["has_", self.name].concat(),
            _ => self.name.to_owned(),
        }
    }

    /// Returns its value with the unit, for people.
    pub fn with_unit(&self, value: &Value) -> String {
        match value {
            Value::Number(_) if self.kind.is_time() => format!("{value} {}", self.kind.unit()),
            Value::List(all) if all.is_empty() => "none".to_owned(),
            other => other.in_words(),
        }
    }
}

impl<C> Setting<C> {
    pub(super) const fn new(
        get: fn(&C, ValueKind) -> Value,
        set: Option<fn(&mut C, &Value, ValueKind) -> bool>,
    ) -> Self {
        Self {
            get,
            set,
            otherwise: None,
            parameter: None,
            affects_connections: true,
            takes_dash: false,
        }
    }

    /// With the parameter of the status worker that changes it at run time.
    pub(super) const fn changed_by(self, name: &'static str, since: &'static str) -> Self {
        Self { parameter: Some(StatusParameter { name, older: "", since }), ..self }
    }

    /// The same, with an older name of the parameter.
    pub(super) const fn changed_by_either(
        self,
        name: &'static str,
        older: &'static str,
        since: &'static str,
    ) -> Self {
        Self { parameter: Some(StatusParameter { name, older, since }), ..self }
    }

    pub(super) const fn keeping_connections(self) -> Self {
        Self { affects_connections: false, ..self }
    }

    pub(super) const fn otherwise(self, otherwise: fn(&C) -> Value) -> Self {
        Self { otherwise: Some(otherwise), ..self }
    }

    pub(super) const fn or_dash(self) -> Self {
        Self { takes_dash: true, ..self }
    }

    /// Reads it.
    pub fn get(&self, row: &PropertyRow, config: &C) -> Value {
        match (self.get)(config, row.kind) {
            Value::Text(text) if text.is_empty() && row.is_optional() => Value::Unset,
            value => value,
        }
    }

    /// Writes it; `false` for a value it cannot have.
    pub fn set(&self, row: &PropertyRow, config: &mut C, value: &Value) -> bool {
        let Some(set) = self.set else { return false };
        match value {
            Value::Unset if !row.is_optional() => false,
            Value::Text(text) if self.takes_dash && text.starts_with('-') => {
                set(config, &Value::Text(String::new()), row.kind)
            }
            value => set(config, value, row.kind),
        }
    }

    /// Tells whether a `-` in the file is nothing.
    pub fn takes_dash(&self) -> bool {
        self.takes_dash
    }

    /// Tells whether its value is read and written by the row alone.
    pub fn is_stored(&self) -> bool {
        self.set.is_some()
    }
}

impl PropertyScope {
    /// Whether a worker of a type heeds properties of this scope.
    pub fn covers(self, worker_type: &str) -> bool {
        match worker_type {
            "lb" => matches!(self, Self::All | Self::Both | Self::Lb),
            "status" => matches!(self, Self::All | Self::Status),
            _ => matches!(self, Self::All | Self::Ajp13 | Self::Both | Self::Member),
        }
    }

    /// Whom properties of this scope are for, in words.
    pub fn label(self) -> &'static str {
        match self {
            Self::All => "all workers",
            Self::Ajp13 => "ajp13 workers",
            Self::Both => "ajp13 workers and balancers",
            Self::Lb => "balancers",
            Self::Member => "members of balancers",
            Self::Status => "status workers",
        }
    }
}
