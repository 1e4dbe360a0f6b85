//! Directives as httpd hands them over.

use std::ffi::{CString, c_char};
use std::ptr;

use crate::config::{Context, Origin, Section};
use crate::httpd::c_strings::text;
use crate::httpd::ffi;
use crate::httpd::ffi::{ap_directive_t, cmd_parms};
use crate::httpd::guard::guard;
use crate::httpd::servers;
use crate::text;
use crate::uri_map::problem::printable;

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
        let path = (!cmd.path.is_null()).then(|| unsafe { text(cmd.path) });
        // SAFETY: httpd sets the directive being read, with its place.
        let place = unsafe { &*cmd.directive };
        // SAFETY: the file name is a C string.
        let file = unsafe { text(place.filename) };
        let origin = Origin { file: file.into(), line: place.line_num.unsigned_abs() };
        // SAFETY: httpd's tree is live while its directives are called.
        let outer = unsafe { sections_around(place) };
        let outer = outer.iter().map(|(name, argument)| (name.as_str(), argument.as_str()));
        let section = Section::inside(outer, path.as_deref());
        let context = Context { is_virtual, section, origin };
        // SAFETY: the server is live, and configuration is read on one thread.
        let Some(conf) = (unsafe { servers::of_mut(cmd.server) }) else { return ptr::null() };
        match conf.settings.set(&name, &first, second.as_deref(), &context) {
            Ok(()) => {
                if conf.settings.request_log_format.is_some() {
                    // SAFETY: directives are being read, on one thread.
                    unsafe { ffi::jk_shim_log_requests() };
                }
                ptr::null()
            }
            Err(why) => {
                let why = CString::new(printable(&text::raw(&why))).unwrap_or_default();
                // SAFETY: copies the text into httpd's pool, where it outlives the call.
                unsafe { ffi::apr_pstrmemdup(cmd.temp_pool, why.as_ptr(), why.as_bytes().len()) }
            }
        }
    })
}

/// Returns names and arguments of the sections around a directive, the innermost first.
///
/// # Safety
///
/// `place` must be a directive of httpd's tree while httpd reads its configuration.
unsafe fn sections_around(place: &ap_directive_t) -> Vec<(String, String)> {
    let mut sections = Vec::new();
    let mut next = place.parent;
    // SAFETY: httpd links a directive with the section it stands in, and the outermost with null.
    while let Some(own) = unsafe { next.as_ref() } {
        // SAFETY: names are C strings of the configuration's pool.
        let name = unsafe { text(own.directive) };
        // SAFETY: arguments likewise, or null.
        let argument = unsafe { text(own.args) };
        sections.push((name.trim_start_matches('<').to_owned(), argument));
        next = own.parent;
    }
    sections
}
