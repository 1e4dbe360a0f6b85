//! Why a request failed, how far it got, and what the client is told.

use thiserror::Error;

use crate::ajp::{EncodeError, ProtocolError};
use crate::lb::Outcome;
use crate::lb::recovery::Stage;
use crate::net::{NetError, Phase};

/// The client is gone or its request is malformed.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("client error, status {status}")]
pub struct ClientError {
    /// What to answer, should somebody still listen.
    pub status: u16,
}

/// What went wrong.
#[derive(Debug, Error)]
pub enum Cause {
    /// The network.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The container's answer, and how it begins.
    #[error("malformed answer: {0} ({tag}); it begins with {shown}", tag = .0.tag(), shown = hex(.1))]
    Protocol(ProtocolError, Vec<u8>),
    /// The container answers pings in the middle of a response.
    #[error("the container has given the response up without a word")]
    Abandoned,
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The request.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The reply took too long.
    #[error("no answer within the reply timeout")]
    ReplyTimeout,
    /// A status of `fail_on_status`.
    #[error("status {status} counts as failure")]
    Status {
        /// The container's status.
        status: u16,
        /// Whether the member is to blame.
        is_hard: bool,
    },
    /// `busy_limit` is reached.
    #[error("busy_limit is reached")]
    Busy,
    /// The worker must not connect.
    #[error("the worker's port is 0")]
    Disabled,
}

impl Cause {
    /// Returns the status for the client.
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Net(error) => match error.phase {
                Phase::Acquire | Phase::Resolve | Phase::Connect | Phase::Cping | Phase::Send => {
                    503
                }
                Phase::Receive if error.is_timeout() => 504,
                Phase::Receive => 502,
            },
            Self::Protocol(..) | Self::Abandoned => 502,
            Self::Client(error) => error.status,
            Self::Encode(error) => error.http_status(),
            Self::ReplyTimeout => 504,
            Self::Status { .. } | Self::Busy | Self::Disabled => 503,
        }
    }

    /// Returns what it says about the member.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Net(error) if error.is_our_own() => Outcome::OwnFault,
            Self::Net(error) => match error.phase {
                Phase::Acquire => Outcome::OwnFault,
                Phase::Resolve | Phase::Connect | Phase::Cping => Outcome::ConnectFailed,
                Phase::Send | Phase::Receive => Outcome::Broken,
            },
            Self::Protocol(..) | Self::Abandoned => Outcome::Malformed,
            Self::Client(_) | Self::Encode(_) => Outcome::ClientError,
            Self::ReplyTimeout => Outcome::ReplyTimeout,
            Self::Status { is_hard: true, .. } => Outcome::HardStatus,
            Self::Status { is_hard: false, .. } => Outcome::SoftStatus,
            Self::Busy => Outcome::OwnFault,
            Self::Disabled => Outcome::ConnectFailed,
        }
    }

    /// Returns the stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net(error) => match error.phase {
                Phase::Acquire => "JK-301",
                Phase::Resolve => "JK-302",
                Phase::Connect => "JK-303",
                Phase::Cping => "JK-304",
                Phase::Send => "JK-305",
                Phase::Receive => "JK-306",
            },
            Self::Protocol(..) => "JK-307",
            Self::Client(_) => "JK-308",
            Self::Encode(_) => "JK-309",
            Self::ReplyTimeout => "JK-310",
            Self::Status { .. } => "JK-311",
            Self::Busy => "JK-312",
            Self::Disabled => "JK-313",
            Self::Abandoned => "JK-314",
        }
    }

    /// Returns the short name of what is wrong with an answer: one number stands for all of them.
    pub fn tag(&self) -> Option<&'static str> {
        match self {
            Self::Protocol(error, _) => Some(error.tag()),
            _ => None,
        }
    }

    /// Returns what usually is behind it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Net(error) => return net_hint(error),
            Self::Protocol(ProtocolError::BadMagic { found: [b'H', b'T'] }, _) => {
                "that is an HTTP connector: the worker's port must be that of an AJP connector"
            }
            Self::Protocol(ProtocolError::BadMagic { found: [0x15 | 0x16, 3] }, _) => {
                "that is a TLS connector: the worker's port must be that of an AJP connector"
            }
            Self::Protocol(..) => "an application or something between has damaged the answer",
            Self::Abandoned => {
                "an exception after the response had begun, or a header larger than the connector's packetSize: see Tomcat's log"
            }
            Self::ReplyTimeout => "the application is slow and goes on working at it",
            Self::Busy => "more requests are under way than busy_limit allows",
            Self::Disabled => "port 0 switches the worker off",
            Self::Client(_) | Self::Encode(_) | Self::Status { .. } => return None,
        })
    }
}

fn net_hint(error: &NetError) -> Option<&'static str> {
    use std::io::ErrorKind;

    let is_forbidden = matches!(error.source.raw_os_error(), Some(libc::EACCES | libc::EPERM));
    Some(match (error.phase, error.source.kind()) {
        (Phase::Acquire, _) => {
            "connection_pool_size connections are in use: raise it, or remove it for no limit"
        }
        (Phase::Resolve, _) => "the name is looked up again in the background",
        (Phase::Connect, _) if is_forbidden => {
            "this machine forbids it: with SELinux, setsebool -P httpd_can_network_connect 1"
        }
        (Phase::Connect, ErrorKind::ConnectionRefused) => {
            "nothing listens there: is Tomcat up, and has it an AJP connector with this address and port?"
        }
        (Phase::Connect, ErrorKind::TimedOut) => {
            "no answer at all: a firewall drops the packets, or the machine is down"
        }
        (Phase::Cping, ErrorKind::TimedOut) => {
            "it accepts connections and does not answer: all its threads are busy or the JVM stands still; take a thread dump"
        }
        (Phase::Cping, _) => "perhaps this is no AJP connector",
        (Phase::Receive, ErrorKind::UnexpectedEof) => {
            "Tomcat closed the connection: see its log; a request larger than the connector's packetSize ends like this"
        }
        (Phase::Receive, ErrorKind::TimedOut) => {
            "socket_timeout is shorter than the application needs"
        }
        _ => return None,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// An attempt that failed. Only one that the client has seen nothing of can be repeated, and only
/// its type has what a repetition needs.
#[derive(Debug)]
pub enum Failure {
    /// Nothing has reached the client.
    Uncommitted(Uncommitted),
    /// Part of the response has.
    Committed(Committed),
}

/// A failure the client has seen nothing of.
#[derive(Debug)]
pub struct Uncommitted {
    /// Why.
    pub cause: Cause,
    /// How far the request got.
    pub stage: Stage,
}

/// A failure in the middle of a response.
#[derive(Debug)]
pub struct Committed {
    /// Why.
    pub cause: Cause,
    /// Body bytes that had gone to the client.
    pub passed: u64,
}

impl Failure {
    /// Returns why.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Uncommitted(failure) => &failure.cause,
            Self::Committed(failure) => &failure.cause,
        }
    }
}
