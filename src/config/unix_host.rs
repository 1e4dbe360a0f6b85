//! Hosts that are a Unix-domain socket: `unix:` and an absolute path.

use std::path::PathBuf;

use crate::config::model::Ajp13Config;
use crate::text;

/// Returns the path, unless the host is a name or an address. It may still be one that
/// [`unix_path_fault`] finds fault with.
pub fn unix_path(host: &str) -> Option<&str> {
    host.strip_prefix(PREFIX)
}

/// Says why the path of a Unix-domain socket cannot be used, and what was expected.
pub fn unix_path_fault(path: &str) -> Option<String> {
    let bytes = text::raw(path);
    // check: a-unix-domain-socket-by-a-relative-path
    if bytes.first() != Some(&b'/') {
        Some("the path is not absolute, expected unix:/ and the rest of the path".to_owned())
        // check: a-unix-domain-socket-whose-path-is-too-long
    } else if bytes.len() > MAX_PATH {
        Some(format!(
            "the path has {} bytes, expected at most {MAX_PATH}: the system keeps no longer path of a socket; choose a shorter one here and in the connector's unixDomainSocketPath",
            bytes.len()
        ))
    } else if bytes.contains(&0) {
        Some("the path has a byte 0, expected a path of the file system".to_owned())
    } else {
        None
    }
}

impl Ajp13Config {
    /// Returns the path of the Unix-domain socket, if the backend listens on one.
    pub fn unix_path(&self) -> Option<PathBuf> {
        unix_path(&self.host).map(text::path)
    }

    /// Tells whether the backend listens on a Unix-domain socket.
    pub fn is_unix(&self) -> bool {
        unix_path(&self.host).is_some()
    }

    /// Returns the port that counts: 0 with a Unix-domain socket, whatever the property says. The
    /// property is kept for the time when the host is changed to a name or an address.
    pub fn port_in_use(&self) -> u16 {
        if self.is_unix() { 0 } else { self.port }
    }

    /// Tells whether the worker must not connect, as its port is 0.
    pub fn is_off(&self) -> bool {
        self.port == 0 && !self.is_unix()
    }
}

/// What marks a host as a path.
const PREFIX: &str = "unix:";

/// Longest path in bytes: `sun_path` of Linux has 108 with the end mark.
const MAX_PATH: usize = 107;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_absolute_paths_of_at_most_107_bytes_are_sockets() {
        assert_eq!(unix_path("localhost"), None);
        assert_eq!(unix_path("unix:/run/a.sock"), Some("/run/a.sock"));
        let long = |bytes: usize| format!("/{}", "x".repeat(bytes - 1));
        // Two bytes each, and one that is no UTF-8.
        let umlauts = format!("/{}{}", "ä".repeat(52), text::decode(b"\xe4\xe4"));
        assert_eq!(text::raw(&umlauts).len(), 107);
        for good in ["/", "/run/a b.sock", &long(107), &umlauts] {
            assert_eq!(unix_path_fault(good), None, "{good}");
        }
        let cases = [
            ("", "not absolute"),
            ("run/a.sock", "not absolute"),
            ("@abstract", "not absolute"),
            (&long(108), "has 108 bytes"),
            (&format!("{umlauts}x"), "has 108 bytes"),
            ("/a\0b", "byte 0"),
        ];
        for (bad, why) in cases {
            let fault = unix_path_fault(bad).unwrap_or_default();
            assert!(fault.contains(why), "{bad}: {fault}");
        }
    }

    #[test]
    fn a_worker_with_a_socket_is_never_off() {
        let worker = |host: &str, port| Ajp13Config {
            host: host.to_owned(),
            port,
            ..Ajp13Config::default()
        };
        let socket = worker("unix:/run/a.sock", 0);
        assert!(!socket.is_off() && worker("localhost", 0).is_off());
        let socket = worker("unix:/run/a.sock", 8009);
        assert_eq!((socket.port_in_use(), worker("localhost", 8009).port_in_use()), (0, 8009));
    }
}
