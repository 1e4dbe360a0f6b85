//! Sections that hold or are left out as a whole: `IfModule`, `IfDefine`, `IfVersion`, `IfFile`.

use crate::config::{Diagnostic, Origin};
use crate::tool::httpd_conf::ConfReader;

impl ConfReader<'_> {
    /// Tells whether the content of a section is read; `None` if it is no such section.
    ///
    /// Every module counts as loaded: which ones are is known to httpd only, and a mistake in a
    /// section that is left out today is still one.
    pub(super) fn holds(&mut self, section: &str, argument: &str, origin: &Origin) -> Option<bool> {
        let argument = argument.trim();
        let (is_negated, name) = match argument.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, argument),
        };
        let holds = match section.to_ascii_lowercase().as_str() {
            "ifmodule" => true,
            "ifdefine" => self.defines.contains_key(name),
            "iffile" => self.files.read(&self.rooted(name.trim_matches(['"', '\'']))).is_ok(),
            "ifversion" => {
                return Some(self.version.satisfies(argument).unwrap_or_else(|why| {
                    let text = format!("<IfVersion {argument}>: {why}");
                    self.problems.push(Diagnostic::error(origin, text));
                    false
                }));
            }
            "ifdirective" | "ifsection" => true,
            _ => return None,
        };
        Some(holds != is_negated)
    }
}
