//! Events as lines of a table.

use crate::events::{EventFacts, LoggedEvent};
use crate::status::event_text;
use crate::status::request::encode;
use crate::status::view::{EventList, Moment, Snapshot};

pub(super) struct EventRow {
    pub time: String,
    pub subject: String,
    /// Query of the page about the subject; empty where there is none any more.
    pub link: String,
    pub text: String,
    /// How often it happened and since when; empty for once.
    pub repeated: String,
}

/// Writes events, the latest first.
pub(super) fn rows(events: &[&LoggedEvent], most: usize, snapshot: &Snapshot) -> Vec<EventRow> {
    let list = &snapshot.events;
    events.iter().rev().take(most).map(|event| row(event, list, snapshot)).collect()
}

fn row(event: &LoggedEvent, list: &EventList, snapshot: &Snapshot) -> EventRow {
    let at = |ms: u64| {
        let moment = Moment::at((ms / 1_000) as i64, list.utc_offset);
        format!("{} {}", moment.pretty(), moment.tz)
    };
    let repeated = match event.count {
        0 | 1 => String::new(),
        count => format!("{count} times since {}", at(event.first_ms)),
    };
    EventRow {
        time: at(event.time_ms),
        subject: event_text::subject(&event.facts),
        link: link(&event.facts, snapshot),
        text: event_text::text(&event.facts),
        repeated,
    }
}

fn link(facts: &EventFacts<'_>, snapshot: &Snapshot) -> String {
    let lb = snapshot.balancers.iter().find(|lb| lb.name == *facts.balancer);
    let is_member = lb.is_some_and(|lb| lb.members.iter().any(|own| own.ajp.name == *facts.worker));
    let is_alone = snapshot.workers.iter().any(|own| own.name == *facts.worker);
    match (&*facts.balancer, &*facts.worker) {
        ("", worker) if is_alone => format!("w={}", encode(worker)),
        (balancer, "") if lb.is_some() => format!("w={}", encode(balancer)),
        (balancer, member) if is_member => format!("w={}&sw={}", encode(balancer), encode(member)),
        _ => String::new(),
    }
}
