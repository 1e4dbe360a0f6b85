//! Changes as text and back, for what carries them from one child to the others.

use super::attributes::{Attribute, PARAMETERS, Row, Scope, Value, current, read};
use super::edit::Change;
use super::view::{Snapshot, method_name};

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
        let old = old_value(change, snapshot).map(|old| old.text()).unwrap_or_default();
        let made = |balancer: Option<&String>, worker: Option<&String>, attribute: String, new| {
            let (balancer, worker) = (balancer.cloned(), worker.cloned());
            Self { balancer, worker, attribute, old: old.clone(), new }
        };
        match change {
            Change::Balancer { balancer, attribute, value } => {
                made(Some(balancer), None, property(*attribute), value.text())
            }
            Change::Member { balancer, member, attribute, value } => {
                made(Some(balancer), Some(member), property(*attribute), value.text())
            }
            Change::Ajp { worker, attribute, value } => {
                made(None, Some(worker), property(*attribute), value.text())
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

impl Value {
    /// Writes the value as a parameter's text, which reads back as the same value.
    pub fn text(&self) -> String {
        match self {
            Self::Activation(activation) => activation.code().to_owned(),
            Self::Flag(on) => u8::from(*on).to_string(),
            Self::Method(method) => method_name(*method).to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Returns the property a change sets, as the file spells it.
pub fn property(attribute: Attribute) -> String {
    let mut name = String::new();
    for letter in format!("{attribute:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Returns the name of the parameter a change is sent as.
pub fn parameter(change: &Change) -> Option<&'static str> {
    let (attribute, scope) = match change {
        Change::Balancer { attribute, .. } => (*attribute, Scope::Balancer),
        Change::Member { attribute, .. } => (*attribute, Scope::Member),
        Change::Ajp { attribute, .. } => (*attribute, Scope::Ajp),
        Change::Recover { .. } | Change::Reset { .. } => return None,
    };
    PARAMETERS.iter().find(|row| row.2 == attribute && row.3 == scope).map(|row| row.0)
}

/// Makes a change of a parameter's name and text, with the checks of a request. Without a worker it
/// is the balancer's own, without a balancer the ajp13 worker's.
pub fn change_of(balancer: &str, worker: &str, name: &str, text: &str) -> Option<Change> {
    let row = PARAMETERS.iter().find(|row| row.0 == name)?;
    let (attribute, value) = (row.2, read(row, text).ok()?);
    let (balancer, worker) = (balancer.to_owned(), worker.to_owned());
    match (row.3, balancer.is_empty(), worker.is_empty()) {
        (Scope::Balancer, false, true) => Some(Change::Balancer { balancer, attribute, value }),
        (Scope::Member, false, false) => {
            Some(Change::Member { balancer, member: worker, attribute, value })
        }
        (Scope::Ajp, true, false) => Some(Change::Ajp { worker, attribute, value }),
        _ => None,
    }
}

/// Returns what a change replaces.
pub fn old_value(change: &Change, snapshot: &Snapshot) -> Option<Value> {
    let lb = |name: &str| snapshot.balancers.iter().find(|lb| lb.name == name);
    match change {
        Change::Balancer { balancer, attribute, .. } => {
            current(*attribute, lb(balancer), None, None, Scope::Balancer)
        }
        Change::Member { balancer, member, attribute, .. } => {
            let own = lb(balancer)?.members.iter().find(|own| own.ajp.name == *member);
            current(*attribute, lb(balancer), own, None, Scope::Member)
        }
        Change::Ajp { worker, attribute, .. } => {
            let members = snapshot.balancers.iter().flat_map(|lb| &lb.members);
            let mut all = snapshot.workers.iter().chain(members.map(|member| &member.ajp));
            let own = all.find(|ajp| ajp.name == *worker);
            current(*attribute, None, None, own, Scope::Ajp)
        }
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

/// Finds the parameter that sets a property of what is meant.
pub fn parameter_for(meant: Meant, name: &str) -> Option<&'static str> {
    rows(meant).find(|row| property(row.2) == name).map(|row| row.0)
}

/// Returns the names of all properties that can be set of what is meant.
pub fn settable(meant: Meant) -> Vec<String> {
    rows(meant).map(|row| property(row.2)).collect()
}

fn rows(meant: Meant) -> impl Iterator<Item = &'static Row> {
    let scopes: &[Scope] = match meant {
        Meant::Ajp => &[Scope::Ajp],
        Meant::Balancer => &[Scope::Balancer],
        Meant::Member => &[Scope::Member, Scope::Ajp],
    };
    PARAMETERS.iter().filter(move |row| scopes.contains(&row.3))
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
        let names = settable(Meant::Balancer);
        assert!(names.contains(&"sticky_session".to_owned()), "{names:?}");
    }
}
