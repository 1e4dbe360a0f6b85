//! Every case that was verified on the original, with the closed list of wanted differences.

use mod_jk::config::uri_map_file::{MountDirective, Section, add_directive, parse_mount_file};
use mod_jk::uri_map::ambiguity::ForwardedPath;
use mod_jk::uri_map::merge::{ServerMounts, main_rules};
use mod_jk::uri_map::normalize::is_unsafe;
use mod_jk::uri_map::{ForwardUri, NormalizeError, Origin, UriMap, forward_uri, normalize};
use serde_json::Value;

use crate::request::Httpd;

/// Case, the line of the mapping rules that asks for it, worker, status, forwarded URI.
type Exception = (&'static str, &'static str, Option<&'static str>, u16, Option<&'static str>);

const EXCEPTIONS: &[Exception] = &[
    ("aes-NoDecode-01", "keep %2F single-encoded under NoDecode", Some("w2"), 200, Some("/a%2fb")),
    (
        "aes-NoDecode-03",
        "keep %2F single-encoded under NoDecode",
        Some("w5"),
        200,
        Some("/a%2f..%2fb"),
    ),
    (
        "aes-NoDecode-05",
        "keep %2F single-encoded under NoDecode",
        Some("w4"),
        200,
        Some("/a/x/..%2fb"),
    ),
    ("excl-03", "accept a leading `*` as `/*`", None, 404, None),
    ("ext-space-01", "trim around `;` and `=`", Some("w1"), 200, None),
    ("file-var-01", "no `$(NAME)` from other rules", Some("$(myw)"), 500, None),
    ("file-workerkey-bad-01", "item 9 demoted to an ordinary invalid line", Some("w1"), 200, None),
    ("file-workerkey-bad-02", "item 9 demoted to an ordinary invalid line", Some("w2"), 200, None),
    // Tomcat reads it as a name then, which no rule maps.
    ("norm-19", "re-encode a semicolon that came in as %3B", None, 400, None),
    ("suffix-nostart-01", "accept a leading `*` as `/*`", Some("w1"), 200, None),
    (
        "unmapped-lost-jkmount-01",
        "a failing file leaves directive rules active",
        Some("w1"),
        200,
        None,
    ),
];

#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub worker: Option<String>,
    pub status: u16,
    pub forwarded: Option<String>,
}

#[test]
fn all_cases_of_the_original() {
    let cases = all();
    assert_eq!(cases.len(), 217);
    let mut used = 0;
    let mut failures = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let original = Outcome {
            worker: case["expected_worker"].as_str().map(String::from),
            status: case["expected_status"].as_u64().unwrap() as u16,
            forwarded: case["forwarded_uri"].as_str().map(String::from),
        };
        let mut actual = run(case);
        let mut expected = original;
        if let Some((_, _, worker, status, forwarded)) = EXCEPTIONS.iter().find(|e| e.0 == name) {
            used += 1;
            let wanted = Outcome {
                worker: worker.map(String::from),
                status: *status,
                forwarded: forwarded.map(String::from),
            };
            assert_ne!(wanted, expected, "{name} is no exception");
            expected = wanted;
        }
        if expected.forwarded.is_none() {
            actual.forwarded = None;
        }
        if actual != expected {
            failures.push(format!("{name}: expected {expected:?}, got {actual:?}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(used, EXCEPTIONS.len(), "an exception names no case");
}

pub fn all() -> Vec<Value> {
    serde_json::from_str(include_str!("cases.json")).unwrap()
}

pub fn run(case: &Value) -> Outcome {
    let unmapped = |status| Outcome { worker: None, status, forwarded: None };
    let options = strings(&case["options"]);
    let option = |name: &str| options.iter().find_map(|o| o.strip_prefix(name));
    let httpd = Httpd {
        encoded_slashes: option("AllowEncodedSlashes ").unwrap_or("Off"),
        merge_slashes: option("MergeSlashes ") != Some("Off"),
    };
    let target = case["uri"].as_str().unwrap().replace("HOST", "host");
    let path = match httpd.path(&target) {
        Ok(path) => path,
        Err(status) => return unmapped(status),
    };
    let map = build(case);
    let mut out = Vec::new();
    let normalized = match normalize(&path, &mut out) {
        Ok(normalized) => normalized,
        Err(NormalizeError::Asterisk) => return unmapped(404),
        Err(NormalizeError::ClimbsAboveRoot | NormalizeError::NotAbsolute) => return unmapped(400),
    };
    if option("JkOptions +RejectUnsafeURI").is_some() && is_unsafe(normalized.path) {
        return unmapped(404);
    }
    let explained = map.explain(&path).worker().map(String::from);
    let found = map.find(normalized.path).map(|rule| rule.worker.to_string());
    assert_eq!(found, explained, "explain and find disagree: {case}");
    let Some(worker) = found else { return unmapped(404) };
    let way = ForwardedPath { mode: ForwardUri::Proxy, path: &path, target: target.as_bytes() };
    if map.find(normalized.path).is_some_and(|rule| map.misreading(rule, &way).is_some()) {
        return unmapped(400);
    }
    let is_known = ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "lb1"].contains(&&*worker);
    let mut forwarded = Vec::new();
    forward_uri(ForwardUri::Proxy, &path, Some(target.as_bytes()), &mut forwarded).unwrap();
    Outcome {
        worker: Some(worker),
        status: if is_known { 200 } else { 500 },
        forwarded: Some(String::from_utf8(forwarded).unwrap()),
    }
}

fn build(case: &Value) -> UriMap {
    let mut server = ServerMounts::default();
    let rules = strings(&case["rules"]);
    match case["from"].as_str().unwrap() {
        "mountfile" => {
            let joined = rules.join("\n") + "\n";
            let text = case["raw_file"].as_str().unwrap_or(&joined);
            let env = |name: &str| case["env"][name].as_str().map(String::from);
            server.file = Some(parse_mount_file(text.as_bytes(), "map", &env).0);
        }
        "directive" => add_directives(&mut server, &rules),
        other => panic!("unknown origin {other}"),
    }
    add_directives(&mut server, &strings(&case["directives"]));
    UriMap::build(main_rules(&server)).0
}

fn add_directives(server: &mut ServerMounts, lines: &[&str]) {
    let mut section: Option<(&str, String)> = None;
    for (n, line) in lines.iter().enumerate() {
        if line.starts_with("</") {
            section = None;
            continue;
        }
        if let Some(open) = line.strip_prefix('<') {
            let (kind, argument) = open.trim_end_matches('>').split_once(' ').unwrap();
            let argument = argument.trim_matches('"').to_owned();
            // httpd ends directory names in a slash.
            let argument = if kind == "Directory" { argument + "/" } else { argument };
            section = Some((kind, argument));
            continue;
        }
        let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('"')).collect();
        let directive = match words[0] {
            "JkMount" => MountDirective::Mount,
            "JkUnMount" => MountDirective::UnMount,
            other => panic!("unknown directive {other}"),
        };
        let section = match &section {
            None => Section::Server,
            Some(("Location", path)) => Section::Location(path),
            Some((kind, path)) => Section::Other(kind, path),
        };
        let origin = Origin::new("httpd.conf", n as u32 + 1);
        add_directive(&mut server.directives, directive, &words[1..], section, &origin).unwrap();
    }
}

pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(|item| item.as_str().unwrap()).collect()
}
