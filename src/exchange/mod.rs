//! The seam between protocols and what carries them. A protocol is pure: the parts of a request go in,
//! bytes and steps come out. `net` moves the bytes, `worker` takes the steps, `httpd` lends the parts and
//! takes the response; none of them knows which protocol it is.
//!
//! A protocol implements [`Exchange`] once. Everything that uses it is generic over it, so that a call
//! costs what it would cost without the seam.
#![forbid(unsafe_code)]

mod body_chunks;
mod fault;
mod foreign_peer;
mod request;
mod response;

use std::ops::Range;

pub use body_chunks::{BodyChunks, Chunk};
pub use fault::{ExplainFault, FaultKind, ProtocolFault};
pub use foreign_peer::ForeignPeer;
pub use request::{
    EncodeError, NamedEncodeError, Oversize, Part, Port, RequestBody, RequestParts, Tls,
    chain_number,
};
pub use response::{HeaderName, ResponseHeader, ResponseParts};

/// One request and its response as a state machine: messages of the backend in, what to do next out.
/// It knows no socket, no clock and no retry.
pub trait Exchange: Sized {
    /// Status and headers, as they lie in a message.
    type Head<'m>: ResponseParts + Copy;

    /// Why bytes of the backend are not an answer to the request.
    type Fault: ExplainFault;

    /// What precedes a piece of the request's body.
    type BodyHead: AsRef<[u8]>;

    /// What ends a request's body. It is sent only when the body really ended.
    const END_OF_BODY: &'static [u8];

    /// How an idle backend is asked whether it answers.
    const PING: Ping;

    /// Writes a request of at most `limit` bytes to the front of `out` and returns how many it has.
    /// `headers` are the client's, `variables` what JkEnvVar names.
    ///
    /// # Errors
    ///
    /// If the request does not fit or must not be sent.
    fn write_request<'a>(
        out: &mut Vec<u8>,
        limit: usize,
        request: &RequestParts<'a>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) -> Result<usize, EncodeError>;

    /// Returns the name of the header or variable that `part` is, among those that
    /// [`write_request`](Self::write_request) writes when it is given the same.
    fn part_name<'a>(
        part: Part,
        request: &RequestParts<'a>,
        headers: impl Iterator<Item = (&'a [u8], &'a [u8])>,
        variables: impl Iterator<Item = (impl AsRef<[u8]>, impl AsRef<[u8]>)>,
    ) -> Option<Vec<u8>>;

    /// Returns what precedes `len` bytes of body, more than 0.
    fn body_head(len: u16) -> Self::BodyHead;

    /// Begins an exchange; `is_head` for the method HEAD.
    fn new(is_head: bool, body: RequestBody) -> Self;

    /// Books that one piece with `bytes` of the request's body was sent.
    fn body_sent(&mut self, bytes: usize);

    /// Books that the end of the request's body was sent.
    ///
    /// The backend cannot tell a cut body from a whole one, so a caller whose client stopped early
    /// closes the connection instead; after this call such a connection is not reused.
    fn body_ended(&mut self);

    /// Tells whether nothing of the request's body is left to send.
    fn is_body_sent(&self) -> bool;

    /// Returns the largest piece of body that the backend has asked for, which is the most it takes.
    fn largest_requested(&self) -> Option<u16>;

    /// Looks for a whole message at the front of `stream`; the next one begins at the end of its
    /// range.
    ///
    /// # Errors
    ///
    /// If the stream is not of this protocol.
    fn next_message(stream: &[u8]) -> Result<Option<Range<usize>>, Self::Fault>;

    /// Takes the next message.
    ///
    /// # Errors
    ///
    /// If it is malformed or out of order. The connection must be closed then.
    fn on_message<'m>(&mut self, message: &'m [u8]) -> Result<Step<Self::Head<'m>>, Self::Fault>;

    /// Tells whether a fault only means that the backend has given the response up: then it means
    /// what a closed connection means at this point, see [`on_close`](Self::on_close).
    fn is_abandoned(fault: &Self::Fault) -> bool;

    /// Tells whether the next message may be a piece of the body.
    fn takes_body_chunks(&self) -> bool;

    /// Takes messages from the front of `stream` as long as each is whole and is a piece of the body
    /// that was announced. `pieces` gets their places; returns how long the messages are.
    ///
    /// It is as if [`on_message`](Self::on_message) had been called for each: afterwards it has to be
    /// called for what follows.
    fn on_body_chunks(&mut self, stream: &[u8], chunks: &mut BodyChunks) -> usize;

    /// Says what it means that the backend closed the connection now.
    fn on_close(&self) -> Close;

    /// Tells whether a response has begun.
    fn has_headers(&self) -> bool;

    /// Returns how many bytes of body were cut off behind the announced length.
    fn excess_bytes(&self) -> u64;

    /// Returns how many flushes came in a row, for callers that would wait for ever on a backend
    /// that sends nothing else.
    fn flushes_in_a_row(&self) -> u32;

    /// Tells whether a ping may be sent to find out if the backend has given up the response.
    fn may_probe(&self) -> bool;

    /// Books that a ping was sent. A backend that works on the response answers after its end, one
    /// that has abandoned it answers at once.
    fn probe_sent(&mut self);

    /// Tells whether the answer to a ping is still to come. It must be taken before the connection is
    /// reused.
    fn awaits_pong(&self) -> bool;

    /// Tells whether the connection may carry another request now.
    fn is_reusable(&self) -> bool;

    /// Tells whether the backend ended the connection together with a complete response.
    fn ends_connection(&self) -> bool;
}

/// What the caller must do next; `H` is the head of a response.
#[derive(Clone, Debug)]
pub enum Step<H> {
    /// Begin the response.
    Head(H),
    /// Pass these bytes of the message to the client. Never empty.
    Body(Range<usize>),
    /// Flush what was passed so far.
    Flush,
    /// Send one piece of up to `max` bytes of request body, or its end, before taking the next
    /// message.
    NeedBody {
        /// What the backend can take and the client has left, more than 0. The own limit may be
        /// smaller.
        max: usize,
    },
    /// Send the end of the request body: there is nothing to send, or nothing left.
    EndOfBodyAgain,
    /// Nothing.
    Ignored,
    /// The response is complete.
    Done {
        /// Whether the connection may carry another request; same as
        /// [`Exchange::is_reusable`].
        reuse: bool,
    },
}

/// What a closed connection means for the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Every announced byte was there: only the word that this is the end is missing.
    Complete,
    /// The response is broken.
    Broken,
}

/// A question to an idle backend and its only answer.
#[derive(Clone, Copy, Debug)]
pub struct Ping {
    /// What is sent.
    pub question: &'static [u8],
    /// All that may come back.
    pub answer: &'static [u8],
}
