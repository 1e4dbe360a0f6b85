//! Plain English: texts that people read name the subject instead of hinting at it.

use std::fs;
use std::path::PathBuf;

use super::{files, short};

/// Words that show that a sentence hides its subject or uses a word of its own. The sentence is to be
/// written again with the subject, the field's verb, what happened, what follows, what to do.
const SIGNS: &[&str] = &[
    "anew",
    "anybody",
    "container",
    "containers",
    "everybody",
    "nobody",
    "sign of life",
    "somebody",
    "stands here",
    "whoever",
];

/// Finds the signs in a text that stand as words of their own.
fn signs(text: &str) -> Vec<&'static str> {
    // A state of an exchange, not a person.
    let text = text.replace("NoBody", "").to_lowercase();
    let is_word = |sign: &str| {
        text.match_indices(sign).any(|(at, _)| {
            let letter = |c: char| c.is_alphanumeric() || c == '_';
            !text[..at].ends_with(letter) && !text[at + sign.len()..].starts_with(letter)
        })
    };
    SIGNS.iter().copied().filter(|sign| is_word(sign)).collect()
}

#[test]
fn signs_are_found_as_words_only() {
    assert_eq!(signs("Whoever asks anew."), ["anew", "whoever"]);
    assert_eq!(signs("a sign of life"), ["sign of life"]);
    assert_eq!(signs("ExchangeState::NoBody => nobody_else, renewed containerless"), [""; 0]);
}

#[test]
fn texts_name_their_subject() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let own = ["README.md", "CHANGELOG.md", "SECURITY.md", "apache-conf/jk.conf"]
        .map(|name| root.join(name));
    let trees = [
        files("src", ".rs"),
        files("src", ".md"),
        files("docs", ".md"),
        files("docs", ".yml"),
        files("docs", ".json"),
        files("templates", ".html"),
        files("c-shim", ".c"),
        files("c-shim", ".h"),
        files("tests", ".rs"),
        files("tests", ".txt"),
        files("tests", ".c"),
    ];
    let mut wrong = Vec::new();
    for path in trees.into_iter().flatten().chain(own) {
        // It quotes them.
        if path.ends_with("architecture/words.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file of ours");
        for (number, line) in text.lines().enumerate() {
            for sign in signs(line) {
                wrong.push(format!("{}:{}: \"{sign}\": {}", short(&path), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "write these sentences again:\n{}", wrong.join("\n"));
}
