//! What a child owns: the subscriber, the background thread.

use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use crate::config::LogLevel;
use crate::httpd::error_log;
use crate::httpd::error_log::say;
use crate::httpd::ffi::{apr_pool_t, server_rec};
use crate::httpd::pool::{before_pool_ends, begin_end};
use crate::httpd::{parking, servers};
use crate::log;
use crate::messages::MessageCode::{JK103, JK106, JK113, JK115};
use crate::worker::background::queue_turns;
use crate::worker::background::watchdog::Watchdog;

/// Begins the child's work.
///
/// # Safety
///
/// The arguments must be those of a child_init hook.
pub unsafe fn begin(pchild: *mut apr_pool_t, main: *mut server_rec) {
    stay_loaded();
    // SAFETY: httpd keeps the servers as long as the child lives; the main one comes first.
    let logs = unsafe { servers::all(main) }
        .filter_map(|(_, conf)| Some(Arc::clone(&conf.ready.get()?.log)))
        .collect();
    log::install(logs, error_log::PRESENT);
    // What comes first here is called last.
    // SAFETY: the child's pool is live; nothing of it has gone when this is called.
    unsafe { before_pool_ends(pchild, (), |()| begin_end()) };
    // SAFETY: the child's pool is live. What comes first here is called last, so that the lines of
    // the background thread's end are among those that are written.
    unsafe { before_pool_ends(pchild, (), |()| log::close()) };
    // SAFETY: httpd keeps the servers as long as the child lives.
    let Some(ready) = (unsafe { servers::of(main) }).and_then(|conf| conf.ready.get()) else {
        return;
    };
    log::within(Some(&ready.log), || ready.mounts.catch_up());
    if !ready.workers.base().child_counts.claim(std::process::id()) {
        let text = format!(
            "{JK106} no row for this child in shared memory; if it is killed, its requests in flight are not subtracted: restart httpd if ServerLimit was raised"
        );
        say(main, LogLevel::Warn, &text);
    }
    // SAFETY: httpd keeps the servers as long as the child lives.
    let parks = unsafe { servers::all(main) }.any(|(_, conf)| conf.settings.parking.parks());
    if parks && parking::is_possible() {
        match without_signals(parking::begin) {
            // SAFETY: the child's pool is live. Requests that are parked then are lost with the child.
            Ok(()) => unsafe { before_pool_ends(pchild, (), |()| parking::end()) },
            Err(why) => {
                let text = format!(
                    "{JK113} requests cannot wait without a thread in this child: {why}; each request that waits for its backend holds one, as with JkAsync Off"
                );
                say(main, LogLevel::Warn, &text);
            }
        }
    }
    let begin_queues = || queue_turns::start(Arc::clone(&ready.workers));
    // Where requests are parked, threads may be the limit.
    if (parking::is_on() || ready.workers.base().have_queues())
        && let Err(why) = without_signals(begin_queues)
    {
        let text = format!(
            "{JK115} requests do not wait for room in this child: no thread can be started: {why}; those above busy_limit are answered 503 at once although there is a queue_size, and where JkAsync is not set backends may get more requests than httpd has threads: raise the limit on threads"
        );
        say(main, LogLevel::Error, &text);
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
        Ok(watchdog) => unsafe { before_pool_ends(pchild, watchdog, stop) },
        Err(why) => say(
            main,
            LogLevel::Error,
            &format!(
                "{JK103} cannot start the background thread: {why}; this child runs no probes or health checks: raise the limit on threads"
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
/// server, a buffer of ours in another module's brigade, or a destructor of a thread's own values.
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
