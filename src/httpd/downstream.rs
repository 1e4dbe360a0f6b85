//! The client's side of a request, by way of httpd's filters.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

use super::encode::{Source, encode};
use super::environment::{Environment, Variable};
use super::ffi::{self, apr_bucket_brigade};
use super::mapping::c_name;
use super::request::{Request, Table};
use super::server::Ready;
use crate::ajp::{EncodeError, HeaderName, Piece, RequestBody, ResponseHead, ResponseHeader};
use crate::lb::session::{self, SessionIds};
use crate::log::escaped;
use crate::net::{BUFFER_BYTES, Buffer, Slices, recycle};
use crate::worker::{ClientError, Downstream, MemberData, SessionCookie};

/// A request of httpd as a worker sees it.
pub struct HttpdDownstream<'r> {
    request: Request<'r>,
    ready: &'r Ready,
    environment: Environment<'r>,
    /// The decoded path with its path parameters.
    path: &'r [u8],
    method: &'r [u8],
    body: RequestBody,
    input: *mut apr_bucket_brigade,
    output: *mut apr_bucket_brigade,
    cookie: Option<String>,
    /// Statuses from here on get httpd's own page; 0 is none.
    use_server_errors: u16,
    server_error: Option<u16>,
    /// The status the request began with: of an error, if it asks for that error's page.
    first_status: c_int,
}

impl<'r> HttpdDownstream<'r> {
    /// Takes a request; `path` replaces its URI where cleaning took something away.
    ///
    /// # Errors
    ///
    /// The status of httpd's own refusal of the request's framing.
    pub fn new(
        request: Request<'r>,
        ready: &'r Ready,
        environment: Environment<'r>,
        path: Option<&'r [u8]>,
        use_server_errors: u16,
    ) -> Result<Self, u16> {
        let raw = request.raw();
        let first_status = request.fields().status;
        // A part of a page and the page for an error have no body of their own: it belongs to the
        // request of the client. One that was only sent on, by mod_rewrite for example, has.
        let has_own_body = request.main().is_none() && !is_error(first_status);
        let mut kind = ffi::jk_shim_body_JK_SHIM_BODY_NONE;
        let mut length = 0;
        if has_own_body {
            // SAFETY: the request is live; the shim fills both places.
            let refused = unsafe { ffi::jk_shim_body(raw, &raw mut kind, &raw mut length) };
            if refused != ffi::OK as c_int {
                return Err(u16::try_from(refused).unwrap_or(400));
            }
        }
        let ignores_length = environment.get(Variable::IgnoreLength).is_some();
        let body = match (kind, u64::try_from(length)) {
            (ffi::jk_shim_body_JK_SHIM_BODY_UNKNOWN, _) => RequestBody::Unknown,
            (ffi::jk_shim_body_JK_SHIM_BODY_KNOWN, Ok(1..)) if ignores_length => {
                RequestBody::Unknown
            }
            (ffi::jk_shim_body_JK_SHIM_BODY_KNOWN, Ok(length @ 1..)) => RequestBody::Known(length),
            _ => RequestBody::None,
        };
        let input = match body {
            RequestBody::None => std::ptr::null_mut(),
            // SAFETY: makes a brigade in the request's pool.
            RequestBody::Known(_) | RequestBody::Unknown => unsafe { ffi::jk_shim_brigade(raw) },
        };
        // SAFETY: as above.
        let output = unsafe { ffi::jk_shim_brigade(raw) };
        let path = path.or_else(|| request.bytes(request.fields().uri)).unwrap_or_default();
        let cookie = None;
        let server_error = None;
        Ok(Self {
            request,
            ready,
            environment,
            path,
            method: request.bytes(request.fields().method).unwrap_or(b"GET"),
            body,
            input,
            output,
            cookie,
            use_server_errors,
            server_error,
            first_status,
        })
    }

    /// Returns the status httpd shall make its own page for.
    pub fn server_error(&self) -> Option<u16> {
        self.server_error
    }

    fn send(&mut self, flush: bool, end: bool) -> Result<(), ClientError> {
        // SAFETY: request and brigade are live and used by this thread only.
        let status = unsafe {
            ffi::jk_shim_pass(self.request.raw(), self.output, c_int::from(flush), c_int::from(end))
        };
        if status == 0 { Ok(()) } else { Err(ClientError { status: 400 }) }
    }
}

impl Downstream for HttpdDownstream<'_> {
    fn method(&self) -> &[u8] {
        self.method
    }

    fn label(&self) -> String {
        let path = &self.path[..self.path.len().min(200)];
        format!("{} {}", escaped(self.method()), escaped(path))
    }

    fn user(&self) -> Option<&[u8]> {
        let given = self.environment.get(Variable::RemoteUser);
        given.or_else(|| self.request.bytes(self.request.fields().user))
    }

    fn request_body(&self) -> RequestBody {
        self.body
    }

    fn encode(
        &self,
        out: &mut Vec<u8>,
        scratch: &mut Vec<u8>,
        limit: usize,
        member: &MemberData<'_>,
    ) -> Result<usize, EncodeError> {
        let source = Source {
            request: &self.request,
            ready: self.ready,
            environment: &self.environment,
            path: self.path,
            body: self.body,
        };
        encode(&source, out, scratch, limit, member)
    }

    fn read_body(&mut self, into: &mut [u8]) -> Result<(usize, bool), ClientError> {
        if self.input.is_null() {
            // There is no body.
            return Ok((0, true));
        }
        loop {
            let (mut len, mut ended) = (into.len(), 0);
            // SAFETY: request and brigade are live; `into` has room for `len` bytes.
            let status = unsafe {
                ffi::jk_shim_read(
                    self.request.raw(),
                    self.input,
                    into.as_mut_ptr().cast::<c_char>(),
                    &raw mut len,
                    1,
                    &raw mut ended,
                )
            };
            if status != 0 {
                let default = ffi::HTTP_BAD_REQUEST as c_int;
                // SAFETY: maps one number to another.
                let status = unsafe { ffi::ap_map_http_request_error(status, default) };
                return Err(ClientError { status: u16::try_from(status).unwrap_or(400) });
            }
            if len > 0 || ended != 0 {
                return Ok((len, ended != 0));
            }
        }
    }

    fn session_ids(&self, cookie: &str, path: &str, ids: &mut SessionIds) {
        if let Some(id) = session::in_path(self.path, path.as_bytes()) {
            ids.add(id);
            return;
        }
        self.cookie(cookie, ids);
    }

    fn cookie(&self, name: &str, values: &mut SessionIds) {
        for value in self.request.headers_named(b"cookie") {
            session::in_cookie(value, name.as_bytes(), values);
        }
    }

    fn path(&self) -> &[u8] {
        self.path
    }

    fn begin(&mut self, head: &ResponseHead<'_>) {
        let raw = self.request.raw();
        if self.use_server_errors > 0 && head.status >= self.use_server_errors {
            self.server_error = Some(head.status);
        }
        // A page that was found for an error does not undo it. A redirect or another error counts.
        let keeps_status = is_error(self.first_status) && head.status < 300;
        if !keeps_status {
            // SAFETY: the request is ours; the next response starts from here.
            unsafe { (*raw).status = c_int::from(head.status) };
        }
        if let Some(line) = own_line(head).filter(|_| !keeps_status) {
            let line = self.request.keep(&line);
            // SAFETY: the line lies in the request's pool.
            unsafe { (*raw).status_line = line };
        }
        let block = self.request.keep_block(head.block());
        for (name, value) in head.headers() {
            match name {
                HeaderName::Known(ResponseHeader::ContentType) => {
                    let value = block.text(value);
                    // SAFETY: the value lies in the request's pool.
                    unsafe { ffi::ap_set_content_type(raw, value.as_ptr()) };
                }
                HeaderName::Known(ResponseHeader::Location) => {
                    self.request.set(Table::HeadersOut, c"Location", value);
                }
                _ if self.server_error.is_some() => {
                    if name.as_bytes().eq_ignore_ascii_case(b"WWW-Authenticate") {
                        self.request.add(Table::HeadersOut, name.as_bytes(), value);
                    }
                }
                HeaderName::Known(name) => {
                    let (name, value) = (name.c_name().into(), block.text(value));
                    self.request.add_kept(Table::HeadersOut, name, value);
                }
                HeaderName::Other(name) => {
                    let (name, value) = (block.text(name), block.text(value));
                    self.request.add_kept(Table::HeadersOut, name, value);
                }
            }
        }
        if let Some(length) = head.content_length
            && self.server_error.is_none()
        {
            // As ap_set_content_length does, but for the digits: they have been copied already.
            // SAFETY: the request is ours.
            unsafe { (*raw).clength = length as ffi::apr_off_t };
            let digits = block.text(head.length_digits);
            self.request.set_kept(Table::HeadersOut, c"Content-Length".into(), digits);
        }
        if let Some(cookie) = &self.cookie {
            self.request.add(Table::HeadersOut, b"Set-Cookie", cookie.as_bytes());
        }
    }

    fn undo(&mut self) {
        let raw = self.request.raw();
        self.request.clear(Table::HeadersOut);
        self.server_error = None;
        // SAFETY: the brigade is ours; nothing of it was passed on.
        unsafe { ffi::apr_brigade_cleanup(self.output.cast::<c_void>()) };
        // SAFETY: the request is ours; these are the values httpd begins with.
        unsafe { (*raw).status = self.first_status };
        // SAFETY: as above.
        unsafe { (*raw).status_line = std::ptr::null() };
        // SAFETY: as above.
        unsafe { (*raw).content_type = std::ptr::null() };
    }

    fn body(&mut self, slices: Slices<'_>) {
        let pieces = slices.pieces();
        if self.server_error.is_some() || pieces.is_empty() {
            return;
        }
        let base = Arc::into_raw(Arc::clone(slices.buffer()));
        // SAFETY:
        // - `base` is the buffer's first byte, as a buffer is a plain array; httpd only reads it,
        //   and gives the reference back through `give_back`;
        // - a `Piece` has the layout of its counterpart in C, and they end within the buffer.
        let is_shared = unsafe {
            ffi::jk_shim_append(
                self.output,
                base.cast_mut().cast::<c_char>(),
                BUFFER_BYTES,
                slices.start(),
                pieces.as_ptr().cast::<ffi::jk_shim_piece>(),
                pieces.len(),
                Some(give_back),
            )
        };
        if is_shared != 0 {
            // SAFETY: the bucket before holds the reference for both; this one was not taken.
            drop(unsafe { Arc::from_raw(base) });
        }
    }

    fn pass(&mut self, flush: bool) -> Result<(), ClientError> {
        match self.server_error {
            Some(_) => Ok(()),
            None => self.send(flush, false),
        }
    }

    fn finish(&mut self) -> Result<(), ClientError> {
        match self.server_error {
            Some(_) => Ok(()),
            None => self.send(false, true),
        }
    }

    fn break_off(&mut self) {
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
        self.request.bytes(self.request.fields().args)
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
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        (text(name), port, text(software))
    }

    fn remote(&self) -> String {
        let address = self.request.bytes(self.request.fields().useragent_ip);
        String::from_utf8_lossy(address.unwrap_or_default()).into_owned()
    }

    fn answer(&mut self, status: u16, kind: &'static str, headers: &[(&str, String)], body: &str) {
        let raw = self.request.raw();
        let kind = self.request.keep(kind.as_bytes());
        // SAFETY: the text lies in the request's pool.
        unsafe { ffi::ap_set_content_type(raw, kind) };
        // SAFETY: the request is ours.
        unsafe { (*raw).status = c_int::from(status) };
        for (name, value) in headers {
            self.request.replace(Table::HeadersOut, name.as_bytes(), value.as_bytes());
        }
        for chunk in body.as_bytes().chunks(BUFFER_BYTES) {
            let mut inbox = crate::net::Inbox::new();
            inbox.room()[..chunk.len()].copy_from_slice(chunk);
            inbox.filled(chunk.len());
            self.body(inbox.slices(&[Piece { start: 0, len: chunk.len() }]));
        }
        // Nobody waits for the answer of somebody who is gone.
        let _ = self.finish();
    }

    fn retry_after(&mut self, seconds: u32) {
        self.request.set(Table::ErrorHeadersOut, c"Retry-After", seconds.to_string().as_bytes());
    }

    fn add_note(&mut self, name: &'static CStr, value: &str) {
        // APR would compare the name with all notes that begin with the same four letters.
        let value = self.request.copied(value.as_bytes());
        self.request.add_kept(Table::Notes, name.into(), value);
    }

    fn note(&mut self, name: &'static CStr, value: &str) {
        self.request.set(Table::Notes, name, value.as_bytes());
    }
}

const _: () = assert!(size_of::<Piece>() == size_of::<ffi::jk_shim_piece>());

/// Tells whether a request that begins with this status asks for the page of an error.
fn is_error(first_status: c_int) -> bool {
    first_status >= ffi::HTTP_BAD_REQUEST as c_int
}

/// Returns the status line where httpd's own would be another.
fn own_line(head: &ResponseHead<'_>) -> Option<Vec<u8>> {
    if head.status == 200 && head.reason.is_none_or(|reason| reason == b"OK") {
        return None;
    }
    // SAFETY: takes a number; unknown ones get the line of 500.
    let line = unsafe { ffi::ap_get_status_line(c_int::from(head.status)) };
    // SAFETY: the line is a static C string.
    let line = unsafe { CStr::from_ptr(line) }.to_bytes();
    let digits = [head.status / 100, head.status / 10 % 10, head.status % 10];
    let digits = digits.map(|digit| b'0' + digit as u8);
    let known = line.strip_prefix(&digits).and_then(|rest| rest.strip_prefix(b" "));
    match head.reason.or_else(|| known.is_none().then_some(b"Unknown Reason")) {
        None => None,
        reason if reason == known => None,
        Some(reason) => Some([&digits, &b" "[..], reason].concat()),
    }
}

/// Takes a buffer back from httpd, on whichever thread it is done with it.
unsafe extern "C" fn give_back(base: *mut c_void) {
    // SAFETY: `base` came from `Arc::into_raw` of a buffer, and httpd calls this once for it.
    recycle(unsafe { Arc::from_raw(base.cast::<Buffer>()) });
}
