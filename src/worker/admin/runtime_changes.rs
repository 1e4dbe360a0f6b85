//! Which settings differ from what the configuration says, as they were changed while httpd runs, and by
//! whom.

use std::sync::atomic::Ordering::Relaxed;

use crate::config::Value;
use crate::config::rows::ACTIVATION;
use crate::events::{EventFacts, EventKind, LoggedEvent};
use crate::status::view::{EditView, Moment, RuntimeChange};
use crate::worker::overrides::overlay;
use crate::worker::workers::Workers;

/// Returns them in the order in which they were made, the activations of members behind the rest.
pub(super) fn runtime_changes(workers: &Workers, utc_offset: i64) -> Vec<RuntimeChange> {
    let text = workers.records.segment.overrides().read().1;
    let mut all = overlay::differing(&workers.config, &text);
    for lb in workers.balancers() {
        for (index, (own, record)) in lb.balancer.members.iter().zip(&lb.records).enumerate() {
            // Most have none of their own.
            if record.activation.load(Relaxed) == 0 || lb.activation(index) == own.activation {
                continue;
            }
            all.push(RuntimeChange {
                balancer: lb.name.clone(),
                worker: lb.members[index].name.clone(),
                property: ACTIVATION,
                old: Value::Activation(own.activation),
                new: Value::Activation(lb.activation(index)),
                edit: None,
            });
        }
    }
    // Most often there are none, and events need not be read.
    if !all.is_empty() {
        let events = workers.records.segment.events().since(0);
        for change in &mut all {
            change.edit = edit_of(change, &events, utc_offset).map(Box::new);
        }
    }
    all
}

/// Finds the latest edit of a setting among the events, which are many edits long.
fn edit_of(change: &RuntimeChange, events: &[LoggedEvent], utc_offset: i64) -> Option<EditView> {
    let is_about = |facts: &EventFacts<'_>| {
        facts.kind == EventKind::Changed
            && is_name(&facts.attribute, change.property)
            && is_name(&facts.balancer, &change.balancer)
            && is_name(&facts.worker, &change.worker)
    };
    let event = events.iter().rev().find(|own| is_about(&own.facts))?;
    Some(EditView {
        at: Moment::at((event.time_ms / 1_000) as i64, utc_offset),
        user: event.facts.user.to_string(),
        client: event.facts.client.to_string(),
    })
}

/// Compares a name of an event, which is cut if it is long.
fn is_name(kept: &str, name: &str) -> bool {
    kept == name || kept.strip_suffix('…').is_some_and(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_edit_of_the_same_setting_counts() {
        let event =
            |seq: u64, kind, balancer, worker, attribute: &'static str, user: &'static str| {
                let facts = EventFacts {
                    attribute: attribute.into(),
                    user: user.into(),
                    client: "192.0.2.7".into(),
                    ..EventFacts::new(kind, balancer, worker)
                };
                let time_ms = seq * 1_000;
                LoggedEvent { seq, time_ms, first_ms: time_ms, count: 1, facts }
            };
        let change = |balancer: &str, worker: &str| RuntimeChange {
            balancer: balancer.to_owned(),
            worker: worker.to_owned(),
            property: "lbfactor",
            old: Value::Number(1),
            new: Value::Number(2),
            edit: None,
        };
        let events = [
            event(1, EventKind::Changed, "lb", "n1", "lbfactor", "first"),
            event(2, EventKind::Changed, "lb", "n1", "lbfactor", "second"),
            event(3, EventKind::Changed, "lb", "n1", "distance", "another setting"),
            event(4, EventKind::Changed, "lb", "n2", "lbfactor", "another member"),
            event(5, EventKind::Discarded, "lb", "n1", "lbfactor", "no edit"),
            event(6, EventKind::Changed, "lb", "a-long-na…", "lbfactor", "cut"),
        ];
        let found = |balancer, worker| {
            let edit = edit_of(&change(balancer, worker), &events, 0)?;
            Some((edit.at.unix, edit.who()))
        };
        assert_eq!(found("lb", "n1"), Some((2, "second at 192.0.2.7".to_owned())));
        assert_eq!(found("lb", "a-long-name"), Some((6, "cut at 192.0.2.7".to_owned())));
        assert_eq!(found("lb", "n3"), None);
        assert_eq!(found("", "n1"), None);
    }
}
