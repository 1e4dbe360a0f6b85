//! Where `ProxyPass` and `BalancerMember` send requests: the parts of such a URL.

/// A backend as mod_proxy names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BackendUrl {
    /// `ajp`, `http`, `balancer` and so on, in lower case.
    pub scheme: String,
    /// Host name or address without brackets, `unix:` and the path of a socket, or the balancer's name.
    pub host: String,
    /// The port, if one is given.
    pub port: Option<u16>,
    /// What follows: empty, or a path that begins with a slash.
    pub path: String,
}

impl BackendUrl {
    /// Reads one; `None` for what is no URL of a backend.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let (socket, url) = rest.split_once('|')?;
            let inner = Self::parse(url)?;
            return Some(Self { host: format!("unix:{socket}"), port: None, ..inner });
        }
        let (scheme, rest) = text.split_once("://")?;
        // A reference to a group of a regular expression may follow the port at once.
        let end = rest.find(['/', '$']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse().ok()?)),
            _ => (authority, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_fit = !host.is_empty() && !host.contains(['$', '%', ' ']);
        is_fit.then(|| Self {
            scheme: scheme.to_ascii_lowercase(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
        })
    }

    /// Tells whether it names a balancer.
    pub fn is_balancer(&self) -> bool {
        self.scheme == "balancer"
    }

    /// Tells whether two URLs mean the same backend.
    pub fn is_same_backend(&self, other: &Self) -> bool {
        self.scheme == other.scheme
            && self.host.eq_ignore_ascii_case(&other.host)
            && self.port_or_usual() == other.port_or_usual()
    }

    /// Returns the port that is connected to.
    pub fn port_or_usual(&self) -> u16 {
        let usual = match self.scheme.as_str() {
            "ajp" => 8009,
            "https" => 443,
            _ => 80,
        };
        self.port.unwrap_or(usual)
    }

    /// Returns a name for a worker that has none.
    pub fn worker_name(&self) -> String {
        match self.host.strip_prefix("unix:") {
            Some(path) => worker_name(path.rsplit('/').next().unwrap_or_default()),
            None => worker_name(&format!("{}-{}", self.host, self.port_or_usual())),
        }
    }
}

/// Returns a text as the name of a worker: letters, digits, `-` and `_`, and no word with a meaning of its own.
pub(super) fn worker_name(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    let name: String = text.chars().map(fit).take(50).collect();
    let name = name.trim_matches('-');
    match name {
        "" | "list" | "maintain" => format!("worker-{name}").trim_end_matches('-').to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_as_they_are_written() {
        let cases = [
            ("ajp://10.0.0.5:8010/app", Some(("ajp", "10.0.0.5", 8010, "/app"))),
            ("AJP://tomcat", Some(("ajp", "tomcat", 8009, ""))),
            ("ajp://[::1]:8009/", Some(("ajp", "::1", 8009, "/"))),
            ("http://u:p@h/x?y", Some(("http", "h", 80, "/x?y"))),
            ("ajp://h:8009$1", Some(("ajp", "h", 8009, "$1"))),
            ("balancer://shop/a", Some(("balancer", "shop", 80, "/a"))),
            ("unix:/run/a.sock|ajp://localhost/x", Some(("ajp", "unix:/run/a.sock", 8009, "/x"))),
            ("ajp://$1/", None),
            ("/local", None),
            ("ajp://h:x/", None),
            ("!", None),
        ];
        for (text, expected) in cases {
            let own = BackendUrl::parse(text);
            let shown = own.as_ref().map(|own| {
                (own.scheme.as_str(), own.host.as_str(), own.port_or_usual(), own.path.as_str())
            });
            assert_eq!(shown, expected, "{text}");
        }
        let url = |text| BackendUrl::parse(text).expect("a URL");
        assert!(url("ajp://H").is_same_backend(&url("ajp://h:8009/x")));
        assert!(!url("ajp://h").is_same_backend(&url("ajp://h:8010")));
        assert_eq!(url("ajp://10.0.0.5").worker_name(), "10-0-0-5-8009");
        assert_eq!(url("unix:/run/a.sock|ajp://x").worker_name(), "a-sock");
        assert_eq!(worker_name("list"), "worker-list");
    }
}
