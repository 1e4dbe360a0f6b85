//! A byte trie in which a step costs the same however many edges there are.
//!
//! Each state holds its first edge; the edges of all states that have several lie in one hash table.
//! So most steps are one comparison, and no step searches among siblings.

/// Number of a state. The root is 0.
pub type StateId = u32;

/// The state where every walk begins. No edge leads to it, so it stands for "nowhere" too.
pub const ROOT: StateId = 0;

/// States with a value each.
#[derive(Debug)]
pub struct Trie<T> {
    nodes: Vec<TrieNode<T>>,
    /// Edges but the first of their state. Open addressing, linear probing. An entry holds state
    /// (28 bits), byte (8) and next (28); 0 is empty, as no edge leads to the root.
    table: Vec<u64>,
    shift: u32,
    edges: usize,
}

#[derive(Debug)]
struct TrieNode<T> {
    value: T,
    /// Where the first edge leads; the root if there is none.
    first: StateId,
    byte: u8,
    /// Whether there are edges in the table.
    has_more: bool,
}

impl<T: Clone> Trie<T> {
    /// Makes a trie that holds only the root. A new state has the value `empty`.
    pub fn new(empty: T) -> Self {
        let root = TrieNode { value: empty, first: ROOT, byte: 0, has_more: false };
        Trie {
            nodes: vec![root],
            table: vec![0; 1 << START_BITS],
            shift: 64 - START_BITS,
            edges: 0,
        }
    }

    /// Returns the value of a state.
    #[inline]
    pub fn value(&self, state: StateId) -> &T {
        &self.nodes[state as usize].value
    }

    /// Returns the value of a state for changing it.
    pub fn value_mut(&mut self, state: StateId) -> &mut T {
        &mut self.nodes[state as usize].value
    }

    /// Returns the state that `byte` leads to.
    #[inline]
    pub fn step(&self, from: StateId, byte: u8) -> Option<StateId> {
        let node = &self.nodes[from as usize];
        if node.byte == byte && node.first != ROOT {
            return Some(node.first);
        }
        if node.has_more { self.look_up(from, byte) } else { None }
    }

    #[inline]
    fn look_up(&self, from: StateId, byte: u8) -> Option<StateId> {
        let key = key(from, byte);
        let mut slot = self.slot(key);
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                return None;
            }
            if entry >> NEXT_BITS == key {
                return Some((entry & NEXT_MASK) as StateId);
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    /// Returns the state that `byte` leads to, a new one with the value `empty` if there is none.
    ///
    /// # Panics
    ///
    /// As for [`Trie::new_state`].
    pub fn step_or_add(&mut self, from: StateId, byte: u8, empty: T) -> StateId {
        if let Some(next) = self.step(from, byte) {
            return next;
        }
        let next = self.new_state(empty);
        let node = &mut self.nodes[from as usize];
        if node.first == ROOT {
            (node.first, node.byte) = (next, byte);
            return next;
        }
        node.has_more = true;
        self.edges += 1;
        // A quarter full at most: chains stay short, and a miss usually sees an empty slot at once.
        if self.edges * 4 > self.table.len() {
            let larger = vec![0; self.table.len() * 2];
            let old = std::mem::replace(&mut self.table, larger);
            self.shift -= 1;
            old.into_iter().filter(|entry| *entry != 0).for_each(|entry| self.place(entry));
        }
        self.place(key(from, byte) << NEXT_BITS | u64::from(next));
        next
    }

    /// Makes a state that no byte leads to.
    ///
    /// # Panics
    ///
    /// When more than 2^28 states are needed, that is, 256 MiB of distinct pattern bytes.
    pub fn new_state(&mut self, empty: T) -> StateId {
        let state = self.nodes.len() as u64;
        assert!(state <= NEXT_MASK, "more pattern bytes than a map can hold");
        self.nodes.push(TrieNode { value: empty, first: ROOT, byte: 0, has_more: false });
        state as StateId
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
fn key(from: StateId, byte: u8) -> u64 {
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
        let mut trie = Trie::new(0);
        let words: Vec<String> = (0..3000).map(|n| format!("/app{n}/\0")).collect();
        for (n, word) in words.iter().enumerate() {
            let end = word.bytes().fold(ROOT, |state, byte| trie.step_or_add(state, byte, 0));
            *trie.value_mut(end) = n + 1;
        }
        let walk = |word: &str| word.bytes().try_fold(ROOT, |state, byte| trie.step(state, byte));
        for (n, word) in words.iter().enumerate() {
            assert_eq!(walk(word).map(|state| *trie.value(state)), Some(n + 1), "{word:?}");
        }
        assert_eq!(walk("/app3000"), None);
        assert_eq!(walk("\0"), None);
        assert_eq!(walk("/app\0"), None);
    }
}
