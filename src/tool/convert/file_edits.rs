//! Configuration files with some lines taken out, replaced or added; all others stay byte by byte.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Origin;

/// What stands before a line that was taken out, so that it can be found and put back.
const TAKEN_OUT: &str = "# jkctl: ";

/// Changes of several files, by file and line.
#[derive(Clone, Debug, Default)]
pub(super) struct FileEdits {
    files: BTreeMap<String, OneFile>,
    /// Whether sections that hold where mod_proxy is loaded are to hold without it.
    is_without_proxy: bool,
}

#[derive(Clone, Debug, Default)]
struct OneFile {
    out: BTreeSet<u32>,
    instead: BTreeMap<u32, String>,
    behind: BTreeMap<u32, Vec<String>>,
}

impl FileEdits {
    /// Makes an empty one; sections that hold where mod_proxy is loaded may have to hold without it.
    pub fn new(is_without_proxy: bool) -> Self {
        Self { is_without_proxy, ..Self::default() }
    }

    fn of(&mut self, origin: &Origin) -> &mut OneFile {
        self.files.entry(origin.file.to_string()).or_default()
    }

    /// Makes a comment of a line, or of a whole section if it opens one.
    pub fn take_out(&mut self, origin: &Origin) {
        self.of(origin).out.insert(origin.line);
    }

    /// The same, with another line in its place.
    pub fn replace(&mut self, origin: &Origin, line: String) {
        self.of(origin).instead.insert(origin.line, line);
        self.take_out(origin);
    }

    /// Adds lines behind one.
    pub fn add(&mut self, origin: &Origin, lines: Vec<String>) {
        self.of(origin).behind.entry(origin.line).or_default().extend(lines);
    }

    /// Returns the files that change.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Tells whether a line opens or closes a section that mod_proxy is a condition of. One that holds without
    /// mod_proxy is taken out whole.
    fn is_condition(&self, line: &str, open: &mut Vec<bool>, until: &mut Option<String>) -> bool {
        const END: &str = "</ifmodule";
        let line = line.trim().to_ascii_lowercase();
        if !self.is_without_proxy || until.is_some() {
            return false;
        }
        if let Some(module) = line.strip_prefix("<ifmodule") {
            let module = module.trim().trim_end_matches('>');
            let is_proxy = module.contains("proxy");
            if is_proxy && module.starts_with('!') {
                *until = Some(END.to_owned());
                return true;
            }
            open.push(is_proxy);
            return is_proxy;
        }
        line.starts_with(END) && open.pop().unwrap_or_default()
    }

    /// Returns a file as it is to be.
    pub fn apply(&self, file: &str, text: &str) -> String {
        let Some(edits) = self.files.get(file) else { return text.to_owned() };
        let mut made = String::with_capacity(text.len());
        // The lines of one directive, and the end of the section that is taken out.
        let (mut begun, mut until): (Vec<&str>, Option<String>) = (Vec::new(), None);
        let mut conditions = Vec::new();
        for (line, number) in text.split_inclusive('\n').zip(1..) {
            begun.push(line);
            let bare = line.trim_end_matches(['\n', '\r']);
            if bare.ends_with('\\') {
                continue;
            }
            let first = begun[0].trim_start();
            if edits.out.contains(&number) && first.starts_with('<') {
                let name = first.trim_start_matches('<').split([' ', '\t', '>']).next();
                until = name.map(|name| format!("</{}", name.to_ascii_lowercase()));
            }
            let is_condition = self.is_condition(first, &mut conditions, &mut until);
            let is_out = until.is_some() || edits.out.contains(&number) || is_condition;
            let indent = &begun[0][..begun[0].len() - first.len()];
            for own in begun.drain(..) {
                if is_out {
                    let inner = own.trim_start_matches([' ', '\t']);
                    made.push_str(&own[..own.len() - inner.len()]);
                    made.push_str(TAKEN_OUT);
                    made.push_str(inner);
                } else {
                    made.push_str(own);
                }
            }
            if until.as_ref().is_some_and(|end| bare.trim().to_ascii_lowercase().starts_with(end)) {
                until = None;
            }
            let more = edits.instead.get(&number).map(|own| format!("{indent}{own}"));
            let behind = edits.behind.get(&number).into_iter().flatten();
            for own in more.into_iter().chain(behind.map(|own| format!("{indent}    {own}"))) {
                if !made.ends_with('\n') {
                    made.push('\n');
                }
                made.push_str(&own);
                made.push('\n');
            }
        }
        begun.into_iter().for_each(|own| made.push_str(own));
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_that_need_mod_proxy_hold_without_it() {
        let text = "<IfModule mod_proxy.c>\n<IfModule mod_ssl.c>\nA\n</IfModule>\n</IfModule>\n<IfModule !proxy_module>\nB\n</IfModule>\nC\n";
        let mut edits = FileEdits::new(true);
        edits.take_out(&Origin::new("f", 9));
        let expected = "# jkctl: <IfModule mod_proxy.c>\n<IfModule mod_ssl.c>\nA\n</IfModule>\n# jkctl: </IfModule>\n\
                        # jkctl: <IfModule !proxy_module>\n# jkctl: B\n# jkctl: </IfModule>\n# jkctl: C\n";
        assert_eq!(edits.apply("f", text), expected);
    }

    #[test]
    fn all_other_lines_stay() {
        let text = "A\n  <Proxy balancer://x>\n    M 1\n  </Proxy>\n<VirtualHost *>\r\n  P /a \\\n    b\n  P /c d\n  Q\n</VirtualHost>";
        let at = |line| Origin::new("f", line);
        let mut edits = FileEdits::default();
        edits.take_out(&at(2));
        edits.add(&at(5), vec!["New 1".to_owned(), "New 2".to_owned()]);
        edits.take_out(&at(7));
        edits.replace(&at(8), "P /c !".to_owned());
        let expected = "A\n  # jkctl: <Proxy balancer://x>\n    # jkctl: M 1\n  # jkctl: </Proxy>\n<VirtualHost *>\r\n    New 1\n    New 2\n\
                        \x20 # jkctl: P /a \\\n    # jkctl: b\n  # jkctl: P /c d\n  P /c !\n  Q\n</VirtualHost>";
        assert_eq!(edits.apply("f", text), expected);
        assert_eq!(edits.apply("other", text), text);
        assert_eq!(edits.files().collect::<Vec<_>>(), ["f"]);
    }
}
