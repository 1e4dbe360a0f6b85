//! Which worker serves a URI. Pure.
//!
//! A map is the rules of one server in the order in which they are asked: more slashes first,
//! then longer patterns, then the source, then the place of definition. The first that matches
//! wins; an exclusion of its worker that matches as well makes the URI unmapped.
#![forbid(unsafe_code)]

mod clean;
pub mod forward;
mod pattern;
mod rule;

pub use clean::{CleanError, clean, is_unsafe, strip_session};
pub use rule::{Extensions, Rule, Source, split};

/// The rules of one server.
#[derive(Clone, Debug, Default)]
pub struct UriMap {
    rules: Vec<Rule>,
    exclusions: Vec<Rule>,
}

impl UriMap {
    /// Sorts rules into the order in which they are asked. Disabled rules take no part.
    pub fn build(rules: Vec<Rule>) -> Self {
        let enabled = rules.into_iter().filter(|rule| !rule.is_disabled);
        let (exclusions, mut rules): (Vec<_>, Vec<_>) = enabled.partition(|rule| rule.is_exclusion);
        rules.sort_by_key(|rule| {
            let slashes = rule.pattern.bytes().filter(|&byte| byte == b'/').count();
            (usize::MAX - slashes, usize::MAX - rule.pattern.len(), rule.source)
        });
        Self { rules, exclusions }
    }

    /// Tells whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns the rules in the order in which they are asked, exclusions last.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().chain(&self.exclusions)
    }

    /// Finds the rule for a cleaned URI, see [`clean()`]. The number names it in [`rule`](Self::rule).
    pub fn find(&self, uri: &[u8]) -> Option<usize> {
        let winner = self.rules.iter().position(|rule| rule.matches(uri))?;
        let worker = &self.rules[winner].worker;
        let is_excluded = self
            .exclusions
            .iter()
            .any(|rule| (rule.worker == "*" || rule.worker == *worker) && rule.matches(uri));
        (!is_excluded).then_some(winner)
    }

    /// Returns a rule found before.
    pub fn rule(&self, number: usize) -> Option<&Rule> {
        self.rules.get(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s5_order_and_exclusions() {
        type Case = (&'static [&'static str], &'static str, Option<&'static str>);
        let cases: &[Case] = &[
            (&["/=w1", "/*=w2"], "/", Some("w2")),
            (&["/a/b=w1", "/a/**=w2"], "/a/b", Some("w2")),
            (&["/foo/ba*=w2", "/foo/bar=w1"], "/foo/bar", Some("w2")),
            (&["/*.jsp=w1", "/a*=w2"], "/a.jsp", Some("w1")),
            (&["/*.jsp=w1", "/app/*=w2"], "/app/a.jsp", Some("w2")),
            (&["/*=w1", "!/a/*=w1"], "/a/b", None),
            (&["/a/b/c/d=w1", "!/a/*=w1"], "/a/b/c/d", None),
            (&["/*=w1", "/a/*=w2", "!/a/*=w2"], "/a/b", None),
            (&["/*=w1", "!/a/*=w2"], "/a/b", Some("w1")),
            (&["/*=w1", "!/a/*=*"], "/a/b", None),
            (&["/*=w1", "-/a/*=w2"], "/a/b", Some("w1")),
            (&["/a|/*=w1"], "/a/b", Some("w1")),
            (&["/a|/*=w1"], "/ab", None),
        ];
        for (rules, uri, expected) in cases {
            let rules = rules.iter().flat_map(|line| {
                let (pattern, worker) = line.split_once('=').expect("a test rule");
                split(pattern, worker, Source::MountFile, "test:1").expect("a valid rule").0
            });
            let map = UriMap::build(rules.collect());
            let found = map.find(uri.as_bytes()).and_then(|number| map.rule(number));
            assert_eq!(found.map(|rule| rule.worker.as_str()), *expected, "{uri}");
        }
    }
}
