//! Which worker serves a URI. Pure.
//!
//! A [`UriMap`] is compiled once from the rules of one server and never changes; a reload makes
//! another one. [`mod@normalize`] makes the match URI, [`forward`] the URI the backend gets, [`local`]
//! holds the decisions about requests that no rule maps.
#![forbid(unsafe_code)]

pub mod ambiguity;
mod compiled;
pub mod diagnostics;
pub mod extensions;
pub mod forward;
pub mod local;
pub mod merge;
pub mod normalize;
pub mod pattern;
pub mod problem;
pub mod rule;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::sorting;
use crate::text;
use compiled::matcher::Matcher;
pub use compiled::prefilter::Prefilter;
use compiled::rank::Rank;
pub use extensions::Extensions;
pub use forward::{ForwardUri, forward_uri};
pub use normalize::{NormalizeError, NormalizedPath, normalize};
use problem::printable;
pub use problem::{Origin, Problem, RuleSeverity};
pub use rule::{Rule, RuleSource};

/// The compiled rules of one server.
#[derive(Debug)]
pub struct UriMap {
    /// Enabled rules that map, in the order of evaluation; the rank is the index.
    ranked: Vec<Arc<Rule>>,
    /// For each rank, which of `exclusions` may take its mapping away.
    exclusion_of: Vec<Option<u32>>,
    matcher: Matcher,
    /// One set for each worker that has exclusions.
    exclusions: Vec<Exclusions>,
    /// Exclusions for `*`.
    for_all: Option<Exclusions>,
    disabled: Vec<Arc<Rule>>,
    /// Some pattern spells an encoded slash, whose case must then not matter.
    has_encoded_slash: bool,
}

impl UriMap {
    /// Compiles `rules`, which come in the order of their definition.
    ///
    /// The problems are patterns that can never match and disabled rules that hide nothing.
    pub fn build(rules: Vec<Arc<Rule>>) -> (UriMap, Vec<Problem>) {
        let problems = diagnostics::check_patterns(&rules);
        let has_encoded_slash = rules.iter().any(|rule| {
            memchr::memmem::find(&rule.pattern, b"%2F").is_some()
                || memchr::memmem::find(&rule.pattern, b"%2f").is_some()
        });
        let (disabled, enabled): (Vec<_>, Vec<_>) = rules.into_iter().partition(|r| r.is_disabled);
        let (excluding, mut ranked): (Vec<_>, Vec<_>) =
            enabled.into_iter().partition(|rule| rule.is_exclusion);
        // The sort is stable, which keeps the order of definition among equals.
        sorting::by_cached_key(&mut ranked, |rule| rule.sort_key());

        let mut by_worker: HashMap<Box<str>, u32> = HashMap::new();
        let mut sets: Vec<Vec<Arc<Rule>>> = Vec::new();
        let mut for_all = Vec::new();
        for rule in excluding {
            if &*rule.worker == "*" {
                for_all.push(rule);
                continue;
            }
            let set = *by_worker.entry(rule.worker.clone()).or_insert_with(|| {
                sets.push(Vec::new());
                sets.len() as u32 - 1
            });
            sets[set as usize].push(rule);
        }
        let exclusion_of = ranked.iter().map(|rule| by_worker.get(&rule.worker).copied()).collect();
        let map = UriMap {
            matcher: compile(&ranked),
            exclusion_of,
            ranked,
            exclusions: sets.into_iter().map(Exclusions::new).collect(),
            for_all: (!for_all.is_empty()).then(|| Exclusions::new(for_all)),
            disabled,
            has_encoded_slash,
        };
        (map, problems)
    }

    /// Returns the rule that maps the match URI, or `None`.
    ///
    /// The first matching rule in the order of evaluation wins; if an exclusion for its worker
    /// matches too, the URI is not mapped at all. Does not allocate, unless a pattern spells an
    /// encoded slash and the URI does as well.
    pub fn find(&self, match_uri: &[u8]) -> Option<&Arc<Rule>> {
        let (rule, is_excluded) = self.winner(match_uri)?;
        (!is_excluded).then_some(rule)
    }

    /// Returns the first rule that matches, and whether an exclusion takes its mapping away.
    fn winner(&self, match_uri: &[u8]) -> Option<(&Arc<Rule>, bool)> {
        let uri = self.fold(match_uri);
        let rank = self.matcher.find(&uri)? as usize;
        Some((&self.ranked[rank], self.excluded_by(rank, &uri).is_some()))
    }

    /// Tells whether an exclusion keeps `uri` from the worker that another URI is mapped to.
    pub fn keeps_from_worker_of(&self, mapped: &[u8], uri: &[u8]) -> bool {
        let (mapped, uri) = (self.fold(mapped), self.fold(uri));
        let rank = self.matcher.find(&mapped);
        rank.is_some_and(|rank| self.excluded_by(rank as usize, &uri).is_some())
    }

    /// Returns what keeps URIs out that no rule maps.
    pub fn prefilter(&self) -> Prefilter {
        let prefilter = Prefilter::of(self.ranked.iter().map(|rule| &**rule));
        if self.has_encoded_slash {
            // A lookup changes such a URI first, perhaps its last byte.
            prefilter.open();
        }
        prefilter
    }

    /// Says whether the map has no rule that could map anything.
    pub fn is_empty(&self) -> bool {
        self.ranked.is_empty()
    }

    /// Returns all rules: those that map in the order of evaluation, exclusions, disabled ones.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        let sets = self.exclusions.iter().chain(&self.for_all);
        self.ranked.iter().chain(sets.flat_map(|set| &set.rules)).chain(&self.disabled)
    }

    /// Tells how the map decides about `path`, a decoded path that need not be clean.
    pub fn explain(&self, path: &[u8]) -> Explanation<'_> {
        let mut out = Vec::new();
        let normalized = normalize(path, &mut out).map(|normalized| normalized.path.to_vec());
        let mut explanation = Explanation {
            normalized,
            winner: None,
            exclusions_considered: Vec::new(),
            excluded_by: None,
            disabled: Vec::new(),
        };
        let Ok(uri) = &explanation.normalized else { return explanation };
        let uri = self.fold(uri).into_owned();
        let matches = |rule: &Rule| pattern::matches(&self.fold(&rule.pattern), &uri);
        explanation.disabled = self.disabled.iter().filter(|rule| matches(rule)).collect();
        if let Some(rank) = self.matcher.find(&uri) {
            let sets = self.sets_of(rank as usize);
            explanation.winner = Some(&self.ranked[rank as usize]);
            explanation.exclusions_considered = sets.flat_map(|set| &set.rules).collect();
            explanation.excluded_by = self.excluded_by(rank as usize, &uri);
        }
        explanation
    }

    fn excluded_by(&self, rank: usize, uri: &[u8]) -> Option<&Arc<Rule>> {
        self.sets_of(rank).find_map(|set| Some(&set.rules[set.matcher.find(uri)? as usize]))
    }

    fn sets_of(&self, rank: usize) -> impl Iterator<Item = &Exclusions> {
        let own = self.exclusion_of[rank].map(|set| &self.exclusions[set as usize]);
        own.into_iter().chain(&self.for_all)
    }

    /// Returns the rules that map, in the order of evaluation.
    pub fn ranked(&self) -> &[Arc<Rule>] {
        &self.ranked
    }

    /// Writes encoded slashes in one way, where a rule has one.
    pub fn fold<'u>(&self, uri: &'u [u8]) -> Cow<'u, [u8]> {
        if self.has_encoded_slash { fold_encoded_slashes(uri) } else { Cow::Borrowed(uri) }
    }
}

/// Patterns in an order of their own, compiled.
#[derive(Debug)]
pub struct Patterns {
    matcher: Matcher,
}

impl Patterns {
    /// Compiles patterns, each with its place; places come in their order.
    pub fn new<'a>(patterns: impl Iterator<Item = (usize, &'a [u8])>) -> Self {
        Self { matcher: Matcher::new(patterns.map(|(place, own)| (place as Rank, own))) }
    }

    /// Returns the place of the first pattern that matches a text.
    pub fn first_match(&self, text: &[u8]) -> Option<usize> {
        self.matcher.find(text).map(|place| place as usize)
    }
}

/// Why a URI goes where it goes; for `jkctl`, the status page and debug lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Explanation<'m> {
    /// The match URI, or why there is none.
    pub normalized: Result<Vec<u8>, NormalizeError>,
    /// First matching rule, even if an exclusion then took the mapping away.
    pub winner: Option<&'m Arc<Rule>>,
    /// All exclusions for the winner's worker.
    pub exclusions_considered: Vec<&'m Arc<Rule>>,
    /// The one that matched.
    pub excluded_by: Option<&'m Arc<Rule>>,
    /// Disabled rules that would match.
    pub disabled: Vec<&'m Arc<Rule>>,
}

impl Explanation<'_> {
    /// Returns the worker the URI is mapped to.
    pub fn worker(&self) -> Option<&str> {
        match (self.winner, self.excluded_by) {
            (Some(rule), None) => Some(&rule.worker),
            _ => None,
        }
    }
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.normalized {
            Err(error) => return write!(f, "not mapped: {error}"),
            Ok(uri) => write!(f, "{}: ", printable(uri))?,
        }
        match (self.winner, self.excluded_by) {
            (None, _) => write!(f, "not mapped, no rule matches"),
            (Some(rule), Some(exclusion)) => {
                write!(f, "not mapped, rule {rule} matches but {exclusion} excludes it")
            }
            (Some(rule), None) => write!(
                f,
                "worker {} by rule {rule}, {} exclusions considered",
                printable(&text::raw(&rule.worker)),
                self.exclusions_considered.len()
            ),
        }
    }
}

/// Exclusions that apply together, in the order of their definition.
#[derive(Debug)]
struct Exclusions {
    rules: Vec<Arc<Rule>>,
    matcher: Matcher,
}

impl Exclusions {
    fn new(rules: Vec<Arc<Rule>>) -> Self {
        Exclusions { matcher: compile(&rules), rules }
    }
}

fn compile(rules: &[Arc<Rule>]) -> Matcher {
    let patterns: Vec<_> = rules.iter().map(|rule| fold_encoded_slashes(&rule.pattern)).collect();
    Matcher::new(patterns.iter().enumerate().map(|(rank, p)| (rank as Rank, &**p)))
}

/// Spells each `%2F` as `%2f`. With `AllowEncodedSlashes NoDecode` both reach the map as text.
fn fold_encoded_slashes(uri: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memmem::find(uri, b"%2F") else { return Cow::Borrowed(uri) };
    let mut folded = uri.to_vec();
    for at in memchr::memmem::find_iter(&uri[first..], b"%2F") {
        folded[first + at + 2] = b'f';
    }
    Cow::Owned(folded)
}
