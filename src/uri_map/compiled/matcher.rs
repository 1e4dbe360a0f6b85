//! A set of patterns compiled so that a lookup does not depend on their number.
//!
//! Exact patterns lie in a hash table, `/*suffix` in a reversed trie, all others in a trie with
//! wildcards. Patterns are given in order; the first one that matches is the answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::uri_map::compiled::glob_trie::GlobTrie;
use crate::uri_map::compiled::rank::{NONE, Rank};
use crate::uri_map::compiled::trie::{ROOT, Trie};
use crate::uri_map::pattern;

/// The compiled set.
#[derive(Debug)]
pub struct Matcher {
    exact: HashMap<Box<[u8]>, Rank, BuildHasherDefault<FastHasher>>,
    globs: GlobTrie,
    suffixes: Trie<Rank>,
    /// Lowest rank among suffix patterns.
    best_suffix: Rank,
}

impl Matcher {
    /// Compiles `patterns`, which come in the order of their rank.
    pub fn new<'a>(patterns: impl Iterator<Item = (Rank, &'a [u8])>) -> Self {
        let mut matcher = Matcher {
            exact: HashMap::default(),
            globs: GlobTrie::new(),
            suffixes: Trie::new(NONE),
            best_suffix: NONE,
        };
        for (rank, pattern) in patterns {
            if !pattern::is_wildcard(pattern) {
                matcher.exact.entry(pattern.into()).or_insert(rank);
            } else if let Some(suffix) = slash_star_suffix(pattern) {
                matcher.add_suffix(rank, suffix);
            } else {
                matcher.globs.add(rank, pattern);
            }
        }
        matcher
    }

    fn add_suffix(&mut self, rank: Rank, suffix: &[u8]) {
        let bytes = suffix.iter().rev();
        let state = bytes.fold(ROOT, |state, byte| self.suffixes.step_or_add(state, *byte, NONE));
        let slot = self.suffixes.value_mut(state);
        *slot = (*slot).min(rank);
        self.best_suffix = self.best_suffix.min(rank);
    }

    /// Returns the lowest rank whose pattern matches `uri`. Does not allocate.
    pub fn find(&self, uri: &[u8]) -> Option<Rank> {
        let mut best = NONE;
        if !self.exact.is_empty()
            && let Some(rank) = self.exact.get(uri)
        {
            best = *rank;
        }
        best = self.globs.find(uri, best);
        if self.best_suffix < best {
            best = self.find_by_suffix(uri, best);
        }
        (best != NONE).then_some(best)
    }

    #[inline]
    fn find_by_suffix(&self, uri: &[u8], mut best: Rank) -> Rank {
        // The slash of `/*suffix` is not part of the suffix.
        let [b'/', path @ ..] = uri else { return best };
        let mut state = ROOT;
        for byte in path.iter().rev() {
            match self.suffixes.step(state, *byte) {
                Some(next) => state = next,
                None => break,
            }
            best = best.min(*self.suffixes.value(state));
        }
        best
    }
}

/// Returns the suffix of a pattern of the form `/*suffix`.
fn slash_star_suffix(pattern: &[u8]) -> Option<&[u8]> {
    let suffix = pattern.strip_prefix(b"/*")?;
    (!suffix.is_empty() && !pattern::is_wildcard(suffix)).then_some(suffix)
}

/// Multiplies eight bytes at a time.
///
/// It needs no secret seed: the keys come from the configuration, a client only looks them up.
#[derive(Debug, Default)]
pub struct FastHasher(u64);

impl Hasher for FastHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.write_u64(u64::from_le_bytes(last));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        // The upper half of the product has what the last bytes of a word change.
        let product = u128::from(self.0 ^ word) * u128::from(MULTIPLIER);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    #[inline]
    fn write_usize(&mut self, length: usize) {
        self.write_u64(length as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// An odd number without a pattern: the golden ratio's.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_pattern_that_matches_is_found() {
        let patterns: &[&[u8]] =
            &[b"/app/*.do", b"/app/x", b"/app/*", b"/?/z", b"/*.jsp", b"/a/**", b"/*"];
        let ranked = patterns.iter().enumerate().map(|(n, p)| (n as Rank, *p));
        let matcher = Matcher::new(ranked);
        let cases: &[(&str, &[u8], Option<Rank>)] = &[
            ("glob before prefix", b"/app/a.do", Some(0)),
            ("exact", b"/app/x", Some(1)),
            ("prefix", b"/app/", Some(2)),
            ("prefix before suffix", b"/app/a.jsp", Some(2)),
            ("any byte", b"/q/z", Some(3)),
            ("suffix", b"/q.jsp", Some(4)),
            ("whole suffix", b"/.jsp", Some(4)),
            ("double star", b"/a/", Some(5)),
            ("catch-all", b"/", Some(6)),
            ("nothing", b"x", None),
            ("empty", b"", None),
        ];
        for (name, uri, expected) in cases {
            assert_eq!(matcher.find(uri), *expected, "case: {name}");
        }
    }
}
