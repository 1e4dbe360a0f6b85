//! Pages of the manual, taken apart: sections, blocks of code, words in code.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::root;

/// Languages of blocks, with what is done with them in `README.md` of this program.
pub const LANGUAGES: &[&str] = &[
    "apache",
    "console",
    "dockerfile",
    "json",
    "mounts",
    "properties",
    "sh",
    "text",
    "xml",
    "yaml",
];

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its path from the package's directory.
    pub name: String,
    pub text: String,
}

/// A block of code.
#[derive(Clone, Debug)]
pub struct Block {
    /// Page and line, for messages.
    pub place: String,
    pub language: String,
    /// The number of its section: blocks below the same heading belong together.
    pub section: usize,
    pub text: String,
}

/// Returns the manual and the README.
pub fn pages() -> Vec<Page> {
    let mut names = vec![PathBuf::from("README.md")];
    let mut open = vec![PathBuf::from("docs")];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(root().join(&dir)).expect("a directory of ours").flatten() {
            let name = dir.join(entry.file_name());
            match entry.path().is_dir() {
                true => open.push(name),
                false if name.extension().is_some_and(|ending| ending == "md") => names.push(name),
                false => {}
            }
        }
    }
    names.sort();
    names.iter().map(|name| Page::read(name)).collect()
}

impl Page {
    pub fn read(name: &Path) -> Self {
        let text = fs::read_to_string(root().join(name)).expect("a page of ours");
        Self { name: name.display().to_string(), text }
    }

    /// Takes the page apart.
    ///
    /// # Errors
    ///
    /// Blocks without a language, with one that is not known, without an end, or that are indented
    /// instead of fenced.
    pub fn blocks(&self) -> (Vec<Block>, Vec<String>) {
        let (mut blocks, mut wrong) = (Vec::new(), Vec::new());
        let mut open: Option<(usize, Block)> = None;
        let mut section = 0;
        // Where the text of the list item begins that a line may belong to.
        let mut item = 0;
        let mut was_blank = true;
        for (number, line) in self.text.lines().enumerate() {
            let place = format!("{}:{}", self.name, number + 1);
            let bare = line.trim_start_matches(' ');
            let indent = line.len() - bare.len();
            if let Some((fence, block)) = &mut open {
                if bare.trim_end() == "```" {
                    blocks.extend(open.take().map(|(_, block)| block));
                } else {
                    block.text.push_str(line.get((*fence).min(indent)..).unwrap_or_default());
                    block.text.push('\n');
                }
                was_blank = false;
                continue;
            }
            if let Some(language) = bare.strip_prefix("```") {
                let language = language.trim().to_owned();
                if !LANGUAGES.contains(&language.as_str()) {
                    wrong.push(format!("{place}: a block of the language {language:?}"));
                }
                open = Some((indent, Block { place, language, section, text: String::new() }));
            } else if bare.starts_with('#') && indent == 0 {
                section += 1;
            } else if let Some(begin) = item_begins(bare) {
                item = indent + begin;
            } else if indent == 0 && !bare.is_empty() {
                item = 0;
            } else if was_blank && indent >= item + 4 && !bare.is_empty() {
                wrong.push(format!("{place}: an indented block; write it between fences"));
            }
            was_blank = bare.is_empty();
        }
        if let Some((_, block)) = open {
            wrong.push(format!("{}: a block without an end", block.place));
        }
        (blocks, wrong)
    }

    /// Returns what stands between single backticks outside of blocks, with the line.
    pub fn code_words(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (number, line) in self.prose() {
            let mut parts = line.split('`');
            parts.next();
            while let (Some(code), Some(_)) = (parts.next(), parts.next()) {
                found.push((number, code.replace("\\|", "|")));
            }
        }
        found
    }

    /// Returns the lines outside of blocks with their numbers.
    pub fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut is_inside = false;
        self.text.lines().enumerate().filter_map(move |(number, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_inside ^= is_fence;
            (!is_inside && !is_fence).then_some((number + 1, line))
        })
    }
}

/// Returns how far the text of a list item stands behind its mark, if the line begins one.
fn item_begins(line: &str) -> Option<usize> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let is_mark = match digits {
        0 => line.starts_with("* ") || line.starts_with("- "),
        some => line[some..].starts_with(". "),
    };
    is_mark.then_some(digits + 2)
}
