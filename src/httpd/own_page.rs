//! An answer of the backend that httpd replaces by a page of its own (`use_server_errors`).
//!
//! It changes nothing of the request until it has arrived in full, so that httpd makes its page, or
//! that of an ErrorDocument, as for an error of its own. Then it leaves what the client needs to act on
//! the error, where httpd keeps it for such pages.

use crate::exchange::ResponseParts;
use crate::httpd::ffi;
use crate::httpd::request::{Request, Table};
use crate::text;

/// What is kept of such an answer.
pub struct OwnPage {
    status: u16,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl OwnPage {
    /// Keeps what matters.
    pub fn new<H: ResponseParts>(head: &H) -> Self {
        let has_location = head.status() == 201 || (300..400).contains(&head.status());
        let is_kept = |name: &[u8]| {
            KEPT.iter().any(|own| name.eq_ignore_ascii_case(own))
                || has_location && name.eq_ignore_ascii_case(LOCATION)
        };
        let headers = head.headers().map(|(name, value)| (name.as_bytes(), value));
        let headers = headers.filter(|(name, _)| is_kept(name));
        let headers = headers.map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        Self { status: head.status(), headers }
    }

    /// Leaves it with the request and returns the status httpd shall make its page for.
    pub fn leave(&self, request: Request<'_>, cookie: Option<&str>) -> u16 {
        for (name, value) in &self.headers {
            // httpd takes it from there, for redirects only.
            let is_location = name.eq_ignore_ascii_case(LOCATION);
            let table = if is_location { Table::HeadersOut } else { Table::ErrorHeadersOut };
            request.add(table, name, value);
            if name.eq_ignore_ascii_case(b"Allow") {
                allow(request, value);
            }
        }
        if let Some(cookie) = cookie {
            request.add(Table::ErrorHeadersOut, b"Set-Cookie", &text::raw(cookie));
        }
        self.status
    }
}

/// Sets the methods that httpd's own page for 405 and 501 names: it writes that header itself.
fn allow(request: Request<'_>, methods: &[u8]) {
    let pool = request.fields().pool();
    // SAFETY: the request's pool is live.
    let list = unsafe { ffi::ap_make_method_list(pool, 4) };
    for method in methods.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
        let method = request.keep(method);
        // SAFETY: the list was just made; the text lies in the request's pool, as long as the list.
        unsafe { ffi::ap_method_list_add(list, method) };
    }
    // SAFETY: the request is ours during the hook; the list lies in its pool.
    unsafe { (*request.raw()).allowed_methods = list };
}

/// Headers that say what a client can do about an error.
const KEPT: [&[u8]; 4] = [b"WWW-Authenticate", b"Allow", b"Retry-After", b"Content-Range"];

const LOCATION: &[u8] = b"Location";
