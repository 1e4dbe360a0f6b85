//! C strings of httpd's as text, and text as C strings.

use std::ffi::{CStr, CString, c_char};

use crate::httpd::ffi;
use crate::httpd::ffi::apr_pool_t;
use crate::text;

/// Copies a C string; null is empty.
///
/// # Safety
///
/// `from` must be null or a C string.
pub unsafe fn text(from: *const c_char) -> String {
    if from.is_null() {
        return String::new();
    }
    // SAFETY: a C string by contract.
    text::owned(unsafe { CStr::from_ptr(from) }.to_bytes())
}

/// Makes a C string of a name from the configuration.
pub fn c_name(name: &str) -> CString {
    CString::new(text::raw(&name.replace('\0', ""))).unwrap_or_default()
}

/// Returns a path below ServerRoot unless it is absolute.
pub fn rooted(pool: *mut apr_pool_t, path: &str) -> String {
    let Ok(given) = CString::new(text::raw(path)) else { return path.to_owned() };
    // SAFETY: the pool is live and takes the result.
    let full = unsafe { ffi::ap_server_root_relative(pool, given.as_ptr()) };
    // SAFETY: a C string or null.
    let full = unsafe { text(full) };
    if full.is_empty() { path.to_owned() } else { full }
}
