//! Commands that pages name: of `jkctl` by its own table of arguments, of `make` by the Makefile,
//! files by the tree.

use std::fs;
use std::process::Command;

use crate::page::Page;
use crate::support::root;

/// Finds commands that do not exist, in blocks and between backticks.
pub fn unknown(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for block in page.blocks().0 {
        if matches!(block.language.as_str(), "console" | "sh") {
            let text = block.text.replace("\\\n", " ");
            for line in text.lines() {
                // On a console only what stands behind the prompt was typed.
                let typed = match block.language.as_str() {
                    "console" => line.strip_prefix("$ ").or(line.strip_prefix("# ")),
                    _ => Some(line),
                };
                for why in typed.into_iter().flat_map(check) {
                    wrong.push(format!("{}: {line}: {why}", block.place));
                }
            }
        }
    }
    for (line, code) in page.code_words() {
        if code.starts_with("jkctl ") {
            for why in check(&code) {
                wrong.push(format!("{}:{line}: {code}: {why}", page.name));
            }
        }
    }
    wrong
}

/// Checks a line of a shell.
fn check(line: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let words = words(line);
    for command in words.split(|word| matches!(word.as_str(), "&&" | "||" | "|" | ";" | "&")) {
        // Variables and sudo before a command are not the command.
        let is_before = |word: &&String| *word == "sudo" || is_assignment(word);
        let begin = command.iter().take_while(is_before).count();
        let command = &command[begin..];
        let end = command.iter().position(|word| word.starts_with(['>', '<']));
        let command = &command[..end.unwrap_or(command.len())];
        let problem = match command.first().map(String::as_str) {
            Some("jkctl") => jkctl(&command[1..]),
            Some("make") => make(&command[1..]),
            _ => None,
        };
        wrong.extend(problem);
        let trees = ["apache-conf/", "docs/", "tests/", "src/", ".ci/"];
        for word in command.iter().filter(|word| trees.iter().any(|own| word.starts_with(own))) {
            if !root().join(word).exists() {
                wrong.push(format!("there is no {word}"));
            }
        }
    }
    wrong
}

/// The words of a line as a shell splits them, without its comment. What separates commands is a word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_new = words.last().is_some_and(String::is_empty);
        match (letter, quote) {
            (_, Some(mark)) if letter == mark => quote = None,
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(_)) => words.last_mut().expect("one at least").push(letter),
            ('#', None) if is_new => break,
            ('&' | '|' | ';', None) => {
                let mut mark = letter.to_string();
                mark.extend(letters.next_if_eq(&letter));
                words.extend([mark, String::new()]);
            }
            (_, None) if letter.is_whitespace() => words.push(String::new()),
            (_, None) => words.last_mut().expect("one at least").push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_'))
}

/// Has the program itself read the arguments: what it does not know is refused before `--help` comes.
fn jkctl(args: &[String]) -> Option<String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jkctl"));
    command.args(args);
    match args.first().map(String::as_str) {
        // Its argument is a command, or the word for one.
        Some("help") if args.get(1).is_none_or(|name| name == "COMMAND") => return None,
        Some("help") => {}
        _ => drop(command.arg("--help")),
    }
    let output = command.output().expect("it can be started");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (!output.status.success()).then(|| said.lines().next().unwrap_or_default().to_owned())
}

fn make(args: &[String]) -> Option<String> {
    // In another directory it is another Makefile.
    if args.iter().any(|word| word.starts_with("-C")) {
        return None;
    }
    let text = fs::read_to_string(root().join("Makefile")).expect("a file of ours");
    let targets: Vec<_> = text
        .lines()
        .filter(|line| !line.starts_with(['\t', '#', '.', ' ']))
        .filter_map(|line| line.split_once(':').map(|(names, _)| names))
        .flat_map(str::split_whitespace)
        .collect();
    let wanted = args.iter().filter(|word| !word.contains('=') && !word.starts_with('-'));
    let mut missing = wanted.filter(|word| !targets.contains(&word.as_str()));
    missing.next().map(|word| format!("the Makefile has no target {word}"))
}
