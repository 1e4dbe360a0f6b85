//! Where a backend listens: a host and a port with the addresses of the host, or a Unix-domain socket.
//! Names are looked up in the parent and in the background, never by a request; one that cannot be
//! looked up is tried again.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::clock::{self, Millis};
use crate::net::address::{Kind, PeerAddress};
use crate::net::error::{NetError, Phase};
use crate::sorting;

/// Host and port of a backend with the addresses found so far, or its Unix-domain socket.
#[derive(Debug)]
pub struct Endpoint {
    /// As it is configured, without brackets.
    host: String,
    /// 0 for a Unix-domain socket.
    port: u16,
    prefer_ipv6: bool,
    /// Whether the host is its own address, so that there is nothing to look up.
    is_literal: bool,
    /// The address of a literal as the frozen formats write it; empty for a name.
    shown: String,
    known: Mutex<Arc<[PeerAddress]>>,
    /// No connection succeeded: the name may have moved.
    is_suspect: AtomicBool,
    /// The host is a new name that was not looked up yet: the addresses are those of the host before.
    is_new: AtomicBool,
    /// When a look-up first found that the name has no address, in monotonic milliseconds; 0 while it has.
    without_since: AtomicU64,
}

impl Endpoint {
    /// Names a backend; `host` is a name or an IP address, with or without brackets. Nothing is
    /// looked up yet.
    pub fn new(host: &str, port: u16, prefer_ipv6: bool) -> Self {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let literal = host.parse::<IpAddr>().ok();
        let literal: Arc<[PeerAddress]> =
            literal.iter().map(|own| PeerAddress::tcp(SocketAddr::new(*own, port))).collect();
        Self {
            host: host.to_owned(),
            port,
            prefer_ipv6,
            is_literal: !literal.is_empty(),
            // Written once: the status page asks for it with each view of each member.
            shown: literal.first().map(|_| format!("{host}:{port}")).unwrap_or_default(),
            known: Mutex::new(literal),
            is_suspect: AtomicBool::new(false),
            is_new: AtomicBool::new(false),
            without_since: AtomicU64::new(0),
        }
    }

    /// Names a backend by the absolute path of its Unix-domain socket; `host` is what the
    /// configuration calls it.
    pub fn unix(host: &str, path: &Path) -> Self {
        let own = Self::new("", 0, false);
        let known = Mutex::new([PeerAddress(Kind::Unix(path.into()))].into());
        Self { host: host.to_owned(), is_literal: true, shown: host.to_owned(), known, ..own }
    }

    /// Lets this backend take the place of `before`. A new name waits to be looked up in the
    /// background; until there is an answer its addresses are the ones of the backend before.
    #[must_use]
    pub fn replacing(self, before: &Self) -> Self {
        if self.is_literal {
            return self;
        }
        let known = Arc::clone(&before.known.lock());
        if self.host == before.host {
            let with_port = |own: &PeerAddress| match &own.0 {
                Kind::Tcp(own) => PeerAddress::tcp(SocketAddr::new(own.ip(), self.port)),
                Kind::Unix(_) => own.clone(),
            };
            *self.known.lock() = known.iter().map(with_port).collect();
            self.is_new.store(before.is_new.load(Relaxed), Relaxed);
            self.without_since.store(before.without_since.load(Relaxed), Relaxed);
        } else {
            *self.known.lock() = known;
            self.is_new.store(true, Relaxed);
        }
        self
    }

    /// Takes over what another look-up of the same name has found.
    pub fn adopt(&self, other: &Self) {
        let found = Arc::clone(&other.known.lock());
        if !self.is_literal && !found.is_empty() {
            *self.known.lock() = found;
            self.is_new.store(false, Relaxed);
            self.without_since.store(0, Relaxed);
        }
    }

    /// Tells whether the host is a new name that was not looked up yet.
    pub fn is_new(&self) -> bool {
        self.is_new.load(Relaxed)
    }

    /// Returns `host:port` for messages, or `unix:` and the path.
    pub fn name(&self) -> String {
        match self.host.contains(':') {
            true if self.is_unix() => self.host.clone(),
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// Returns the address that is tried first as the frozen formats write it: an address of IPv6 has
    /// no brackets.
    pub fn shown_address(&self) -> String {
        if self.is_literal {
            return self.shown.clone();
        }
        let known = self.known.lock();
        match known.first().map(|first| &first.0) {
            Some(Kind::Tcp(first)) => format!("{}:{}", first.ip(), self.port),
            Some(Kind::Unix(_)) => self.host.clone(),
            None => format!("UnresolvedIP:{}", self.port),
        }
    }

    fn is_unix(&self) -> bool {
        self.is_literal && self.known.lock().first().is_some_and(PeerAddress::is_unix)
    }

    /// Returns the addresses, in the order to try them.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`, if none has been found yet.
    pub fn addresses(&self) -> Result<Arc<[PeerAddress]>, NetError> {
        let known = Arc::clone(&self.known.lock());
        if known.is_empty() {
            let why = io::Error::other("no look-up has found one so far");
            return Err(NetError::new(Phase::Resolve, why));
        }
        Ok(known)
    }

    /// Returns since when the name is known to have no address; `None` while it has one.
    pub fn without_address_since(&self) -> Option<Millis> {
        Some(Millis(self.without_since.load(Relaxed))).filter(|since| since.0 != 0)
    }

    /// Books that `address` accepted a connection: it is tried first from now on.
    pub fn worked(&self, address: &PeerAddress) {
        self.is_suspect.store(false, Relaxed);
        let mut known = self.known.lock();
        if known.first() != Some(address)
            && let Some(place) = known.iter().position(|own| own == address)
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
        !self.is_literal
            && (self.is_suspect.load(Relaxed) || self.is_new() || self.known.lock().is_empty())
    }

    /// Looks the name up, which may take many seconds: never for a request, nor in the thread that
    /// everything in the background waits for. Returns whether the addresses are others than before.
    /// Without an answer what was known stays, unless it was known of another host.
    ///
    /// # Errors
    ///
    /// In phase `Resolve`.
    pub fn look_up(&self) -> Result<bool, NetError> {
        if self.is_literal {
            return Ok(false);
        }
        let found = (self.host.as_str(), self.port).to_socket_addrs().map_err(|error| {
            if self.is_new.swap(false, Relaxed) {
                *self.known.lock() = Arc::new([]);
            }
            if self.known.lock().is_empty() {
                let now = clock::now().0.max(1);
                let _ = self.without_since.compare_exchange(0, now, Relaxed, Relaxed);
            }
            NetError::new(Phase::Resolve, error)
        })?;
        let mut found: Vec<_> = found.collect();
        put_in_order(&mut found, self.prefer_ipv6);
        self.is_suspect.store(false, Relaxed);
        self.is_new.store(false, Relaxed);
        self.without_since.store(0, Relaxed);
        // Name servers like to change the order, which is no reason to close connections.
        let found: Vec<_> = found.into_iter().map(PeerAddress::tcp).collect();
        let sorted = |addresses: &[PeerAddress]| {
            let mut addresses = addresses.to_vec();
            sorting::by_key(&mut addresses, PeerAddress::clone);
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
    sorting::by_key(found, |address| prefer_ipv6 && address.is_ipv4());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_need_no_lookup() {
        for (host, name) in
            [("127.0.0.1", "127.0.0.1:8009"), ("::1", "[::1]:8009"), ("[::1]", "[::1]:8009")]
        {
            let target = Endpoint::new(host, 8009, false);
            assert_eq!(target.name(), name);
            assert!(!target.is_name() && !target.wants_look_up());
            assert_eq!(target.addresses().expect("a literal").len(), 1);
        }
    }

    #[test]
    fn an_unknown_name_is_no_reason_to_give_up() {
        let target = Endpoint::new("no-such-host.invalid", 8009, false);
        let error = target.addresses().expect_err("it was not looked up");
        assert_eq!(error.phase, Phase::Resolve);
        assert_eq!(target.look_up().expect_err("it has no address").phase, Phase::Resolve);
        assert!(target.wants_look_up(), "it is tried again");
    }

    #[test]
    fn a_name_is_looked_up_again_when_no_address_answers() {
        let target = Endpoint::new("localhost", 8009, false);
        assert!(target.wants_look_up());
        assert!(target.look_up().expect("it has addresses"), "new ones");
        assert!(!target.look_up().expect("it has addresses"), "the same");
        assert!(!target.wants_look_up());
        target.failed();
        assert!(target.wants_look_up());
    }

    #[test]
    fn a_new_host_has_the_old_addresses_until_it_was_looked_up() {
        let old = Endpoint::new("localhost", 8009, false);
        old.look_up().expect("it has addresses");
        let addresses = |target: &Endpoint| {
            let found = target.addresses()?;
            Ok::<Vec<_>, NetError>(found.iter().map(ToString::to_string).collect())
        };
        let replaced = |host: &str, port| Endpoint::new(host, port, false).replacing(&old);
        let before = addresses(&old).expect("of localhost");

        let port = replaced("localhost", 8010);
        assert!(!port.wants_look_up(), "the same name");
        assert!(addresses(&port).expect("of localhost").iter().all(|own| own.ends_with(":8010")));

        let literal = replaced("192.0.2.1", 8009);
        assert_eq!(addresses(&literal).expect("a literal"), ["192.0.2.1:8009"]);

        let next = replaced("no-such-host.invalid", 8009);
        assert!(next.is_new() && next.wants_look_up());
        assert_eq!(addresses(&next).expect("the old ones"), before);
        next.worked(&old.addresses().expect("of localhost")[0]);
        assert!(next.wants_look_up(), "an old address that works is no answer");
        next.look_up().expect_err("it has no address");
        assert!(!next.is_new() && addresses(&next).is_err(), "the old ones are not its own");

        let next = replaced("other.invalid", 8009);
        next.adopt(&port);
        assert!(!next.wants_look_up(), "another thread has looked it up");
    }

    #[test]
    fn ipv6_comes_first_where_it_is_preferred() {
        let [a, b, c] = ["192.0.2.1:1", "[2001:db8::3]:1", "192.0.2.2:1"]
            .map(|text| text.parse::<SocketAddr>().expect("an address"));
        for (prefer_ipv6, expected) in [(false, [a, b, c]), (true, [b, a, c])] {
            let mut found = [a, b, c];
            put_in_order(&mut found, prefer_ipv6);
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn the_address_that_worked_comes_first() {
        let target = Endpoint::new("some.name", 1, false);
        let [a, b, c] = ["192.0.2.1:1", "192.0.2.2:1", "[2001:db8::3]:1"]
            .map(|text| PeerAddress::tcp(text.parse().expect("an address")));
        *target.known.lock() = [&a, &b, &c].map(Clone::clone).into();
        for (worked, expected) in [(&a, [&a, &b, &c]), (&c, [&c, &a, &b]), (&a, [&a, &c, &b])] {
            target.worked(worked);
            let known = target.addresses().expect("three");
            assert_eq!(known.iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_unix_socket_is_an_endpoint_with_one_address() {
        let target = Endpoint::unix("unix:/run/a.sock", Path::new("/run/a.sock"));
        assert_eq!(target.name(), "unix:/run/a.sock");
        assert_eq!(target.shown_address(), "unix:/run/a.sock");
        assert!(!target.is_name() && !target.look_up().expect("nothing to look up"));
        target.failed();
        assert!(!target.wants_look_up(), "there is no name that could have moved");
        let known = target.addresses().expect("one");
        assert_eq!(known.iter().map(PeerAddress::host).collect::<Vec<_>>(), ["unix:/run/a.sock"]);

        // Both ways: until a name is looked up, the socket before it serves.
        let name = Endpoint::new("localhost", 8009, false).replacing(&target);
        assert!(name.is_new() && name.wants_look_up());
        assert_eq!(*name.addresses().expect("the socket"), *known);
        assert_eq!(name.name(), "localhost:8009");
        let back = Endpoint::unix("unix:/run/a.sock", Path::new("/run/a.sock")).replacing(&name);
        assert!(!back.is_new() && *back.addresses().expect("its own") == *known);
    }
}
