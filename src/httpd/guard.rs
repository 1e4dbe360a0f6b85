//! The panic boundary.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::config::LogLevel;
use crate::httpd::error_log::say;
use crate::log;
use crate::messages::MessageCode::JK901;

/// Runs `body`, turning a panic into `on_panic`.
///
/// Unwinding out of an `extern "C"` function aborts the whole httpd child, and with it every
/// request its other threads serve. `name` is the hook, for the log line: where a child has no log of
/// its own yet, and in the parent, which never has one, it goes to httpd's error log.
// Apart, so that hooks that see at once that a request is not theirs need no frame for it.
#[inline(never)]
pub fn guard<T>(name: &'static str, on_panic: T, body: impl FnOnce() -> T) -> T {
    guard_with(name, || on_panic, body)
}

/// The same, where what follows a panic takes more than a value. It must not panic itself.
#[inline(never)]
pub fn guard_with<T>(
    name: &'static str,
    on_panic: impl FnOnce() -> T,
    body: impl FnOnce() -> T,
) -> T {
    // Nothing borrowed by `body` is used after a panic: the request fails and its pool is dropped.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        let line = format!(
            "{JK901} panic caught in {name}; the request failed: {}",
            log::panic_text(&*panic)
        );
        match log::is_installed() {
            true => tracing::error!("{line}"),
            false => say(ptr::null(), LogLevel::Error, &line),
        }
        on_panic()
    })
}
