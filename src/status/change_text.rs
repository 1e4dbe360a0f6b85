//! Changes as text and back, for what carries them from one child to the others.

use crate::config::Value;
use crate::config::rows::ParameterScope;
use crate::status::attributes::{Parameter, parameters, read};
use crate::status::change::Change;
use crate::status::view::Snapshot;

/// What a change has changed, for those who ask or look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The balancer, if it is about one or its member.
    pub balancer: Option<String>,
    /// The member or worker.
    pub worker: Option<String>,
    /// The property; `counters` after a reset.
    pub attribute: String,
    /// Its text before.
    pub old: String,
    /// Its text now.
    pub new: String,
}

impl Changed {
    /// Describes a change of what `snapshot` shows.
    pub fn of(change: &Change, snapshot: &Snapshot) -> Self {
        let old = old_value(change, snapshot).map(|old| old.to_string()).unwrap_or_default();
        let made = |balancer: Option<&String>, worker: Option<&String>, attribute: String, new| {
            let (balancer, worker) = (balancer.cloned(), worker.cloned());
            Self { balancer, worker, attribute, old: old.clone(), new }
        };
        match change {
            Change::Balancer { balancer, setting, value } => {
                made(Some(balancer), None, (*setting).to_owned(), value.to_string())
            }
            Change::Member { balancer, member, setting, value } => {
                made(Some(balancer), Some(member), (*setting).to_owned(), value.to_string())
            }
            Change::Ajp { worker, setting, value } => {
                made(None, Some(worker), (*setting).to_owned(), value.to_string())
            }
            Change::Recover { balancer, member } => Self {
                old: "ERR".to_owned(),
                ..made(Some(balancer), Some(member), "state".to_owned(), "ERR/REC".to_owned())
            },
            Change::Reset { worker, member } => {
                let is_lb = snapshot.balancers.iter().any(|lb| lb.name == *worker);
                let (balancer, worker) = match is_lb {
                    true => (Some(worker), member.as_ref()),
                    false => (None, Some(worker)),
                };
                made(balancer, worker, "counters".to_owned(), "0".to_owned())
            }
        }
    }
}

/// Returns the name of the parameter a change is sent as.
pub fn parameter(change: &Change) -> Option<&'static str> {
    row_of(change).map(|row| row.own.name)
}

fn row_of(change: &Change) -> Option<Parameter> {
    let (setting, scope) = match change {
        Change::Balancer { setting, .. } => (*setting, ParameterScope::Balancer),
        Change::Member { setting, .. } => (*setting, ParameterScope::Member),
        Change::Ajp { setting, .. } => (*setting, ParameterScope::Ajp13),
        Change::Recover { .. } | Change::Reset { .. } => return None,
    };
    parameters().find(|row| row.row.name == setting && row.scope == scope)
}

/// Makes a change of a parameter's name and text, with the checks of a request. Without a worker it
/// is the balancer's own, without a balancer the ajp13 worker's.
pub fn change_of(balancer: &str, worker: &str, name: &str, text: &str) -> Option<Change> {
    let row = parameters().find(|row| row.own.name == name)?;
    let (setting, value) = (row.row.name, read(&row, text).ok()?);
    let (balancer, worker) = (balancer.to_owned(), worker.to_owned());
    match (row.scope, balancer.is_empty(), worker.is_empty()) {
        (ParameterScope::Balancer, false, true) => {
            Some(Change::Balancer { balancer, setting, value })
        }
        (ParameterScope::Member, false, false) => {
            Some(Change::Member { balancer, member: worker, setting, value })
        }
        (ParameterScope::Ajp13, true, false) => Some(Change::Ajp { worker, setting, value }),
        _ => None,
    }
}

/// Returns what a change replaces.
pub fn old_value(change: &Change, snapshot: &Snapshot) -> Option<Value> {
    let row = row_of(change)?;
    match change {
        Change::Balancer { balancer, .. } => row.find(balancer, "", snapshot),
        Change::Member { balancer, member, .. } => row.find(balancer, member, snapshot),
        Change::Ajp { worker, .. } => row.find("", worker, snapshot),
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

/// Finds the parameter that sets a property of what is meant.
pub fn parameter_for(meant: Meant, name: &str) -> Option<&'static str> {
    rows(meant).find(|row| row.row.name == name).map(|row| row.own.name)
}

/// Returns the property that a parameter sets.
pub fn property_of(parameter: &str) -> Option<&'static str> {
    parameters().find(|row| row.own.name == parameter).map(|row| row.row.name)
}

/// Returns the names of all properties that can be set of what is meant.
pub fn settable(meant: Meant) -> Vec<&'static str> {
    rows(meant).map(|row| row.row.name).collect()
}

fn rows(meant: Meant) -> impl Iterator<Item = Parameter> {
    let scopes: &[ParameterScope] = match meant {
        Meant::Ajp => &[ParameterScope::Ajp13],
        Meant::Balancer => &[ParameterScope::Balancer],
        Meant::Member => &[ParameterScope::Member, ParameterScope::Ajp13],
    };
    parameters().filter(move |row| scopes.contains(&row.scope))
}

/// Tells whether a property of what is meant can be unset.
pub fn is_optional(meant: Meant, name: &str) -> bool {
    rows(meant).any(|row| row.row.name == name && row.row.is_optional())
}

/// Whose settings are to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// An ajp13 worker of its own.
    Ajp,
    /// A balancer.
    Balancer,
    /// A member, with the settings of its worker.
    Member,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_have_their_parameters() {
        let cases = [
            (Meant::Member, "lbfactor", Some("vwf")),
            (Meant::Member, "activation", Some("vwa")),
            (Meant::Member, "reply_timeout", Some("vart")),
            (Meant::Balancer, "retries", Some("vlr")),
            (Meant::Ajp, "retries", Some("var")),
            (Meant::Ajp, "lbfactor", None),
            (Meant::Balancer, "lbfactor", None),
        ];
        for (meant, name, expected) in cases {
            assert_eq!(parameter_for(meant, name), expected, "{meant:?} {name}");
        }
        assert_eq!([property_of("vwf"), property_of("wf")], [Some("lbfactor"), None]);
        let names = settable(Meant::Balancer);
        assert!(names.contains(&"sticky_session"), "{names:?}");
    }
}
