//! One connection to a backend: bytes in and out, whatever protocol they are of.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::exchange::{BodyChunks, Chunk, Exchange, ForeignPeer, Ping};
use crate::net::address::PeerAddress;
use crate::net::buffer::{Leave, ReadBuffer, Slices, leave};
use crate::net::error::{NetError, Phase};
use crate::net::interest::Interest;
use crate::net::socket::{Idle, Socket, SocketOptions};
use crate::net::waiting::Waits;

/// A connection with what it has received.
#[derive(Debug)]
pub struct Connection {
    socket: Socket,
    read_buffer: ReadBuffer,
    pub(super) peer: PeerAddress,
    /// Memory for packets to the backend, reused for every request.
    pub write_buffer: Vec<u8>,
    /// Memory to work with, reused as well.
    pub scratch: Vec<u8>,
    chunks: BodyChunks,
    /// Whether it has carried a request before the present one.
    pub(super) reused: bool,
    pub(super) last_used: Millis,
    /// When the last data was received over it.
    pub(super) last_seen: Millis,
    pub(super) generation: u64,
}

impl Connection {
    /// Tries the addresses in turn until one accepts; `limit` is for all of them together.
    ///
    /// # Errors
    ///
    /// In phase `Connect`, that of the last address; `ClientLeft` if the client left.
    pub async fn open(
        addresses: &[PeerAddress],
        options: &SocketOptions,
        waits: Waits<'_>,
        now: Millis,
        limit: Duration,
    ) -> Result<Self, NetError> {
        let deadline = now.plus(limit);
        let mut last = io::Error::other("the host has no address");
        for (place, address) in addresses.iter().enumerate() {
            // An address that swallows everything must leave time for the others.
            let now = clock::now();
            let others = u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
            let deadline = now.plus(deadline.since(now) / others);
            match Socket::connect(address, options, waits, deadline).await {
                Ok(socket) => return Ok(Self::over(socket, address, now)),
                Err(error) => last = error,
            }
            if waits.has_client_left() {
                break;
            }
        }
        Err(NetError::new(Phase::Connect, last))
    }

    /// Begins to open a connection to one address, without waiting;
    /// [`finish`](Self::finish) tells when it is open.
    ///
    /// # Errors
    ///
    /// In phase `Connect`.
    pub fn begin(
        address: &PeerAddress,
        options: &SocketOptions,
        now: Millis,
    ) -> Result<Self, NetError> {
        let begun = Socket::begin(address, options);
        let socket = begun.map_err(|error| NetError::new(Phase::Connect, error))?;
        Ok(Self::over(socket, address, now))
    }

    /// Waits until the connection is open.
    ///
    /// # Errors
    ///
    /// In phase `Connect`.
    pub fn finish(&mut self, deadline: Millis) -> Result<(), NetError> {
        self.socket.finish(deadline).map_err(|error| NetError::new(Phase::Connect, error))
    }

    /// Tells whether the other end had no room for a further connection when that was last tried.
    pub(super) fn is_queue_full(&self) -> bool {
        self.socket.is_queue_full()
    }

    fn over(socket: Socket, peer: &PeerAddress, now: Millis) -> Self {
        Self {
            socket,
            read_buffer: ReadBuffer::new(),
            peer: peer.clone(),
            write_buffer: Vec::new(),
            scratch: Vec::new(),
            chunks: BodyChunks::default(),
            reused: false,
            last_used: now,
            last_seen: now,
            generation: 0,
        }
    }

    /// Tells whether the connection has carried a request before.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Returns when it was last given back to the pool, or opened.
    pub fn last_used(&self) -> Millis {
        self.last_used
    }

    /// Returns why the configured local address could not be taken, once.
    pub fn source_refused(&mut self) -> Option<io::Error> {
        self.socket.source_refused.take()
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
        self.send_counted(parts, deadline).map_err(|(_, error)| error)
    }

    /// Sends all of `parts`.
    ///
    /// # Errors
    ///
    /// In phase `Send`, with how many bytes may reach the backend all the same.
    pub fn send_counted(
        &self,
        parts: &mut [IoSlice<'_>],
        deadline: Option<Millis>,
    ) -> Result<(), (usize, NetError)> {
        let as_send = |error: crate::net::socket::SendError| {
            (error.taken, NetError::new(Phase::Send, error.source))
        };
        self.socket.send(parts, deadline).map_err(as_send)
    }

    /// Receives what is there, waiting for the first byte.
    ///
    /// # Errors
    ///
    /// In phase `Receive`; `UnexpectedEof` if the backend closed the connection.
    pub fn receive(&mut self, deadline: Option<Millis>) -> Result<(), NetError> {
        self.receive_from(clock::now(), deadline)
    }

    /// The same for a caller who knows what time it is.
    ///
    /// # Errors
    ///
    /// In phase `Receive`; `UnexpectedEof` if the backend closed the connection.
    pub fn receive_from(&mut self, now: Millis, deadline: Option<Millis>) -> Result<(), NetError> {
        match self.socket.receive(self.read_buffer.room(), now, deadline) {
            Ok(0) => Err(NetError::new(Phase::Receive, io::ErrorKind::UnexpectedEof)),
            Ok(got) => {
                self.read_buffer.filled(got);
                Ok(())
            }
            Err(error) => Err(NetError::new(Phase::Receive, error)),
        }
    }

    /// The same for a request that may be parked meanwhile; at once if a thread has waited for this already, so
    /// that it is waited for `again`.
    ///
    /// # Errors
    ///
    /// In phase `Receive`; `UnexpectedEof` if the backend closed the connection, `ClientLeft` if the
    /// client left.
    pub async fn receive_for(
        &mut self,
        waits: Waits<'_>,
        now: Millis,
        deadline: Option<Millis>,
        again: bool,
    ) -> Result<(), NetError> {
        let Some(patience) = waits.patience() else { return self.receive_from(now, deadline) };
        let soon = if again { now } else { now.plus(patience) };
        let is_sooner = deadline.is_none_or(|deadline| soon < deadline);
        let first = if is_sooner { Some(soon) } else { deadline };
        match self.receive_from(now, first) {
            Err(error) if is_sooner && error.is_timeout() => {}
            result => return result,
        }
        // Parked, it needs no memory for what is not there.
        self.read_buffer.rest();
        let waited = waits.ready(self.socket.as_fd(), Interest::Read, deadline).await;
        waited.map_err(|error| NetError::new(Phase::Receive, error))?;
        let now = clock::now();
        self.receive_from(now, Some(now))
    }

    /// Receives more without waiting, if the last time filled the buffer: then more is there most
    /// likely. If something came, returns the leave for it, to be kept until both were passed on.
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub fn receive_rest(&mut self) -> Result<Option<Leave>, NetError> {
        let Some(leave) = self.read_buffer.is_full().then(leave).flatten() else { return Ok(None) };
        match self.socket.receive_ready(self.read_buffer.room()) {
            Ok(None) => Ok(None),
            Ok(Some(0)) => Err(NetError::new(Phase::Receive, io::ErrorKind::UnexpectedEof)),
            Ok(Some(got)) => {
                self.read_buffer.filled(got);
                Ok(Some(leave))
            }
            Err(error) => Err(NetError::new(Phase::Receive, error)),
        }
    }

    /// Finds pieces of the body at the front of what was received. Returns how long their packets
    /// are; [`chunks`](Self::chunks) says where.
    pub fn find_body_chunks<E: Exchange>(&mut self, exchange: &mut E) -> usize {
        exchange.on_body_chunks(self.read_buffer.bytes(), &mut self.chunks)
    }

    /// Returns the pieces that were found last.
    pub fn chunks(&self) -> &BodyChunks {
        &self.chunks
    }

    /// Returns what was received and not consumed.
    pub fn bytes(&self) -> &[u8] {
        self.read_buffer.bytes()
    }

    /// Drops `len` bytes of [`bytes`](Self::bytes).
    pub fn consume(&mut self, len: usize) {
        self.read_buffer.consume(len);
    }

    /// Returns parts of [`bytes`](Self::bytes) that outlive the next receive.
    pub fn slices<'i>(&'i self, chunks: &'i [Chunk]) -> Slices<'i> {
        self.read_buffer.slices(chunks)
    }

    /// Looks at the connection while it is idle; only a quiet one may carry a request.
    pub fn idle(&self) -> Idle {
        if self.read_buffer.bytes().is_empty() { self.socket.idle() } else { Idle::Unsolicited }
    }

    /// Sends a ping and waits for its answer; one deadline for both.
    ///
    /// # Errors
    ///
    /// In phase `Cping`. Anything but the answer is one, and so is the answer with more behind it: the
    /// connection must be closed. `ClientLeft` if the client left.
    pub async fn ping(
        &mut self,
        ping: &Ping,
        waits: Waits<'_>,
        now: Millis,
        limit: Duration,
    ) -> Result<(), NetError> {
        let deadline = now.plus(limit);
        self.ask(ping, deadline)?;
        while self.bytes().len() < ping.answer.len() {
            let received = self.receive_for(waits, clock::now(), Some(deadline), false).await;
            received.map_err(as_ping)?;
        }
        self.take_answer(ping)
    }

    /// Sends a ping.
    ///
    /// # Errors
    ///
    /// In phase `Cping`.
    pub fn ask(&self, ping: &Ping, deadline: Millis) -> Result<(), NetError> {
        self.send(&mut [IoSlice::new(ping.question)], Some(deadline)).map_err(as_ping)
    }

    /// Waits for the answer to a ping. After a timeout it may be called again, to go on waiting.
    ///
    /// # Errors
    ///
    /// As for [`ping`](Self::ping).
    pub fn answer(&mut self, ping: &Ping, deadline: Millis) -> Result<(), NetError> {
        while self.bytes().len() < ping.answer.len() {
            self.receive(Some(deadline)).map_err(as_ping)?;
        }
        self.take_answer(ping)
    }

    /// Takes the answer to a ping, which has come.
    fn take_answer(&mut self, ping: &Ping) -> Result<(), NetError> {
        if self.bytes() != ping.answer {
            let kind = io::ErrorKind::InvalidData;
            // Packets of AJP that were not asked for come from a backend, and are another matter.
            let is_shared = |start: &[u8]| self.bytes().starts_with(start);
            let error = match ping.answer.get(..2).is_some_and(is_shared) {
                true => io::Error::new(kind, "the answer is not a CPONG"),
                false => io::Error::new(kind, ForeignPeer::of(self.bytes())),
            };
            return Err(NetError::new(Phase::Cping, error));
        }
        self.consume(ping.answer.len());
        self.last_seen = clock::now();
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn as_ping(error: NetError) -> NetError {
    NetError { phase: Phase::Cping, ..error }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::buffer::BUFFER_BYTES;
    use crate::net::interest::Interest;
    use crate::net::waiting;

    fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let limit = Duration::from_secs(5);
        let own = waiting::in_thread(Connection::open(
            &[PeerAddress::tcp(address)],
            &SocketOptions::default(),
            Waits::InThread,
            clock::now(),
            limit,
        ));
        (own.expect("it listens"), listener.accept().expect("a connection").0)
    }

    /// Waits until something is there, or the end.
    fn wait(own: &Connection) {
        waiting::for_any([(own.as_fd(), Interest::Read)].into_iter(), Duration::from_secs(5));
    }

    /// Fills the buffer, as a backend does that is far ahead.
    fn fill(own: &mut Connection, other: &mut TcpStream) {
        let left = BUFFER_BYTES - own.bytes().len();
        other.write_all(&vec![b'x'; left]).expect("there is room");
        while !own.read_buffer.is_full() {
            own.receive(None).expect("it was sent");
        }
    }

    #[test]
    fn the_rest_is_what_is_there_after_a_full_buffer() {
        // One test, as there is one leave for all.
        let (mut own, mut other) = pair();
        fill(&mut own, &mut other);
        own.consume(BUFFER_BYTES - 4);
        assert!(own.receive_rest().expect("it is open").is_none(), "no thread waits");
        fill(&mut own, &mut other);
        own.consume(BUFFER_BYTES);
        other.write_all(b"the rest").expect("there is room");
        wait(&own);
        assert!(own.receive_rest().expect("it is open").is_some());
        assert_eq!(own.bytes(), b"the rest");
        other.write_all(b"more").expect("there is room");
        wait(&own);
        assert!(
            own.receive_rest().expect("no request is sent").is_none(),
            "the buffer was not full"
        );
        own.receive(None).expect("it was sent");
        fill(&mut own, &mut other);
        own.consume(BUFFER_BYTES);
        other.shutdown(std::net::Shutdown::Both).expect("it is open");
        wait(&own);
        let error = own.receive_rest().expect_err("the stream ended");
        assert_eq!(error.source.kind(), io::ErrorKind::UnexpectedEof);
    }
}
