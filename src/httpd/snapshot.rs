//! The parts of a request that a response sets, as they were before it: other modules may have set
//! them, and a response that is taken back must leave them as it found them.

use std::ffi::{c_char, c_int};

use crate::httpd::ffi;
use crate::httpd::request::{Request, SavedTable, Table};

/// What [`Downstream::begin`](crate::worker::Downstream::begin) sets, before it does.
pub struct ResponseBackup<'r> {
    status: c_int,
    status_line: *const c_char,
    content_type: *const c_char,
    length: ffi::apr_off_t,
    headers: SavedTable<'r>,
}

impl<'r> ResponseBackup<'r> {
    /// Takes it. Copies something only if another module has set a header.
    pub fn take(request: Request<'r>) -> Self {
        let fields = request.fields();
        Self {
            status: fields.status(),
            status_line: fields.status_line(),
            content_type: fields.content_type(),
            length: fields.clength(),
            headers: request.save(Table::HeadersOut),
        }
    }

    /// Gives the request the values back.
    pub fn restore(self, request: Request<'r>) {
        request.restore(Table::HeadersOut, self.headers);
        let raw = request.raw();
        // SAFETY: the request is ours during the hook.
        unsafe { (*raw).status = self.status };
        // SAFETY: as above; the text was the request's own before.
        unsafe { (*raw).status_line = self.status_line };
        // SAFETY: as above.
        unsafe { (*raw).content_type = self.content_type };
        // SAFETY: the request is ours during the hook.
        unsafe { (*raw).clength = self.length };
    }
}
