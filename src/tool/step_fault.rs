//! The steps by which a backend is tried, and how each can fail.

use std::io;

use crate::ajp::ProtocolError;
use crate::net::{NetError, UnixFault};

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiagnosisStep {
    /// The host's addresses.
    LookUp,
    /// A connection.
    Connect,
    /// A CPING.
    Cping,
    /// A request.
    Request,
    /// A request that fills a packet of this size.
    LargeRequest(usize),
}

/// How it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepFault {
    /// It was closed without an answer.
    Closed,
    /// This machine does not allow it.
    Forbidden,
    /// The answer is a packet, and a wrong one.
    Malformed(String),
    /// What came is no AJP; how it begins.
    NotAjp(Vec<u8>),
    /// Anything else, as the system says it.
    Other(String),
    /// No process listens.
    Refused,
    /// The answer has this status and, perhaps, the connection's end.
    Status {
        /// The status.
        status: u16,
        /// Whether the backend closed the connection behind it.
        closed: bool,
    },
    /// Nothing came in time.
    TimedOut,
    /// There is no way to the host.
    Unreachable,
    /// Something is wrong with the Unix-domain socket.
    Unix(UnixFault),
}

impl StepFault {
    /// Names a failure of the network; `begins` is what had arrived.
    pub fn of(error: &NetError, begins: &[u8]) -> Self {
        use io::ErrorKind::{
            ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable,
            NetworkUnreachable, PermissionDenied, TimedOut, UnexpectedEof,
        };

        if let Some(fault) = error.unix_fault() {
            return Self::Unix(fault);
        }
        if !begins.is_empty() && !is_ajp(begins) {
            return Self::NotAjp(begins[..begins.len().min(BEGINNING)].to_vec());
        }
        match error.source.kind() {
            ConnectionRefused => Self::Refused,
            TimedOut => Self::TimedOut,
            UnexpectedEof | ConnectionReset | ConnectionAborted => Self::Closed,
            PermissionDenied => Self::Forbidden,
            HostUnreachable | NetworkUnreachable => Self::Unreachable,
            _ => Self::Other(error.source.to_string()),
        }
    }

    /// Names a packet that is not allowed.
    pub fn of_packet(error: &ProtocolError, begins: &[u8]) -> Self {
        match error {
            ProtocolError::BadMagic { .. } => {
                Self::NotAjp(begins[..begins.len().min(BEGINNING)].to_vec())
            }
            _ => Self::Malformed(error.to_string()),
        }
    }

    /// Says it in a word or two, for the line of the step.
    pub fn label(&self) -> String {
        match self {
            Self::Closed => "closed without a response".to_owned(),
            Self::Forbidden => "forbidden".to_owned(),
            Self::Malformed(why) => format!("malformed: {why}"),
            Self::NotAjp(_) => "the response is not AJP".to_owned(),
            Self::Other(why) => why.clone(),
            Self::Refused => "refused".to_owned(),
            Self::Status { status, closed: true } => format!("status {status}, then closed"),
            Self::Status { status, closed: false } => format!("status {status}"),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Unreachable => "no route".to_owned(),
            Self::Unix(fault) => fault.to_string(),
        }
    }
}

fn is_ajp(begins: &[u8]) -> bool {
    begins.iter().zip(b"AB").all(|(found, wanted)| found == wanted)
}

/// So much of a foreign answer is kept.
const BEGINNING: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Phase;

    #[test]
    fn errors_of_the_network_are_sorted() {
        let error = |kind: io::ErrorKind| NetError::new(Phase::Connect, io::Error::from(kind));
        let cases = [
            (io::ErrorKind::ConnectionRefused, StepFault::Refused),
            (io::ErrorKind::TimedOut, StepFault::TimedOut),
            (io::ErrorKind::UnexpectedEof, StepFault::Closed),
            (io::ErrorKind::ConnectionReset, StepFault::Closed),
            (io::ErrorKind::PermissionDenied, StepFault::Forbidden),
            (io::ErrorKind::HostUnreachable, StepFault::Unreachable),
        ];
        for (kind, expected) in cases {
            assert_eq!(StepFault::of(&error(kind), b""), expected, "{kind:?}");
        }
        let missing = io::Error::new(io::ErrorKind::NotFound, UnixFault::Missing);
        let missing = NetError::new(Phase::Connect, missing);
        assert_eq!(StepFault::of(&missing, b""), StepFault::Unix(UnixFault::Missing));
        let closed = error(io::ErrorKind::UnexpectedEof);
        assert_eq!(StepFault::of(&closed, b"HTTP"), StepFault::NotAjp(b"HTTP".to_vec()));
        assert_eq!(StepFault::of(&closed, b"AB"), StepFault::Closed);
    }
}
