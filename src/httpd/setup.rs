//! From directives and files to servers ready to serve.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::ErrorKind;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use super::directives::text;
use super::environment::Names;
use super::ffi::{self, apr_pool_t, server_rec};
use super::logging::{self, Outputs, say};
use super::server::{self, Ready, ServerConf};
use super::{module, protection, retained, rules, sections};
use crate::config::check::{Checked, Files, check, mounts_of};
use crate::config::{LogLevel, ServerSettings, Severity, WorkersConfig, dump, nearest};
use crate::status::protection::warning;
use crate::uri_map::merge::main_rules;
use crate::worker::mount_file::Texts;
use crate::worker::{Host, Live, MountFiles, VERSION, Workers, fault};

/// The whole configuration, as far as files say.
pub struct Plan {
    servers: Vec<ServerSettings>,
    checked: Checked,
    /// Paths of the mount files.
    mount_files: BTreeSet<String>,
}

/// Texts that stand in for files that are broken.
#[derive(Debug, Default)]
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
    pub fn stand_in(&mut self, plan: &Plan, before: &Texts) -> Vec<String> {
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
                fault.filter(|(code, _)| known.is_some() || *code == "JK-213")
            {
                let rest = match known {
                    Some(_) => "the rules read before stay in force",
                    None => "it has no rules until it can be read",
                };
                said.push(format!("{code} {path}: {why}; {rest}"));
                self.mounts.insert(path.clone(), text.to_vec());
            }
        }
        said
    }
}

impl Plan {
    /// Tells whether httpd must not start with it.
    pub fn is_broken(&self) -> bool {
        self.checked.is_broken()
    }

    /// Returns the first mistake for which httpd must not start.
    pub fn first_error(&self) -> Option<String> {
        let mut errors = self.checked.problems.iter().filter(|one| one.severity == Severity::Error);
        errors.next().map(ToString::to_string)
    }

    /// Writes the problems to httpd's error log.
    pub fn report(&self, main: *mut server_rec, upto: Level) {
        for problem in &self.checked.problems {
            let (own, level, code) = match problem.severity {
                Severity::Error => (Level::Errors, LogLevel::Error, "JK-101"),
                Severity::Warning => (Level::Warnings, LogLevel::Warn, "JK-102"),
                Severity::Notice => (Level::Notices, LogLevel::Warn, "JK-108"),
            };
            if own <= upto {
                say(main, level, &format!("{code} {problem}"));
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
pub unsafe fn plan(main: *mut server_rec, ptemp: *mut apr_pool_t, last_good: &LastGood) -> Plan {
    // SAFETY: as for this function.
    let servers = unsafe { sections::settings(main) };
    let every: Vec<_> = servers.iter().map(|(_, settings)| settings).collect();
    let files = InPool(ptemp, &last_good.mounts);
    let mut checked = check(&every, last_good.workers.as_deref(), &files);
    let named = every.iter().filter_map(|own| own.mount_file.as_ref());
    let mount_files = named.map(|(path, _)| files.rooted(path)).collect();
    let is_strict = every.first().is_some_and(|main| main.strict == Some(true));
    let tree = protection::tree();
    for ((own, settings), mounts) in servers.iter().zip(&checked.mounts) {
        let rules = main_rules(mounts);
        // SAFETY: a server of the list.
        let open =
            unsafe { protection::open_status(&tree, *own, settings, &rules, &checked.workers) };
        checked.problems.extend(open.into_iter().map(|rule| warning(rule, is_strict)));
    }
    let servers = servers.into_iter().map(|(_, settings)| settings).collect();
    Plan { servers, checked, mount_files }
}

/// Files as httpd finds them, with a pool for the way, and texts that stand in for some.
struct InPool<'t>(*mut apr_pool_t, &'t Texts);

impl Files for InPool<'_> {
    fn rooted(&self, path: &str) -> String {
        rooted(self.0, path)
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        if let Some(text) = self.1.get(path) {
            return Ok(text.clone());
        }
        let about = std::fs::metadata(path).map_err(|why| match why.kind() {
            ErrorKind::NotFound => format!("{why}{}", similar(path)),
            _ => why.to_string(),
        })?;
        // Reading a pipe would wait for ever.
        if !about.is_file() {
            return Err("it is no regular file".to_owned());
        }
        if about.len() > LARGEST_FILE {
            return Err(format!("it has {} bytes, expected at most {LARGEST_FILE}", about.len()));
        }
        std::fs::read(path).map_err(|why| why.to_string())
    }

    fn variable(&self, name: &str) -> Option<String> {
        match name {
            // Predefined in workers files and mount files.
            "ServerRoot" => Some(rooted(self.0, "").trim_end_matches('/').to_owned()),
            _ => std::env::var(name).ok(),
        }
    }
}

/// Returns how many children there may be at once.
fn most_children() -> usize {
    let mut count = 0;
    // SAFETY: httpd stores a number; it knows its MPM by now.
    let status =
        unsafe { ffi::ap_mpm_query(ffi::AP_MPMQ_HARD_LIMIT_DAEMONS as c_int, &raw mut count) };
    if status == 0 { usize::try_from(count).unwrap_or(0).max(1) } else { 256 }
}

/// Tells whether a directive in the tree mentions a word, or belongs to a language that can read
/// anything. Twenty notes for each request are worth leaving out where nobody reads them.
fn mentions(first: *const ffi::ap_directive_t, word: &[u8]) -> bool {
    let mut next = first;
    while !next.is_null() {
        // SAFETY: httpd's tree links live directives; its end is null.
        let directive = unsafe { &*next };
        let text = |text: *const c_char| match text.is_null() {
            true => &b""[..],
            // SAFETY: names and arguments are C strings of the configuration's pool.
            false => unsafe { CStr::from_ptr(text) }.to_bytes(),
        };
        let is_named = memchr::memmem::find(text(directive.args), word).is_some();
        let is_script =
            text(directive.directive).get(..3).is_some_and(|own| own.eq_ignore_ascii_case(b"Lua"));
        if is_named || is_script || mentions(directive.first_child, word) {
            return true;
        }
        next = directive.next;
    }
    false
}

/// Makes every server ready.
///
/// # Safety
///
/// As for [`plan`]; `pconf` must be the configuration pool.
pub unsafe fn install(
    pconf: *mut apr_pool_t,
    main: *mut server_rec,
    plan: &Plan,
    last_good: &LastGood,
    fallback: Option<&str>,
) -> Result<(), String> {
    let mut workers = Workers::build(&plan.checked.workers, most_children(), retained::places())
        .map_err(|error| error.to_string())?;
    workers.fallback = fallback.map(str::to_owned);
    let workers = Arc::new(workers);
    retained::keep(&plan.checked.text, &workers.places);
    // SAFETY: httpd keeps the tree of directives until its next configuration.
    let tree = unsafe { ffi::ap_conftree };
    let wants_notes = NOTES.iter().any(|name| mentions(tree, name));
    let wants_duration = mentions(tree, b"JK_REQUEST_DURATION");
    for (level, problem) in &workers.problems {
        say(main, *level, problem);
    }
    let live = Arc::new(Live::new(Arc::clone(&workers)));
    for dropped in live.outdated() {
        say(main, LogLevel::Warn, &dropped);
    }
    let mut outputs = Outputs::new();
    // SAFETY: the main server is live.
    let main_settings =
        unsafe { server::of(main) }.map(|conf| conf.settings.clone()).unwrap_or_default();
    let mut next = main;
    while !next.is_null() {
        // SAFETY: `next` is a server of httpd's list.
        unsafe { make_own(pconf, main, next, &main_settings) };
        // SAFETY: as above.
        next = unsafe { (*next).next };
    }
    // SAFETY: as above.
    let all: Vec<_> = unsafe { servers(main) }.collect();
    let hosts = all.iter().enumerate().map(|(place, (server, conf))| {
        let workers = (place == 0).then_some(&plan.checked.workers);
        // SAFETY: a server of the list.
        let name = unsafe { rules::name_of(*server, place == 0) };
        host_of(name, &conf.settings, workers, &InPool(pconf, &last_good.mounts))
    });
    let mounts = MountFiles::build(hosts.collect(), workers.config(), &last_good.mounts);
    retained::keep_mounts(&mounts.fresh_texts());
    let mounts = Arc::new(mounts);
    let files = Arc::clone(&mounts);
    workers.set_rules(move |worker| rules::of_worker(&files, worker));
    let tree = protection::tree();
    for (place, (server, conf)) in all.iter().enumerate() {
        let settings = conf.settings.clone();
        let map = mounts.map(place);
        let rules: Vec<_> = map.current().rules().cloned().collect();
        // SAFETY: a server of the list.
        let open = unsafe {
            protection::open_status(&tree, *server, &settings, &rules, &plan.checked.workers)
        };
        let open_status = open.iter().map(|rule| rule.worker.to_string()).collect();
        let log = logging::log_of(pconf, *server, &settings, &mut outputs)?;
        let names = Names::new(&settings);
        let ready = Ready {
            wants_notes,
            wants_duration: wants_duration || settings.logs_duration(),
            map: Arc::clone(map),
            mounts: Arc::clone(&mounts),
            workers: Arc::clone(&live),
            log,
            settings,
            names,
            open_status,
        };
        // A server is made ready once: the pool is new with every pass.
        let _ = conf.ready.set(ready);
    }
    let token = CString::new(format!("mod_jk/{VERSION}")).unwrap_or_default();
    // SAFETY: httpd copies the token into the pool.
    unsafe { ffi::ap_add_version_component(pconf, token.as_ptr()) };
    Ok(())
}

/// Collects what a server says about mounts; its file is read elsewhere.
fn host_of(
    name: String,
    settings: &ServerSettings,
    workers: Option<&WorkersConfig>,
    files: &dyn Files,
) -> Host {
    let file = settings.mount_file.as_ref().map(|(file, _)| files.rooted(file));
    let without_file = ServerSettings { mount_file: None, ..settings.clone() };
    let (mounts, _) = mounts_of(&without_file, workers, files);
    let seconds = settings.mount_file_reload.unwrap_or(DEFAULT_RELOAD);
    Host { name, mounts, file, reload: Duration::from_secs(seconds.into()) }
}

/// httpd lets virtual hosts without own directives share the main server's configuration; each
/// needs one of its own, as mounts are not inherited.
unsafe fn make_own(
    pconf: *mut apr_pool_t,
    main: *mut server_rec,
    host: *mut server_rec,
    base: &ServerSettings,
) {
    if ptr::eq(main, host) {
        return;
    }
    // SAFETY: a server of httpd's list.
    let own = unsafe { server::of(host) };
    // SAFETY: as above.
    let shared = unsafe { server::of(main) };
    let (Some(own), Some(shared)) = (own, shared) else { return };
    if !ptr::eq(own, shared) {
        return;
    }
    let settings = ServerSettings::merge(base, &ServerSettings::default());
    let conf = Box::new(ServerConf { settings, ..ServerConf::default() });
    // SAFETY: `pconf` is live and owns the configuration.
    let conf = unsafe { server::give_to_pool(pconf, conf) };
    // SAFETY: a server of httpd's list.
    let vector = unsafe { (*host).module_config };
    // SAFETY: the host's vector is writable during configuration.
    let place = unsafe { module::place_in(vector) };
    // SAFETY: as above.
    unsafe { *place = conf.cast::<c_void>() };
}

/// Names a file beside a missing one that may be meant: worker.properties is a usual slip.
fn similar(path: &str) -> String {
    let Some((dir, name)) = path.rsplit_once('/') else { return String::new() };
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let files: Vec<_> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
    match nearest(name, files.iter().map(String::as_str)) {
        Some(other) => format!(", did you mean {dir}/{other}"),
        None => String::new(),
    }
}

/// Returns a path below ServerRoot unless it is absolute.
pub fn rooted(pool: *mut apr_pool_t, path: &str) -> String {
    let Ok(given) = CString::new(path) else { return path.to_owned() };
    // SAFETY: the pool is live and takes the result.
    let full = unsafe { ffi::ap_server_root_relative(pool, given.as_ptr()) };
    // SAFETY: a C string or null.
    let full = unsafe { text(full) };
    if full.is_empty() { path.to_owned() } else { full }
}

/// Iterates over httpd's servers.
///
/// # Safety
///
/// `main` must be httpd's list of servers, which stays as it is for `'s`.
pub unsafe fn servers<'s>(
    main: *mut server_rec,
) -> impl Iterator<Item = (*mut server_rec, &'s ServerConf)> {
    let mut next = main;
    let mut seen: *const ServerConf = ptr::null();
    std::iter::from_fn(move || {
        while !next.is_null() {
            let own = next;
            // SAFETY: a server of the list, by contract.
            next = unsafe { (*own).next };
            // SAFETY: as above.
            if let Some(conf) = unsafe { server::of(own) }
                && !ptr::eq(conf, seen)
            {
                seen = if seen.is_null() { conf } else { seen };
                return Some((own, conf));
            }
        }
        None
    })
}

/// How the names of the notes begin that are only left if something reads them.
const NOTES: &[&[u8]] =
    &[b"JK_LB_", b"JK_MEMBER", b"JK_RETRIES", b"JK_CAUSE", b"JK_CONNECT_US", b"JK_FIRST_BYTE_US"];

/// A hundred thousand workers or rules take a tenth of it.
const LARGEST_FILE: u64 = 64 << 20;

/// `JkMountFileReload` where nothing is set, in seconds.
const DEFAULT_RELOAD: u32 = 60;
