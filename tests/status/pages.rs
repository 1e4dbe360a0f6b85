//! The page and JSON.

use std::collections::BTreeSet;
use std::sync::Arc;

use mod_jk::config::Limit;
use mod_jk::messages::FailureDetail;
use mod_jk::metrics::{Dialect, FAILURES, Scrape, Series};
use mod_jk::status::condition::Condition;
use mod_jk::status::rating::Rating::{self, Bad, Degraded, Good};
use mod_jk::status::rating::RatingRules;
use mod_jk::status::render::html;
use mod_jk::status::render::html::PageSettings;
use mod_jk::status::render::{json, legacy};
use mod_jk::status::request::{Mime, parse};
use mod_jk::status::view::{RuleView, Snapshot, WorkerView};
use proptest::prelude::*;

use crate::state;

fn page(query: &str, snapshot: &Snapshot, is_read_only: bool) -> String {
    let (_, command) = parse(query, is_read_only);
    let setting = PageSettings { is_read_only, nonce: "0a1b", ..PageSettings::default() };
    html::render(command.as_ref(), snapshot, &setting).expect("memory takes everything")
}

#[test]
fn pages_show_and_offer_what_is_allowed() {
    let yes = &[
        ("", ">Out</b><small>ACT ERR</small>"),
        ("", "<h2>No member takes new sessions: lb</h2>"),
        ("", "1 stopped"),
        ("", "formaction=\"?cmd=update&amp;w=lb&amp;sw=n1&amp;vwa=d\">Drain<"),
        ("", "formaction=\"?cmd=recover&amp;w=lb&amp;sw=n1\">Recover<"),
        ("", "<title>Out: lb · JK Status Manager"),
        ("", "/app/static/*"),
        ("", "127.0.0.71:8309"),
        ("cmd=edit&w=lb&sw=n1", "name=\"vwn\" value=\"r1\""),
        ("cmd=edit&w=lb&sw=n1", "name=\"was.vwn\" value=\"r1\""),
        ("cmd=edit&w=lb&att=vwf", "name=\"val.n2\" value=\"2\""),
        ("cmd=show&w=lb&sw=n2", "Drained: nothing is lost if it is taken down now"),
        ("cmd=show&w=lb&sw=n1&q=static", "since 2026-11-24 09:13:48 +0000 (1 s ago)"),
        ("q=STATIC", "name=\"q\" value=\"STATIC\""),
        ("cmd=edit&w=lb", "name=\"vlt\" value=\"60\""),
        ("cmd=edit&w=solo", "name=\"vaprt\" value=\"8309\""),
        ("cmd=dump", "worker.lb.balance_workers"),
        ("re=5", "content=\"5\""),
        ("re=99999999999999", "content=\"86400\""),
        ("cmd=nope", "Invalid command."),
        ("cmd=reset&w=lb", "Result: OK"),
    ];
    for (query, text) in yes {
        assert!(page(query, &state::snapshot(), false).contains(text), "{query}: {text}");
    }
    let no = &[
        ("", true, "method=\"post\""),
        ("opt=32", false, "method=\"post\""),
        ("cmd=show&w=lb&sw=n1", false, "8209"),
        ("opt=8", false, "8109"),
        ("opt=2", false, "/app/static"),
        ("cmd=dump", false, "s3cret"),
        ("re=-1", false, "http-equiv"),
        ("cmd=<b>x</b>", false, "<b>x"),
        ("", false, "src="),
        ("", false, "href=\"http"),
        ("", false, "url("),
        ("q=static", false, "<td class=\"wrap\">/app/*"),
        ("opt=4", false, "What the states mean"),
        ("opt=64", false, "recovery after"),
        ("opt=128", false, ">1 stopped"),
        ("opt=256", false, "127.0.0.71"),
        ("", false, " style="),
        ("", false, " onclick="),
    ];
    for (query, is_read_only, text) in no {
        let page = page(query, &state::snapshot(), *is_read_only);
        assert!(!page.contains(text), "{query}: {text}");
    }
}

#[test]
fn what_is_out_is_named_first_with_its_remedy() {
    let page = page("", &state::snapshot(), false);
    let list = page.split_once("<section class=\"verdict").expect("a verdict").1;
    let list = list.split_once("</section>").expect("its end").0;
    let lb = list.find(">lb</a>: no member takes new sessions: ").expect("the balancer");
    let member = list.find(">lb / n1</a>: ").expect("its member");
    assert!(lb < member, "{list}");
    assert!(list.contains(". What to do: activate a member that is disabled or stopped"), "{list}");
}

#[test]
fn a_worker_alone_that_is_out_is_named_in_the_headline() {
    let mut snapshot = state::snapshot();
    let headline = |snapshot: &Snapshot| {
        let page = page("", snapshot, false);
        let text = page.split_once("<section class=\"verdict").expect("a verdict").1;
        text.split_once("<h2")
            .expect("a headline")
            .1
            .split_once("</h2>")
            .expect("its end")
            .0
            .to_owned()
    };
    let alone = &mut snapshot.workers[0];
    let name = alone.name.clone();
    (alone.failures_in_row, alone.last_failure) = (2, Some(FailureDetail::Forbidden));
    let both = headline(&snapshot);
    let words = format!("No member takes new sessions: lb · Worker {name} is out");
    assert!(both.contains(&words), "{both}");
    snapshot.balancers.clear();
    let own = headline(&snapshot);
    assert!(own.contains(&format!("Worker {name} is out")) && !own.contains("1 of 1"), "{own}");
    snapshot.workers = (0..12)
        .map(|number| WorkerView { name: format!("w{number}"), ..snapshot.workers[0].clone() })
        .collect();
    let many = headline(&snapshot);
    assert!(many.contains("Workers w0, ") && many.contains("w9 and 2 more are out"), "{many}");
}

#[test]
fn names_in_remedies_are_code() {
    let mut snapshot = state::snapshot();
    let alone = &mut snapshot.workers[0];
    (alone.failures_in_row, alone.last_failure) = (2, Some(FailureDetail::Forbidden));
    alone.counts.failures = [1; FAILURES.len()];
    let show = format!("cmd=show&w={}", alone.name);
    for query in ["", show.as_str()] {
        let page = page(query, &snapshot, false);
        let body = page.split_once("<body").expect("a body").1.split("<script").next();
        let body = body.expect("a text");
        assert!(body.contains("make the worker's <code>secret</code> equal"), "{query}: {body}");
        assert!(!body.contains('`'), "{query}: {body}");
    }
}

#[test]
fn json_has_everything_but_secrets() {
    let read = |query: &str| -> serde_json::Value {
        let (_, command) = parse(query, false);
        let text = json::render(command.as_ref(), &state::snapshot(), &[], &RatingRules::default());
        serde_json::from_str(&text).unwrap()
    };
    let all = read("mime=json");
    assert_eq!(all["result"]["type"], "OK");
    assert_eq!(all["balancers"][0]["members"][0]["state"], "ERR");
    assert_eq!(all["balancers"][0]["members"][0]["rating"], "bad");
    assert_eq!(all["balancers"][0]["rules"][0]["type"], "Unmount Wildchar");
    assert_eq!(all["ajp_workers"][0]["error_time"]["unix"], 1_795_511_629);
    let count = |page: &serde_json::Value, key: &str| page[key].as_array().map(Vec::len);
    let hidden = read("mime=json&opt=3");
    assert_eq!(count(&hidden["balancers"][0], "members"), Some(0));
    assert_eq!(count(&hidden["balancers"][0], "rules"), Some(0));
    assert_eq!(hidden["balancers"][0]["member_count"], 3);
    let hidden = read("mime=json&opt=24");
    assert_eq!((count(&hidden, "balancers"), count(&hidden, "ajp_workers")), (Some(0), Some(0)));
    let one = read("mime=json&cmd=show&w=lb&sw=n2");
    assert_eq!(one["balancers"][0]["members"].as_array().map(Vec::len), Some(1));
    assert_eq!(one["ajp_workers"].as_array().map(Vec::len), Some(0));
    assert!(!read("mime=json&cmd=dump").to_string().contains("s3cret"));
    assert_eq!(read("mime=json&cmd=x")["result"]["message"], "Invalid command.");
}

#[test]
fn a_rule_is_one_letter_or_two_words_and_bad_wins() {
    let member = |index: usize| state::snapshot().balancers[0].members[index].clone();
    // Active and in error; disabled and idle; stopped and idle.
    let cases: &[(&str, &[&str], &[&str], [Rating; 3])] = &[
        ("defaults", &["a.o", "a.i", "a.b", "a.r"], &["s", "e"], [Bad, Degraded, Bad]),
        ("words", &["Disabled.Idle"], &["Stopped"], [Degraded, Good, Bad]),
        ("n is idle", &["n"], &[], [Degraded, Good, Good]),
        ("bad wins", &["a", "d"], &["a.e"], [Bad, Good, Degraded]),
        ("unknown letter", &["x", "a.x", "x.e"], &[], [Degraded, Degraded, Degraded]),
    ];
    for (name, good, bad, expected) in cases {
        let rules = RatingRules::new(good.iter().copied(), bad.iter().copied());
        let own = [0, 1, 2].map(|index| rules.rate(&member(index)));
        assert_eq!(own, *expected, "case: {name}");
    }
}

proptest! {
    #[test]
    fn any_value_is_escaped(tail in "[<>\"'&a-z\n]{0,9}") {
        let value = format!("<x9 y=\"'&{tail}");
        let mut snapshot = state::snapshot();
        snapshot.server.name = value.clone();
        snapshot.workers[0].name = value.clone();
        snapshot.workers[0].address = value.clone();
        let lb = &mut snapshot.balancers[0];
        lb.name = value.clone();
        lb.rules[0].uri = value.clone();
        Arc::make_mut(&mut lb.members[0].config).route = value.clone();
        lb.members[0].ajp.name = value.clone();
        snapshot.broken_configuration = Some(value.clone());
        prop_assert!(!page("", &snapshot, false).contains("<x9"));
        let (_, command) = parse("", false);
        let text = json::render(command.as_ref(), &snapshot, &[], &RatingRules::default());
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read["balancers"][0]["members"][0]["route"], &value);
    }
}

#[test]
fn the_page_is_one_document_with_its_own_policy() {
    // MOD_JK_PAGE names a file to look at the page in a browser.
    let page = page("cmd=list", &state::snapshot(), false);
    if let Ok(path) = std::env::var("MOD_JK_PAGE") {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(page.matches("nonce=\"0a1b\"").count(), 2);
    let policy = mod_jk::status::access::content_security_policy("0a1b");
    assert!(
        policy.contains("script-src 'nonce-0a1b';") && policy.starts_with("default-src 'none'")
    );
    assert!(policy.contains("style-src 'nonce-0a1b';") && !policy.contains("unsafe"));
    for tag in ["section", "table", "form", "main", "style", "script"] {
        // Scripts may mention tags.
        let count = |text: &str| page.matches(text).count();
        let open = count(&format!("<{tag} ")) + count(&format!("<{tag}>"));
        assert_eq!(open, count(&format!("</{tag}>")), "{tag}");
    }
}

/// 50 balancers with 20 members each.
fn large() -> Snapshot {
    let mut snapshot = state::snapshot();
    let mut lb = snapshot.balancers[0].clone();
    let member = lb.members[0].clone();
    let numbered = |number: usize| {
        let mut member = member.clone();
        member.ajp.name = format!("tomcat-{number:02}.example.org");
        member.ajp.counts.first_byte.buckets[3] = 9;
        member
    };
    lb.members = (0..20).map(numbered).collect();
    snapshot.balancers = vec![lb; 50];
    snapshot
}

#[test]
fn a_member_is_drained_when_no_session_can_come_back() {
    let show = |busy: u64, sessions: u64, ago: Option<u64>| {
        let mut snapshot = state::snapshot();
        let member = &mut snapshot.balancers[0].members[1];
        (member.ajp.busy, member.recent_sessions, member.last_session_ago) = (busy, sessions, ago);
        page("cmd=show&w=lb&sw=n2", &snapshot, false)
    };
    let cases = [
        (0, 0, None, "Drained: nothing is lost", "value=\"1800\""),
        (0, 3, Some(1800), "Drained: nothing is lost", "value=\"1800\""),
        (0, 3, Some(90), "Draining: no request is in flight, 3 sessions may", "value=\"90\""),
        (0, 0, Some(5), "a session that has just begun may come back", "value=\"5\""),
        (1, 1, Some(9), "Draining: 1 request is in flight, 1 session may", "value=\"0\""),
        (2, 0, None, "Draining: 2 requests are in flight", "value=\"0\""),
    ];
    for (busy, sessions, ago, words, progress) in cases {
        let page = show(busy, sessions, ago);
        assert!(page.contains(words), "{words}");
        assert!(page.contains(&format!("<progress max=\"1800\" {progress}")), "{words} {progress}");
    }
}

#[test]
fn thousands_of_rules_are_searched_not_shown() {
    let mut snapshot = state::snapshot();
    let rule = snapshot.balancers[0].rules[0].clone();
    snapshot.balancers[0].rules = (0..5000)
        .map(|number| RuleView { uri: format!("/shop/{number}/*"), ..rule.clone() })
        .collect();
    let whole = page("", &snapshot, false);
    assert!(whole.contains("Rules (5001)") && whole.contains("5000 more rules are not shown"));
    assert!(!whole.contains("/shop/4321/*"), "{}", whole.len());
    let found = page("q=/4321/", &snapshot, false);
    assert!(found.contains("/shop/4321/*") && !found.contains("/shop/4322/*"));
}

/// Every key of JSON is explained in the manual, and the manual names no other.
#[test]
fn the_manual_knows_every_key() {
    let mut snapshot = state::snapshot();
    let own = std::sync::Arc::make_mut(&mut snapshot.balancers[0].members[0].ajp.config);
    own.secret = Some(mod_jk::config::Secret::new("s3cret"));
    let (_, command) = parse("", false);
    let text = json::render(command.as_ref(), &snapshot, &[], &RatingRules::default());
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert!(!text.contains("s3cret"));
    let lb = &all["balancers"][0];
    assert_eq!(
        (&lb["members"][0]["has_secret"], &lb["session_cookie"]),
        (&true.into(), &"JSESSIONID".into())
    );
    let manual = include_str!("../../docs/status.md");
    let section = manual.split("## JSON").nth(1).and_then(|rest| rest.split("\n## ").next());
    let words: Vec<_> = section.expect("the section").split('`').skip(1).step_by(2).collect();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    let mut known: BTreeSet<String> = BTreeSet::new();
    let member = &lb["members"][0];
    for part in [&all, &all["server"], lb, member, &member["recent"], &all["ajp_workers"][0]] {
        known.extend(keys(part));
    }
    known.extend(keys(&lb["members"][0]["counts"]));
    for key in &known {
        assert!(words.contains(&key.as_str()), "{key} is not in the manual");
    }
    // The settings named in the manual are there.
    let tables =
        section.expect("the section").lines().filter(|line| line.starts_with("| settings"));
    for word in tables.flat_map(|line| line.split('`').skip(1).step_by(2)) {
        assert!(known.contains(word) || ["lb", "ajp13"].contains(&word), "{word} is no key");
    }
}

#[test]
fn unset_is_shown_as_such_and_zero_as_zero() {
    let mut snapshot = state::snapshot();
    let own = std::sync::Arc::make_mut(&mut snapshot.balancers[0].members[1].ajp.config);
    own.recovery_options = Some(0);
    own.busy_limit = Limit::new(Some(0));
    own.reply_timeout = Limit::new(Some(std::time::Duration::from_secs(7)));
    let (_, command) = parse("", false);
    let text = json::render(command.as_ref(), &snapshot, &[], &RatingRules::default());
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let members = &all["balancers"][0]["members"];
    let optional = [
        ("busy_limit", "unset".into(), 0.into()),
        ("connect_timeout_ms", "unset".into(), "unset".into()),
        ("connection_ping_interval_s", "unset".into(), "unset".into()),
        ("connection_pool_timeout_s", "unset".into(), "unset".into()),
        ("domain", "unset".into(), "dom".into()),
        ("connection_pool_size", "unset".into(), "unset".into()),
        ("prepost_timeout_ms", "unset".into(), "unset".into()),
        ("recovery_options", "unset".into(), 0.into()),
        ("redirect", "unset".into(), "r1".into()),
        ("reply_timeout_ms", "unset".into(), serde_json::Value::from(7000)),
        ("socket_buffer", "unset".into(), "unset".into()),
        ("socket_timeout_s", "unset".into(), "unset".into()),
        ("source", "unset".into(), "127.0.0.72".into()),
    ];
    for (key, of_n1, of_n2) in optional {
        assert_eq!((&members[0][key], &members[1][key]), (&of_n1, &of_n2), "{key}");
    }
    let shown = |member: &str| page(&format!("cmd=show&w=lb&sw={member}"), &snapshot, false);
    let form = |member: &str| page(&format!("cmd=edit&w=lb&sw={member}"), &snapshot, false);
    for (name, of_n1, of_n2) in [
        ("recovery_options", "unset", "0"),
        ("busy_limit", "unset", "0"),
        ("reply_timeout", "unset", "7000 ms"),
        ("connection_pool_size", "unset", "unset"),
        ("redirect", "unset", "r1"),
    ] {
        for (member, value) in [("n1", of_n1), ("n2", of_n2)] {
            let pair = format!(">{name}</dt><dd>{value}</dd>");
            assert!(shown(member).contains(&pair), "{member}: {pair}");
        }
    }
    for (member, value) in [("n1", "unset"), ("n2", "0")] {
        let field = format!("name=\"varo\" value=\"{value}\" pattern=\"[0-9]+|unset\"");
        assert!(form(member).contains(&field), "{member}: {}", form(member));
    }
    // The frozen formats have a number.
    let old = |mime| {
        let (_, command) = parse("cmd=show&w=lb", false);
        legacy::render(mime, command.as_ref(), &snapshot, &legacy::Shape::default())
    };
    for member in ["name=n1 ", "name=n2 "] {
        let text = old(Mime::Txt);
        let line = text.lines().find(|line| line.contains(member)).expect("a line");
        assert!(line.contains(" recovery_options=0 ") && line.contains(" busy_limit=0 "), "{line}");
    }
}

#[test]
fn a_page_of_a_thousand_members_is_below_one_mebibyte() {
    let page = page("cmd=list", &large(), false);
    assert_eq!(page.matches("tomcat-19.example.org</a>").count(), 50);
    assert!(page.len() < 1 << 20, "{}", page.len());
}

#[test]
fn a_thousand_members_are_scraped() {
    let series = (0..1000).map(|number| Series {
        balancer: "lb".to_owned(),
        worker: format!("tomcat-{number:04}.example.org"),
        ..Default::default()
    });
    let conditions = Condition::ALL.map(Condition::word).to_vec();
    let scrape = Scrape { series: series.collect(), conditions, ..Scrape::default() };
    let text = scrape.text(Dialect::OpenMetrics, false);
    let samples = crate::support::openmetrics::read(&text).expect("OpenMetrics");
    assert_eq!(samples.len(), 2 + 1000 * 36);
    assert!(text.len() < 4_000_000, "{}", text.len());
}
