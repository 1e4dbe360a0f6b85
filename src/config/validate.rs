//! The whole configuration, checked: what `httpd -t` and `jkctl check` say.
//!
//! Nothing here has an effect, and files come through [`Files`], so that the same checks run inside
//! httpd, without httpd, and in tests.

use std::collections::HashSet;

use crate::config::cross_checks::Site;
use crate::config::error::{Diagnostic, Origin, Severity};
use crate::config::model::{WorkerKind, WorkersConfig};
use crate::config::properties::Properties;
use crate::config::server::ServerSettings;
use crate::config::uri_map_file::{add_worker_mount, parse_mount_file};
use crate::config::worker::{is_odd, resolve};
use crate::text;
use crate::uri_map::UriMap;
use crate::uri_map::diagnostics::{RuleTarget, check_patterns, check_workers};
use crate::uri_map::merge::{Mounts, ServerMounts, main_rules, server_rules};

/// Where files and variables come from.
pub trait Files {
    /// Returns a path below ServerRoot unless it is absolute.
    fn rooted(&self, path: &str) -> String;

    /// Reads a whole file.
    ///
    /// # Errors
    ///
    /// The reason in words, without the path.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Returns a variable of the environment.
    fn variable(&self, name: &str) -> Option<String>;
}

/// What a configuration comes to.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// All workers; not to be used with a problem of severity error.
    pub workers: WorkersConfig,
    /// The properties they were made from.
    pub properties: Properties,
    /// All that was said about workers, in the form in which it can be given to [`check`] again.
    pub text: String,
    /// Mounts by server, the main server's first.
    pub mounts: Vec<ServerMounts>,
    /// Everything that is wrong.
    pub problems: Vec<Diagnostic>,
}

impl Checked {
    /// Tells whether httpd must not start with it.
    pub fn is_broken(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Returns the rules of a server, counted from 0 for the main server.
    pub fn map(&self, server: usize) -> UriMap {
        let (Some(main), Some(own)) = (self.mounts.first(), self.mounts.get(server)) else {
            return UriMap::build(Vec::new()).0;
        };
        map_for(main, own, server == 0)
    }
}

/// Reads and checks everything. The first of `servers` is the main server; `given` is the
/// `text` of an earlier result, and stands for all that is said about workers now.
pub fn check(servers: &[&ServerSettings], given: Option<&str>, files: &dyn Files) -> Checked {
    let mut checked = Checked::default();
    let Some(main) = servers.first() else { return checked };
    checked.problems.extend(notes(servers));
    let properties = read_workers(main, given, files, &mut checked);
    let problems = &mut checked.problems;
    let (workers, found) = resolve(&properties);
    // What follows from a workers file that cannot be read is no mistake of its own.
    let is_read = problems.iter().all(|problem| problem.severity != Severity::Error);
    problems.extend(found.into_iter().filter(|_| is_read));
    let targets = RuleTargets::new(&workers);
    // Where nothing is listed, no rule can name what is.
    let has_list =
        properties.get("worker.list").is_some() && !properties.all("worker.list").any(is_odd);
    for (place, settings) in servers.iter().enumerate() {
        let of_main = (place == 0).then_some(&workers);
        let (mounts, found) = mounts_of(settings, of_main, files);
        problems.extend(found);
        let rules = main_rules(&mounts);
        problems.extend(check_patterns(&rules).into_iter().map(Diagnostic::from));
        if is_read && has_list {
            let found = check_workers(&rules, &targets.names, |name| targets.find(name));
            problems.extend(found.into_iter().map(Diagnostic::from));
            problems.extend(rule_hints(settings, |name| {
                // A status worker needs no more than its page; a missing worker was named.
                // check: page-of-a-status-worker-in-its-section
                !matches!(targets.find(name), None | Some(RuleTarget::Status))
            }));
        }
        checked.mounts.push(mounts);
    }
    if is_read {
        let site =
            Site { servers, mounts: &checked.mounts, workers: &workers, properties: &properties };
        problems.extend(site.check());
    }
    // What was good stays good when strictness comes.
    // check: strict
    if main.strict == Some(true) && given.is_none() {
        problems.iter_mut().for_each(|problem| problem.severity = Severity::Error);
    }
    checked.workers = workers;
    checked.properties = properties;
    checked
}

/// Checks a workers file without the httpd.conf that uses it: nothing but the workers.
pub fn check_workers_alone(main: &ServerSettings, files: &dyn Files) -> Checked {
    let mut checked = Checked::default();
    checked.properties = read_workers(main, None, files, &mut checked);
    let (workers, found) = resolve(&checked.properties);
    checked.problems.extend(found);
    checked.workers = workers;
    let (mounts, found) = mounts_of(main, Some(&checked.workers), files);
    checked.problems.extend(found);
    checked.mounts.push(mounts);
    checked
}

/// Reads what the directives and the file say about workers.
fn read_workers(
    main: &ServerSettings,
    given: Option<&str>,
    files: &dyn Files,
    checked: &mut Checked,
) -> Properties {
    let problems = &mut checked.problems;
    let mut properties = Properties::default();
    let environment = |name: &str| files.variable(name);
    if let Some(given) = given {
        // All that was said about workers, also by directives, which may be broken now.
        let (directives, text) = given.split_once(END_OF_DIRECTIVES).unwrap_or(("", given));
        for (number, line) in directives.lines().enumerate() {
            let origin = Origin::new("the last good JkWorkerProperty", number as u32 + 1);
            problems.extend(properties.line(line, &origin, &environment));
        }
        let file = main.workers_file.as_ref().map(|(file, _)| files.rooted(file));
        problems.extend(properties.read(text, &file.unwrap_or_default(), &environment));
        given.clone_into(&mut checked.text);
        return properties;
    }
    for (line, origin) in &main.worker_properties {
        let line = unquoted(line);
        problems.extend(properties.line(line, origin, &environment));
        checked.text += &format!("{line}\n");
    }
    checked.text += END_OF_DIRECTIVES;
    let Some((file, origin)) = &main.workers_file else { return properties };
    let path = files.rooted(file);
    // A variable of the file, which `dump` shows as well.
    let root = files.rooted(".");
    let root = root.strip_suffix("/.").unwrap_or(&root).trim_end_matches('/');
    problems.extend(properties.line(&format!("ServerRoot={root}"), origin, &environment));
    let root_line = format!("ServerRoot={root}\n{END_OF_DIRECTIVES}");
    match read_text(files, &path) {
        Ok(text) => {
            problems.extend(properties.read(&text, &path, &environment));
            checked.text = checked.text.replace(END_OF_DIRECTIVES, &root_line) + &text;
        }
        Err(why) => {
            problems.push(Diagnostic::error(origin, format!("JkWorkersFile {path}: {why}")));
        }
    }
    properties
}

/// Stands between the lines of directives and the file in the text that is kept over restarts.
pub(super) const END_OF_DIRECTIVES: &str = "\x02\n";

/// Returns a line without the quotes around all of it; one that ends a value stays.
fn unquoted(line: &str) -> &str {
    let line = text::trim(line);
    let inner = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(line)
}

/// Checks what can be checked of a part that names no workers file: everything but the workers.
pub fn check_part(servers: &[&ServerSettings], files: &dyn Files) -> Checked {
    let mut checked = Checked::default();
    checked.problems.extend(notes(servers));
    for settings in servers {
        let (mounts, found) = mounts_of(settings, None, files);
        checked.problems.extend(found);
        checked.problems.extend(rule_hints(settings, |_| true));
        let found = check_patterns(&main_rules(&mounts));
        checked.problems.extend(found.into_iter().map(Diagnostic::from));
        checked.mounts.push(mounts);
    }
    checked
}

/// What was found while the directives were read.
fn notes(servers: &[&ServerSettings]) -> Vec<Diagnostic> {
    let notes = servers.iter().flat_map(|server| &server.notes);
    let hints = servers.iter().flat_map(|server| &server.hints);
    let notes = notes.map(|(text, origin)| Diagnostic::warning(origin, text.as_str()));
    notes.chain(hints.map(|(text, origin)| Diagnostic::notice(origin, text.as_str()))).collect()
}

/// What was found of rules, where it matters for the worker they name.
fn rule_hints(settings: &ServerSettings, matters: impl Fn(&str) -> bool) -> Vec<Diagnostic> {
    let hints = settings.rule_hints.iter().filter(|(worker, ..)| matters(worker));
    hints.map(|(_, text, origin)| Diagnostic::notice(origin, text.as_str())).collect()
}

/// Compiles the rules of a server: its own, and what `JkMountCopy` brings.
pub fn map_for(main: &ServerMounts, own: &ServerMounts, is_main: bool) -> UriMap {
    UriMap::build(server_rules(main, own, is_main)).0
}

/// Returns what a server's own directives and its mount file say; with `workers`, which is for the
/// main server, also what the workers themselves want to serve.
pub fn mounts_of(
    settings: &ServerSettings,
    workers: Option<&WorkersConfig>,
    files: &dyn Files,
) -> (ServerMounts, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut mounts = ServerMounts {
        directives: settings.mounts.clone(),
        copy: settings.mount_copy,
        ..ServerMounts::default()
    };
    if let Some((file, origin)) = &settings.mount_file {
        let path = files.rooted(file);
        match files.read(&path) {
            Ok(text) if let Err(why) = must_be_text(&text) => {
                mounts.file = Some(Mounts::default());
                let text = format!("JkMountFile {path}: {why}; none of its rules is used");
                problems.push(Diagnostic::warning(origin, text));
            }
            Ok(text) => {
                let environment = |name: &str| files.variable(name);
                let (made, found) = parse_mount_file(&text, &path, &environment);
                mounts.file = Some(made);
                problems.extend(found.into_iter().map(Diagnostic::from));
            }
            Err(why) => {
                // The server still has a file of its own, and so no use for the main server's.
                mounts.file = Some(Mounts::default());
                // check: mount-file-that-does-not-exist
                problems.push(Diagnostic::error(origin, format!("JkMountFile {path}: {why}")));
            }
        }
    }
    for (pattern, worker, origin) in workers.iter().flat_map(|workers| &workers.mounts) {
        match add_worker_mount(&mut mounts.workers, worker, pattern, origin) {
            Ok(found) => problems.extend(found.into_iter().map(Diagnostic::from)),
            Err(lost) => problems.push(Diagnostic::error(&lost.origin, lost.text)),
        }
    }
    (mounts, problems)
}

/// The workers that rules may name, for the checks of rules.
#[derive(Debug)]
pub struct RuleTargets<'w> {
    workers: &'w WorkersConfig,
    /// In their order, as messages name them.
    pub names: Vec<&'w str>,
    listed: HashSet<&'w str>,
}

impl<'w> RuleTargets<'w> {
    /// Prepares what each rule is looked up in.
    pub fn new(workers: &'w WorkersConfig) -> Self {
        let names: Vec<_> = workers.list.iter().map(String::as_str).collect();
        let listed = names.iter().copied().collect();
        Self { workers, names, listed }
    }

    /// Describes a worker; None for one that does not exist.
    pub fn find(&self, name: &str) -> Option<RuleTarget<'w>> {
        // A member that is not listed is no worker that a rule may name.
        // check: member-in-a-rule
        self.listed.get(name)?;
        Some(match self.workers.workers.get(name).map(|worker| &worker.kind) {
            Some(WorkerKind::Lb(lb)) => RuleTarget::Balancer {
                members: &lb.member_names,
                cookie: &lb.session_cookie,
                sets_cookie: lb.set_session_cookie,
            },
            Some(WorkerKind::Status(_)) => RuleTarget::Status,
            // A listed worker that is missing here has an error of its own.
            Some(WorkerKind::Ajp13(_)) | None => RuleTarget::Backend,
        })
    }
}

/// Reads a file that must be text.
///
/// # Errors
///
/// The reason in words, without the path.
pub fn read_text(files: &dyn Files, path: &str) -> Result<String, String> {
    let bytes = files.read(path)?;
    must_be_text(&bytes)?;
    Ok(text::owned(&bytes))
}

/// Refuses what is no text in an encoding that ASCII is part of.
///
/// # Errors
///
/// The reason in words.
pub fn must_be_text(bytes: &[u8]) -> Result<(), String> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err("the file is UTF-16, expected ASCII or UTF-8".to_owned());
    }
    match memchr::memchr(0, bytes) {
        Some(at) => Err(format!("byte {at} is NUL, expected text")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::in_memory::InMemory;
    use crate::config::{Context, Section};
    use crate::uri_map::Origin;

    fn checked(workers: &str) -> Vec<String> {
        let mut main = ServerSettings::default();
        let origin = Origin::new("jk.conf", 1);
        let context = Context { is_virtual: false, section: Section::Server, origin };
        main.set("JkWorkersFile", "w", None, &context).expect("a directive");
        let files = InMemory::new(&[("w", workers)]);
        let checked = check(&[&main], None, &files);
        checked.problems.iter().map(|own| format!("{:?} {own}", own.severity)).collect()
    }

    #[test]
    fn mounts_of_workers_are_checked_too() {
        let text = "worker.list=w1\nworker.w1.type=ajp13\nworker.w1.mount=/ok nonsense\n";
        let problems = checked(text);
        let expected = "Error w:3: worker.w1.mount: invalid pattern \"nonsense\", \
                        expected a path that begins with a slash";
        assert_eq!(problems, [expected]);
    }

    #[test]
    fn a_mount_file_that_is_no_text_has_no_rules() {
        let files = InMemory::new(&[("m", "/a=w\n\0")]);
        let mount_file = Some(("m".to_owned(), Origin::new("jk.conf", 7)));
        let main = ServerSettings { mount_file, ..ServerSettings::default() };
        let (mounts, problems) = mounts_of(&main, None, &files);
        assert_eq!(main_rules(&mounts).len(), 0);
        let said: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let expected =
            "jk.conf:7: JkMountFile m: byte 5 is NUL, expected text; none of its rules is used";
        assert_eq!((said, problems[0].severity), (vec![expected.to_owned()], Severity::Warning));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let files = InMemory::default();
        let mut main = ServerSettings::default();
        let origin = Origin::new("jk.conf", 7);
        main.workers_file = Some(("w".to_owned(), origin.clone()));
        main.mount_file = Some(("m".to_owned(), origin));
        let checked = check(&[&main], None, &files);
        let errors = checked.problems.iter().filter(|own| own.severity == Severity::Error);
        let texts: Vec<_> = errors.map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "jk.conf:7: JkWorkersFile w: there is no such file",
                "jk.conf:7: JkMountFile m: there is no such file"
            ]
        );
    }
}
