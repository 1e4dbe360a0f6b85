//! Parts of received buffers as buckets of httpd, which may write them later and from other threads.

use std::ffi::c_void;
use std::sync::Arc;

use crate::exchange::Chunk;
use crate::httpd::ffi;
use crate::httpd::ffi::apr_bucket_brigade;
use crate::httpd::pool::is_ending;
use crate::httpd::request::Request;
use crate::net::{Buffer, Slices, recycle};

/// Appends pieces of a buffer to a brigade.
///
/// # Safety
///
/// `brigade` must be a brigade of the request's, used by this thread only.
pub unsafe fn append(request: Request<'_>, brigade: *mut apr_bucket_brigade, slices: Slices<'_>) {
    let chunks = slices.chunks();
    if chunks.is_empty() {
        return;
    }
    let base = Arc::into_raw(Arc::clone(slices.buffer()));
    // SAFETY:
    // - `base` is the buffer's first byte, as a buffer is a plain array, and the pieces end within it;
    // - a `Chunk` has the layout of its counterpart in C;
    // - reading: each bucket has a reference to the buffer, the first one that of `base`, and gives it
    //   back by `mod_jk_buffer_release`;
    // - no writing while there is such a reference: of ours, because only `Arc::get_mut` leads there;
    //   of others, because APR appends to heap buckets only, which these are not, and because
    //   apr_bucket_read gives their bytes out as const.
    unsafe {
        ffi::jk_shim_append(
            request.raw(),
            brigade,
            base.cast_mut().cast::<c_void>(),
            slices.start(),
            chunks.as_ptr().cast::<ffi::jk_shim_piece>(),
            chunks.len(),
        );
    }
}

const _: () = assert!(size_of::<Chunk>() == size_of::<ffi::jk_shim_piece>());

/// Counts one more bucket that refers to a buffer.
///
/// # Safety
///
/// `base` must come from [`append`], by a bucket that still has its reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_buffer_share(base: *mut c_void) {
    // SAFETY: `base` came from `Arc::into_raw` of a buffer, to which a bucket still refers.
    unsafe { Arc::increment_strong_count(base.cast_const().cast::<Buffer>()) };
}

/// Takes a bucket's reference to a buffer back, on whichever thread httpd is done with it.
///
/// # Safety
///
/// `base` must come from [`append`]; one call for each reference.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mod_jk_buffer_release(base: *mut c_void) {
    if is_ending() {
        // A prefork child is in a signal handler then.
        return;
    }
    // SAFETY: `base` came from `Arc::into_raw` of a buffer, and each bucket gives its reference back
    // once.
    recycle(unsafe { Arc::from_raw(base.cast_const().cast::<Buffer>()) });
}
