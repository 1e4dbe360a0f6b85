//! The kept-alive connections of one child to one backend.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{self, Millis};
use crate::net::connection::Connection;
use crate::net::error::{NetError, Phase};
use crate::net::places::{PlaceKeeper, Places, Queued};
use crate::net::resolver::Endpoint;
use crate::net::socket::{Idle, SocketOptions};
use crate::net::waiting::Waits;

/// How a pool treats its connections.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// Most connections at once; `None` for as many as there are requests.
    pub size: Option<usize>,
    /// Most idle connections; `None` for any number.
    pub most_idle: Option<usize>,
    /// Idle connections kept in spite of `idle_timeout`.
    pub min_size: usize,
    /// Idle time after which a connection is closed; `None` for never.
    pub idle_timeout: Option<Duration>,
    /// Time for opening a connection, all addresses together.
    pub connect_timeout: Duration,
    /// What is set on each socket.
    pub socket: SocketOptions,
}

/// Connections to one backend. A connection that was used last is used next, so that surplus
/// ones grow old and are closed.
#[derive(Debug)]
pub struct Pool {
    target: Endpoint,
    options: PoolOptions,
    state: Mutex<PoolState>,
}

#[derive(Debug, Default)]
struct PoolState {
    /// In boxes: taking one moves a pointer, not the whole connection.
    #[allow(clippy::vec_box)]
    idle: Vec<Box<Connection>>,
    /// One for each connection in use.
    places: Places,
    generation: u64,
}

impl PlaceKeeper for Pool {
    fn with_places<T>(&self, run: impl FnOnce(&mut Places) -> T) -> T {
        run(&mut self.state.lock().places)
    }
}

impl Pool {
    /// Makes an empty pool.
    pub fn new(target: Endpoint, options: PoolOptions) -> Self {
        Self { target, options, state: Mutex::default() }
    }

    /// Returns the backend this pool connects to.
    pub fn target(&self) -> &Endpoint {
        &self.target
    }

    /// Returns what is set on each socket.
    pub fn socket_options(&self) -> &SocketOptions {
        &self.options.socket
    }

    /// Returns how many connections are open and idle, and how many are in use.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.idle.len(), state.places.taken())
    }

    /// Takes a place in the pool and with it an idle connection that is still good, if there is
    /// one; otherwise the lease is empty and [`Lease::connect`] opens one. While all places are taken
    /// it waits for at most `limit`.
    ///
    /// # Errors
    ///
    /// In phase `Acquire`, if all places stayed taken for that time.
    pub async fn acquire(
        &self,
        waits: Waits<'_>,
        now: Millis,
        limit: Duration,
    ) -> Result<Lease<&Self>, NetError> {
        let (idle, waited) = match self.enter() {
            Ok(idle) => (idle, None),
            Err(queued) => {
                let waited = waits.turn(queued.turn(), now.plus(limit)).await;
                let ended = queued.end(waited);
                let is_taken = ended.map_err(|why| NetError::new(Phase::Acquire, why))?;
                if !is_taken {
                    return Err(NetError::new(Phase::Acquire, io::ErrorKind::TimedOut));
                }
                (self.state.lock().idle.pop(), Some(clock::now().since(now)))
            }
        };
        let mut lease = Lease::new(self, idle);
        lease.waited = waited;
        lease.skip_unfit();
        Ok(lease)
    }

    /// Takes a place and an idle connection, if there is one.
    ///
    /// # Errors
    ///
    /// A place in the queue, if there is no other.
    fn enter(&self) -> Result<Option<Box<Connection>>, Queued<'_, Self>> {
        let mut state = self.state.lock();
        match state.places.take(self.options.size) {
            true => Ok(state.idle.pop()),
            false => Err(Queued::new(self, state.places.stand())),
        }
    }

    /// Takes the connection that was silent longest, if that was for `silence` and there is a
    /// slot, to send a CPING over it; it is given back by [`Lease::keep`]. Connections that the
    /// backend has closed are closed here, too, and need not be asked. Returns as well how many held
    /// unexpected data.
    pub fn take_silent(
        self: &Arc<Self>,
        now: Millis,
        silence: Duration,
    ) -> (Option<Lease<Arc<Self>>>, usize) {
        let (mut closing, mut unsolicited) = (Vec::new(), 0);
        let mut state = self.state.lock();
        if self.options.size.is_some_and(|size| state.places.taken() >= size) {
            return (None, 0);
        }
        let silent = |own: &Connection| now.since(own.last_used.max(own.last_seen)) >= silence;
        let mut taken = None;
        while let Some(place) = state.idle.iter().position(|own| silent(own)) {
            let connection = state.idle.remove(place);
            let idle_state = connection.idle();
            unsolicited += usize::from(idle_state == Idle::Unsolicited);
            if idle_state == Idle::Quiet {
                state.places.take(None);
                taken = Some(connection);
                break;
            }
            closing.push(connection);
        }
        drop(state);
        // Closed here, where nothing waits for the lock.
        drop(closing);
        (taken.map(|connection| Lease::new(Arc::clone(self), Some(connection))), unsolicited)
    }

    /// Closes idle connections that are too old or that the backend has closed. Returns how
    /// many held unexpected data.
    pub fn maintain(&self, now: Millis) -> usize {
        let (mut closing, mut unsolicited) = (Vec::new(), 0);
        let mut state = self.state.lock();
        let mut open = state.idle.len() + state.places.taken();
        let idle = std::mem::take(&mut state.idle);
        for connection in idle {
            let is_old = self
                .options
                .idle_timeout
                .is_some_and(|limit| now.since(connection.last_used) > limit)
                && open > self.options.min_size;
            let idle_state = connection.idle();
            unsolicited += usize::from(idle_state == Idle::Unsolicited);
            if is_old || idle_state != Idle::Quiet {
                open -= 1;
                closing.push(connection);
            } else {
                state.idle.push(connection);
            }
        }
        drop(state);
        // Closed here, where no thread waits for the lock.
        drop(closing);
        unsolicited
    }

    /// Closes all idle connections.
    pub fn close_idle(&self) {
        let closing = std::mem::take(&mut self.state.lock().idle);
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

    fn leave(&self, connection: Option<Box<Connection>>, end: End) {
        let mut state = self.state.lock();
        let has_room = self.options.most_idle.is_none_or(|most| state.idle.len() < most);
        let is_fit = |own: &Connection| has_room && own.generation == state.generation;
        let is_kept = connection.as_deref().is_some_and(is_fit);
        let closing = match connection {
            Some(connection) if is_kept => {
                match end {
                    End::Idle => state.idle.insert(0, connection),
                    End::Used | End::Unknown => state.idle.push(connection),
                }
                None
            }
            other => other,
        };
        state.places.give_back();
        drop(state);
        // Closed here, where nothing waits for the lock.
        drop(closing);
    }
}

/// A place in the pool, given back when dropped; `P` is how it knows the pool: a request borrows
/// it. A connection that is not handed to
/// [`release`](Self::release) is closed.
#[derive(Debug)]
pub struct Lease<P: Deref<Target = Pool>> {
    pool: P,
    connection: Option<Box<Connection>>,
    end: End,
    unsolicited: usize,
    waited: Option<Duration>,
}

/// Where a connection was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// In the middle of something.
    Unknown,
    /// At the clean end of a request.
    Used,
    /// It was not used but looked after.
    Idle,
}

impl<P: Deref<Target = Pool>> Lease<P> {
    fn new(pool: P, connection: Option<Box<Connection>>) -> Self {
        Self { pool, connection, end: End::Unknown, unsolicited: 0, waited: None }
    }

    /// Returns how long the place was waited for, if it was.
    pub fn waited(&self) -> Option<Duration> {
        self.waited
    }

    /// Tells whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Returns how many idle connections were closed because they held unexpected data,
    /// and resets the count.
    pub fn take_unsolicited(&mut self) -> usize {
        std::mem::take(&mut self.unsolicited)
    }

    /// Closes the connection and takes the next idle one that is fit, if there is one.
    pub fn next_idle(&mut self) {
        self.connection = None;
        self.connection = self.pool.state.lock().idle.pop();
        self.skip_unfit();
    }

    /// Closes the connection.
    pub fn close(&mut self) {
        self.connection = None;
    }

    fn skip_unfit(&mut self) {
        while let Some(connection) = &self.connection {
            match connection.idle() {
                Idle::Quiet => return,
                // check: J16c
                Idle::Closed => {}
                // check: J16b
                Idle::Unsolicited => self.unsolicited += 1,
            }
            self.connection = None;
            self.connection = self.pool.state.lock().idle.pop();
        }
    }

    /// Opens a new connection in place of what there is.
    ///
    /// # Errors
    ///
    /// In phase `Resolve` or `Connect`; `ClientLeft` if the client left.
    pub async fn connect(&mut self, waits: Waits<'_>, now: Millis) -> Result<(), NetError> {
        self.connection = None;
        let options = &self.pool.options;
        let generation = self.pool.state.lock().generation;
        let target = &self.pool.target;
        let (addresses, limit) = (target.addresses()?, options.connect_timeout);
        let opened = Connection::open(&addresses, &options.socket, waits, now, limit).await;
        let mut connection = opened.inspect_err(|error| {
            if !error.is_client_left() {
                target.failed();
            }
        })?;
        target.worked(&connection.peer);
        connection.generation = generation;
        self.connection = Some(Box::new(connection));
        Ok(())
    }

    /// Gives the connection back for the next request.
    pub fn release(mut self, now: Millis) {
        if let Some(connection) = &mut self.connection {
            connection.reused = true;
            connection.last_used = now;
            self.end = if connection.bytes().is_empty() { End::Used } else { End::Unknown };
        }
    }

    /// Gives an idle connection back that was only sent a CPING.
    pub fn keep(mut self) {
        self.end = End::Idle;
    }
}

impl<P: Deref<Target = Pool>> Drop for Lease<P> {
    fn drop(&mut self) {
        let kept = if self.end == End::Unknown { None } else { self.connection.take() };
        self.connection = None;
        self.pool.leave(kept, self.end);
    }
}

impl<P: Deref<Target = Pool>> Deref for Lease<P> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("the caller connects first")
    }
}

impl<P: Deref<Target = Pool>> DerefMut for Lease<P> {
    fn deref_mut(&mut self) -> &mut Connection {
        self.connection.as_mut().expect("the caller connects first")
    }
}

#[cfg(test)]
mod tests;
