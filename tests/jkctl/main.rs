//! The operator's tool as its users run it: the program itself, its exit codes and what it prints.
#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

mod changes;
mod check;
mod completion;
mod convert;
mod events;
mod https;
mod init;
mod live;
mod original;
mod pages;
mod ping;
mod running;
mod status;
#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a run came to.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    /// Returns the output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|why| panic!("{why}: {} {}", self.out, self.err))
    }
}

/// Runs the program.
pub fn jkctl(args: &[&str]) -> Run {
    with_input(args, "")
}

/// Runs the program with something on its standard input.
pub fn with_input(args: &[&str], input: &str) -> Run {
    run_with(args, &[], input)
}

/// Runs the program with variables of the environment and something on its standard input.
pub fn run_with(args: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .args(args)
        .env_remove("JKCTL_URL")
        .env_remove("JKCTL_USER")
        .env_remove("JKCTL_PASSWORD")
        .env_remove("SSL_CERT_FILE")
        .envs(variables.iter().copied())
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run {
        code: output.status.code().expect("it was not killed"),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}
