//! What was changed: by the form that led here, and since httpd read its configuration.

use crate::status::attributes::{parameter_of, read};
use crate::status::change_text::Changed;
use crate::status::request::{StatusRequest, encode};
use crate::status::view::{RuntimeChange, Snapshot};

/// One setting with both values.
pub(super) struct ChangedRow {
    /// The balancer, the member or both.
    pub subject: String,
    pub property: String,
    pub old: String,
    pub new: String,
    /// Who made it so and when, as far as that is known.
    pub edit: Option<String>,
    /// How it is taken back.
    pub undo: Option<Undo>,
}

pub(super) struct Undo {
    pub action: String,
    pub parameter: &'static str,
}

/// Changes that a form's answer names.
const MOST: usize = 10;

/// Writes changes as parameters of the page that follows on them: what they were before. What they are
/// now is looked up there, so that a link cannot claim it.
pub(super) fn in_query(changed: &[Changed]) -> String {
    let text = |(index, own): (usize, &Changed)| {
        let Changed { balancer, worker, attribute, old, .. } = own;
        let name = |of: &Option<String>| of.clone().unwrap_or_default();
        let text = [&name(balancer), &name(worker), attribute, old].map(String::as_str).join("|");
        format!("&c{index}={}", encode(&text))
    };
    changed.iter().take(MOST).enumerate().map(text).collect()
}

/// Reads what [`in_query`] has written.
pub(super) fn from_query(command: &StatusRequest, snapshot: &Snapshot) -> Vec<ChangedRow> {
    let each = (0..MOST).filter_map(|index| command.parameters.get(&format!("c{index}")));
    let row = |text: &String| {
        let mut words = text.splitn(4, '|');
        let (balancer, worker, property) = (words.next()?, words.next()?, words.next()?);
        let parameter = parameter_of(balancer, worker, property)?;
        let new = parameter.find(balancer, worker, snapshot)?.in_words();
        let old: String = words.next()?.chars().take(200).collect();
        let old = read(&parameter, &old).map_or(old, |value| value.in_words());
        let (subject, property) = (subject(balancer, worker), property.to_owned());
        Some(ChangedRow { subject, property, old, new, edit: None, undo: None })
    };
    each.filter_map(row).collect()
}

/// Makes rows of what differs from the configuration that httpd has read, as far as it is about what
/// is shown.
pub(super) fn since_start(
    snapshot: &Snapshot,
    is_wanted: impl Fn(&str) -> bool,
) -> Vec<ChangedRow> {
    let row = |own: &RuntimeChange| {
        let RuntimeChange { balancer, worker, property, old, new, edit } = own;
        let parameter = parameter_of(balancer, worker, property)?.own.name;
        // A worker that is only a member is found by a balancer.
        let owner = match balancer.as_str() {
            "" if snapshot.workers.iter().any(|ajp| ajp.name == *worker) => "",
            "" => {
                &snapshot
                    .balancers
                    .iter()
                    .find(|lb| lb.members.iter().any(|own| own.ajp.name == *worker))?
                    .name
            }
            name => name,
        };
        if !is_wanted(if owner.is_empty() { worker } else { owner }) {
            return None;
        }
        let action = match (owner, worker.as_str()) {
            ("", worker) => format!("?cmd=update&w={}", encode(worker)),
            (owner, "") => format!("?cmd=update&w={}", encode(owner)),
            (owner, worker) => format!("?cmd=update&w={}&sw={}", encode(owner), encode(worker)),
        };
        Some(ChangedRow {
            subject: subject(balancer, worker),
            property: (*property).to_owned(),
            old: old.in_words(),
            new: new.in_words(),
            edit: edit
                .as_deref()
                .map(|edit| format!("by {}, {} {}", edit.who(), edit.at.pretty(), edit.at.tz)),
            undo: Some(Undo { action, parameter }),
        })
    };
    snapshot.runtime_changes.iter().filter_map(row).collect()
}

fn subject(balancer: &str, worker: &str) -> String {
    match (balancer, worker) {
        (balancer, "") => balancer.to_owned(),
        ("", worker) => worker.to_owned(),
        (balancer, worker) => format!("{balancer} / {worker}"),
    }
}
