//! Keeps the drawing in src/README.md true: who may import whom, where `unsafe` may stand, how
//! long a file may be; and documents, in documents.rs. Keeps planted mistakes a part of the source,
//! in seeded.rs.

use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/imports.rs"]
mod imports;
#[path = "architecture/map.rs"]
mod map;
#[path = "architecture/seeded.rs"]
mod seeded;
#[path = "architecture/words.rs"]
mod words;

/// Files that may hold `unsafe`.
const FENCE: &[&str] = &[
    "src/httpd/",
    "src/net/pages.rs",
    "src/net/waiting.rs",
    "src/net/wait_set.rs",
    "src/net/socket.rs",
    // Its tests.
    "src/net/socket/",
    "src/shm/futex.rs",
    "src/shm/segment.rs",
    "src/shm/lock.rs",
    "src/log/sink.rs",
    "src/clock.rs",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(dir: &str, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
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

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/")
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
    for room in [
        "ajp", "exchange", "uri_map", "lb", "config", "status", "health", "metrics", "tool",
        "worker",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/{room}/mod.rs"));
        let text = fs::read_to_string(path).expect("each room has a mod.rs");
        assert!(text.contains("#![forbid(unsafe_code)]"), "src/{room}/mod.rs");
    }
}

/// Most lines of a file of the module and the tool, and of the tests and the shim.
const MOST_LINES: [(&str, &str, usize); 3] =
    [("src", ".rs", 400), ("tests", ".rs", 500), ("c-shim", ".c", 500)];

/// Files that are longer. The reason is in their header.
const LONGER: &[&str] = &[];

#[test]
fn files_fit_into_a_head() {
    let mut wrong = Vec::new();
    for (dir, ending, most) in MOST_LINES {
        for path in files(dir, ending) {
            let (name, text) = (short(&path), fs::read_to_string(&path).expect("a file of ours"));
            // Marks of planted mistakes are no lines of code.
            let is_code = |line: &&str| !line.trim_start().starts_with("// check: ");
            let lines = text.lines().filter(is_code).count();
            let header = text.lines().take_while(|line| line.starts_with("//!"));
            let has_reason = header.fold(String::new(), |all, line| all + line).contains("longer");
            match LONGER.contains(&name.as_str()) {
                true if lines <= most => wrong.push(format!("{name} is not longer any more")),
                true if !has_reason => wrong.push(format!("{name} does not say why it is longer")),
                false if lines > most => wrong.push(format!("{name}: {lines} lines")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "split by subject: {wrong:#?}");
}

#[test]
fn names_are_looked_up_in_few_places() {
    // At a start, in the thread for it, for the administrator who changes a host, and by jkctl.
    let allowed = [
        "src/net/resolver.rs",
        "src/worker/ajp13/worker.rs",
        "src/worker/admin/apply.rs",
        "src/worker/background/dns.rs",
        "src/bin/jkctl/ping.rs",
    ];
    let calls = ["look_up()", "to_socket_addrs()", "getaddrinfo"];
    let mut others = Vec::new();
    for path in files("src", ".rs") {
        let text = fs::read_to_string(&path).expect("a file of ours");
        if calls.iter().any(|call| text.contains(call)) && !allowed.contains(&short(&path).as_str())
        {
            others.push(short(&path));
        }
    }
    assert!(others.is_empty(), "a request or the watchdog may wait for a name server: {others:?}");
}
