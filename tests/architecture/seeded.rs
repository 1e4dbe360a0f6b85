//! Checks the planted mistakes without planting them: each mark in the source (`// check: NAME`) is in one
//! table and each mark of a table once in the source; each row named there is a row. What planting finds
//! is shown by `make hazards-seeded mistakes-seeded fuzz`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{files, short};

/// What is planted for some rows of a table.
struct Piece {
    rows: Vec<String>,
    /// Names of marks; those with a rule, and those whose rule another piece has.
    marks: Vec<(String, Option<String>)>,
}

const HAZARDS: &str = "tests/hazards/seeded.txt";
const MISTAKES: &str = "tests/config/seeded.txt";
const FUZZ: &str = "tests/fuzz/seeded.txt";

fn read(path: &str) -> String {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path));
    text.unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// Reads a table; rows are separated by `bar`.
fn pieces(table: &str, bar: &str) -> Vec<Piece> {
    let text = read(table);
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let parts = lines.split(|line| line.is_empty()).filter(|part| !part.is_empty());
    let mark = |line: &&str| match line.split_once(": ") {
        Some((name, rule)) => (name.to_owned(), Some(rule.to_owned())),
        None => ((*line).to_owned(), None),
    };
    let piece = |part: &[&str]| {
        assert!(part.len() > 1, "{table}: no mark for {}", part[0]);
        Piece {
            rows: part[0].split(bar).map(str::to_owned).collect(),
            marks: part[1..].iter().map(mark).collect(),
        }
    };
    parts.map(piece).collect()
}

/// Says what a table has that `is_row` does not know.
fn unknown_rows(table: &str, pieces: &[Piece], is_row: impl Fn(&str) -> bool) -> Vec<String> {
    let rows = pieces.iter().flat_map(|piece| &piece.rows).filter(|row| !is_row(row));
    rows.map(|row| format!("{table}: there is no row {row}")).collect()
}

#[test]
fn each_mark_in_the_source_is_in_one_table_and_each_of_a_table_is_in_the_source() {
    let mut wrong = Vec::new();
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (table, bar) in [(HAZARDS, " "), (MISTAKES, " | "), (FUZZ, " ")] {
        let pieces = pieces(table, bar);
        let all = || pieces.iter().flat_map(|piece| &piece.marks);
        for (name, _) in all().filter(|(_, rule)| rule.is_some()) {
            if let Some(other) = owners.insert(name.clone(), table) {
                wrong.push(format!("{name} has a rule in {other} and another one in {table}"));
            }
        }
        for (name, _) in all().filter(|(name, _)| owners.get(name) != Some(&table)) {
            wrong.push(format!("{table}: {name} has no rule"));
        }
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for path in files("src", ".rs") {
        for line in read(&short(&path)).lines() {
            let Some((code, name)) = line.split_once("// check: ") else { continue };
            if !code.trim().is_empty() {
                wrong.push(format!("{}: the mark {name} needs a line of its own", short(&path)));
            }
            *places.entry(name.to_owned()).or_default() += 1;
        }
    }
    let lost = owners.iter().filter(|(name, _)| places.get(*name).copied() != Some(1));
    wrong.extend(lost.map(|(name, table)| {
        format!("{table}: {name} marks {} places", places.get(name).copied().unwrap_or(0))
    }));
    let idle = places.keys().filter(|name| !owners.contains_key(*name));
    wrong.extend(idle.map(|name| format!("the mark {name} is in no table")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_of_planted_hazards_are_rows_of_the_tables() {
    let tables = [read("tests/hazards/replies.rs"), read("tests/hazards/asks.rs")];
    let is_row = |row: &str| tables.iter().any(|text| text.contains(&format!("\"{row}\"")));
    let wrong = unknown_rows(HAZARDS, &pieces(HAZARDS, " "), is_row);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_of_planted_mistakes_are_the_cases_of_mistakes() {
    let pieces = pieces(MISTAKES, " | ");
    let cases = read("tests/config/mistakes.txt");
    let is_case = |row: &str| cases.lines().any(|line| line.strip_prefix("== ") == Some(row));
    let mut wrong = unknown_rows(MISTAKES, &pieces, is_case);
    // What only a running httpd knows cannot be taken out of the pure modules.
    for case in cases.split("\n== ").skip(1) {
        let name = case.lines().next().unwrap_or_default();
        let is_pure = case.lines().any(|l| l.starts_with("=> ") && !l.starts_with("=> httpd "));
        if is_pure && !pieces.iter().any(|piece| piece.rows.iter().any(|row| row == name)) {
            wrong.push(format!("{MISTAKES}: no piece takes out the check of {name}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_target_of_the_fuzzer_has_a_planted_mistake() {
    let pieces = pieces(FUZZ, " ");
    let targets = files("tests/fuzz/fuzz_targets", ".rs");
    let names: Vec<_> = targets.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
    let mut wrong = unknown_rows(FUZZ, &pieces, |row| names.contains(&row));
    let is_shown = |name: &str| pieces.iter().any(|piece| piece.rows == [name]);
    wrong.extend(
        names.iter().filter(|name| !is_shown(name)).map(|name| format!("{FUZZ}: no {name}")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
