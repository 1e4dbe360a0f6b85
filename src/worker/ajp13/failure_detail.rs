//! Which detail of a failure the status page shows.

use std::io::ErrorKind;

use crate::exchange::{FaultKind, ForeignPeer};
use crate::messages::FailureDetail;
use crate::net::{NetError, Phase, UnixFault};
use crate::worker::ajp13::rejection::Rejection;
use crate::worker::error::Cause;

impl Cause {
    /// Returns what it was; nothing for a failure that says nothing about the backend.
    pub fn detail(&self) -> Option<FailureDetail> {
        Some(match self {
            Self::Net(error) => of_network(error),
            Self::Protocol(fault) => match fault.kind {
                FaultKind::Foreign(ForeignPeer::Http) => FailureDetail::HttpConnector,
                FaultKind::Foreign(ForeignPeer::Tls) => FailureDetail::TlsConnector,
                _ => FailureDetail::MalformedResponse,
            },
            Self::Abandoned => FailureDetail::Abandoned,
            Self::ReplyTimeout => FailureDetail::ReplyTimeout,
            Self::Status { .. } => FailureDetail::FailStatus,
            Self::Busy | Self::Overloaded => FailureDetail::BusyLimit,
            Self::Disabled => FailureDetail::PortZero,
            Self::Client(_)
            | Self::Encode(_)
            | Self::QueueTimeout
            | Self::QueueFull
            | Self::ThreadShare => {
                return None;
            }
        })
    }
}

impl Rejection {
    /// Returns what it was.
    pub fn detail(self) -> FailureDetail {
        match self {
            Self::Forbidden => FailureDetail::Forbidden,
            Self::TooLarge(_) => FailureDetail::TooLarge,
        }
    }
}

/// Returns what a failure of the network was.
pub(in crate::worker) fn of_network(error: &NetError) -> FailureDetail {
    match error.unix_fault() {
        Some(UnixFault::Missing) => return FailureDetail::SocketMissing,
        Some(UnixFault::Stale) => return FailureDetail::SocketStale,
        Some(_) => return FailureDetail::SocketUnusable,
        None => {}
    }
    let is_forbidden = matches!(error.source.raw_os_error(), Some(libc::EACCES | libc::EPERM));
    match (error.phase, error.source.kind()) {
        (Phase::Acquire, _) => FailureDetail::PoolFull,
        (Phase::Resolve, _) => FailureDetail::NoAddress,
        (Phase::Connect, _) if is_forbidden => FailureDetail::ConnectForbidden,
        (Phase::Connect, ErrorKind::ConnectionRefused) => FailureDetail::ConnectionRefused,
        (Phase::Connect, ErrorKind::TimedOut) => FailureDetail::ConnectTimeout,
        (Phase::Connect, _) => FailureDetail::ConnectFailed,
        (Phase::Cping, _) if error.foreign_peer() == Some(ForeignPeer::Http) => {
            FailureDetail::CpingByHttp
        }
        (Phase::Cping, _) if error.foreign_peer() == Some(ForeignPeer::Tls) => {
            FailureDetail::CpingByTls
        }
        (Phase::Cping, ErrorKind::TimedOut) => FailureDetail::CpingTimeout,
        (Phase::Cping, _) => FailureDetail::CpingFailed,
        (Phase::Send, _) => FailureDetail::SendFailed,
        (Phase::Receive, ErrorKind::TimedOut) => FailureDetail::ReceiveTimeout,
        (Phase::Receive, _) => FailureDetail::ConnectionClosed,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::exchange::ProtocolFault;

    #[test]
    fn a_detail_belongs_to_the_message_of_its_cause() {
        let net = |phase, kind: ErrorKind| Cause::Net(NetError::new(phase, io::Error::from(kind)));
        let protocol =
            |kind| Cause::Protocol(ProtocolFault { tag: "tag", words: String::new(), kind });
        let cases = [
            (net(Phase::Connect, ErrorKind::ConnectionRefused), FailureDetail::ConnectionRefused),
            (net(Phase::Connect, ErrorKind::TimedOut), FailureDetail::ConnectTimeout),
            (net(Phase::Resolve, ErrorKind::NotFound), FailureDetail::NoAddress),
            (net(Phase::Cping, ErrorKind::TimedOut), FailureDetail::CpingTimeout),
            (net(Phase::Cping, ErrorKind::UnexpectedEof), FailureDetail::CpingFailed),
            (net(Phase::Receive, ErrorKind::UnexpectedEof), FailureDetail::ConnectionClosed),
            (net(Phase::Acquire, ErrorKind::TimedOut), FailureDetail::PoolFull),
            (protocol(FaultKind::Foreign(ForeignPeer::Http)), FailureDetail::HttpConnector),
            (protocol(FaultKind::Foreign(ForeignPeer::Tls)), FailureDetail::TlsConnector),
            (protocol(FaultKind::Foreign(ForeignPeer::Unknown)), FailureDetail::MalformedResponse),
            (protocol(FaultKind::NoMessage), FailureDetail::MalformedResponse),
            (protocol(FaultKind::Malformed), FailureDetail::MalformedResponse),
            (Cause::Busy, FailureDetail::BusyLimit),
            (Cause::Overloaded, FailureDetail::BusyLimit),
            (Cause::ReplyTimeout, FailureDetail::ReplyTimeout),
        ];
        for (cause, detail) in cases {
            assert_eq!(cause.detail(), Some(detail), "{cause:?}");
            assert_eq!(cause.code(), detail.code(), "{cause:?}");
        }
        for rejection in [Rejection::Forbidden, Rejection::TooLarge(400)] {
            assert_eq!(rejection.code(), rejection.detail().code());
        }
    }
}
