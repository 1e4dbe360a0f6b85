//! One stream socket with deadlines, of TCP or of the Unix domain. The system calls of `net` are here,
//! but for those that only wait (`waiting`).
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::net::address::{Kind, PeerAddress, RawAddress};
use crate::net::error::{UnixFault, check};
use crate::net::interest::Interest;
use crate::net::waiting::{self, Waits};

/// What an administrator may set on a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketOptions {
    /// TCP keep-alive with the system's intervals.
    pub keepalive: bool,
    /// Size of both kernel buffers in bytes; `None` leaves the system's.
    pub buffer: Option<usize>,
    /// Local address to connect from.
    pub source: Option<IpAddr>,
}

/// A connected socket. Only receiving blocks in the kernel, and only for [`PATIENCE`]: whatever has
/// a nearer deadline waits in `poll`, which every wait can give its own time.
#[derive(Debug)]
pub struct Socket {
    fd: OwnedFd,
    /// Why the configured local address could not be taken, if it could not.
    pub source_refused: Option<io::Error>,
    opening: Opening,
}

/// How far a connection is.
#[derive(Debug)]
enum Opening {
    /// It is open.
    Done,
    /// The other end has not accepted it yet.
    Under,
    /// The listen queue of a Unix-domain socket was full: connecting must be tried again, as no
    /// event tells when there is room.
    QueueFull(PeerAddress),
}

/// A send that failed, and how many bytes the kernel had taken before.
#[derive(Debug)]
pub struct SendError {
    /// Bytes that may reach the backend.
    pub taken: usize,
    /// As the system reports it; `TimedOut` at the deadline.
    pub source: io::Error,
}

/// What an idle connection has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing: it may carry a request.
    Quiet,
    /// Its backend closed it.
    Closed,
    /// Unexpected bytes, which must not be taken for the next response.
    Unsolicited,
}

impl Socket {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// As the system reports it; `TimedOut` at the deadline, `ClientLeft` if the client left.
    pub async fn connect(
        address: &PeerAddress,
        options: &SocketOptions,
        waits: Waits<'_>,
        deadline: Millis,
    ) -> io::Result<Self> {
        let mut socket = Self::begin(address, options)?;
        if matches!(socket.opening, Opening::Under) {
            waits.becomes_ready(socket.as_fd(), Interest::Write, deadline).await?;
        }
        socket.finish(deadline)?;
        Ok(socket)
    }

    /// Begins to connect to `address`, without waiting.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn begin(address: &PeerAddress, options: &SocketOptions) -> io::Result<Self> {
        let raw = RawAddress::of(address)?;
        let mut socket = Self::new(address, &raw, options)?;
        socket.open(address, &raw)?;
        Ok(socket)
    }

    /// Makes a socket for `address` that is not connected yet.
    fn new(address: &PeerAddress, raw: &RawAddress, options: &SocketOptions) -> io::Result<Self> {
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: `socket` takes numbers only.
        let fd = check(unsafe { libc::socket(raw.family(), kind, 0) })?;
        // SAFETY: `fd` was just opened and has no other owner.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut socket = Self { fd, source_refused: None, opening: Opening::Done };
        if let Some(bytes) = options.buffer {
            let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
            socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)?;
            socket.set(libc::SOL_SOCKET, libc::SO_SNDBUF, bytes)?;
        }
        if let Kind::Tcp(address) = address.0 {
            socket.prepare_tcp(address, options)?;
        }
        Ok(socket)
    }

    /// Sets what only TCP has.
    fn prepare_tcp(&mut self, address: SocketAddr, options: &SocketOptions) -> io::Result<()> {
        self.set(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        if options.keepalive {
            self.set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        }
        if let Some(source) = options.source.filter(|own| own.is_ipv4() == address.is_ipv4()) {
            let source = RawAddress::of(&PeerAddress::tcp(SocketAddr::new(source, 0)))?;
            let (place, len) = source.parts();
            // SAFETY: `place` holds an address of `len` bytes.
            let bound = unsafe { libc::bind(self.raw(), place, len) };
            // As in mod_jk the connection is made all the same; the caller says so.
            self.source_refused = check(bound).err();
        }
        Ok(())
    }

    fn open(&mut self, address: &PeerAddress, raw: &RawAddress) -> io::Result<()> {
        match self.call_connect(raw) {
            Ok(()) if address.is_unix() => self.be_patient(),
            Ok(()) => self.refuse_itself().and_then(|()| self.be_patient()),
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                self.opening = Opening::Under;
                Ok(())
            }
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) && address.is_unix() => {
                self.opening = Opening::QueueFull(address.clone());
                Ok(())
            }
            Err(error) => Err(address.explain(error)),
        }
    }

    fn call_connect(&self, address: &RawAddress) -> io::Result<()> {
        let (place, len) = address.parts();
        // SAFETY: `place` holds an address of `len` bytes.
        check(unsafe { libc::connect(self.raw(), place, len) }).map(drop)
    }

    /// Waits until the connection is open.
    ///
    /// # Errors
    ///
    /// As the system reports it; `TimedOut` at the deadline. While a listen queue is full it may be
    /// called again.
    pub fn finish(&mut self, deadline: Millis) -> io::Result<()> {
        match &self.opening {
            Opening::Done => return Ok(()),
            Opening::Under => {
                waiting::for_one(self.as_fd(), Interest::Write, Some(deadline))?;
                TcpStream::from(self.fd.try_clone()?).take_error()?.map_or(Ok(()), Err)?;
                self.refuse_itself()?;
            }
            Opening::QueueFull(address) => self.wait_for_room(address, deadline)?,
        }
        self.opening = Opening::Done;
        self.be_patient()
    }

    /// Tells whether the listen queue of the other end was full when connecting was last tried.
    pub fn is_queue_full(&self) -> bool {
        matches!(self.opening, Opening::QueueFull(_))
    }

    /// Connects to a Unix-domain socket whose listen queue was full. Until the deadline it waits in
    /// the kernel, which alone knows when there is room; behind it, it only tries once.
    fn wait_for_room(&self, address: &PeerAddress, deadline: Millis) -> io::Result<()> {
        let raw = RawAddress::of(address)?;
        let full = || io::Error::new(io::ErrorKind::TimedOut, UnixFault::QueueFull);
        let mut has_waited = false;
        loop {
            let left = deadline.since(clock::now());
            if !left.is_zero() {
                self.set_time(libc::SO_SNDTIMEO, left)?;
                self.block()?;
                has_waited = true;
            } else if has_waited {
                return Err(full());
            }
            match self.call_connect(&raw) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(full()),
                Err(error) => return Err(address.explain(error)),
            }
        }
    }

    /// On one machine a socket can connect to itself: no process listens, and the system takes the very port to
    /// connect from that is connected to. Such a connection would keep the backend from listening
    /// when it starts, so it counts as refused and leaves nothing that waits.
    fn refuse_itself(&self) -> io::Result<()> {
        // Without a peer it has ended already, which the next use reports.
        let (Ok(own), Ok(peer)) = (self.name(libc::getsockname), self.name(libc::getpeername))
        else {
            return Ok(());
        };
        if own != peer {
            return Ok(());
        }
        let at_once = libc::linger { l_onoff: 1, l_linger: 0 };
        let len = size_of::<libc::linger>() as libc::socklen_t;
        let place = (&raw const at_once).cast();
        // SAFETY: `at_once` is readable for `len` bytes.
        unsafe { libc::setsockopt(self.raw(), libc::SOL_SOCKET, libc::SO_LINGER, place, len) };
        Err(io::Error::from_raw_os_error(libc::ECONNREFUSED))
    }

    /// Returns the address of one end, as the kernel lays it out.
    fn name(&self, which: Name) -> io::Result<[u8; size_of::<libc::sockaddr_in6>()]> {
        let mut storage = [0; size_of::<libc::sockaddr_in6>()];
        let mut len = storage.len() as libc::socklen_t;
        // SAFETY: `storage` is writable for `len` bytes.
        check(unsafe { which(self.raw(), storage.as_mut_ptr().cast(), &raw mut len) })?;
        Ok(storage)
    }

    /// Lets receiving block for a while: with an answer in time that is one call instead of three.
    fn be_patient(&self) -> io::Result<()> {
        self.set_time(libc::SO_RCVTIMEO, PATIENCE)?;
        self.block()
    }

    /// Lets calls without `MSG_DONTWAIT` block.
    fn block(&self) -> io::Result<()> {
        let mut off: libc::c_int = 0;
        // SAFETY: FIONBIO reads one integer.
        check(unsafe { libc::ioctl(self.raw(), libc::FIONBIO, &raw mut off) }).map(drop)
    }

    /// Sets how long a blocking call takes at most.
    fn set_time(&self, name: libc::c_int, time: Duration) -> io::Result<()> {
        let limit = libc::timeval {
            tv_sec: libc::time_t::try_from(time.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_usec: time.subsec_micros() as libc::suseconds_t,
        };
        let len = size_of::<libc::timeval>() as libc::socklen_t;
        let place = (&raw const limit).cast();
        // SAFETY: `limit` is readable for `len` bytes.
        check(unsafe { libc::setsockopt(self.raw(), libc::SOL_SOCKET, name, place, len) }).map(drop)
    }

    /// Sends all of `parts`.
    ///
    /// # Errors
    ///
    /// With how much was sent all the same.
    pub fn send(
        &self,
        mut parts: &mut [IoSlice<'_>],
        deadline: Option<Millis>,
    ) -> Result<(), SendError> {
        let mut taken = 0;
        IoSlice::advance_slices(&mut parts, 0);
        while !parts.is_empty() {
            // SAFETY: all-zero is a valid `msghdr`: null pointers with zero lengths.
            let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
            // `IoSlice` is documented to have the layout of `iovec`.
            message.msg_iov = parts.as_mut_ptr().cast();
            message.msg_iovlen = parts.len() as _;
            // SAFETY: the message points at live slices; the kernel only reads them.
            let sent = unsafe { libc::sendmsg(self.raw(), &raw const message, SEND_FLAGS) };
            match usize::try_from(sent) {
                Ok(sent) => {
                    taken += sent;
                    IoSlice::advance_slices(&mut parts, sent);
                }
                Err(_) => self
                    .again(Interest::Write, deadline)
                    .map_err(|source| SendError { taken, source })?,
            }
        }
        Ok(())
    }

    /// Receives at least one byte; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// As the system reports it; `TimedOut` at the deadline.
    pub fn receive(
        &self,
        into: &mut [u8],
        now: Millis,
        deadline: Option<Millis>,
    ) -> io::Result<usize> {
        let is_near = deadline.is_some_and(|deadline| deadline.since(now) < PATIENCE);
        let mut flags = if is_near { libc::MSG_DONTWAIT } else { 0 };
        loop {
            let place = into.as_mut_ptr().cast();
            // SAFETY: `into` is writable for its length.
            let got = unsafe { libc::recv(self.raw(), place, into.len(), flags) };
            // Later turns come after a wait in `poll`.
            flags = libc::MSG_DONTWAIT;
            match usize::try_from(got) {
                Ok(got) => return Ok(got),
                Err(_) => self.again(Interest::Read, deadline)?,
            }
        }
    }

    /// Receives what is there already; `None` if nothing is, 0 at the end of the stream.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn receive_ready(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let place = into.as_mut_ptr().cast();
        // SAFETY: `into` is writable for its length.
        let got = unsafe { libc::recv(self.raw(), place, into.len(), libc::MSG_DONTWAIT) };
        if let Ok(got) = usize::try_from(got) {
            return Ok(Some(got));
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        }
    }

    /// Looks at an idle connection without waiting.
    pub fn idle(&self) -> Idle {
        let mut byte = 0_u8;
        // SAFETY: `byte` is writable for one byte.
        let got = unsafe { libc::recv(self.raw(), (&raw mut byte).cast(), 1, PEEK_FLAGS) };
        match got {
            1.. => Idle::Unsolicited,
            0 => Idle::Closed,
            _ if io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN) => Idle::Quiet,
            _ => Idle::Closed,
        }
    }

    /// Decides on the error of the last call: waits where waiting helps.
    fn again(&self, wanted: Interest, deadline: Option<Millis>) -> io::Result<()> {
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock => waiting::for_one(self.as_fd(), wanted, deadline),
            _ => Err(error),
        }
    }

    fn set(&self, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
        let len = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` is readable for `len` bytes.
        let result =
            unsafe { libc::setsockopt(self.raw(), level, name, (&raw const value).cast(), len) };
        check(result).map(drop)
    }

    fn raw(&self) -> libc::c_int {
        self.fd.as_raw_fd()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// `getsockname` or `getpeername`.
type Name =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

/// A broken connection is an error to report, not a signal to die of.
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
const PEEK_FLAGS: libc::c_int = libc::MSG_PEEK | libc::MSG_DONTWAIT;

/// How long receiving blocks at most before it waits in `poll`.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
pub(in crate::net) mod tests;
