//! One TCP socket with deadlines. All system calls of `net` are here.
#![allow(unsafe_code)]

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::clock::{self, Millis};

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
    /// Whether the connection is still being opened.
    is_opening: bool,
}

/// What a socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Something to read, or the end of the stream.
    Read,
    /// Room to write, or the end of connecting.
    Write,
}

/// A send that failed, and how many bytes the kernel had taken before.
#[derive(Debug)]
pub struct SendError {
    /// Bytes that may reach the container.
    pub taken: usize,
    /// As the system reports it; `TimedOut` at the deadline.
    pub source: io::Error,
}

/// What an idle connection has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing: it may carry a request.
    Quiet,
    /// Its container closed it.
    Closed,
    /// Bytes that nobody asked for, which must not be taken for the next answer.
    Stray,
}

impl Socket {
    /// Connects to `address`.
    ///
    /// # Errors
    ///
    /// As the system reports it; `TimedOut` at the deadline.
    pub fn connect(
        address: SocketAddr,
        options: &SocketOptions,
        deadline: Millis,
    ) -> io::Result<Self> {
        let mut socket = Self::begin(address, options)?;
        socket.finish(deadline)?;
        Ok(socket)
    }

    /// Begins to connect to `address`, without waiting.
    ///
    /// # Errors
    ///
    /// As the system reports it.
    pub fn begin(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let mut socket = Self::new(address, options)?;
        socket.open(address)?;
        socket.be_patient()?;
        Ok(socket)
    }

    /// Makes a socket for `address` that is not connected yet.
    fn new(address: SocketAddr, options: &SocketOptions) -> io::Result<Self> {
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: `socket` takes numbers only.
        let fd = check(unsafe { libc::socket(family, kind, 0) })?;
        // SAFETY: `fd` was just opened and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let mut socket = Self { fd, source_refused: None, is_opening: false };
        socket.set(libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
        if options.keepalive {
            socket.set(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
        }
        if let Some(bytes) = options.buffer {
            let bytes = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
            socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)?;
            socket.set(libc::SOL_SOCKET, libc::SO_SNDBUF, bytes)?;
        }
        if let Some(source) = options.source.filter(|own| own.is_ipv4() == address.is_ipv4()) {
            let (storage, len) = raw_address(SocketAddr::new(source, 0));
            // SAFETY: `storage` holds an address of `len` bytes.
            let bound = unsafe { libc::bind(socket.raw(), (&raw const storage).cast(), len) };
            // As in mod_jk the connection is made all the same; the caller says so.
            socket.source_refused = check(bound).err();
        }
        Ok(socket)
    }

    fn open(&mut self, address: SocketAddr) -> io::Result<()> {
        let (storage, len) = raw_address(address);
        // SAFETY: `storage` holds an address of `len` bytes.
        let result = unsafe { libc::connect(self.raw(), (&raw const storage).cast(), len) };
        match check(result) {
            Ok(_) => self.refuse_itself(),
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                self.is_opening = true;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Waits until the connection is open.
    ///
    /// # Errors
    ///
    /// As the system reports it; `TimedOut` at the deadline.
    pub fn finish(&mut self, deadline: Millis) -> io::Result<()> {
        if !self.is_opening {
            return Ok(());
        }
        self.wait(libc::POLLOUT, Some(deadline))?;
        self.is_opening = false;
        TcpStream::from(self.fd.try_clone()?).take_error()?.map_or(Ok(()), Err)?;
        self.refuse_itself()
    }

    /// On one machine a socket can meet itself: nobody listens, and the system takes the very port to
    /// connect from that is connected to. Such a connection would keep the container from listening
    /// when it starts, so it counts as refused and leaves nothing that waits.
    fn refuse_itself(&self) -> io::Result<()> {
        // Without a peer it has ended already, which whoever uses it will see.
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
        let limit = libc::timeval { tv_sec: PATIENCE.as_secs() as libc::time_t, tv_usec: 0 };
        let len = size_of::<libc::timeval>() as libc::socklen_t;
        // SAFETY: `limit` is readable for `len` bytes.
        check(unsafe {
            libc::setsockopt(
                self.raw(),
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const limit).cast(),
                len,
            )
        })?;
        let mut off: libc::c_int = 0;
        // SAFETY: FIONBIO reads one integer.
        check(unsafe { libc::ioctl(self.raw(), libc::FIONBIO, &raw mut off) }).map(drop)
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
                    .again(libc::POLLOUT, deadline)
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
                Err(_) => self.again(libc::POLLIN, deadline)?,
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
            1.. => Idle::Stray,
            0 => Idle::Closed,
            _ if io::Error::last_os_error().raw_os_error() == Some(libc::EAGAIN) => Idle::Quiet,
            _ => Idle::Closed,
        }
    }

    /// Decides on the error of the last call: waits where waiting helps.
    fn again(&self, events: libc::c_short, deadline: Option<Millis>) -> io::Result<()> {
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock => self.wait(events, deadline),
            _ => Err(error),
        }
    }

    fn wait(&self, events: libc::c_short, deadline: Option<Millis>) -> io::Result<()> {
        loop {
            let left = match deadline {
                None => -1,
                Some(deadline) => {
                    let left = deadline.0.saturating_sub(clock::now().0);
                    libc::c_int::try_from(left).unwrap_or(libc::c_int::MAX)
                }
            };
            let mut poll = libc::pollfd { fd: self.raw(), events, revents: 0 };
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

/// Gives whole pages of memory that holds zeros back to the system, which makes new ones of zeros for
/// those that are used.
pub fn give_back_zeros(memory: &mut [u8]) {
    debug_assert!(memory.iter().all(|byte| *byte == 0));
    // SAFETY: asks for a number.
    let page = usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(usize::MAX);
    let before = memory.as_ptr().align_offset(page);
    let whole = memory.len().saturating_sub(before) / page * page;
    if let Some(pages) = memory.get_mut(before..before + whole).filter(|pages| !pages.is_empty()) {
        // SAFETY: nobody else has the pages. Memory of the allocator has no file behind it, so that it
        // reads as zeros afterwards; if the system refuses, it stays as it is.
        unsafe { libc::madvise(pages.as_mut_ptr().cast(), whole, libc::MADV_DONTNEED) };
    }
}

/// Waits until one of many descriptors is ready, for at most `limit`. Which one it is, the caller
/// finds out by trying.
pub fn wait_any<'f>(wanted: impl Iterator<Item = (BorrowedFd<'f>, Wanted)>, limit: Duration) {
    let mut polled: Vec<_> = wanted
        .map(|(fd, wanted)| {
            let events = if wanted == Wanted::Read { libc::POLLIN } else { libc::POLLOUT };
            libc::pollfd { fd: fd.as_raw_fd(), events, revents: 0 }
        })
        .collect();
    // A millisecond too early would mean to look again at once, and again.
    let limit = limit.as_micros().div_ceil(1000);
    let limit = libc::c_int::try_from(limit).unwrap_or(libc::c_int::MAX);
    // SAFETY: `polled` is writable for its length, and its descriptors are borrowed, hence open.
    // The only failures are an interruption and a lack of memory: then the caller tries too early.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, limit) };
}

/// `getsockname` or `getpeername`.
type Name =
    unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int;

/// A broken connection is an error to report, not a signal to die of.
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
const PEEK_FLAGS: libc::c_int = libc::MSG_PEEK | libc::MSG_DONTWAIT;

/// How long receiving blocks at most before it waits in `poll`.
const PATIENCE: Duration = Duration::from_secs(1);

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Lays an address out as the kernel wants it.
fn raw_address(address: SocketAddr) -> (libc::sockaddr_in6, libc::socklen_t) {
    // SAFETY: all-zero is a valid `sockaddr_in6`: integers only.
    let mut storage: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    match address {
        SocketAddr::V6(v6) => {
            storage.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            storage.sin6_port = v6.port().to_be();
            storage.sin6_flowinfo = v6.flowinfo();
            storage.sin6_addr.s6_addr = v6.ip().octets();
            storage.sin6_scope_id = v6.scope_id();
            (storage, size_of::<libc::sockaddr_in6>() as libc::socklen_t)
        }
        SocketAddr::V4(v4) => {
            let v4 = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: `sockaddr_in` is smaller than `storage`, both are plain integers, and the
            // kernel goes by the family and the length.
            unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(v4) };
            (storage, size_of::<libc::sockaddr_in>() as libc::socklen_t)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, TcpListener};

    use super::*;

    fn number(socket: &Socket, name: libc::c_int) -> libc::c_int {
        let (mut value, mut len) = (0, size_of::<libc::c_int>() as libc::socklen_t);
        let place = (&raw mut value).cast();
        // SAFETY: `value` is writable for `len` bytes.
        let result =
            unsafe { libc::getsockopt(socket.raw(), libc::SOL_SOCKET, name, place, &raw mut len) };
        check(result).expect("an option of sockets");
        value
    }

    #[test]
    fn a_connection_to_itself_is_refused() {
        // The system takes any port to connect from; this one is made to take the wrong one.
        let own: IpAddr = "127.0.0.1".parse().expect("an address");
        let options = SocketOptions { source: Some(own), ..SocketOptions::default() };
        let mut socket = Socket::new(SocketAddr::new(own, 1), &options).expect("a socket");
        let name = socket.name(libc::getsockname).expect("it is bound");
        let address = SocketAddr::new(own, u16::from_be_bytes([name[2], name[3]]));
        let deadline = clock::now().plus(Duration::from_secs(5));
        let opened = socket.open(address).and_then(|()| socket.finish(deadline));
        assert_eq!(opened.expect_err("itself").kind(), io::ErrorKind::ConnectionRefused);
        drop(socket);
        // Nothing of it is left that would keep a container from its port.
        TcpListener::bind(address).expect("the port is free");
    }

    #[test]
    fn s2_3_options_are_those_of_the_kernel() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let deadline = clock::now().plus(Duration::from_secs(5));
        let connect = |options: &SocketOptions| {
            let socket = Socket::connect(address, options, deadline).expect("it listens");
            let (_, from) = listener.accept().expect("a connection");
            (socket, from.ip())
        };
        let (usual, _) = connect(&SocketOptions::default());
        assert_eq!(number(&usual, libc::SO_KEEPALIVE), 0);
        let own: IpAddr = "127.0.0.9".parse().expect("an address");
        let options = SocketOptions { keepalive: true, buffer: Some(32_768), source: Some(own) };
        let (socket, from) = connect(&options);
        assert_eq!(number(&socket, libc::SO_KEEPALIVE), 1);
        // The kernel may count its own records in, and doubles the number for them.
        for name in [libc::SO_RCVBUF, libc::SO_SNDBUF] {
            assert!((32_768..=65_536).contains(&number(&socket, name)), "{name}");
            assert_ne!(number(&socket, name), number(&usual, name), "{name}");
        }
        assert_eq!(from, own);
    }
}
