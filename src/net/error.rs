//! What went wrong on a connection, and in which phase.

use std::borrow::Cow;
use std::io;

use thiserror::Error;

use crate::exchange::ForeignPeer;

/// What was being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a free connection of the pool.
    Acquire,
    /// Looking up the host name.
    Resolve,
    /// Opening the connection.
    Connect,
    /// Asking whether the backend answers.
    Cping,
    /// Sending the request.
    Send,
    /// Waiting for the response.
    Receive,
}

/// A failure of the network or of this machine.
#[derive(Debug, Error)]
#[error("{}", self.words())]
pub struct NetError {
    /// What was being done.
    pub phase: Phase,
    /// What the system said.
    pub source: io::Error,
}

impl NetError {
    /// Makes an error of `phase`.
    pub fn new(phase: Phase, source: impl Into<io::Error>) -> Self {
        Self { phase, source: source.into() }
    }

    /// Says what happened, without the system's numbers where the words are known.
    fn words(&self) -> Cow<'static, str> {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, TimedOut};

        let source = &self.source;
        if let Some(peer) = self.foreign_peer() {
            return peer.to_string().into();
        }
        let known = match (self.phase, source.kind()) {
            (Phase::Acquire, _) => "no connection became free within connection_acquire_timeout",
            (Phase::Resolve, _) => {
                return format!("the host name has no address: {source}").into();
            }
            (Phase::Connect, _) if self.unix_fault().is_some() => {
                return format!("cannot connect: {source}").into();
            }
            (Phase::Connect, ConnectionRefused) => "the connection was refused",
            (Phase::Connect, TimedOut) => "the connection timed out",
            (Phase::Connect, _) => return format!("cannot connect: {source}").into(),
            (Phase::Cping, TimedOut) => "the backend did not answer CPING in time",
            (Phase::Cping, _) if self.is_closed() => {
                "the backend closed the connection instead of answering CPING"
            }
            (Phase::Cping, _) => return format!("CPING failed: {source}").into(),
            (Phase::Send, TimedOut) => "the backend did not take the request in time",
            (Phase::Send, _) if self.is_closed() => {
                "the backend closed the connection while the request was sent"
            }
            (Phase::Send, _) => return format!("the request could not be sent: {source}").into(),
            (Phase::Receive, TimedOut) => "the backend sent nothing more in time",
            (Phase::Receive, ConnectionReset) => {
                "the backend reset the connection before the response was complete"
            }
            (Phase::Receive, _) if self.is_closed() => {
                "the backend closed the connection before the response was complete"
            }
            (Phase::Receive, _) => {
                return format!("the response could not be received: {source}").into();
            }
        };
        known.into()
    }

    /// Returns what answered in place of the backend, if something did.
    pub fn foreign_peer(&self) -> Option<ForeignPeer> {
        self.source.get_ref()?.downcast_ref().copied()
    }

    /// Tells whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.source.kind() == io::ErrorKind::TimedOut
    }

    /// Tells whether something else came than what was asked for.
    pub fn is_unsolicited(&self) -> bool {
        self.source.kind() == io::ErrorKind::InvalidData
    }

    /// Tells whether the other end has closed the connection.
    pub fn is_closed(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};

        let ends = [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof];
        ends.contains(&self.source.kind())
    }

    /// Tells whether the client left while the request was parked, which says nothing about the
    /// backend.
    pub fn is_client_left(&self) -> bool {
        self.source.get_ref().is_some_and(|inner| inner.is::<ClientLeft>())
    }

    /// Returns what is wrong with a Unix-domain socket, if that is why there is no connection.
    pub fn unix_fault(&self) -> Option<UnixFault> {
        self.source.get_ref()?.downcast_ref().copied()
    }

    /// Tells whether this machine ran out of something, which says nothing about the backend.
    pub fn is_our_own(&self) -> bool {
        matches!(
            self.source.raw_os_error(),
            Some(
                libc::EMFILE
                    | libc::ENFILE
                    | libc::ENOBUFS
                    | libc::ENOMEM
                    | libc::EADDRNOTAVAIL
                    | libc::EACCES
                    | libc::EPERM
            )
        )
    }
}

/// The client of a parked request left.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the client left")]
pub struct ClientLeft;

impl From<ClientLeft> for io::Error {
    fn from(left: ClientLeft) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, left)
    }
}

/// Why there is no connection to a Unix-domain socket. The kernel's own errors say less.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UnixFault {
    /// The path leads to nothing.
    #[error("there is no such file")]
    Missing,
    /// It leads to a file of another kind.
    #[error("the file is not a socket")]
    NoSocket,
    /// The file is left of a process that listens no more.
    #[error("connection refused, as no process listens on the socket file")]
    Stale,
    /// It is a socket, and not one for connections.
    #[error("the socket is not of the type stream")]
    NoStream,
    /// This process may not write to the socket.
    #[error("permission denied for the socket file")]
    Forbidden,
    /// This process may not enter a directory of the path.
    #[error("permission denied for a directory of the path")]
    ForbiddenDirectory,
    /// As many connections wait to be accepted as the listener allows.
    #[error("timed out, as the listen queue of the socket is full")]
    QueueFull,
}

/// Makes a result of what a system call has returned.
///
/// # Errors
///
/// As the system reports it.
pub fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
