//! wrk, which makes the load, and what it says.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::load::Scene;

/// What one run of wrk has found.
pub struct Said {
    pub requests: f64,
    pub per_second: f64,
    pub median_ms: f64,
    pub p99_ms: f64,
}

/// Starts it against a port.
pub fn start(dir: &Path, port: u16, scene: &Scene) -> Child {
    let mut command = Command::new("wrk");
    command.args(["-t1", "--latency"]);
    command.arg(format!("-c{}", scene.connections)).arg(format!("-d{}s", scene.seconds));
    if scene.kind.is_post {
        let script = dir.join("post.lua");
        let text =
            format!("wrk.method = \"POST\"\nwrk.body = string.rep(\"a\", {})\n", scene.kind.bytes);
        fs::write(&script, text).expect("a file");
        command.arg("-s").arg(script);
    }
    command.arg(format!("http://127.0.0.1:{port}{}", scene.path()));
    command.stdout(Stdio::piped());
    command.spawn().expect("wrk is missing; Debian package: wrk")
}

/// Waits for its end.
///
/// # Panics
///
/// If a request failed.
pub fn end(load: Child) -> Said {
    let output = load.wait_with_output().expect("wrk ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx"), "a request failed: {text}");
    let word = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
        line.split_whitespace().next()
    };
    let line = text.lines().find(|line| line.contains(" requests in "));
    let count = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    Said {
        requests: count.unwrap_or_else(|| panic!("wrk says how many requests: {text}")),
        per_second: word("Requests/sec:").and_then(|word| word.parse().ok()).unwrap_or(0.0),
        median_ms: word("50%").map_or(0.0, milliseconds),
        p99_ms: word("99%").map_or(0.0, milliseconds),
    }
}

/// Reads `1.23ms`, `45.00us` or `1.20s`.
fn milliseconds(word: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0)];
    let found = units.iter().find_map(|(unit, factor)| {
        word.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
    });
    found.unwrap_or(0.0)
}
