//! Keeps the drawing in src/README.md true: who may import whom, where `unsafe` may stand, how
//! long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may import.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("ajp", &[]),
    ("clock", &[]),
    ("uri_map", &[]),
    ("lb", &["clock", "shm"]),
    ("config", &["ajp", "health", "uri_map", "lb"]),
    ("health", &["ajp", "clock", "lb", "shm"]),
    ("metrics", &[]),
    ("status", &["config", "health", "lb", "messages", "metrics", "uri_map"]),
    ("shm", &["clock", "lb", "metrics"]),
    ("log", &["clock", "config"]),
    ("net", &["ajp", "clock"]),
    ("tool", &["ajp", "config", "net"]),
    (
        "worker",
        &[
            "ajp", "clock", "config", "health", "lb", "log", "metrics", "net", "shm", "status",
            "uri_map",
        ],
    ),
    (
        "httpd",
        &["ajp", "clock", "config", "lb", "log", "net", "shm", "status", "uri_map", "worker"],
    ),
];

/// Files that may hold `unsafe`.
const FENCE: &[&str] = &[
    "src/httpd/",
    "src/net/socket.rs",
    "src/shm/segment.rs",
    "src/shm/lock.rs",
    "src/log/sink.rs",
    "src/clock.rs",
];

fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).expect("a directory of ours").flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => open.push(path),
                false if path.to_string_lossy().ends_with(ending) => found.push(path),
                false => {}
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} below {dir}");
    found
}

fn short(path: &Path) -> String {
    let own = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a file of ours");
    own.to_string_lossy().into_owned()
}

#[test]
fn imports_follow_the_table() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let name = short(&path);
        let room = name.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default();
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(own, _)| *own == room) else { continue };
        let text = fs::read_to_string(&path).expect("a file of ours");
        for (number, line) in text.lines().enumerate() {
            for part in line.split("crate::").skip(1) {
                let end =
                    part.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(part.len());
                let other = &part[..end];
                let is_doc = line.trim_start().starts_with("//");
                if !is_doc && other != room && !allowed.contains(&other) {
                    wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not in the table of imports:\n{}", wrong.join("\n"));
}

/// Rooms the operator's tool may use: what is pure, and `net`.
const MAY_USE: &[&str] = &["ajp", "clock", "config", "net", "status", "tool", "uri_map"];

#[test]
fn the_tool_uses_pure_rooms_and_the_network() {
    let mut wrong = Vec::new();
    for path in files("src/bin", ".rs") {
        let text = fs::read_to_string(&path).expect("a file of ours");
        for (number, line) in text.lines().enumerate() {
            for part in line.split("mod_jk::").skip(1) {
                let room = part.split(|c: char| !c.is_alphanumeric() && c != '_').next();
                if !room.is_some_and(|room| MAY_USE.contains(&room)) {
                    wrong.push(format!("{}:{}: {}", short(&path), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "not for the tool:\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_stays_inside_its_fence() {
    let mut wrong = Vec::new();
    for path in files("src", ".rs") {
        let name = short(&path);
        let is_inside = FENCE.iter().any(|own| name.starts_with(own));
        let text = fs::read_to_string(&path).expect("a file of ours");
        for (number, line) in text.lines().enumerate() {
            let is_code = !line.trim_start().starts_with("//");
            let has = line.contains("unsafe {")
                || line.contains("unsafe fn")
                || line.contains("unsafe impl");
            if has && is_code && !is_inside {
                wrong.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "unsafe outside the fence:\n{}", wrong.join("\n"));
}

#[test]
fn pure_rooms_forbid_unsafe() {
    for room in ["ajp", "uri_map", "lb", "config", "status", "health", "metrics", "tool", "worker"]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{room}/mod.rs"));
        let text = fs::read_to_string(path).expect("each room has a mod.rs");
        assert!(text.contains("#![forbid(unsafe_code)]"), "src/{room}/mod.rs");
    }
}

#[test]
fn files_fit_into_a_head() {
    let mut long = Vec::new();
    for path in [files("src", ".rs"), files("tests", ".rs"), files("c-shim", ".c")].concat() {
        let lines = fs::read_to_string(&path).expect("a file of ours").lines().count();
        if lines > 500 {
            long.push(format!("{}: {lines} lines", short(&path)));
        }
    }
    assert!(long.is_empty(), "split by subject: {long:?}");
}
