//! A set of patterns compiled so that a lookup does not depend on their number.
//!
//! Exact patterns lie in a hash table, `prefix*` in a trie, `/*suffix` in a reversed trie. Any
//! other pattern hangs at the trie node of its literal prefix, so it is tried only on URIs that
//! begin with that prefix. Patterns are given in order; the first one that matches is the answer.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::pattern::{self, Glob};
use super::trie::{ROOT, State, Trie};

/// Position of a pattern in the order of evaluation; the lowest that matches wins.
pub type Rank = u32;

/// The compiled set.
#[derive(Debug)]
pub struct Matcher {
    exact: HashMap<Box<[u8]>, Rank, BuildHasherDefault<FastHasher>>,
    prefixes: Trie,
    nodes: Vec<Node>,
    globs: Vec<(Rank, Glob)>,
    suffixes: Trie,
    suffix_ranks: Vec<Rank>,
    /// Lowest rank among suffix patterns.
    best_suffix: Rank,
}

impl Matcher {
    /// Compiles `patterns`, which come in the order of their rank.
    pub fn new<'a>(patterns: impl Iterator<Item = (Rank, &'a [u8])>) -> Self {
        let mut exact = HashMap::default();
        let mut prefixes = Trie::new();
        let mut suffixes = Trie::new();
        let mut prefix_ends: Vec<(State, Rank)> = Vec::new();
        let mut suffix_ends: Vec<(State, Rank)> = Vec::new();
        let mut glob_ends: Vec<(State, Rank, Glob)> = Vec::new();
        for (rank, pattern) in patterns {
            let prefix = pattern::literal_prefix(pattern);
            let rest = &pattern[prefix.len()..];
            if rest.is_empty() {
                exact.entry(pattern.into()).or_insert(rank);
            } else if rest.iter().all(|b| *b == b'*') {
                prefix_ends.push((prefixes.insert(prefix.iter().copied()), rank));
            } else if let Some(suffix) = slash_star_suffix(pattern) {
                suffix_ends.push((suffixes.insert(suffix.iter().rev().copied()), rank));
            } else {
                let state = prefixes.insert(prefix.iter().copied());
                glob_ends.push((state, rank, Glob::new(rest)));
            }
        }

        let mut nodes = vec![Node::EMPTY; prefixes.states()];
        for (state, rank) in prefix_ends {
            let node = &mut nodes[state as usize];
            node.prefix = node.prefix.min(rank);
        }
        glob_ends.sort_by_key(|(state, rank, _)| (*state, *rank));
        let mut globs = Vec::with_capacity(glob_ends.len());
        for (state, rank, glob) in glob_ends {
            let node = &mut nodes[state as usize];
            if node.globs_start == node.globs_end {
                node.globs_start = globs.len() as u32;
            }
            globs.push((rank, glob));
            node.globs_end = globs.len() as u32;
        }
        let mut suffix_ranks = vec![NONE; suffixes.states()];
        for (state, rank) in suffix_ends {
            let slot = &mut suffix_ranks[state as usize];
            *slot = (*slot).min(rank);
        }
        let best_suffix = suffix_ranks.iter().copied().min().unwrap_or(NONE);
        Matcher { exact, prefixes, nodes, globs, suffixes, suffix_ranks, best_suffix }
    }

    /// Returns the lowest rank whose pattern matches `uri`. Does not allocate.
    pub fn find(&self, uri: &[u8]) -> Option<Rank> {
        let mut best = NONE;
        if !self.exact.is_empty()
            && let Some(rank) = self.exact.get(uri)
        {
            best = *rank;
        }
        best = self.find_by_prefix(uri, best);
        if self.best_suffix < best {
            best = self.find_by_suffix(uri, best);
        }
        (best != NONE).then_some(best)
    }

    #[inline]
    fn find_by_prefix(&self, uri: &[u8], mut best: Rank) -> Rank {
        let mut state = ROOT;
        for (at, byte) in uri.iter().enumerate() {
            best = self.nodes[state as usize].find(&self.globs, &uri[at..], best);
            match self.prefixes.step(state, *byte) {
                Some(next) => state = next,
                None => return best,
            }
        }
        self.nodes[state as usize].find(&self.globs, b"", best)
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
            best = best.min(self.suffix_ranks[state as usize]);
        }
        best
    }
}

/// What hangs at one state of the prefix trie.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// Rank of the pattern that is this prefix and a star.
    prefix: Rank,
    globs_start: u32,
    globs_end: u32,
}

impl Node {
    const EMPTY: Node = Node { prefix: NONE, globs_start: 0, globs_end: 0 };

    #[inline]
    fn find(&self, globs: &[(Rank, Glob)], rest: &[u8], mut best: Rank) -> Rank {
        best = best.min(self.prefix);
        if self.globs_start != self.globs_end {
            for (rank, glob) in &globs[self.globs_start as usize..self.globs_end as usize] {
                // They are sorted, so neither this one nor a later one could win.
                if *rank >= best {
                    break;
                }
                if glob.matches(rest) {
                    return *rank;
                }
            }
        }
        best
    }
}

/// Returns the suffix of a pattern of the form `/*suffix`.
fn slash_star_suffix(pattern: &[u8]) -> Option<&[u8]> {
    let suffix = pattern.strip_prefix(b"/*")?;
    (!pattern::is_wildcard(suffix)).then_some(suffix)
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
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }

    #[inline]
    fn write_usize(&mut self, length: usize) {
        self.write_u64(length as u64);
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 29
    }
}

const NONE: Rank = Rank::MAX;

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
