use std::time::Duration;

use crate::config::rows::settings::*;
use crate::config::rows::{PropertyScope, ValueKind};
use crate::config::{Properties, WorkerKind, WorkersConfig, resolve};

/// A balancer `lb` with a member `w`, and more lines.
fn config(lines: &str) -> WorkersConfig {
    let mut properties = Properties::default();
    let text = format!("worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=w\n{lines}\n");
    properties.read(&text, "w", &|_| None);
    resolve(&properties).0
}

fn parts(config: &WorkersConfig) -> (Ajp13Config, LbConfig, MemberConfig) {
    let WorkerKind::Lb(lb) = &config.workers["lb"].kind else { panic!("it is a balancer") };
    let WorkerKind::Ajp13(ajp) = &config.workers["w"].kind else { panic!("it is a worker") };
    ((**ajp).clone(), (**lb).clone(), (*lb.members[0]).clone())
}

/// Values that are not the default; other properties need none.
fn other_value(name: &str) -> &'static str {
    match name {
        "host" | "source" | "secret" | "route" | "domain" | "redirect" => "other",
        "activation" => "Stopped",
        "method" => "Traffic",
        "lock" => "Pessimistic",
        "health_check" => "GET /x",
        "health_check_host" => "x",
        "health_check_status" => "200",
        "hash_key" => "query",
        "session_cookie" | "session_path" | "session_cookie_path" => "x",
        "session_cookie_samesite" => "Lax",
        "fail_on_status" => "500",
        "max_packet_size" => "16384",
        "balance_workers" => "more",
        "probe" | "sticky_session" | "refusal_detection" | "response_probe" => "off",
        "sticky_session_force" | "socket_keepalive" | "prefer_ipv6" | "set_session_cookie" => "on",
        "ping_mode" => "A",
        "concurrency" => "adaptive",
        _ => "7",
    }
}

/// What they are not settings of: found elsewhere, or of no effect.
const NO_SETTING: &[&str] = &["type", "reference", "mount", "secretkey", "lb_retries"];

#[test]
fn every_property_is_seen_in_the_fingerprint() {
    let checked = "worker.lb.health_check=GET /";
    let mut seen = 0;
    for property in PROPERTIES.iter().filter(|own| !NO_SETTING.contains(&own.name)) {
        let owner = match property.scope {
            PropertyScope::Status => continue,
            PropertyScope::Lb => "lb",
            _ => "w",
        };
        let line = format!("worker.{owner}.{}={}", property.name, other_value(property.name));
        let mark = |lines: &str| {
            let (ajp, lb, member) = parts(&config(&format!("{checked}\n{lines}")));
            (ajp.differing(), lb.differing(), member.differing())
        };
        assert_ne!(mark(""), mark(&line), "{line}");
        seen += 1;
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn what_is_not_set_is_not_in_the_fingerprint() {
    let (ajp, lb, member) = parts(&config(""));
    assert_eq!(ajp.differing(), []);
    let names =
        |all: Vec<(&'static str, String)>| all.into_iter().map(|row| row.0).collect::<Vec<_>>();
    assert_eq!(names(lb.differing()), ["balance_workers"]);
    assert!(!names(member.differing()).contains(&"distance"));
}

#[test]
fn optional_settings_are_unset_zero_or_a_value() {
    let (mut ajp, _, mut member) = parts(&config(""));
    let mut optional = 0;
    let live = |row: &PropertyRow| row.is_optional() && row.parameters().next().is_some();
    for (row, own) in Ajp13Config::rows().filter(|(row, _)| live(row)) {
        assert_eq!(own.get(row, &ajp), Value::Unset, "{} by default", row.name);
        for value in [Value::Number(0), Value::Number(7), Value::Unset] {
            assert!(ajp.change(row.name, &value), "{}: {value}", row.name);
            assert_eq!(own.get(row, &ajp), value, "{}", row.name);
        }
        let of_file = |number: u32| parts(&config(&format!("worker.w.{}={number}", row.name))).0;
        for number in [0, 7] {
            assert_eq!(
                own.get(row, &of_file(number)),
                Value::Number(number.into()),
                "{}",
                row.name
            );
        }
        optional += 1;
    }
    for (row, own) in MemberConfig::rows().filter(|(row, _)| live(row)) {
        for value in [Value::Text("x".to_owned()), Value::Unset] {
            assert!(member.change(row.name, &value), "{}: {value}", row.name);
            assert_eq!(own.get(row, &member), value, "{}", row.name);
        }
        optional += 1;
    }
    assert_eq!(optional, 9);
}

#[test]
fn a_setting_that_is_never_absent_cannot_be_unset() {
    let (mut ajp, mut lb, mut member) = parts(&config(""));
    for (row, _) in Ajp13Config::rows().filter(|(row, _)| !row.is_optional()) {
        assert!(!ajp.change(row.name, &Value::Unset), "{}", row.name);
    }
    for (row, _) in LbConfig::rows() {
        assert!(!lb.change(row.name, &Value::Unset), "{}", row.name);
    }
    for (row, _) in MemberConfig::rows().filter(|(row, _)| !row.is_optional()) {
        assert!(!member.change(row.name, &Value::Unset), "{}", row.name);
    }
}

#[test]
fn a_ping_of_ping_mode_is_in_force_until_something_else_is_set() {
    let (mut ajp, ..) = parts(&config("worker.w.ping_mode=C\nworker.w.ping_timeout=900"));
    let wait = Some(Duration::from_millis(900));
    assert_eq!(ajp.connect_timeout.get(), wait);
    assert!(ajp.change("connect_timeout", &Value::Number(0)));
    assert_eq!(
        (ajp.connect_timeout.get(), ajp.value("connect_timeout")),
        (None, Some(Value::Number(0)))
    );
    assert!(ajp.change("connect_timeout", &Value::Unset));
    assert_eq!(
        (ajp.connect_timeout.get(), ajp.value("connect_timeout")),
        (wait, Some(Value::Number(900)))
    );
    assert_eq!(ajp.value("prepost_timeout"), Some(Value::Unset));
}

#[test]
fn connections_stay_unless_a_setting_of_theirs_changes() {
    let (before, ..) = parts(&config(""));
    let cases = [
        ("busy_limit=3", true),
        ("ping_timeout=3", true),
        ("prepost_timeout=3", true),
        ("recovery_options=0", true),
        ("reply_timeout=3", true),
        ("connect_timeout=3", false),
        ("connection_pool_size=3", false),
        ("connection_pool_timeout=3", false),
        ("host=other", false),
        ("max_packet_size=16384", false),
        ("port=3", false),
        ("source=127.0.0.3", false),
    ];
    for (line, stays) in cases {
        let (after, ..) = parts(&config(&format!("worker.w.{line}")));
        assert_eq!(before.shares_connections_with(&after), stays, "{line}");
    }
}

#[test]
fn a_property_that_a_release_adds_leaves_fingerprints_as_they_are() {
    let (ajp, lb, member) =
        parts(&config("worker.w.reply_timeout=7\nworker.w.lbfactor=3\nworker.lb.method=B"));
    let added = |name| PropertyRow {
        ajp13: Some(Setting::new(|_, _| Value::Number(5), None)),
        lb: Some(Setting::new(|_, _| Value::Unset, None)),
        member: Some(Setting::new(|_, _| Value::Text("new".to_owned()), None)),
        ..PropertyRow::new(name, PropertyScope::All, ValueKind::Int, "5", "3.0.0", "New.")
    };
    // At the end, and before all others.
    let (first, last) = (added("a_new_one"), added("z_new_one"));
    let later = || std::iter::once(&first).chain(PROPERTIES).chain(std::iter::once(&last));
    assert_eq!(ajp.differing_among(later()), ajp.differing());
    assert_eq!(lb.differing_among(later()), lb.differing());
    assert_eq!(member.differing_among(later()), member.differing());
    assert!(ajp.differing().contains(&("reply_timeout", "7".to_owned())), "{:?}", ajp.differing());
    // One that is used does differ.
    let used = PropertyRow {
        ajp13: Some(Setting::new(|own, _| Value::Flag(own.port == 8009), None)),
        ..added("used")
    };
    let other = Ajp13Config { port: 1, ..ajp.clone() };
    assert_ne!(
        other.differing_among([&used].into_iter()),
        ajp.differing_among([&used].into_iter())
    );
}
