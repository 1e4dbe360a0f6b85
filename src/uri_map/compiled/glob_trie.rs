//! Patterns with wildcards in one trie, in which `*` and `?` are edges like any byte.
//!
//! A lookup walks the trie along the URI, and from the first wildcard on it follows all ways at once
//! that are still open. There are as many of them as different beginnings of patterns fit the URI so
//! far, so patterns that differ in a literal cost nothing but the step that tells them apart. Ways
//! that lead to later patterns only than the best so far are left.

use crate::uri_map::compiled::rank::{NONE, Rank};
use crate::uri_map::compiled::trie::{ROOT, StateId, Trie};
use crate::uri_map::pattern;

/// The compiled patterns.
#[derive(Debug)]
pub struct GlobTrie {
    trie: Trie<GlobNode>,
    /// Patterns with a wildcard before their end, for lookups that have too many ways.
    globs: Vec<(Rank, Box<[u8]>)>,
}

/// What is known of one state.
#[derive(Clone, Copy, Debug)]
struct GlobNode {
    /// The lowest rank this state leads to.
    least: Rank,
    /// Rank of the pattern that ends here in a star.
    prefix: Rank,
    /// Rank of the pattern that ends here.
    whole: Rank,
    /// Where `*` leads to; the root if nowhere, as for `any`.
    star: StateId,
    /// Where `?` leads to.
    any: StateId,
    /// Which bytes lead on: a bit for each value of their lower five bits, as a first sieve.
    takes: u32,
}

impl GlobTrie {
    /// Makes one without patterns.
    pub fn new() -> Self {
        GlobTrie { trie: Trie::new(GlobNode::EMPTY), globs: Vec::new() }
    }

    /// Adds a pattern with a wildcard. Ranks come in their order.
    pub fn add(&mut self, rank: Rank, pattern: &[u8]) {
        let stars = pattern.iter().rev().take_while(|byte| **byte == b'*').count();
        let (stem, stars) = pattern.split_at(pattern.len() - stars);
        if pattern::is_wildcard(stem) {
            self.globs.push((rank, pattern.into()));
        }
        let mut state = ROOT;
        let mut before = b'/';
        for byte in stem {
            self.trie.value_mut(state).lead_to(rank);
            // Adjacent stars are one.
            if (before, *byte) != (b'*', b'*') {
                state = self.step_or_add(state, *byte);
            }
            before = *byte;
        }
        let node = self.trie.value_mut(state);
        node.lead_to(rank);
        let end = if stars.is_empty() { &mut node.whole } else { &mut node.prefix };
        *end = (*end).min(rank);
    }

    fn step_or_add(&mut self, from: StateId, byte: u8) -> StateId {
        let node = self.trie.value_mut(from);
        let known = match byte {
            b'*' => node.star,
            b'?' => {
                node.takes = u32::MAX;
                node.any
            }
            _ => {
                node.takes |= byte_mask(byte);
                return self.trie.step_or_add(from, byte, GlobNode::EMPTY);
            }
        };
        if known != ROOT {
            return known;
        }
        let made = self.trie.new_state(GlobNode::EMPTY);
        match byte {
            b'*' => self.trie.value_mut(from).star = made,
            _ => self.trie.value_mut(from).any = made,
        }
        made
    }

    /// Returns the lowest rank below `best` whose pattern matches `uri`, else `best`.
    #[inline]
    pub fn find(&self, uri: &[u8], mut best: Rank) -> Rank {
        let mut state = ROOT;
        for (at, byte) in uri.iter().enumerate() {
            let node = self.trie.value(state);
            if node.least >= best {
                return best;
            }
            best = best.min(node.prefix);
            if node.star | node.any != ROOT {
                let mut ways = Ways::new(&self.trie, best);
                return match ways.follow(state, &uri[at..]) {
                    Some(()) => ways.best,
                    None => self.scan(uri, best),
                };
            }
            match self.trie.step(state, *byte) {
                Some(next) => state = next,
                None => return best,
            }
        }
        best.min(self.trie.value(state).prefix)
    }

    /// Does without the trie what it can only do in part: follows the literal bytes, for patterns
    /// that end in their only star, and then tries the other patterns one by one.
    #[cold]
    fn scan(&self, uri: &[u8], mut best: Rank) -> Rank {
        let mut state = ROOT;
        for byte in uri {
            best = best.min(self.trie.value(state).prefix);
            match self.trie.step(state, *byte) {
                Some(next) => state = next,
                None => break,
            }
        }
        best = best.min(self.trie.value(state).prefix);
        let earlier = self.globs.iter().take_while(|(rank, _)| *rank < best);
        let mut found = earlier.filter(|(_, pattern)| pattern::matches(pattern, uri));
        found.next().map_or(best, |(rank, _)| *rank)
    }
}

impl GlobNode {
    const EMPTY: GlobNode =
        GlobNode { least: NONE, prefix: NONE, whole: NONE, star: ROOT, any: ROOT, takes: 0 };

    fn lead_to(&mut self, rank: Rank) {
        self.least = self.least.min(rank);
    }
}

/// The ways that are open at one place of the URI.
struct Ways<'t> {
    trie: &'t Trie<GlobNode>,
    best: Rank,
    /// States reached with the bytes so far and, in turn, with one more. A state is reached in one
    /// way only, by its one edge.
    places: [Few<PLACES>; 2],
    /// Behind a star, which takes any byte and stays.
    stars: Few<STARS>,
    /// What leads on from any of the stars.
    wanted: u32,
}

impl<'t> Ways<'t> {
    fn new(trie: &'t Trie<GlobNode>, best: Rank) -> Self {
        Ways { trie, best, places: [Few::new(), Few::new()], stars: Few::new(), wanted: 0 }
    }

    /// Takes all of `rest`. `None` if there are too many ways.
    fn follow(&mut self, from: StateId, rest: &[u8]) -> Option<()> {
        let mut here = 0;
        self.enter(from, here)?;
        for byte in rest {
            // Most bytes only go by the stars.
            // check: end-of-a-rule-before-its-stars
            if self.places[here].len == 0 && self.wanted & byte_mask(*byte) == 0 {
                if self.wanted == 0 {
                    return Some(());
                }
                continue;
            }
            let next = 1 - here;
            // Stars that are reached with this byte do not take it.
            let active = self.stars.len;
            for n in 0..active {
                self.step(self.stars.items[n], *byte, next)?;
            }
            for n in 0..self.places[here].len {
                self.step(self.places[here].items[n], *byte, next)?;
            }
            self.places[here].len = 0;
            here = next;
        }
        for state in &self.places[here].items[..self.places[here].len] {
            self.best = self.best.min(self.trie.value(*state).whole);
        }
        Some(())
    }

    #[inline(always)]
    fn step(&mut self, from: StateId, byte: u8, next: usize) -> Option<()> {
        let node = self.trie.value(from);
        if node.least >= self.best || node.takes & byte_mask(byte) == 0 {
            return Some(());
        }
        if let Some(to) = self.trie.step(from, byte) {
            self.enter(to, next)?;
        }
        match node.any {
            ROOT => Some(()),
            to => self.enter(to, next),
        }
    }

    /// Adds a state to those of the next place.
    #[inline(always)]
    fn enter(&mut self, state: StateId, next: usize) -> Option<()> {
        let node = self.trie.value(state);
        if node.least >= self.best {
            return Some(());
        }
        self.best = self.best.min(node.prefix);
        if node.star != ROOT && !self.stars.items[..self.stars.len].contains(&node.star) {
            self.stars.push(node.star)?;
            self.wanted |= self.trie.value(node.star).takes;
        }
        self.places[next].push(state)
    }
}

#[inline]
fn byte_mask(byte: u8) -> u32 {
    1 << (byte & 31)
}

/// A list on the stack.
struct Few<const MOST: usize> {
    items: [StateId; MOST],
    len: usize,
}

impl<const MOST: usize> Few<MOST> {
    fn new() -> Self {
        Few { items: [ROOT; MOST], len: 0 }
    }

    /// Appends; `None` if there is no room.
    #[inline]
    fn push(&mut self, state: StateId) -> Option<()> {
        *self.items.get_mut(self.len)? = state;
        self.len += 1;
        Some(())
    }
}

/// Ways at one place: the rules of a server seldom leave more than three.
const PLACES: usize = 32;
const STARS: usize = 16;
