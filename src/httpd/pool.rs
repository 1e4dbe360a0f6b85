//! Values that httpd's memory pools own, and what happens before a pool goes.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::httpd::ffi;
use crate::httpd::ffi::apr_pool_t;

/// Says that this process is ending: httpd gives up the pools of the child, perhaps in a signal handler
/// in the middle of a request, as a prefork child does, where no lock may be taken and no memory
/// freed. What pools own is left to the end of the process from here on.
pub fn begin_end() {
    IS_ENDING.store(true, Relaxed);
}

/// Tells whether this process is ending: then nothing is freed any more.
pub fn is_ending() -> bool {
    IS_ENDING.load(Relaxed)
}

static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Lets a pool own a value: it is dropped when the pool is cleared, unless this process
/// [`is_ending`].
///
/// # Safety
///
/// `pool` must be a live pool.
pub unsafe fn give_to_pool<T>(pool: *mut apr_pool_t, value: Box<T>) -> *mut T {
    unsafe extern "C" fn drop_it<T>(value: *mut c_void) -> ffi::apr_status_t {
        if !is_ending() {
            // SAFETY: the pool calls this once with the pointer `give_to_pool` registered.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        }
        0
    }
    let value = Box::into_raw(value);
    // SAFETY: the pool is live by contract; the cleanup frees what was just leaked.
    unsafe {
        ffi::apr_pool_cleanup_register(
            pool,
            value.cast(),
            Some(drop_it::<T>),
            Some(ffi::apr_pool_cleanup_null),
        );
    }
    value
}

/// Moves a value into a pool: it is dropped when the pool is cleared, unless this process
/// [`is_ending`], and costs no other memory.
///
/// # Safety
///
/// `pool` must be a live pool.
pub unsafe fn place_in_pool<T>(pool: *mut apr_pool_t, value: T) -> *mut T {
    unsafe extern "C" fn drop_it<T>(value: *mut c_void) -> ffi::apr_status_t {
        if !is_ending() {
            // SAFETY: the pool calls this once with the place `place_in_pool` has filled.
            unsafe { value.cast::<T>().drop_in_place() };
        }
        0
    }
    // APR aligns to eight bytes.
    const { assert!(align_of::<T>() <= 8) };
    // SAFETY: the pool is live by contract.
    let place = unsafe { ffi::apr_palloc(pool, size_of::<T>()) }.cast::<T>();
    // SAFETY: APR ends the process rather than return null; the place is as large as the value and
    // aligned for it.
    unsafe { place.write(value) };
    // SAFETY: the pool is live by contract; the cleanup drops what was just written.
    unsafe {
        ffi::apr_pool_cleanup_register(
            pool,
            place.cast(),
            Some(drop_it::<T>),
            Some(ffi::apr_pool_cleanup_null),
        );
    }
    place
}

/// Has `end` called before anything of a pool goes. The value itself is never freed: the process is
/// about to end, and in a prefork child that happens in a signal handler, which must not free.
///
/// # Safety
///
/// `pool` must be a live pool.
pub unsafe fn before_pool_ends<T: Sync + 'static>(pool: *mut apr_pool_t, value: T, end: fn(&T)) {
    struct Call<T>(T, fn(&T));
    unsafe extern "C" fn run<T>(call: *mut c_void) -> ffi::apr_status_t {
        // SAFETY: the pool passes the pointer registered below, which is never freed.
        let call = unsafe { &*call.cast::<Call<T>>() };
        call.1(&call.0);
        0
    }
    let call: &'static Call<T> = Box::leak(Box::new(Call(value, end)));
    let call = std::ptr::from_ref(call).cast_mut().cast::<c_void>();
    // SAFETY: the pool is live by contract.
    unsafe { ffi::apr_pool_pre_cleanup_register(pool, call, Some(run::<T>)) };
}
