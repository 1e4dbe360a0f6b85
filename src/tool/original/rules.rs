//! Rules as they are written, in `JkMount` and in mount files.

use crate::config::rows::EXTENSIONS;
use crate::config::{Origin, SetDirectives};
use crate::tool::original::{Effect, Named, OriginalCheck};

impl OriginalCheck<'_> {
    /// Looks at a `JkMount` or `JkUnMount`.
    pub(super) fn mount(&mut self, given: &SetDirectives) {
        let origin = &given.origin;
        // Split as httpd did it: a pattern has no blank that anyone would write.
        let (pattern, worker) = match given.words.split_once(' ') {
            Some((pattern, worker)) => (pattern, worker),
            None => ("/", given.words.as_str()),
        };
        if pattern.starts_with('*') {
            let shown = format!("{} {pattern}", given.name);
            let remedy = format!("write /{pattern}");
            self.form(origin, "rule", &shown, Effect::Refused, &remedy);
        }
        self.extensions(origin, worker);
    }

    /// Looks at the lines of a mount file.
    pub(super) fn mount_file(&mut self, text: &str, path: &str) {
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let origin = Origin::new(path, number);
            let bare = line.split('#').next().unwrap_or(line);
            let Some((left, right)) = bare.split_once('=') else { continue };
            let left = left.trim();
            let pattern = left.strip_prefix('-').unwrap_or(left);
            let pattern = pattern.strip_prefix('!').unwrap_or(pattern);
            if let Some(rest) = left.strip_prefix("!-") {
                let remedy = format!("the rule is left out there: write -!{rest}");
                self.form(&origin, "rule", left, Effect::Ignored, &remedy);
            } else if pattern.starts_with('*') {
                let before = &left[..left.len() - pattern.len()];
                let remedy = format!("the rule is left out there: write {before}/{pattern}");
                self.form(&origin, "rule", left, Effect::Ignored, &remedy);
            }
            self.extensions(&origin, right.trim());
        }
    }

    /// Looks at what follows the name of a worker.
    fn extensions(&mut self, origin: &Origin, right: &str) {
        let mut tokens = right.split(';');
        let worker = tokens.next().unwrap_or_default();
        for token in tokens {
            let name = token.split('=').next().unwrap_or_default().trim();
            if let Some(row) = EXTENSIONS.iter().find(|row| row.name == name) {
                let named = Named { shown: format!(";{name}"), since: row.since, doc: row.doc };
                self.name(origin, "extension", named, Effect::Ignored);
            }
        }
        let has_blanks = right.contains(';') && right.contains([' ', '\t']);
        if has_blanks && !worker.trim().is_empty() {
            let bare: String = right.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            let remedy = format!("blanks count there, beside ; and =, so write {bare}");
            self.form(origin, "extension", right, Effect::Ignored, &remedy);
        }
    }
}
