//! The catalogue of messages is what the code says and what the manual shows; the reference is what
//! the tables say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mod_jk::config::reference;
use mod_jk::messages::{CATALOGUE, manual};

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).expect("a directory of ours").flatten().map(|own| own.path()) {
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// Codes in the text, such as JK-101.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("JK-").filter_map(|(at, _)| {
        let code = text.get(at..at + 6)?;
        code[3..].bytes().all(|byte| byte.is_ascii_digit()).then_some(code)
    })
}

#[test]
fn every_code_is_in_the_catalogue_and_used() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let texts: Vec<_> = files
        .iter()
        .filter(|path| !path.ends_with("messages.rs"))
        .map(|path| fs::read_to_string(path).expect("a file of ours"))
        .collect();
    let used: BTreeSet<_> = texts.iter().flat_map(|text| codes(text)).collect();
    let listed: BTreeSet<_> = CATALOGUE.iter().map(|message| message.code).collect();
    assert_eq!(used, listed);
    let in_order: Vec<_> = CATALOGUE.iter().map(|message| message.code).collect();
    assert!(in_order.is_sorted_by(|a, b| a < b), "each once, in order");
}

#[test]
fn the_manual_is_made_from_the_tables() {
    let pages = [("docs/messages.md", manual()), ("docs/reference.md", reference())];
    for (name, made) in pages {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("WRITE_DOCS").is_some() {
            fs::write(&path, &made).expect("the package is writable");
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        assert!(text == made, "{name}: run WRITE_DOCS=1 cargo test --test messages");
    }
}
