//! Sockets against the kernel: options, Unix-domain sockets and what is wrong with them.

use std::io::{Read, Write};
use std::net::{IpAddr, Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;

use super::*;
use crate::net::error::{NetError, Phase};

fn number(socket: &Socket, name: libc::c_int) -> libc::c_int {
    let (mut value, mut len) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    let place = (&raw mut value).cast();
    // SAFETY: `value` is writable for `len` bytes.
    let result =
        unsafe { libc::getsockopt(socket.raw(), libc::SOL_SOCKET, name, place, &raw mut len) };
    check(result).expect("an option of sockets");
    value
}

fn connected(
    address: &PeerAddress,
    options: &SocketOptions,
    deadline: Millis,
) -> io::Result<Socket> {
    waiting::in_thread(Socket::connect(address, options, Waits::InThread, deadline))
}

#[test]
fn a_connection_to_itself_is_refused() {
    // The system takes any port to connect from; this one is made to take the wrong one.
    let own: IpAddr = "127.0.0.1".parse().expect("an address");
    let options = SocketOptions { source: Some(own), ..SocketOptions::default() };
    let first = PeerAddress::tcp(SocketAddr::new(own, 1));
    let raw = RawAddress::of(&first).expect("an address");
    let mut socket = Socket::new(&first, &raw, &options).expect("a socket");
    let name = socket.name(libc::getsockname).expect("it is bound");
    let address = SocketAddr::new(own, u16::from_be_bytes([name[2], name[3]]));
    let deadline = clock::now().plus(Duration::from_secs(5));
    let itself = PeerAddress::tcp(address);
    let raw = RawAddress::of(&itself).expect("an address");
    let opened = socket.open(&itself, &raw).and_then(|()| socket.finish(deadline));
    assert_eq!(opened.expect_err("itself").kind(), io::ErrorKind::ConnectionRefused);
    drop(socket);
    // Nothing of it is left that would keep a backend from its port.
    TcpListener::bind(address).expect("the port is free");
}

#[test]
fn options_are_those_of_the_kernel() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let deadline = clock::now().plus(Duration::from_secs(5));
    let connect = |options: &SocketOptions| {
        let socket = connected(&PeerAddress::tcp(address), options, deadline).expect("it listens");
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

/// A directory for sockets, whose paths must be short. It is removed with its value.
pub(in crate::net) struct SocketDir(PathBuf);

impl SocketDir {
    pub(in crate::net) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("jk-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the directory for temporary files is writable");
        Self(dir)
    }

    pub(in crate::net) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A listener whose queue is full: it has room for one connection, which is there. With the
/// connection that takes the place.
pub(in crate::net) fn full_listener(path: &Path) -> (UnixListener, UnixStream) {
    let listener = UnixListener::bind(path).expect("a new path");
    // SAFETY: `listen` takes numbers only; the socket listens already and gets a shorter queue.
    check(unsafe { libc::listen(listener.as_raw_fd(), 0) }).expect("it listens");
    let first = UnixStream::connect(path).expect("there is room for one");
    (listener, first)
}

pub(in crate::net) fn unix(path: &Path) -> PeerAddress {
    PeerAddress(Kind::Unix(path.into()))
}

fn connect(path: &Path, limit: Duration) -> io::Result<Socket> {
    connected(&unix(path), &SocketOptions::default(), clock::now().plus(limit))
}

const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_unix_socket_carries_bytes_with_deadlines() {
    let dir = SocketDir::new("bytes");
    let listener = UnixListener::bind(dir.path("s")).expect("a new path");
    let options = SocketOptions {
        keepalive: true,
        buffer: Some(32_768),
        source: Some("127.0.0.9".parse().expect("an address")),
    };
    let deadline = clock::now().plus(SOON);
    let socket = connected(&unix(&dir.path("s")), &options, deadline).expect("it listens");
    assert!(socket.source_refused.is_none(), "there is no address to connect from");
    assert!((32_768..=65_536).contains(&number(&socket, libc::SO_SNDBUF)));
    let (mut other, _) = listener.accept().expect("a connection");
    socket.send(&mut [IoSlice::new(b"ask")], Some(deadline)).expect("there is room");
    let mut got = [0; 3];
    other.read_exact(&mut got).expect("it was sent");
    assert_eq!(&got, b"ask");
    assert_eq!(socket.idle(), Idle::Quiet);
    let now = clock::now();
    let late = socket.receive(&mut [0; 8], now, Some(now.plus(Duration::from_millis(20))));
    assert_eq!(late.expect_err("nothing came").kind(), io::ErrorKind::TimedOut);
    other.write_all(b"answer").expect("there is room");
    assert_eq!(socket.receive(&mut [0; 8], clock::now(), Some(deadline)).expect("it came"), 6);
    // Not only dropped: a process that another test forks may hold a copy of it.
    other.shutdown(Shutdown::Both).expect("it is connected");
    assert_eq!(socket.idle(), Idle::Closed);
}

#[test]
fn a_full_listen_queue_is_waited_for_until_the_deadline() {
    let dir = SocketDir::new("full");
    let (listener, _first) = full_listener(&dir.path("s"));
    let begun = clock::now();
    let limit = Duration::from_millis(60);
    let error = connect(&dir.path("s"), limit).expect_err("the queue stays full");
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    let error = NetError::new(Phase::Connect, error);
    assert_eq!(error.unix_fault(), Some(UnixFault::QueueFull));
    assert!(clock::now().since(begun) >= limit, "it was waited for");

    // With room in time the wait ends at once, and the connection is like any other.
    let waiting = thread::spawn({
        let path = dir.path("s");
        move || connect(&path, SOON)
    });
    let mut accepted = Vec::new();
    while accepted.len() < 2 {
        accepted.push(listener.accept().expect("one that waits").0);
    }
    let socket = waiting.join().expect("no panic").expect("there was room");
    accepted[1].write_all(b"x").expect("it is open");
    assert_eq!(socket.receive(&mut [0; 8], clock::now(), None).expect("it came"), 1);
}

#[test]
fn what_is_wrong_with_a_unix_socket_is_named() {
    let dir = SocketDir::new("faults");
    let fault = |name: &str| {
        let error = connect(&dir.path(name), SOON).expect_err("there is no backend");
        let kind = error.kind();
        let error = NetError::new(Phase::Connect, error);
        assert!(!error.is_our_own(), "{error}: it is the backend's, so that another one serves");
        (error.unix_fault(), kind)
    };
    assert_eq!(fault("none"), (Some(UnixFault::Missing), io::ErrorKind::NotFound));
    std::fs::write(dir.path("file"), "").expect("a file");
    assert_eq!(fault("file/s").0, Some(UnixFault::Missing));
    assert_eq!(fault("file"), (Some(UnixFault::NoSocket), io::ErrorKind::ConnectionRefused));
    let listener = UnixListener::bind(dir.path("stale")).expect("a new path");
    // Not only dropped: a process that another test forks may hold a copy of it.
    // SAFETY: the descriptor is open.
    unsafe { libc::shutdown(listener.as_raw_fd(), libc::SHUT_RDWR) };
    drop(listener);
    assert_eq!(fault("stale"), (Some(UnixFault::Stale), io::ErrorKind::ConnectionRefused));
    let _datagrams = UnixDatagram::bind(dir.path("datagrams")).expect("a new path");
    assert_eq!(fault("datagrams").0, Some(UnixFault::NoStream));
    let long = connect(&dir.path(&"x".repeat(120)), SOON).expect_err("it does not fit");
    assert_eq!(long.raw_os_error(), Some(libc::ENAMETOOLONG), "never another file");
}

#[test]
fn a_refusal_for_rights_tells_the_file_from_its_directory() {
    let dir = SocketDir::new("rights");
    let denied = || io::Error::from_raw_os_error(libc::EACCES);
    let fault = |path: &Path| {
        let error = NetError::new(Phase::Connect, unix(path).explain(denied()));
        (error.unix_fault(), error.source.kind())
    };
    let _listener = UnixListener::bind(dir.path("s")).expect("a new path");
    let expected = (Some(UnixFault::Forbidden), io::ErrorKind::PermissionDenied);
    assert_eq!(fault(&dir.path("s")), expected);
    std::fs::write(dir.path("file"), "").expect("a file");
    assert_eq!(fault(&dir.path("file")).0, Some(UnixFault::NoSocket), "its rights do not matter");
    let inner = dir.path("closed");
    std::fs::create_dir(&inner).expect("a directory");
    let _hidden = UnixListener::bind(inner.join("s")).expect("a new path");
    std::fs::set_permissions(&inner, PermissionsExt::from_mode(0o000)).expect("it is ours");
    // Nothing is hidden from root, as whom the tests may run.
    let is_root = std::fs::metadata(inner.join("s")).is_ok();
    let (found, _) = fault(&inner.join("s"));
    let wanted = if is_root { UnixFault::Forbidden } else { UnixFault::ForbiddenDirectory };
    assert_eq!(found, Some(wanted));
}
