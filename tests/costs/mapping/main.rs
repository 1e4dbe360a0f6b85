//! What mapping costs, in instructions: exact, so that the budgets can be checked anywhere.
//!
//! `mapping` runs itself under callgrind and compares lookups with the budgets; `mapping lookups` is
//! what it runs, `mapping table` prints what the report shows. `mapping requests` does the same with
//! requests through httpd.
// Real servers take real time; a program that cannot go on ends with a panic.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../callgrind.rs"]
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
        Some("table") => {
            lookups::table();
            ExitCode::SUCCESS
        }
        Some("table-lookups") => {
            lookups::run_table();
            ExitCode::SUCCESS
        }
        Some("requests") => {
            let mut budgets = Budgets::default();
            requests::check(&mut budgets);
            budgets.verdict()
        }
        Some(other) => {
            eprintln!("unknown argument {other}");
            ExitCode::FAILURE
        }
        None => {
            let mut budgets = Budgets::default();
            lookups::check(&mut budgets);
            budgets.verdict()
        }
    }
}

/// Compares figures with what they may be.
#[derive(Default)]
pub struct Budgets {
    exceeded: usize,
}

impl Budgets {
    fn verdict(&self) -> ExitCode {
        if self.exceeded == 0 {
            return ExitCode::SUCCESS;
        }
        eprintln!("FAILED: {} budgets exceeded", self.exceeded);
        ExitCode::FAILURE
    }

    /// Prints a figure with its budget.
    pub fn check(&mut self, what: &str, figure: f64, most: f64) {
        let is_within = figure <= most;
        let verdict = if is_within { "" } else { "  EXCEEDED" };
        println!("{what:<66} {figure:>9.2}  at most {most:>8.2}{verdict}");
        self.exceeded += usize::from(!is_within);
    }
}
