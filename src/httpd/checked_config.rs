//! The whole configuration, read and checked without any effect.

use std::collections::BTreeSet;
use std::ffi::c_int;

use crate::config::threads::small_shares;
use crate::config::validate::{Checked, Files, check};
use crate::config::{Diagnostic, LogLevel, Origin, ServerSettings, Severity, dump, unfinished};
use crate::httpd::config_files::InPool;
use crate::httpd::error_log::say;
use crate::httpd::ffi::{apr_pool_t, server_rec};
use crate::httpd::{exposure, ffi, opening, sections};
use crate::messages::MessageCode::{JK101, JK102, JK108, JK213};
use crate::status::exposure::warning;
use crate::uri_map::merge::main_rules;
use crate::worker::mounts::file::Texts;
use crate::worker::{Processes, Workers, fault};

/// The whole configuration, as far as files say.
pub struct CheckedConfig {
    servers: Vec<ServerSettings>,
    /// Path of the workers file, if there is one.
    workers_file: Option<String>,
    /// The workers, the mounts and what is wrong with them.
    pub checked: Checked,
    /// Paths of the mount files.
    mount_files: BTreeSet<String>,
}

/// Texts that stand in for files that are broken.
#[derive(Clone, Debug, Default)]
pub struct LastGood {
    /// Of the workers file.
    pub workers: Option<String>,
    /// Of mount files.
    pub mounts: Texts,
}

/// Which problems to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Only what keeps httpd from starting.
    Errors,
    /// That, and what an administrator should know at each start.
    Warnings,
    /// Everything there is to say.
    Notices,
}

impl LastGood {
    /// Lets what was in force before a restart stand in for mount files that must not take its place.
    /// Returns what there is to say.
    pub fn stand_in(&mut self, plan: &CheckedConfig, before: &Texts) -> Vec<String> {
        let mut said = Vec::new();
        for path in &plan.mount_files {
            if self.mounts.contains_key(path) {
                continue;
            }
            let known = before.get(path);
            let text = known.map(Vec::as_slice).unwrap_or_default();
            // A file that was not named before is judged as at a start, but ends no running server.
            let fault = fault(path, text, &plan.checked.workers);
            if let Some((code, why)) =
                fault.filter(|(code, _)| known.is_some() || *code == JK213.text())
            {
                let rest = match known {
                    Some(_) => "the previous rules stay in use",
                    None => "no rules of this file apply until it can be read",
                };
                said.push(format!("{code} {path}: {why}; {rest}"));
                self.mounts.insert(path.clone(), text.to_vec());
            }
        }
        said
    }
}

impl CheckedConfig {
    /// Returns what each server's directives say.
    pub fn settings(&self) -> &[ServerSettings] {
        &self.servers
    }

    /// Returns the path of the workers file, if there is one.
    pub fn workers_file(&self) -> Option<&str> {
        self.workers_file.as_deref()
    }

    /// Tells whether httpd must not start with it.
    pub fn is_broken(&self) -> bool {
        self.checked.is_broken()
    }

    /// Returns the first mistake for which httpd must not start.
    pub fn first_error(&self) -> Option<String> {
        let mut errors = self.checked.problems.iter().filter(|one| one.severity == Severity::Error);
        errors.next().map(ToString::to_string)
    }

    /// Says why the workers of a restart must not take the place of `before`, although no line of them
    /// has an error: the file is empty or half-written.
    pub fn unfinished(&self, before: &Self) -> Option<String> {
        unfinished(&before.checked, &self.checked, self.workers_file.as_deref())
    }

    /// Writes the problems to httpd's error log.
    pub fn report(&self, main: *mut server_rec, upto: Level) {
        for problem in &self.checked.problems {
            let (own, level, code) = match problem.severity {
                Severity::Error => (Level::Errors, LogLevel::Error, JK101.text()),
                Severity::Warning => (Level::Warnings, LogLevel::Warn, JK102.text()),
                Severity::Notice => (Level::Notices, LogLevel::Warn, JK108.text()),
            };
            if own <= upto {
                say(main, level, &format!("{code} {problem}"));
            }
        }
    }

    /// Looks at what a start opens and creates, so that `httpd -t` says what a start would end with.
    pub fn look(&mut self, ptemp: *mut apr_pool_t, is_test: bool) {
        let denied = std::io::Error::from_raw_os_error(libc::EACCES).to_string();
        for problem in &mut self.checked.problems {
            // Only files are refused for this reason; another user may read them.
            if is_test && problem.severity == Severity::Error && problem.text.ends_with(&denied) {
                problem.severity = Severity::Warning;
                problem.text.push_str(" for this user; httpd started as this user would fail");
            }
        }
        let logs = self.servers.iter().filter_map(|own| opening::log_file(ptemp, own, is_test));
        self.checked.problems.extend(logs);
        if is_test && !self.is_broken() {
            // Names are left to the start: a test waits for no name server.
            let memory = Workers::check_memory(&self.checked.workers, processes().children);
            if let Err(why) = memory {
                let origin = Origin::new("shared memory", 0);
                self.checked.problems.push(Diagnostic::error(&origin, why.to_string()));
            }
        }
    }

    /// Returns the configuration in force, for `-D DUMP_JK`.
    pub fn dump(&self) -> String {
        let servers: Vec<_> = self.servers.iter().collect();
        dump(&servers, &self.checked)
    }
}

/// Reads and checks everything, without any effect.
///
/// # Safety
///
/// `main` must be httpd's list of servers, during configuration.
pub unsafe fn plan(
    main: *mut server_rec,
    ptemp: *mut apr_pool_t,
    last_good: &LastGood,
) -> CheckedConfig {
    // SAFETY: as for this function.
    let mut servers = unsafe { sections::settings(main) };
    let tree = exposure::tree();
    sections::find_addresses(&mut servers, &tree);
    let every: Vec<_> = servers.iter().map(|(_, settings)| settings).collect();
    let files = InPool(ptemp, &last_good.mounts);
    let mut checked = check(&every, last_good.workers.as_deref(), &files);
    let named = every.iter().filter_map(|own| own.mount_file.as_ref());
    let mount_files = named.map(|(path, _)| files.rooted(path)).collect();
    let workers_file = every.first().and_then(|main| main.workers_file.as_ref());
    let workers_file = workers_file.map(|(path, _)| files.rooted(path));
    // What was good stays good when strictness comes.
    let is_strict =
        last_good.workers.is_none() && every.first().is_some_and(|main| main.strict == Some(true));
    let aliases = every.iter().filter_map(|own| opening::auto_alias(ptemp, own, is_strict));
    checked.problems.extend(aliases);
    for mut small in small_shares(&checked.workers, processes().threads) {
        if is_strict {
            small.severity = Severity::Error;
        }
        checked.problems.push(small);
    }
    for ((own, settings), mounts) in servers.iter().zip(&checked.mounts) {
        let rules = main_rules(mounts);
        // SAFETY: a server of the list.
        let open =
            unsafe { exposure::open_status(&tree, *own, settings, &rules, &checked.workers) };
        checked.problems.extend(open.into_iter().map(|rule| warning(rule, is_strict)));
    }
    let servers = servers.into_iter().map(|(_, settings)| settings).collect();
    CheckedConfig { servers, workers_file, checked, mount_files }
}

/// Returns how large httpd may become, as it is configured.
pub fn processes() -> Processes {
    let children = asked(ffi::AP_MPMQ_HARD_LIMIT_DAEMONS).map_or(256, |count| count.max(1));
    let (daemons, threads) = (asked(ffi::AP_MPMQ_MAX_DAEMONS), asked(ffi::AP_MPMQ_MAX_THREADS));
    // A child of prefork is one thread.
    let threads = daemons.unwrap_or(0).saturating_mul(threads.unwrap_or(1).max(1));
    Processes { children: children as usize, threads, most_idle: None }
}

/// Asks the MPM for a number; `None` if it does not know it.
pub fn asked(what: u32) -> Option<u32> {
    let mut count = 0;
    // SAFETY: httpd stores a number; it knows its MPM by now.
    let status = unsafe { ffi::ap_mpm_query(what as c_int, &raw mut count) };
    u32::try_from(count).ok().filter(|_| status == 0)
}
