//! httpd.conf without httpd: the Jk directives of each server, and as much of the rest as tells
//! where they belong.
//!
//! `Include`, `Define`, `${…}`, the sections that hold under a condition, `VirtualHost` and the
//! sections that mounts may stand in are understood; any other directive is passed over, as only
//! httpd knows its modules. Files come through [`ConfFiles`].

mod condition;
mod lines;
mod loading;
mod server;
#[cfg(test)]
mod tests;
mod version;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::directive_tree::{Directive, listens, words};
use crate::config::rows::{Arity, DIRECTIVES, DirectiveRow, Place};
use crate::config::validate::{Files, read_text};
use crate::config::{Context, ServerSettings};
use crate::config::{Diagnostic, Origin};
use crate::config::{Section, stored_path};
use lines::{ConfLine, split, substitute};
use loading::Loading;
pub use server::{ConfServer, ServerChoice};
pub use version::TargetVersion;

/// Files, and which of them there are.
pub trait ConfFiles: Files {
    /// Returns the files a path with wildcards or a directory stands for, in the order of their
    /// names; a plain file stands for itself if it exists.
    fn matching(&self, pattern: &str) -> Vec<String>;
}

/// What the files come to.
#[derive(Clone, Debug, Default)]
pub struct Conf {
    /// The main server, and then the virtual hosts with the main server's settings joined in.
    pub servers: Vec<ConfServer>,
    /// Mistakes httpd would not start with, and what could not be read.
    pub problems: Vec<Diagnostic>,
    /// `ServerRoot`, or the one given.
    pub root: String,
    /// All directives, with the sections that hold under a condition dissolved.
    pub tree: Vec<Directive>,
}

/// Reads files as one configuration. `root` stands for `ServerRoot` until the files set it;
/// `defines` are the words of httpd's `-D`, `version` is that of the httpd they are for.
pub fn read(
    paths: &[&str],
    root: &str,
    defines: &[String],
    version: &TargetVersion,
    files: &dyn ConfFiles,
) -> Conf {
    let mut reader = ConfReader {
        files,
        version,
        root: root.to_owned(),
        defines: defines.iter().map(|name| (name.clone(), String::new())).collect(),
        servers: vec![ConfServer::default()],
        problems: Vec::new(),
        tree: Vec::new(),
        loading: Loading::default(),
        depth: 0,
    };
    for path in paths {
        let origin = Origin::new(path, 0);
        reader.file(path, &origin, &mut Vec::new(), 0);
    }
    let main = reader.servers[0].settings.clone();
    for host in &mut reader.servers[1..] {
        host.settings = ServerSettings::merge(&main, &host.settings);
        host.settings.host = host.address();
        host.settings.host_origin = host.origin.clone();
        host.settings.addresses = host.addresses.clone();
    }
    let ConfReader { mut servers, mut problems, root, tree, loading, .. } = reader;
    problems.extend(loading.problems());
    servers[0].settings.addresses = listens(&tree);
    Conf { servers, problems, root, tree }
}

struct ConfReader<'f> {
    files: &'f dyn ConfFiles,
    version: &'f TargetVersion,
    root: String,
    defines: BTreeMap<String, String>,
    /// The main server first.
    servers: Vec<ConfServer>,
    problems: Vec<Diagnostic>,
    tree: Vec<Directive>,
    loading: Loading,
    depth: usize,
}

/// A section that is open.
#[derive(Clone, Debug)]
struct Open {
    name: String,
    argument: String,
    origin: Origin,
    /// What httpd would store as the section's path, for those that mounts may stand in.
    path: Option<String>,
    is_read: bool,
    /// What it becomes in the tree; nothing if it holds under a condition.
    node: Option<Directive>,
}

impl ConfReader<'_> {
    fn rooted(&self, path: &str) -> String {
        match path.starts_with('/') {
            true => path.to_owned(),
            false => format!("{}/{path}", self.root.trim_end_matches('/')),
        }
    }

    /// Reads one file; `open` are the sections around the place that includes it, `server` the
    /// server there.
    fn file(&mut self, path: &str, from: &Origin, open: &mut Vec<Open>, server: usize) {
        let text = match read_text(self.files, path) {
            Ok(text) => text,
            Err(why) => {
                // A file from the command line has no place it was named at.
                let text = if from.line == 0 { why } else { format!("Include {path}: {why}") };
                self.problems.push(Diagnostic::error(from, text));
                return;
            }
        };
        if self.depth >= DEEPEST {
            let text = format!("Include {path}: files include each other more than {DEEPEST} deep");
            self.problems.push(Diagnostic::error(from, text));
            return;
        }
        self.depth += 1;
        let (file, outer, mut server): (Arc<str>, _, _) = (path.into(), open.len(), server);
        for line in split(&text) {
            let origin = Origin { file: Arc::clone(&file), line: line.number };
            if let Some(rest) = line.text.strip_prefix("</") {
                let name = rest.trim_end_matches('>').trim();
                match open.pop_if(|own| own.name.eq_ignore_ascii_case(name)) {
                    Some(own) => {
                        if own.is_read && own.name.eq_ignore_ascii_case("VirtualHost") {
                            server = 0;
                        }
                        self.plant(own.node, open);
                    }
                    None => {
                        let text = format!("</{name}> closes a section that is not open");
                        self.problems.push(Diagnostic::error(&origin, text));
                    }
                }
            } else if let Some(rest) = line.text.strip_prefix('<') {
                server = self.section(rest.trim_end_matches('>'), &origin, open, server);
            } else if open.iter().all(|own| own.is_read) {
                self.directive(&line, &origin, open, server);
            }
        }
        for own in open.drain(outer.min(open.len())..) {
            let text = format!("<{}> is not closed in this file", own.name);
            self.problems.push(Diagnostic::error(&own.origin, text));
        }
        self.depth -= 1;
    }

    /// Opens a section and returns the server its content belongs to.
    fn section(
        &mut self,
        text: &str,
        origin: &Origin,
        open: &mut Vec<Open>,
        server: usize,
    ) -> usize {
        let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let (name, origin) = (name.to_owned(), origin.clone());
        let mut own = Open {
            name: name.clone(),
            argument: String::new(),
            origin: origin.clone(),
            path: None,
            is_read: true,
            node: None,
        };
        if !open.iter().all(|outer| outer.is_read) {
            own.is_read = false;
            open.push(own);
            return server;
        }
        let argument = self.replaced(argument, &origin, false);
        let mut inner = server;
        let place = (origin.file.to_string(), origin.line);
        let args = argument.clone();
        let node = Directive { name: format!("<{name}"), args, place, children: Vec::new() };
        if let Some(holds) = self.holds(&name, &argument, &origin) {
            let loads = self.loading.section(&name, argument.trim(), &origin);
            own.is_read = holds || loads;
        } else if name.eq_ignore_ascii_case("VirtualHost") {
            inner = self.servers.len();
            own.node = Some(node);
            let addresses = words(&argument);
            self.servers.push(ConfServer { addresses, origin, ..ConfServer::default() });
        } else if name.eq_ignore_ascii_case("Macro") {
            // What a macro comes to is known where it is used, and only to mod_macro.
            own.is_read = false;
        } else {
            own.path = stored_path(&name, &words(&argument));
            own.argument = argument;
            own.node = Some(node);
        }
        open.push(own);
        inner
    }

    fn directive(&mut self, line: &ConfLine, origin: &Origin, open: &mut Vec<Open>, server: usize) {
        let (name, rest) =
            line.text.split_once(char::is_whitespace).unwrap_or((line.text.as_str(), ""));
        let is_ours = name.get(..2).is_some_and(|own| own.eq_ignore_ascii_case("Jk"));
        let rest = self.replaced(rest.trim(), origin, is_ours);
        let place = (origin.file.to_string(), origin.line);
        let own = Directive { name: name.to_owned(), args: rest.clone(), place, ..<_>::default() };
        self.plant(Some(own), open);
        if is_ours {
            if !open.iter().any(|own| own.name.eq_ignore_ascii_case("IfModule")) {
                self.loading.used(name, origin);
            }
            return self.jk(name, &rest, origin, open, server);
        }
        let args = words(&rest);
        self.loading.directive(name, &args, origin);
        let first = args.first().map_or("", String::as_str);
        match name.to_ascii_lowercase().as_str() {
            "define" => {
                let value = args.get(1).cloned().unwrap_or_default();
                self.defines.insert(first.to_owned(), value);
            }
            "undefine" => drop(self.defines.remove(first)),
            "serverroot" => self.root = first.trim_end_matches('/').to_owned(),
            "include" => self.include(first, true, origin, open, server),
            "includeoptional" => self.include(first, false, origin, open, server),
            _ => self.servers[server].note(name, &args),
        }
    }

    /// Puts a directive into the innermost section that is one in the tree.
    fn plant(&mut self, node: Option<Directive>, open: &mut [Open]) {
        let parent = open.iter_mut().rev().find_map(|own| own.node.as_mut());
        match parent {
            Some(parent) => parent.children.extend(node),
            None => self.tree.extend(node),
        }
    }

    fn include(
        &mut self,
        pattern: &str,
        is_needed: bool,
        origin: &Origin,
        open: &mut Vec<Open>,
        server: usize,
    ) {
        let path = self.rooted(pattern);
        let found = self.files.matching(&path);
        if found.is_empty() && is_needed {
            let text = format!("Include {path}: there is no such file");
            self.problems.push(Diagnostic::error(origin, text));
        }
        for file in found {
            self.file(&file, origin, open, server);
        }
    }

    fn jk(&mut self, name: &str, rest: &str, origin: &Origin, open: &[Open], server: usize) {
        let nodes = open.iter().rev().filter(|own| own.node.is_some());
        let outer = nodes.map(|own| (own.name.as_str(), own.argument.as_str()));
        let path = open.iter().rev().find_map(|own| own.path.as_deref());
        let section = Section::inside(outer, path);
        let context = Context { is_virtual: server > 0, section, origin: origin.clone() };
        let row = DIRECTIVES.iter().find(|row| row.name.eq_ignore_ascii_case(name));
        if let Some(refused) = row.and_then(|row| not_allowed(row, open)) {
            self.problems.push(Diagnostic::error(origin, refused));
            return;
        }
        let arity = row.map_or(Arity::One, |row| row.arity);
        let words = match arity {
            Arity::Raw => vec![rest.to_owned()],
            Arity::One | Arity::OneOrTwo => words(rest),
        };
        let most = if arity == Arity::OneOrTwo { 2 } else { 1 };
        let settings = &mut self.servers[server].settings;
        let result = match words.as_slice() {
            [] => Err(format!("{name} needs a value")),
            [_, rest @ ..] if row.is_some() && rest.len() >= most => {
                Err(format!("{name} takes at most {most} words, there are {}", words.len()))
            }
            [first, rest @ ..] => {
                settings.set(name, first, rest.first().map(String::as_str), &context)
            }
        };
        if let Err(why) = result {
            self.problems.push(Diagnostic::error(origin, why));
        }
    }

    /// Replaces variables; those that are missing matter in our own directives only.
    fn replaced(&mut self, text: &str, origin: &Origin, is_ours: bool) -> String {
        let environment = |name: &str| self.files.variable(name);
        let (text, missing) = substitute(text, &self.defines, &environment);
        if is_ours {
            self.problems.extend(missing.iter().map(|name| {
                let text = format!(
                    "${{{name}}} is not defined, expected a Define or an environment variable; it stays as it is"
                );
                Diagnostic::warning(origin, text)
            }));
        }
        text
    }
}

/// Says what httpd says of a directive in a section that it must not stand in.
fn not_allowed(row: &DirectiveRow, open: &[Open]) -> Option<String> {
    let inner = open.iter().rev().find(|own| own.node.is_some())?;
    let holds_rules = row.place == Place::Section;
    let has = |names: &[&str]| names.iter().any(|name| inner.name.eq_ignore_ascii_case(name));
    let is_refused = match holds_rules {
        true => has(&["RequireAll", "RequireAny", "RequireNone"]),
        false => open.iter().any(|own| own.path.is_some()),
    };
    is_refused.then(|| format!("{} not allowed in <{}> context", row.name, inner.name))
}

/// Deepest nesting of included files.
const DEEPEST: usize = 64;
