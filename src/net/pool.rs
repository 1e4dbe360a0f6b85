//! The kept-alive connections of one child to one container.

use std::collections::VecDeque;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::connection::Connection;
use super::error::{NetError, Phase};
use super::resolver::Target;
use super::socket::SocketOptions;
use crate::clock::{self, Millis};

/// How a pool treats its connections.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Most connections at once; `None` for as many as there are requests.
    pub size: Option<usize>,
    /// Idle connections kept in spite of `idle_timeout`.
    pub min_size: usize,
    /// How long a request waits for a connection while `size` are in use.
    pub acquire_timeout: Duration,
    /// Idle time after which a connection is closed; `None` for never.
    pub idle_timeout: Option<Duration>,
    /// Time for opening a connection, all addresses together.
    pub connect_timeout: Duration,
    /// Time for a CPING right after opening, `None` for no such CPING.
    pub connect_cping: Option<Duration>,
    /// What is set on each socket.
    pub socket: SocketOptions,
}

/// Connections to one container. A connection that was used last is used next, so that surplus
/// ones grow old and are closed.
#[derive(Debug)]
pub struct Pool {
    target: Target,
    options: PoolOptions,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    in_use: usize,
    waiting: VecDeque<Arc<Waiter>>,
    generation: u64,
}

/// One request in the queue. It is woken by whoever gave it a place.
#[derive(Debug, Default)]
struct Waiter {
    has_place: Mutex<bool>,
    woken: Condvar,
}

impl Pool {
    /// Makes an empty pool.
    pub fn new(target: Target, options: PoolOptions) -> Self {
        Self { target, options, state: Mutex::default() }
    }

    /// Returns the container this pool connects to.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Returns how many connections are open and idle, and how many are in use.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.idle.len(), state.in_use)
    }

    /// Takes a place in the pool and with it an idle connection that is still good, if there is
    /// one; otherwise the lease is empty and [`Lease::connect`] opens one.
    ///
    /// # Errors
    ///
    /// In phase `Acquire`, if all places stayed taken for the time allowed.
    pub fn acquire(self: &Arc<Self>, now: Millis) -> Result<Lease, NetError> {
        let mut state = self.state.lock();
        if self.options.size.is_some_and(|size| state.in_use >= size) {
            let waiter = Arc::new(Waiter::default());
            state.waiting.push_back(Arc::clone(&waiter));
            drop(state);
            self.queue(&waiter, now.plus(self.options.acquire_timeout))?;
            state = self.state.lock();
        } else {
            state.in_use += 1;
        }
        let idle = state.idle.pop();
        drop(state);
        let mut lease = Lease { pool: Arc::clone(self), connection: idle, is_done: false };
        while lease.connection.as_ref().is_some_and(|idle| !idle.is_quiet()) {
            // It said something nobody asked for, or its container went away.
            lease.next_idle();
        }
        Ok(lease)
    }

    /// Waits in the queue; the place of whoever leaves goes to the first in it.
    fn queue(&self, waiter: &Arc<Waiter>, deadline: Millis) -> Result<(), NetError> {
        let mut has_place = waiter.has_place.lock();
        while !*has_place {
            let left = deadline.since(clock::now());
            if left.is_zero() || waiter.woken.wait_for(&mut has_place, left).timed_out() {
                if *has_place {
                    break;
                }
                drop(has_place);
                let mut state = self.state.lock();
                // Places are handed out under this lock, so the answer cannot change now.
                if *waiter.has_place.lock() {
                    return Ok(());
                }
                state.waiting.retain(|other| !Arc::ptr_eq(other, waiter));
                return Err(NetError::new(Phase::Acquire, io::ErrorKind::TimedOut));
            }
        }
        Ok(())
    }

    /// Closes idle connections that are too old or that the container has closed.
    pub fn maintain(&self, now: Millis) {
        let mut closing = Vec::new();
        let mut state = self.state.lock();
        let mut open = state.idle.len() + state.in_use;
        let idle = std::mem::take(&mut state.idle);
        for connection in idle {
            let is_old = self
                .options
                .idle_timeout
                .is_some_and(|limit| now.since(connection.last_used) > limit)
                && open > self.options.min_size;
            if is_old || !connection.is_quiet() {
                open -= 1;
                closing.push(connection);
            } else {
                state.idle.push(connection);
            }
        }
        drop(state);
        // Closed here, where nobody waits for the lock.
        drop(closing);
    }

    /// Closes all idle connections, and those in use when they come back.
    pub fn close_all(&self) {
        let mut state = self.state.lock();
        state.generation += 1;
        let closing = std::mem::take(&mut state.idle);
        drop(state);
        drop(closing);
    }

    fn leave(&self, connection: Option<Connection>) {
        let mut state = self.state.lock();
        if let Some(connection) = connection
            && connection.generation == state.generation
        {
            state.idle.push(connection);
        }
        match state.waiting.pop_front() {
            Some(waiter) => {
                *waiter.has_place.lock() = true;
                waiter.woken.notify_one();
            }
            None => state.in_use -= 1,
        }
    }
}

/// A place in the pool, given back when dropped. A connection that is not handed to
/// [`release`](Self::release) is closed.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
    /// Whether the connection is at the clean end of a request.
    is_done: bool,
}

impl Lease {
    /// Tells whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Closes the connection and takes the next idle one, if there is one.
    pub fn next_idle(&mut self) {
        self.connection = None;
        self.connection = self.pool.state.lock().idle.pop();
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// Opens a new connection in place of what there is.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`, `Connect` or `Cping`.
    pub fn connect(&mut self, now: Millis) -> Result<(), NetError> {
        self.connection = None;
        let options = &self.pool.options;
        let generation = self.pool.state.lock().generation;
        let addresses = self.pool.target.addresses(now)?;
        let mut connection =
            Connection::open(&addresses, &options.socket, now, options.connect_timeout)?;
        connection.generation = generation;
        if let Some(limit) = options.connect_cping {
            connection.cping(clock::now(), limit)?;
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// Gives the connection back for the next request.
    pub fn release(mut self, now: Millis) {
        if let Some(mut connection) = self.connection.take() {
            connection.reused = true;
            connection.last_used = now;
            self.is_done = connection.bytes().is_empty();
            self.connection = Some(connection);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let kept = if self.is_done { self.connection.take() } else { None };
        self.connection = None;
        self.pool.leave(kept);
    }
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("the caller connects first")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("the caller connects first")
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// A container that answers each CPING and closes when told so by any other byte.
    fn container() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let accepting = listener.try_clone().expect("a second handle");
        thread::spawn(move || {
            for stream in accepting.incoming() {
                let Ok(mut stream) = stream else { return };
                thread::spawn(move || {
                    let mut ping = [0; 5];
                    while stream.read_exact(&mut ping).is_ok() && ping[4] == 0x0a {
                        let _ = stream.write_all(&[0x41, 0x42, 0, 1, 9]);
                    }
                });
            }
        });
        (listener, port)
    }

    fn pool(port: u16, size: Option<usize>) -> Arc<Pool> {
        let options = PoolOptions {
            size,
            min_size: 0,
            acquire_timeout: Duration::from_millis(50),
            idle_timeout: Some(Duration::from_secs(10)),
            connect_timeout: Duration::from_secs(2),
            connect_cping: Some(Duration::from_secs(2)),
            socket: SocketOptions::default(),
        };
        Arc::new(Pool::new(Target::new("127.0.0.1", port, false), options))
    }

    fn connected(pool: &Arc<Pool>) -> Lease {
        let mut lease = pool.acquire(clock::now()).expect("a place");
        if !lease.is_connected() {
            lease.connect(clock::now()).expect("the container is there");
        }
        lease
    }

    #[test]
    fn s2_1_a_released_connection_is_used_again() {
        let (_listener, port) = container();
        let pool = pool(port, None);
        let lease = connected(&pool);
        assert!(!lease.is_reused());
        lease.release(clock::now());
        assert_eq!(pool.counts(), (1, 0));
        let mut lease = connected(&pool);
        assert!(lease.is_reused());
        lease.cping(clock::now(), Duration::from_secs(2)).expect("it still answers");
        drop(lease);
        assert_eq!(pool.counts(), (0, 0), "an unfinished connection is closed");
    }

    #[test]
    fn s2_6_a_closed_connection_is_not_used() {
        let (_listener, port) = container();
        let pool = pool(port, None);
        let lease = connected(&pool);
        lease.send(&mut [io::IoSlice::new(b"close")], None).expect("it is open");
        lease.wait_readable(Some(clock::now().plus(Duration::from_secs(2)))).expect("it closes");
        lease.release(clock::now());
        let lease = pool.acquire(clock::now()).expect("a place");
        assert!(!lease.is_connected());
    }

    #[test]
    fn s2_1_a_full_pool_waits_and_then_says_so() {
        let (_listener, port) = container();
        let pool = pool(port, Some(1));
        let lease = connected(&pool);
        let error = pool.acquire(clock::now()).expect_err("the only place is taken");
        assert!(error.is_timeout() && error.phase == Phase::Acquire);
        let (begun, begin) = std::sync::mpsc::channel();
        let second = thread::spawn({
            let pool = Arc::clone(&pool);
            move || {
                begun.send(()).expect("the test waits");
                pool.acquire(clock::now()).map(|lease| lease.is_connected())
            }
        });
        begin.recv().expect("it begins");
        lease.release(clock::now());
        let got = second.join().expect("no panic");
        assert!(matches!(got, Ok(true)), "the waiter gets the connection: {got:?}");
        assert_eq!(pool.counts().1, 0);
    }

    #[test]
    fn s2_7_idle_connections_grow_old() {
        let (_listener, port) = container();
        let pool = pool(port, None);
        connected(&pool).release(Millis(0));
        pool.maintain(Millis(10_000));
        assert_eq!(pool.counts(), (1, 0));
        pool.maintain(Millis(10_001));
        assert_eq!(pool.counts(), (0, 0));
    }

    #[test]
    fn s2_3_a_refused_connection_names_its_phase() {
        let port = {
            let (listener, port) = (TcpListener::bind("127.0.0.1:0").expect("a port"), 0);
            listener.local_addr().map_or(port, |address| address.port())
        };
        let mut lease = pool(port, None).acquire(clock::now()).expect("a place");
        let error = lease.connect(clock::now()).expect_err("nobody listens");
        assert_eq!(error.phase, Phase::Connect);
        assert_eq!(error.source.kind(), io::ErrorKind::ConnectionRefused);
    }
}
