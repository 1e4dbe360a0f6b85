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

use crate::clock;
use crate::httpd::ffi;
use crate::httpd::ffi::{conn_rec, request_rec};
use crate::net::waiting::Parking;
use crate::net::{Alarm, AlarmClock, Bell, Ticket};

/// A request that can be parked.
pub struct Parked {
    /// The request; its memory is there as long as this is.
    pub request: *mut request_rec,
    alarm: Option<Alarm>,
    /// Its ticket for the gate since it was parked first. It leaves before its sockets are closed.
    ticket: Option<Ticket>,
    /// What is left to do. It borrows from httpd's memory for the request, and is dropped before that is.
    rest: Pin<Box<dyn Future<Output = c_int>>>,
    /// What it waits for.
    pub parking: Rc<Parking>,
    bell: Arc<Bell>,
    /// The client's descriptor, while it is not in the socket.
    client: Option<RawFd>,
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
        bell: Arc<Bell>,
    ) -> Box<Self> {
        // SAFETY: only the lifetime changes, by this function's own contract.
        let rest: Pin<Box<dyn Future<Output = c_int>>> = unsafe { std::mem::transmute(rest) };
        let (alarm, ticket, client) = (None, None, None);
        Box::new(Self { request, alarm, ticket, rest, parking, bell, client })
    }

    /// Lets the request go on until it has to wait.
    pub fn poll(&mut self) -> Poll<c_int> {
        let rest = self.rest.as_mut();
        rest.poll(&mut Context::from_waker(Waker::noop()))
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
        let ticket = match self.ticket.take() {
            Some(ticket) => Ok(ticket),
            None => self.bell.enter(),
        };
        let Ok(ticket) = ticket else { return false };
        let ticket = self.ticket.insert(ticket);
        if ticket.park(wanted.socket).is_err() {
            return false;
        }
        // SAFETY: the connection is live and this thread's; the door is open until the client's descriptor is
        // back.
        let client = unsafe { ffi::jk_shim_swap_socket(connection, ticket.door()) };
        if client < 0 {
            return false;
        }
        self.client = Some(client);
        if may_end {
            ticket.watch_client(client);
        }
        self.alarm = Some(alarms.at(deadline, Waker::from(Arc::clone(&self.bell))));
        // SAFETY: as above.
        unsafe { ffi::jk_shim_park(connection) };
        true
    }

    /// Puts the client's descriptor back into the connection's socket.
    pub fn unpark(&mut self, connection: *mut conn_rec) {
        self.alarm = None;
        let (Some(client), Some(ticket)) = (self.client.take(), &mut self.ticket) else { return };
        // SAFETY: the connection is live and this thread's; the descriptor is the one that was there.
        let before = unsafe { ffi::jk_shim_swap_socket(connection, client) };
        if before != ticket.door() {
            // httpd has closed what was in the socket, because it could not wait for it: nothing closes the
            // client's descriptor any more.
            ticket.forget_door();
            ticket.leave_client();
            // SAFETY: as above.
            unsafe { ffi::jk_shim_swap_socket(connection, before) };
            // SAFETY: it was in the socket of this connection, which has it no longer.
            drop(unsafe { OwnedFd::from_raw_fd(client) });
        }
    }

    /// Looks why the request was woken. Returns whether the client has closed its half behind further requests:
    /// then it waits for the answers to all of them.
    pub fn wake(&mut self) -> bool {
        let mut waits = false;
        if let Some(ticket) = &mut self.ticket
            && ticket.take()
        {
            // SAFETY: the request is live, this thread's, and has the client's descriptor back.
            waits = unsafe { ffi::jk_shim_has_input(self.request) } != 0;
            match waits {
                true => ticket.leave_client(),
                false => self.parking.client_left(),
            }
        }
        self.parking.go_on();
        waits
    }
}
