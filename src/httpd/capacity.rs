//! What httpd's size comes to where requests wait: said at a start and by `httpd -t`.

use crate::config::capacity::{FACTOR, HttpdSize, WorkerFactor};
use crate::config::{AsyncMode, AsyncSettings, LogLevel, ServerSettings, WorkersConfig};
use crate::httpd::checked_config::{asked, processes};
use crate::httpd::error_log::{remark, say};
use crate::httpd::ffi::server_rec;
use crate::httpd::{exposure, ffi, parking, servers};
use crate::messages::MessageCode::{JK113, JK114, JK116, JK117};
use crate::worker::Processes;

/// Returns how large httpd may become with such servers. Where requests can be parked and nothing is said of that, a child
/// keeps as many connections as it has threads: a burst of parked requests leaves no more than one of threads did.
pub fn size(servers: &[ServerSettings]) -> Processes {
    let is_asked = |own: &ServerSettings| own.parking.given().is_some() && own.parking.parks();
    let is_unset = parking::is_possible() && !servers.iter().any(is_asked);
    let threads = asked(ffi::AP_MPMQ_MAX_THREADS).filter(|count| *count > 0 && is_unset);
    Processes { most_idle: threads.map(|count| count as usize), ..processes() }
}

/// Says what keeps requests from being parked or from being many, and what those that wait need.
///
/// # Safety
///
/// `main` must be httpd's list of servers.
pub unsafe fn look(main: *mut server_rec, workers: &WorkersConfig) {
    // SAFETY: as for this function.
    let settings = unsafe { servers::all(main) }.map(|(_, conf)| conf.settings.parking);
    let settings: Vec<_> = settings.collect();
    let is_given = |mode| settings.iter().any(|own| own.given() == Some(mode));
    let can_park = parking::is_possible();
    if !can_park && is_given(AsyncMode::On) {
        let text = format!(
            "{JK113} JkAsync On has no effect: it needs the event MPM of httpd 2.4.63 or later; each request that waits for its backend holds a thread, as with JkAsync Off"
        );
        say(main, LogLevel::Warn, &text);
    }
    let threads = asked(ffi::AP_MPMQ_MAX_THREADS).unwrap_or(0).max(1);
    let parks = can_park && settings.iter().any(AsyncSettings::parks);
    // Who has not asked for it has not asked for its arithmetic.
    let is_asked = parks && (is_given(AsyncMode::On) || is_given(AsyncMode::Auto));
    let set = if parks { WorkerFactor::of(&exposure::tree()) } else { None };
    if is_asked && set.is_none() {
        let most = threads * 3;
        let text = format!(
            "{JK114} JkAsync is on and {FACTOR} is not set, so that a child with {threads} threads accepts at most {most} connections, those of waiting requests included; further clients wait until one is free: set {FACTOR} to the number of requests that may wait in a child, divided by {threads}"
        );
        say(main, LogLevel::Warn, &text);
    }
    let Some(children) = asked(ffi::AP_MPMQ_MAX_DAEMONS) else { return };
    let factor = parks.then(|| set.unwrap_or(WorkerFactor::USUAL));
    let size = HttpdSize { children, threads, factor, descriptors: parking::descriptors() };
    if let Some(line) = size.summary(workers, is_asked) {
        remark(main, &format!("{JK116} {line}"));
    }
    if is_asked && let Some(line) = size.shortage() {
        say(main, LogLevel::Warn, &format!("{JK117} {line}"));
    }
}
