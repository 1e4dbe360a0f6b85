//! Makes every server ready to serve what the checked configuration says.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use crate::clock;
use crate::config::validate::{Files, mounts_of};
use crate::config::{LogLevel, ServerSettings, WorkersConfig};
use crate::httpd::checked_config::{CheckedConfig, LastGood};
use crate::httpd::config_files::InPool;
use crate::httpd::error_log;
use crate::httpd::error_log::{Outputs, say};
use crate::httpd::ffi;
use crate::httpd::ffi::{apr_pool_t, server_rec};
use crate::httpd::pool::give_to_pool;
use crate::httpd::server::{ServerConf, ServerRuntime};
use crate::httpd::variable_names::VariableNames;
use crate::httpd::{capacity, conf_vector, exposure, retained, rules, servers};
use crate::messages::MessageCode::JK112;
use crate::status::view::ConfigurationView;
use crate::worker::{HostRules, MountFiles, RuntimeConfig, VERSION, Workers};

/// Tells whether a directive in the tree mentions a word, or belongs to a language that can read
/// anything. Twenty notes for each request are left out where they are not read.
fn mentions(tree: *const ffi::ap_directive_t, word: &[u8]) -> bool {
    any_directive(tree, &|name, arguments| {
        let is_script = name.get(..3).is_some_and(|own| own.eq_ignore_ascii_case(b"Lua"));
        is_script || memchr::memmem::find(arguments, word).is_some()
    })
}

/// Tells whether a directive of the tree is wanted, by its name and its arguments.
fn any_directive(
    first: *const ffi::ap_directive_t,
    is_wanted: &dyn Fn(&[u8], &[u8]) -> bool,
) -> bool {
    let mut next = first;
    while !next.is_null() {
        // SAFETY: httpd's tree links live directives; its end is null.
        let directive = unsafe { &*next };
        let text = |text: *const c_char| match text.is_null() {
            true => &b""[..],
            // SAFETY: names and arguments are C strings of the configuration's pool.
            false => unsafe { CStr::from_ptr(text) }.to_bytes(),
        };
        if is_wanted(text(directive.directive), text(directive.args))
            || any_directive(directive.first_child, is_wanted)
        {
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
/// As for [`plan`](crate::httpd::checked_config::plan); `pconf` must be the configuration pool.
pub unsafe fn install(
    pconf: *mut apr_pool_t,
    main: *mut server_rec,
    plan: &CheckedConfig,
    last_good: &LastGood,
    fallback: Option<&str>,
    is_restart: bool,
) -> Result<(), String> {
    let mut workers =
        Workers::build(&plan.checked.workers, capacity::size(plan.settings()), retained::records())
            .map_err(|error| error.to_string())?;
    workers.fallback = fallback.map(str::to_owned);
    // The file of a fallback was read when it came into force.
    let read_at = match fallback.is_some() {
        true => retained::read_at(),
        false => clock::unix_now().as_secs() as i64,
    };
    let workers_file = plan.workers_file().map(str::to_owned);
    workers.source = ConfigurationView { workers_file, read_at };
    workers.keep_start(is_restart);
    let workers = Arc::new(workers);
    retained::keep(&plan.checked.text, read_at, &workers.records);
    // SAFETY: httpd keeps the tree of directives until its next configuration.
    let tree = unsafe { ffi::ap_conftree };
    let wants_notes = NOTES.iter().any(|name| mentions(tree, name));
    let wants_duration = mentions(tree, b"JK_REQUEST_DURATION");
    // SAFETY: httpd keeps the servers as long as its configuration.
    unsafe { capacity::look(main, &plan.checked.workers) };
    for (level, problem) in &workers.problems {
        say(main, *level, problem);
    }
    let live = Arc::new(RuntimeConfig::new(Arc::clone(&workers)));
    for dropped in live.outdated() {
        say(main, LogLevel::Warn, &dropped);
    }
    let (mut outputs, mut unopened) = (Outputs::new(), BTreeSet::new());
    // SAFETY: the main server is live.
    let main_settings =
        unsafe { servers::of(main) }.map(|conf| conf.settings.clone()).unwrap_or_default();
    let mut next = main;
    while !next.is_null() {
        // SAFETY: `next` is a server of httpd's list.
        unsafe { make_own(pconf, main, next, &main_settings) };
        // SAFETY: as above.
        next = unsafe { (*next).next };
    }
    // SAFETY: as above.
    let all: Vec<_> = unsafe { servers::all(main) }.collect();
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
    let tree = exposure::tree();
    for (place, (server, conf)) in all.iter().enumerate() {
        let settings = conf.settings.clone();
        let map = mounts.map(place);
        let rules: Vec<_> = map.current().rules().cloned().collect();
        // SAFETY: a server of the list.
        let open = unsafe {
            exposure::open_status(&tree, *server, &settings, &rules, &plan.checked.workers)
        };
        let open_status = open.iter().map(|rule| rule.worker.to_string()).collect();
        let log = match error_log::log_of(pconf, *server, &settings, &mut outputs) {
            Ok(log) => log,
            Err(why) if is_restart => {
                if unopened.insert(why.clone()) {
                    let text = format!(
                        "{JK112} {why}; its lines go to httpd's error log until a restart can open it"
                    );
                    say(main, LogLevel::Error, &text);
                }
                let without = ServerSettings { log_file: None, ..settings.clone() };
                error_log::log_of(pconf, *server, &without, &mut outputs)?
            }
            Err(why) => return Err(why),
        };
        let names = VariableNames::new(&settings);
        let ready = ServerRuntime {
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
) -> HostRules {
    let file = settings.mount_file.as_ref().map(|(file, _)| files.rooted(file));
    let without_file = ServerSettings { mount_file: None, ..settings.clone() };
    let (mounts, _) = mounts_of(&without_file, workers, files);
    let seconds = settings.mount_file_reload.unwrap_or(DEFAULT_RELOAD);
    HostRules { name, mounts, file, reload: Duration::from_secs(seconds.into()) }
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
    let own = unsafe { servers::of(host) };
    // SAFETY: as above.
    let shared = unsafe { servers::of(main) };
    let (Some(own), Some(shared)) = (own, shared) else { return };
    if !ptr::eq(own, shared) {
        return;
    }
    let settings = ServerSettings::merge(base, &ServerSettings::default());
    let conf = Box::new(ServerConf { settings, ..ServerConf::default() });
    // SAFETY: `pconf` is live and owns the configuration.
    let conf = unsafe { give_to_pool(pconf, conf) };
    // SAFETY: a server of httpd's list.
    let vector = unsafe { (*host).module_config };
    // SAFETY: the host's vector is writable during configuration.
    let place = unsafe { conf_vector::place_in(vector) };
    // SAFETY: as above.
    unsafe { *place = conf.cast::<c_void>() };
}

/// How the names of the notes begin that are only left if something reads them.
const NOTES: &[&[u8]] =
    &[b"JK_LB_", b"JK_MEMBER", b"JK_RETRIES", b"JK_CAUSE", b"JK_CONNECT_US", b"JK_FIRST_BYTE_US"];

/// `JkMountFileReload` where nothing is set, in seconds.
const DEFAULT_RELOAD: u32 = 60;
