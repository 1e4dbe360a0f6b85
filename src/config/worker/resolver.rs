//! What goes through all properties once.

use crate::config::error::Diagnostic;
use std::collections::HashMap;

use crate::config::properties::{Properties, Property};

/// The properties, and what was found wrong with them so far.
pub(super) struct Resolver<'p> {
    pub(super) properties: &'p Properties,
    pub(super) problems: Vec<Diagnostic>,
    /// How many names were compared with all others to find what was meant.
    pub(super) asked: usize,
    /// The first line in which a list has a word, made when a name is first looked for.
    pub(super) named: Option<HashMap<&'p str, &'p Property>>,
}
