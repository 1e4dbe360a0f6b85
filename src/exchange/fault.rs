//! What callers need to know about bytes that are no answer, whatever the protocol.

use thiserror::Error;

use crate::exchange::ForeignPeer;

/// Why a backend's bytes are no answer to a request.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{words}")]
pub struct ProtocolFault {
    /// The short name under which it is logged and counted.
    pub tag: &'static str,
    /// What is wrong, for people.
    pub words: String,
    /// What it means for the backend.
    pub kind: FaultKind,
}

/// What a fault says about the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The stream begins like that of another protocol.
    Foreign(ForeignPeer),
    /// No backend sends such a message, whatever the application did: the stream is out of step.
    NoMessage,
    /// A message with a mistake in it.
    Malformed,
}

/// A protocol's own fault, which can be explained with the bytes it was found in.
pub trait ExplainFault {
    /// Explains it: `bytes` is the stream from the message on that is none, or a malformed message.
    fn explain(self, bytes: &[u8]) -> ProtocolFault;
}
