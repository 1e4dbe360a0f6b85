//! Events on the page and in JSON.

use mod_jk::events::{EventFacts, EventKind, EventReason, LoggedEvent};
use mod_jk::status::rating::RatingRules;
use mod_jk::status::render::html::{self, PageSettings};
use mod_jk::status::render::json;
use mod_jk::status::request::parse;
use mod_jk::status::view::{EventList, Snapshot};
use serde_json::{Value, json};

use crate::state;

fn list() -> Vec<LoggedEvent> {
    let kept = |seq: u64, count: u32, facts: EventFacts<'static>| LoggedEvent {
        seq,
        time_ms: 1_795_511_600_000 + seq * 1_250,
        first_ms: 1_795_511_600_000,
        count,
        facts,
    };
    let out = EventFacts {
        reason: EventReason::Request,
        code: 303,
        ..EventFacts::new(EventKind::Out, "lb", "n1")
    };
    let edit = EventFacts {
        attribute: "lbfactor".into(),
        old: "1".into(),
        new: "<b>2</b>".into(),
        client: "192.0.2.7".into(),
        user: "root\"&".into(),
        ..EventFacts::new(EventKind::Changed, "lb", "n2")
    };
    vec![
        kept(1, 1, EventFacts::new(EventKind::Started, "", "")),
        kept(2, 12, out),
        kept(3, 1, EventFacts::new(EventKind::Reset, "", "n1")),
        kept(4, 1, edit),
        kept(5, 1, EventFacts::new(EventKind::Out, "", "solo")),
        kept(6, 1, EventFacts::new(EventKind::Out, "gone", "n9")),
    ]
}

fn snapshot(events: Vec<LoggedEvent>) -> Snapshot {
    let events = EventList { events, last: 6, utc_offset: 3_600 };
    Snapshot { events, ..state::snapshot() }
}

fn read(query: &str) -> Value {
    let (_, command) = parse(&format!("mime=json&{query}"), false);
    let (rules, snapshot) = (RatingRules::default(), snapshot(list()));
    serde_json::from_str(&json::render(command.as_ref(), &snapshot, &[], &rules)).expect("JSON")
}

#[test]
fn json_has_them_with_the_latest_last() {
    let numbers = |query: &str| -> Vec<u64> {
        let page = read(query);
        let all = page["events"].as_array().into_iter().flatten();
        all.filter_map(|event| event["seq"].as_u64()).collect()
    };
    assert_eq!(numbers(""), [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers("cmd=events"), [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers("cmd=show&w=lb"), [2, 3, 4], "with those of a member's worker");
    assert_eq!(numbers("cmd=show&w=lb&sw=n1"), [2, 3]);
    assert_eq!(numbers("cmd=show&w=solo"), [5]);
    assert_eq!(numbers("cmd=events&w=lb&sw=n1"), [2, 3]);
    for query in ["opt=512", "cmd=dump", "cmd=version", "cmd=edit&w=lb"] {
        assert!(read(query).get("events").is_none(), "{query}");
    }
    let page = read("cmd=events");
    assert!(page.get("balancers").is_none(), "nothing else");
    assert_eq!(page["last_event"], 6);
    let out = &page["events"][1];
    assert_eq!(
        (&out["kind"], &out["code"], &out["reason"], &out["status"]),
        (&json!("out"), &json!("JK-303"), &json!("request"), &Value::Null)
    );
    assert_eq!((&out["balancer"], &out["worker"]), (&json!("lb"), &json!("n1")));
    assert_eq!(
        out["time"],
        json!({ "unix": 1_795_511_602, "datetime": "20261124101322", "tz": "+0100", "ms": 500 })
    );
    assert_eq!((&out["count"], &out["first_time"]["unix"]), (&json!(12), &json!(1_795_511_600)));
    assert!(
        out["text"].as_str().expect("text").starts_with("lb/n1 went out of service: "),
        "{out}"
    );
    let edit = &page["events"][3];
    assert_eq!((&edit["old"], &edit["new"]), (&json!("1"), &json!("<b>2</b>")));
    assert_eq!((&edit["user"], &edit["client"]), (&json!("root\"&"), &json!("192.0.2.7")));
    assert_eq!(page["events"][0]["old"], Value::Null, "only changes have values");
}

#[test]
fn a_request_says_from_which_number_on() {
    let since = |query: &str| parse(query, false).1.expect("a request").events_since();
    assert_eq!(since("cmd=events&since=7"), Some(7));
    assert_eq!(since("since=18446744073709551615"), Some(u64::MAX));
    for query in ["cmd=events", "since=", "since=-1", "since=99999999999999999999", "since=x"] {
        assert_eq!(since(query), Some(0), "{query}");
    }
    assert_eq!(since("opt=512"), None);
    assert_eq!(since("cmd=metrics"), None);
}

#[test]
fn the_page_shows_the_latest_first_and_escapes_them() {
    let page = |query: &str, events| {
        let (_, command) = parse(query, false);
        let setting =
            PageSettings { is_read_only: false, nonce: "0a1b", ..PageSettings::default() };
        html::render(command.as_ref(), &snapshot(events), &setting).expect("memory")
    };
    let all = page("cmd=events", list());
    assert!(!all.contains("<b>2") && !all.contains("root\"&"), "{all}");
    let at = |text: &str| all.find(text).unwrap_or_else(|| panic!("{text}: {all}"));
    assert!(at(">gone/n9<") < at(">lb/n2</a>") && at(">lb/n2</a>") < at(">httpd<"));
    assert!(all.contains("<a href=\"?cmd=show&amp;w=lb&#38;sw=n1\">lb/n1</a>"), "{all}");
    assert!(all.contains("<small>12 times since 2026-11-24 10:13:20 +0100</small>"));
    assert!(!all.contains(">All events<"));

    let many = || list().into_iter().cycle().take(30).collect::<Vec<_>>();
    let list = page("", many());
    assert_eq!(list.matches("<tr><td class=\"n\">2026").count(), 20);
    assert!(list.contains("<a href=\"?cmd=events\">All events</a>"));
    assert_eq!(page("cmd=events", many()).matches("<tr><td class=\"n\">2026").count(), 30);
    assert!(page("cmd=events", Vec::new()).contains("Nothing has happened"));
    assert!(!page("", Vec::new()).contains("id=\"events\""));
}

/// Every key and word of events is explained in the manual.
#[test]
fn the_manual_knows_every_key_and_word() {
    let manual = include_str!("../../docs/status.md");
    let section = manual.split("## Events").nth(1).and_then(|rest| rest.split("\n## ").next());
    let words: Vec<_> = section.expect("the section").split('`').skip(1).step_by(2).collect();
    let event = &read("cmd=events")["events"][1];
    let keys = event.as_object().expect("an object").keys().map(String::as_str);
    let kinds = EventKind::ALL.iter().map(|own| own.word());
    let reasons = EventReason::ALL.iter().map(|own| own.word());
    for word in keys.chain(kinds).chain(reasons) {
        assert!(words.contains(&word), "{word} is not in the manual");
    }
}
