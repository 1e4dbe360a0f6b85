//! What outlives a restart: the text of the last good workers file. It lies in httpd's own memory,
//! as this library may be unloaded meanwhile.

use std::ffi::{CStr, c_void};

use super::ffi;

/// Layout of the retained block; zero at first.
#[repr(C)]
struct Block {
    text: *mut u8,
    len: usize,
}

const KEY: &CStr = c"mod_jk-workers-1";

/// Returns the text kept before, if there is one.
pub fn workers_text() -> Option<String> {
    let block = find()?;
    // SAFETY: `find` returns httpd's block of this layout, which lives as long as the process.
    let Block { text, len } = unsafe { block.read() };
    if text.is_null() {
        return None;
    }
    // SAFETY: `keep_workers_text` stored a block of `len` bytes and never frees the present one.
    let bytes = unsafe { std::slice::from_raw_parts(text, len) };
    String::from_utf8(bytes.to_vec()).ok()
}

/// Keeps a text for the next restart. Only the parent calls this, on its one thread.
pub fn keep_workers_text(text: &str) {
    // SAFETY: httpd copies the key and returns a zeroed block that lives as long as the process.
    let block = find().unwrap_or_else(|| unsafe {
        ffi::ap_retained_data_create(KEY.as_ptr(), size_of::<Block>()).cast()
    });
    if block.is_null() {
        return;
    }
    // SAFETY: allocates; the result is checked.
    let copy = unsafe { libc::malloc(text.len().max(1)) }.cast::<u8>();
    if copy.is_null() {
        return;
    }
    // SAFETY: `copy` has room for the text and is new, so nothing overlaps.
    unsafe { copy.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
    // SAFETY: the block is valid for writes, and the parent has one thread.
    let old = unsafe { block.replace(Block { text: copy, len: text.len() }) };
    // SAFETY: the old text came from `malloc` here or is null, and nobody holds it.
    unsafe { libc::free(old.text.cast::<c_void>()) };
}

fn find() -> Option<*mut Block> {
    // SAFETY: httpd looks the key up in a pool of its own and returns what it finds, or null.
    let found: *mut c_void = unsafe { ffi::ap_retained_data_get(KEY.as_ptr()) };
    (!found.is_null()).then_some(found.cast())
}
