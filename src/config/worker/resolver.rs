//! What goes through all properties once.

use crate::config::error::Diagnostic;
use crate::config::properties::Properties;

/// The properties, and what was found wrong with them so far.
pub(super) struct Resolver<'p> {
    pub(super) properties: &'p Properties,
    pub(super) problems: Vec<Diagnostic>,
}
