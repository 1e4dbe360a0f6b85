//! The catalogue of messages is what the code says and what the manual shows; the reference is what
//! the tables say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mod_jk::config::reference;
use mod_jk::messages::{CATALOGUE, manual};
use mod_jk::metrics;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(dir).expect("a directory of ours").flatten().map(|own| own.path()) {
        match path.is_dir() {
            true => sources(&path, found),
            false => found.push(path),
        }
    }
}

/// Codes that the text uses, as `JK101`, in the form of the catalogue.
fn codes(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("JK").filter_map(|(at, _)| {
        let digits = text.get(at + 2..at + 5)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| format!("JK-{digits}"))
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
    let listed: BTreeSet<_> = CATALOGUE.iter().map(|message| message.code.to_owned()).collect();
    assert_eq!(used, listed);
    // A line that writes its code as text would compile with one that does not exist.
    for (path, text) in files.iter().filter(|path| !path.ends_with("messages.rs")).zip(&texts) {
        let name = path.to_string_lossy();
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let mut texts = code.split("\"JK-").skip(1);
        let is_code = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit());
        assert!(is_test || !texts.any(is_code), "{name}: write {{JK101}} instead of JK-101");
    }
    let in_order: Vec<_> = CATALOGUE.iter().map(|message| message.code).collect();
    assert!(in_order.is_sorted_by(|a, b| a < b), "each once, in order");
}

/// Puts what is made from rows into a page that is otherwise written by hand.
fn with_made(page: &str, made: &str) -> String {
    let (begin, end) = ("<!-- made from the rows: ", "<!-- end -->");
    let (before, rest) = page.split_once(begin).expect("the beginning of what is made");
    let (how, rest) = rest.split_once('\n').expect("a line");
    let (_, after) = rest.split_once(end).expect("its end");
    format!("{before}{begin}{how}\n\n{made}\n{end}{after}")
}

#[test]
fn the_manual_is_made_from_the_tables() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/metrics.md")).expect("the page of the metrics");
    let pages = [
        ("docs/messages.md", manual()),
        ("docs/reference.md", reference()),
        ("docs/metrics.md", with_made(&page, &metrics::manual())),
    ];
    for (name, made) in pages {
        let path = root.join(name);
        if std::env::var_os("WRITE_DOCS").is_some() {
            fs::write(&path, &made).expect("the package is writable");
        }
        let text = fs::read_to_string(path).unwrap_or_default();
        assert!(text == made, "{name}: run WRITE_DOCS=1 cargo test --test messages");
    }
}
