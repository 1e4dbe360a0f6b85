//! Every name of the original has a test that sees its effect: rows.tsv lists the names, effects.tsv
//! the tests, as program::module::function. A row without effect names the test that sees it say so.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

type Row = (String, String);

fn lines(name: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("tests/surface").join(name)).expect("ours");
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")).map(fields).collect()
}

/// The files in which a test may be.
fn places(test: &str) -> Vec<PathBuf> {
    let words: Vec<_> = test.split("::").collect();
    let (program, modules) = (words[0], &words[1..words.len() - 1]);
    let base = match program {
        "lib" => root().join("src"),
        other => root().join("tests").join(other),
    };
    // A module `tests` stands in its parent's file or in one of its own.
    let module = modules.iter().fold(base.clone(), |path, word| path.join(word));
    let parent = module.parent().map(Path::to_path_buf).unwrap_or_default();
    let with_ending = |path: &Path| path.with_extension("rs");
    vec![
        with_ending(&module),
        module.join("mod.rs"),
        with_ending(&parent),
        parent.join("mod.rs"),
        base.join("main.rs"),
        root().join(format!("tests/{program}.rs")),
    ]
}

/// Whether a file has the function as a test.
fn has_test(path: &Path, function: &str) -> bool {
    let Ok(text) = fs::read_to_string(path) else { return false };
    let head = format!("fn {function}(");
    text.match_indices(&head).any(|(at, _)| {
        let before = text[..at].trim_end();
        before.ends_with("#[test]") || before.ends_with("#[test]\n    pub")
    })
}

#[test]
fn every_name_has_an_effect_that_a_test_sees() {
    let rows: Vec<Row> =
        lines("rows.tsv").into_iter().map(|own| (own[0].clone(), own[1].clone())).collect();
    let known: BTreeSet<_> = rows.iter().cloned().collect();
    // %q is a code of both log formats.
    assert_eq!((rows.len(), known.len()), (359, 358));
    let mut tests: BTreeMap<Row, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in lines("effects.tsv") {
        let [kind, name, test] = &line[..] else {
            wrong.push(format!("{line:?} is no row of three"));
            continue;
        };
        let row = (kind.clone(), name.clone());
        if !known.contains(&row) {
            wrong.push(format!("{row:?} is no name of the original"));
        }
        let function = test.rsplit("::").next().unwrap_or_default();
        if !places(test).iter().any(|path| has_test(path, function)) {
            wrong.push(format!("{row:?}: there is no test {test}"));
        }
        tests.entry(row).or_default().push(test.clone());
    }
    let missing = rows.iter().filter(|row| !tests.contains_key(*row));
    wrong.extend(missing.map(|row| format!("{row:?} has no test")));
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// What the status worker writes, errors and the handler are described elsewhere.
fn is_described_elsewhere(kind: &str, name: &str) -> bool {
    let of_status =
        ["output ", "opt bit ", "cmd=<other>", "parameter decoding", "HTTP status", "result"];
    kind == "error-map"
        || name.starts_with("SetHandler")
        || (kind == "status-cmd" && of_status.iter().any(|start| name.starts_with(start)))
        || name == "repeated other properties"
}

#[test]
fn every_name_is_in_the_reference() {
    let manual = mod_jk::config::reference();
    let words: BTreeSet<&str> =
        manual.split(|c: char| c.is_whitespace() || "`|(),".contains(c)).collect();
    let mut missing = Vec::new();
    for row in lines("rows.tsv") {
        let (kind, name) = (&row[0], &row[1]);
        let short = name.trim_start_matches("worker.<name>.").trim_start_matches("cmd=");
        let short = short.trim_end_matches('=').trim_end_matches(" (ajp12)");
        let is_there =
            words.contains(short) || manual.contains(&format!("`{}`", short.replace('|', "\\|")));
        if !is_there && !is_described_elsewhere(kind, name) {
            missing.push(format!("{kind} {name}"));
        }
    }
    assert!(missing.is_empty(), "not in docs/reference.md: {missing:#?}");
}
