//! The rules of a server as a structure that finds the winner in one walk over the path.

pub(super) mod glob_trie;
pub(super) mod matcher;
pub(super) mod prefilter;
pub(super) mod rank;
pub(super) mod trie;
