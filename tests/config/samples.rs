//! The files to start from, against the tables.

use mod_jk::config::rows::DIRECTIVES;

use crate::support::root;

/// A comment in a sample that the tables contradict is worse than none: what a directive does is told
/// in the table's words, first in the comment above it.
#[test]
fn the_sample_says_of_each_directive_what_the_table_says() {
    let text = std::fs::read_to_string(root().join("apache-conf/jk.conf")).expect("ours");
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = Vec::new();
    for row in DIRECTIVES {
        let is_it = |line: &&str| {
            let bare = line.trim_start_matches('#');
            let is_line = bare.split(' ').next() == Some(row.name);
            is_line && !line.starts_with("# ")
        };
        // The status page at the end is mounted beside the example of a mount.
        let places: Vec<_> = (0..lines.len())
            .filter(|at| is_it(&lines[*at]) && !lines[*at].ends_with("|/* jk-status"))
            .collect();
        let [place] = places[..] else {
            wrong.push(format!("{} stands there {} times", row.name, places.len()));
            continue;
        };
        let above = lines[..place].iter().rev().take_while(|line| line.starts_with("# "));
        let above: Vec<_> = above.filter(|line| !line.starts_with("# ---")).collect();
        let expected = format!("# {}.", row.doc);
        if above.last().is_none_or(|first| **first != expected) {
            wrong.push(format!("{}: expected {expected:?} in {above:?}", row.name));
        }
        let own = above.iter().filter(|line| **line != &expected);
        for line in own.filter(|line| line.contains("effect") || line.contains("Accepted")) {
            wrong.push(format!("{}: {line:?} is for the table to say", row.name));
        }
        let value = lines[place].split_once(' ').map_or("", |(_, value)| value);
        if row.renames_variable() && value != row.default {
            wrong.push(format!("{}: {value} is not the default, {}", row.name, row.default));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
