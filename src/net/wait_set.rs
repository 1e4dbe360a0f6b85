//! The one descriptor of a parked request: it is readable when the backend has sent something, when the
//! client left, or when another thread wakes the request.
#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Wake;

use parking_lot::Mutex;

use crate::net::socket::check;
use crate::net::waiting::Interest;

/// Sockets that are looked at together, as one descriptor of `epoll`.
#[derive(Debug)]
pub struct WaitSet {
    epoll: ManuallyDrop<OwnedFd>,
    /// Whether httpd has closed the descriptor: its number may belong to something else now.
    is_lost: AtomicBool,
    /// The member by which it is readable because it was woken.
    signal: Mutex<Option<RawFd>>,
}

/// Why a set became readable. More than one can be true, and none if it was early.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Woken {
    /// The backend's socket is ready.
    pub socket: bool,
    /// The client has closed its connection, or its half of it.
    pub client: bool,
}

impl WaitSet {
    /// Makes an empty set.
    ///
    /// # Errors
    ///
    /// If this process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes a number.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: `fd` was just opened and has no other owner.
        let epoll = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
        Ok(Self { epoll, is_lost: AtomicBool::new(false), signal: Mutex::new(None) })
    }

    /// Says that the descriptor was closed: it is not used any more.
    pub fn forget(&self) {
        self.is_lost.store(true, Relaxed);
    }

    /// Tells whether the descriptor was closed.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Relaxed)
    }

    /// Returns the descriptor that is readable when one of the sockets is ready.
    pub fn raw(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Looks for the end of the client's connection from now on.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn watch_client(&self, client: RawFd) -> io::Result<()> {
        self.add(client, libc::EPOLLRDHUP, CLIENT)
    }

    /// Looks at the client's connection no more.
    pub fn leave_client(&self, client: RawFd) {
        self.remove(client);
    }

    /// Looks at the backend's socket from now on.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn watch_socket(&self, socket: RawFd, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Interest::Write => libc::EPOLLOUT,
        };
        self.add(socket, events, SOCKET)
    }

    /// Looks at the backend's socket no more.
    pub fn leave_socket(&self, socket: RawFd) {
        self.remove(socket);
    }

    /// Returns why the set is readable, and takes back what woke it.
    pub fn take(&self) -> Woken {
        let mut woken = Woken::default();
        if self.is_lost() {
            return woken;
        }
        // SAFETY: all-zero is a valid event.
        let mut events: [libc::epoll_event; 3] = unsafe { std::mem::zeroed() };
        let most = events.len() as libc::c_int;
        // SAFETY: `events` is writable for as many.
        let many = unsafe { libc::epoll_wait(self.raw(), events.as_mut_ptr(), most, 0) };
        for event in &events[..usize::try_from(many).unwrap_or(0)] {
            match event.u64 {
                SOCKET => woken.socket = true,
                CLIENT => woken.client = true,
                _ => {}
            }
        }
        if let Some(signal) = self.signal.lock().take() {
            self.remove(signal);
        }
        woken
    }

    fn add(&self, fd: RawFd, events: libc::c_int, name: u64) -> io::Result<()> {
        if self.is_lost() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let mut event = libc::epoll_event { events: events as u32, u64: name };
        let place = &raw mut event;
        // SAFETY: `event` is one valid event; the descriptors are numbers.
        let added = unsafe { libc::epoll_ctl(self.raw(), libc::EPOLL_CTL_ADD, fd, place) };
        check(added).map(drop)
    }

    /// A socket that was closed has left already.
    fn remove(&self, fd: RawFd) {
        if self.is_lost() {
            return;
        }
        let none = std::ptr::null_mut();
        // SAFETY: the descriptors are numbers; no event is read.
        unsafe { libc::epoll_ctl(self.raw(), libc::EPOLL_CTL_DEL, fd, none) };
    }
}

impl Drop for WaitSet {
    fn drop(&mut self) {
        if !self.is_lost() {
            // SAFETY: it is dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.epoll) };
        }
    }
}

impl Wake for WaitSet {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// Makes the set readable until [`take`](Self::take).
    fn wake_by_ref(self: &Arc<Self>) {
        let mut signal = self.signal.lock();
        if signal.is_none() {
            *signal = SIGNALS.lock().add_to(self);
        }
    }
}

/// Tells whether sets work as this file needs it: one within another is readable when it is woken, and
/// not before.
pub fn works() -> bool {
    let Ok(set) = WaitSet::new() else { return false };
    let set = Arc::new(set);
    let before = is_readable(&set);
    set.wake_by_ref();
    let woken = is_readable(&set);
    set.take();
    !before && woken && !is_readable(&set)
}

fn is_readable(set: &WaitSet) -> bool {
    let mut poll = libc::pollfd { fd: set.raw(), events: libc::POLLIN, revents: 0 };
    // SAFETY: `poll` is one valid entry.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// Descriptors of this process that are always readable: a set that has one is. The kernel lets one descriptor
/// wake at most 500 sets that lie in another one, so there are more of them when more sets are woken at once.
struct Signals {
    all: Vec<OwnedFd>,
    /// The one that is tried first.
    next: usize,
}

static SIGNALS: Mutex<Signals> = Mutex::new(Signals { all: Vec::new(), next: 0 });

impl Signals {
    /// Makes a set readable; returns the descriptor that does, and `None` if the system has no room for it.
    fn add_to(&mut self, set: &WaitSet) -> Option<RawFd> {
        let add = |signal: &OwnedFd| {
            set.add(signal.as_raw_fd(), libc::EPOLLIN, SIGNAL).ok()?;
            Some(signal.as_raw_fd())
        };
        // One that had room has it still, in most cases.
        for _ in 0..self.all.len() {
            if let Some(added) = self.all.get(self.next).and_then(add) {
                return Some(added);
            }
            self.next = (self.next + 1) % self.all.len();
        }
        // SAFETY: takes numbers.
        let fd = check(unsafe { libc::eventfd(1, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).ok()?;
        // SAFETY: `fd` was just opened and has no other owner.
        let signal = unsafe { OwnedFd::from_raw_fd(fd) };
        let added = add(&signal)?;
        self.next = self.all.len();
        self.all.push(signal);
        Some(added)
    }
}

/// The members of a set.
const SOCKET: u64 = 1;
const CLIENT: u64 = 2;
const SIGNAL: u64 = 3;

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_set_says_who_woke_it() {
        assert!(works());
        let set = Arc::new(WaitSet::new().expect("a descriptor"));
        let (backend, mut own_backend) = UnixStream::pair().expect("two sockets");
        let (client, own_client) = UnixStream::pair().expect("two sockets");
        set.watch_client(client.as_raw_fd()).expect("a socket");
        set.watch_socket(backend.as_raw_fd(), Interest::Read).expect("a socket");
        assert_eq!(set.take(), Woken::default());
        own_backend.write_all(b"x").expect("there is room");
        assert_eq!(set.take(), Woken { socket: true, client: false });
        set.leave_socket(backend.as_raw_fd());
        assert_eq!(set.take(), Woken::default());
        (&own_client).write_all(b"a request behind this one").expect("there is room");
        assert_eq!(set.take(), Woken::default(), "what the client sends is not for us");
        drop(own_client);
        assert_eq!(set.take(), Woken { socket: false, client: true });
        set.wake_by_ref();
        set.wake_by_ref();
        set.take();
        set.leave_client(client.as_raw_fd());
        assert_eq!(set.take(), Woken::default());
    }

    #[test]
    fn more_sets_are_woken_at_once_than_one_descriptor_can_wake() {
        // As the MPM has them: each lies in one more set.
        let outer = WaitSet::new().expect("a descriptor");
        let make = |_| {
            let set = Arc::new(WaitSet::new().expect("a descriptor"));
            outer.watch_socket(set.raw(), Interest::Read).expect("a set");
            set
        };
        let sets: Vec<_> = (0..600).map(make).collect();
        for _ in 0..2 {
            sets.iter().for_each(Wake::wake_by_ref);
            assert!(sets.iter().all(|set| is_readable(set)));
            sets.iter().for_each(|set| _ = set.take());
            assert!(!sets.iter().any(|set| is_readable(set)));
        }
    }
}
