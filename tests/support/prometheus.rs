//! Prometheus's own judgement of metrics and rules: the reader of its Python client and `promtool`,
//! both from Debian.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{root, skip};

/// Reads OpenMetrics and prints how many samples there are; an exception otherwise.
const READER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = sys.stdin.buffer.read().decode('utf-8')
print(sum(len(family.samples) for family in text_string_to_metric_families(text)))
";

/// What a tool said.
pub struct Judgement {
    pub is_good: bool,
    /// Standard output and standard error.
    pub text: String,
}

/// Fails unless the Python client takes all of an OpenMetrics text, and `promtool check metrics` finds
/// nothing in the same samples in the older format.
pub fn assert_accepted(name: &str, openmetrics: &str, text: &str) {
    let samples = openmetrics.lines().filter(|line| !line.starts_with('#')).count();
    if let Some(read) = read_by_client(openmetrics) {
        assert!(read.is_good, "{name}: {}", read.text);
        assert_eq!(read.text.trim(), samples.to_string(), "{name}: samples that were read");
    }
    if let Some(checked) = promtool(&["check", "metrics"], text) {
        assert!(checked.is_good && checked.text.is_empty(), "{name}: {}", checked.text);
    }
}

/// Gives an OpenMetrics text to the Python client; `None` where it is missing.
///
/// Debian's own Python: another one in the path does not know its modules.
pub fn read_by_client(text: &str) -> Option<Judgement> {
    if !Path::new("/usr/lib/python3/dist-packages/prometheus_client").exists() {
        skip("prometheus", "its client is missing; Debian package: python3-prometheus-client");
        return None;
    }
    Some(run(Command::new("/usr/bin/python3").args(["-c", READER]), text))
}

/// Runs promtool with a text as its input; `None` where it is missing.
pub fn promtool(arguments: &[&str], input: &str) -> Option<Judgement> {
    let Some(program) = program() else {
        skip(
            "prometheus",
            "promtool is missing; `.ci/install test` unpacks Debian's package prometheus",
        );
        return None;
    };
    Some(run(Command::new(program).args(arguments), input))
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let unpacked = root().join("target/prometheus/usr/bin");
    let mut places = std::env::split_paths(&path).chain([unpacked]).map(|dir| dir.join("promtool"));
    places.find(|own| own.exists())
}

fn run(command: &mut Command, input: &str) -> Judgement {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    let mut stdin = child.stdin.take().expect("a pipe");
    let Output { status, stdout, stderr } = std::thread::scope(|scope| {
        // It may say something before it has read all. One that stops reading has found a mistake.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().expect("it ends")
    });
    let text = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    Judgement { is_good: status.success(), text }
}
