//! Runs requests: joins the pure modules with sockets and shared memory. No httpd type.
#![forbid(unsafe_code)]

mod admin;
mod admission;
mod ajp13;
pub mod background;
mod balancer;
mod dispatch;
mod error;
mod error_log;
mod in_flight;
pub mod mounts;
mod overrides;
mod queue;
mod records;
mod remedy;
mod serve;
mod single;
mod state_events;
mod state_log;
mod thread_share;
mod workers;

use std::ffi::CStr;
use std::time::Duration;

pub use crate::status::view::RuleView;
pub use admin::metrics::scrape;
pub use admin::snapshot::snapshot;
pub use ajp13::attempt_metrics::AttemptMetrics;
pub use ajp13::rejection::{Answer, Rejection};
pub use ajp13::worker::Ajp13;
pub use balancer::members::Lb;
pub use error::{Cause, ClientError, Committed, Direction, Failure, Uncommitted};
pub use error_log::log_client;
pub use in_flight::ChildCounts;
pub use mounts::reload::{HostRules, MountFiles, ReloadableMap, fault};
pub use overrides::current::RuntimeConfig;
pub use records::Records;
pub use workers::{Processes, VERSION, Worker, Workers};

use crate::exchange::{Exchange, NamedEncodeError, RequestBody, ResponseParts};
use crate::lb::session::SessionIds;
use crate::net::Slices;
use crate::net::waiting::Waits;

/// The client's side of a request: what a worker needs of the web server, and nothing more.
pub trait Downstream {
    /// Returns the method token.
    fn method(&self) -> &[u8];

    /// Returns method and path for messages, with nothing in it that could forge a log line.
    fn label(&self) -> String;

    /// Returns how long ago the request began, for messages.
    fn elapsed(&self) -> Duration;

    /// Returns the authenticated user.
    fn user(&self) -> Option<&[u8]>;

    /// Says how much body the client announced.
    fn request_body(&self) -> RequestBody;

    /// Writes the request by the protocol `E`, in at most `limit` bytes, to the front of `out` and
    /// returns how many it has. `scratch` is memory to work with.
    ///
    /// # Errors
    ///
    /// If the request does not fit or must not be sent.
    fn encode<E: Exchange>(
        &self,
        out: &mut Vec<u8>,
        scratch: &mut Vec<u8>,
        limit: usize,
        member: &MemberData<'_>,
    ) -> Result<usize, Box<NamedEncodeError>>;

    /// Reads request body, waiting for the first byte. Returns how much and whether it ended.
    ///
    /// # Errors
    ///
    /// Why there is no more: none of them means that the body is complete.
    fn read_body(&mut self, into: &mut [u8]) -> Result<(usize, bool), ClientError>;

    /// Adds the session ids of the request to `ids`.
    fn session_ids(&self, cookie: &str, path: &str, ids: &mut SessionIds);

    /// Sets status and headers. The client sees nothing yet.
    fn begin<H: ResponseParts>(&mut self, head: &H);

    /// Takes back what [`begin`](Self::begin) and [`body`](Self::body) did.
    fn undo(&mut self);

    /// Tells whether the server answers with a page of its own in place of this response. The client
    /// sees nothing of it then, and it can still be taken back.
    fn is_replaced(&self) -> bool;

    /// Queues body bytes. The client sees nothing yet.
    fn body(&mut self, slices: Slices<'_>);

    /// Hands what is queued to the client, headers first: the commit point.
    ///
    /// # Errors
    ///
    /// If it does not reach the client.
    fn pass(&mut self, flush: bool) -> Result<(), ClientError>;

    /// Ends the response.
    ///
    /// # Errors
    ///
    /// If the client does not get all of it. One that has left with all of it is no error.
    fn finish(&mut self) -> Result<(), ClientError>;

    /// Ends a response that has begun and cannot be completed, so that the client sees it.
    fn break_off(&mut self);

    /// Sets the cookie that goes out with the response, in place of one set before.
    fn set_session_cookie(&mut self, cookie: Option<&SessionCookie<'_>>);

    /// Returns the path as it is forwarded, with parameters and without query.
    fn path(&self) -> &[u8];

    /// Appends the values of a cookie to `values`, separated by `;`.
    fn cookie(&self, name: &str, values: &mut SessionIds);

    /// Returns the query string.
    fn query(&self) -> Option<&[u8]>;

    /// Returns a request header.
    fn header(&self, name: &str) -> Option<&[u8]>;

    /// Returns the server's name and port as the request has them, and what it calls itself.
    fn server(&self) -> (String, u16, String);

    /// Returns the client's address.
    fn remote(&self) -> String;

    /// Answers by itself.
    fn answer(&mut self, status: u16, kind: &'static str, headers: &[(&str, String)], body: &str);

    /// Says when a client that gets an error may try again, in seconds.
    fn retry_after(&mut self, seconds: u32);

    /// Leaves a note for the access log that this request has not been given yet.
    fn add_note(&mut self, name: &'static CStr, value: &str);

    /// Leaves a note for the access log in place of one before.
    fn note(&mut self, name: &'static CStr, value: &str);
}

/// What the backend is told beside the request itself.
#[derive(Clone, Copy, Debug)]
pub struct MemberData<'a> {
    /// The worker's secret.
    pub secret: Option<&'a [u8]>,
    /// The member's route.
    pub route: Option<&'a [u8]>,
    /// The member's activation.
    pub activation: &'static str,
    /// Name of the cookie whose session ids should end in the route, if that matters.
    pub session_cookie: Option<&'a str>,
}

/// A cookie that leads further requests of a client to the same member.
#[derive(Clone, Copy, Debug)]
pub struct SessionCookie<'a> {
    /// Its name.
    pub name: &'a str,
    /// The member's route.
    pub route: &'a str,
    /// Where it is sent; empty for no restriction to be named.
    pub path: &'a str,
    /// Which requests from other sites carry it, if that is said.
    pub same_site: Option<&'static str>,
}

/// What holds for one request, from its rule, its environment and its server.
#[derive(Clone, Debug, Default)]
pub struct RequestSettings<'a> {
    /// Overrides the worker's reply timeout; inner `None` is no limit.
    pub reply_timeout: Option<Option<Duration>>,
    /// Replaces the worker's list unless empty.
    pub fail_on_status: &'a [i32],
    /// Statuses from here on get the server's own page; 0 is none.
    pub use_server_errors: u16,
    /// Ignores sessions.
    pub sticky_ignore: bool,
    /// The request neither has nor begins a session.
    pub stateless: bool,
    /// Members with another activation for this request; the last one that names a member counts.
    pub activations: [(&'a [String], crate::lb::Activation); 3],
    /// The route to take, whatever the session says.
    pub route: Option<&'a [u8]>,
    /// Rule-level names.
    pub session_cookie: Option<&'a str>,
    /// Rule-level names.
    pub session_path: Option<&'a str>,
    /// Sets the cookie whatever the balancer says.
    pub set_session_cookie: bool,
    /// Path of that cookie.
    pub session_cookie_path: Option<&'a str>,
    /// Whether the notes about members are read.
    pub wants_notes: bool,
    /// Flushes after each body packet.
    pub flush_packets: bool,
    /// Flushes after the headers.
    pub flush_header: bool,
    /// Lets only this machine see status workers.
    pub status_loopback: bool,
    /// The status worker's path is not protected.
    pub status_is_open: bool,
    /// Closes the connection after each response.
    pub disable_reuse: bool,
    /// The backends get no more requests at once than httpd has threads, although some can be parked.
    pub is_limited_by_threads: bool,
    /// How the request waits.
    pub waits: Waits<'a>,
}

impl RequestSettings<'_> {
    /// Returns the failure a status counts as, if it does; `own` is the worker's list.
    fn failed_status(&self, own: &[i32], status: u16) -> Option<Cause> {
        let list = if self.fail_on_status.is_empty() { own } else { self.fail_on_status };
        let found = list.iter().find(|entry| entry.unsigned_abs() == u32::from(status))?;
        Some(Cause::Status { status, is_hard: *found > 0 })
    }
}
