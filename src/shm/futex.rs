//! A number in shared memory as a bell between processes: who waits for room sleeps until another
//! process has rung.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Sleeps until the bell is rung, if it has not been rung since it was `heard`, and for at most
/// `limit`. Returns whether it was, as far as that is known.
#[cfg(target_os = "linux")]
pub fn wait(bell: &AtomicU32, heard: u32, limit: Duration) -> bool {
    let limit = libc::timespec {
        tv_sec: limit.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    // Not the private kind, as the others are other processes.
    // SAFETY: the kernel reads an aligned number and a time, both of which live during the call.
    let result = unsafe {
        libc::syscall(libc::SYS_futex, bell.as_ptr(), libc::FUTEX_WAIT, heard, &raw const limit)
    };
    result == 0 || bell.load(Ordering::Acquire) != heard
}

/// As above, by looking again and again.
#[cfg(not(target_os = "linux"))]
pub fn wait(bell: &AtomicU32, heard: u32, limit: Duration) -> bool {
    std::thread::sleep(limit.min(Duration::from_millis(5)));
    bell.load(Ordering::Acquire) != heard
}

/// Wakes everyone who waits for it, in all processes.
pub fn ring(bell: &AtomicU32) {
    bell.fetch_add(1, Ordering::Release);
    // SAFETY: the kernel reads an aligned number that lives during the call.
    #[cfg(target_os = "linux")]
    unsafe {
        libc::syscall(libc::SYS_futex, bell.as_ptr(), libc::FUTEX_WAKE, libc::c_int::MAX)
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_bell_is_heard_whether_it_rings_before_or_after() {
        let bell = AtomicU32::new(7);
        assert!(!wait(&bell, 7, Duration::from_millis(1)), "it was not rung");
        ring(&bell);
        assert!(wait(&bell, 7, LONG), "it was rung before");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&bell, 8, LONG));
            ring(&bell);
            assert!(waiting.join().expect("no panic"));
        });
    }
}
