//! Events in words, for the page, JSON and `jkctl`.

use crate::events::{EventFacts, EventKind, EventReason, code_number};
use crate::messages::{CATALOGUE, FailureDetail};

/// Names what an event is about: a balancer, a member as `balancer/member`, a worker, or httpd.
pub fn subject(facts: &EventFacts<'_>) -> String {
    match (&*facts.balancer, &*facts.worker) {
        ("", "") => "httpd".to_owned(),
        ("", name) | (name, "") => name.to_owned(),
        (balancer, member) => format!("{balancer}/{member}"),
    }
}

/// Says who asked for a change; nothing where no person did.
pub fn who(facts: &EventFacts<'_>) -> Option<String> {
    match (&*facts.user, &*facts.client) {
        (_, "") => None,
        ("", client) => Some(client.to_owned()),
        (user, client) => Some(format!("{user} from {client}")),
    }
}

/// Says what happened to the subject and why, without a full stop.
pub fn text(facts: &EventFacts<'_>) -> String {
    let EventFacts { attribute, old, new, .. } = facts;
    let by = who(facts).map(|who| format!(" by {who}")).unwrap_or_default();
    match facts.kind {
        EventKind::Out if facts.balancer.is_empty() => format!("began to fail: {}", cause(facts)),
        EventKind::Out => format!("went out of service: {}", cause(facts)),
        EventKind::TrialFailed => format!("stays out of service: {}", cause(facts)),
        EventKind::Forced => {
            "is tried by a request although it is out of service, because no other member is usable"
                .to_owned()
        }
        EventKind::Recovering => format!("is tried by the next request: {}", way_back(facts)),
        EventKind::Back if facts.balancer.is_empty() => "serves again".to_owned(),
        EventKind::Back => format!("is back in service: {}", way_back(facts)),
        EventKind::Unhealthy => format!("is unhealthy: {}{}", health(facts), stays(facts)),
        EventKind::Healthy => "is healthy: its health check passes again".to_owned(),
        EventKind::Refusing => format!("is refusing requests: {}{}", cause(facts), stays(facts)),
        EventKind::RefusingEnded => {
            "serves again: its AJP connector refuses no more requests".to_owned()
        }
        EventKind::Overloaded => {
            format!("had no room for a request, which was answered 503: {}", cause(facts))
        }
        EventKind::Drained => "is drained: its last session has ended".to_owned(),
        EventKind::Changed => format!("{attribute} changed from \"{old}\" to \"{new}\"{by}"),
        EventKind::Reset => format!("counters reset{by}"),
        EventKind::Recovered => format!("recovered{by}: the next request tries it"),
        EventKind::Discarded => {
            let value = if old.is_empty() { String::new() } else { format!("={old}") };
            format!(
                "runtime change discarded: the configuration file changed; {attribute}{value} no longer applies"
            )
        }
        EventKind::Started => format!("started with {new}"),
        EventKind::Restarted => format!("restarted gracefully with {new}"),
        EventKind::Rejected => {
            format!(
                "the new configuration was rejected, and the previous one is still in use: {new}"
            )
        }
    }
}

fn cause(facts: &EventFacts<'_>) -> String {
    let EventFacts { code, status, detail, .. } = *facts;
    match facts.reason {
        EventReason::HealthCheck => return health(facts),
        EventReason::Probe if detail.is_none() => return "it did not answer CPING".to_owned(),
        _ => {}
    }
    // The same words as in the log and on the page, but for what was answered, which the kind says. An event of
    // another version may have the number alone.
    let of_number = || {
        let own = CATALOGUE.iter().find(|own| code_number(own.code) == code)?;
        own.what.split("; answered").next()
    };
    let what =
        detail.map(FailureDetail::what).or_else(of_number).unwrap_or("a request to it failed");
    let code = code_text(code).map(|code| format!(" ({code})")).unwrap_or_default();
    match status {
        0 => format!("{what}{code}"),
        status => format!("{what}{code}, status {status}"),
    }
}

fn health(facts: &EventFacts<'_>) -> String {
    match (facts.status, facts.detail) {
        (0, None) => "its health check gets no answer in time".to_owned(),
        (0, Some(detail)) => {
            format!("its health check fails: {} ({})", detail.what(), detail.code())
        }
        (status, _) => format!("its health check gets status {status}"),
    }
}

fn stays(facts: &EventFacts<'_>) -> &'static str {
    match facts.reason == EventReason::NoOtherMember && !facts.balancer.is_empty() {
        true => "; it stays in service, because no other member can serve",
        false => "",
    }
}

fn way_back(facts: &EventFacts<'_>) -> &'static str {
    match facts.reason {
        EventReason::None | EventReason::Request => "a request to it succeeded",
        EventReason::Probe => "it answered CPING",
        EventReason::HealthCheck => "its health check passes",
        EventReason::RecoverTime => "recover_time is over",
        EventReason::Administrator => "an administrator recovered it",
        EventReason::NoOtherMember | EventReason::Refusals => "no other member can serve",
    }
}

/// Writes the number of a message as it is written elsewhere; nothing for 0.
pub fn code_text(code: u16) -> Option<String> {
    (code != 0).then(|| format!("JK-{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(kind: EventKind, reason: EventReason, code: u16, status: u16) -> EventFacts<'static> {
        EventFacts { reason, code, status, ..EventFacts::new(kind, "shop", "shop1") }
    }

    #[test]
    fn changes_of_state_name_their_cause() {
        let refused = member(EventKind::Out, EventReason::Request, 303, 0);
        let of = |detail: FailureDetail| EventFacts { detail: Some(detail), ..refused.clone() };
        for detail in [FailureDetail::ConnectionRefused, FailureDetail::ConnectTimeout] {
            // As exact as the log and the page: refused or timed out, not either.
            assert_eq!(
                text(&of(detail)),
                format!("went out of service: {} (JK-303)", detail.what())
            );
        }
        let probed = EventFacts { reason: EventReason::Probe, ..of(FailureDetail::ConnectTimeout) };
        assert!(text(&probed).contains(FailureDetail::ConnectTimeout.what()), "{}", text(&probed));
        let checked = EventFacts { reason: EventReason::HealthCheck, ..probed };
        assert!(
            text(&checked).contains("check fails: no answer to the connection"),
            "{}",
            text(&checked)
        );
        let row = CATALOGUE.iter().find(|own| own.code == "JK-303").expect("a row");
        let what = row.what.split("; answered").next().expect("a part");
        assert_eq!(text(&refused), format!("went out of service: {what} (JK-303)"));
        assert_eq!(subject(&refused), "shop/shop1");
        let alone = EventFacts { balancer: "".into(), ..refused };
        assert_eq!(text(&alone), format!("began to fail: {what} (JK-303)"));
        assert_eq!(subject(&alone), "shop1");
        let status = text(&member(EventKind::Out, EventReason::Request, 311, 500));
        assert!(status.ends_with("(JK-311), status 500"), "{status}");
        let cases = [
            (member(EventKind::Out, EventReason::HealthCheck, 0, 503), "gets status 503"),
            (member(EventKind::Out, EventReason::HealthCheck, 0, 0), "gets no answer in time"),
            (member(EventKind::TrialFailed, EventReason::Probe, 0, 0), "did not answer CPING"),
            (member(EventKind::Recovering, EventReason::RecoverTime, 0, 0), "recover_time is over"),
            (
                member(EventKind::Unhealthy, EventReason::NoOtherMember, 0, 0),
                "no other member can serve",
            ),
            // What memory holds may be a number that no message has.
            (member(EventKind::Out, EventReason::Request, 65_535, 0), "failed (JK-65535)"),
        ];
        for (facts, end) in cases {
            assert!(text(&facts).ends_with(end), "{}", text(&facts));
        }
    }

    #[test]
    fn edits_name_who_made_them() {
        let facts = EventFacts {
            attribute: "lbfactor".into(),
            old: "1".into(),
            new: "2".into(),
            client: "192.0.2.7".into(),
            ..EventFacts::new(EventKind::Changed, "shop", "shop1")
        };
        assert_eq!(text(&facts), "lbfactor changed from \"1\" to \"2\" by 192.0.2.7");
        let facts = EventFacts { user: "admin".into(), ..facts };
        assert_eq!(who(&facts).as_deref(), Some("admin from 192.0.2.7"));
        for kind in EventKind::ALL {
            let all = EventFacts { kind: *kind, ..facts.clone() };
            assert!(!text(&all).is_empty() && !text(&all).ends_with('.'), "{kind:?}");
        }
    }
}
