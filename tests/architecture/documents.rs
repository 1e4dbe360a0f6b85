//! A path that a document names is a file of the tree: files move, and documents are read by those
//! who look for them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{files, root, short};

/// Endings of files that documents speak of.
const ENDINGS: &[&str] = &[".rs", ".c", ".h", ".md", ".txt", ".tsv", ".toml", ".html"];

/// Where a path in a document may begin, beside the document's own directory.
const BEGINNINGS: &[&str] = &["", "src", "tests"];

#[test]
fn documents_name_files_that_exist() {
    let (mut named, mut missing) = (0, Vec::new());
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document of ours");
        let own = document.parent().expect("it lies in a directory");
        for (number, line) in text.lines().enumerate() {
            for path in paths(line) {
                named += 1;
                let mut places = BEGINNINGS.iter().map(|begin| root().join(begin).join(path));
                if !places.any(|place| place.is_file()) && !own.join(path).is_file() {
                    missing.push(format!("{}:{}: {path}", short(&document), number + 1));
                }
            }
        }
    }
    assert!(named > 100, "only {named} paths found");
    assert!(missing.is_empty(), "named and not there:\n{}", missing.join("\n"));
}

fn documents() -> Vec<PathBuf> {
    let top = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"];
    let mut all: Vec<_> = top.iter().map(|name| root().join(name)).collect();
    for dir in ["src", "docs", "tests"] {
        all.extend(files(dir, ".md"));
    }
    all
}

/// Returns the words of a line that are relative paths with a directory in them.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || "._-/@$*<>:".contains(c));
    let words = line.split(is_other).map(|word| word.trim_end_matches(['.', ':']));
    words.filter(|word| {
        let is_pattern = word.contains(['@', '$', '*', '<', '>', ':']);
        let has_directory = Path::new(word).components().count() > 1;
        let is_ours = ENDINGS.iter().any(|ending| word.ends_with(ending));
        !is_pattern && has_directory && is_ours && !word.starts_with(['/', '.'])
    })
}
