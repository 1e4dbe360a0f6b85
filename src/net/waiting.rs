//! All waiting of a request and of the background thread: for a socket, for a turn in a queue, for a
//! while. Each of them blocks the thread; what parks a request instead takes the place of this file.
//! Three waits are elsewhere: `Socket::receive` blocks in the kernel for a second before it comes here,
//! which saves a call for each response that is there in time; `httpd/request_body.rs` waits for the client by
//! httpd's filters; and the watchdog sleeps between its rounds.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Millis};

/// What a socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or the end of the stream.
    Read,
    /// Room to write, or the end of connecting.
    Write,
}

impl Interest {
    fn events(self) -> libc::c_short {
        match self {
            Self::Read => libc::POLLIN,
            Self::Write => libc::POLLOUT,
        }
    }
}

/// Waits until a descriptor is ready; without a deadline for as long as that takes.
///
/// # Errors
///
/// `TimedOut` at the deadline; otherwise as the system reports it.
pub fn for_one(fd: BorrowedFd<'_>, wanted: Interest, deadline: Option<Millis>) -> io::Result<()> {
    loop {
        let left = match deadline {
            None => -1,
            Some(deadline) => {
                let left = deadline.0.saturating_sub(clock::now().0);
                libc::c_int::try_from(left).unwrap_or(libc::c_int::MAX)
            }
        };
        let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: wanted.events(), revents: 0 };
        // SAFETY: `poll` is one valid entry.
        match unsafe { libc::poll(&raw mut poll, 1, left) } {
            0 => return Err(io::ErrorKind::TimedOut.into()),
            1.. => return Ok(()),
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

/// Waits until one of many descriptors is ready, for at most `limit`. Which one it is, the caller
/// finds out by trying.
pub fn for_any<'f>(wanted: impl Iterator<Item = (BorrowedFd<'f>, Interest)>, limit: Duration) {
    let mut polled: Vec<_> = wanted
        .map(|(fd, wanted)| libc::pollfd {
            fd: fd.as_raw_fd(),
            events: wanted.events(),
            revents: 0,
        })
        .collect();
    // A millisecond too early would mean to look again at once, and again.
    let limit = limit.as_micros().div_ceil(1000);
    let limit = libc::c_int::try_from(limit).unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` is writable for its length, and its descriptors are borrowed, hence open.
    // The only failures are an interruption and a lack of memory: then the caller tries too early.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, limit) };
}

/// A turn in a queue, which another thread gives.
#[derive(Debug, Default)]
pub struct Turn {
    is_given: Mutex<bool>,
    woken: Condvar,
}

impl Turn {
    /// Waits for it; returns whether it was given before the deadline.
    pub fn wait(&self, deadline: Millis) -> bool {
        let mut is_given = self.is_given.lock();
        while !*is_given {
            let left = deadline.since(clock::now());
            if left.is_zero() {
                break;
            }
            self.woken.wait_for(&mut is_given, left);
        }
        *is_given
    }

    /// Gives it.
    pub fn give(&self) {
        *self.is_given.lock() = true;
        self.woken.notify_one();
    }

    /// Tells whether it was given.
    pub fn is_given(&self) -> bool {
        *self.is_given.lock()
    }
}

/// Waits for a while: before the next try.
pub fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_given_once_and_missed_at_the_deadline() {
        let turn = Turn::default();
        assert!(!turn.wait(clock::now()), "it was not given");
        std::thread::scope(|scope| {
            scope.spawn(|| turn.give());
            assert!(turn.wait(clock::now().plus(Duration::from_secs(60))));
        });
        assert!(turn.is_given() && turn.wait(clock::now()), "late is as good");
    }
}
