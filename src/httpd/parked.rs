//! One request that can be parked: what is left to do of it, and the descriptor that stands for the client's
//! while no thread has it.

use std::ffi::c_int;
use std::future::Future;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use crate::clock;
use crate::httpd::ffi;
use crate::httpd::ffi::{conn_rec, request_rec};
use crate::httpd::rest::Rest;
use crate::net::waiting::Parking;
use crate::net::{Alarm, AlarmClock, Ticket};

/// A request that can be parked.
pub struct Parked {
    /// The request; its memory is there as long as this is.
    pub request: *mut request_rec,
    alarm: Option<Alarm>,
    /// Its ticket for the gate since it was parked first. It leaves before its sockets are closed.
    ticket: Option<Ticket>,
    /// What is left to do. It borrows from httpd's memory for the request.
    rest: Rest,
    /// The client's descriptor, while it is not in the socket.
    client: Option<RawFd>,
    /// Whether the client may close its half and wait for the answer: it is gone when it has closed both.
    may_close_half: bool,
}

impl Parked {
    /// Makes what is left to do of a request.
    ///
    /// # Safety
    ///
    /// It must be dropped before the request's memory goes, whatever else becomes of it.
    pub unsafe fn new<'r, F: Future<Output = c_int> + 'r>(
        request: *mut request_rec,
        parking: Parking,
        rest: impl FnOnce(&'r Parking) -> F,
    ) -> Self {
        // SAFETY: as for this function.
        let rest = unsafe { Rest::new(parking, rest) };
        Self { request, alarm: None, ticket: None, rest, client: None, may_close_half: false }
    }

    /// Returns what it waits for.
    pub fn parking(&self) -> &Parking {
        self.rest.parking()
    }

    /// Lets the request go on until it has to wait.
    pub fn poll(&mut self) -> Poll<c_int> {
        self.rest.poll()
    }

    /// Has the MPM wait for what the request waits for and for the end of the client, which may have sent all its
    /// requests already. Returns whether it does.
    pub fn park(
        &mut self,
        connection: *mut conn_rec,
        alarms: &AlarmClock,
        has_sent_all: bool,
    ) -> bool {
        let Some(wanted) = self.parking().wanted() else { return false };
        let now = clock::now();
        // SAFETY: reads the connection's server.
        let timeout = unsafe { ffi::jk_shim_timeout(connection) };
        // The MPM closes a connection after its Timeout: before that the request is parked again.
        let again = now.plus(Duration::from_micros(u64::try_from(timeout).unwrap_or(0)) / 2);
        let deadline = wanted.deadline.map_or(again, |own| own.min(again));
        let ticket = match self.ticket.take() {
            Some(ticket) => Ok(ticket),
            None => self.parking().bell().enter(),
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
        // SAFETY: the request is live and this thread's.
        self.may_close_half = has_sent_all || unsafe { ffi::jk_shim_is_last(self.request) } != 0;
        ticket.watch_client(client, self.may_close_half);
        self.alarm = Some(alarms.at(deadline, Waker::from(Arc::clone(self.parking().bell()))));
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
            waits = !self.may_close_half && unsafe { ffi::jk_shim_has_input(self.request) } != 0;
            match waits {
                true => ticket.leave_client(),
                false => self.parking().client_left(),
            }
        }
        self.parking().go_on();
        waits
    }
}
