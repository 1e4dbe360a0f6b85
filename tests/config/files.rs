//! What old workers files do, by the values that come into force.

use std::collections::BTreeMap;

use mod_jk::config::rows::{PROPERTIES, PropertyScope, RETIRED, ValueKind};

use crate::site::Site;

/// The values in force, by worker and property, and what is said.
fn force(workers: &str) -> (BTreeMap<(String, String), String>, Vec<String>) {
    let mut site = Site::default();
    site.files.insert("jk.conf".into(), "JkMount /w/* w\n".into());
    site.files.insert("workers.properties".into(), workers.into());
    let (servers, checked) = site.check();
    let every: Vec<_> = servers.iter().collect();
    let text = mod_jk::config::dump(&every, &checked);
    let mut values = BTreeMap::new();
    let mut worker = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("Worker ") {
            worker = name.to_owned();
        }
        let mut words = line.split_whitespace();
        if let (Some(name), Some(value), true) = (words.next(), words.next(), line.starts_with(' '))
        {
            values.insert((worker.clone(), name.to_owned()), value.to_owned());
        }
    }
    let said = checked.problems.iter().map(|own| format!("{:?} {own}", own.severity)).collect();
    (values, said)
}

/// Row of the surface, lines of the file, worker, property, the value in force.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str);

const HEAD: &str = "worker.list=w\nworker.w.type=ajp13\n";

const CASES: &[Case] = &[
    ("name=value", "worker.w.port=8010", "w", "port", "8010"),
    ("name=value", "  worker.w.port \t=  8010 \r", "w", "port", "8010"),
    ("name=value", "worker.w.secret=a=b", "w", "secret", "***"),
    ("name=value", "worker.w.port=", "w", "port", "8009"),
    ("# comment", "worker.w.port=8010 # not 8011", "w", "port", "8010"),
    ("# comment", "#worker.w.port=8010", "w", "port", "8009"),
    ("no continuation", "worker.w.host=ab\\\nworker.w.port=8010", "w", "host", "ab\\"),
    ("no continuation", "worker.w.host=ab\\\nworker.w.port=8010", "w", "port", "8010"),
    ("variables", "my.port=8010\nworker.w.port=$(my.port)", "w", "port", "8010"),
    ("$(name)", "worker.x.port=8010\nworker.w.port=$(worker.x.port)", "w", "port", "8010"),
    ("$(name)", "a=10\nworker.w.port=80$(a)", "w", "port", "8010"),
    ("$(name)", "a=$(b)\nb=8010\nworker.w.host=$(a)", "w", "host", "$(b)"),
    ("$(ServerRoot)", "worker.w.source=$(ServerRoot)", "w", "source", "/site"),
    ("$(ServerRoot)", "ServerRoot=/own\nworker.w.source=$(ServerRoot)", "w", "source", "/own"),
    (
        "reference",
        "worker.w.reference=worker.t\nworker.t.port=8010\nworker.t.host=127.0.0.1\nworker.w.host=127.0.0.2",
        "w",
        "port",
        "8010",
    ),
    (
        "reference",
        "worker.w.reference=worker.t\nworker.t.port=8010\nworker.t.host=127.0.0.1\nworker.w.host=127.0.0.2",
        "w",
        "host",
        "127.0.0.2",
    ),
    (
        "reference",
        "worker.w.reference=worker.t\nworker.t.reference=worker.u\nworker.u.port=8010",
        "w",
        "port",
        "8010",
    ),
    (
        "reference",
        "worker.w.reference=worker.t\nworker.t.fail_on_status=500\nworker.w.fail_on_status=501",
        "w",
        "fail_on_status",
        "501",
    ),
    (
        "repeated list properties",
        "worker.w.fail_on_status=500\nworker.w.fail_on_status=501",
        "w",
        "fail_on_status",
        "500,501",
    ),
    ("repeated single properties", "worker.w.port=8010\nworker.w.port=8011", "w", "port", "8011"),
    (
        "repeated other properties",
        "worker.maintain=5\nworker.maintain=6",
        "",
        "worker.maintain",
        "6",
    ),
    (
        "repeated other properties",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.distance=1\nworker.w.distance=2",
        "w",
        "distance",
        "2",
    ),
    (
        "list separators",
        "worker.w.fail_on_status=500,501 502\t503 , 504",
        "w",
        "fail_on_status",
        "500,501,502,503,504",
    ),
    ("integers", "worker.w.max_packet_size=16k", "w", "max_packet_size", "16384"),
    ("integers", "worker.w.socket_buffer=1M", "w", "socket_buffer", "1048576"),
    ("integers", "worker.w.busy_limit=7x", "w", "busy_limit", "7"),
    ("integers", "worker.w.ping_timeout=soon", "w", "ping_timeout", "10000"),
    ("integers", "worker.w.ping_timeout=4294967297", "w", "ping_timeout", "10000"),
    ("integers", "worker.w.busy_limit=-3", "w", "busy_limit", "0"),
    ("booleans", "worker.w.socket_keepalive=On", "w", "socket_keepalive", "true"),
    ("booleans", "worker.w.socket_keepalive=1", "w", "socket_keepalive", "true"),
    ("booleans", "worker.w.socket_keepalive=yes", "w", "socket_keepalive", "true"),
    ("booleans", "worker.w.response_probe=no", "w", "response_probe", "false"),
    ("booleans", "worker.w.response_probe=FALSE", "w", "response_probe", "false"),
    ("booleans", "worker.w.response_probe=0", "w", "response_probe", "false"),
    ("booleans", "worker.w.response_probe=10", "w", "response_probe", "true"),
    ("cachesize", "worker.w.cachesize=7", "w", "connection_pool_size", "7"),
    (
        "cachesize",
        "worker.w.cachesize=7\nworker.w.connection_pool_size=8",
        "w",
        "connection_pool_size",
        "8",
    ),
    ("cache_timeout", "worker.w.cache_timeout=7", "w", "connection_pool_timeout", "7"),
    ("recycle_timeout", "worker.w.recycle_timeout=7", "w", "connection_pool_timeout", "unset"),
    (
        "balanced_workers",
        "worker.list=l\nworker.l.type=lb\nworker.l.balanced_workers=w",
        "l",
        "balance_workers",
        "w",
    ),
    (
        "jvm_route",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.jvm_route=r",
        "w",
        "route",
        "r",
    ),
    (
        "disabled",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.disabled=1",
        "w",
        "activation",
        "Disabled",
    ),
    (
        "stopped",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.disabled=1\nworker.w.stopped=1",
        "w",
        "activation",
        "Stopped",
    ),
    (
        "stopped",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.stopped=1\nworker.w.activation=A",
        "w",
        "activation",
        "Active",
    ),
    ("worker.list", "worker.list=x y", "x", "port", "8009"),
    ("worker.list", "worker.list=x y", "y", "type", "ajp13"),
    ("host", "worker.w.host=::1", "w", "host", "::1"),
    ("port", "worker.list=old\nworker.old.type=ajp12", "old", "port", "8007"),
    ("port", "worker.list=old\nworker.old.type=ajp14", "old", "port", "8011"),
    ("socket_connect_timeout", "worker.w.socket_timeout=3", "w", "socket_connect_timeout", "3000"),
    ("ping_mode", "worker.w.ping_mode=cI", "w", "connect_timeout", "10000"),
    ("ping_mode", "worker.w.ping_mode=cI", "w", "connection_ping_interval", "100"),
    ("ping_mode", "worker.w.ping_mode=cI", "w", "prepost_timeout", "unset"),
    ("ping_mode", "worker.w.ping_mode=A\nworker.w.ping_timeout=0", "w", "prepost_timeout", "unset"),
    (
        "connection_pool_minsize",
        "worker.w.connection_pool_size=9",
        "w",
        "connection_pool_minsize",
        "5",
    ),
    (
        "connection_acquire_timeout",
        "worker.w.retries=3\nworker.w.retry_interval=50",
        "w",
        "connection_acquire_timeout",
        "150",
    ),
    ("max_packet_size", "worker.w.max_packet_size=1", "w", "max_packet_size", "8192"),
    ("max_packet_size", "worker.w.max_packet_size=9000", "w", "max_packet_size", "9216"),
    (
        "error_escalation_time",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.l.recover_time=0",
        "l",
        "recover_time",
        "1",
    ),
    (
        "error_escalation_time",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.l.recover_time=31",
        "l",
        "error_escalation_time",
        "15",
    ),
    (
        "max_reply_timeouts",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.l.max_reply_timeouts=-1",
        "l",
        "max_reply_timeouts",
        "4294967295",
    ),
    (
        "domain",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.w.route=d.r.1",
        "w",
        "domain",
        "d",
    ),
];

#[test]
fn values_come_into_force() {
    for (row, lines, worker, property, expected) in CASES {
        let (values, said) = force(&format!("{HEAD}{lines}\n"));
        assert!(said.iter().all(|own| !own.starts_with("Error")), "{row}: {said:?}");
        let value = values.get(&((*worker).to_owned(), (*property).to_owned()));
        assert_eq!(value.map(String::as_str), Some(*expected), "{row}: {lines:?}");
    }
}

#[test]
fn retired_properties_are_accepted_and_say_so() {
    let manual = mod_jk::config::reference();
    for (name, why) in RETIRED {
        let line = format!("worker.w.{name}=1");
        let (plain, _) = force(HEAD);
        let (values, said) = force(&format!("{HEAD}{line}\n"));
        assert!(values == plain, "{name} has an effect");
        let expected =
            format!("Warning /site/workers.properties:3: worker.w.{name} has no effect: {why}");
        assert!(said.contains(&expected), "{name}: {said:?}");
        assert!(said.iter().all(|own| !own.starts_with("Error")), "{name}: {said:?}");
        assert!(manual.contains(&format!("| `{name}` | {why} |")), "{name} in the manual");
    }
}

#[test]
fn limits_of_names_and_attributes() {
    let errors = |lines: &str| {
        let (_, said) = force(&format!("{HEAD}{lines}\n"));
        said.into_iter().filter(|own| own.starts_with("Error")).count()
    };
    let (longest, longer) = ("x".repeat(63), "x".repeat(64));
    assert_eq!(errors(&format!("worker.list={longest}\nworker.{longest}.type=ajp13")), 0);
    assert_eq!(errors(&format!("worker.list={longer}\nworker.{longer}.type=ajp13")), 1);
    for property in ["host", "source", "route", "domain", "redirect"] {
        let lb = "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\n";
        assert_eq!(errors(&format!("{lb}worker.w.{property}={longest}")), 0, "{property}");
        assert_ne!(errors(&format!("{lb}worker.w.{property}={longer}")), 0, "{property}");
    }
    for property in ["session_cookie", "session_path", "session_cookie_path"] {
        let lb = "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\n";
        assert_ne!(errors(&format!("{lb}worker.l.{property}={longer}")), 0, "{property}");
    }
    assert_eq!(errors("worker.w.nonsense=1"), 1);
    assert_eq!(errors("nonsense.w.nonsense=1"), 0, "a variable");
}

#[test]
fn mount_files_have_any_size() {
    let mut site = Site::default();
    site.files.insert("jk.conf".into(), "JkMountFile rules\n".into());
    site.files.insert("workers.properties".into(), HEAD.into());
    let rules = (0..20_000).fold(String::new(), |text, n| text + &format!("/app{n}/*=w\n"));
    site.files.insert("rules".into(), rules);
    let (_, checked) = site.check();
    assert!(checked.problems.is_empty(), "{:?}", checked.problems.first());
    let map = checked.map(0);
    for uri in ["/app0/x", "/app9999/x", "/app19999/x"] {
        assert!(map.find(uri.as_bytes()).is_some(), "{uri}");
    }
    assert!(map.find(b"/app20000/x").is_none());
}

#[test]
fn no_secret_is_shown() {
    for line in [
        "worker.w.secret=mark",
        "worker.w.secret mark",
        "=worker.w.secret=mark",
        "worker.w.secret=mark$(",
        "worker.w.secret=mark\\",
        "worker.w.secret=mark#mark",
        "worker.w.secret=mark\nworker.w.secret=mark",
        "worker.w.secretkey=mark",
        "worker.w.sceret=mark",
        "worker.list=l\nworker.l.type=lb\nworker.l.balance_workers=w\nworker.l.secret=mark",
    ] {
        let mut site = Site::default();
        site.files.insert(
            "jk.conf".into(),
            format!(
                "JkMount /w/* w\nJkWorkerProperty {}\n",
                line.lines().next().unwrap_or_default()
            ),
        );
        site.files.insert("workers.properties".into(), format!("{HEAD}{line}\n"));
        let (servers, checked) = site.check();
        let every: Vec<_> = servers.iter().collect();
        let dump = mod_jk::config::dump(&every, &checked);
        assert!(!dump.contains("mark"), "{line}: {dump}");
        for problem in &checked.problems {
            assert!(!problem.text.contains("mark"), "{line}: {problem}");
        }
    }
}

#[test]
fn lines_of_a_directive_may_be_quoted() {
    let mut site = Site::default();
    let lines = "JkWorkerProperty \"worker.w.port=8010\"\nJkWorkerProperty worker.s.xmlns=xmlns:j=\"urn:j\"\n\
        JkMount /w/* w\nJkMount /s s\nJkStatusLoopback On\n";
    site.files.insert("jk.conf".into(), lines.into());
    site.files.insert(
        "workers.properties".into(),
        format!("{HEAD}worker.list=s\nworker.s.type=status\n"),
    );
    let (servers, checked) = site.check();
    let every: Vec<_> = servers.iter().collect();
    let dump = mod_jk::config::dump(&every, &checked);
    let values = dump.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(values.contains("port 8010 /site/jk.conf:1"), "{dump}");
    assert!(values.contains("xmlns xmlns:j=\"urn:j\" /site/jk.conf:2"), "{dump}");
}

/// Made from the table: whatever is no value of its kind is named with the kind, and the value in
/// force stays what it is without.
#[test]
fn every_property_refuses_what_it_is_not() {
    const SITE: &str = "worker.list=w,l,s\nworker.w.type=ajp13\nworker.l.type=lb\n\
        worker.l.balance_workers=m\nworker.l.health_check=GET /h\nworker.m.type=ajp13\nworker.s.type=status\n";
    let (plain, _) = force(SITE);
    let mut count = 0;
    for row in PROPERTIES {
        let is_retired = RETIRED.iter().any(|(name, _)| *name == row.name);
        if !(row.kind == ValueKind::Bool || row.kind.is_number()) || is_retired {
            continue;
        }
        let workers: &[&str] = match row.scope {
            PropertyScope::All | PropertyScope::Ajp13 => &["w"],
            PropertyScope::Both => &["w", "l"],
            PropertyScope::Lb => &["l"],
            PropertyScope::Member => &["m"],
            PropertyScope::Status => &["s"],
        };
        for worker in workers {
            let name = format!("worker.{worker}.{}", row.name);
            let (values, said) = force(&format!("{SITE}{name}=?\n"));
            // Some numbers have limits of their own, which the message says instead of the unit.
            let kind = if row.kind == ValueKind::Bool { "true or false" } else { "a whole number" };
            let expected = format!("{name}: invalid value \"?\", expected {kind}");
            assert!(said.iter().any(|own| own.contains(&expected)), "{name}: {said:?}");
            // Requests for a port that is unknown must not go to another Tomcat.
            let is_kept = row.name != "port";
            assert_eq!(values == plain, is_kept, "{name} has an effect");
            count += 1;
        }
    }
    assert!(count > 35, "{count}");
}
