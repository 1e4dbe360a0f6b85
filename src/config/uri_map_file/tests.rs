use crate::config::uri_map_file::*;
use crate::uri_map::RuleSeverity;

fn parse(text: &[u8]) -> (Vec<String>, Vec<String>) {
    let env = |name: &str| match name {
        "W" => Some("w7".to_owned()),
        "NESTED" => Some("$(W)".to_owned()),
        _ => None,
    };
    let (mounts, problems) = parse_mount_file(text, "map", &env);
    let rules = mounts.rules().map(|rule| {
        let text = rule.to_string();
        let end = text.rfind(" (map:").unwrap();
        format!("{} @{}", &text[..end], rule.origin.line)
    });
    (rules.collect(), problems.iter().map(Problem::to_string).collect())
}

#[test]
fn section_2_lines() {
    let long = format!("/a=w1\n#{}\n/b=w2", "x".repeat(20_000));
    // name, text, rules, start of each problem
    type Case<'a> = (&'static str, &'a [u8], &'static [&'static str], &'static [&'static str]);
    let cases: &[Case] = &[
        ("empty", b"", &[], &[]),
        ("comments", b"# a\n   \n\t# b=c\n", &[], &[]),
        ("white space", b"  /a\t= \x0b w1 \x0c\n/b c=w 2", &["/a=w1 @1", "/b c=w 2 @2"], &[]),
        ("CRLF", b"/a=w1\r\n/b|/*=w2\r\n", &["/a=w1 @1", "/b=w2 @2", "/b/*=w2 @2"], &[]),
        ("vertical tab", b"\x0b/a\x0b=w1", &["/a=w1 @1"], &[]),
        ("byte order mark", b"\xef\xbb\xbf/a=w1", &["/a=w1 @1"], &[]),
        (
            "comment behind a rule",
            b"/a=w1 # x\n/b#c=w2",
            &["/a=w1 @1"],
            &["map:2: \"/b\" is not a rule"],
        ),
        ("first equals sign", b"/a=b=w1", &["/a=b=w1 @1"], &[]),
        ("colon", b"/a:w1", &[], &["map:1: \"/a:w1\" is not a rule"]),
        ("no left side", b"\n=w1", &[], &["map:2: \"=w1\" is not a rule"]),
        ("no right side", b"/a=", &[], &["map:1: \"/a=\" is not a rule"]),
        ("no continuation", b"/a=\\\n/b=w", &["/a=\\ @1", "/b=w @2"], &[]),
        ("long comment", long.as_bytes(), &["/a=w1 @1", "/b=w2 @3"], &[]),
        (
            "duplicate",
            b"/a=w1\n/b=w2\n/a=w3",
            &["/a=w3 @3", "/b=w2 @2"],
            &["map:3: \"/a\" replaces the rule with the same left side in line 1"],
        ),
        ("no duplicates", b"/a=w1\n!/a=w1\n-/a=w1", &["/a=w1 @1", "!/a=w1 @2", "-/a=w1 @3"], &[]),
        (
            "worker key",
            b"/a=w1\nworker.nonsense=1\n/b=w2",
            &["/a=w1 @1", "/b=w2 @3"],
            &["map:2: invalid pattern \"worker.nonsense\""],
        ),
        ("variable", b"/a=$(W);stateless=1\n/$(W)=w", &["/a=w7 @1", "/$(W)=w @2"], &[]),
        ("inserted text stays", b"/a=$(NESTED)", &["/a=$(W) @1"], &[]),
        (
            "unknown variable",
            b"/a=x$(NO)$(W)",
            &["/a=x$(NO)w7 @1"],
            &["map:1: environment variable \"NO\" is not set"],
        ),
        ("open variable", b"/a=$(W", &["/a=$(W @1"], &[]),
        ("control byte", b"/a\x1bb", &[], &["map:1: \"/a\\x1bb\" is not a rule"]),
        ("latin-1", b"/caf\xe9=w1", &["/caf\\xe9=w1 @1"], &[]),
    ];
    for (name, text, rules, problems) in cases {
        let (parsed, found) = parse(text);
        assert_eq!(parsed, *rules, "case: {name}");
        assert_eq!(found.len(), problems.len(), "case: {name}: {found:?}");
        for (found, start) in found.iter().zip(*problems) {
            assert!(found.starts_with(start), "case: {name}: {found}");
        }
    }
}

#[test]
fn section_3_directives() {
    use MountDirective::{Mount, UnMount};
    use Section::{Location, Other, Server};

    type Case = (
        &'static str,
        MountDirective,
        &'static [&'static str],
        Section<'static>,
        Result<(&'static str, usize), &'static str>,
    );
    let cases: &[Case] = &[
        ("plain", Mount, &["/a/*", "w1"], Server, Ok(("/a/*=w1", 0))),
        ("unmount", UnMount, &["/a/*", "w1"], Server, Ok(("!/a/*=w1", 0))),
        ("dash is literal", Mount, &["/-a", "w1"], Server, Ok(("/-a=w1", 0))),
        ("leading star", Mount, &["*.jsp", "w1"], Server, Ok(("/*.jsp=w1", 1))),
        ("unmount leading star", UnMount, &["*.gif", "*"], Server, Ok(("!/*.gif=*", 1))),
        ("bar", Mount, &["/a|/*", "w1"], Server, Ok(("/a=w1 /a/*=w1", 0))),
        ("location", Mount, &["w1"], Location("/my"), Ok(("/my=w1", 1))),
        ("location with star", Mount, &["w1"], Location("/my/*"), Ok(("/my/*=w1", 0))),
        ("location with bar", UnMount, &["w1"], Location("/my|/*"), Ok(("!/my=w1 !/my/*=w1", 0))),
        ("directory", Mount, &["w1"], Other("Directory", "/srv/x/"), Ok(("/srv/x/=w1", 1))),
        ("files", Mount, &["w1"], Other("Files", "x.jsp"), Err("cannot be used inside <Files")),
        ("modifier", Mount, &["!/a", "w1"], Server, Err("invalid pattern \"!/a\"")),
        ("relative", Mount, &["a", "w1"], Server, Err("invalid pattern \"a\"")),
        ("one word", Mount, &["/a"], Server, Err("needs a pattern and a worker")),
        ("two words", Mount, &["/a", "w1"], Location("/a"), Err("needs only a worker")),
        ("empty worker", Mount, &["/a", " "], Server, Err("name is empty")),
    ];
    for (name, directive, words, section, expected) in cases {
        let mut mounts = Mounts::default();
        let origin = Origin::new("conf", 3);
        match (add_directive(&mut mounts, *directive, words, *section, &origin), expected) {
            (Ok(problems), Ok((rules, count))) => {
                let found: Vec<_> =
                    mounts.rules().map(|rule| rule.to_string().replace(" (conf:3)", "")).collect();
                assert_eq!((&*found.join(" "), problems.len()), (*rules, *count), "case: {name}");
            }
            (Err(text), Err(part)) => assert!(text.contains(part), "case: {name}: {text}"),
            (result, _) => panic!("case: {name}: {result:?}"),
        }
    }
}

#[test]
fn section_3_a_later_directive_replaces() {
    let mut mounts = Mounts::default();
    let mut add = |directive, worker, line| {
        let origin = Origin::new("conf", line);
        add_directive(&mut mounts, directive, &["/a", worker], Section::Server, &origin).unwrap()
    };
    assert_eq!(add(MountDirective::Mount, "w1", 1), []);
    assert_eq!(add(MountDirective::UnMount, "w1", 2), []);
    let problems = add(MountDirective::Mount, "w2", 3);
    assert_eq!(problems[0].to_string(), "conf:3: JkMount \"/a\" replaces the one at conf:1");
    let workers: Vec<&str> = mounts.rules().map(|rule| &*rule.worker).collect();
    assert_eq!(workers, ["w2", "w1"]);
}

#[test]
fn section_6_worker_mounts() {
    let mut mounts = Mounts::default();
    let origin = Origin::new("workers", 1);
    let mut add = |worker, value| add_worker_mount(&mut mounts, worker, value, &origin);
    assert_eq!(add("w1", "/a, /b|/*\t!/b/x,,-/c"), Ok(vec![]));
    assert_eq!(add("w1", "/d"), Ok(vec![]));
    assert_eq!(add("w2", "/a"), Ok(vec![]));
    let error = add("w2", "/e f").unwrap_err();
    assert_eq!(error.severity, RuleSeverity::Error);
    assert!(error.text.starts_with("worker.w2.mount: invalid pattern \"f\""), "{error}");
    let rules: Vec<_> = mounts.rules().map(|r| r.to_string().replace(" (workers:1)", "")).collect();
    let expected = ["/a=w1", "/b=w1", "/b/*=w1", "!/b/x=w1", "-/c=w1", "/d=w1", "/a=w2", "/e=w2"];
    assert_eq!(rules, expected);
}
