//! The body of a request, as httpd's input filters give it.

use std::ffi::{c_char, c_int};
use std::time::Duration;

use crate::clock;
use crate::exchange::RequestBody;
use crate::httpd::ffi;
use crate::httpd::ffi::apr_bucket_brigade;
use crate::httpd::request::{Request, Table};
use crate::worker::{ClientError, Direction};

/// The body of one request.
pub struct Body<'r> {
    request: Request<'r>,
    length: RequestBody,
    /// What the filters gave beyond what was asked for; null without a body.
    brigade: *mut apr_bucket_brigade,
    /// Its beginning, if that had to be read before anything is sent, and how much of it was taken.
    ahead: Vec<u8>,
    taken: usize,
    /// How much the filters have given.
    read: u64,
    has_ended: bool,
    is_refused: bool,
}

impl<'r> Body<'r> {
    /// Asks httpd how the body is framed, if it is the request's own.
    ///
    /// # Errors
    ///
    /// The status of httpd's own refusal of the framing.
    pub fn new(request: Request<'r>, is_own: bool, ignores_length: bool) -> Result<Self, u16> {
        let raw = request.raw();
        let mut kind = ffi::jk_shim_body_JK_SHIM_BODY_NONE;
        let mut length = 0;
        if is_own {
            // SAFETY: the request is live; the shim fills both places.
            let refused = unsafe { ffi::jk_shim_body(raw, &raw mut kind, &raw mut length) };
            if refused != ffi::OK as c_int {
                return Err(u16::try_from(refused).unwrap_or(400));
            }
            end_connection_of_http_1_0(&request);
        }
        let length = match (kind, u64::try_from(length)) {
            (ffi::jk_shim_body_JK_SHIM_BODY_UNKNOWN, _) => RequestBody::Unknown,
            (ffi::jk_shim_body_JK_SHIM_BODY_KNOWN, Ok(1..)) if ignores_length => {
                RequestBody::Unknown
            }
            (ffi::jk_shim_body_JK_SHIM_BODY_KNOWN, Ok(length @ 1..)) => RequestBody::Known(length),
            _ => RequestBody::None,
        };
        let brigade = match length {
            RequestBody::None => std::ptr::null_mut(),
            // SAFETY: makes a brigade in the request's pool.
            RequestBody::Known(_) | RequestBody::Unknown => unsafe { ffi::jk_shim_brigade(raw) },
        };
        let ahead = Vec::new();
        Ok(Self {
            request,
            length,
            brigade,
            ahead,
            taken: 0,
            read: 0,
            has_ended: length == RequestBody::None,
            is_refused: false,
        })
    }

    /// Returns what is known of its length.
    pub fn length(&self) -> RequestBody {
        self.length
    }

    /// Tells whether a filter returned that it has answered the client.
    pub fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// Reads the beginning if filters may change the body. Only then have they changed the headers
    /// that describe it, as mod_deflate does, or taken themselves out. What fits into one packet
    /// gets its true length; of a longer one it is not known.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn look_ahead(&mut self) -> Result<(), ClientError> {
        if self.brigade.is_null() || !is_filtered(&self.request) {
            return Ok(());
        }
        let mut ahead = vec![0; LOOK_AHEAD];
        let mut len = 0;
        while len < ahead.len() && !self.has_ended {
            len += self.read(&mut ahead[len..])?.0;
            // Who did not say how much there is may wait for an answer to what has come so far.
            if self.length == RequestBody::Unknown {
                break;
            }
        }
        ahead.truncate(len);
        self.ahead = ahead;
        self.length = match self.length {
            RequestBody::Known(_) if self.has_ended && len == 0 => RequestBody::None,
            RequestBody::Known(_) if self.has_ended => RequestBody::Known(len as u64),
            RequestBody::Known(_) if is_filtered(&self.request) => RequestBody::Unknown,
            length => length,
        };
        Ok(())
    }

    /// Reads, waiting for the first byte. Returns how much there was and whether that was the end.
    ///
    /// # Errors
    ///
    /// Why there is no more.
    pub fn read(&mut self, into: &mut [u8]) -> Result<(usize, bool), ClientError> {
        let rest = &self.ahead[self.taken..];
        if !rest.is_empty() {
            let len = rest.len().min(into.len());
            into[..len].copy_from_slice(&rest[..len]);
            self.taken += len;
            return Ok((len, self.has_ended && self.taken == self.ahead.len()));
        }
        if self.has_ended {
            return Ok((0, true));
        }
        for _ in 0..MOST_EMPTY {
            let len = self.fetch(into, true)?.unwrap_or(0);
            if len > 0 || self.has_ended {
                return Ok((len, self.has_ended));
            }
        }
        Err(ClientError::Filter(Direction::Request))
    }

    /// Reads and drops a bounded rest, where the end of the answer would end the upload: over HTTP/2
    /// the stream is reset then, and many clients lose the answer by that. HTTP/1.1 needs none of
    /// it, as httpd reads on after the answer.
    #[inline]
    pub fn discard(&mut self) {
        let request = self.request;
        let is_over = || request.is_aborted() || request.has_ended();
        let is_sent = || request.fields().expecting_100() == 0;
        if !self.has_ended && request.is_stream() && !is_over() && is_sent() {
            self.discard_rest();
        }
    }

    #[inline(never)]
    fn discard_rest(&mut self) {
        let request = self.request;
        let end = clock::now().plus(DISCARD_TIME);
        // SAFETY: reads the request's configuration.
        let limit = unsafe { ffi::ap_get_limit_req_body(request.raw()) };
        let mut left = match u64::try_from(limit) {
            // Beyond its limit httpd would answer by itself, in place of the answer there is.
            Ok(limit @ 1..) => limit.saturating_sub(self.read),
            _ => DISCARD_BYTES,
        };
        left = left.min(DISCARD_BYTES);
        let mut bytes = [0; 8 * 1024];
        while left > 0 && !self.has_ended {
            let want = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            match self.fetch(&mut bytes[..want], false) {
                Ok(Some(len)) => left -= len as u64,
                Ok(None) if clock::now() < end => std::thread::sleep(LOOK_AGAIN),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Takes what the filters have. `None` if they have nothing yet and shall not wait.
    fn fetch(&mut self, into: &mut [u8], wait: bool) -> Result<Option<usize>, ClientError> {
        let (mut len, mut ended) = (into.len(), 0);
        // SAFETY: request and brigade are live; `into` has room for `len` bytes.
        let status = unsafe {
            ffi::jk_shim_read(
                self.request.raw(),
                self.brigade,
                into.as_mut_ptr().cast::<c_char>(),
                &raw mut len,
                c_int::from(wait),
                &raw mut ended,
            )
        };
        if status == ffi::AP_FILTER_ERROR {
            self.is_refused = true;
            return Err(ClientError::Refused);
        }
        // httpd's HTTP filter ends a response that has begun without saying so here.
        if self.request.has_ended() {
            return Err(ClientError::Refused);
        }
        match status {
            0 => {
                self.has_ended = ended != 0;
                self.read += len as u64;
                Ok(Some(len))
            }
            libc::EAGAIN if !wait => Ok(None),
            _ if self.request.is_aborted() || is_disconnect(status) => Err(ClientError::Gone),
            _ => {
                let default = ffi::HTTP_BAD_REQUEST as c_int;
                // SAFETY: maps one number to another.
                let status = unsafe { ffi::jk_shim_read_error(status, default) };
                Err(ClientError::Body { status: u16::try_from(status).unwrap_or(400) })
            }
        }
    }
}

/// Tells whether a status of httpd's filters means that the connection is no more.
pub fn is_disconnect(status: c_int) -> bool {
    matches!(status, libc::ECONNABORTED | libc::ECONNRESET | libc::EPIPE)
}

fn is_filtered(request: &Request<'_>) -> bool {
    // SAFETY: the request is live.
    unsafe { ffi::jk_shim_is_body_filtered(request.raw()) != 0 }
}

/// HTTP/1.0 knows no Transfer-Encoding: something in between may read another end of the body than
/// httpd does (RFC 9112, 6.1).
fn end_connection_of_http_1_0(request: &Request<'_>) {
    let fields = request.fields();
    // check: A94
    let is_old = fields.proto_num() < 1001;
    if is_old && request.get(Table::HeadersIn, c"Transfer-Encoding").is_some() {
        fields.connection().close();
    }
}

/// How much of a filtered body is read before the request is sent: what fits into one packet of any
/// backend.
const LOOK_AHEAD: usize = 8186;

/// What is read of an upload after its answer, at most.
const DISCARD_BYTES: u64 = 1024 * 1024;
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// How often it is looked for more of it.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A filter that was told to wait and returns nothing this often in a row will go on like that.
const MOST_EMPTY: usize = 1000;
