//! What a child owns: the subscriber, the background thread.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use super::ffi::{apr_pool_t, server_rec};
use super::logging::{self, say};
use super::server;
use super::setup::servers;
use crate::config::LogLevel;
use crate::log;
use crate::worker::watchdog::Watchdog;

/// Begins the child's work.
///
/// # Safety
///
/// The arguments must be those of a child_init hook.
pub unsafe fn begin(pchild: *mut apr_pool_t, main: *mut server_rec) {
    stay_loaded();
    // SAFETY: httpd keeps the servers as long as the child lives; the main one comes first.
    let logs = unsafe { servers(main) }
        .filter_map(|(_, conf)| Some(Arc::clone(&conf.ready.get()?.log)))
        .collect();
    log::install(logs, logging::PRESENT);
    // SAFETY: the child's pool is live. What comes first here is called last, so that the lines of
    // the background thread's end are among those that are written.
    unsafe { server::before_pool_ends(pchild, (), |()| log::close()) };
    // SAFETY: httpd keeps the servers as long as the child lives.
    let Some(ready) = (unsafe { server::of(main) }).and_then(|conf| conf.ready.get()) else {
        return;
    };
    log::within(Some(&ready.log), || ready.mounts.catch_up());
    if !ready.workers.base().shares.claim(std::process::id()) {
        let text = "JK-106 no row for this child in shared memory; its requests count, but are not given back should it be killed";
        say(main, LogLevel::Warn, text);
    }
    // Without an interval there is still background work; mod_jk did it inside requests.
    let config = ready.workers.base().config();
    let interval = config.interval(ready.settings.watchdog_interval).unwrap_or(Duration::MAX);
    let started = without_signals(|| {
        let (workers, mounts) = (Arc::clone(&ready.workers), Arc::clone(&ready.mounts));
        Watchdog::start(workers, mounts, interval, Some(Arc::clone(&ready.log)))
    });
    match started {
        // SAFETY: the child's pool is live; the first thing of its end is to stop the thread and to
        // wait for it.
        Ok(watchdog) => unsafe { server::before_pool_ends(pchild, watchdog, stop) },
        Err(why) => say(
            main,
            LogLevel::Error,
            &format!(
                "JK-103 no background thread: {why}; members in error come back by requests only"
            ),
        ),
    }
}

/// Ends the background thread.
fn stop(watchdog: &Watchdog) {
    watchdog.stop();
}

/// Keeps this library in the child's memory to the very end. A child that exits destroys its
/// configuration, which unloads the modules, while there may still be a thread that waits for a name
/// server, a buffer of ours in somebody's brigade, or a destructor of a thread's own values.
fn stay_loaded() {
    // SAFETY: all-zero is a valid place: four null pointers.
    let mut own: libc::Dl_info = unsafe { std::mem::zeroed() };
    let address: *const c_void = (stay_loaded as fn()) as *const c_void;
    // SAFETY: looks an address up and fills the place.
    if unsafe { libc::dladdr(address, &raw mut own) } == 0 {
        return;
    }
    let flags = libc::RTLD_NOW | libc::RTLD_NOLOAD | libc::RTLD_NODELETE;
    // SAFETY: the name is that of a loaded object, which is marked and not loaded again.
    unsafe { libc::dlopen(own.dli_fname, flags) };
}

/// Blocks all signals for a while, so that a thread begun meanwhile never gets one: httpd's own
/// handlers end the process on the thread they run on, and that thread would wait for itself.
fn without_signals<T>(body: impl FnOnce() -> T) -> T {
    // SAFETY: all-zero is a valid signal set; both are filled below.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: fills a set.
    unsafe { libc::sigfillset(&raw mut all) };
    // SAFETY: reads one set and writes the other.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before) };
    let result = body();
    // SAFETY: sets what was before.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    result
}
