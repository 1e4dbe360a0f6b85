//! Keeps src/README.md true where it names files: all of them are listed, and the walk comes by each
//! once. That those it names exist, `documents.rs` shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::{files, is_test, short};

const WALK: &str = "## Life of a request";
const LIST: &str = "## Every file";

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/README.md")
}

/// Returns the part of the map below a heading, up to the next one of its kind.
fn part<'m>(map: &'m str, heading: &str) -> &'m str {
    let (_, below) = map.split_once(&format!("{heading}\n")).expect("the map has this part");
    below.split("\n## ").next().unwrap_or_default()
}

/// Iterates over the paths of Rust files that stand in a text as code.
fn named(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|word| word.ends_with(".rs") && !word.contains(char::is_whitespace))
}

/// The files that the map lists, with the first sentence of each.
fn sources() -> BTreeMap<String, String> {
    let own = files("src", ".rs").into_iter().filter(|path| !is_test(&short(path)));
    let own = own.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        !matches!(name.as_str(), "mod.rs" | "lib.rs" | "main.rs")
    });
    let own = own.map(|path| {
        let text = fs::read_to_string(&path).expect("a file of ours");
        let header = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let header = header.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let first = header.split(". ").next().unwrap_or_default();
        let name = short(&path).trim_start_matches("src/").to_owned();
        (name, first.trim_end_matches(['.', ':']).to_owned())
    });
    own.collect()
}

#[test]
fn every_file_is_on_the_map() {
    let sources = sources();
    let map = fs::read_to_string(readme()).expect("the map");
    if std::env::var_os("WRITE_DOCS").is_some() {
        let line = |(name, first): (&String, &String)| format!("- `{name}`: {first}\n");
        let lines: String = sources.iter().map(line).collect();
        let (before, _) = map.split_once(LIST).expect("the map has this part");
        let intro = part(&map, LIST).split("\n- ").next().unwrap_or_default().trim();
        // Other tests read it meanwhile: they find the old one or the new one whole.
        let fresh = readme().with_extension("md.new");
        fs::write(&fresh, format!("{before}{LIST}\n\n{intro}\n\n{lines}")).expect("the map");
        fs::rename(&fresh, readme()).expect("both are in one directory");
        return;
    }
    let listed: Vec<_> =
        part(&map, LIST).lines().filter_map(|line| line.strip_prefix("- `")).collect();
    let listed: Vec<_> = listed.iter().filter_map(|line| line.split('`').next()).collect();
    let expected: Vec<_> = sources.keys().map(String::as_str).collect();
    let only = |own: &[&str], other: &[&str]| -> Vec<String> {
        own.iter().filter(|name| !other.contains(name)).map(|&name| name.to_owned()).collect()
    };
    assert!(
        listed == expected,
        "src/README.md does not list {:?}, and lists {:?}: run WRITE_DOCS=1 cargo test --test architecture",
        only(&expected, &listed),
        only(&listed, &expected)
    );
}

#[test]
fn the_walk_comes_by_each_file_once() {
    let map = fs::read_to_string(readme()).expect("the map");
    let mut seen = BTreeSet::new();
    let again: Vec<_> =
        named(part(&map, WALK)).filter(|name| !seen.insert(name.to_owned())).collect();
    assert!(again.is_empty(), "named more than once: {again:?}");
    // The pure modules that decide about a request, and what httpd's phases consist of.
    for module in ["ajp", "exchange", "lb", "httpd", "worker/ajp13", "worker/balancer"] {
        let begins = format!("{module}/");
        let missing: Vec<_> = sources()
            .into_keys()
            .filter(|name| name.starts_with(&begins) && !seen.contains(name.as_str()))
            .filter(|name| !BESIDE_THE_WALK.contains(&name.as_str()))
            .collect();
        assert!(
            missing.is_empty(),
            "no request comes by these, or the walk lacks them: {missing:?}"
        );
    }
}

/// Files of those modules that do nothing for a request.
const BESIDE_THE_WALK: &[&str] = &[
    "ajp/error.rs",
    "httpd/capacity.rs",
    "httpd/checked_config.rs",
    "httpd/child_init.rs",
    "httpd/config_files.rs",
    "httpd/directives.rs",
    "httpd/exposure.rs",
    "httpd/ffi.rs",
    "httpd/log_file.rs",
    "httpd/opening.rs",
    "httpd/post_config.rs",
    "httpd/retained.rs",
    "httpd/rules.rs",
    "httpd/sections.rs",
    "httpd/server_status.rs",
    "httpd/version.rs",
    "lb/adaptive_limit.rs",
    "lb/maintain.rs",
];
