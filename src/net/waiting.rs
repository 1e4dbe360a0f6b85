//! All waiting of a request and of the background thread: for a socket, for a turn in a queue, for a
//! while. [`Waits`] says whether a request waits in its thread or is parked; the functions that are not
//! `async` block the thread.
//! Three waits are elsewhere: `Socket::receive` blocks in the kernel for a second before it comes here,
//! which saves a call for each response that is there in time; `httpd/request_body.rs` waits for the client by
//! httpd's filters; and the watchdog sleeps between its rounds.
#![allow(unsafe_code)]

use std::cell::{Cell, OnceCell};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::net::error::ClientLeft;
use crate::net::gate::{Bell, Gate};
use crate::net::interest::Interest;
use crate::net::tally::Tally;
use crate::net::turn::Turn;

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

/// How a request waits.
#[derive(Clone, Copy, Debug, Default)]
pub enum Waits<'a> {
    /// In its thread, which does nothing else meanwhile.
    #[default]
    InThread,
    /// Parked: no thread waits for it, after a short while in which one does.
    Parked(&'a Parking),
}

impl Waits<'_> {
    /// Returns how long a thread waits for the backend before the request is parked; `None` for as
    /// long as it takes.
    pub fn patience(self) -> Option<Duration> {
        match self {
            Self::InThread => None,
            Self::Parked(parking) => Some(parking.patience),
        }
    }

    /// Tells whether the client has left meanwhile, as far as that was looked at.
    pub fn has_client_left(self) -> bool {
        matches!(self, Self::Parked(parking) if parking.is_client_gone.get())
    }

    /// Tells whether a request gives its thread back when it waits for long.
    pub fn can_park(self) -> bool {
        matches!(self, Self::Parked(_))
    }

    /// Says where a request counts while it is parked: with its worker.
    pub fn count_with_worker(self, tally: impl FnOnce() -> Tally) {
        if let Self::Parked(parking) = self {
            parking.tallies[0].set(Some(tally()));
        }
    }

    /// The same for the member that has the request now.
    pub fn count_with_member(self, tally: impl FnOnce() -> Option<Tally>) {
        if let Self::Parked(parking) = self {
            parking.tallies[1].set(tally());
        }
    }

    /// Waits until a descriptor is ready, which the thread has waited for already if the request is
    /// parked.
    ///
    /// # Errors
    ///
    /// `TimedOut` at the deadline; `ClientLeft` when it left; otherwise as the system
    /// reports it.
    pub async fn ready(
        self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Option<Millis>,
    ) -> io::Result<()> {
        let Self::Parked(parking) = self else { return for_one(fd, interest, deadline) };
        loop {
            parking.park(Wanted { socket: Some((fd.as_raw_fd(), interest)), deadline }).await?;
            let now = clock::now();
            match for_one(fd, interest, Some(now)) {
                Err(error)
                    if error.kind() == io::ErrorKind::TimedOut
                        && deadline.is_none_or(|deadline| deadline > now) => {}
                result => return result,
            }
        }
    }

    /// The same where no thread has waited yet: one does for a short while before the request is parked.
    ///
    /// # Errors
    ///
    /// As for [`ready`](Self::ready).
    pub async fn becomes_ready(
        self,
        fd: BorrowedFd<'_>,
        interest: Interest,
        deadline: Millis,
    ) -> io::Result<()> {
        let Some(patience) = self.patience() else { return for_one(fd, interest, Some(deadline)) };
        let soon = deadline.min(clock::now().plus(patience));
        match for_one(fd, interest, Some(soon)) {
            Err(error) if error.kind() == io::ErrorKind::TimedOut && soon < deadline => {}
            result => return result,
        }
        self.ready(fd, interest, Some(deadline)).await
    }

    /// Waits for a turn in a queue; returns whether it was given before the deadline.
    ///
    /// # Errors
    ///
    /// `ClientLeft` when it left.
    pub async fn turn(self, turn: &Turn, deadline: Millis) -> io::Result<bool> {
        let Self::Parked(parking) = self else { return Ok(turn.wait(deadline)) };
        while !turn.is_given_or_wakes(parking.bell()) && deadline > clock::now() {
            parking.park(Wanted { socket: None, deadline: Some(deadline) }).await?;
        }
        Ok(turn.is_given())
    }

    /// Waits for a turn in a queue as long as no thread has to wait for it. Returns whether it was given: a
    /// request that holds its thread goes on without.
    ///
    /// # Errors
    ///
    /// `ClientLeft` when it left.
    pub async fn turn_while_parked(self, turn: &Turn) -> io::Result<bool> {
        if let Self::Parked(parking) = self {
            while !turn.is_given_or_wakes(parking.bell()) {
                parking.park(Wanted { socket: None, deadline: None }).await?;
                if parking.has_held_thread.get() {
                    break;
                }
            }
        }
        Ok(turn.is_given())
    }

    /// Waits for a while: before the next try.
    ///
    /// # Errors
    ///
    /// `ClientLeft` when it left.
    pub async fn pause(self, time: Duration) -> io::Result<()> {
        match self {
            Self::Parked(parking) if time > parking.patience => {
                let deadline = clock::now().plus(time);
                while deadline > clock::now() {
                    parking.park(Wanted { socket: None, deadline: Some(deadline) }).await?;
                }
            }
            _ => pause(time),
        }
        Ok(())
    }
}

/// What a parked request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The backend's socket, if it is one.
    pub socket: Option<(RawFd, Interest)>,
    /// When it is woken all the same.
    pub deadline: Option<Millis>,
}

/// What passes between a request that can be parked and what parks it: one says what it waits for,
/// and the other why it runs again.
#[derive(Debug)]
pub struct Parking {
    /// How long a thread waits before.
    patience: Duration,
    gate: &'static Gate,
    /// Wakes the request; made when it waits for something that does.
    bell: OnceCell<Arc<Bell>>,
    wanted: Cell<Option<Wanted>>,
    /// Whether a thread waited the last time, as it could not be parked.
    has_held_thread: Cell<bool>,
    is_client_gone: Cell<bool>,
    /// Where it counts while it is parked: with its worker, and with the member that has it.
    tallies: [Cell<Option<Tally>>; 2],
    is_counted: Cell<bool>,
}

impl Drop for Parking {
    fn drop(&mut self) {
        self.count(false);
    }
}

impl Parking {
    /// Makes the place of a request that comes back by `gate`, and that a thread waits for `patience` for before
    /// it is parked.
    pub fn new(patience: Duration, gate: &'static Gate) -> Self {
        Self {
            patience,
            gate,
            bell: OnceCell::new(),
            wanted: Cell::new(None),
            has_held_thread: Cell::new(false),
            is_client_gone: Cell::new(false),
            tallies: Default::default(),
            is_counted: Cell::new(false),
        }
    }

    /// Returns what wakes the request.
    pub fn bell(&self) -> &Arc<Bell> {
        self.bell.get_or_init(|| self.gate.bell())
    }

    /// Counts it as parked, or no longer.
    fn count(&self, is_parked: bool) {
        if self.is_counted.replace(is_parked) != is_parked {
            for tally in self.tallies.iter().filter_map(Cell::get) {
                if is_parked { tally.raise() } else { tally.lower() }
            }
        }
    }

    /// Returns what the request waits for, after it has been polled in vain.
    pub fn wanted(&self) -> Option<Wanted> {
        self.wanted.get()
    }

    /// Waits for it in this thread, where the request cannot be parked after all: it holds a thread then.
    pub fn wait_in_thread(&self) {
        self.count(false);
        self.has_held_thread.set(true);
        for_wanted(self.wanted());
    }

    /// Lets the next poll go on. Whether what it waits for has come, it finds out itself.
    pub fn go_on(&self) {
        self.wanted.set(None);
    }

    /// Says that there is no client any more.
    pub fn client_left(&self) {
        self.is_client_gone.set(true);
    }

    /// Gives the thread back once, if there is a client: its end wakes the request only once.
    async fn park(&self, wanted: Wanted) -> io::Result<()> {
        if self.is_client_gone.get() {
            return Err(ClientLeft.into());
        }
        self.wanted.set(Some(wanted));
        self.has_held_thread.set(false);
        self.count(true);
        poll_fn(|_| if self.wanted.get().is_some() { Poll::Pending } else { Poll::Ready(()) })
            .await;
        self.count(false);
        match self.is_client_gone.get() {
            true => Err(ClientLeft.into()),
            false => Ok(()),
        }
    }
}

/// Runs a request that waits in its thread to its end.
///
/// # Panics
///
/// If it is one that is parked.
pub fn in_thread<T>(request: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(request).poll(&mut context) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("it waits in its thread"),
    }
}

/// Waits for what a request waits for.
fn for_wanted(wanted: Option<Wanted>) {
    let Some(Wanted { socket, deadline }) = wanted else { return };
    match socket {
        Some((fd, interest)) => {
            // SAFETY: the request that waits for it has it open.
            let fd = unsafe { BorrowedFd::borrow_raw(fd) };
            // What became of it, the request finds out itself.
            let _ = for_one(fd, interest, deadline);
        }
        // It may be woken earlier, and looks itself.
        None => pause(LOOK_AGAIN.min(deadline.map_or(LOOK_AGAIN, |end| end.since(clock::now())))),
    }
}

/// How often a request that cannot be parked looks whether another thread has woken it.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

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

/// Waits for a while: before the next try.
pub fn pause(time: Duration) {
    if !time.is_zero() {
        std::thread::sleep(time);
    }
}

#[cfg(test)]
mod tests;
