//! What mapping costs, in instructions: exact, so that the budgets can be checked anywhere.
//!
//! `mapping` runs itself and httpd under callgrind and compares with the budgets; `mapping
//! lookups` is what it runs.
// Real servers take real time; a program that cannot go on ends with a panic.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod callgrind;
mod lookups;
mod requests;
#[path = "../../support/mod.rs"]
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("lookups") => {
            lookups::run();
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!("unknown argument {other}");
            ExitCode::FAILURE
        }
        None => {
            let mut budgets = Budgets::default();
            lookups::check(&mut budgets);
            requests::check(&mut budgets);
            match budgets.exceeded {
                0 => ExitCode::SUCCESS,
                count => {
                    eprintln!("FAILED: {count} budgets exceeded");
                    ExitCode::FAILURE
                }
            }
        }
    }
}

/// Compares figures with what they may be.
#[derive(Default)]
pub struct Budgets {
    exceeded: usize,
}

impl Budgets {
    /// Prints a figure with its budget.
    pub fn check(&mut self, what: &str, figure: f64, most: f64) {
        let is_within = figure <= most;
        let verdict = if is_within { "" } else { "  EXCEEDED" };
        println!("{what:<66} {figure:>9.2}  at most {most:>8.2}{verdict}");
        self.exceeded += usize::from(!is_within);
    }
}
