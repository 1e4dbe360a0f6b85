//! The panic boundary.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`, turning a panic into `on_panic`.
///
/// Unwinding out of an `extern "C"` function aborts the whole httpd child, and with it every
/// request its other threads serve. `name` is the hook, for the log line.
// Apart, so that hooks that see at once that a request is not theirs need no frame for it.
#[inline(never)]
pub fn guard<T>(name: &'static str, on_panic: T, body: impl FnOnce() -> T) -> T {
    // Nothing borrowed by `body` is used after a panic: the request fails and its pool is dropped.
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_| {
        tracing::error!("JK-901 panic caught at the httpd boundary in {name}, please report this");
        on_panic
    })
}
