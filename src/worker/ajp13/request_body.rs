//! The request's body on its way up.

use std::io::IoSlice;

use parking_lot::Mutex;

use crate::clock::Millis;
use crate::exchange::{Exchange, RequestBody};
use crate::net::{Connection, NetError, Phase};
use crate::worker::Downstream;
use crate::worker::error::ClientError;

/// The request's body. Its first block is read before a backend is bothered; what was read is
/// kept up to a limit, so that the request can be sent again as long as all of it is there.
#[derive(Debug)]
pub struct ReplayableBody {
    length: RequestBody,
    /// What was read from the client, as long as it is no more than `limit`; then the last block.
    block: BodyBuffer,
    /// How much of `block` the present backend has.
    sent: usize,
    limit: usize,
    /// Bytes that have been given away cannot be given again.
    not_replayable: bool,
    /// Whether the client has sent everything.
    ended: bool,
    read: u64,
}

impl ReplayableBody {
    /// Reads the first block of a body of known length, of up to `first` bytes; one of unknown
    /// length is read when the backend asks. `keep` says how many bytes of a request with this
    /// method are kept for a second backend.
    ///
    /// # Errors
    ///
    /// If the client's body cannot be read. No backend has seen the request then.
    pub fn begin<D: Downstream>(
        downstream: &mut D,
        first: impl FnOnce() -> usize,
        keep: impl FnOnce(&[u8]) -> usize,
    ) -> Result<Self, ClientError> {
        let length = downstream.request_body();
        let ended = length == RequestBody::None;
        // Without a body there is no reason to ask.
        let (first, keep) = if ended { (0, 0) } else { (first(), keep(downstream.method())) };
        let (block, limit) = (BodyBuffer::default(), keep.max(first));
        let mut request_body =
            Self { length, block, sent: 0, limit, not_replayable: false, ended, read: 0 };
        if matches!(length, RequestBody::Known(_)) && request_body.fill(first, downstream)? == 0 {
            // check: A50b
            return Err(ClientError::Body { status: 400 });
        }
        Ok(request_body)
    }

    /// Returns how much body was announced.
    pub fn length(&self) -> RequestBody {
        self.length
    }

    /// Restarts for another backend and returns the block that is sent together with the
    /// request, of up to `first` bytes.
    pub fn rewind(&mut self, first: usize) -> &[u8] {
        self.sent = match self.length {
            RequestBody::Known(_) => self.block.len().min(first),
            RequestBody::None | RequestBody::Unknown => 0,
        };
        &self.block.bytes()[..self.sent]
    }

    /// Tells whether a backend got bytes that are not kept.
    pub fn is_not_replayable(&self) -> bool {
        self.not_replayable
    }

    /// Returns how much the present backend has been given.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// Sees to it that there is something to give, up to `max` bytes, waiting for the client if
    /// need be. Returns whether the body has ended instead.
    ///
    /// # Errors
    ///
    /// If the client's body cannot be read, or ends before what it announced. The backend must
    /// not be told of an end then: the application could not tell a cut body from a whole one.
    pub fn prepare<D: Downstream>(
        &mut self,
        max: usize,
        downstream: &mut D,
    ) -> Result<bool, ClientError> {
        let is_end =
            self.sent == self.block.len() && (self.ended || self.fill(max, downstream)? == 0);
        match (is_end, self.length) {
            // check: A51
            (true, RequestBody::Known(_)) => Err(ClientError::Body { status: 400 }),
            (is_end, _) => Ok(is_end),
        }
    }

    /// Answers the backend's wish for up to `max` bytes with what [`prepare`](Self::prepare)
    /// found.
    ///
    /// # Errors
    ///
    /// In phase `Receive`: the backend has the request already, so that it takes no more body
    /// means that its answer is lost, not that it could not be reached.
    pub fn send<E: Exchange>(
        &mut self,
        max: usize,
        is_end: bool,
        exchange: &mut E,
        connection: &Connection,
        deadline: Option<Millis>,
    ) -> Result<(), NetError> {
        let lost = |error: NetError| NetError { phase: Phase::Receive, ..error };
        if is_end {
            connection.send(&mut [IoSlice::new(E::END_OF_BODY)], deadline).map_err(lost)?;
            exchange.body_ended();
            return Ok(());
        }
        let rest = &self.block.bytes()[self.sent..];
        let next = &rest[..rest.len().min(max).min(MAX_BLOCK)];
        // It is at most MAX_BLOCK, which a packet can hold.
        let head = E::body_head(next.len() as u16);
        connection
            .send(&mut [IoSlice::new(head.as_ref()), IoSlice::new(next)], deadline)
            .map_err(lost)?;
        self.sent += next.len();
        exchange.body_sent(next.len());
        Ok(())
    }

    /// Reads up to `max` bytes more and returns how many there were; none at the end.
    fn fill<D: Downstream>(&mut self, max: usize, from: &mut D) -> Result<usize, ClientError> {
        let left = match self.length {
            RequestBody::Known(length) => length - self.read,
            RequestBody::None => 0,
            RequestBody::Unknown => u64::MAX,
        };
        let want = max.min(MAX_BLOCK).min(usize::try_from(left).unwrap_or(usize::MAX));
        // The first block is kept in any case. A packet is not made smaller to be kept.
        let fits = self.block.len() == 0 || want <= self.limit.saturating_sub(self.block.len());
        if self.not_replayable || !fits {
            self.not_replayable = true;
            self.block.clear();
            self.sent = 0;
        }
        let result = from.read_body(self.block.room(want));
        let got = result.map_or(0, |(got, _)| got.min(want));
        self.block.filled(got);
        self.read += got as u64;
        // check: A30
        self.ended = result?.1 || got as u64 == left;
        Ok(got)
    }
}

/// Memory for a body. It comes from the request before and goes to the next one: getting and
/// clearing it would cost more than the upload.
#[derive(Debug, Default)]
struct BodyBuffer {
    memory: Vec<u8>,
    len: usize,
}

impl BodyBuffer {
    fn bytes(&self) -> &[u8] {
        &self.memory[..self.len]
    }

    fn len(&self) -> usize {
        self.len
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    /// Returns `want` bytes of room behind what there is.
    fn room(&mut self, want: usize) -> &mut [u8] {
        let end = self.len + want;
        if self.memory.is_empty() {
            self.memory = SPARE.lock().pop().unwrap_or_default();
        }
        if self.memory.len() < end {
            // Rather once too much than again for every block.
            self.memory.resize(end.next_power_of_two().max(SMALLEST_MEMORY), 0);
        }
        &mut self.memory[self.len..end]
    }

    /// Books that `got` bytes of the room were filled.
    fn filled(&mut self, got: usize) {
        self.len = (self.len + got).min(self.memory.len());
    }
}

impl Drop for BodyBuffer {
    fn drop(&mut self) {
        if self.memory.is_empty() || self.memory.len() > LARGEST_SPARE {
            return;
        }
        let mut spare = SPARE.lock();
        if spare.len() < MOST_SPARE {
            spare.push(std::mem::take(&mut self.memory));
        }
    }
}

/// Memory of this child that no upload needs now. Only newly read bytes are ever sent.
static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// Most pieces kept, and the largest of them.
const MOST_SPARE: usize = 16;
const LARGEST_SPARE: usize = 256 * 1024;

/// What is taken at once at least.
const SMALLEST_MEMORY: usize = 8 * 1024;

/// Largest block sent at once.
const MAX_BLOCK: usize = 65_530;
