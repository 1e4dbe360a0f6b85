//! The request's body on its way up.

use super::failure::{Cause, ClientError};
use super::{Downstream, RequestSettings};
use crate::ajp::{END_OF_BODY, Exchange, RequestBody, body_packet_header};
use crate::clock::Millis;
use crate::net::{Connection, NetError, Phase};

/// The request's body. Its first block is read before a container is bothered, and kept, so that
/// the request can be sent again as long as nothing beyond it was given away.
#[derive(Debug)]
pub struct Upload {
    length: RequestBody,
    first: Vec<u8>,
    /// Bytes given to a container that cannot be given again.
    gone: bool,
    ended: bool,
    left: u64,
}

impl Upload {
    /// Reads the first block of a body of known length; one of unknown length is read when the
    /// container asks.
    ///
    /// # Errors
    ///
    /// If the client's body cannot be read. No container has seen the request then.
    pub fn begin<D: Downstream>(downstream: &mut D) -> Result<Self, ClientError> {
        let length = downstream.request_body();
        let mut upload = Self {
            length,
            first: Vec::new(),
            gone: false,
            ended: length == RequestBody::None,
            left: 0,
        };
        if let RequestBody::Known(length) = length {
            let want = FIRST_BLOCK.min(usize::try_from(length).unwrap_or(usize::MAX));
            upload.first.resize(want, 0);
            let (got, _) = downstream.read_body(&mut upload.first)?;
            if got == 0 {
                return Err(ClientError { status: 400 });
            }
            upload.first.truncate(got);
            upload.left = length - got as u64;
        }
        Ok(upload)
    }

    /// Returns how much body was announced.
    pub fn length(&self) -> RequestBody {
        self.length
    }

    /// Returns the block that goes out together with the request.
    pub fn first(&self) -> &[u8] {
        &self.first
    }

    /// Tells whether a container got bytes that are not kept.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// Answers the container's wish for up to `max` bytes.
    ///
    /// # Errors
    ///
    /// If the client's body or the connection breaks. The end of the body is signalled only where
    /// it really is, as the application could not tell a cut body from a whole one.
    pub fn send<D: Downstream>(
        &mut self,
        max: usize,
        downstream: &mut D,
        exchange: &mut Exchange,
        connection: &Connection,
        deadline: Option<Millis>,
    ) -> Result<(), Cause> {
        let known = matches!(self.length, RequestBody::Known(_));
        if self.ended || (known && self.left == 0) {
            return self.end(exchange, connection, deadline);
        }
        let mut want = max.min(MAX_BLOCK);
        if known {
            want = want.min(usize::try_from(self.left).unwrap_or(usize::MAX));
        }
        let mut block = vec![0; want];
        let (got, ended) = downstream.read_body(&mut block)?;
        self.ended = ended;
        if got == 0 {
            if known {
                // The client announced more than it sent.
                return Err(ClientError { status: 400 }.into());
            }
            return self.end(exchange, connection, deadline);
        }
        self.gone = true;
        self.left = self.left.saturating_sub(got as u64);
        // `want` is at most MAX_BLOCK, which a packet can hold.
        let head = body_packet_header(got as u16);
        let mut parts = [std::io::IoSlice::new(&head), std::io::IoSlice::new(&block[..got])];
        connection.send(&mut parts, deadline).map_err(lost)?;
        exchange.body_sent(got);
        Ok(())
    }

    fn end(
        &mut self,
        exchange: &mut Exchange,
        connection: &Connection,
        deadline: Option<Millis>,
    ) -> Result<(), Cause> {
        connection.send(&mut [std::io::IoSlice::new(&END_OF_BODY)], deadline).map_err(lost)?;
        exchange.body_ended();
        Ok(())
    }
}

/// The container has the request already: that it takes no more body means that its answer is
/// lost, not that it could not be reached.
pub fn lost(error: NetError) -> NetError {
    NetError { phase: Phase::Receive, ..error }
}

/// What any container takes unasked: the smallest packet size less its overhead.
const FIRST_BLOCK: usize = 8_186;

/// Largest block read at once.
const MAX_BLOCK: usize = 65_530;

impl RequestSettings {
    /// Returns the failure a status counts as, if it does.
    pub fn failed_status(&self, own: &[i32], status: u16) -> Option<Cause> {
        let list = if self.fail_on_status.is_empty() { own } else { &self.fail_on_status };
        let found = list.iter().find(|entry| entry.unsigned_abs() == u32::from(status))?;
        Some(Cause::Status { status, is_hard: *found > 0 })
    }
}
