//! Directives as httpd hands them over.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use super::ffi::{self, cmd_parms};
use super::guard::guard;
use super::server;
use crate::config::{Context, Origin};

/// Takes one directive. Returns null, or what is wrong with it.
///
/// # Safety
///
/// `cmd` and the words must be what httpd passes to a directive's function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_directive(
    cmd: *mut cmd_parms,
    word1: *const c_char,
    word2: *const c_char,
) -> *const c_char {
    guard("a directive", c"internal error".as_ptr(), || {
        // SAFETY: httpd keeps `cmd` alive during the call.
        let cmd = unsafe { &*cmd };
        // SAFETY: httpd keeps the command row, which is ours, alive.
        let row = unsafe { &*cmd.cmd };
        // SAFETY: the row's name is a C string.
        let name = unsafe { text(row.name) };
        // SAFETY: words are C strings or null.
        let first = unsafe { text(word1) };
        // SAFETY: as above.
        let second = (!word2.is_null()).then(|| unsafe { text(word2) });
        // SAFETY: httpd keeps the server alive while it reads its configuration.
        let is_virtual = unsafe { (*cmd.server).is_virtual } != 0;
        // SAFETY: `path` is the section's argument or null.
        let section = (!cmd.path.is_null()).then(|| unsafe { text(cmd.path) });
        // SAFETY: httpd sets the directive being read, with its place.
        let place = unsafe { &*cmd.directive };
        // SAFETY: the file name is a C string.
        let file = unsafe { text(place.filename) };
        let origin = Origin { file: file.into(), line: place.line_num.unsigned_abs() };
        let context = Context { is_virtual, section: section.as_deref(), origin };
        // SAFETY: the server is live, and configuration is read on one thread.
        let Some(conf) = (unsafe { server::of_mut(cmd.server) }) else { return ptr::null() };
        match conf.settings.set(&name, &first, second.as_deref(), &context) {
            Ok(()) => {
                if conf.settings.request_log_format.is_some() {
                    // SAFETY: directives are being read, on one thread.
                    unsafe { ffi::jk_shim_log_requests() };
                }
                ptr::null()
            }
            Err(why) => {
                let why = CString::new(why.replace('\0', "")).unwrap_or_default();
                // SAFETY: copies the text into httpd's pool, where it outlives the call.
                unsafe { ffi::apr_pstrmemdup(cmd.temp_pool, why.as_ptr(), why.as_bytes().len()) }
            }
        }
    })
}

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
    unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned()
}
