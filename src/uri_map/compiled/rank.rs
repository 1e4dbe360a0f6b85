//! The order of patterns.

/// Position of a pattern in the order of evaluation; the lowest that matches wins.
pub type Rank = u32;

/// No pattern at all.
pub const NONE: Rank = Rank::MAX;
