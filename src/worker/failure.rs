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
    /// The container's answer.
    #[error("malformed answer: {0} ({tag})", tag = .0.tag())]
    Protocol(#[from] ProtocolError),
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
            Self::Protocol(_) => 502,
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
            Self::Protocol(_) => Outcome::Malformed,
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
            Self::Protocol(_) => "JK-307",
            Self::Client(_) => "JK-308",
            Self::Encode(_) => "JK-309",
            Self::ReplyTimeout => "JK-310",
            Self::Status { .. } => "JK-311",
            Self::Busy => "JK-312",
            Self::Disabled => "JK-313",
        }
    }
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
