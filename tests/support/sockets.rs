//! Unix-domain sockets: short paths, listeners of chosen length, and streams of either kind.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A directory for sockets that everyone may enter. Their paths may have 107 bytes, which a directory
/// below cargo's may exceed. It is removed with its value.
pub struct SocketDir(PathBuf);

impl SocketDir {
    /// Makes an empty one; `name` is not used twice in a program.
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("jk-{name}-{}", std::process::id()));
        assert!(!dir.exists(), "the socket directory {name:?} is used twice");
        fs::create_dir(&dir).expect("the directory for temporary files is writable");
        fs::set_permissions(&dir, PermissionsExt::from_mode(0o755)).expect("it is ours");
        Self(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for SocketDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Listens on a path, with rights for all users, as httpd's children are not the user of the tests. A
/// file that a listener before has left is removed.
pub fn listen(path: &Path) -> UnixListener {
    let _ = fs::remove_file(path);
    let listener = UnixListener::bind(path).expect("the path is short and its directory writable");
    fs::set_permissions(path, PermissionsExt::from_mode(0o666)).expect("it is ours");
    listener
}

/// Listens on a path with room for one connection that is not accepted yet.
pub fn listen_shortly(path: &Path) -> UnixListener {
    let listener = listen(path);
    shorten_queue(&listener);
    listener
}

/// Leaves a listener room for one connection that is not accepted yet.
#[allow(unsafe_code)]
pub fn shorten_queue(listener: &impl AsRawFd) {
    // SAFETY: `listen` takes numbers only; the descriptor is open and listens already.
    let result = unsafe { libc::listen(listener.as_raw_fd(), 0) };
    assert_eq!(result, 0, "a shorter queue");
}

/// Where a scripted backend listens.
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(own) => own.as_raw_fd(),
            Self::Unix(own) => own.as_raw_fd(),
        }
    }
}

impl Listener {
    pub fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(own) => own.accept().map(|(stream, _)| Stream::Tcp(stream)),
            Self::Unix(own) => own.accept().map(|(stream, _)| Stream::Unix(stream)),
        }
    }
}

/// A connection to it.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(own) => own.try_clone().map(Self::Tcp),
            Self::Unix(own) => own.try_clone().map(Self::Unix),
        }
    }

    /// Lets no call wait, and sends each piece at once.
    pub fn set_nonblocking_and_nodelay(&self) {
        let done = match self {
            Self::Tcp(own) => own.set_nonblocking(true).and_then(|()| own.set_nodelay(true)),
            Self::Unix(own) => own.set_nonblocking(true),
        };
        done.expect("socket options");
    }

    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Self::Tcp(own) => own.shutdown(how),
            Self::Unix(own) => own.shutdown(how),
        }
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(own) => own.as_raw_fd(),
            Self::Unix(own) => own.as_raw_fd(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(own) => own.read(into),
            Self::Unix(own) => own.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(own) => own.write(bytes),
            Self::Unix(own) => own.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
