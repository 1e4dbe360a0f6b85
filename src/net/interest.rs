//! What a socket is waited for.

/// What a socket is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Something to read, or the end of the stream.
    Read,
    /// Room to write, or the end of connecting.
    Write,
}

impl Interest {
    /// Returns the same for `poll`.
    pub fn events(self) -> libc::c_short {
        match self {
            Self::Read => libc::POLLIN,
            Self::Write => libc::POLLOUT,
        }
    }
}
