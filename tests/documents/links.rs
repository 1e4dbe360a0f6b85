//! Links between pages, and the table of contents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::page::Page;
use crate::support::root;

/// Finds links that lead nowhere: to a file that does not exist, to an anchor that its page does not
/// have, or from the manual out of its directory, where its HTML has nothing.
pub fn dead(pages: &[Page]) -> Vec<String> {
    let anchors: BTreeMap<_, _> =
        pages.iter().map(|page| (page.name.as_str(), anchors(page))).collect();
    let mut wrong = Vec::new();
    for page in pages {
        for (line, target) in links(page) {
            let mut is_wrong = |why: &str| {
                wrong.push(format!("{}:{line}: {target}: {why}", page.name));
            };
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let own = Path::new(&page.name);
            let path = match file {
                "" => own.to_owned(),
                _ => plain(&own.parent().expect("a file has a directory").join(file)),
            };
            let name = path.display().to_string();
            if !anchors.contains_key(name.as_str()) && !root().join(&path).exists() {
                is_wrong("there is no such file");
            } else if page.name.starts_with("docs/") && !name.starts_with("docs/") {
                is_wrong("the file is not a part of the manual; name it in code instead");
            } else if !anchor.is_empty()
                && !anchors.get(name.as_str()).is_some_and(|own| own.contains(anchor))
            {
                is_wrong("the page has no such anchor");
            }
        }
    }
    wrong
}

/// Finds tags in prose other than anchors and addresses: what is meant as a name in angle brackets, HTML
/// does not show.
pub fn tags(page: &Page) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in page.prose() {
        let text: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in text.match_indices('<') {
            let (before, tag) = (&text[..at], &text[at + 1..]);
            let is_meant = ["a id=\"", "/a>", "http://", "https://"];
            let is_tag = tag.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
            if is_tag && !before.ends_with('\\') && !is_meant.iter().any(|own| tag.starts_with(own))
            {
                wrong.push(format!("{}:{number}: {line}", page.name));
            }
        }
    }
    wrong
}

/// Returns the relative links and pictures of a page with their lines.
fn links(page: &Page) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in page.prose() {
        // Text in code is no link.
        let line: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let target = rest.split_once(')').map_or(rest, |(target, _)| target);
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// Returns the anchors of a page: headings, as GitHub and mdBook name them, and `<a id="…">`.
fn anchors(page: &Page) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (_, line) in page.prose() {
        if let Some((_, heading)) = line.split_once("# ").filter(|_| line.starts_with('#')) {
            let name = slug(heading);
            // The second one of a name has a number.
            let more = (1..).map(|number| format!("{name}-{number}"));
            let free = std::iter::once(name.clone()).chain(more).find(|name| !all.contains(name));
            all.extend(free);
        }
        for rest in line.split("<a id=\"").skip(1) {
            all.extend(rest.split_once('"').map(|(name, _)| name.to_owned()));
        }
    }
    all
}

fn slug(heading: &str) -> String {
    let text = heading.trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Resolves `..` in a path as a browser does.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Finds pages that the table of contents does not name exactly once.
pub fn not_in_contents(pages: &[Page]) -> Vec<String> {
    let contents = pages.iter().find(|page| page.name == "docs/SUMMARY.md").expect("there is one");
    let named: Vec<_> = links(contents).into_iter().map(|(_, target)| target).collect();
    let own = pages.iter().filter_map(|page| page.name.strip_prefix("docs/"));
    own.filter(|name| *name != "SUMMARY.md")
        .filter(|name| named.iter().filter(|target| target == name).count() != 1)
        .map(|name| format!("docs/SUMMARY.md: {name} must stand there once"))
        .collect()
}
