//! Text to rules: the mount file, the words of `JkMount` and `JkUnMount`, and `mount` attributes.

use std::sync::Arc;

use crate::uri_map::merge::Mounts;
use crate::uri_map::problem::printable;
use crate::uri_map::{Origin, Problem, Rule, Source, pattern};

/// Parses a mount file.
///
/// One rule a line, `pattern=worker`; `#` begins a comment anywhere; no quoting, continuation or
/// escape. `$(NAME)` on the right side is replaced by what `env` returns. A line that is no rule
/// is reported and the others stay.
pub fn parse_mount_file(
    text: &[u8],
    file: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> (Mounts, Vec<Problem>) {
    let mut mounts = Mounts::default();
    let mut problems = Vec::new();
    let file: Arc<str> = file.into();
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    for (n, line) in text.split(|b| *b == b'\n').enumerate() {
        let line = &line[..memchr::memchr(b'#', line).unwrap_or(line.len())];
        let line = trim(line);
        if line.is_empty() {
            continue;
        }
        let number = u32::try_from(n + 1).unwrap_or(u32::MAX);
        let origin = Origin { file: file.clone(), line: number };
        let (left, right) = match memchr::memchr(b'=', line) {
            Some(at) => (trim(&line[..at]), trim(&line[at + 1..])),
            None => (line, b"".as_slice()),
        };
        if left.is_empty() || right.is_empty() {
            let text = format!("\"{}\" is not a rule, expected pattern=worker", printable(line));
            problems.push(Problem::error(&origin, text));
            continue;
        }
        let right = substitute(right, env, &origin, &mut problems);
        let rules = Rule::parse(left, &right, Source::MountFile, &origin, &mut problems);
        if let Some(earlier) = mounts.insert(left, origin.clone(), rules) {
            let text = format!(
                "\"{}\" replaces the rule with the same left side in line {}",
                printable(left),
                earlier.line
            );
            problems.push(Problem::warning(&origin, text));
        }
    }
    (mounts, problems)
}

/// Which of the two directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountDirective {
    /// `JkMount`
    Mount,
    /// `JkUnMount`
    UnMount,
}

impl MountDirective {
    fn name(self) -> &'static str {
        match self {
            MountDirective::Mount => "JkMount",
            MountDirective::UnMount => "JkUnMount",
        }
    }
}

/// The section a directive stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section<'a> {
    /// None, or only a virtual host.
    Server,
    /// `<Location path>`; the path is the pattern, whatever the section itself would match.
    Location(&'a str),
    /// Any other section: its name and its argument as httpd has stored it.
    Other(&'a str, &'a str),
}

/// Adds the rules of a `JkMount` or `JkUnMount` to `mounts`.
///
/// # Errors
///
/// What is wrong, for httpd to report: the number of words, or the pattern.
pub fn add_directive(
    mounts: &mut Mounts,
    directive: MountDirective,
    words: &[&str],
    section: Section<'_>,
    origin: &Origin,
) -> Result<Vec<Problem>, String> {
    let name = directive.name();
    let (path, worker) = match (section, words) {
        (Section::Server, [path, worker]) => (*path, *worker),
        (Section::Server, _) => return Err(format!("{name} needs a pattern and a worker")),
        (Section::Location(path) | Section::Other(_, path), [worker]) => (path, *worker),
        (Section::Location(_) | Section::Other(..), _) => {
            return Err(format!(
                "{name} inside a section needs only a worker, the section's path is the pattern"
            ));
        }
    };
    if !path.starts_with(['/', '*']) {
        return Err(match section {
            Section::Other(kind, _) => format!(
                "{name} cannot be used inside <{kind} {path}>, \
                 use <Location> or give a pattern outside of it"
            ),
            _ => format!(
                "{name}: invalid pattern \"{path}\", expected a path that begins with a slash"
            ),
        });
    }
    if worker.trim().is_empty() {
        return Err(format!("{name}: the worker's name is empty"));
    }
    let mut problems = Vec::new();
    let is_several = pattern::is_wildcard(path.as_bytes()) || path.contains('|');
    problems.extend(match section {
        // All that a status worker needs, and too little for most others.
        Section::Location(_) if !is_several => Some(Problem::hint(
            origin,
            format!(
                "{name} inside <Location {path}> maps only this exact URI, did you mean \"{path}|/*\""
            ),
        )),
        Section::Other(kind, _) => Some(Problem::warning(
            origin,
            format!("{name} inside <{kind}> maps the URI \"{path}\", not files, use <Location> instead"),
        )),
        Section::Location(_) | Section::Server => None,
    });
    let left = match directive {
        MountDirective::Mount => path.to_owned(),
        MountDirective::UnMount => format!("!{path}"),
    };
    let (left, right) = (left.as_bytes(), worker.as_bytes());
    let rules = Rule::parse(left, right, Source::Directive, origin, &mut problems);
    if let Some(earlier) = mounts.insert(left, origin.clone(), rules) {
        let text = format!("{name} \"{path}\" replaces the one at {earlier}");
        problems.push(Problem::warning(origin, text));
    }
    Ok(problems)
}

/// Adds the rules of a worker's `mount` attribute: patterns separated by blanks, tabs or commas.
///
/// # Errors
///
/// The first entry that is no pattern; the server must then not start.
pub fn add_worker_mount(
    mounts: &mut Mounts,
    worker: &str,
    value: &str,
    origin: &Origin,
) -> Result<Vec<Problem>, Problem> {
    let mut problems = Vec::new();
    for entry in value.split([' ', '\t', ',']).filter(|entry| !entry.is_empty()) {
        let (left, right) = (entry.as_bytes(), worker.as_bytes());
        let rules = Rule::parse(left, right, Source::WorkerMount, origin, &mut problems);
        if rules.is_empty() {
            let text = format!(
                "worker.{worker}.mount: invalid pattern \"{}\", \
                 expected a path that begins with a slash",
                printable(left)
            );
            return Err(Problem::error(origin, text));
        }
        // Two workers may mount the same pattern, and then the first in worker.list has it.
        mounts.insert(&[left, b"=", right].concat(), origin.clone(), rules);
    }
    Ok(problems)
}

/// Replaces each `$(NAME)`, left to right; inserted text is not looked at again.
fn substitute(
    value: &[u8],
    env: &dyn Fn(&str) -> Option<String>,
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = memchr::memmem::find(rest, b"$(") {
        let Some(length) = memchr::memchr(b')', &rest[start..]) else { break };
        let name = String::from_utf8_lossy(&rest[start + 2..start + length]);
        out.extend_from_slice(&rest[..start]);
        match env(&name) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => {
                let text = format!(
                    "environment variable \"{}\" is not set, \"$({0})\" stays as it is",
                    printable(name.as_bytes())
                );
                problems.push(Problem::warning(origin, text));
                out.extend_from_slice(&rest[start..=start + length]);
            }
        }
        rest = &rest[start + length + 1..];
    }
    out.extend_from_slice(rest);
    out
}

/// Cuts white space as C's `isspace` knows it, which has the vertical tab as well.
fn trim(mut text: &[u8]) -> &[u8] {
    let is_space = |b: &u8| b.is_ascii_whitespace() || *b == 0x0b;
    while let [first, rest @ ..] = text
        && is_space(first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(last)
    {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests;
