//! Text to rules: the mount file, the words of `JkMount` and `JkUnMount`, and `mount` attributes.

use std::sync::Arc;

pub use crate::config::section::Section;
use crate::text;
use crate::uri_map::merge::Mounts;
use crate::uri_map::problem::printable;
use crate::uri_map::{Origin, Problem, Rule, RuleSource, pattern};

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
            // check: line-that-is-no-rule
            problems.push(Problem::error(&origin, text));
            continue;
        }
        let right = substitute(right, env, &origin, &mut problems);
        let rules = Rule::parse(left, &right, RuleSource::MountFile, &origin, &mut problems);
        if let Some(earlier) = mounts.insert(left, origin.clone(), rules) {
            let text = format!(
                "\"{}\" replaces the rule with the same left side in line {}",
                printable(left),
                earlier.line
            );
            // check: rule-given-twice
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
    let (path, worker) = match (section.path(), words) {
        (None, [path, worker]) => (*path, *worker),
        // check: one-word-outside-of-sections
        (None, _) => return Err(format!("{name} needs a pattern and a worker")),
        // check: two-words-in-a-section
        (Some(path), [worker]) => (path, *worker),
        (Some(_), _) => {
            return Err(format!(
                "{name} inside a section needs only a worker, the section's path is the pattern"
            ));
        }
    };
    // A leading star is for patterns outside of sections.
    let is_pattern = path.starts_with('/') || section == Section::Server && path.starts_with('*');
    // check: pattern-without-a-slash
    if !is_pattern {
        return Err(match section {
            Section::Other(kind, _) | Section::Limited(_, kind, _) => {
                format!(
                    "{name} cannot be used inside {}, use <Location> or give a pattern outside of it",
                    opened(kind, path)
                )
            }
            Section::Server | Section::Location(_) => format!(
                "{name}: invalid pattern \"{path}\", expected a path that begins with a slash"
            ),
        });
    }
    if text::trim(worker).is_empty() {
        return Err(format!("{name}: the worker's name is empty"));
    }
    let mut problems = Vec::new();
    let is_several = pattern::is_wildcard(&text::raw(path)) || path.contains('|');
    problems.extend(match section {
        // All that a status worker needs, and too little for most others.
        // check: section-that-maps-one-uri-only
        Section::Location(_) if !is_several => Some(Problem::hint(
            origin,
            format!(
                "{name} inside <Location {path}> maps only this exact URI, did you mean \"{path}|/*\""
            ),
        )),
        // check: mount-inside-directory
        Section::Other(..) | Section::Limited(..) => {
            Some(Problem::warning(origin, misplaced(name, section, path)))
        }
        Section::Location(_) | Section::Server => None,
    });
    let left = match directive {
        MountDirective::Mount => path.to_owned(),
        MountDirective::UnMount => format!("!{path}"),
    };
    let (left, right) = (text::raw(&left), text::raw(worker));
    let rules = Rule::parse(&left, &right, RuleSource::Directive, origin, &mut problems);
    if let Some(earlier) = mounts.insert(&left, origin.clone(), rules) {
        let text = format!("{name} \"{path}\" replaces the one at {earlier}");
        problems.push(Problem::warning(origin, text));
    }
    Ok(problems)
}

/// Writes a section as it is opened; what httpd has stored for `<If>` is nothing that was written.
fn opened(kind: &str, path: &str) -> String {
    match kind {
        "If" | "ElseIf" | "Else" => format!("<{kind}>"),
        _ => format!("<{kind} {path}>"),
    }
}

/// Says what a mount means in a section that it is not made for.
fn misplaced(name: &str, section: Section<'_>, path: &str) -> String {
    let kind = section.kind();
    if let Section::Limited(limit, ..) = section {
        return format!(
            "{name} inside <{limit}> is for every method, as rules look at the URI only: put it \
             outside of <{limit}>, and refuse methods with <{limit}> and Require"
        );
    }
    match kind {
        "LocationMatch" => format!(
            "{name} inside <{kind}> takes \"{path}\" as a pattern with * and ?, not as a regular \
             expression, use <Location> or a pattern outside of it"
        ),
        "Proxy" | "ProxyMatch" => format!(
            "{name} inside <{kind}> maps the URI \"{path}\", not what mod_proxy sends, use <Location> instead"
        ),
        _ => format!(
            "{name} inside <{kind}> maps the URI \"{path}\", not files, use <Location> instead"
        ),
    }
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
        let (left, right) = (text::raw(entry), text::raw(worker));
        let rules = Rule::parse(&left, &right, RuleSource::WorkerMount, origin, &mut problems);
        // check: worker-mount-that-is-no-pattern
        if rules.is_empty() {
            let text = format!(
                "worker.{worker}.mount: invalid pattern \"{}\", \
                 expected a path that begins with a slash",
                printable(&left)
            );
            return Err(Problem::error(origin, text));
        }
        // Two workers may mount the same pattern, and then the first in worker.list has it.
        mounts.insert(&[&*left, b"=", &*right].concat(), origin.clone(), rules);
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
        let name = text::decode(&rest[start + 2..start + length]);
        out.extend_from_slice(&rest[..start]);
        match env(&name) {
            Some(value) => out.extend_from_slice(&text::raw(&value)),
            None => {
                let text = format!(
                    "environment variable \"{}\" is not set, \"$({0})\" stays as it is",
                    printable(&text::raw(&name))
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
