//! The addresses of one host. Names are looked up in the parent and in the background, never by a
//! request; one that cannot be looked up is tried again.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

use super::error::{NetError, Phase};

/// Host and port of a container, with the addresses found so far.
#[derive(Debug)]
pub struct Target {
    host: String,
    port: u16,
    prefer_ipv6: bool,
    is_literal: bool,
    known: Mutex<Arc<[SocketAddr]>>,
    /// Nobody could connect: the name may have moved.
    is_suspect: AtomicBool,
}

impl Target {
    /// Names a container; `host` is a name or an IP address, with or without brackets. Nothing is
    /// looked up yet.
    pub fn new(host: &str, port: u16, prefer_ipv6: bool) -> Self {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let literal: Arc<[SocketAddr]> =
            host.parse::<IpAddr>().iter().map(|own| SocketAddr::new(*own, port)).collect();
        Self {
            host: host.to_owned(),
            port,
            prefer_ipv6,
            is_literal: !literal.is_empty(),
            known: Mutex::new(literal),
            is_suspect: AtomicBool::new(false),
        }
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
        match known.is_empty() {
            true => self.host == "localhost",
            false => known.iter().all(|address| address.ip().is_loopback()),
        }
    }

    /// Returns the addresses, in the order to try them.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`, if none has been found yet.
    pub fn addresses(&self) -> Result<Arc<[SocketAddr]>, NetError> {
        let known = Arc::clone(&self.known.lock());
        if known.is_empty() {
            let text = format!("host name {} has no address", self.host);
            return Err(NetError::new(Phase::Resolve, io::Error::other(text)));
        }
        Ok(known)
    }

    /// Books that `address` accepted a connection: it is tried first from now on.
    pub fn worked(&self, address: SocketAddr) {
        self.is_suspect.store(false, Relaxed);
        let mut known = self.known.lock();
        if known.first() != Some(&address)
            && let Some(place) = known.iter().position(|own| *own == address)
        {
            let mut order = known.to_vec();
            order[..=place].rotate_right(1);
            *known = order.into();
        }
    }

    /// Books that no address accepted a connection.
    pub fn failed(&self) {
        self.is_suspect.store(true, Relaxed);
    }

    /// Tells whether the host is a name, whose addresses may change.
    pub fn is_name(&self) -> bool {
        !self.is_literal
    }

    /// Tells whether the name should be looked up soon: it has no address, or none that works.
    pub fn wants_look_up(&self) -> bool {
        !self.is_literal && (self.is_suspect.load(Relaxed) || self.known.lock().is_empty())
    }

    /// Looks the name up, which may take many seconds. Returns whether the addresses are others
    /// than before; what was known stays if there is no answer.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`.
    pub fn look_up(&self) -> Result<bool, NetError> {
        if self.is_literal {
            return Ok(false);
        }
        let found = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|error| NetError::new(Phase::Resolve, error))?;
        let mut found: Vec<_> = found.collect();
        put_in_order(&mut found, self.prefer_ipv6);
        self.is_suspect.store(false, Relaxed);
        // Name servers like to change the order, which is no reason to close connections.
        let sorted = |addresses: &[SocketAddr]| {
            let mut addresses = addresses.to_vec();
            addresses.sort();
            addresses
        };
        let mut known = self.known.lock();
        let is_new = !found.is_empty() && sorted(&found) != sorted(&known);
        if is_new {
            *known = found.into();
        }
        Ok(is_new)
    }
}

/// Puts the addresses that are preferred first, and leaves the name server's order alone otherwise.
fn put_in_order(found: &mut [SocketAddr], prefer_ipv6: bool) {
    found.sort_by_key(|address| prefer_ipv6 && address.is_ipv4());
}

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
            assert!(target.is_loopback() && !target.is_name() && !target.wants_look_up());
            assert_eq!(target.addresses().expect("a literal").len(), 1);
        }
    }

    #[test]
    fn s2_5_an_unknown_name_is_no_reason_to_give_up() {
        let target = Target::new("no-such-host.invalid", 8009, false);
        let error = target.addresses().expect_err("it was not looked up");
        assert_eq!(error.phase, Phase::Resolve);
        assert_eq!(target.look_up().expect_err("it has no address").phase, Phase::Resolve);
        assert!(target.wants_look_up(), "it is tried again");
    }

    #[test]
    fn s2_5_a_name_is_looked_up_again_when_nobody_answers() {
        let target = Target::new("localhost", 8009, false);
        assert!(target.wants_look_up());
        assert!(target.look_up().expect("it has addresses"), "new ones");
        assert!(!target.look_up().expect("it has addresses"), "the same");
        assert!(!target.wants_look_up());
        target.failed();
        assert!(target.wants_look_up());
    }

    #[test]
    fn s2_5_ipv6_comes_first_where_it_is_preferred() {
        let [a, b, c] = ["192.0.2.1:1", "[2001:db8::3]:1", "192.0.2.2:1"]
            .map(|text| text.parse::<SocketAddr>().expect("an address"));
        for (prefer_ipv6, expected) in [(false, [a, b, c]), (true, [b, a, c])] {
            let mut found = [a, b, c];
            put_in_order(&mut found, prefer_ipv6);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn s2_5_the_address_that_worked_comes_first() {
        let target = Target::new("some.name", 1, false);
        let [a, b, c] = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::3]:1"]
            .map(|text| text.parse::<SocketAddr>().expect("an address"));
        *target.known.lock() = Arc::new([a, b, c]);
        for (worked, expected) in [(a, [a, b, c]), (c, [c, a, b]), (a, [a, c, b])] {
            target.worked(worked);
            assert_eq!(*target.addresses().expect("three"), expected);
        }
    }
}
