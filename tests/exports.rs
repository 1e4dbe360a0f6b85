//! The library exports what httpd looks up and what the shim calls, and nothing else, as httpd loads
//! all modules into one space of names; and it holds nothing that only jkctl needs.

#[path = "support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
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
fn nothing_of_jkctl_is_in_the_module() {
    let (package, module) = (crates(&[]), crates(&["--no-default-features"]));
    assert!(module.contains("tracing"), "{module:?}");
    let only_jkctl: Vec<_> = package.difference(&module).cloned().collect();
    let needles = [only_jkctl, vec!["mod_jk::tool".to_owned()]].concat();

    let (tool, module) =
        (symbols(env!("CARGO_BIN_EXE_jkctl").as_ref()), symbols(&support::module()));
    assert!(holds(&module, "mod_jk"), "the module has been stripped of its symbols");
    let found: Vec<_> = needles.iter().filter(|needle| holds(&module, needle)).collect();
    assert!(found.is_empty(), "linked into the module: {found:?}");
    // The same search finds them where they are.
    for needle in ["clap_builder", "ureq", "rustls", "signal_hook", "regex_lite", "mod_jk::tool"] {
        assert!(needles.iter().any(|own| own == needle), "a dependency of the module: {needle}");
        assert!(holds(&tool, needle), "{needle} is not in jkctl");
    }
}

/// Returns the crates that a build with these options links, their names as in Rust.
fn crates(options: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges=normal", "--prefix=none"])
        .args(options)
        .current_dir(support::root())
        .output()
        .expect("cargo runs this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let names = text.lines().filter_map(|line| line.split(' ').next());
    names.map(|name| name.replace('-', "_")).collect()
}

/// Says whether a list of symbols has one that belongs to a crate, or to a module by its whole path.
fn holds(symbols: &str, path: &str) -> bool {
    let inside = format!("{path}::");
    let is_inner = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    symbols.match_indices(&inside).any(|(at, _)| !symbols[..at].ends_with(is_inner))
}

fn symbols(file: &Path) -> String {
    let output =
        Command::new("nm").arg("--demangle").arg(file).output().expect("nm is part of binutils");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
