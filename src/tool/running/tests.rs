use serde_json::json;

use crate::config::DumpRow;
use crate::tool::running::*;

fn page() -> Value {
    let member = |name: &str, port: u16, activation: &str| {
        json!({ "name": name, "host": "127.0.0.1", "port": port, "activation": activation,
            "lbfactor": 1, "route": name, "redirect": "unset", "reply_timeout_ms": "unset",
            "recovery_options": "unset", "fail_on_status": [503, -404], "has_secret": true,
            "prefer_ipv6": false })
    };
    json!({
        "balancers": [{ "name": "lb", "balance_workers": ["a", "b"], "method": "Request",
            "members": [member("a", 8009, "ACT"), member("b", 8010, "DIS")] }],
        "ajp_workers": [{ "name": "alone", "host": "unix:/run/x", "port": 0 }],
    })
}

#[test]
fn a_page_becomes_lines_of_a_file() {
    let lines: Vec<_> = properties(&workers(&page()))
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    for line in [
        "worker.list=lb,alone",
        "worker.lb.type=lb",
        "worker.lb.balance_workers=a,b",
        "worker.a.port=8009",
        "worker.b.activation=Disabled",
        "worker.a.fail_on_status=503,-404",
        "worker.a.secret=***",
        "worker.alone.host=unix:/run/x",
    ] {
        assert!(lines.iter().any(|own| own == line), "{line}: {lines:#?}");
    }
    for name in ["worker.a.redirect=", "worker.a.reply_timeout=", "worker.alone.port="] {
        assert!(lines.iter().all(|own| !own.starts_with(name)), "{name}: {lines:#?}");
    }
    // It reads back without a mistake.
    let found = problems(&properties(&workers(&page())));
    let errors = found.iter().filter(|own| own.severity != crate::config::Severity::Notice);
    assert_eq!(errors.map(|own| &own.text).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn a_change_is_checked_as_a_file_is() {
    let workers = workers(&page());
    let of = |name: &str, changes: &[(&str, Option<&str>)]| -> Vec<String> {
        let found = new_problems(&workers, |own| own.name == name, changes);
        found.into_iter().map(|own| own.text).collect()
    };
    assert_eq!(of("a", &[("reply_timeout", Some("5000"))]), [""; 0]);
    let found = of("a", &[("reply_timeout", Some("5"))]);
    assert!(found[0].contains("for seconds write 5000"), "{found:?}");
    assert_eq!(found.len(), 1, "{found:?}");
    let found = of("a", &[("redirect", Some("c"))]);
    assert!(found[0].contains("no member of lb has the route \"c\""), "{found:?}");
    assert!(!of("a", &[("activation", Some("d"))]).is_empty(), "no member is active then");
    assert_eq!(of("b", &[("activation", Some("d"))]), [""; 0], "it is so already");
    assert_eq!(of("a", &[("reply_timeout", None)]), [""; 0]);
}

#[test]
fn differences_name_both_values_and_the_line() {
    let row = |name: &str, value: &str, from: &str| DumpRow {
        name: name.to_owned(),
        value: value.to_owned(),
        from: from.to_owned(),
    };
    let section = |name: &str, rows: Vec<DumpRow>| DumpSection {
        kind: "worker",
        name: name.to_owned(),
        title: String::new(),
        rows,
    };
    let sections = [
        section("lb", vec![row("type", "lb", "w:1"), row("balance_workers", "a,b", "w:2")]),
        section("a", vec![row("lbfactor", "3", "w:5"), row("secret", "***", "w:6")]),
        section(
            "b",
            vec![row("activation", "Active", "default"), row("reply_timeout", "unset", "default")],
        ),
        section("new", vec![row("type", "ajp13", "default")]),
        section("st", vec![row("type", "status", "w:9")]),
    ];
    let found = differences(&workers(&page()), &sections);
    let of: Vec<_> = found
        .iter()
        .map(|own| {
            let text = |own: &Option<String>| own.clone().unwrap_or_default();
            (
                own.target.as_str(),
                own.property.unwrap_or_default(),
                text(&own.running),
                text(&own.file),
                text(&own.origin),
            )
        })
        .collect();
    let s = str::to_owned;
    assert_eq!(
        of,
        [
            ("lb/a", "lbfactor", s("1"), s("3"), s("w:5")),
            ("lb/b", "activation", s("Disabled"), s("Active"), s("default")),
            ("alone", "", s("ajp13"), s(""), s("")),
            ("new", "", s(""), s("ajp13"), s("default")),
        ]
    );
}
