//! Instructions of one lookup with its match URI, by the shape of the rules: with many rules as with few.

use std::hint::black_box;
use std::process::Stdio;
use std::time::Instant;

use mod_jk::config::uri_map_file::parse_mount_file;
use mod_jk::uri_map::{Origin, Rule, RuleSource, UriMap, normalize};

use crate::support::fresh_dir;
use crate::{Budgets, callgrind};

/// Name, the pattern of rule `n`, and a URI that rule `n` maps.
type Shape = (&'static str, fn(usize) -> String, fn(usize) -> String);

const SHAPES: &[Shape] = &[
    ("exact", |n| format!("/exact/page{n:05}"), |n| format!("/exact/page{n:05}")),
    ("prefix", |n| format!("/app{n:05}/*"), |n| format!("/app{n:05}/some/page.jsp")),
    ("suffix", |n| format!("/*.e{n:05}"), |n| format!("/some/page.e{n:05}")),
    ("star inside", |n| format!("/app{n:05}/*.do"), |n| format!("/app{n:05}/some.do")),
    ("star first", |n| format!("/*/s{n:05}/*.gif"), |n| format!("/some/s{n:05}/a.gif")),
    ("star, then names", |n| format!("/app*/x{n:05}"), |n| format!("/app1/x{n:05}")),
    ("star, two names", two_names, |n| two_names(n).replace('*', "some")),
    ("same prefix, suffixes", |n| format!("/app*.e{n:05}"), |n| format!("/app/a.e{n:05}")),
    ("any byte", |n| format!("/a?p{n:05}/*"), |n| format!("/aPp{n:05}/x")),
    ("any bytes only", |n| format!("/??/{n:05}?"), |n| format!("/ab/{n:05}c")),
    ("exact and star, pairs", pairs, |n| format!("/app{:05}/some", n / 2)),
    ("mixed", mixed, |n| mixed(n).replace('*', "some").replace('?', "x")),
];

fn two_names(n: usize) -> String {
    format!("/*/a{:02}/*/b{:02}/c", n / 100, n % 100)
}

fn pairs(n: usize) -> String {
    if n.is_multiple_of(2) { format!("/app{:05}", n / 2) } else { format!("/app{:05}/*", n / 2) }
}

/// A tenth of the rules each of eight shapes, and the usual two for all.
fn mixed(n: usize) -> String {
    (SHAPES[n % 8].1)(n)
}

const FEW: usize = 10;
const MANY: usize = 10_000;
const REPORTED: [usize; 3] = [FEW, 1_000, MANY];
const LOOKUPS: usize = 200;
const COMPILED: usize = 100_000;
const MOST_SECONDS: f64 = 1.0;

/// The most that many rules may cost more than few: a part of it, or so many instructions. A step that
/// tells rules apart takes about 15, and many rules differ in four digits where few differ in one.
const MOST_PART: f64 = 0.1;
const MOST_MORE: f64 = 100.0;
/// The most that one lookup may cost with many rules, in instructions.
const MOST_INSTRUCTIONS: f64 = 3000.0;

/// Checks the budgets.
pub fn check(budgets: &mut Budgets) {
    check_compiling(budgets);
    let mut dumps = profiled("lookups");
    for (name, ..) in SHAPES {
        for kind in ["mapped", "not mapped"] {
            let mut each = || dumps.next().unwrap_or(0) as f64 / LOOKUPS as f64;
            let (few, many) = (each(), each());
            let what = format!("{name}, {kind}: {MANY} rules, instructions a lookup");
            budgets.check(&what, many, MOST_INSTRUCTIONS);
            let more = MOST_MORE.max(few * MOST_PART);
            budgets.check(&format!("  more than {FEW} rules ({few:.0})"), many - few, more);
        }
    }
}

/// Runs this program under callgrind and returns the instructions of each call of [`measured`].
fn profiled(word: &str) -> impl Iterator<Item = u64> {
    let dir = fresh_dir(&format!("cost-{word}"));
    let out = dir.join("profile");
    let name = "mapping::lookups::measured";
    let (count, dump) = (format!("--toggle-collect={name}"), format!("--dump-after={name}"));
    let measured = [count.as_str(), dump.as_str()];
    let mut command = callgrind::command(&out, &measured);
    command.arg(std::env::current_exe().unwrap()).arg(word).stdout(Stdio::null());
    let status = command.status().expect("valgrind is missing; Debian package: valgrind");
    assert!(status.success(), "the lookups failed");
    (1..).map(move |n| callgrind::instructions(&dir.join(format!("profile.{n}"))))
}

/// Prints what the report shows: lookups among rules of several shapes.
pub fn table() {
    let mut dumps = profiled("table-lookups");
    for count in REPORTED {
        for what in ["hit", "miss"] {
            let each = dumps.next().unwrap_or(0) / LOOKUPS as u64;
            println!("lookup among {count} rules, {what}\t{each}");
        }
    }
}

/// What [`table`] counts.
pub fn run_table() {
    for count in REPORTED {
        let (_, pattern, uri_of) = SHAPES[SHAPES.len() - 1];
        let map = map(count, pattern);
        let hits: Vec<_> = (0..LOOKUPS).map(|n| uri_of(count - 8 + n % 8)).collect();
        assert_eq!(measured(&map, &hits), LOOKUPS, "all are mapped");
        let misses: Vec<_> = (0..LOOKUPS).map(|n| format!("/images/logo{n:02}.png")).collect();
        assert_eq!(measured(&map, &misses), 0, "none is mapped");
    }
}

/// Compiles mount files of 100,000 rules, of one shape and of several.
fn check_compiling(budgets: &mut Budgets) {
    for (name, pattern) in [("prefix", SHAPES[1].1), ("mixed", mixed)] {
        let text: String = (0..COMPILED).map(|n| pattern(n) + "=w\n").collect();
        let begun = Instant::now();
        let (mounts, problems) = parse_mount_file(text.as_bytes(), "map", &|_| None);
        let rules: Vec<_> = mounts.rules().cloned().collect();
        let parsed = begun.elapsed();
        let map = UriMap::build(rules).0;
        let took = begun.elapsed();
        assert!(problems.is_empty() && !map.is_empty());
        let what = format!("{COMPILED} rules, {name}: seconds to compile");
        budgets.check(&what, (took - parsed).as_secs_f64(), MOST_SECONDS);
        budgets.check("  with parsing the file", took.as_secs_f64(), MOST_SECONDS);
    }
}

/// Looks up for each shape, or for the one named by the second argument, with few rules and with
/// many. The third argument is the number of lookups, for profiles of their own.
pub fn run() {
    let mut words = std::env::args().skip(2);
    let only = words.next();
    let lookups = words.next().map_or(LOOKUPS, |count| count.parse().expect("a number"));
    for (name, pattern, uri) in SHAPES {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let maps = [FEW, MANY].map(|count| (count, map(count, *pattern)));
        let mapped = maps.each_ref().map(|(count, map)| {
            // Those of the last eight rules: of each shape one, where the rules are mixed.
            let uris: Vec<_> = (0..lookups).map(|n| uri(count - 8 + n % 8)).collect();
            (map, uris)
        });
        for (map, uris) in &mapped {
            let found = measured(map, uris);
            assert_eq!(found, lookups, "{name}: all are mapped");
        }
        for (map, _) in &mapped {
            let uris: Vec<_> =
                (0..lookups).map(|n| format!("/images/logo{:02}.png", n % 100)).collect();
            assert_eq!(measured(map, &uris), 0, "{name}: none is mapped");
        }
    }
}

fn map(count: usize, pattern: fn(usize) -> String) -> UriMap {
    let origin = Origin::new("rules", 1);
    let rules = (0..count).flat_map(|n| {
        let pattern = pattern(n);
        Rule::parse(pattern.as_bytes(), b"w", RuleSource::Directive, &origin, &mut Vec::new())
    });
    UriMap::build(rules.collect()).0
}

/// What callgrind counts: what a request does, the match URI and the lookup.
#[inline(never)]
fn measured(map: &UriMap, uris: &[String]) -> usize {
    let mut buffer = Vec::new();
    let mut is_mapped = |uri: &&String| {
        let normalized = normalize(uri.as_bytes(), &mut buffer).expect("a path");
        black_box(map.find(normalized.path)).is_some()
    };
    uris.iter().filter(|uri| is_mapped(uri)).count()
}
