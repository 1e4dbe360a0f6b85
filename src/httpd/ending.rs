//! How the handler ends: what it returns to httpd.

use std::ffi::c_int;

use crate::httpd::ffi;

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
