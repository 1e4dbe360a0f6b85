//! The servers of httpd and what its configuration vectors have of ours.

use std::ptr;

use crate::httpd::conf_vector::place_in;
use crate::httpd::ffi::server_rec;
use crate::httpd::server::ServerConf;

/// Returns the configuration of a server.
///
/// # Safety
///
/// `server` must be a server of httpd's that lives for `'s`.
pub unsafe fn of<'s>(server: *const server_rec) -> Option<&'s ServerConf> {
    // SAFETY: `server` is live by contract.
    let vector = unsafe { (*server).module_config };
    // SAFETY: the vector is that of a server.
    let place = unsafe { place_in(vector) };
    // SAFETY: httpd fills the vector.
    let conf = unsafe { *place };
    // SAFETY: what is stored there comes from `give_to_pool` and lives as long as the server.
    unsafe { conf.cast::<ServerConf>().as_ref() }
}

/// Returns the configuration of a server for changing it.
///
/// # Safety
///
/// As for [`of`], and there may be no other reference: true while httpd reads its configuration.
pub unsafe fn of_mut<'s>(server: *mut server_rec) -> Option<&'s mut ServerConf> {
    // SAFETY: `server` is live by contract.
    let vector = unsafe { (*server).module_config };
    // SAFETY: as in `of`.
    let place = unsafe { place_in(vector) };
    // SAFETY: as in `of`.
    let conf = unsafe { *place };
    // SAFETY: as in `of`; unshared by contract.
    unsafe { conf.cast::<ServerConf>().as_mut() }
}

/// Iterates over httpd's servers.
///
/// # Safety
///
/// `main` must be httpd's list of servers, which stays as it is for `'s`.
pub unsafe fn all<'s>(
    main: *mut server_rec,
) -> impl Iterator<Item = (*mut server_rec, &'s ServerConf)> {
    let mut next = main;
    let mut seen: *const ServerConf = ptr::null();
    std::iter::from_fn(move || {
        while !next.is_null() {
            let own = next;
            // SAFETY: a server of the list, by contract.
            next = unsafe { (*own).next };
            // SAFETY: as above.
            if let Some(conf) = unsafe { of(own) }
                && !ptr::eq(conf, seen)
            {
                seen = if seen.is_null() { conf } else { seen };
                return Some((own, conf));
            }
        }
        None
    })
}
