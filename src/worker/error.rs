//! Why a request failed, how far it got, and what the client is told.

use std::fmt;

use thiserror::Error;

use crate::exchange::{EncodeError, FaultKind, NamedEncodeError, Part, ProtocolFault};
use crate::lb::Outcome;
use crate::lb::retry_policy::{Fault, Stage};
use crate::log::{LONGEST_NAME, excerpt};
use crate::messages::MessageCode::{
    JK301, JK302, JK303, JK304, JK305, JK306, JK307, JK308, JK309, JK310, JK311, JK312, JK313,
    JK314, JK320, JK321, JK322, JK323, JK324,
};
use crate::net::{NetError, Phase};

/// Why the client's side ended a request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ClientError {
    /// The request's body cannot be had: malformed, too large, late or cut short. The client may
    /// still wait for an answer.
    #[error("{what}, status {status}", what = body_problem(*status))]
    Body {
        /// What to answer.
        status: u16,
    },
    /// httpd has refused the request's body and sent the answer. Nothing may follow it.
    #[error("httpd refused the request body and ended the response itself")]
    Refused,
    /// The connection is closed. Nothing can be sent.
    #[error("the client closed the connection")]
    Gone,
    /// A filter has sent another answer in place of the response, or has ended it. Nothing may
    /// follow it.
    #[error("an output filter of httpd ended the response itself")]
    Replaced,
    /// A filter failed. The response cannot be completed.
    #[error("a filter of httpd failed to process the {0}")]
    Filter(Direction),
}

/// What a filter processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The request's body.
    Request,
    /// The response.
    Response,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request body",
            Self::Response => "response",
        })
    }
}

impl ClientError {
    /// Returns the status for the client, if there is one to tell.
    pub fn http_status(self) -> Option<u16> {
        match self {
            Self::Body { status } => Some(status),
            // It only appears in the access log.
            Self::Gone => Some(400),
            Self::Filter(_) => Some(500),
            Self::Refused | Self::Replaced => None,
        }
    }

    /// Tells whether a response that has begun must be broken off for the client to notice.
    pub fn needs_break(self) -> bool {
        matches!(self, Self::Body { .. } | Self::Filter(_))
    }

    /// Tells whether the client is the cause, not this server.
    pub fn is_clients(self) -> bool {
        matches!(self, Self::Body { .. } | Self::Refused | Self::Gone)
    }

    /// Returns the stable code of the message.
    pub fn code(self) -> &'static str {
        match self {
            Self::Body { .. } | Self::Refused | Self::Gone => JK308.text(),
            Self::Replaced => JK320.text(),
            Self::Filter(_) => JK321.text(),
        }
    }
}

fn body_problem(status: u16) -> &'static str {
    match status {
        408 => "the request body did not arrive in time",
        413 => "the request body is too large",
        _ => "the request body is malformed or incomplete",
    }
}

/// Says why a request cannot be sent, with the header or variable by its name.
fn encode_problem(failure: &NamedEncodeError) -> String {
    let Some(name) = &failure.name else { return failure.error.to_string() };
    let name = excerpt(name, LONGEST_NAME);
    let part = match failure.error.part() {
        Part::HeaderName(_) => format!("the name of the header \"{name}\""),
        Part::HeaderValue(_) => format!("the header \"{name}\""),
        Part::RequestName(_) => format!("the name \"{name}\" of JkEnvVar"),
        _ => format!("the value of JkEnvVar {name}"),
    };
    // The error is shown with the part that has a name now.
    match failure.error {
        EncodeError::DoesNotFit { largest_bytes, needed, limit, .. } => format!(
            "the request needs {needed} bytes and max_packet_size is {limit}; its largest part is {part} with {largest_bytes} bytes"
        ),
        EncodeError::Empty { .. } => format!("{part} is empty"),
        EncodeError::ForbiddenByte { byte, .. } => {
            format!("{part} contains the byte {byte:#04x}")
        }
        EncodeError::OutOfOrder { .. } => format!("{part} was added too late"),
    }
}

/// What went wrong.
#[derive(Debug, Error)]
pub enum Cause {
    /// The network.
    #[error(transparent)]
    Net(NetError),
    /// The backend's answer.
    #[error(transparent)]
    Protocol(ProtocolFault),
    /// The backend answers pings in the middle of a response.
    #[error("the backend abandoned the response")]
    Abandoned,
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The request.
    #[error("{}", encode_problem(.0))]
    Encode(#[from] Box<NamedEncodeError>),
    /// The reply took too long.
    #[error("no response within reply_timeout")]
    ReplyTimeout,
    /// A status of `fail_on_status`.
    #[error("status {status} counts as a failure")]
    Status {
        /// The backend's status.
        status: u16,
        /// Whether the member is to blame.
        is_hard: bool,
    },
    /// `busy_limit` is reached.
    #[error("busy_limit is reached")]
    Busy,
    /// The limit that was found with `concurrency=adaptive` is reached.
    #[error("its adaptive limit is reached")]
    Overloaded,
    /// It did not become less than the limit in time.
    #[error("no room within queue_timeout")]
    QueueTimeout,
    /// As many requests wait for room as may.
    #[error("no room, and the queue is full")]
    QueueFull,
    /// The worker holds as many threads of httpd as it may.
    #[error("max_threads_share is used up")]
    ThreadShare,
    /// The worker must not connect.
    #[error("the worker's port is 0")]
    Disabled,
}

impl From<NetError> for Cause {
    fn from(error: NetError) -> Self {
        match error.is_client_left() {
            true => Self::Client(ClientError::Gone),
            false => Self::Net(error),
        }
    }
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
            Self::Client(error) => error.http_status().unwrap_or(400),
            Self::Encode(failure) => failure.error.http_status(),
            Self::ReplyTimeout => 504,
            Self::Status { .. }
            | Self::Busy
            | Self::Overloaded
            | Self::QueueTimeout
            | Self::QueueFull
            | Self::ThreadShare
            | Self::Disabled => 503,
        }
    }

    /// Returns the status the backend answered with; 0 if there was none.
    pub fn backend_status(&self) -> u16 {
        match self {
            Self::Status { status, .. } => *status,
            _ => 0,
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
            Self::Protocol(fault) if fault.kind != FaultKind::Malformed => Outcome::Broken,
            Self::Protocol(..) | Self::Abandoned => Outcome::Malformed,
            Self::Client(error) if !error.is_clients() => Outcome::OwnFault,
            Self::Client(_) | Self::Encode(_) => Outcome::ClientError,
            Self::ReplyTimeout => Outcome::ReplyTimeout,
            Self::Status { is_hard: true, .. } => Outcome::HardStatus,
            Self::Status { is_hard: false, .. } => Outcome::SoftStatus,
            Self::Busy
            | Self::Overloaded
            | Self::QueueTimeout
            | Self::QueueFull
            | Self::ThreadShare => Outcome::OwnFault,
            Self::Disabled => Outcome::ConnectFailed,
        }
    }

    /// Returns what it says about repeating the request.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Client(_) | Self::Encode(_) => Fault::Client,
            Self::Busy | Self::Overloaded | Self::QueueTimeout | Self::QueueFull => Fault::Full,
            // To wait for room would hold one more thread.
            Self::Disabled | Self::ThreadShare => Fault::NoPlace,
            Self::Net(error) if error.phase == Phase::Acquire => Fault::NoPlace,
            _ => Fault::Backend,
        }
    }

    /// Tells whether the worker only had no room for the request.
    pub fn is_no_room(&self) -> bool {
        match self {
            Self::Busy
            | Self::Overloaded
            | Self::QueueTimeout
            | Self::QueueFull
            | Self::ThreadShare => true,
            Self::Net(error) => error.phase == Phase::Acquire,
            _ => false,
        }
    }

    /// Returns how much a request that failed for good by it matters.
    pub fn level(&self) -> FailureLevel {
        match self {
            Self::Client(ClientError::Filter(_)) => FailureLevel::Outage,
            Self::Client(_) => FailureLevel::Client,
            Self::Encode(failure) => match failure.error.http_status() {
                400 => FailureLevel::Client,
                500 => FailureLevel::Outage,
                _ => FailureLevel::Limit,
            },
            _ => FailureLevel::Outage,
        }
    }

    /// Returns the stable code of the message.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Net(error) => match error.phase {
                Phase::Acquire => JK301.text(),
                Phase::Resolve => JK302.text(),
                Phase::Connect => JK303.text(),
                Phase::Cping => JK304.text(),
                Phase::Send => JK305.text(),
                Phase::Receive => JK306.text(),
            },
            Self::Protocol(..) => JK307.text(),
            Self::Client(error) => error.code(),
            Self::Encode(_) => JK309.text(),
            Self::ReplyTimeout => JK310.text(),
            Self::Status { .. } => JK311.text(),
            Self::Busy | Self::Overloaded => JK312.text(),
            Self::QueueTimeout => JK322.text(),
            Self::QueueFull => JK323.text(),
            Self::ThreadShare => JK324.text(),
            Self::Disabled => JK313.text(),
            Self::Abandoned => JK314.text(),
        }
    }

    /// Returns the short name of what is wrong with an answer: one number stands for all of them.
    pub fn tag(&self) -> Option<&'static str> {
        match self {
            Self::Protocol(fault) => Some(fault.tag),
            _ => None,
        }
    }
}

/// How much a failed request matters, by who has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureLevel {
    /// Users get errors that they have not caused: level error.
    Outage,
    /// What this client sends exceeds a limit, which may be too low: level warn.
    Limit,
    /// The client has caused it, as scanners do all day: level info.
    Client,
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
    /// Whether a connection that had carried a request before broke without a byte of answer.
    pub is_stale: bool,
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

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Uncommitted(Uncommitted { cause, stage: Stage::NotSent, is_stale: false })
    }
}
