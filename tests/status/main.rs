//! The status worker and the metrics against what mod_jk 1.2.48 answers in the same state.

mod events;
mod metrics;
mod pages;
mod server_status;
mod state;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Arc;

use mod_jk::lb::{Activation, Method};
use mod_jk::status::access::{Provenance, may_change};
use mod_jk::status::change::{Change, Value, plan};
use mod_jk::status::render::legacy::{Shape, render};
use mod_jk::status::request::parse;
use mod_jk::status::{StatusError, change};
use proptest::prelude::*;

fn answer(query: &str) -> String {
    let snapshot = state::snapshot();
    let (mime, command) = parse(query, false);
    let command = command.and_then(|command| change::check(&command, &snapshot).map(|()| command));
    render(mime, command.as_ref(), &snapshot, &Shape::default())
}

#[test]
fn answers_are_those_of_the_original() {
    let cases: &[(&str, &str)] = &[
        ("mime=xml", include_str!("golden/list.xml")),
        ("mime=txt", include_str!("golden/list.txt")),
        ("mime=txt&cmd=show&w=lb", include_str!("golden/show.txt")),
        ("mime=prop", include_str!("golden/list.prop")),
        ("mime=xml&cmd=version", include_str!("golden/version.xml")),
        ("mime=xml&cmd=edit&w=lb", include_str!("golden/edit.xml")),
        ("mime=xml&cmd=dump", include_str!("golden/dump.xml")),
        ("mime=txt&cmd=dump", include_str!("golden/dump.txt")),
        ("mime=prop&cmd=dump", include_str!("golden/dump.prop")),
    ];
    // The repair: keys of members under the members' names.
    let is_ours = |line: &str| {
        ["n1", "n2", "n3"].iter().any(|name| {
            ["last_reset_", "error_time_"]
                .iter()
                .any(|key| line.starts_with(&format!("worker.{name}.{key}")))
        })
    };
    for (query, expected) in cases {
        let own: Vec<_> = answer(query).lines().map(str::to_owned).collect();
        let own: Vec<_> = own.iter().filter(|line| !is_ours(line)).collect();
        assert_eq!(own, expected.lines().collect::<Vec<_>>(), "case: {query}");
    }
    assert!(answer("mime=prop").contains("\nworker.n1.error_time_unix_seconds=1795511628\n"));
}

#[test]
fn refusals_read_as_in_the_original() {
    let cases = [
        ("cmd=foo", "Invalid command."),
        ("cmd=show", "NULL or EMPTY worker param"),
        ("cmd=show&w=", "NULL or EMPTY worker param"),
        ("cmd=show&w=nope", "Could not find given worker"),
        ("cmd=show&w=lb&sw=", "EMPTY sub worker param"),
        ("cmd=show&w=lb&sw=nope", "could not find sub worker"),
        ("cmd=show&w=solo&sw=nope", "worker type has no sub workers"),
        ("cmd=show&w=lb&sw=n*", "wildcard not allowed in sub worker for this command"),
        ("cmd=update&w=lb&sw=x*", "could not find sub worker"),
        ("cmd=update&w=lb&sw=n1&opt=32", "This command is not allowed in read only mode."),
        ("cmd=%zz", "Error during parsing of URI"),
        ("cmd=%00list", "Error during parsing of URI"),
        (
            "cmd=update&w=lb&sw=n1&vwr=a%0ab",
            "Update failed: redirect: a value cannot contain the control character 0x0a",
        ),
        (
            "cmd=update&w=lb&sw=n1&set.lbfactor=%2",
            "Update failed: lbfactor: a percent sign without two hexadecimal digits behind it",
        ),
        // No UTF-8, and names need not be.
        ("cmd=%c0%ae", "Invalid command."),
        ("cmd=show&w=%e4", "Could not find given worker"),
    ];
    for (query, expected) in cases {
        let own = answer(&format!("mime=txt&{query}"));
        assert_eq!(own, format!("Result: type=ERROR message=\"{expected}\"\n"), "case: {query}");
    }
    let own = answer("mime=foo");
    assert_eq!(own, "worker.result.type=ERROR\nworker.result.message=Invalid mime type.\n");
}

fn planned(query: &str) -> Result<Vec<Change>, StatusError> {
    plan(&parse(query, false).1?, &state::snapshot())
}

#[test]
fn updates_change_what_was_sent() {
    let activation = |member: &str, value| Change::Member {
        balancer: "lb".to_owned(),
        member: member.to_owned(),
        setting: "activation",
        value: Value::Activation(value),
    };
    let balancer = |setting, value| Change::Balancer { balancer: "lb".to_owned(), setting, value };
    let ajp =
        |worker: &str, setting, value| Change::Ajp { worker: worker.to_owned(), setting, value };
    let stopped = Activation::Stopped;
    let cases: &[(&str, &str, Vec<Change>)] = &[
        ("digit", "cmd=update&from=list&w=lb&sw=n1&vwa=2", vec![activation("n1", stopped)]),
        ("old name", "cmd=update&w=lb&sw=n1&wa=s", vec![activation("n1", stopped)]),
        ("already so", "cmd=update&w=lb&sw=n3&vwa=s", vec![]),
        (
            "star",
            "cmd=update&w=lb&sw=n*&vwa=s",
            vec![activation("n1", stopped), activation("n2", stopped)],
        ),
        ("one byte", "cmd=update&w=lb&sw=?2&vwa=s", vec![activation("n2", stopped)]),
        ("by index", "cmd=update&w=lb&att=vwa&val1=s", vec![activation("n2", stopped)]),
        ("by name", "cmd=update&w=lb&att=vwa&val.n2=s", vec![activation("n2", stopped)]),
        (
            "method",
            "cmd=update&w=lb&vlm=b",
            vec![balancer("method", Value::Method(Method::Busyness))],
        ),
        ("flag off", "cmd=update&w=lb&vls=0", vec![balancer("sticky_session", Value::Flag(false))]),
        (
            "alone",
            "cmd=update&w=solo&vamps=9000",
            vec![ajp("solo", "max_packet_size", Value::Number(9216))],
        ),
        (
            "address",
            "cmd=update&w=lb&sw=n1&vahst=127.0.0.71&vaprt=9",
            vec![ajp("n1", "port", Value::Number(9))],
        ),
        (
            "to a Unix-domain socket",
            "cmd=update&w=lb&sw=n1&vahst=unix:/run/n1.sock",
            vec![ajp("n1", "host", Value::Text("unix:/run/n1.sock".to_owned()))],
        ),
        (
            "to the longest Unix-domain socket",
            &format!("cmd=update&w=solo&vahst={LONGEST_SOCKET}"),
            vec![ajp("solo", "host", Value::Text(LONGEST_SOCKET.to_owned()))],
        ),
        (
            "recover",
            "cmd=recover&w=lb&sw=n1",
            vec![Change::Recover { balancer: "lb".to_owned(), member: "n1".to_owned() }],
        ),
        (
            "recover all that are in error",
            "cmd=recover&w=lb",
            vec![Change::Recover { balancer: "lb".to_owned(), member: "n1".to_owned() }],
        ),
        (
            "by its property",
            "cmd=update&w=lb&set.method=traffic",
            vec![balancer("method", Value::Method(Method::Traffic))],
        ),
        ("as it was shown", "cmd=update&w=lb&sw=n1&vwd=5&was.vwd=5", vec![]),
        ("reset", "cmd=reset&w=lb", vec![Change::Reset { worker: "lb".to_owned(), member: None }]),
        ("nothing", "cmd=update&w=lb&sw=n1", vec![]),
        ("unset already", "cmd=update&w=lb&sw=n1&varo=unset&vwr=unset&vwc=", vec![]),
        (
            "0 is not unset",
            "cmd=update&w=lb&sw=n1&varo=0",
            vec![ajp("n1", "recovery_options", Value::Number(0))],
        ),
        (
            "by its property, for none",
            "cmd=update&w=lb&sw=n1&set.reply_timeout=0",
            vec![ajp("n1", "reply_timeout", Value::Number(0))],
        ),
        (
            "no pings of idle connections",
            "cmd=update&w=solo&vacpi=0",
            vec![ajp("solo", "connection_ping_interval", Value::Number(0))],
        ),
    ];
    for (name, query, expected) in cases {
        assert_eq!(planned(query).as_ref(), Ok(expected), "case: {name}");
    }
}

/// A path of 107 bytes.
const LONGEST_SOCKET: &str = "unix:/run/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#[test]
fn a_unix_domain_socket_has_no_port() {
    let (mut snapshot, socket) = (state::snapshot(), "unix:/run/solo.sock".to_owned());
    let worker = &mut snapshot.workers[0];
    std::sync::Arc::make_mut(&mut worker.config).host = socket.clone();
    worker.address = socket;
    let page = |mime: &str| {
        let (mime, command) = parse(&format!("mime={mime}"), false);
        render(mime, command.as_ref(), &snapshot, &Shape::default())
    };
    let xml = page("xml");
    for part in ["host=\"unix:/run/solo.sock\"", "address=\"unix:/run/solo.sock\""] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    let own = xml.split("unix:/run/solo.sock").nth(1).unwrap_or_default();
    assert!(own.contains("port=\"0\""), "{own}");
    assert!(page("txt").contains("host=unix:/run/solo.sock port=0 "), "{}", page("txt"));
    let prop = page("prop");
    assert!(prop.contains(".host=unix:/run/solo.sock\n"), "{prop}");

    // Its port is shown as 0, and a form that sends this back changes nothing.
    let plan = |query: &str| {
        let (_, command) = parse(query, false);
        plan(&command.expect("a command"), &snapshot)
    };
    assert_eq!(plan("cmd=update&w=solo&vaprt=0&was.vaprt=0"), Ok(Vec::new()));
    let refused = plan("cmd=update&w=solo&vaprt=8010").expect_err("it would change nothing");
    assert!(refused.to_string().contains("has no port"), "{refused}");
    let both = plan("cmd=update&w=solo&vahst=localhost&vaprt=8010").expect("a host with a port");
    assert_eq!(both.len(), 2);
}

#[test]
fn bad_values_change_nothing() {
    let long = "a".repeat(64);
    let bad = [
        "vwf=-1",
        "vwf=99999999999",
        "vwf=abc",
        "vwf=1e9",
        "vwf=",
        "vwf=0",
        "vwa=",
        "vwa=xyz",
        "vwr=%0d%0aSet-Cookie:%20a=b",
        "vwn=n2",
        "vaprt=0",
        "vaprt=65536",
        "vamps=70000",
        "vapng=0",
        "vart=",
        "varo=",
        "varo=Unset",
        "vwf=unset",
        "vwn=unset",
        "vahst=unset",
        "vaprt=unset",
        "vahst=",
        "vahst=unix:",
        "vahst=unix:run/n1.sock",
        "vahst=unix:/run/n1.sock&vaprt=9",
        &format!("vahst={LONGEST_SOCKET}x"),
        "vxyz=1",
        "vlr=2",
        "lbfactor=2",
        "val0=2",
        "set.lbfacto=2",
        "vwr",
        &format!("vwr={long}"),
    ];
    for value in bad {
        // A good value beside it does not get through either.
        let result = planned(&format!("cmd=update&w=lb&sw=n1&vwd=3&{value}"));
        assert!(
            matches!(
                result,
                Err(StatusError::Update(_) | StatusError::Value { .. } | StatusError::Unreadable)
            ),
            "{value}: {result:?}"
        );
    }
    assert_eq!(planned("cmd=recover&w=lb&sw=n2"), Err(StatusError::NotInError));
    assert_eq!(planned("cmd=recover&w=solo"), Err(StatusError::NotInError));
    assert_eq!(planned("cmd=reset&w=st"), Err(StatusError::Reset));
    assert_eq!(planned("cmd=update&w=st&vwa=a"), Err(StatusError::UpdateKind));
    let stale = planned("cmd=update&w=lb&sw=n1&vwd=6&was.vwd=5");
    assert_eq!(stale, Err(StatusError::Stale("distance".to_owned())));
    assert!(planned("cmd=update&w=lb&sw=n3&vwa=a").is_err(), "it has no port");
    assert!(planned(&format!("cmd=update&w=lb&sw=n1&vwr={}", &long[1..])).is_ok());
}

#[test]
fn a_parameter_given_twice_changes_nothing() {
    for (query, named) in [
        ("w=lb&sw=n1&vwf=2&vwd=3&vwf=3", "vwf"),
        ("w=lb&sw=n1&vwf=2&vwf=2", "vwf"),
        ("w=lb&w=lb&sw=n1&vwf=2", "w"),
        ("w=lb&sw=n1&sw=n2&vwf=2", "sw"),
        ("w=lb&sw=n1&vwa=d&wa=s", "vwa, that is wa,"),
        ("w=lb&sw=n1&set.lbfactor=2&vwf=3", "set.lbfactor, that is vwf,"),
        ("w=lb&sw=n1&set.route=a&set.route=b", "set.route"),
        ("w=lb&att=vwf&val0=2&val0=3", "val0"),
        ("w=lb&att=vwf&val0=2&val.n1=3", "val0, that is val.n1,"),
        ("w=lb&att=vwf&att=vwd&val0=2", "att"),
        ("w=lb&sw=n1&vwf=2&was.vwf=1&was.vwf=2", "was.vwf"),
    ] {
        let refused = Err(StatusError::Repeated(named.to_owned()));
        assert_eq!(planned(&format!("cmd=update&{query}")), refused, "{query}");
    }
    let twice = planned("cmd=reset&w=lb&w=solo");
    assert_eq!(twice, Err(StatusError::Repeated("w".to_owned())), "reset");
    assert!(
        matches!(planned("cmd=recover&w=lb&sw=n1&sw=n2"), Err(StatusError::Repeated(_))),
        "recover"
    );
    // A page that is only looked at goes by the last one, as it always did.
    assert!(parse("cmd=list&opt=1&opt=2", false).1.is_ok());
}

#[test]
fn a_slip_makes_no_larger_reset_and_no_other_command() {
    // Without its sw a reset takes all members: a misspelt one must not pass.
    for query in ["cmd=reset&w=lb&sww=n1", "cmd=recover&w=lb&member=n2", "cmd=reset&w=lb&vwf=2"] {
        let refused = planned(query);
        assert!(matches!(refused, Err(StatusError::Unknown(_))), "{query}: {refused:?}");
    }
    assert!(planned("cmd=reset&w=lb&sw=n1&from=list&opt=1&re=5&_=3").is_ok());
    // The sender of an update is not shown a page as if it had been made.
    for query in ["cmd=update&cmd=list", "cmd=list&cmd=reset", "cmd=recover&cmd=show&cmd=list"] {
        let refused = planned(&format!("{query}&w=lb&sw=n1&mime=txt"));
        assert_eq!(refused, Err(StatusError::Repeated("cmd".to_owned())), "{query}");
    }
}

#[test]
fn a_value_seen_before_belongs_to_a_parameter_that_is_sent() {
    // Passed over, it would guard nothing, and its sender relies on it.
    for (query, named) in [
        ("w=lb&sw=n1&vwf=2&was.vwff=1", "was.vwff"),
        ("w=lb&sw=n1&vwf=2&was.lbfactor=1", "was.lbfactor"),
        ("w=lb&sw=n1&set.lbfactor=2&was.vwf=1", "was.vwf"),
        ("w=lb&sw=n1&vwf=2&was.vwd=6", "was.vwd"),
        ("w=lb&sw=n1&vwf=2&was.was.vwf=6", "was.was.vwf"),
        ("w=lb&sw=n1&vwf=2&was.=6", "was."),
        ("w=lb&att=vwf&val0=2&was.vwf=1", "was.vwf"),
    ] {
        let refused = planned(&format!("cmd=update&{query}"));
        let expected = format!("'{named}' is of no parameter that is sent");
        assert_eq!(refused, Err(StatusError::Update(expected)), "{query}");
    }
    assert!(planned("cmd=update&w=lb&sw=n1&set.distance=6&was.set.distance=6").is_ok());
}

#[test]
fn names_with_an_underscore_are_passed_over_whatever_they_look_like() {
    let plain = planned("cmd=update&w=lb&sw=n1&vwd=7");
    assert!(plain.is_ok());
    for more in ["_=1&_=2", "_", "_&_", "_x&_x=1", "&&_=1"] {
        assert_eq!(planned(&format!("cmd=update&w=lb&sw=n1&vwd=7&{more}")), plain, "{more}");
    }
    for (more, said) in [("=7", "'=7' has no name"), ("=", "'=' has no name")] {
        let refused = planned(&format!("cmd=update&w=lb&sw=n1&vwd=7&{more}"));
        assert_eq!(refused, Err(StatusError::Update(said.to_owned())), "{more}");
    }
}

#[test]
fn one_setting_of_several_members_takes_nothing_else() {
    for query in ["vwd=3", "val9=2", "val.other=2", "val=2", "val00=2", "set.route=x"] {
        let refused = planned(&format!("cmd=update&w=lb&att=vwf&val0=3&{query}"));
        assert!(matches!(refused, Err(StatusError::Update(_))), "{query}: {refused:?}");
    }
    assert_eq!(
        planned("cmd=update&w=lb&att=vwf&val0=3&from=list&_=17").map(|all| all.len()),
        Ok(1)
    );
}

#[test]
fn another_site_cannot_change_anything() {
    type Case = (&'static str, Provenance<'static>, bool);
    let script = Provenance { method: "GET", host: Some("own:81"), ..<_>::default() };
    let cases: &[Case] = &[
        ("script", script, true),
        ("delete", Provenance { method: "DELETE", ..script }, false),
        ("marked", Provenance { sec_fetch_site: Some("cross-site"), ..script }, false),
        ("sibling", Provenance { sec_fetch_site: Some("same-site"), ..script }, false),
        ("own form", Provenance { sec_fetch_site: Some("same-origin"), ..script }, true),
        ("typed", Provenance { sec_fetch_site: Some("none"), ..script }, true),
        ("own origin", Provenance { origin: Some("http://own:81"), ..script }, true),
        ("other origin", Provenance { origin: Some("http://evil.example"), ..script }, false),
        ("other port", Provenance { origin: Some("http://own:82"), ..script }, false),
        ("null", Provenance { origin: Some("null"), ..script }, false),
        ("user part", Provenance { referer: Some("http://own:81@evil/"), ..script }, false),
        ("own referer", Provenance { referer: Some("http://own:81/st?w=1"), ..script }, true),
    ];
    for (name, from, expected) in cases {
        assert_eq!(may_change(from), *expected, "case: {name}");
    }
}

proptest! {
    #[test]
    fn any_query_is_answered(query in "([a-z]{1,5}=[%a-z0-9*?]{0,9}&|cmd=update&|w=lb&|sw=n1&|\\PC{0,3}){0,9}") {
        let _ = planned(&query);
        answer(&query);
    }

    #[test]
    fn any_value_is_escaped(value in "\\PC{0,9}[<>\"&'\\\\\n\r\u{1} ]{0,5}\\PC{0,9}") {
        let mut snapshot = state::snapshot();
        let lines = |query: &str, snapshot: &_| {
            let (mime, command) = parse(query, false);
            render(mime, command.as_ref(), snapshot, &Shape::default())
        };
        let plain: Vec<_> = ["mime=xml", "mime=txt", "mime=prop"]
            .map(|query| lines(query, &snapshot).lines().count()).into();
        Arc::make_mut(&mut snapshot.balancers[0].members[1].config).domain = value.clone();
        std::sync::Arc::make_mut(&mut snapshot.workers[0].config).host = value.clone();
        snapshot.balancers[0].rules[0].uri = value;
        for (index, query) in ["mime=xml", "mime=txt", "mime=prop"].into_iter().enumerate() {
            let page = lines(query, &snapshot);
            prop_assert_eq!(page.lines().count(), plain[index]);
            if query == "mime=xml" {
                for line in page.lines().filter(|line| line.contains("=\"") && !line.starts_with("<?")) {
                    prop_assert_eq!(line.matches('"').count(), 2, "{}", line);
                }
            }
            if query == "mime=txt" {
                let line = page.lines().find(|line| line.starts_with("AJP Worker:")).unwrap();
                // As in the golden file: a value moves no column.
                prop_assert_eq!(line.split(' ').count(), 35);
            }
        }
    }
}
