//! A question and its answer over a connection of its own, without ever waiting: many of them are
//! under way at once, and one that is swallowed by the network delays no other.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Millis;
use crate::net::address::PeerAddress;
use crate::net::connection::Connection;
use crate::net::error::{NetError, Phase};
use crate::net::interest::Interest;
use crate::net::socket::SocketOptions;

/// One question under way.
#[derive(Debug)]
pub struct PendingRequest {
    addresses: Arc<[PeerAddress]>,
    /// Place of the address after the present one.
    next: usize,
    options: SocketOptions,
    question: Vec<u8>,
    connection: Connection,
    is_open: bool,
    /// When to try again to connect to a socket whose listen queue was full.
    again: Millis,
    /// When the present address has had its share of the time.
    until: Millis,
    deadline: Millis,
}

impl PendingRequest {
    /// Begins; `limit` is for all addresses and the answer together.
    ///
    /// # Errors
    ///
    /// In phase `Connect`, if every address fails at once.
    pub fn begin(
        addresses: Arc<[PeerAddress]>,
        options: &SocketOptions,
        question: Vec<u8>,
        now: Millis,
        limit: Duration,
    ) -> Result<Self, NetError> {
        let (mut place, mut last) = (0, no_address());
        while let Some(address) = addresses.get(place) {
            place += 1;
            match Connection::begin(address, options, now) {
                Ok(connection) => {
                    let mut own = Self {
                        addresses,
                        next: place,
                        options: options.clone(),
                        question,
                        connection,
                        is_open: false,
                        again: now.plus(QUEUE_PAUSE),
                        until: now,
                        deadline: now.plus(limit),
                    };
                    own.until = own.time_slice(now);
                    return Ok(own);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Returns what the next step waits for, unless it is only the time.
    pub fn poll_interest(&self) -> Option<(BorrowedFd<'_>, Interest)> {
        let wanted = if self.is_open { Interest::Read } else { Interest::Write };
        // The kernel does not report when there is room in a queue.
        (!self.connection.is_queue_full()).then(|| (self.connection.as_fd(), wanted))
    }

    /// Returns when to look again even if nothing has come.
    pub fn next_deadline(&self) -> Millis {
        let end = if self.is_open { self.deadline } else { self.until.min(self.deadline) };
        if self.connection.is_queue_full() { end.min(self.again) } else { end }
    }

    /// Goes on as far as possible. Returns the connection if something new has come over it.
    ///
    /// # Errors
    ///
    /// When it is over; `TimedOut` if its time is.
    pub fn advance(&mut self, now: Millis) -> Result<Option<&mut Connection>, NetError> {
        while !self.is_open {
            match self.connection.finish(now) {
                Ok(()) => {
                    self.is_open = true;
                    // A new connection has room for a question of a few bytes.
                    self.connection.send(&mut [IoSlice::new(&self.question)], Some(now))?;
                }
                Err(error) if error.is_timeout() && now < self.until.min(self.deadline) => {
                    self.again = now.plus(QUEUE_PAUSE);
                    return Ok(None);
                }
                Err(error) => self.next_address(now, error)?,
            }
        }
        match self.connection.receive_from(now, Some(now)) {
            Ok(()) => Ok(Some(&mut self.connection)),
            Err(error) if error.is_timeout() && now < self.deadline => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn next_address(&mut self, now: Millis, mut last: NetError) -> Result<(), NetError> {
        while let Some(address) = self.addresses.get(self.next).filter(|_| now < self.deadline) {
            self.next += 1;
            match Connection::begin(address, &self.options, now) {
                Ok(connection) => {
                    self.connection = connection;
                    self.again = now.plus(QUEUE_PAUSE);
                    self.until = self.time_slice(now);
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// An address that swallows everything must leave time for the others.
    fn time_slice(&self, now: Millis) -> Millis {
        let others = u32::try_from(self.addresses.len() - self.next + 1).unwrap_or(u32::MAX);
        now.plus(self.deadline.since(now) / others)
    }
}

/// How long to wait before a full listen queue is tried again.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);

fn no_address() -> NetError {
    NetError::new(Phase::Connect, io::Error::other("the host has no address"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use super::*;
    use crate::clock;
    use crate::net::error::UnixFault;
    use crate::net::socket::tests::{SocketDir, full_listener, unix};
    use crate::net::waiting;

    fn begin(addresses: &[SocketAddr], limit_ms: u64) -> PendingRequest {
        let limit = Duration::from_millis(limit_ms);
        let options = SocketOptions::default();
        let addresses = addresses.iter().copied().map(PeerAddress::tcp).collect();
        PendingRequest::begin(addresses, &options, b"who?".to_vec(), clock::now(), limit)
            .expect("it begins")
    }

    /// Runs it to its end and returns what was answered.
    fn run(request: &mut PendingRequest) -> Result<Vec<u8>, NetError> {
        loop {
            let left = request.next_deadline().since(clock::now());
            waiting::for_any(request.poll_interest().into_iter(), left);
            if let Some(connection) = request.advance(clock::now())? {
                return Ok(connection.bytes().to_vec());
            }
        }
    }

    #[test]
    fn an_address_that_refuses_gives_way_to_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let good = listener.local_addr().expect("bound");
        let bad = {
            let gone = TcpListener::bind("127.0.0.1:0").expect("a port");
            gone.local_addr().expect("bound")
        };
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut question = [0; 4];
            stream.read_exact(&mut question).expect("a question");
            stream.write_all(b"me").expect("it listens");
            question
        });
        let mut request = begin(&[bad, good], 5_000);
        assert_eq!(run(&mut request).expect("an answer"), b"me");
        assert_eq!(&answering.join().expect("no panic"), b"who?");
        let error = run(&mut begin(&[bad], 5_000)).expect_err("no listener");
        assert!(error.phase == Phase::Connect && !error.is_timeout(), "{error}");
    }

    #[test]
    fn a_full_listen_queue_is_tried_again_in_time() {
        let dir = SocketDir::new("queue");
        let (listener, _first) = full_listener(&dir.path("s"));
        let begin = |limit_ms| {
            let addresses = Arc::new([unix(&dir.path("s"))]);
            let limit = Duration::from_millis(limit_ms);
            let options = SocketOptions::default();
            PendingRequest::begin(addresses, &options, b"who?".to_vec(), clock::now(), limit)
                .expect("a full queue is no failure yet")
        };
        let begun = clock::now();
        let mut full = begin(100);
        assert!(
            full.poll_interest().is_none(),
            "the descriptor would wake it at once, again and again"
        );
        assert!(full.next_deadline() <= begun.plus(QUEUE_PAUSE + Duration::from_millis(50)));
        let error = run(&mut full).expect_err("the queue stays full");
        assert_eq!(error.unix_fault(), Some(UnixFault::QueueFull));
        assert!(error.phase == Phase::Connect && error.is_timeout());
        assert!(clock::now().since(begun) >= Duration::from_millis(100), "not before its time");

        let mut waiting = begin(10_000);
        let answering = std::thread::spawn(move || {
            let _first = listener.accept().expect("the one in the queue");
            let (mut stream, _) = listener.accept().expect("the one that waits");
            let mut question = [0; 4];
            stream.read_exact(&mut question).expect("a question");
            stream.write_all(b"me").expect("it listens");
        });
        assert_eq!(run(&mut waiting).expect("an answer"), b"me");
        answering.join().expect("no panic");
    }

    #[test]
    fn silence_ends_at_the_deadline_and_delays_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let begun = clock::now();
        let mut silent: Vec<_> = (0..20).map(|_| begin(&[address], 200)).collect();
        while !silent.is_empty() {
            waiting::for_any(
                silent.iter().filter_map(PendingRequest::poll_interest),
                Duration::from_millis(20),
            );
            let now = clock::now();
            silent.retain_mut(|own| match own.advance(now) {
                Ok(received) => received.is_none(),
                Err(error) => {
                    assert!(error.is_timeout(), "{error}");
                    assert!(now.since(begun) >= Duration::from_millis(200));
                    false
                }
            });
        }
        let took = clock::now().since(begun);
        assert!(took < Duration::from_millis(2_000), "not one after the other: {took:?}");
    }
}
