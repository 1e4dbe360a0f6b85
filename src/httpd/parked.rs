//! One request that can be parked: what is left to do of it, and the descriptor that stands for the client's
//! while no thread has it.

use std::ffi::c_int;
use std::future::Future;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock;
use crate::httpd::ffi;
use crate::httpd::ffi::{conn_rec, request_rec};
use crate::net::waiting::Parking;
use crate::net::{Alarm, AlarmClock, WaitSet};

/// A request that can be parked.
pub struct Parked {
    /// The request; its memory is there as long as this is.
    pub request: *mut request_rec,
    /// What is left to do. It borrows from httpd's memory for the request, and is dropped before that is.
    rest: Pin<Box<dyn Future<Output = c_int>>>,
    /// What it waits for.
    pub parking: Rc<Parking>,
    set: Arc<WaitSet>,
    /// The client's descriptor, while it is not in the socket.
    client: Option<RawFd>,
    /// The client's descriptor, while the set looks at it.
    watched: Option<RawFd>,
    /// The backend's socket, while the set has it.
    socket: Option<RawFd>,
    alarm: Option<Alarm>,
}

/// Takes a set that no request uses; `None` if this process has no descriptor left.
pub fn wait_set() -> Option<Arc<WaitSet>> {
    let spare = SPARE.lock().pop();
    spare.or_else(|| WaitSet::new().ok().map(Arc::new))
}

impl Parked {
    /// Takes what is left to do of a request.
    ///
    /// # Safety
    ///
    /// It must be dropped before the request's memory goes, whatever else becomes of it.
    pub unsafe fn new<'r>(
        request: *mut request_rec,
        rest: Pin<Box<dyn Future<Output = c_int> + 'r>>,
        parking: Rc<Parking>,
        set: Arc<WaitSet>,
    ) -> Box<Self> {
        // SAFETY: only the lifetime changes, by this function's own contract.
        let rest: Pin<Box<dyn Future<Output = c_int>>> = unsafe { std::mem::transmute(rest) };
        let (client, socket, alarm) = (None, None, None);
        Box::new(Self { request, rest, parking, set, client, watched: None, socket, alarm })
    }

    /// Lets the request go on until it has to wait.
    pub fn poll(&mut self) -> Poll<c_int> {
        let rest = self.rest.as_mut();
        rest.poll(&mut Context::from_waker(Waker::noop()))
    }

    /// Gives the set back, when nothing uses it any more.
    pub fn end(mut self) {
        self.alarm = None;
        self.leave_sockets();
        self.leave_client();
        let Self { rest, parking, set, .. } = self;
        drop((rest, parking));
        if Arc::strong_count(&set) == 1 {
            set.take();
            let mut spare = SPARE.lock();
            if spare.len() < MOST_SPARE {
                spare.push(set);
            }
        }
    }

    /// The set may be another request's next, and the client's connection outlives this one.
    fn leave_client(&mut self) {
        if let Some(client) = self.watched.take() {
            self.set.leave_client(client);
        }
    }

    fn leave_sockets(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.set.leave_socket(socket);
        }
    }

    /// Has the MPM wait for what the request waits for, and for the end of the client's connection if it
    /// `may_end`. Returns whether it does.
    pub fn park(&mut self, connection: *mut conn_rec, alarms: &AlarmClock, may_end: bool) -> bool {
        let Some(wanted) = self.parking.wanted() else { return false };
        let now = clock::now();
        // SAFETY: reads the connection's server.
        let timeout = unsafe { ffi::jk_shim_timeout(connection) };
        // The MPM closes a connection after its Timeout: before that the request is parked again.
        let again = now.plus(Duration::from_micros(u64::try_from(timeout).unwrap_or(0)) / 2);
        let deadline = wanted.deadline.map_or(again, |own| own.min(again));
        if let Some((socket, interest)) = wanted.socket {
            if self.set.watch_socket(socket, interest).is_err() {
                return false;
            }
            self.socket = Some(socket);
        }
        // SAFETY: the connection is live and this thread's; the set's descriptor is open until the
        // client's is back.
        let client = unsafe { ffi::jk_shim_swap_socket(connection, self.set.raw()) };
        if client < 0 {
            return false;
        }
        self.client = Some(client);
        if may_end && self.watched.is_none() && self.set.watch_client(client).is_ok() {
            self.watched = Some(client);
        }
        self.alarm = Some(alarms.at(deadline, Waker::from(Arc::clone(&self.set))));
        // SAFETY: as above.
        unsafe { ffi::jk_shim_park(connection) };
        true
    }

    /// Puts the client's descriptor back into the connection's socket.
    pub fn unpark(&mut self, connection: *mut conn_rec) {
        self.alarm = None;
        let Some(client) = self.client.take() else { return };
        // SAFETY: the connection is live and this thread's; the descriptor is the one that was there.
        let before = unsafe { ffi::jk_shim_swap_socket(connection, client) };
        if before != self.set.raw() {
            // httpd has closed what was in the socket, because it could not wait for it: nothing closes the
            // client's descriptor any more.
            self.set.forget();
            // SAFETY: as above.
            unsafe { ffi::jk_shim_swap_socket(connection, before) };
            // SAFETY: it was in the socket of this connection, which has it no longer.
            drop(unsafe { OwnedFd::from_raw_fd(client) });
        }
    }

    /// Looks why the request was woken. Returns whether the client has closed its half behind further requests:
    /// then it waits for the answers to all of them.
    pub fn wake(&mut self) -> bool {
        let woken = self.set.take();
        self.leave_sockets();
        // SAFETY: the request is live, this thread's, and has the client's descriptor back.
        let waits = woken.client && unsafe { ffi::jk_shim_has_input(self.request) } != 0;
        match woken.client {
            true if waits => self.leave_client(),
            true => self.parking.client_left(),
            false => {}
        }
        self.parking.go_on(woken.socket);
        waits
    }
}

/// Sets of this child that no request needs now.
static SPARE: Mutex<Vec<Arc<WaitSet>>> = Mutex::new(Vec::new());

/// Most sets kept.
const MOST_SPARE: usize = 64;
