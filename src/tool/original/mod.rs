//! What of a configuration the original mod_jk does not know, for the way back to it.
//!
//! The tables of `config/rows` say from which version on there is a name; nothing here lists names
//! again. Beside names there are forms of values and of rules that only this module reads.

mod rules;
mod values;

use std::fmt;

use crate::config::rows::{DIRECTIVES, OPTIONS, find};
use crate::config::validate::{Files, read_text};
use crate::config::{Origin, Properties, ServerSettings, SetDirectives};
use crate::text;

/// A version of the original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalVersion {
    text: String,
    numbers: [u32; 3],
}

impl OriginalVersion {
    /// Reads `1.2.48`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("{text}: expected a version of the original such as 1.2.48");
        let numbers = numbers(text).ok_or_else(fault)?;
        match numbers {
            [1, 2, _] => Ok(Self { text: text.to_owned(), numbers }),
            _ => Err(fault()),
        }
    }

    /// Tells whether what a version brought is there.
    fn has(&self, since: &str) -> bool {
        numbers(since).is_some_and(|since| since <= self.numbers)
    }
}

impl fmt::Display for OriginalVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn numbers(text: &str) -> Option<[u32; 3]> {
    let parts: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

/// What the original does with a line that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// httpd does not start.
    Refused,
    /// httpd starts, and the line, or a part of it, has no effect.
    Ignored,
    /// httpd starts, and the line means something else.
    Different,
}

impl Effect {
    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::Different => "different",
        }
    }

    /// What follows, in words.
    fn in_words(self) -> &'static str {
        match self {
            Self::Refused => "httpd does not start with it",
            Self::Ignored => "it has no effect there",
            Self::Different => "it means something else there",
        }
    }
}

/// One thing that the original does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Where it stands.
    pub origin: Origin,
    /// What it is: `directive`, `option`, `property`, `type`, `value`, `rule`, `extension`, `file`.
    pub kind: &'static str,
    /// Its name, as it is written there.
    pub name: String,
    /// The version that brought it; `None` for a form of a value that no version of the original has.
    pub since: Option<&'static str>,
    /// What the original does with it.
    pub effect: Effect,
    /// What to write instead, or what happens there.
    pub remedy: String,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = match self.since {
            Some(version) if version.starts_with("1.") => format!(" before {version}"),
            _ => String::new(),
        };
        let (kind, name, effect) = (self.kind, &self.name, self.effect.in_words());
        write!(f, "{kind} {name}: not known to the original{since}, {effect}; {}", self.remedy)
    }
}

/// Lists what a version of the original does not know, in the order of files and lines. The first of
/// `servers` is the main server; `properties` are all that were read.
pub fn unknown(
    version: &OriginalVersion,
    servers: &[&ServerSettings],
    properties: &Properties,
    files: &dyn Files,
) -> Vec<Unknown> {
    let mut search = OriginalCheck { version, found: Vec::new() };
    for server in servers {
        server.given.iter().for_each(|own| search.directive(own));
        if let Some((file, _)) = &server.mount_file {
            let path = files.rooted(file);
            if let Ok(bytes) = files.read(&path) {
                search.text(&text::decode(&bytes), &path);
                search.mount_file(&text::decode(&bytes), &path);
            }
        }
    }
    if let Some(main) = servers.first() {
        search.shared_memory(main);
        if let Some((file, _)) = &main.workers_file {
            let path = files.rooted(file);
            if let Ok(text) = read_text(files, &path) {
                search.text(&text, &path);
            }
        }
    }
    search.properties(properties);
    let mut found = search.found;
    found.sort_by(|a, b| (&*a.origin.file, a.origin.line).cmp(&(&*b.origin.file, b.origin.line)));
    // A file that two servers name has what it has once.
    found.dedup();
    found
}

/// What was found so far.
struct OriginalCheck<'v> {
    version: &'v OriginalVersion,
    found: Vec<Unknown>,
}

impl OriginalCheck<'_> {
    fn push(&mut self, unknown: Unknown) {
        self.found.push(unknown);
    }

    /// A name of a table, if the version does not have it.
    fn name(&mut self, origin: &Origin, kind: &'static str, row: Named<'_>, effect: Effect) {
        if self.version.has(row.since) {
            return;
        }
        let remedy = match row.since.starts_with("1.") {
            true => format!("remove it, or go back to {} at least. ", row.since),
            false => "remove it. ".to_owned(),
        };
        self.push(Unknown {
            origin: origin.clone(),
            kind,
            name: row.shown,
            since: Some(row.since),
            effect,
            remedy: format!("{remedy}What it does here: {}", row.doc.trim_end_matches('.')),
        });
    }

    fn form(
        &mut self,
        origin: &Origin,
        kind: &'static str,
        name: &str,
        effect: Effect,
        remedy: &str,
    ) {
        self.push(Unknown {
            origin: origin.clone(),
            kind,
            name: name.to_owned(),
            since: None,
            effect,
            remedy: remedy.to_owned(),
        });
    }

    fn directive(&mut self, given: &SetDirectives) {
        let origin = &given.origin;
        if let Some(row) = DIRECTIVES.iter().find(|row| row.name == given.name) {
            let named = Named { shown: row.name.to_owned(), since: row.since, doc: row.doc };
            self.name(origin, "directive", named, Effect::Refused);
        }
        match given.name {
            "JkOptions" => {
                for word in given.words.split_whitespace() {
                    let bare = word.trim_start_matches(['+', '-']);
                    let Some(row) = OPTIONS.iter().find(|row| row.name.eq_ignore_ascii_case(bare))
                    else {
                        continue;
                    };
                    let shown = format!("JkOptions {word}");
                    let named = Named { shown, since: row.since, doc: row.doc };
                    self.name(origin, "option", named, Effect::Refused);
                }
            }
            "JkMount" | "JkUnMount" => self.mount(given),
            "JkRequestLogFormat" if given.words.contains("%%") => {
                let remedy = "the whole request log is off there: write the percent sign without %%, or leave it out";
                self.form(origin, "value", "%% in JkRequestLogFormat", Effect::Ignored, remedy);
            }
            _ => {}
        }
    }

    /// The original needs a file, and its default lies where there may be no directory.
    fn shared_memory(&mut self, main: &ServerSettings) {
        let is_set = main.given.iter().any(|own| own.name == "JkShmFile");
        // A part of a configuration without a directive may be the rest of one that has it.
        let Some(first) = main.given.first().filter(|_| !is_set) else { return };
        let remedy = "the original keeps its shared memory in a file, and does not start if it cannot make it in \
             logs/ below ServerRoot: add JkShmFile with a path that root can write, such as \
             /var/log/apache2/jk-runtime-status; it has no effect here";
        let origin = Origin { line: 0, ..first.origin.clone() };
        self.form(&origin, "directive", "without JkShmFile", Effect::Refused, remedy);
    }

    fn properties(&mut self, properties: &Properties) {
        for line in properties.iter() {
            let Some(rest) = line.name.strip_prefix("worker.") else { continue };
            let Some((worker, attribute)) = rest.rsplit_once('.') else { continue };
            let Some(row) = find(attribute) else { continue };
            let shown = line.name.clone();
            let named = Named { shown, since: row.since, doc: row.doc };
            self.name(&line.origin, "property", named, Effect::Refused);
            if self.version.has(row.since) {
                self.value(properties, worker, row, line);
            }
        }
    }

    /// What the original reads otherwise in any file of lines.
    fn text(&mut self, text: &str, path: &str) {
        if text.starts_with('\u{feff}') {
            let remedy = "the mark is a part of the first name, so that the first line is lost: save the file without it";
            let origin = Origin::new(path, 1);
            self.form(&origin, "file", "byte order mark", Effect::Ignored, remedy);
        }
        for (line, number) in text.lines().zip(1..) {
            if text::raw(line).len() > LONGEST {
                let remedy = format!(
                    "the original cuts lines at {LONGEST} bytes and reads the rest as a line of its own: shorten it"
                );
                let origin = Origin::new(path, number);
                self.form(&origin, "file", "long line", Effect::Different, &remedy);
            }
        }
    }
}

/// A row of one of the tables.
struct Named<'r> {
    /// As it is shown.
    shown: String,
    since: &'static str,
    doc: &'r str,
}

/// Longest line of a file that the original reads as one.
const LONGEST: usize = 8191;

#[cfg(test)]
mod tests;
