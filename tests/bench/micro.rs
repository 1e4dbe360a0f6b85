//! What parts of the module cost alone, from the programs in `tests/costs`.

use std::fmt::Write;
use std::process::Command;

/// Asks them for their rows and writes one table.
pub fn table(text: &mut String) {
    *text += "| | instructions |\n|---|---|\n";
    let own = std::env::current_exe().expect("a running program has a path");
    for program in ["codec", "mapping", "election"] {
        let output = Command::new(own.with_file_name(program)).arg("table").output();
        let output = output.expect("a program that `run` builds");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let (what, count) = line.split_once('\t').expect("two columns");
            let _ = writeln!(text, "| {what} | {count} |");
        }
    }
    text.push('\n');
}
