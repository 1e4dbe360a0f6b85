//! The library exports what httpd looks up and what the shim calls, and nothing else: httpd loads
//! all modules into one space of names.

#[path = "support/mod.rs"]
mod support;

use std::process::Command;

#[test]
fn only_the_module_and_its_entry_points_are_exported() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(support::module())
        .output()
        .expect("nm is part of binutils");
    let text = String::from_utf8_lossy(&output.stdout);
    let names: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"jk_module"), "{names:?}");
    let foreign: Vec<_> =
        names.iter().filter(|name| **name != "jk_module" && !name.starts_with("mod_jk_")).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn nothing_of_the_operators_tool_is_linked() {
    let output =
        Command::new("nm").arg(support::module()).output().expect("nm is part of binutils");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("mod_jk"), "it has symbols");
    for name in ["clap", "ureq", "signal_hook", "httparse"] {
        // Names of crates stand mangled, behind their length.
        let mangled = format!("{}{name}", name.len());
        let found = text.lines().find(|line| line.contains(&mangled));
        assert!(found.is_none(), "{name}: {found:?}");
    }
}
