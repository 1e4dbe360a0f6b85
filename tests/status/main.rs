//! The status worker and the metrics against what mod_jk 1.2.48 answers in the same state.

mod metrics;
#[path = "../support/openmetrics.rs"]
mod openmetrics;
mod pages;
mod server_status;
mod state;

use mod_jk::lb::{Activation, Method};
use mod_jk::status::edit::{Attribute, Change, Value, plan};
use mod_jk::status::guard::{Provenance, may_change};
use mod_jk::status::machine::{Shape, render};
use mod_jk::status::request::parse;
use mod_jk::status::{Refusal, edit};
use proptest::prelude::*;

fn answer(query: &str) -> String {
    let snapshot = state::snapshot();
    let (mime, command) = parse(query, false);
    let command = command.and_then(|command| edit::check(&command, &snapshot).map(|()| command));
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
        ("cmd=%c0%ae", "Error during parsing of URI"),
    ];
    for (query, expected) in cases {
        let own = answer(&format!("mime=txt&{query}"));
        assert_eq!(own, format!("Result: type=ERROR message=\"{expected}\"\n"), "case: {query}");
    }
    let own = answer("mime=foo");
    assert_eq!(own, "worker.result.type=ERROR\nworker.result.message=Invalid mime type.\n");
}

fn planned(query: &str) -> Result<Vec<Change>, Refusal> {
    plan(&parse(query, false).1?, &state::snapshot())
}

#[test]
fn updates_change_what_was_sent() {
    let activation = |member: &str, value| Change::Member {
        balancer: "lb".to_owned(),
        member: member.to_owned(),
        attribute: Attribute::Activation,
        value: Value::Activation(value),
    };
    let balancer =
        |attribute, value| Change::Balancer { balancer: "lb".to_owned(), attribute, value };
    let ajp = |worker: &str, attribute, value| Change::Ajp {
        worker: worker.to_owned(),
        attribute,
        value,
    };
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
            vec![balancer(Attribute::Method, Value::Method(Method::Busyness))],
        ),
        (
            "flag off",
            "cmd=update&w=lb&vls=0",
            vec![balancer(Attribute::StickySession, Value::Flag(false))],
        ),
        (
            "alone",
            "cmd=update&w=solo&vamps=9000",
            vec![ajp("solo", Attribute::MaxPacketSize, Value::Number(9216))],
        ),
        (
            "address",
            "cmd=update&w=lb&sw=n1&vahst=127.0.0.71&vaprt=9",
            vec![ajp("n1", Attribute::Port, Value::Number(9))],
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
            vec![balancer(Attribute::Method, Value::Method(Method::Traffic))],
        ),
        ("as it was shown", "cmd=update&w=lb&sw=n1&vwd=5&was.vwd=5", vec![]),
        ("reset", "cmd=reset&w=lb", vec![Change::Reset { worker: "lb".to_owned(), member: None }]),
        ("nothing", "cmd=update&w=lb&sw=n1", vec![]),
    ];
    for (name, query, expected) in cases {
        assert_eq!(planned(query).as_ref(), Ok(expected), "case: {name}");
    }
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
        "vacpi=0",
        "vahst=",
        "vxyz=1",
        &format!("vwr={long}"),
    ];
    for value in bad {
        // A good value beside it does not get through either.
        let result = planned(&format!("cmd=update&w=lb&sw=n1&vwd=3&{value}"));
        assert!(
            matches!(result, Err(Refusal::Update(_) | Refusal::Unreadable)),
            "{value}: {result:?}"
        );
    }
    assert_eq!(planned("cmd=recover&w=lb&sw=n2"), Err(Refusal::NotInError));
    assert_eq!(planned("cmd=recover&w=solo"), Err(Refusal::NotInError));
    assert_eq!(planned("cmd=reset&w=st"), Err(Refusal::Reset));
    assert_eq!(planned("cmd=update&w=st&vwa=a"), Err(Refusal::UpdateKind));
    let stale = planned("cmd=update&w=lb&sw=n1&vwd=6&was.vwd=5");
    assert_eq!(stale, Err(Refusal::Stale("distance".to_owned())));
    assert!(planned("cmd=update&w=lb&sw=n3&vwa=a").is_err(), "it has no port");
    assert!(planned(&format!("cmd=update&w=lb&sw=n1&vwr={}", &long[1..])).is_ok());
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
        snapshot.balancers[0].members[1].domain = value.clone();
        snapshot.workers[0].host = value.clone();
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
