//! Words of httpd.conf, paths and places.

use crate::config::Origin;
use crate::config::directive_tree::Directive;

/// Where a directive stands.
pub(super) fn origin(directive: &Directive) -> Origin {
    Origin::new(&directive.place.0, directive.place.1)
}

/// A value as one word of httpd.conf.
pub(super) fn quoted(value: &str) -> String {
    match value.contains([' ', '"', '\\', '\'']) || value.is_empty() {
        true => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        false => value.to_owned(),
    }
}

/// Tells whether a path is another one, or lies below it as segments.
pub(super) fn is_below(outer: &str, path: &str) -> bool {
    match path.strip_prefix(outer) {
        Some(rest) => outer.ends_with('/') || rest.is_empty() || rest.starts_with('/'),
        None => false,
    }
}
