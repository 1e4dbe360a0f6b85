//! What went wrong on a connection, and in which phase.

use std::io;

use thiserror::Error;

/// What was being done.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a free connection of the pool.
    #[error("waiting for a free connection")]
    Acquire,
    /// Looking up the host name.
    #[error("looking up the host")]
    Resolve,
    /// Opening the connection.
    #[error("connecting")]
    Connect,
    /// Asking whether the container answers.
    #[error("waiting for CPONG")]
    Cping,
    /// Sending the request.
    #[error("sending")]
    Send,
    /// Waiting for the response.
    #[error("receiving")]
    Receive,
}

/// A failure of the network or of this machine.
#[derive(Debug, Error)]
#[error("{phase}: {source}")]
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

    /// Tells whether a deadline passed.
    pub fn is_timeout(&self) -> bool {
        self.source.kind() == io::ErrorKind::TimedOut
    }

    /// Tells whether this machine ran out of something, which says nothing about the container.
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
