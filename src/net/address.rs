//! Where one connection goes: an address of TCP, or the path of a Unix-domain socket.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use crate::net::error::UnixFault;

/// One address to connect to. What kind it is, only `net` knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerAddress(pub(in crate::net) Kind);

/// What it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::net) enum Kind {
    /// Of TCP.
    Tcp(SocketAddr),
    /// A socket in the file system of this machine.
    Unix(Arc<Path>),
}

impl PeerAddress {
    pub(in crate::net) fn tcp(address: SocketAddr) -> Self {
        Self(Kind::Tcp(address))
    }

    pub(in crate::net) fn is_unix(&self) -> bool {
        matches!(self.0, Kind::Unix(_))
    }

    /// Returns it without the port, as a worker's `host` would name it.
    pub fn host(&self) -> String {
        match &self.0 {
            Kind::Tcp(address) => address.ip().to_string(),
            Kind::Unix(_) => self.to_string(),
        }
    }

    /// Returns the same port at both loopback addresses, if this is an address of this machine.
    pub fn loopbacks(&self) -> Vec<Self> {
        let Kind::Tcp(address) = self.0 else { return Vec::new() };
        let loopbacks = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let with_port = |ip| Self::tcp(SocketAddr::new(ip, address.port()));
        let is_own = address.ip().is_loopback() || is_own(address);
        if is_own { loopbacks.map(with_port).into() } else { Vec::new() }
    }

    /// Names what a failed connect to a Unix-domain socket means: the system says "connection
    /// refused" or "permission denied" of files that are not sockets, and the latter of directories
    /// as well.
    pub(in crate::net) fn explain(&self, error: io::Error) -> io::Error {
        let Kind::Unix(path) = &self.0 else { return error };
        let found = std::fs::metadata(path);
        let is_other = || found.as_ref().is_ok_and(|found| !found.file_type().is_socket());
        let is_hidden =
            || found.as_ref().is_err_and(|why| why.kind() == io::ErrorKind::PermissionDenied);
        let fault = match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR) => UnixFault::Missing,
            Some(libc::ECONNREFUSED | libc::EACCES) if is_other() => UnixFault::NoSocket,
            Some(libc::ECONNREFUSED) => UnixFault::Stale,
            Some(libc::EPROTOTYPE) => UnixFault::NoStream,
            Some(libc::EACCES | libc::EPERM) if is_hidden() => UnixFault::ForbiddenDirectory,
            Some(libc::EACCES | libc::EPERM) => UnixFault::Forbidden,
            _ => return error,
        };
        io::Error::new(error.kind(), fault)
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Tcp(address) => address.fmt(f),
            Kind::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Tells whether an address is one of this machine: then it would be the local end as well.
fn is_own(address: SocketAddr) -> bool {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    // Nothing is sent: connecting a UDP socket only asks for the route.
    UdpSocket::bind(any)
        .and_then(|socket| socket.connect(address).and_then(|()| socket.local_addr()))
        .is_ok_and(|local| local.ip() == address.ip())
}

/// An address as the kernel lays it out.
pub(in crate::net) enum RawAddress {
    V4(libc::sockaddr_in),
    V6(libc::sockaddr_in6),
    Unix(libc::sockaddr_un),
}

impl RawAddress {
    /// Lays an address out.
    ///
    /// # Errors
    ///
    /// If a path is longer than the kernel's record: it would be cut off without a word.
    pub(in crate::net) fn of(address: &PeerAddress) -> io::Result<Self> {
        Ok(match &address.0 {
            Kind::Tcp(SocketAddr::V4(v4)) => Self::V4(libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                sin_zero: [0; 8],
            }),
            Kind::Tcp(SocketAddr::V6(v6)) => Self::V6(libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            }),
            Kind::Unix(path) => {
                let path = path.as_os_str().as_bytes();
                let mut own = libc::sockaddr_un {
                    sun_family: libc::AF_UNIX as libc::sa_family_t,
                    sun_path: [0; SUN_PATH_BYTES],
                };
                // The last byte stays the end mark.
                if path.len() >= own.sun_path.len() || path.contains(&0) {
                    return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
                }
                for (into, byte) in own.sun_path.iter_mut().zip(path) {
                    *into = *byte as libc::c_char;
                }
                Self::Unix(own)
            }
        })
    }

    /// Returns the protocol family.
    pub(in crate::net) fn family(&self) -> libc::c_int {
        match self {
            Self::V4(_) => libc::AF_INET,
            Self::V6(_) => libc::AF_INET6,
            Self::Unix(_) => libc::AF_UNIX,
        }
    }

    /// Returns where it lies and how long it is.
    pub(in crate::net) fn parts(&self) -> (*const libc::sockaddr, libc::socklen_t) {
        let len = |size: usize| size as libc::socklen_t;
        match self {
            Self::V4(own) => ((&raw const *own).cast(), len(size_of_val(own))),
            Self::V6(own) => ((&raw const *own).cast(), len(size_of_val(own))),
            Self::Unix(own) => ((&raw const *own).cast(), len(size_of_val(own))),
        }
    }
}

/// Size of the path in the kernel's record, its end mark included.
const SUN_PATH_BYTES: usize = 108;
