//! What is found, and what is not.

use super::{Effect, OriginalVersion, Unknown, unknown};
use crate::config::in_memory::InMemory;
use crate::config::rows::{DIRECTIVES, EXTENSIONS, OPTIONS, PROPERTIES};
use crate::config::validate::check;
use crate::tool::httpd_conf::{TargetVersion, read};

/// Returns what a version does not know of three files.
fn found(version: &str, conf: &str, workers: &str, map: &str) -> Vec<Unknown> {
    let conf = format!("JkShmFile s\nJkWorkersFile w\nJkMountFile m\n{conf}\n");
    let files = [("c", conf.as_str()), ("w", workers), ("m", map)];
    let files = InMemory::new(&files);
    let conf = read(&["c"], "/", &[], &TargetVersion::built_for(), &files);
    let servers: Vec<_> = conf.servers.iter().map(|own| &own.settings).collect();
    let checked = check(&servers, None, &files);
    let version = OriginalVersion::parse(version).expect("a version");
    unknown(&version, &servers, &checked.properties, &files)
}

fn names(found: &[Unknown]) -> Vec<String> {
    let shown = |own: &Unknown| format!("{}:{} {}", own.origin, own.kind, own.name);
    found.iter().map(shown).collect()
}

#[test]
fn names_are_found_by_their_version() {
    let conf = "JkStrict Off\nJkOptions +ForwardKeySize -ForbidUnsafeURI\nJkRequestIdIndicator X\n\
                <VirtualHost *>\nJkLogFormat Text\nJkMount /x a;sticky_ignore=1\n</VirtualHost>";
    let workers = "worker.list=a\nworker.a.idle_guard=5\nworker.a.busy_limit=3\n";
    let in_48 = found("1.2.48", conf, workers, "");
    let expected = [
        "c:4:directive JkStrict",
        "c:5:option JkOptions -ForbidUnsafeURI",
        "c:6:directive JkRequestIdIndicator",
        "c:8:directive JkLogFormat",
        "w:2:property worker.a.idle_guard",
    ];
    assert_eq!(names(&in_48), expected);
    assert!(in_48.iter().all(|own| own.effect == Effect::Refused));
    let text = in_48[2].to_string();
    assert!(text.contains("not known to the original before 1.2.49"), "{text}");
    assert!(text.contains("go back to 1.2.49 at least"), "{text}");
    assert_eq!(names(&found("1.2.50", conf, workers, "")).len(), 4);
    let in_30 = names(&found("1.2.30", conf, workers, ""));
    assert!(in_30.contains(&"w:3:property worker.a.busy_limit".to_owned()), "{in_30:?}");
    assert!(in_30.contains(&"c:9:extension ;sticky_ignore".to_owned()), "{in_30:?}");
}

#[test]
fn forms_that_only_this_module_reads() {
    let workers = "\u{feff}x=y\nworker.list=a,b,l\nworker.a.host=unix:/run/a\nworker.b.type=ajp14\n\
                   worker.l.type=lb\nworker.l.balance_workers=n\nworker.l.method=hash\n\
                   worker.l.session_cookie_path=-\nworker.n.type=ajp12\nworker.c.type=htpp\n";
    let map =
        "*.jsp=a\n-!*.gif=a\n!-/x=a\n/y=a ; reply_timeout = 3\n/z=a;reply_timeout=3 # a ; b\n";
    let own = found("1.2.48", "JkMount *.do a\nJkRequestLogFormat 100%%", workers, map);
    let expected = [
        "c:4:rule JkMount *.do",
        "c:5:value %% in JkRequestLogFormat",
        "m:1:rule *.jsp",
        "m:2:rule -!*.gif",
        "m:3:rule !-/x",
        "m:4:extension a ; reply_timeout = 3",
        "w:1:file byte order mark",
        "w:3:value worker.a.host=unix:/run/a",
        "w:4:type worker.b.type=ajp14",
        "w:7:value worker.l.method=hash",
        "w:8:value worker.l.session_cookie_path=-",
        "w:10:type worker.c.type=htpp",
    ];
    assert_eq!(names(&own), expected);
    assert!(own[3].remedy.ends_with("write -!/*.gif"), "{}", own[3].remedy);
    assert!(own[5].remedy.ends_with("write a;reply_timeout=3"), "{}", own[5].remedy);
}

#[test]
fn what_the_original_has_is_not_found() {
    let workers = "worker.list=a,l\nworker.a.secret=x\nworker.a.type=ajp13\nworker.l.type=lb\n\
                   worker.l.balance_workers=a\nworker.l.method=B\nworker.a.activation=Stopped\n";
    let map = "/a|/*=a;reply_timeout=5;sticky_ignore=1\n!/b=*\n-/c=a\n";
    assert_eq!(names(&found("1.2.48", "JkMountCopy All", workers, map)), [""; 0]);
    let without = InMemory::new(&[("c", "JkMount /x a\n")]);
    let conf = read(&["c"], "/", &[], &TargetVersion::built_for(), &without);
    let servers: Vec<_> = conf.servers.iter().map(|own| &own.settings).collect();
    let version = OriginalVersion::parse("1.2.48").expect("a version");
    let found = unknown(&version, &servers, &crate::config::Properties::default(), &without);
    assert_eq!(names(&found), ["c:0:directive without JkShmFile"]);
}

#[test]
fn every_row_has_a_version_that_can_be_compared() {
    let rows = PROPERTIES.iter().map(|row| (row.name, row.since));
    let rows = rows.chain(DIRECTIVES.iter().map(|row| (row.name, row.since)));
    let rows = rows.chain(OPTIONS.iter().chain(EXTENSIONS).map(|row| (row.name, row.since)));
    for (name, since) in rows {
        assert!(super::numbers(since).is_some(), "{name}: {since}");
    }
    for bad in ["", "1.2", "2.0.0", "1.2.x", "1.3.0"] {
        assert!(OriginalVersion::parse(bad).is_err(), "{bad}");
    }
}
