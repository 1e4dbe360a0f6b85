//! The functions httpd calls. A few lines each: guard, safe view, hand over.

use std::ffi::c_int;
use std::io::Write;
use std::ptr;

use crate::config::LogLevel;
use crate::httpd::capacity;
use crate::httpd::checked_config;
use crate::httpd::checked_config::{CheckedConfig, LastGood, Level};
use crate::httpd::ending::after_panic;
use crate::httpd::error_log::say;
use crate::httpd::ffi;
use crate::httpd::ffi::{apr_pool_t, conn_rec, request_rec, server_rec};
use crate::httpd::guard::{guard, guard_with};
use crate::httpd::request::Request;
use crate::httpd::{
    child_init, handler, parking, post_config, request_log, retained, server_status, servers,
    translate, version,
};
use crate::messages::MessageCode::{JK104, JK105};
use crate::text;

const OK: c_int = ffi::OK as c_int;
const DECLINED: c_int = ffi::DECLINED;
const FAILED: c_int = ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;

/// Refuses an httpd that lacks what the module needs, before it reads a directive.
///
/// # Safety
///
/// The arguments must be those of a pre_config hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_pre_config(
    _pconf: *mut apr_pool_t,
    _plog: *mut apr_pool_t,
    _ptemp: *mut apr_pool_t,
) -> c_int {
    guard("pre_config", FAILED, || match version::refusal(version::running()) {
        Some(why) => {
            // There is no server yet: it goes where httpd logs, at a start to the terminal.
            say(ptr::null(), LogLevel::Emerg, &why);
            FAILED
        }
        None => OK,
    })
}

/// Checks the configuration, for `httpd -t` and before a start.
///
/// # Safety
///
/// The arguments must be those of a check_config hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_check_config(
    _pconf: *mut apr_pool_t,
    _plog: *mut apr_pool_t,
    ptemp: *mut apr_pool_t,
    main: *mut server_rec,
) -> c_int {
    guard("check_config", FAILED, || {
        // A restart must not end a running server: post_config falls back to what was good.
        if !is_test() && is_real_pass() {
            return OK;
        }
        // SAFETY: the arguments are those of the hook.
        let mut plan = unsafe { checked_config::plan(main, ptemp, &LastGood::default()) };
        plan.look(ptemp, is_test());
        plan.report(main, if is_test() { Level::Notices } else { Level::Errors });
        if is_test() && !plan.is_broken() {
            // SAFETY: the arguments are those of the hook.
            unsafe { capacity::look(main, &plan.checked.workers) };
        }
        // SAFETY: httpd copies nothing and keeps nothing of the name.
        if is_test() && unsafe { ffi::ap_exists_config_define(c"DUMP_JK".as_ptr()) } != 0 {
            // The reader may have closed the pipe.
            let _ = std::io::stdout().write_all(&text::raw(&plan.dump()));
        }
        if plan.is_broken() { FAILED } else { OK }
    })
}

/// Makes everything ready that children inherit.
///
/// # Safety
///
/// The arguments must be those of a post_config hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_post_config(
    pconf: *mut apr_pool_t,
    _plog: *mut apr_pool_t,
    ptemp: *mut apr_pool_t,
    main: *mut server_rec,
) -> c_int {
    guard("post_config", FAILED, || {
        if is_test() || !is_real_pass() {
            return OK;
        }
        let mut last_good = LastGood::default();
        // SAFETY: the arguments are those of the hook.
        let plan = |last_good: &LastGood| unsafe { checked_config::plan(main, ptemp, last_good) };
        let mut next = plan(&last_good);
        next.report(main, Level::Warnings);
        let mut fallback = next.first_error();
        // A running server goes on with what was good.
        let (before, workers_before) = (retained::mount_texts(), retained::workers_text());
        let mut stand_in = |next: &mut CheckedConfig, last_good: &mut LastGood| {
            let said = before.iter().flat_map(|texts| last_good.stand_in(next, texts));
            let said: Vec<_> = said.collect();
            said.iter().for_each(|line| say(main, LogLevel::Error, line));
            if let Some(first) = said.into_iter().next() {
                fallback.get_or_insert(first);
                *next = plan(last_good);
            }
        };
        stand_in(&mut next, &mut last_good);
        let mut rejected = next.is_broken().then(|| {
            "the new workers were rejected because of the errors above: the previous workers stay in use"
                .to_owned()
        });
        let mut unfinished = None;
        if let (None, Some(text)) = (&rejected, &workers_before) {
            let with_those = plan(&LastGood { workers: Some(text.clone()), ..last_good.clone() });
            unfinished = next.unfinished(&with_those).filter(|_| !with_those.is_broken());
            let kept = |why: &String| format!("{why}; the previous workers stay in use");
            rejected = unfinished.as_ref().map(kept);
        }
        if let Some(why) = rejected {
            let Some(text) = workers_before.clone() else { return FAILED };
            say(main, LogLevel::Error, &format!("{JK104} {why}"));
            last_good.workers = Some(text);
            next = plan(&last_good);
            // A rule may name a worker of the file that is broken.
            stand_in(&mut next, &mut last_good);
            if next.is_broken() {
                return FAILED;
            }
        }
        let fallback = unfinished.or(fallback);
        // SAFETY: as above.
        let install = |next: &CheckedConfig, last_good: &LastGood, fallback: Option<&str>| unsafe {
            post_config::install(pconf, main, next, last_good, fallback, before.is_some())
        };
        let mut installed = install(&next, &last_good, fallback.as_deref());
        // A start that fails has no previous workers, only what it kept itself a moment ago.
        if let (Err(why), None, Some(text)) = (&installed, &last_good.workers, workers_before) {
            // More workers than there is memory for: what was good has its memory already.
            say(main, LogLevel::Error, &format!("{JK104} {why}: the previous workers stay in use"));
            last_good.workers = Some(text);
            let why = why.clone();
            next = plan(&last_good);
            installed = install(&next, &last_good, Some(&why));
        }
        match installed {
            Ok(()) => OK,
            Err(why) => {
                say(main, LogLevel::Error, &format!("{JK105} {why}"));
                FAILED
            }
        }
    })
}

/// Begins a child.
///
/// # Safety
///
/// The arguments must be those of a child_init hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_child_init(pchild: *mut apr_pool_t, main: *mut server_rec) {
    // SAFETY: the arguments are those of the hook.
    guard("child_init", (), || unsafe { child_init::begin(pchild, main) });
}

/// Learns that a child is gone: what it had under way is given back.
///
/// # Safety
///
/// The arguments must be those of a child_status hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_child_ended(main: *mut server_rec, pid: libc::pid_t) {
    guard("child_status", (), || {
        // SAFETY: httpd passes its main server, which lives as long as the configuration.
        let ready = (unsafe { servers::of(main) }).and_then(|conf| conf.ready.get());
        if let (Some(ready), Ok(pid)) = (ready, u32::try_from(pid)) {
            ready.workers.base().child_counts.release(pid);
        }
    });
}

/// Follows mount files in the parent too, so that a child that begins later begins with the last
/// good rules even if the file has become bad meanwhile. httpd calls this about every ten seconds.
///
/// # Safety
///
/// The argument must be that of a monitor hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_monitor(main: *mut server_rec) {
    guard("monitor", (), || {
        // SAFETY: httpd passes its main server, which lives as long as the configuration.
        let server = unsafe { servers::of(main) };
        if let Some(ready) = server.and_then(|conf| conf.ready.get()) {
            ready.mounts.look(crate::clock::now(), false);
            let fresh = ready.mounts.fresh_texts();
            if !fresh.is_empty() {
                let mut texts = retained::mount_texts().unwrap_or_default();
                texts.extend(fresh);
                retained::keep_mounts(&texts);
            }
        }
    });
}

/// Lets a connection be parked.
///
/// # Safety
///
/// `c` must be the connection httpd passes to a process_connection hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_process_connection(c: *mut conn_rec) -> c_int {
    if !parking::is_on() {
        return DECLINED;
    }
    // What serves requests within has guards of its own.
    // SAFETY: the argument is that of the hook.
    unsafe { parking::process_connection(c) }
}

/// Takes a parked connection back.
///
/// # Safety
///
/// `c` must be the connection httpd passes to a resume_connection hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_resume_connection(c: *mut conn_rec, _r: *mut request_rec) {
    if parking::is_on() {
        // SAFETY: the argument is that of the hook.
        guard("resume_connection", (), || unsafe { parking::resume_connection(c) });
    }
}

/// Maps a request.
///
/// # Safety
///
/// `r` must be the request httpd passes to a translate_name hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_translate_name(r: *mut request_rec) -> c_int {
    // SAFETY: httpd keeps `r` alive and gives it to one thread only until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    guard("translate_name", FAILED, || request.map_or(DECLINED, translate::translate))
}

/// Maps a request that another module translated.
///
/// # Safety
///
/// `r` must be the request httpd passes to a map_to_storage hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_map_to_storage(r: *mut request_rec) -> c_int {
    // SAFETY: httpd keeps `r` alive and gives it to one thread only until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    // Most requests are not ours, and the guard costs more than to see that.
    let Some(request) = request.filter(translate::is_for_storage) else { return DECLINED };
    guard("map_to_storage", FAILED, || translate::to_storage(request))
}

/// Serves a request.
///
/// # Safety
///
/// `r` must be the request httpd passes to a handler hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_handler(r: *mut request_rec) -> c_int {
    // SAFETY: httpd keeps `r` alive and gives it to one thread only until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    let Some(request) = request.filter(handler::is_for_handler) else { return DECLINED };
    guard_with("handler", || after_panic(request), || handler::handle(request))
}

/// Sees a request off.
///
/// # Safety
///
/// `r` must be the request httpd passes to a log_transaction hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_log_transaction(r: *mut request_rec) -> c_int {
    // SAFETY: httpd keeps `r` alive and gives it to one thread only until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    let Some(request) = request.filter(request_log::is_for_log) else { return DECLINED };
    guard("log_transaction", DECLINED, || {
        request_log::write(request);
        DECLINED
    })
}

/// Adds to the page of mod_status.
///
/// # Safety
///
/// `r` must be the request mod_status passes to a status hook.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_server_status(r: *mut request_rec, flags: c_int) -> c_int {
    // SAFETY: httpd keeps `r` alive and gives it to one thread only until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    guard("status_hook", OK, || {
        request.into_iter().for_each(|request| server_status::write(&request, flags));
        OK
    })
}

/// Tells whether httpd only checks its configuration.
fn is_test() -> bool {
    // SAFETY: takes a number and returns one.
    let mode = unsafe { ffi::ap_state_query(ffi::AP_SQ_RUN_MODE as c_int) };
    mode == ffi::AP_SQ_RM_CONFIG_TEST as c_int
}

/// Tells whether this pass is the one that children come from; httpd makes one before it at start.
fn is_real_pass() -> bool {
    // SAFETY: takes a number and returns one.
    let state = unsafe { ffi::ap_state_query(ffi::AP_SQ_MAIN_STATE as c_int) };
    state != ffi::AP_SQ_MS_CREATE_PRE_CONFIG as c_int
}
