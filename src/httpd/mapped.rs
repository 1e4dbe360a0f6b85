//! What is noted with a request when it is mapped, for the phases that follow.

use std::ffi::CStr;
use std::sync::Arc;

use crate::httpd::request::{Request, RequestState, Table};
use crate::text;
use crate::uri_map::Rule;

/// The name of our handler.
const HANDLER: &CStr = c"jakarta-servlet";

/// A rule that maps a request.
pub struct Mapped {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The decoded path with its path parameters, where cleaning took something away.
    pub path: Option<Vec<u8>>,
    /// The rule is one for its `FallbackResource`, should mod_dir take that.
    pub is_fallback: bool,
}

/// Tells whether a request has our handler: set by us, or by its name in the configuration.
pub fn is_ours(request: &Request<'_>) -> bool {
    let handler = request.fields().handler();
    std::ptr::eq(handler, HANDLER.as_ptr()) || request.is_text(handler, HANDLER)
}

/// Makes a request ours.
pub fn claim(request: Request<'_>, rule: &Arc<Rule>, path: Option<Vec<u8>>) {
    let mapped = Mapped { rule: Arc::clone(rule), path, is_fallback: false };
    request.leave(request.place_owned(mapped));
    request.set(Table::Notes, c"JK_WORKER_NAME", &text::raw(&rule.worker));
    request.fields().set_handler(HANDLER);
}

/// Tells whether a request has the path for which no rule was found. Most requests of most servers
/// belong to no worker; finding that out once is enough. Other modules may have given the request another
/// path meanwhile, or changed it where it lies.
pub fn is_known_as_unmapped(request: &Request<'_>) -> bool {
    matches!(left(request), Some(RequestState::Text(path)) if request.has_path(path))
}

/// Returns what maps a request.
pub fn mapped<'r>(request: &Request<'r>) -> Option<&'r Mapped> {
    match left(request) {
        Some(RequestState::Value(mapped)) => {
            (!mapped.is_fallback || is_ours(request)).then_some(mapped)
        }
        Some(RequestState::Text(_)) | None => None,
    }
}

/// Returns the rule that maps a request, or the path that none maps.
fn left<'r>(request: &Request<'r>) -> Option<RequestState<'r, Mapped>> {
    // SAFETY: no other type of value is left with requests, and it lives as long as they do.
    unsafe { request.left() }
}
