//! The configuration of one server, on httpd's configuration pool.

use std::ffi::c_void;
use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::environment::Names;
use super::ffi::{self, apr_pool_t, server_rec};
use crate::config::ServerSettings;
use crate::log::Log;
use crate::worker::{Live, LiveMap, MountFiles};

/// What httpd's configuration vector points at for each server.
#[derive(Debug, Default)]
pub struct ServerConf {
    /// What the directives said.
    pub settings: ServerSettings,
    /// What became of it, filled at the end of the configuration.
    pub ready: OnceCell<Ready>,
}

/// A server ready to serve.
#[derive(Debug)]
pub struct Ready {
    /// Its rules.
    pub map: Arc<LiveMap>,
    /// The maps of all servers, with their files.
    pub mounts: Arc<MountFiles>,
    /// The workers, the same for all servers.
    pub workers: Arc<Live>,
    /// Its log.
    pub log: Arc<Log>,
    /// Settings with the main server's joined in.
    pub settings: ServerSettings,
    /// Whether anything in the configuration reads the notes about members.
    pub wants_notes: bool,
    /// Whether anything reads how long a request took.
    pub wants_duration: bool,
    /// Names of the variables of the environment that are read.
    pub names: Names,
    /// Status workers that everybody can see by way of this server.
    pub open_status: Vec<String>,
}

/// Makes the configuration of a server, with httpd's pool as owner.
///
/// # Safety
///
/// `pool` must be the pool httpd gives to this callback.
pub unsafe extern "C" fn mod_jk_create_server_config(
    pool: *mut apr_pool_t,
    _server: *mut server_rec,
) -> *mut c_void {
    // SAFETY: `pool` is httpd's configuration pool, by this function's own contract.
    unsafe { give_to_pool(pool, Box::<ServerConf>::default()) }.cast()
}

/// Joins the main server's configuration into that of a virtual host.
///
/// # Safety
///
/// `base` and `over` must come from [`mod_jk_create_server_config`].
pub unsafe extern "C" fn mod_jk_merge_server_config(
    pool: *mut apr_pool_t,
    base: *mut c_void,
    over: *mut c_void,
) -> *mut c_void {
    // SAFETY: both come from `create`, and httpd changes neither meanwhile.
    let base = unsafe { &*base.cast::<ServerConf>() };
    // SAFETY: as above.
    let over = unsafe { &*over.cast::<ServerConf>() };
    let settings = ServerSettings::merge(&base.settings, &over.settings);
    let merged = Box::new(ServerConf { settings, ready: OnceCell::new() });
    // SAFETY: `pool` is httpd's configuration pool.
    unsafe { give_to_pool(pool, merged) }.cast()
}

/// Lets a pool own a value: it is dropped when the pool is cleared.
///
/// # Safety
///
/// `pool` must be a live pool.
pub unsafe fn give_to_pool<T>(pool: *mut apr_pool_t, value: Box<T>) -> *mut T {
    unsafe extern "C" fn drop_it<T>(value: *mut c_void) -> ffi::apr_status_t {
        // SAFETY: the pool calls this once with the pointer `give_to_pool` registered.
        drop(unsafe { Box::from_raw(value.cast::<T>()) });
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

/// Moves a value into a pool: it is dropped when the pool is cleared, and costs no other memory.
///
/// # Safety
///
/// `pool` must be a live pool.
pub unsafe fn place_in_pool<T>(pool: *mut apr_pool_t, value: T) -> *mut T {
    unsafe extern "C" fn drop_it<T>(value: *mut c_void) -> ffi::apr_status_t {
        // SAFETY: the pool calls this once with the place `place_in_pool` has filled.
        unsafe { value.cast::<T>().drop_in_place() };
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

/// Returns the configuration of a server.
///
/// # Safety
///
/// `server` must be a server of httpd's that lives for `'s`.
pub unsafe fn of<'s>(server: *const server_rec) -> Option<&'s ServerConf> {
    // SAFETY: `server` is live by contract.
    let vector = unsafe { (*server).module_config };
    // SAFETY: the vector is that of a server.
    let place = unsafe { super::module::place_in(vector) };
    // SAFETY: httpd fills the vector.
    let conf = unsafe { *place };
    // SAFETY: what is stored there comes from `give_to_pool` and lives as long as the server.
    unsafe { conf.cast::<ServerConf>().as_ref() }
}

/// Returns the configuration of a server for changing it.
///
/// # Safety
///
/// As for [`of`], and nobody else may hold it: true while httpd reads its configuration.
pub unsafe fn of_mut<'s>(server: *mut server_rec) -> Option<&'s mut ServerConf> {
    // SAFETY: `server` is live by contract.
    let vector = unsafe { (*server).module_config };
    // SAFETY: as in `of`.
    let place = unsafe { super::module::place_in(vector) };
    // SAFETY: as in `of`.
    let conf = unsafe { *place };
    // SAFETY: as in `of`; unshared by contract.
    unsafe { conf.cast::<ServerConf>().as_mut() }
}
