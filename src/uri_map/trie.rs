//! A byte trie whose edges live in one hash table, so a step costs the same however many edges
//! there are.
//!
//! It grows with the bytes of the patterns, not with their number, and stepping needs neither a
//! search among siblings nor a pointer chase per node.

/// Number of a node. The root is 0.
pub type State = u32;

/// The node where every walk begins.
pub const ROOT: State = 0;

/// Edges of a trie: (state, byte) to state.
#[derive(Debug)]
pub struct Trie {
    /// Open addressing, linear probing. An entry holds state (28 bits), byte (8) and next (28);
    /// 0 is empty, as no edge leads to the root.
    table: Vec<u64>,
    shift: u32,
    edges: usize,
    states: u32,
}

impl Trie {
    /// Makes a trie that holds only the root.
    pub fn new() -> Self {
        Trie { table: vec![0; 1 << START_BITS], shift: 64 - START_BITS, edges: 0, states: 1 }
    }

    /// Returns the number of states, which are numbered from 0 without gaps.
    pub fn states(&self) -> usize {
        self.states as usize
    }

    /// Returns the state that `byte` leads to.
    #[inline]
    pub fn step(&self, from: State, byte: u8) -> Option<State> {
        let key = key(from, byte);
        let mut slot = self.slot(key);
        loop {
            let entry = self.table[slot];
            if entry >> NEXT_BITS == key && entry != 0 {
                return Some((entry & NEXT_MASK) as State);
            }
            if entry == 0 {
                return None;
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    /// Adds the missing states on the way along `bytes` and returns the last one.
    ///
    /// # Panics
    ///
    /// When more than 2^28 states are needed, that is, 256 MiB of distinct pattern bytes.
    pub fn insert(&mut self, bytes: impl Iterator<Item = u8>) -> State {
        let mut state = ROOT;
        for byte in bytes {
            state = match self.step(state, byte) {
                Some(next) => next,
                None => self.add(state, byte),
            };
        }
        state
    }

    fn add(&mut self, from: State, byte: u8) -> State {
        let next = self.states;
        assert!(u64::from(next) <= NEXT_MASK, "more pattern bytes than a map can hold");
        self.states += 1;
        self.edges += 1;
        // A quarter full at most: chains stay short, and a miss usually sees an empty slot at once.
        if self.edges * 4 > self.table.len() {
            let larger = vec![0; self.table.len() * 4];
            let old = std::mem::replace(&mut self.table, larger);
            self.shift -= 2;
            old.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.place(entry));
        }
        self.place(key(from, byte) << NEXT_BITS | u64::from(next));
        next
    }

    fn place(&mut self, entry: u64) {
        let mut slot = self.slot(entry >> NEXT_BITS);
        while self.table[slot] != 0 {
            slot = (slot + 1) & (self.table.len() - 1);
        }
        self.table[slot] = entry;
    }

    #[inline]
    fn slot(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }
}

#[inline]
fn key(from: State, byte: u8) -> u64 {
    u64::from(from) << 8 | u64::from(byte)
}

const START_BITS: u32 = 4;
const NEXT_BITS: u32 = 28;
const NEXT_MASK: u64 = (1 << NEXT_BITS) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_inserted_and_nothing_else() {
        let mut trie = Trie::new();
        let words: Vec<String> = (0..3000).map(|n| format!("/app{n}/\0")).collect();
        let ends: Vec<State> = words.iter().map(|w| trie.insert(w.bytes())).collect();
        let walk = |word: &str| word.bytes().try_fold(ROOT, |state, byte| trie.step(state, byte));
        for (word, end) in words.iter().zip(&ends) {
            assert_eq!(walk(word), Some(*end), "{word:?}");
        }
        assert_eq!(walk("/app3000"), None);
        assert_eq!(walk("\0"), None);
        assert!(ends.iter().all(|end| (*end as usize) < trie.states()));
    }
}
