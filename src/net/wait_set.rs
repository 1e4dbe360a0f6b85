//! A descriptor of `epoll`: what is waited for together. One of them waits for the sockets of all parked requests
//! of a child; each of those has one more, which is readable only while it is woken.
#![allow(unsafe_code)]

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use crate::net::error::check;
use crate::net::interest::Interest;

/// Descriptors that are waited for together, each with a name.
#[derive(Debug)]
pub struct WaitSet {
    epoll: ManuallyDrop<OwnedFd>,
    /// Whether httpd has closed the descriptor: its number may belong to something else now.
    is_lost: AtomicBool,
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
        Ok(Self { epoll, is_lost: AtomicBool::new(false) })
    }

    /// Says that the descriptor was closed: it is not used any more.
    pub fn forget(&self) {
        self.is_lost.store(true, Relaxed);
    }

    /// Tells whether the descriptor was closed.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Relaxed)
    }

    /// Returns the descriptor that is readable when something in the set is ready.
    pub fn raw(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Names a socket once, when it is ready.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn add_socket(&self, socket: RawFd, interest: Interest, name: u64) -> io::Result<()> {
        let events = match interest {
            Interest::Read => libc::EPOLLIN | libc::EPOLLRDHUP,
            Interest::Write => libc::EPOLLOUT,
        };
        self.add(socket, events | libc::EPOLLONESHOT, name)
    }

    /// Names a socket once, when its other side has closed it, or its half of it.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn add_until_closed(&self, socket: RawFd, name: u64) -> io::Result<()> {
        self.add(socket, libc::EPOLLRDHUP | libc::EPOLLONESHOT, name)
    }

    /// Names a socket once, when its other side has reset it. Whether it is there still is asked from time to
    /// time: one that has closed both directions answers so after a minute (Linux's `tcp_fin_timeout`), and one whose
    /// machine has gone not at all.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn add_until_reset(&self, socket: RawFd, name: u64) -> io::Result<()> {
        set(socket, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, ASKED_EACH)?;
        set(socket, libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, ASKED_EACH)?;
        // A reset is always named.
        self.add(socket, libc::EPOLLONESHOT, name)
    }

    /// Makes the set readable until the signal is removed.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn add_signal(&self, signal: &Signal, name: u64) -> io::Result<()> {
        match self.add(signal.raw(), libc::EPOLLIN, name) {
            // It has the signal already.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            result => result,
        }
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

    /// Waits for it no more. A socket that was closed has left already.
    pub fn remove(&self, fd: RawFd) {
        if self.is_lost() {
            return;
        }
        let none = std::ptr::null_mut();
        // SAFETY: the descriptors are numbers; no event is read.
        unsafe { libc::epoll_ctl(self.raw(), libc::EPOLL_CTL_DEL, fd, none) };
    }

    /// Waits until something is ready. Returns its name, and those of some others that are ready.
    pub fn wait(&self) -> impl Iterator<Item = u64> + use<> {
        // SAFETY: all-zero is a valid event.
        let mut events: [libc::epoll_event; 64] = unsafe { std::mem::zeroed() };
        let most = events.len() as libc::c_int;
        // SAFETY: `events` is writable for as many. The only failure is an interruption, which names none.
        let many = unsafe { libc::epoll_wait(self.raw(), events.as_mut_ptr(), most, -1) };
        events.into_iter().take(usize::try_from(many).unwrap_or(0)).map(|event| event.u64)
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

/// Seconds between two questions whether the other side is there.
const ASKED_EACH: libc::c_int = 15;

/// Sets an option of a socket.
fn set(socket: RawFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let (place, len) = ((&raw const value).cast(), size_of_val(&value) as libc::socklen_t);
    // SAFETY: `value` is readable for its length; the descriptor is a number.
    check(unsafe { libc::setsockopt(socket, level, name, place, len) }).map(drop)
}

/// A descriptor that is always readable: a set that has it is.
#[derive(Debug)]
pub struct Signal(OwnedFd);

impl Signal {
    /// Sets that lie in another set, as in httpd's, and may have one signal at once: the kernel takes 500.
    pub const MOST_SETS: usize = 400;

    /// Makes one.
    ///
    /// # Errors
    ///
    /// If this process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes numbers.
        let fd = check(unsafe { libc::eventfd(1, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: `fd` was just opened and has no other owner.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Returns its descriptor.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Tells whether a descriptor is readable now.
pub fn is_readable(fd: RawFd) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: `poll` is one valid entry.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_set_names_what_is_ready_once() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let client = TcpStream::connect(address).expect("a connection");
        let (mut own, _) = listener.accept().expect("a connection");
        let set = WaitSet::new().expect("a descriptor");
        let signal = Signal::new().expect("a descriptor");
        set.add_signal(&signal, 1).expect("a signal");
        assert_eq!(set.wait().collect::<Vec<_>>(), [1]);
        assert_eq!(set.wait().collect::<Vec<_>>(), [1]);
        set.remove(signal.raw());
        assert!(!is_readable(set.raw()));
        set.add_until_closed(client.as_raw_fd(), 2).expect("a socket");
        own.write_all(b"x").expect("there is room");
        assert!(!is_readable(set.raw()), "it is open");
        set.remove(client.as_raw_fd());
        set.add_socket(client.as_raw_fd(), Interest::Read, 3).expect("a socket");
        assert_eq!(set.wait().collect::<Vec<_>>(), [3]);
        assert!(!is_readable(set.raw()), "once");
        set.remove(client.as_raw_fd());
        set.add_until_closed(client.as_raw_fd(), 2).expect("a socket");
        drop(own);
        assert_eq!(set.wait().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn one_signal_does_for_as_many_sets_as_are_ever_open() {
        // As the MPM has them: each lies in one more set.
        let outer = WaitSet::new().expect("a descriptor");
        let signal = Signal::new().expect("a descriptor");
        let make = |_| {
            let set = WaitSet::new().expect("a descriptor");
            outer.add_socket(set.raw(), Interest::Read, 1).expect("a set");
            set
        };
        let sets: Vec<_> = (0..Signal::MOST_SETS).map(make).collect();
        for _ in 0..2 {
            sets.iter().for_each(|set| set.add_signal(&signal, 1).expect("there is room"));
            assert!(sets.iter().all(|set| is_readable(set.raw())));
            sets.iter().for_each(|set| set.remove(signal.raw()));
            assert!(!sets.iter().any(|set| is_readable(set.raw())));
        }
    }
}
