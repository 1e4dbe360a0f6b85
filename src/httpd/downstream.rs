//! The client's side of a request, by way of httpd's filters.

use std::ffi::{CStr, c_int, c_void};
use std::time::Duration;

use crate::clock;
use crate::exchange::{Chunk, Exchange, NamedEncodeError, RequestBody, ResponseParts};
use crate::httpd::body_bucket;
use crate::httpd::c_strings::c_name;
use crate::httpd::ending::Ending;
use crate::httpd::environment::Environment;
use crate::httpd::ffi;
use crate::httpd::ffi::apr_bucket_brigade;
use crate::httpd::forward_request::{RequestSource, encode};
use crate::httpd::own_page::OwnPage;
use crate::httpd::request::{Request, Table};
use crate::httpd::request_body::{Body, is_disconnect};
use crate::httpd::response_head;
use crate::httpd::response_head::is_error;
use crate::httpd::server::ServerRuntime;
use crate::httpd::snapshot::ResponseBackup;
use crate::httpd::variable_names::Variable;
use crate::lb::session::{self, SessionIds};
use crate::log::request_label;
use crate::net::{BUFFER_BYTES, Slices};
use crate::text;
use crate::worker::{ClientError, Direction, Downstream, MemberData, SessionCookie};

/// A request of httpd as a worker sees it.
pub struct HttpdDownstream<'r> {
    request: Request<'r>,
    ready: &'r ServerRuntime,
    environment: Environment<'r>,
    /// The decoded path with its path parameters.
    path: &'r [u8],
    method: &'r [u8],
    body: Body<'r>,
    output: *mut apr_bucket_brigade,
    /// Whether there is body that was not passed on.
    is_queued: bool,
    /// Whether we have ended the response.
    has_ended: bool,
    /// Whether a filter returned that it has answered the client, or has failed.
    is_answered: bool,
    cookie: Option<String>,
    /// Statuses from here on get httpd's own page; 0 is none.
    use_server_errors: u16,
    /// The answer that gets it, once it has begun.
    own_page: Option<OwnPage>,
    /// The request before the response began.
    before: Option<ResponseBackup<'r>>,
    /// The status the request began with: of an error, if it asks for that error's page.
    first_status: c_int,
}

impl<'r> HttpdDownstream<'r> {
    /// Returns the body of a request.
    ///
    /// # Errors
    ///
    /// The status of httpd's own refusal of the request's framing.
    #[inline]
    pub fn body(request: Request<'r>, environment: Environment<'r>) -> Result<Body<'r>, u16> {
        // A part of a page and the page for an error have no body of their own: it belongs to the
        // request of the client. One that was only sent on, by mod_rewrite for example, has.
        let has_own_body = request.main().is_none() && !is_error(request.fields().status());
        let ignores_length = environment.get(Variable::IgnoreLength).is_some();
        Body::new(request, has_own_body, ignores_length)
    }

    /// Takes a request with its body; `path` replaces its URI where cleaning took something away.
    #[inline(never)] // so that it is made where it stays
    pub fn new(
        request: Request<'r>,
        ready: &'r ServerRuntime,
        environment: Environment<'r>,
        path: Option<&'r [u8]>,
        use_server_errors: u16,
        body: Body<'r>,
    ) -> Self {
        // SAFETY: makes a brigade in the request's pool.
        let output = unsafe { ffi::jk_shim_brigade(request.raw()) };
        let path = path.or_else(|| request.bytes(request.fields().uri())).unwrap_or_default();
        Self {
            request,
            ready,
            environment,
            path,
            method: request.bytes(request.fields().method()).unwrap_or(b"GET"),
            body,
            output,
            is_queued: false,
            has_ended: false,
            is_answered: false,
            cookie: None,
            use_server_errors,
            own_page: None,
            before: None,
            first_status: request.fields().status(),
        }
    }

    /// Reads the beginning of the body if filters may change it.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub fn look_ahead(&mut self) -> Result<(), ClientError> {
        self.body.look_ahead()
    }

    /// Says what the handler returns after the worker has.
    pub fn end(mut self, served: Result<(), u16>) -> Ending {
        if self.is_answered || self.body.is_refused() {
            return Ending::Answered;
        }
        if self.request.has_ended() {
            return Ending::Done;
        }
        let page = match served {
            Ok(()) => self.leave_own_page(),
            Err(status) => Some(status),
        };
        if page.is_some() {
            self.body.discard();
        }
        page.map_or(Ending::Done, Ending::Page)
    }

    /// Returns the status httpd shall make its own page for, after the answer that gives way to it.
    fn leave_own_page(&self) -> Option<u16> {
        Some(self.own_page.as_ref()?.leave(self.request, self.cookie.as_deref()))
    }

    /// Passes on what is queued and judges what came of it.
    fn send(&mut self, flush: bool, end: bool) -> Result<(), ClientError> {
        if self.is_ended_by_httpd() {
            // SAFETY: the brigade is ours.
            unsafe { ffi::apr_brigade_cleanup(self.output.cast::<c_void>()) };
            return Err(ClientError::Replaced);
        }
        if self.request.is_aborted() && !end {
            return Err(ClientError::Gone);
        }
        self.has_ended |= end;
        let had_body = std::mem::take(&mut self.is_queued);
        // SAFETY: request and brigade are live and used by this thread only.
        let status = unsafe {
            ffi::jk_shim_pass(self.request.raw(), self.output, c_int::from(flush), c_int::from(end))
        };
        match status {
            0 => Ok(()),
            ffi::AP_FILTER_ERROR => {
                self.is_answered = true;
                Err(ClientError::Replaced)
            }
            _ if !self.request.is_aborted() && !is_disconnect(status) => {
                // httpd knows whether it can still make a page for it.
                self.is_answered = true;
                Err(ClientError::Filter(Direction::Response))
            }
            // Everything went out before. A client of HTTP/2 knows by the length that it has all.
            _ if end && !had_body && self.request.is_stream() => Ok(()),
            _ => Err(ClientError::Gone),
        }
    }

    /// Tells whether httpd or a filter has ended the response before we did.
    fn is_ended_by_httpd(&self) -> bool {
        self.request.has_ended() && !self.has_ended
    }
}

impl Downstream for HttpdDownstream<'_> {
    fn method(&self) -> &[u8] {
        self.method
    }

    fn label(&self) -> String {
        request_label(self.method(), self.path)
    }

    fn elapsed(&self) -> Duration {
        let begun = u64::try_from(self.request.fields().request_time()).unwrap_or_default();
        clock::unix_now().saturating_sub(Duration::from_micros(begun))
    }

    fn user(&self) -> Option<&[u8]> {
        let given = self.environment.get(Variable::RemoteUser);
        given.or_else(|| self.request.bytes(self.request.fields().user()))
    }

    fn request_body(&self) -> RequestBody {
        self.body.length()
    }

    fn encode<E: Exchange>(
        &self,
        out: &mut Vec<u8>,
        scratch: &mut Vec<u8>,
        limit: usize,
        member: &MemberData<'_>,
    ) -> Result<usize, Box<NamedEncodeError>> {
        let source = RequestSource {
            request: &self.request,
            ready: self.ready,
            environment: &self.environment,
            path: self.path,
            body: self.body.length(),
        };
        encode::<E>(&source, out, scratch, limit, member)
    }

    fn read_body(&mut self, into: &mut [u8]) -> Result<(usize, bool), ClientError> {
        self.body.read(into)
    }

    fn session_ids(&self, cookie: &str, path: &str, ids: &mut SessionIds) {
        if let Some(id) = session::in_path(self.path, &text::raw(path)) {
            ids.add(id);
            return;
        }
        self.cookie(cookie, ids);
    }

    fn cookie(&self, name: &str, values: &mut SessionIds) {
        let name = text::raw(name);
        for value in self.request.headers_named(b"cookie") {
            session::in_cookie(value, &name, values);
        }
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn begin<H: ResponseParts>(&mut self, head: &H) {
        if self.use_server_errors > 0 && head.status() >= self.use_server_errors {
            self.own_page = Some(OwnPage::new(head));
            return;
        }
        self.before = Some(ResponseBackup::take(self.request));
        response_head::write(self.request, head, self.first_status, self.cookie.as_deref());
    }

    fn undo(&mut self) {
        self.own_page = None;
        if let Some(before) = self.before.take() {
            before.restore(self.request);
        }
        // SAFETY: the brigade is ours; nothing of it was passed on.
        unsafe { ffi::apr_brigade_cleanup(self.output.cast::<c_void>()) };
    }

    fn is_replaced(&self) -> bool {
        self.own_page.is_some()
    }

    fn body(&mut self, slices: Slices<'_>) {
        if self.own_page.is_none() && !slices.chunks().is_empty() {
            self.is_queued = true;
            // SAFETY: the brigade is the request's and used by this thread only.
            unsafe { body_bucket::append(self.request, self.output, slices) };
        }
    }

    fn pass(&mut self, flush: bool) -> Result<(), ClientError> {
        self.send(flush, false)
    }

    fn finish(&mut self) -> Result<(), ClientError> {
        self.body.discard();
        self.send(false, true)
    }

    fn break_off(&mut self) {
        if self.is_ended_by_httpd() {
            return;
        }
        // SAFETY: request and brigade are live and used by this thread only.
        unsafe { ffi::jk_shim_break_off(self.request.raw(), self.output) };
    }

    fn set_session_cookie(&mut self, cookie: Option<&SessionCookie<'_>>) {
        self.cookie = cookie.map(|cookie| {
            // SAFETY: the request is live.
            let is_tls = unsafe { ffi::jk_shim_is_tls(self.request.raw()) } != 0;
            let SessionCookie { name, route, path, same_site } = cookie;
            let path = if path.is_empty() { String::new() } else { format!(";PATH={path}") };
            let secure = if is_tls { ";Secure" } else { "" };
            let site = same_site.map(|site| format!(";SameSite={site}")).unwrap_or_default();
            format!("{name}=.{route}{path};HttpOnly{secure}{site}")
        });
    }

    fn query(&self) -> Option<&[u8]> {
        self.request.bytes(self.request.fields().args())
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        self.request.get(Table::HeadersIn, &c_name(name))
    }

    fn server(&self) -> (String, u16, String) {
        let raw = self.request.raw();
        // SAFETY: httpd returns a C string of the request or the server.
        let name = self.request.bytes(unsafe { ffi::ap_get_server_name(raw) });
        // SAFETY: reads the request and the server.
        let port = unsafe { ffi::ap_get_server_port(raw) };
        // SAFETY: httpd returns a static C string.
        let software = self.request.bytes(unsafe { ffi::ap_get_server_description() });
        let text = |bytes: Option<&[u8]>| text::owned(bytes.unwrap_or_default());
        (text(name), port, text(software))
    }

    fn remote(&self) -> String {
        let address = self.request.bytes(self.request.fields().useragent_ip());
        text::owned(address.unwrap_or_default())
    }

    fn answer(&mut self, status: u16, kind: &'static str, headers: &[(&str, String)], body: &str) {
        let raw = self.request.raw();
        let kind = self.request.keep(kind.as_bytes());
        // SAFETY: the text lies in the request's pool.
        unsafe { ffi::ap_set_content_type(raw, kind) };
        self.request.fields().set_status(c_int::from(status));
        for (name, value) in headers {
            self.request.replace(Table::HeadersOut, name.as_bytes(), &text::raw(value));
        }
        for chunk in text::raw(body).chunks(BUFFER_BYTES) {
            let mut read_buffer = crate::net::ReadBuffer::new();
            read_buffer.room()[..chunk.len()].copy_from_slice(chunk);
            read_buffer.filled(chunk.len());
            self.body(read_buffer.slices(&[Chunk { start: 0, len: chunk.len() }]));
        }
        if self.finish().is_err_and(ClientError::needs_break) {
            self.break_off();
        }
    }

    fn retry_after(&mut self, seconds: u32) {
        self.request.set(Table::ErrorHeadersOut, c"Retry-After", seconds.to_string().as_bytes());
    }

    fn add_note(&mut self, name: &'static CStr, value: &str) {
        // APR would compare the name with all notes that begin with the same four letters.
        let value = self.request.copied(&text::raw(value));
        self.request.add_kept(Table::Notes, name.into(), value);
    }

    fn note(&mut self, name: &'static CStr, value: &str) {
        self.request.set(Table::Notes, name, &text::raw(value));
    }
}
