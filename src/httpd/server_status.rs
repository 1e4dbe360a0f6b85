//! A section of its own on mod_status' page.

use std::ffi::c_int;

use crate::httpd::ffi;
use crate::httpd::request::Request;
use crate::status::mod_status::{html, html_without_table, lines};
use crate::status::view::ServerView;
use crate::text;
use crate::worker::snapshot;

/// Writes the workers of the request's server behind what mod_status has written.
pub fn write(request: &Request<'_>, flags: c_int) {
    let Some(ready) = request.ready() else { return };
    let workers = ready.workers.current();
    let snapshot = snapshot(&workers, ServerView::default());
    let text = match flags {
        _ if flags & SHORT != 0 => lines(&snapshot),
        _ if flags & NO_TABLE != 0 => html_without_table(&snapshot),
        _ => html(&snapshot),
    };
    let text = text::raw(&text);
    let len = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
    // SAFETY: httpd keeps the request alive during the hook and copies `len` bytes of the text. It
    // says -1 if the client is gone, which ends the page in any case.
    let _ = unsafe { ffi::ap_rwrite(text.as_ptr().cast(), len, request.raw()) };
}

/// `AP_STATUS_SHORT` of mod_status.h: lines, no HTML.
const SHORT: c_int = 0x1;

/// `AP_STATUS_NOTABLE`.
const NO_TABLE: c_int = 0x2;
