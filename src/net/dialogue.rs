//! A question and its answer over a connection of its own, without ever waiting: many of them are
//! under way at once, and one that is swallowed by the network delays no other.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::connection::Connection;
use super::error::{NetError, Phase};
use super::socket::{SocketOptions, Wanted};
use crate::clock::Millis;

/// One question under way.
#[derive(Debug)]
pub struct Dialogue {
    addresses: Arc<[SocketAddr]>,
    /// Place of the address after the present one.
    next: usize,
    options: SocketOptions,
    question: Vec<u8>,
    connection: Connection,
    is_open: bool,
    /// When the present address has had its share of the time.
    until: Millis,
    deadline: Millis,
}

impl Dialogue {
    /// Begins; `limit` is for all addresses and the answer together.
    ///
    /// # Errors
    ///
    /// In phase `Connect`, if every address fails at once.
    pub fn begin(
        addresses: Arc<[SocketAddr]>,
        options: &SocketOptions,
        question: Vec<u8>,
        now: Millis,
        limit: Duration,
    ) -> Result<Self, NetError> {
        let (mut place, mut last) = (0, no_address());
        while let Some(address) = addresses.get(place) {
            place += 1;
            match Connection::begin(*address, options, now) {
                Ok(connection) => {
                    let mut own = Self {
                        addresses,
                        next: place,
                        options: options.clone(),
                        question,
                        connection,
                        is_open: false,
                        until: now,
                        deadline: now.plus(limit),
                    };
                    own.until = own.share(now);
                    return Ok(own);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Returns what the next step waits for.
    pub fn wants(&self) -> (BorrowedFd<'_>, Wanted) {
        let wanted = if self.is_open { Wanted::Read } else { Wanted::Write };
        (self.connection.as_fd(), wanted)
    }

    /// Returns when to look again even if nothing has come.
    pub fn due(&self) -> Millis {
        if self.is_open { self.deadline } else { self.until.min(self.deadline) }
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
            match Connection::begin(*address, &self.options, now) {
                Ok(connection) => {
                    self.connection = connection;
                    self.until = self.share(now);
                    return Ok(());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// An address that swallows everything must leave time for the others.
    fn share(&self, now: Millis) -> Millis {
        let others = u32::try_from(self.addresses.len() - self.next + 1).unwrap_or(u32::MAX);
        now.plus(self.deadline.since(now) / others)
    }
}

fn no_address() -> NetError {
    NetError::new(Phase::Connect, io::Error::other("the host has no address"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::clock;
    use crate::net::wait_any;

    fn begin(addresses: &[SocketAddr], limit_ms: u64) -> Dialogue {
        let limit = Duration::from_millis(limit_ms);
        let options = SocketOptions::default();
        Dialogue::begin(addresses.into(), &options, b"who?".to_vec(), clock::now(), limit)
            .expect("it begins")
    }

    /// Runs it to its end and returns what was answered.
    fn run(dialogue: &mut Dialogue) -> Result<Vec<u8>, NetError> {
        loop {
            let left = dialogue.due().since(clock::now());
            wait_any(std::iter::once(dialogue.wants()), left);
            if let Some(connection) = dialogue.advance(clock::now())? {
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
        let mut dialogue = begin(&[bad, good], 5_000);
        assert_eq!(run(&mut dialogue).expect("an answer"), b"me");
        assert_eq!(&answering.join().expect("no panic"), b"who?");
        let error = run(&mut begin(&[bad], 5_000)).expect_err("nobody is there");
        assert!(error.phase == Phase::Connect && !error.is_timeout(), "{error}");
    }

    #[test]
    fn silence_ends_at_the_deadline_and_delays_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let begun = clock::now();
        let mut silent: Vec<_> = (0..20).map(|_| begin(&[address], 200)).collect();
        while !silent.is_empty() {
            wait_any(silent.iter().map(Dialogue::wants), Duration::from_millis(20));
            let now = clock::now();
            silent.retain_mut(|own| match own.advance(now) {
                Ok(heard) => heard.is_none(),
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
