//! httpd's tree of directives as plain values, and the status workers it leaves unprotected.

use std::ffi::{CStr, c_char};
use std::sync::Arc;

use crate::config::{ServerSettings, WorkersConfig};
use crate::httpd::ffi;
use crate::httpd::ffi::server_rec;
use crate::status::exposure;
use crate::status::exposure::Directive;
use crate::uri_map::rule::Rule;

/// Returns httpd's tree of directives, which it keeps until its next configuration.
pub fn tree() -> Vec<Directive> {
    // SAFETY: reads a pointer; httpd writes it while it reads its configuration only.
    level(unsafe { ffi::ap_conftree })
}

fn level(first: *const ffi::ap_directive_t) -> Vec<Directive> {
    let mut all = Vec::new();
    let mut next = first;
    while !next.is_null() {
        // SAFETY: httpd's tree links live directives; its end is null.
        let one = unsafe { &*next };
        all.push(Directive {
            name: text(one.directive),
            args: text(one.args),
            place: (text(one.filename), u32::try_from(one.line_num).unwrap_or(0)),
            children: level(one.first_child),
        });
        next = one.next;
    }
    all
}

fn text(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: names and arguments are C strings of the configuration's pool.
        false => crate::text::owned(unsafe { CStr::from_ptr(text) }.to_bytes()),
    }
}

/// Returns the rules that lead to an unprotected status worker, by way of one server.
///
/// # Safety
///
/// `host` must be a server of httpd's that is live.
pub unsafe fn open_status<'r>(
    tree: &[Directive],
    host: *const server_rec,
    settings: &ServerSettings,
    rules: &'r [Arc<Rule>],
    workers: &WorkersConfig,
) -> Vec<&'r Rule> {
    // SAFETY: live by contract.
    let fields = unsafe { &*host };
    let place = (text(fields.defn_name), fields.defn_line_number);
    let place = (fields.is_virtual != 0).then_some(place);
    exposure::open_status(tree, place.as_ref(), settings, rules, workers)
}
