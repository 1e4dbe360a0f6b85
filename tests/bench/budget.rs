//! The budget: what a request may cost, checked with every change.

use crate::exact::{Kind, cost, parking};
use crate::servers::{Peer, Place};
use crate::support;

const KINDS: [Kind; 4] = [Kind::SMALL, Kind::MEDIUM, Kind::LARGE, Kind::POST];

/// Hundredths that a cost may be above its budget.
const SLACK: f64 = 1.05;

/// Most instructions of a request to a fast backend where `JkAsync` is not set as a ratio to those with `Off`.
const PARKING: f64 = 1.02;

/// How much the ratio may be above: the threads of the background count with it, for as long as a run takes.
const PARKING_SLACK: f64 = 0.005;

/// Compares with `budget.tsv` and [`PARKING`]; returns the program's exit status.
pub fn check(place: &Place) -> i32 {
    let text = std::fs::read_to_string(support::root().join("tests/bench/budget.tsv"));
    let text = text.expect("a file of the package");
    let mut is_over = false;
    for kind in KINDS {
        let row = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let row = row.filter(|row| row.len() == 4).find(|row| row[0] == kind.name);
        let row = row.unwrap_or_else(|| panic!("budget.tsv has no row for {}", kind.name));
        let found = cost(place, Peer::Ours, &kind);
        let found = [found.instructions, found.system_calls, found.allocations];
        let names = ["instructions", "system calls", "allocations"];
        for ((name, found), budget) in names.iter().zip(found).zip(&row[1..]) {
            let budget: f64 = budget.parse().expect("a number");
            let over = found > budget * SLACK + 0.05;
            let word = match found > budget + 0.05 {
                _ if over => "ABOVE THE BUDGET",
                // Counts differ a little from run to run.
                true => "ok, within the slack",
                false => "ok",
            };
            println!("{:12} {name:13} {found:10.2} of {budget:10.2}  {word}", kind.name);
            is_over |= over;
        }
    }
    let [off, unset] = parking(place);
    let ratio = unset.instructions / off.instructions;
    let costs_more = ratio > PARKING + PARKING_SLACK || unset.allocations > off.allocations + 0.05;
    println!(
        "{:12}  event MPM, JkAsync Off and unset: {:.0} and {:.0} instructions ({ratio:.3} of {PARKING:.3}), {:.2} and {:.2} allocations  {}",
        Kind::SMALL.name,
        off.instructions,
        unset.instructions,
        off.allocations,
        unset.allocations,
        match ratio > PARKING {
            _ if costs_more => "ABOVE THE BUDGET",
            true => "ok, within the slack",
            false => "ok",
        }
    );
    is_over |= costs_more;
    if is_over {
        eprintln!("A request costs more than tests/bench/budget.tsv allows: find out why.");
        eprintln!("The file is changed only by a commit that says what the cost is for.");
    }
    i32::from(is_over)
}
