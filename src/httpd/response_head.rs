//! The status and the headers of a backend's answer, in the records of httpd.

use std::ffi::{CStr, c_int};

use crate::exchange::{HeaderName, ResponseHeader, ResponseParts};
use crate::httpd::ffi;
use crate::httpd::request::{Request, Table};
use crate::text;

/// Gives a request the status and the headers of an answer, and the session cookie of the connector. A
/// request that began with a `first_status` of an error asks for the page of that error.
pub fn write<H: ResponseParts>(
    request: Request<'_>,
    head: &H,
    first_status: c_int,
    cookie: Option<&str>,
) {
    let raw = request.raw();
    // A page that was found for an error does not undo it. A redirect or another error counts.
    let keeps_status = is_error(first_status) && head.status() < 300;
    if !keeps_status {
        request.fields().set_status(c_int::from(head.status()));
    }
    if let Some(line) = own_line(head).filter(|_| !keeps_status) {
        request.fields().set_status_line(request.copied(&line));
    }
    let block = request.keep_block(head.block());
    for (name, value) in head.headers() {
        match name {
            HeaderName::Known(ResponseHeader::ContentType) => {
                let value = block.text(value);
                // SAFETY: the value lies in the request's pool.
                unsafe { ffi::ap_set_content_type(raw, value.as_ptr()) };
            }
            HeaderName::Known(ResponseHeader::Location) => {
                request.set(Table::HeadersOut, c"Location", value);
            }
            HeaderName::Known(name) => {
                let (name, value) = (name.c_name().into(), block.text(value));
                request.add_kept(Table::HeadersOut, name, value);
            }
            HeaderName::Other(name) => {
                let (name, value) = (block.text(name), block.text(value));
                request.add_kept(Table::HeadersOut, name, value);
            }
        }
    }
    if let Some(length) = head.content_length() {
        // As ap_set_content_length does, but for the digits: they have been copied already.
        request.fields().set_clength(length as ffi::apr_off_t);
        let digits = block.text(head.length_digits());
        request.set_kept(Table::HeadersOut, c"Content-Length".into(), digits);
    }
    if let Some(cookie) = cookie {
        request.add(Table::HeadersOut, b"Set-Cookie", &text::raw(cookie));
    }
}

/// Tells whether a request that begins with this status asks for the page of an error.
pub fn is_error(first_status: c_int) -> bool {
    first_status >= ffi::HTTP_BAD_REQUEST as c_int
}

/// Returns the status line where httpd's own would be another.
fn own_line<H: ResponseParts>(head: &H) -> Option<Vec<u8>> {
    if head.status() == 200 && head.reason().is_none_or(|reason| reason == b"OK") {
        return None;
    }
    // SAFETY: takes a number; unknown ones get the line of 500.
    let line = unsafe { ffi::ap_get_status_line(c_int::from(head.status())) };
    // SAFETY: the line is a static C string.
    let line = unsafe { CStr::from_ptr(line) }.to_bytes();
    let digits = [head.status() / 100, head.status() / 10 % 10, head.status() % 10];
    let digits = digits.map(|digit| b'0' + digit as u8);
    let known = line.strip_prefix(&digits).and_then(|rest| rest.strip_prefix(b" "));
    // check: B26f
    match head.reason().or_else(|| known.is_none().then_some(b"Unknown Reason")) {
        None => None,
        reason if reason == known => None,
        Some(reason) => Some([&digits, &b" "[..], reason].concat()),
    }
}
