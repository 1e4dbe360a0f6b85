//! Whether the files load the module, and before it is used: without that, httpd passes over every
//! `<IfModule jk_module>` without a word, and each URI that its rules map is answered with 404.

use crate::config::{Diagnostic, Origin};

/// What was seen of it so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Loading {
    /// Whether the files load modules and listen. Others are a part of a configuration, and what
    /// includes them may load the module.
    has_modules: bool,
    listens: bool,
    /// Where the module is loaded first.
    loaded: Option<Origin>,
    /// The first section for the module that came before.
    skipped: Option<Origin>,
    /// The first directive outside of such a section that came before.
    refused: Option<(String, Origin)>,
}

impl Loading {
    /// Takes a directive of httpd.
    pub fn directive(&mut self, name: &str, words: &[String], origin: &Origin) {
        if name.eq_ignore_ascii_case("Listen") {
            self.listens = true;
        } else if name.eq_ignore_ascii_case("LoadModule") {
            self.has_modules = true;
            let is_ours = words.first().is_some_and(|own| own == "jk_module");
            if is_ours && self.loaded.is_none() {
                self.loaded = Some(origin.clone());
            }
        }
    }

    /// Takes the beginning of a section. Returns whether it is there to load the module, and does:
    /// `<IfModule !jk_module>` before any other line has loaded it or relied on it.
    pub fn section(&mut self, name: &str, argument: &str, origin: &Origin) -> bool {
        let (is_negated, module) = match argument.strip_prefix('!') {
            Some(module) => (true, module),
            None => (false, argument),
        };
        let is_ours =
            name.eq_ignore_ascii_case("IfModule") && ["jk_module", "mod_jk.c"].contains(&module);
        let is_open = self.loaded.is_none() && self.skipped.is_none();
        if is_ours && is_open && !is_negated {
            self.skipped = Some(origin.clone());
        }
        is_ours && is_open && is_negated
    }

    /// Takes a directive of the module that stands in no section for it.
    pub fn used(&mut self, name: &str, origin: &Origin) {
        if self.loaded.is_none() && self.refused.is_none() {
            self.refused = Some((name.to_owned(), origin.clone()));
        }
    }

    /// Says what is wrong, if anything is.
    pub fn problems(self) -> Vec<Diagnostic> {
        if !(self.has_modules && self.listens) {
            return Vec::new();
        }
        let (why, remedy) = match self.loaded {
            None => (
                "no LoadModule of these files loads jk_module".to_owned(),
                "load it before: a2enmod jk on Debian, or LoadModule jk_module modules/mod_jk.so"
                    .to_owned(),
            ),
            Some(at) => (
                format!("jk_module is loaded later, at {at}"),
                "move that LoadModule line before this one".to_owned(),
            ),
        };
        let skipped = self.skipped.map(|origin| {
            let text = format!(
                "{why}, so httpd passes over <IfModule jk_module> and all of its directives; the URIs of its rules reach no Tomcat; {remedy}"
            );
            Diagnostic::warning(&origin, text)
        });
        let refused = self.refused.map(|(name, origin)| {
            let text = format!("{why}, so httpd does not know {name} and does not start; {remedy}");
            Diagnostic::error(&origin, text)
        });
        skipped.into_iter().chain(refused).collect()
    }
}
