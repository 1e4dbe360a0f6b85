//! What a background thread does after a defect: it begins again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::log;
use crate::messages::MessageCode::JK902;

/// Runs `body` until it returns. A panic in it is logged, and it is run again after a pause, with
/// nothing of what it had: members in error would never come back otherwise, and httpd would notice
/// nothing.
pub(super) fn again_after_panics(stop: &AtomicBool, pause: Duration, mut body: impl FnMut()) {
    // Nothing borrowed by `body` is used after a panic but what other threads use as well.
    while let Err(panic) = catch_unwind(AssertUnwindSafe(&mut body)) {
        tracing::error!(
            "{JK902} panic in the background thread, which restarts in {} ms: {}",
            pause.as_millis(),
            log::panic_text(&*panic)
        );
        std::thread::sleep(pause);
        if stop.load(Relaxed) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_goes_on_after_a_panic() {
        let (stop, mut runs) = (AtomicBool::new(false), 0);
        again_after_panics(&stop, Duration::ZERO, || {
            runs += 1;
            assert!(runs > 2, "a defect");
        });
        assert_eq!(runs, 3);
        // Told to end meanwhile, it does not begin again.
        stop.store(true, Relaxed);
        again_after_panics(&stop, Duration::ZERO, || {
            runs += 1;
            panic!("another one");
        });
        assert_eq!(runs, 4);
    }
}
