//! The addresses of one host name. A name that cannot be looked up is tried again later.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::error::{NetError, Phase};
use crate::clock::Millis;

/// Host and port of a container, with the addresses found so far.
#[derive(Debug)]
pub struct Target {
    host: String,
    port: u16,
    prefer_ipv6: bool,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    addresses: Arc<[SocketAddr]>,
    tried: Option<Millis>,
}

impl Target {
    /// Names a container; `host` is a name or an IP address, with or without brackets. Nothing is
    /// looked up yet.
    pub fn new(host: &str, port: u16, prefer_ipv6: bool) -> Self {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let mut known = Known::default();
        if let Ok(literal) = host.parse::<IpAddr>() {
            known.addresses = Arc::new([SocketAddr::new(literal, port)]);
        }
        Self { host: host.to_owned(), port, prefer_ipv6, known: Mutex::new(known) }
    }

    /// Returns `host:port` for messages.
    pub fn name(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Tells whether every address found is this machine itself.
    pub fn is_loopback(&self) -> bool {
        let known = self.known.lock();
        match known.addresses.is_empty() {
            true => self.host == "localhost",
            false => known.addresses.iter().all(|address| address.ip().is_loopback()),
        }
    }

    /// Returns the addresses, the preferred one first. The name is looked up if that has not
    /// succeeded yet, at most once a second.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`, if the name has no address.
    pub fn addresses(&self, now: Millis) -> Result<Arc<[SocketAddr]>, NetError> {
        let mut known = self.known.lock();
        if known.addresses.is_empty() {
            if known.tried.is_some_and(|tried| now.since(tried) < RETRY) {
                let text = format!("host name {} has no address", self.host);
                return Err(NetError::new(Phase::Resolve, io::Error::other(text)));
            }
            known.tried = Some(now);
            let found = (self.host.as_str(), self.port)
                .to_socket_addrs()
                .map_err(|error| NetError::new(Phase::Resolve, error))?;
            let mut found: Vec<_> = found.collect();
            if self.prefer_ipv6 {
                found.sort_by_key(|address| address.is_ipv4());
            }
            known.addresses = found.into();
        }
        Ok(Arc::clone(&known.addresses))
    }

    /// Looks the name up again; what was known stays if that fails.
    pub fn refresh(&self) {
        if self.host.parse::<IpAddr>().is_ok() {
            return;
        }
        // The lock is not held meanwhile: a slow name server must not stop requests.
        let Ok(found) = (self.host.as_str(), self.port).to_socket_addrs() else { return };
        let mut found: Vec<_> = found.collect();
        if self.prefer_ipv6 {
            found.sort_by_key(|address| address.is_ipv4());
        }
        if !found.is_empty() {
            self.known.lock().addresses = found.into();
        }
    }
}

/// Time between two attempts to look up a name that failed.
const RETRY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_5_literals_need_no_lookup() {
        for (host, name) in
            [("127.0.0.1", "127.0.0.1:8009"), ("::1", "[::1]:8009"), ("[::1]", "[::1]:8009")]
        {
            let target = Target::new(host, 8009, false);
            assert_eq!(target.name(), name);
            assert!(target.is_loopback());
            assert_eq!(target.addresses(Millis(0)).expect("a literal").len(), 1);
        }
    }

    #[test]
    fn s2_5_an_unknown_name_is_no_reason_to_give_up() {
        let target = Target::new("no-such-host.invalid", 8009, false);
        for now in [0, 10, 2000] {
            let error = target.addresses(Millis(now)).expect_err("it has no address");
            assert_eq!(error.phase, Phase::Resolve);
        }
    }
}
