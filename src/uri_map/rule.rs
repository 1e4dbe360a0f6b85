//! One rule: `[-][!]pattern = worker[;extension]...`, and how text becomes rules.

use std::fmt;
use std::sync::Arc;

use crate::text;
use crate::uri_map::extensions::Extensions;
use crate::uri_map::problem::{Origin, Problem, printable};

/// Where a rule comes from. The order is the rank among rules of equal depth and length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleSource {
    /// The mount file (`JkMountFile`).
    MountFile,
    /// `JkMount` and `JkUnMount`.
    Directive,
    /// The `mount` attribute of a worker.
    WorkerMount,
}

/// One rule of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What the match URI is compared with, modifiers removed. Begins with a slash.
    pub pattern: Box<[u8]>,
    /// Name of the worker, without extensions; in an exclusion `*` means all of them.
    pub worker: Box<str>,
    /// The rule takes a mapping away instead of making one.
    pub is_exclusion: bool,
    /// The rule is shown but takes no part in any decision.
    pub is_disabled: bool,
    /// What else the rule changes. Always the default in an exclusion.
    pub extensions: Arc<Extensions>,
    /// Rank among equals.
    pub source: RuleSource,
    /// File and line.
    pub origin: Origin,
}

impl Rule {
    /// Parses both sides of a rule. A bar in the pattern makes two rules of it, hence the list;
    /// it is empty if the rule is invalid, and `problems` says why.
    pub fn parse(
        left: &[u8],
        right: &[u8],
        source: RuleSource,
        origin: &Origin,
        problems: &mut Vec<Problem>,
    ) -> Vec<Arc<Rule>> {
        let (is_disabled, is_exclusion, pattern) = split_modifiers(left);
        let pattern = match pattern {
            [b'/', ..] => pattern.to_vec(),
            [b'*', ..] => {
                let text = format!(
                    "pattern \"{0}\" should begin with a slash, it is read as \"/{0}\"",
                    printable(pattern)
                );
                // check: pattern-that-begins-with-a-star
                problems.push(Problem::warning(origin, text));
                [b"/", pattern].concat()
            }
            // Nothing, and then the rest: the first is no pattern, the second is one.
            // check: nothing-before-a-bar
            [b'|', b'/', ..] => {
                let rest = &pattern[1..];
                problems.push(Problem::warning(
                    origin,
                    format!(
                        "pattern \"{}\" has nothing before the \"|\", it is read as \"{}\"",
                        printable(pattern),
                        printable(rest)
                    ),
                ));
                rest.to_vec()
            }
            _ => {
                let text = format!(
                    "invalid pattern \"{}\", expected a path that begins with a slash, \
                     after an optional \"-\" and \"!\"",
                    printable(left)
                );
                // check: pattern-without-a-slash-in-a-mount-file
                problems.push(Problem::error(origin, text));
                return Vec::new();
            }
        };
        let (worker, mut extensions) = parse_worker(right, origin, problems);
        if is_exclusion && extensions != Extensions::default() {
            problems
                .push(Problem::warning(origin, "rule extensions have no effect on an exclusion"));
            extensions = Extensions::default();
        }
        let extensions = Arc::new(extensions);
        split_bar(pattern, origin, problems)
            .into_iter()
            .map(|pattern| {
                Arc::new(Rule {
                    pattern: pattern.into(),
                    worker: worker.clone(),
                    is_exclusion,
                    is_disabled,
                    extensions: extensions.clone(),
                    source,
                    origin: origin.clone(),
                })
            })
            .collect()
    }

    /// Returns what rules are sorted by: number of slashes and length, both descending, and then
    /// the source. Rules with the same key stay in the order of their definition.
    pub fn sort_key(&self) -> (std::cmp::Reverse<(usize, usize)>, RuleSource) {
        let slashes = memchr::memchr_iter(b'/', &self.pattern).count();
        (std::cmp::Reverse((slashes, self.pattern.len())), self.source)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let disabled = if self.is_disabled { "-" } else { "" };
        let exclusion = if self.is_exclusion { "!" } else { "" };
        let pattern = printable(&self.pattern);
        let worker = printable(&text::raw(&self.worker));
        write!(f, "{disabled}{exclusion}{pattern}={worker} ({})", self.origin)
    }
}

/// Splits `[-][!]` off; `!-` is read like `-!`.
fn split_modifiers(left: &[u8]) -> (bool, bool, &[u8]) {
    match left {
        [b'-', b'!', rest @ ..] | [b'!', b'-', rest @ ..] => (true, true, rest),
        [b'-', rest @ ..] => (true, false, rest),
        [b'!', rest @ ..] => (false, true, rest),
        _ => (false, false, left),
    }
}

/// Parses `worker[;extension]...`, also for the variable that `JkWorkerIndicator` names.
///
/// A value that begins with a semicolon is all name, as it ever was: no such worker exists, and
/// the report of unknown workers then shows the whole of it.
pub fn parse_worker(
    text: &[u8],
    origin: &Origin,
    problems: &mut Vec<Problem>,
) -> (Box<str>, Extensions) {
    let text = text::decode(text);
    match text.split_once(';') {
        Some((name, tail)) if !text::trim(name).is_empty() => {
            (text::trim(name).into(), Extensions::parse(tail, origin, problems))
        }
        _ => (text::trim(&text).into(), Extensions::default()),
    }
}

/// `X|Y` stands for `X` and `XY`.
fn split_bar(mut pattern: Vec<u8>, origin: &Origin, problems: &mut Vec<Problem>) -> Vec<Vec<u8>> {
    let Some(bar) = memchr::memchr(b'|', &pattern) else { return vec![pattern] };
    if memchr::memchr(b'|', &pattern[bar + 1..]).is_some() {
        let text = format!(
            "the second \"|\" in pattern \"{}\" is an ordinary character, \
             write a rule for each alternative",
            printable(&pattern)
        );
        problems.push(Problem::warning(origin, text));
    }
    let short = pattern[..bar].to_vec();
    pattern.remove(bar);
    vec![short, pattern]
}
