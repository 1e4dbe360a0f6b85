//! Settings of all servers as the checks want them: with names and places.

use std::ptr;

use crate::config::directive_tree::{Directive, addresses_of, listens};
use crate::config::{Origin, ServerSettings};
use crate::httpd::c_strings::text;
use crate::httpd::ffi::server_rec;
use crate::httpd::servers;

/// Returns every server with its settings, the main server first.
///
/// # Safety
///
/// `main` must be httpd's list of servers, during configuration.
pub unsafe fn settings(main: *mut server_rec) -> Vec<(*mut server_rec, ServerSettings)> {
    let mut all: Vec<(*mut server_rec, ServerSettings)> = Vec::new();
    let mut shared = ptr::null();
    let mut next = main;
    while !next.is_null() {
        let place = next;
        // SAFETY: a server of httpd's list, by contract.
        let own = unsafe { &*place };
        next = own.next;
        // SAFETY: as above.
        let Some(conf) = (unsafe { servers::of(own) }) else { continue };
        // httpd lets hosts without own directives share the main server's.
        let mut settings = match all.first() {
            Some((_, main)) if ptr::eq(conf, shared) => {
                ServerSettings::merge(main, &ServerSettings::default())
            }
            _ => conf.settings.clone(),
        };
        if all.is_empty() {
            shared = conf;
        } else {
            // SAFETY: httpd's names are C strings or null.
            let name = unsafe { text(own.server_hostname) };
            // SAFETY: as above.
            let file = unsafe { text(own.defn_name) };
            // SAFETY: httpd's list of addresses, or null.
            let port = unsafe { own.addrs.as_ref() }.map_or(own.port, |first| first.host_port);
            settings.host = format!("{name}:{port}");
            settings.host_origin = Origin::new(&file, own.defn_line_number);
        }
        all.push((place, settings));
    }
    all
}

/// Adds the addresses, which stand in httpd's tree of directives as they were written.
pub fn find_addresses(servers: &mut [(*mut server_rec, ServerSettings)], tree: &[Directive]) {
    for (place, (_, settings)) in servers.iter_mut().enumerate() {
        let origin = &settings.host_origin;
        settings.addresses = match place {
            0 => listens(tree),
            _ => addresses_of(tree, &origin.file, origin.line),
        };
    }
}
