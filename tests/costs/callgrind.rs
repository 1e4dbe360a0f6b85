//! Runs a program under callgrind.

use std::path::Path;
use std::process::{self, Command};
use std::{env, fs};

/// Makes the command; its profile goes to files that begin with `out`.
pub fn command(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--quiet"]).args(more);
    command.arg(format!("--callgrind-out-file={}", out.display()));
    command
}

/// Returns the instructions of a profile.
pub fn instructions(profile: &Path) -> u64 {
    let text = fs::read_to_string(profile)
        .unwrap_or_else(|why| panic!("{}: {why}; Debian package: valgrind", profile.display()));
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("summary: ").or_else(|| line.strip_prefix("totals: ")));
    line.and_then(|count| count.trim().parse().ok()).expect("callgrind writes a summary")
}

/// Runs this very program with `words` and returns its instructions.
#[allow(dead_code)] // one of the programs measures httpd only
pub fn own(words: &[String], more: &[&str]) -> u64 {
    let profile = env::temp_dir().join(format!("mod-jk-costs-{}", process::id()));
    let program = env::current_exe().expect("a running program has a path");
    let status = command(&profile, more).arg(program).args(words).status();
    assert!(status.expect("valgrind is missing; Debian package: valgrind").success(), "{words:?}");
    let count = instructions(&profile);
    let _ = fs::remove_file(&profile);
    count
}
