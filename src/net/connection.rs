//! One connection to a container: whole packets in, bytes out.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use super::buffer::{Inbox, Slice};
use super::error::{NetError, Phase};
use super::socket::{Socket, SocketOptions};
use crate::ajp::{self, Frame, ProtocolError};
use crate::clock::Millis;

/// A connection with what it has received.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    inbox: Inbox,
    /// Reused for every request that goes over this connection.
    pub outbox: Vec<u8>,
    /// Whether it has carried a request before the present one.
    pub(super) reused: bool,
    pub(super) last_used: Millis,
    pub(super) generation: u64,
}

impl Connection {
    /// Tries the addresses in turn until one accepts; `limit` is for all of them together.
    ///
    /// # Errors
    ///
    /// In phase `Connect`, that of the last address.
    pub fn open(
        addresses: &[SocketAddr],
        options: &SocketOptions,
        now: Millis,
        limit: Duration,
    ) -> Result<Self, NetError> {
        let deadline = now.plus(limit);
        let mut last = io::Error::other("the host has no address");
        for address in addresses {
            match Socket::connect(*address, options, deadline) {
                Ok(socket) => {
                    return Ok(Self {
                        socket,
                        inbox: Inbox::new(),
                        outbox: Vec::with_capacity(ajp::DEFAULT_PACKET_SIZE),
                        reused: false,
                        last_used: now,
                        generation: 0,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(NetError::new(Phase::Connect, last))
    }

    /// Tells whether the connection has carried a request before.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Returns when it was last given back to the pool, or opened.
    pub fn last_used(&self) -> Millis {
        self.last_used
    }

    /// Sends all of `parts` with as few system calls as possible.
    ///
    /// # Errors
    ///
    /// In phase `Send`.
    pub fn send(
        &self,
        parts: &mut [IoSlice<'_>],
        deadline: Option<Millis>,
    ) -> Result<(), NetError> {
        self.socket.send(parts, deadline).map_err(|error| NetError::new(Phase::Send, error))
    }

    /// Receives what is there, waiting for the first byte.
    ///
    /// # Errors
    ///
    /// In phase `Receive`; `UnexpectedEof` if the container closed the connection.
    pub fn receive(&mut self, deadline: Option<Millis>) -> Result<(), NetError> {
        match self.socket.receive(self.inbox.room(), deadline) {
            Ok(0) => Err(NetError::new(Phase::Receive, io::ErrorKind::UnexpectedEof)),
            Ok(got) => {
                self.inbox.filled(got);
                Ok(())
            }
            Err(error) => Err(NetError::new(Phase::Receive, error)),
        }
    }

    /// Waits until there is something to receive.
    ///
    /// # Errors
    ///
    /// In phase `Receive`.
    pub fn wait_readable(&self, deadline: Option<Millis>) -> Result<(), NetError> {
        self.socket.wait_readable(deadline).map_err(|error| NetError::new(Phase::Receive, error))
    }

    /// Finds the next whole packet among what was received.
    ///
    /// # Errors
    ///
    /// If the stream is not AJP13.
    pub fn packet(&self) -> Result<Option<Range<usize>>, ProtocolError> {
        Ok(match ajp::next_packet(self.inbox.bytes())? {
            Frame::Packet { payload } => Some(payload),
            Frame::Incomplete { .. } => None,
        })
    }

    /// Returns what was received and not consumed.
    pub fn bytes(&self) -> &[u8] {
        self.inbox.bytes()
    }

    /// Drops `len` bytes of [`bytes`](Self::bytes).
    pub fn consume(&mut self, len: usize) {
        self.inbox.consume(len);
    }

    /// Returns a part of [`bytes`](Self::bytes) that outlives the next receive.
    pub fn slice(&self, range: Range<usize>) -> Slice {
        self.inbox.slice(range)
    }

    /// Tells whether an idle connection may carry a request: open, nothing received.
    pub fn is_quiet(&self) -> bool {
        self.inbox.bytes().is_empty() && self.socket.is_quiet()
    }

    /// Asks the container for a sign of life; one deadline for the whole exchange.
    ///
    /// # Errors
    ///
    /// In phase `Cping`. Anything but a CPONG is one, and so is a CPONG with more behind it: the
    /// connection must be closed.
    pub fn cping(&mut self, now: Millis, limit: Duration) -> Result<(), NetError> {
        let deadline = Some(now.plus(limit));
        let as_cping = |error: NetError| NetError { phase: Phase::Cping, ..error };
        self.send(&mut [IoSlice::new(&ajp::CPING)], deadline).map_err(as_cping)?;
        while self.bytes().len() < CPONG.len() {
            self.receive(deadline).map_err(as_cping)?;
        }
        if self.bytes() != CPONG {
            let text = "the answer is not a CPONG";
            let error = io::Error::new(io::ErrorKind::InvalidData, text);
            return Err(NetError::new(Phase::Cping, error));
        }
        self.consume(CPONG.len());
        Ok(())
    }
}

/// The whole answer to a CPING.
const CPONG: [u8; 5] = [0x41, 0x42, 0x00, 0x01, 0x09];
