//! How the handler ends: what it returns to httpd.

use std::ffi::c_int;

use crate::httpd::ffi;
use crate::httpd::request::Request;

/// What becomes of a request after the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The response was sent, or broken off, or the client is gone.
    Done,
    /// httpd shall make its page for this status.
    Page(u16),
    /// A filter of httpd has answered in our place. httpd must hear exactly that, or it would add a
    /// second response.
    Answered,
}

impl Ending {
    /// Returns what the handler returns.
    pub fn code(self) -> c_int {
        match self {
            Self::Done => ffi::OK as c_int,
            Self::Page(status) => c_int::from(status),
            Self::Answered => ffi::AP_FILTER_ERROR,
        }
    }
}

/// Ends a request whose handler has panicked: a response that has begun is broken off, as a page for
/// an error behind it would be taken for a part of it.
pub fn after_panic(request: Request<'_>) -> c_int {
    if request.fields().sent_bodyct() == 0 && request.fields().eos_sent() == 0 {
        return ffi::HTTP_INTERNAL_SERVER_ERROR as c_int;
    }
    // SAFETY: makes a brigade in the request's pool.
    let brigade = unsafe { ffi::jk_shim_brigade(request.raw()) };
    // SAFETY: request and brigade are live and used by this thread only.
    unsafe { ffi::jk_shim_break_off(request.raw(), brigade) };
    ffi::OK as c_int
}
