//! Which addresses a server listens on, and whether its virtual hosts leave any to it.

use crate::config::server::ServerSettings;

impl ServerSettings {
    /// Tells of the main server whether virtual hosts take every request, as far as addresses are
    /// known.
    pub fn serves_nothing<'h>(&self, hosts: impl Iterator<Item = &'h Self> + Clone) -> bool {
        let taken: Vec<_> =
            hosts.flat_map(|host| &host.addresses).map(|own| address(own)).collect();
        let covers = |(name, port): &(&str, &str), listen: &(&str, &str)| {
            (*name == "*" || *name == listen.0) && (*port == "*" || *port == listen.1)
        };
        let listens = || self.addresses.iter().map(|own| address(own));
        listens().next().is_some()
            && listens().all(|listen| taken.iter().any(|own| covers(own, &listen)))
    }
}

/// Splits an address of `Listen` or `VirtualHost` into name and port, each `*` for any.
fn address(text: &str) -> (&str, &str) {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, port),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => ("*", text),
        _ => (text, "*"),
    };
    let is_any = matches!(name, "" | "*" | "_default_" | "0.0.0.0" | "[::]");
    (if is_any { "*" } else { name }, port)
}
