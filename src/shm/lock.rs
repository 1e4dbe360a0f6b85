//! The lock between processes. It serves changes through the status worker only: never a request,
//! and never the parent: who holds a robust mutex is told by pointers in shared memory, to which
//! root's process must not listen.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::time::Duration;

use crate::clock;

/// A mutex in shared memory that survives the death of its holder.
#[repr(C, align(64))]
#[derive(Debug)]
pub struct Lock {
    mutex: UnsafeCell<libc::pthread_mutex_t>,
}

// SAFETY: the mutex is only touched through pthread functions, which are made for that; it is
// process-shared, so threads of all processes may use it at once.
unsafe impl Sync for Lock {}

/// The right to change what the lock protects, until dropped. It stays with the thread that took it:
/// only that one may unlock the mutex.
///
/// ```compile_fail
/// fn is_send<T: Send>() {}
/// is_send::<mod_jk::shm::LockGuard<'static>>();
/// ```
#[derive(Debug)]
pub struct LockGuard<'l> {
    lock: &'l Lock,
    of_this_thread: PhantomData<*const ()>,
}

impl Lock {
    /// Makes the lock usable.
    ///
    /// # Safety
    ///
    /// Once for each lock, before another thread or process may know it.
    pub(super) unsafe fn init(&self) {
        // SAFETY: all-zero is a valid place for the attributes, which are filled next.
        let mut kind: libc::pthread_mutexattr_t = unsafe { std::mem::zeroed() };
        // SAFETY: `kind` is a valid place.
        unsafe { libc::pthread_mutexattr_init(&raw mut kind) };
        // SAFETY: `kind` was made above.
        unsafe { libc::pthread_mutexattr_setpshared(&raw mut kind, libc::PTHREAD_PROCESS_SHARED) };
        // SAFETY: as above.
        unsafe { libc::pthread_mutexattr_setrobust(&raw mut kind, libc::PTHREAD_MUTEX_ROBUST) };
        // SAFETY: the mutex is not shared yet, by contract.
        unsafe { libc::pthread_mutex_init(self.mutex.get(), &raw const kind) };
        // SAFETY: `kind` was made above and is not used again.
        unsafe { libc::pthread_mutexattr_destroy(&raw mut kind) };
    }

    /// Waits for the lock, for at most [`HOLD_LIMIT`]. `None` if it is not available: its holder
    /// does so for microseconds, unless it was stopped.
    pub fn hold(&self) -> Option<LockGuard<'_>> {
        // The lock goes by the wall clock.
        let until = libc::timespec {
            tv_sec: (clock::unix_now() + HOLD_LIMIT).as_secs() as libc::time_t,
            tv_nsec: 0,
        };
        // SAFETY: `init` made the mutex, and it is never unmapped; `until` is a valid time.
        match unsafe { libc::pthread_mutex_timedlock(self.mutex.get(), &raw const until) } {
            0 => Some(LockGuard { lock: self, of_this_thread: PhantomData }),
            libc::EOWNERDEAD => {
                // What it protects is switched over in one store: there is nothing to mend.
                // SAFETY: this thread holds the mutex now.
                unsafe { libc::pthread_mutex_consistent(self.mutex.get()) };
                Some(LockGuard { lock: self, of_this_thread: PhantomData })
            }
            _ => None,
        }
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        // SAFETY: this thread holds the mutex: `LockGuard` cannot be copied, and its type is not `Send`.
        unsafe { libc::pthread_mutex_unlock(self.lock.mutex.get()) };
    }
}

/// A change waits no longer for those of other children.
pub const HOLD_LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::HOLD_LIMIT;
    use crate::clock;
    use crate::shm::{Capacity, Segment};

    #[test]
    fn a_holder_that_dies_neither_locks_out_nor_spoils() {
        let segment = Segment::create(Capacity { balancers: 1, members: 1, children: 1 });
        let overrides = segment.expect("memory").overrides();
        assert_eq!(overrides.read(), (0, String::new()));
        let held = overrides.lock.hold().expect("it is free");
        assert!(overrides.write(&held, "first"));
        assert!(!overrides.write(&held, &"x".repeat(70_000)), "there is no room for that");
        drop(held);
        // SAFETY: the child of a fork only touches shared memory and leaves.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let held = overrides.lock.hold();
            let is_written = held.as_ref().is_some_and(|held| overrides.write(held, "second"));
            std::mem::forget(held);
            // SAFETY: ends the child at once, with the lock still held.
            unsafe { libc::_exit(i32::from(!is_written)) };
        }
        let mut status = 0;
        // SAFETY: `child` is our own child.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        let held = overrides.lock.hold().expect("its holder is dead");
        assert_eq!(overrides.read(), (2, "second".to_owned()));
        assert!(overrides.write(&held, "3"));
        assert_eq!(overrides.read(), (3, "3".to_owned()));
    }

    #[test]
    fn a_holder_that_is_stopped_is_not_waited_for_long() {
        let segment = Segment::create(Capacity { balancers: 1, members: 1, children: 1 });
        let overrides = segment.expect("memory").overrides();
        let held = overrides.lock.hold().expect("it is free");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let begun = clock::now();
                (overrides.lock.hold().is_none(), clock::now().since(begun))
            });
            let (is_refused, waited) = waiting.join().expect("no panic");
            assert!(is_refused && waited >= HOLD_LIMIT / 2, "{waited:?}");
        });
        drop(held);
        assert!(overrides.lock.hold().is_some());
    }
}
