//! Values that are valid and probably not meant.

pub(in crate::config) mod meant;
mod scope;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::config::error::Diagnostic;
use crate::config::model::{Ajp13Config, LbConfig, MemberConfig, WorkerKind, WorkersConfig};
use crate::config::rows::{PROPERTIES, ValueKind};
use crate::config::unix_host::unix_path;
use crate::config::worker::lints::meant::{is_odd, is_odd_name};
use crate::config::worker::resolver::Resolver;
use crate::lb::Activation;
use crate::lb::adaptive_limit::LEAST;

impl Resolver<'_> {
    /// Looks at the settings of one ajp13 worker.
    pub(super) fn check_ajp13(&mut self, name: &str, config: &Ajp13Config) {
        self.check_units(name);
        self.check_host(name, &config.host);
        if let Some(line) = self.find(name, "ping_mode") {
            let is_letter = |c: char| "CPIA".contains(c.to_ascii_uppercase());
            // check: unknown-ping-mode
            if let Some(odd) = line.value.chars().find(|c| !is_letter(*c) && !is_odd(line)) {
                let text =
                    format!("{}: \"{odd}\" has no meaning, expected letters of CPIA", line.name);
                self.warn(line, text);
            }
            // check: ping-mode-without-a-wait
            if self.integer(name, "ping_timeout") <= 0 {
                let text = format!("{} has no effect, as ping_timeout is 0", line.name);
                self.warn(line, text);
            }
        }
        // check: queue-at-a-worker-that-is-never-full
        if config.queue_size > 0
            && !config.is_limited()
            && let Some(line) = self.find(name, "queue_size")
        {
            let text = format!(
                "{} has no effect, as the worker has no busy_limit; expected one, a little below Tomcat's maxThreads",
                line.name
            );
            self.warn(line, text);
        }
        // check: queue-of-a-worker-without-its-timeout
        if config.queue_size > 0 && config.is_limited() {
            self.check_queue_timeout(name, &[name]);
        }
        // check: adaptive-limit-without-room
        if config.is_adaptive
            && let Some(most @ ..=LEAST) = config.busy_limit.get()
            && let Some(line) = self.find(name, "concurrency")
        {
            let text = format!(
                "{} has no effect, as busy_limit allows {most} and an adaptive limit is at least {LEAST}; expected a higher busy_limit, or none",
                line.name
            );
            self.warn(line, text);
        }
        if let Some(line) = self.find(name, "connection_pool_size") {
            match config.connection_pool_size {
                // check: pool-of-no-connection
                None => {
                    let text = format!(
                        "{}: {} would leave no connection and counts as no limit, expected at least 1",
                        line.name, line.value
                    );
                    self.warn(line, text);
                }
                // check: pool-smaller-than-its-minimum
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
        // check: small-socket-buffer
        if let (Some(line), Some(size)) =
            (self.find(name, "socket_buffer"), config.socket_buffer.get())
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
                // check: unknown-recovery-options
                Some(options) if options < 32 => {
                    // Bit 1 keeps what a backend may have executed from being sent again.
                    // check: recovery-options-that-send-a-post-twice
                    if options & 1 == 0 {
                        let text = format!(
                            "{}: {options} allows sending a POST to a second backend after a first one may have executed it; add 1, or leave it out",
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
        if self.find(name, "host").is_some_and(is_odd) {
            return;
        }
        if let Some(wrong) = wrong_host(name, host) {
            let text = format!("worker.{name}.host: \"{host}\" {wrong}");
            self.problems.push(Diagnostic::warning(&self.place(name, "host"), text));
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
                // check: seconds-where-milliseconds-are-meant
                ValueKind::Millis if meant_seconds && (1..100).contains(&value) => {
                    let text = format!(
                        "{}: {value} is {value} milliseconds; for seconds write {value}000",
                        line.name
                    );
                    self.warn(line, text);
                }
                // check: milliseconds-where-seconds-are-meant
                ValueKind::Seconds if value >= 10_000 && value % 1000 == 0 => {
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

    /// Looks whether a queue is meant to keep requests as shortly as it does: its time is that of the wait
    /// for a connection of one of `workers`, if it has none of its own.
    fn check_queue_timeout(&mut self, name: &str, workers: &[&str]) {
        let has_own = self.given(name, "queue_timeout").is_some_and(|time| time > 0);
        let of_pool = |worker: &&str| self.find(worker, "connection_acquire_timeout").is_some();
        if !has_own && !workers.iter().any(of_pool) {
            let text = format!(
                "worker.{name}.queue_size: requests wait no longer than retries * retry_interval, which is 200 ms by default, as queue_timeout is unset; expected a queue_timeout, for example 10000"
            );
            let at = self.place(name, "queue_size");
            self.problems.push(Diagnostic::notice(&at, text));
        }
    }

    /// Looks at the settings of a balancer and its members.
    pub(super) fn check_lb(&mut self, name: &str, lb: &LbConfig) {
        // check: milliseconds-at-a-balancer
        self.check_units(name);
        let at = |resolver: &Self, attribute| resolver.place(name, attribute);
        // check: forced-without-being-sticky
        if lb.sticky_session_force && !lb.sticky_session {
            let text = format!(
                "worker.{name}.sticky_session_force has no effect, as sticky_session is off"
            );
            self.problems.push(Diagnostic::warning(&at(self, "sticky_session_force"), text));
        }
        // check: queue-at-a-balancer-that-is-never-full
        let limit = |own: &Arc<MemberConfig>| {
            let concurrency = self.find(&own.worker, "concurrency");
            self.find(&own.worker, "busy_limit").is_some()
                || concurrency.is_some_and(|line| line.value.eq_ignore_ascii_case("adaptive"))
        };
        let is_limited = lb.members.iter().any(limit);
        if lb.queue_size > 0 && !is_limited {
            let text = format!(
                "worker.{name}.queue_size has no effect, as no member has a busy_limit; expected one at each member, a little below its Tomcat's maxThreads"
            );
            self.problems.push(Diagnostic::warning(&at(self, "queue_size"), text));
        }
        // check: queue-of-a-balancer-without-its-timeout
        if lb.queue_size > 0 && is_limited {
            let members: Vec<_> = lb.members.iter().map(|own| own.worker.as_str()).collect();
            self.check_queue_timeout(name, &members);
        }
        // check: the-own-cookie-of-the-backend
        if lb.set_session_cookie && lb.session_cookie == "JSESSIONID" {
            let text = format!(
                "worker.{name}.set_session_cookie would replace JSESSIONID, the backend's own cookie, expected another name in worker.{name}.session_cookie"
            );
            self.problems.push(Diagnostic::warning(&at(self, "set_session_cookie"), text));
        }
        // check: session-path-without-its-semicolon
        if !lb.session_path.starts_with(';') {
            let text = format!(
                "worker.{name}.session_path: \"{0}\" is found in no path, expected \";{0}\"",
                lb.session_path
            );
            self.problems.push(Diagnostic::warning(&at(self, "session_path"), text));
        }
        let is_known = !self.find(name, "session_cookie").is_some_and(is_odd);
        // check: name-that-no-cookie-has
        if let Some(odd) = lb
            .session_cookie
            .chars()
            .find(|c| is_known && (c.is_whitespace() || "=;,\"".contains(*c)))
        {
            let text = format!(
                "worker.{name}.session_cookie: no cookie has a {odd:?} in its name: \"{}\"",
                lb.session_cookie
            );
            self.problems.push(Diagnostic::warning(&at(self, "session_cookie"), text));
        }
        let is_idle =
            |member: &Arc<crate::config::MemberConfig>| member.activation != Activation::Active;
        // check: no-active-member
        if !lb.members.is_empty() && lb.members.iter().all(is_idle) {
            let text = format!(
                "worker.{name}.balance_workers: no member is active, so new sessions are answered 503"
            );
            self.problems.push(Diagnostic::notice(&at(self, "balance_workers"), text));
        }
        for member in lb.members.iter().filter(|member| !is_odd_name(&member.worker)) {
            let own = &member.worker;
            let routes = || lb.members.iter().map(|other| other.route.as_str());
            let is_known = |attribute| !self.find(own, attribute).is_some_and(is_odd);
            let (has_redirect, has_route) = (is_known("redirect"), is_known("route"));
            // check: redirect-to-no-member
            if has_redirect
                && !member.redirect.is_empty()
                && routes().all(|route| route != member.redirect)
            {
                let list = routes().collect::<Vec<_>>().join(", ");
                let text = format!(
                    "worker.{own}.redirect: no member of {name} has the route \"{}\", expected one of {list}",
                    member.redirect
                );
                self.problems.push(Diagnostic::warning(&self.place(own, "redirect"), text));
            }
            // check: domain-with-a-dot
            if self.find(own, "domain").is_some() && member.domain.contains('.') {
                let text = format!(
                    "worker.{own}.domain: \"{}\" is found in no session id, expected a domain without a dot",
                    member.domain
                );
                self.problems.push(Diagnostic::warning(&self.place(own, "domain"), text));
            }
            // check: route-that-no-session-id-holds
            if let Some(odd) =
                member.route.chars().find(|c| c.is_whitespace() || ";,/?#\"".contains(*c))
                && has_route
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
            let is_odd_line = self.find(name, "host").is_some_and(is_odd);
            match &worker.kind {
                // check: one-mistake-in-a-host-is-one-line
                WorkerKind::Ajp13(ajp)
                    // check: no-secret-for-another-machine
                    if ajp.secret.is_none()
                        && !is_odd_line
                        && wrong_host(name, &ajp.host).is_none()
                        && !is_own(&ajp.host) =>
                {
                    let text = format!(
                        "worker.{name}.secret is not set and {} is another machine: any client that reaches the connector can send requests in the name of any user; set it, and the connector's secret",
                        ajp.host
                    );
                    self.problems.push(Diagnostic::notice(&self.place(name, "host"), text));
                }
                WorkerKind::Ajp13(_) | WorkerKind::Status(_) => {}
                WorkerKind::Lb(lb) => self.check_addresses(name, lb, config),
            }
        }
    }

    /// Two members at one address are one backend that counts twice.
    fn check_addresses(&mut self, name: &str, lb: &LbConfig, config: &WorkersConfig) {
        let mut seen: HashMap<(&str, u16), &str> = HashMap::new();
        for member in lb.members.iter().filter(|member| !is_odd_name(&member.worker)) {
            let Some(worker) = config.workers.get(&member.worker) else { continue };
            let WorkerKind::Ajp13(ajp) = &worker.kind else { continue };
            let port = ajp.port_in_use();
            let host = ajp.host.as_str();
            let twin = seen.get(&(host, port));
            // check: two-members-at-one-address
            // check: two-members-at-one-unix-domain-socket
            if let (Some(other), false) = (twin, ajp.is_off()) {
                let own = &member.worker;
                let (place, attribute) = match port {
                    0 => (host.to_owned(), "host"),
                    port => (format!("{host}:{port}"), "port"),
                };
                let text =
                    format!("worker.{name}.balance_workers: {other} and {own} are both at {place}");
                let origin = match self.find(own, attribute) {
                    Some(line) => line.origin.clone(),
                    None => self.origin(own),
                };
                self.problems.push(Diagnostic::notice(&origin, text));
            }
            seen.entry((host, port)).or_insert(&member.worker);
        }
    }
}

/// Says what is wrong with the host of a worker and what was probably meant.
fn wrong_host(name: &str, host: &str) -> Option<String> {
    let is_v6 = |text: &str| text.parse::<Ipv6Addr>().is_ok();
    // As in a URL, where an address of IPv6 has brackets.
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let with_port = |bare: &str, port: &str| {
        format!("holds a port, expected worker.{name}.host={bare} and worker.{name}.port={port}")
    };
    if unix_path(host).is_some() {
        return None;
    }
    // check: a-path-for-a-host
    if host.starts_with('/') {
        return Some(format!(
            "is a path, expected a name or address, or for a Unix-domain socket worker.{name}.host=unix:{host}"
        ));
    }
    // check: url-as-host
    if host.contains('/') {
        return Some("looks like a URL, expected a name or address".to_owned());
    }
    match (bracketed, host.rsplit_once(':')) {
        // check: brackets-of-a-url-around-an-address
        (Some((bare, "")), _) if is_v6(bare) => {
            Some(format!("has the brackets of a URL, expected worker.{name}.host={bare}"))
        }
        // check: brackets-of-a-url-around-an-address-with-a-port
        (Some((bare, behind)), _) if is_v6(bare) && behind.starts_with(':') => {
            Some(with_port(bare, &behind[1..]))
        }
        // check: port-inside-the-host
        (_, Some((bare, port))) if !is_v6(host) => Some(with_port(bare, port)),
        _ => None,
    }
}

/// Tells whether a host is this machine without looking it up. 0.0.0.0 is so for who connects.
fn is_own(host: &str) -> bool {
    let is_local = |address: IpAddr| address.is_loopback() || address.is_unspecified();
    unix_path(host).is_some()
        || host.parse::<IpAddr>().is_ok_and(|address| is_local(address.to_canonical()))
        || host.to_ascii_lowercase().starts_with("localhost.")
        || OWN_NAMES.iter().any(|own| host.eq_ignore_ascii_case(own))
}

/// Names for loopback that systems have in their hosts file.
const OWN_NAMES: &[&str] = &["localhost", "localhost6", "ip6-localhost", "ip6-loopback"];

fn in_words(seconds: u64) -> String {
    let time = Duration::from_secs(seconds).as_secs();
    match (time / 86_400, time / 3600 % 24) {
        (0, hours) => format!("{hours} h {} min", time / 60 % 60),
        (days, hours) => format!("{days} days {hours} h"),
    }
}
