use std::time::Duration;

use crate::uri_map::diagnostics::{MOST_HINTS, RuleTarget, check_workers};
use crate::uri_map::extensions::RuleActivation;
use crate::uri_map::*;

fn origin() -> Origin {
    Origin::new("map", 1)
}

/// Parses rules in the form of the mount file, each on a line of its own.
fn rules(lines: &[&str]) -> Vec<Arc<Rule>> {
    let parse = |(n, line): (usize, &&str)| {
        let (left, right) = line.split_once('=').unwrap();
        let origin = Origin::new("map", n as u32 + 1);
        Rule::parse(
            left.as_bytes(),
            right.as_bytes(),
            RuleSource::MountFile,
            &origin,
            &mut Vec::new(),
        )
    };
    lines.iter().enumerate().flat_map(parse).collect()
}

#[test]
fn section_1_1_rule_anatomy() {
    // name, left side, then (disabled, exclusion, pattern) and the number of problems
    type Case = (&'static str, &'static str, Option<(bool, bool, &'static str)>, usize);
    let cases: &[Case] = &[
        ("plain", "/a", Some((false, false, "/a")), 0),
        ("disabled", "-/a", Some((true, false, "/a")), 0),
        ("exclusion", "!/a", Some((false, true, "/a")), 0),
        ("both", "-!/a", Some((true, true, "/a")), 0),
        ("both, other order", "!-/a", Some((true, true, "/a")), 0),
        ("inner dash", "/-a", Some((false, false, "/-a")), 0),
        ("leading star", "*.jsp", Some((false, false, "/*.jsp")), 1),
        ("excluded leading star", "!*.jsp", Some((false, true, "/*.jsp")), 1),
        ("two exclamation marks", "!!/x", None, 1),
        ("two dashes", "--/x", None, 1),
        ("blank", "! /x", None, 1),
        ("question mark", "?x", None, 1),
        ("quote", "\"/x\"", None, 1),
        ("empty", "", None, 1),
    ];
    for (name, left, expected, count) in cases {
        let mut problems = Vec::new();
        let rules =
            Rule::parse(left.as_bytes(), b"w", RuleSource::Directive, &origin(), &mut problems);
        let parsed = rules.first().map(|rule| {
            (rule.is_disabled, rule.is_exclusion, std::str::from_utf8(&rule.pattern).unwrap())
        });
        assert_eq!((parsed, problems.len()), (*expected, *count), "case: {name}");
    }
}

#[test]
fn section_1_2_bar() {
    let cases: &[(&str, &[&str], usize)] = &[
        ("/a", &["/a"], 0),
        ("/a|/*", &["/a", "/a/*"], 0),
        ("/a|bc", &["/a", "/abc"], 0),
        ("/a|", &["/a", "/a"], 0),
        ("/a|/b|/c", &["/a", "/a/b|/c"], 1),
        ("-!/a|/*", &["/a", "/a/*"], 0),
    ];
    for (left, expected, count) in cases {
        let mut problems = Vec::new();
        let rules =
            Rule::parse(left.as_bytes(), b"w", RuleSource::Directive, &origin(), &mut problems);
        let patterns: Vec<_> =
            rules.iter().map(|rule| std::str::from_utf8(&rule.pattern).unwrap()).collect();
        assert_eq!((&*patterns, problems.len()), (*expected, *count), "case: {left}");
        let modified = left.starts_with("-!");
        assert!(rules.iter().all(|r| r.is_disabled == modified && r.is_exclusion == modified));
    }
}

#[test]
fn section_1_3_worker_part() {
    let cases: &[(&str, &str, bool)] = &[
        ("w1", "w1", false),
        (" w1 ;stateless=1", "w1", true),
        ("w1; stateless = 1 ;;", "w1", true),
        ("w 1", "w 1", false),
        (";stateless=1", ";stateless=1", false),
        ("*", "*", false),
    ];
    for (right, worker, stateless) in cases {
        let (name, extensions) = rule::parse_worker(right.as_bytes(), &origin(), &mut Vec::new());
        assert_eq!((&*name, extensions.stateless), (*worker, *stateless), "case: {right}");
    }
}

#[test]
fn section_5_order_and_exclusions() {
    type Case = (&'static str, &'static [&'static str], &'static str, Option<&'static str>);
    let cases: &[Case] = &[
        ("longer", &["/=w1", "/*=w2"], "/", Some("w2")),
        ("exact is not special", &["/a/b=w1", "/a/**=w2"], "/a/b", Some("w2")),
        ("first of equals", &["/foo/ba*=w2", "/foo/bar=w1"], "/foo/bar", Some("w2")),
        ("suffix is longer", &["/*.jsp=w1", "/a*=w2"], "/a.jsp", Some("w1")),
        ("more slashes", &["/*.jsp=w1", "/app/*=w2"], "/app/a.jsp", Some("w2")),
        ("slashes beat length", &["/aaaaaaa*=w1", "/a*/*=w2"], "/aaaaaaa/x", Some("w2")),
        ("exclusion of a deeper rule", &["!/a/*=w1", "/a/b/c/d=w1"], "/a/b/c/d", None),
        ("exclusion of another worker", &["!/a/*=w2", "/a/*=w1"], "/a/b", Some("w1")),
        ("exclusion of all", &["!/a/*=*", "/a/*=w1"], "/a/b", None),
        ("no other wildcard", &["!/a/*=w*", "/a/*=w1"], "/a/b", Some("w1")),
        ("no second candidate", &["/*=w1", "/a/*=w2", "!/a/b=w2"], "/a/b", None),
        ("extensions do not count", &["/a/*=w1;stateless=1", "!/a/b=w1;stateless=1"], "/a/b", None),
        ("disabled rule", &["-/a/*=w1", "/*=w2"], "/a/b", Some("w2")),
        ("disabled exclusion", &["-!/a/*=w1", "/*=w1"], "/a/b", Some("w1")),
        ("disabled hides nothing", &["/a/*=w1", "-/a/*=w1"], "/a/b", Some("w1")),
        ("encoded slash, other case", &["/a%2fb=w1"], "/a%2Fb", Some("w1")),
        ("encoded slash twice", &["/a%2Fb%2f*=w1"], "/a%2fb%2Fc", Some("w1")),
        ("encoded slash excluded", &["/*=w1", "!/a%2Fb=w1"], "/a%2fb", None),
    ];
    for (name, lines, uri, expected) in cases {
        let map = UriMap::build(rules(lines)).0;
        let worker = map.find(uri.as_bytes()).map(|rule| &*rule.worker);
        assert_eq!(worker, *expected, "case: {name}");
        assert_eq!(map.explain(uri.as_bytes()).worker(), *expected, "case: {name}, explained");
        assert_eq!(map.rules().count(), lines.len(), "case: {name}, listed");
    }
}

#[test]
fn long_uris_are_mapped() {
    let map = UriMap::build(rules(&["/app/*=w1"])).0;
    for length in [4090, 4093, 4094, 4095, 4096, 8000, 65_536, 131_072] {
        let uri = format!("/app/{}", "A".repeat(length - 5));
        assert!(map.find(uri.as_bytes()).is_some(), "{length}");
    }
}

#[test]
fn section_12_explain() {
    let map = UriMap::build(rules(&["/a/*=w1", "!/a/x=w1", "!/y/*=*", "-/a/d=w1"])).0;
    let cases: &[(&str, &str)] = &[
        ("/a//b;c", "/a/b: worker w1 by rule /a/*=w1 (map:1), 2 exclusions considered"),
        ("/a/x", "/a/x: not mapped, rule /a/*=w1 (map:1) matches but !/a/x=w1 (map:2) excludes it"),
        ("/b\n", "/b\\x0a: not mapped, no rule matches"),
        ("/..;/a", "not mapped: the path climbs above the root"),
        ("*", "not mapped: \"*\" is not a path"),
    ];
    for (path, expected) in cases {
        assert_eq!(map.explain(path.as_bytes()).to_string(), *expected, "case: {path}");
    }
    let disabled: Vec<_> = map.explain(b"/a/d").disabled.iter().map(|r| r.to_string()).collect();
    assert_eq!(disabled, ["-/a/d=w1 (map:4)"]);
}

#[test]
fn control_bytes_of_extensions_reach_no_terminal() {
    let mut problems = Vec::new();
    rule::parse_worker(b"w2;reply\x7f?timekut=5;\x1b[1m=1", &origin(), &mut problems);
    let texts: Vec<_> = problems.iter().map(|problem| problem.text.as_str()).collect();
    assert!(!texts.is_empty() && texts.iter().all(|text| !text.chars().any(char::is_control)));
    assert!(texts[0].contains("\"reply\\x7f?timekut\""), "{texts:?}");
}

#[test]
fn section_8_extensions() {
    let plain = Extensions::default;
    let names = |list: &[&str]| list.iter().map(|name| String::from(*name)).collect::<Vec<_>>();
    let cases: Vec<(&str, Extensions, usize)> = vec![
        ("", plain(), 0),
        (";;", plain(), 0),
        (
            "reply_timeout=1500",
            Extensions { reply_timeout: Some(Duration::from_millis(1500)), ..plain() },
            0,
        ),
        ("reply_timeout=0", Extensions { reply_timeout: Some(Duration::ZERO), ..plain() }, 0),
        ("reply_timeout=5;reply_timeout=-1", plain(), 0),
        (
            "reply_timeout=10s",
            Extensions { reply_timeout: Some(Duration::from_millis(10)), ..plain() },
            1,
        ),
        (
            "reply_timeout=99999999999",
            Extensions { reply_timeout: Some(Duration::from_millis(i32::MAX as u64)), ..plain() },
            1,
        ),
        ("sticky_ignore=1", Extensions { sticky_ignore: true, ..plain() }, 0),
        ("stateless=1;stateless=0", plain(), 0),
        ("stateless=yes", plain(), 1),
        (
            "set_session_cookie=1;set_session_cookie=0",
            Extensions { set_session_cookie: true, ..plain() },
            0,
        ),
        ("use_server_errors=400", Extensions { use_server_errors: 400, ..plain() }, 0),
        (
            "fail_on_status=503, -404 x",
            Extensions { fail_on_status: Some(vec![503, -404, 0]), ..plain() },
            1,
        ),
        (
            "fail_on_status=1;fail_on_status=2",
            Extensions { fail_on_status: Some(vec![1]), ..plain() },
            1,
        ),
        ("active=a,b;active=c", Extensions { active: names(&["a", "b"]), ..plain() }, 1),
        ("disabled=a b", Extensions { disabled: names(&["a", "b"]), ..plain() }, 0),
        ("stopped=", plain(), 1),
        (
            "active=a;stopped=a",
            Extensions { active: names(&["a"]), stopped: names(&["a"]), ..plain() },
            1,
        ),
        (
            "session_cookie=C;session_cookie=D",
            Extensions { session_cookie: Some("C".into()), ..plain() },
            1,
        ),
        (
            "session_path=;sid;stateless=1",
            Extensions { session_path: Some("sid".into()), stateless: true, ..plain() },
            0,
        ),
        ("session_path=", plain(), 1),
        (
            "session_cookie_path=/a",
            Extensions { session_cookie_path: Some("/a".into()), ..plain() },
            0,
        ),
        ("bogus=1", plain(), 1),
        ("Stateless=1", plain(), 1),
        ("stateless", plain(), 1),
    ];
    for (text, expected, count) in cases {
        let mut problems = Vec::new();
        let extensions = Extensions::parse(text, &origin(), &mut problems);
        assert_eq!((extensions, problems.len()), (expected, count), "case: {text}");
    }

    let text = "active=a,b,c;disabled=b,c;stopped=c";
    let extensions = Extensions::parse(text, &origin(), &mut Vec::new());
    let states = ["a", "b", "c", "d"].map(|member| extensions.activation(member));
    use RuleActivation::{Active, Disabled, Stopped};
    assert_eq!(states, [Some(Active), Some(Disabled), Some(Stopped), None]);
}

#[test]
fn findings_about_valid_rules() {
    let build_cases: &[(&str, &[&str], &str)] = &[
        ("parameter", &["/c;v"], "can never match: path parameters"),
        ("slashes", &["/a//b"], "can never match: runs of slashes"),
        ("dots", &["/d/../e"], "can never match: dot segments"),
        ("last dot", &["/d/."], "can never match: dot segments"),
        ("escape", &["/f%20g"], "can never match: rules are compared with the decoded path"),
        ("no hiding", &["-/a", "/a"], "does not disable the equal rule"),
        ("encoded slash", &["/a%2fb"], ""),
        ("percent", &["/100%", "/a%zz"], ""),
        ("names with dots", &["/.x/..y/*."], ""),
        ("disabled exclusion", &["-!/a", "/a"], ""),
    ];
    for (name, lefts, expected) in build_cases {
        let lines: Vec<String> = lefts.iter().map(|left| format!("{left}=w1")).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let problems = UriMap::build(rules(&lines)).1;
        assert_eq!(problems.len(), usize::from(!expected.is_empty()), "case: {name}");
        assert!(problems.iter().all(|p| p.text.contains(expected)), "case: {name}: {problems:?}");
    }

    let members = ["m1".to_owned(), "m2".to_owned()];
    let target = |name: &str| match name {
        "w1" => Some(RuleTarget::Backend),
        "lb" => Some(RuleTarget::Balancer { members: &members, cookie: "ID", sets_cookie: false }),
        "status" => Some(RuleTarget::Status),
        _ => None,
    };
    let worker_cases: &[(&str, &str, &str)] = &[
        ("known", "/a=w1;stateless=1", ""),
        ("unknown", "/a=wl", "worker \"wl\" is not in worker.list, did you mean \"w1\""),
        ("nothing near", "/a=elsewhere", "worker \"elsewhere\" is not in worker.list"),
        ("disabled too", "-/a=nosuch", "not in worker.list"),
        ("unknown in an exclusion", "!/a=nosuch", "not in worker.list"),
        ("exclusion of all", "!/a=*", ""),
        ("star as a worker", "/a=*", "not in worker.list"),
        ("member", "/a=lb;disabled=m1", ""),
        ("unknown member", "/a=lb;disabled=m3", "balancer \"lb\" has no member \"m3\""),
        ("not a balancer", "/a=w1;session_cookie=C", "\"session_cookie\" is ignored"),
        ("status", "/jkstatus=status", ""),
        ("status below", "/jkstatus/*=status", ""),
        ("status, open end", "/jkstatus*=status", "trailing wildcard"),
    ];
    for (name, line, expected) in worker_cases {
        let problems = check_workers(&rules(&[line]), &["w1", "lb", "status"], target);
        assert_eq!(problems.len(), usize::from(!expected.is_empty()), "case: {name}");
        assert!(problems.iter().all(|p| p.text.contains(expected)), "case: {name}: {problems:?}");
    }
}

/// A rule costs no more for each worker there is, and its line is no list of all of them.
#[test]
fn many_wrong_rules_are_told_without_a_list_for_each() {
    let names: Vec<_> = (0..300).map(|number| format!("tomcat{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let count = |lines: Vec<String>, words: &str| {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let problems = check_workers(&rules(&lines), &names, |_| None);
        assert_eq!(problems.len(), lines.len());
        problems.iter().filter(|problem| problem.text.contains(words)).count()
    };
    let slips = |times: usize| (0..300).map(move |n| format!("/{n}=tomcat{}x", n / times));
    assert_eq!(count(slips(1).collect(), "did you mean"), MOST_HINTS);
    // Many rules with one slip ask once.
    assert_eq!(count(slips(3).collect(), "did you mean"), 300);
    let list = "expected one of tomcat0, tomcat1";
    assert_eq!(count(vec!["/a=other".to_owned()], list), 1);
    assert_eq!(count(vec!["/a=other".to_owned()], "tomcat19 and 280 more"), 1);
}
