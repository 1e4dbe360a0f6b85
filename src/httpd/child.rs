//! What a child owns: the subscriber, the background thread.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use super::ffi::{apr_pool_t, server_rec};
use super::server;
use super::setup::say;
use crate::config::LogLevel;
use crate::log;
use crate::worker::watchdog::Watchdog;

/// The main server, for lines without a request. Set in the child only.
static MAIN: AtomicPtr<server_rec> = AtomicPtr::new(ptr::null_mut());

/// Writes a line to httpd's error log, at the levels of `LogLevel jk:…`.
pub fn host_log(level: LogLevel, line: &str) {
    say(MAIN.load(Ordering::Relaxed), level, line);
}

/// Begins the child's work.
///
/// # Safety
///
/// The arguments must be those of a child_init hook.
pub unsafe fn begin(pchild: *mut apr_pool_t, main: *mut server_rec) {
    MAIN.store(main, Ordering::Relaxed);
    log::install();
    // SAFETY: httpd keeps the servers as long as the child lives.
    let Some(ready) = (unsafe { server::of(main) }).and_then(|conf| conf.ready.get()) else {
        return;
    };
    if !ready.workers.base().shares.claim(std::process::id()) {
        let text = "JK-106 no row for this child in shared memory; its requests count, but are not given back should it be killed";
        say(main, LogLevel::Warn, text);
    }
    // Without an interval there is still background work; mod_jk did it inside requests.
    let interval = match ready.settings.watchdog_interval {
        None | Some(0) => 60,
        Some(seconds) => seconds,
    };
    let interval = Duration::from_secs(interval.into());
    let started = without_signals(|| {
        Watchdog::start(Arc::clone(&ready.workers), interval, Some(Arc::clone(&ready.log)))
    });
    match started {
        // SAFETY: the child's pool is live; the first thing of its end is to stop the thread and to
        // wait for it.
        Ok(watchdog) => unsafe { server::give_to_pool_first(pchild, Box::new(watchdog)) },
        Err(why) => say(
            main,
            LogLevel::Error,
            &format!(
                "JK-103 no background thread: {why}; members in error come back by requests only"
            ),
        ),
    }
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
