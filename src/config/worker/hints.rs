//! Values that are valid and probably not meant.

use std::time::Duration;

use super::Resolver;
use crate::config::error::Diagnostic;
use crate::config::kinds::{Ajp13Config, LbConfig, WorkerKind, WorkersConfig};
use crate::config::registry::{Kind, PROPERTIES};
use crate::lb::Activation;

impl Resolver<'_> {
    /// Looks at the settings of one ajp13 worker.
    pub(super) fn check_ajp13(&mut self, name: &str, config: &Ajp13Config) {
        self.check_units(name);
        self.check_host(name, &config.host);
        if let Some(line) = self.find(name, "ping_mode") {
            let is_letter = |c: char| "CPIA".contains(c.to_ascii_uppercase());
            if let Some(odd) = line.value.chars().find(|c| !is_letter(*c)) {
                let text =
                    format!("{}: \"{odd}\" has no meaning, expected letters of CPIA", line.name);
                self.warn(line, text);
            }
            if self.integer(name, "ping_timeout") <= 0 {
                let text = format!("{} has no effect, as ping_timeout is 0", line.name);
                self.warn(line, text);
            }
        }
        if let Some(line) = self.find(name, "connection_pool_size") {
            match config.connection_pool_size {
                None => {
                    let text = format!(
                        "{}: {} would leave no connection and counts as no limit, expected at least 1",
                        line.name, line.value
                    );
                    self.warn(line, text);
                }
                Some(size) if config.connection_pool_minsize > size => {
                    let text = format!(
                        "{}: {size} is less than connection_pool_minsize, {}",
                        line.name, config.connection_pool_minsize
                    );
                    self.warn(line, text);
                }
                Some(_) => {}
            }
        }
        if let (Some(line), Some(size)) = (self.find(name, "socket_buffer"), config.socket_buffer)
            && size < config.max_packet_size
        {
            let text = format!(
                "{}: {size} is less than a packet and counts as {}",
                line.name, config.max_packet_size
            );
            self.warn(line, text);
        }
        if let Some(line) = self.find(name, "recovery_options") {
            match config.recovery_options {
                Some(options) if options < 32 => {
                    // Bit 1 keeps what a container may have executed from being sent again.
                    if options & 1 == 0 {
                        let text = format!(
                            "{}: {options} allows sending a POST to a second container that a first one may have executed; add 1, or leave it out",
                            line.name
                        );
                        self.problems.push(Diagnostic::notice(&line.origin, text));
                    }
                }
                _ => {
                    let text = format!(
                        "{}: unknown bits in {}, expected a sum of 1, 2, 4, 8 and 16",
                        line.name, line.value
                    );
                    self.warn(line, text);
                }
            }
        }
    }

    fn check_host(&mut self, name: &str, host: &str) {
        let origin = self.place(name, "host");
        let is_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
        if host.contains("://") || host.contains('/') {
            let text = format!(
                "worker.{name}.host: \"{host}\" looks like a URL, expected a name or address"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
        } else if let (Some((bare, port)), false) = (host.rsplit_once(':'), is_v6) {
            let text = format!(
                "worker.{name}.host: \"{host}\" holds a port, expected worker.{name}.host={bare} and worker.{name}.port={port}"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
        }
    }

    /// Times whose size speaks for the other unit.
    fn check_units(&mut self, name: &str) {
        for row in PROPERTIES {
            let Some(line) = self.find(name, row.name) else { continue };
            let Ok(value) = line.value.parse::<u64>() else { continue };
            let meant_seconds = matches!(
                row.name,
                "connect_timeout"
                    | "ping_timeout"
                    | "prepost_timeout"
                    | "reply_timeout"
                    | "socket_connect_timeout"
            );
            match row.kind {
                Kind::Millis if meant_seconds && (1..100).contains(&value) => {
                    let text = format!(
                        "{}: {value} is {value} milliseconds; for seconds write {value}000",
                        line.name
                    );
                    self.warn(line, text);
                }
                Kind::Seconds if value >= 10_000 && value % 1000 == 0 => {
                    let text = format!(
                        "{}: {value} is {}; for milliseconds write {}",
                        line.name,
                        in_words(value),
                        value / 1000
                    );
                    self.warn(line, text);
                }
                _ => {}
            }
        }
    }

    /// Looks at the settings of a balancer and its members.
    pub(super) fn check_lb(&mut self, name: &str, lb: &LbConfig) {
        self.check_units(name);
        let at = |resolver: &Self, attribute| resolver.place(name, attribute);
        if lb.sticky_session_force && !lb.sticky_session {
            let text = format!(
                "worker.{name}.sticky_session_force has no effect, as sticky_session is off"
            );
            self.problems.push(Diagnostic::warning(&at(self, "sticky_session_force"), text));
        }
        if lb.set_session_cookie && lb.session_cookie == "JSESSIONID" {
            let text = format!(
                "worker.{name}.set_session_cookie would replace JSESSIONID, the container's own cookie, expected another name in worker.{name}.session_cookie"
            );
            self.problems.push(Diagnostic::warning(&at(self, "set_session_cookie"), text));
        }
        if !lb.session_path.starts_with(';') {
            let text = format!(
                "worker.{name}.session_path: \"{0}\" is found in no path, expected \";{0}\"",
                lb.session_path
            );
            self.problems.push(Diagnostic::warning(&at(self, "session_path"), text));
        }
        if let Some(odd) =
            lb.session_cookie.chars().find(|c| c.is_whitespace() || "=;,\"".contains(*c))
        {
            let text = format!(
                "worker.{name}.session_cookie: no cookie has a {odd:?} in its name: \"{}\"",
                lb.session_cookie
            );
            self.problems.push(Diagnostic::warning(&at(self, "session_cookie"), text));
        }
        let is_idle =
            |member: &crate::config::MemberConfig| member.activation != Activation::Active;
        if !lb.members.is_empty() && lb.members.iter().all(is_idle) {
            let text = format!(
                "worker.{name}.balance_workers: no member is active, so new sessions are answered 503"
            );
            self.problems.push(Diagnostic::notice(&at(self, "balance_workers"), text));
        }
        for member in &lb.members {
            let own = &member.worker;
            let routes = || lb.members.iter().map(|other| other.route.as_str());
            if !member.redirect.is_empty() && routes().all(|route| route != member.redirect) {
                let list = routes().collect::<Vec<_>>().join(", ");
                let text = format!(
                    "worker.{own}.redirect: no member of {name} has the route \"{}\", expected one of {list}",
                    member.redirect
                );
                self.problems.push(Diagnostic::warning(&self.place(own, "redirect"), text));
            }
            if self.find(own, "domain").is_some() && member.domain.contains('.') {
                let text = format!(
                    "worker.{own}.domain: \"{}\" is found in no session id, expected a domain without a dot",
                    member.domain
                );
                self.problems.push(Diagnostic::warning(&self.place(own, "domain"), text));
            }
            if let Some(odd) =
                member.route.chars().find(|c| c.is_whitespace() || ";,/?#\"".contains(*c))
            {
                let text = format!(
                    "worker.{own}.route: {odd:?} ends a session id, so the route \"{}\" is never found",
                    member.route
                );
                self.problems.push(Diagnostic::warning(&self.place(own, "route"), text));
            }
        }
    }

    /// Looks at what workers have to do with each other.
    pub(super) fn check_together(&mut self, config: &WorkersConfig) {
        for worker in config.workers.values() {
            let name = &worker.name;
            match &worker.kind {
                WorkerKind::Ajp13(ajp) if ajp.secret.is_none() && !is_loopback(&ajp.host) => {
                    let text = format!(
                        "worker.{name}.secret is not set and {} is another machine: whoever reaches the connector can send requests in any user's name; set it, and secret at the connector",
                        ajp.host
                    );
                    self.problems.push(Diagnostic::notice(&self.place(name, "host"), text));
                }
                WorkerKind::Ajp13(_) | WorkerKind::Status(_) => {}
                WorkerKind::Lb(lb) => self.check_addresses(name, lb, config),
            }
        }
    }

    /// Two members at one address are one container that counts twice.
    fn check_addresses(&mut self, name: &str, lb: &LbConfig, config: &WorkersConfig) {
        let mut seen: Vec<(&str, u16, &str)> = Vec::new();
        for member in &lb.members {
            let Some(worker) = config.workers.get(&member.worker) else { continue };
            let WorkerKind::Ajp13(ajp) = &worker.kind else { continue };
            let twin = seen.iter().find(|(host, port, _)| *host == ajp.host && *port == ajp.port);
            if let (Some((host, port, other)), true) = (twin, ajp.port != 0) {
                let own = &member.worker;
                let text = format!(
                    "worker.{name}.balance_workers: {other} and {own} are both at {host}:{port}"
                );
                let origin = match self.find(own, "port") {
                    Some(line) => line.origin.clone(),
                    None => self.origin(own),
                };
                self.problems.push(Diagnostic::notice(&origin, text));
            }
            seen.push((&ajp.host, ajp.port, &member.worker));
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let is_loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || host.eq_ignore_ascii_case("localhost") || host.starts_with("localhost.")
}

fn in_words(seconds: u64) -> String {
    let time = Duration::from_secs(seconds).as_secs();
    match (time / 86_400, time / 3600 % 24) {
        (0, hours) => format!("{hours} h {} min", time / 60 % 60),
        (days, hours) => format!("{days} days {hours} h"),
    }
}
