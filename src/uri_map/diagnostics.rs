//! Findings about rules that are valid but will not do what their writer meant.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::text;
use crate::uri_map::pattern;
use crate::uri_map::problem::{Problem, printable};
use crate::uri_map::rule::Rule;

/// What a rule's worker is, as far as rules are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleTarget<'a> {
    /// A balancer.
    Balancer {
        /// Its members.
        members: &'a [String],
        /// The cookie with the session id.
        cookie: &'a str,
        /// Whether it sets that cookie itself.
        sets_cookie: bool,
    },
    /// A worker that talks to one backend.
    Backend,
    /// A status worker.
    Status,
}

/// Reports patterns that can never match and disabled rules that hide nothing.
pub fn check_patterns(rules: &[Arc<Rule>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let active: HashSet<(&[u8], bool)> = rules
        .iter()
        .filter(|rule| !rule.is_disabled)
        .map(|rule| (&*rule.pattern, rule.is_exclusion))
        .collect();
    for rule in rules {
        if let Some(why) = never_matches(&rule.pattern) {
            let text = format!("pattern \"{}\" can never match: {why}", printable(&rule.pattern));
            problems.push(Problem::warning(&rule.origin, text));
        }
        if rule.is_disabled && active.contains(&(&*rule.pattern, rule.is_exclusion)) {
            let text = format!(
                "disabled rule \"{}\" does not disable the equal rule that is defined elsewhere",
                printable(&rule.pattern)
            );
            problems.push(Problem::warning(&rule.origin, text));
        }
    }
    problems
}

/// Reports workers and members that do not exist, and extensions that mean nothing to a worker.
///
/// `names` are the workers that can be addressed (`worker.list`); `target` describes one of them.
pub fn check_workers<'a>(
    rules: &[Arc<Rule>],
    names: &[&str],
    target: impl Fn(&str) -> Option<RuleTarget<'a>>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut hints: HashMap<&str, Hint> = HashMap::new();
    for rule in rules {
        if rule.is_exclusion && &*rule.worker == "*" {
            continue;
        }
        let mut warn = |text: String| problems.push(Problem::warning(&rule.origin, text));
        let pattern = printable(&rule.pattern);
        match target(&rule.worker) {
            // check: unknown-worker-in-a-rule
            None => {
                let may_ask = hints.len() < MOST_HINTS;
                let hint = match hints.entry(&rule.worker) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) if may_ask => new.insert(Hint::new(&rule.worker, names)),
                    Entry::Vacant(_) => &Hint::default(),
                };
                let worker = printable(&text::raw(&rule.worker));
                let text = format!(
                    "rule \"{pattern}\": worker \"{worker}\" is not in worker.list{}",
                    hint.text
                );
                let own = (&*rule.pattern, &*rule.worker);
                problems.push(match !hint.is_near && OF_DEBIAN.contains(&own) {
                    true => Problem::hint(&rule.origin, text),
                    false => Problem::failing(&rule.origin, text),
                });
            }
            Some(RuleTarget::Balancer { members, cookie, sets_cookie }) => {
                let own = &rule.extensions;
                let is_changed = own.set_session_cookie || own.session_cookie.is_some();
                let sets_cookie = sets_cookie || own.set_session_cookie;
                let cookie = own.session_cookie.as_deref().unwrap_or(cookie);
                // check: the-backend-s-own-cookie-by-a-rule
                if is_changed && sets_cookie && cookie == "JSESSIONID" && !rule.is_exclusion {
                    warn(format!(
                        "rule \"{pattern}\": set_session_cookie would replace JSESSIONID, the backend's own cookie, expected another name in session_cookie"
                    ));
                }
                // check: rule-extension-with-an-unknown-member
                for name in rule.extensions.members().filter(|n| !members.iter().any(|m| m == n)) {
                    let worker = &rule.worker;
                    warn(format!(
                        "rule \"{pattern}\": balancer \"{worker}\" has no member \"{name}\""
                    ));
                }
            }
            Some(kind) => {
                // check: rule-extension-for-balancers
                if let Some(name) = rule.extensions.for_balancers_only() {
                    let worker = &rule.worker;
                    warn(format!(
                        "rule \"{pattern}\": extension \"{name}\" is ignored, \
                         worker \"{worker}\" is not a balancer"
                    ));
                }
                // `/jkstatus*` also takes names that no Location for `/jkstatus` protects.
                // check: status-worker-behind-a-wildcard
                if kind == RuleTarget::Status && has_open_end(&rule.pattern) && !rule.is_exclusion {
                    warn(format!(
                        "rule \"{pattern}\": a status worker behind a trailing wildcard answers \
                         to names that access rules for the path may not cover"
                    ));
                }
            }
        }
    }
    problems
}

/// Names that are compared with all others to find what was meant. A file with more slips was made by a
/// program that went wrong as a whole, and thousands of slips among thousands of workers take minutes.
pub const MOST_HINTS: usize = 100;

/// Workers that a message names to choose from.
const MOST_NAMES: usize = 20;

/// What is said of a worker that does not exist.
#[derive(Debug, Default)]
struct Hint {
    text: String,
    is_near: bool,
}

impl Hint {
    fn new(wrong: &str, names: &[&str]) -> Self {
        if let Some(name) = nearest(wrong, names) {
            return Self { text: format!(", did you mean \"{name}\""), is_near: true };
        }
        let (shown, more) = names.split_at(names.len().min(MOST_NAMES));
        let shown = printable(&text::raw(&shown.join(", ")));
        let more = match more.len() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        Self { text: format!(", expected one of {shown}{more}"), is_near: false }
    }
}

/// Rules of Debian's jk.conf for which its workers.properties has no worker: an untouched
/// installation is no reason for a warning at each start.
const OF_DEBIAN: &[(&[u8], &str)] = &[(b"/jk-status", "jk-status"), (b"/jk-manager", "jk-manager")];

fn never_matches(pattern: &[u8]) -> Option<&'static str> {
    let has = |needle: &[u8]| memchr::memmem::find(pattern, needle).is_some();
    // check: pattern-with-a-path-parameter
    if memchr::memchr(b';', pattern).is_some() {
        return Some("path parameters are removed before rules are compared");
    }
    if has(b"//") {
        return Some("runs of slashes are reduced to one before rules are compared");
    }
    if has(b"/./") || has(b"/../") || pattern.ends_with(b"/.") || pattern.ends_with(b"/..") {
        return Some("dot segments are resolved before rules are compared");
    }
    let is_escape = |w: &[u8]| w[0] == b'%' && w[1].is_ascii_hexdigit() && w[2].is_ascii_hexdigit();
    let is_slash = |w: &[u8]| w.eq_ignore_ascii_case(b"%2f");
    // An encoded slash may stay encoded: AllowEncodedSlashes NoDecode.
    match pattern.windows(3).any(|w| is_escape(w) && !is_slash(w)) {
        // check: pattern-with-an-escape
        true => Some("rules are compared with the decoded path, write the character itself"),
        false => None,
    }
}

fn has_open_end(pattern: &[u8]) -> bool {
    pattern::is_wildcard(&pattern[pattern.len().saturating_sub(1)..]) && !pattern.ends_with(b"/*")
}

/// Returns the name with the smallest edit distance, if it is a plausible slip.
pub fn nearest<'n>(wrong: &str, names: &[&'n str]) -> Option<&'n str> {
    let distances = names.iter().map(|name| (distance(wrong.as_bytes(), name.as_bytes()), *name));
    let (steps, name) = distances.min_by_key(|(steps, _)| *steps)?;
    (steps <= 1 + wrong.len() / 4).then_some(name)
}

fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let cost = usize::from(!x.eq_ignore_ascii_case(y));
            let best = (diagonal + cost).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}
