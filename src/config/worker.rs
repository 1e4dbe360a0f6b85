//! Properties to workers, with every mistake found on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use super::error::{Diagnostic, Origin};
use super::kinds::{
    Ajp13Config, LbConfig, MemberConfig, Secret, StatusConfig, WorkerConfig, WorkerKind,
    WorkersConfig,
};
use super::properties::{Properties, Property};
use super::registry::{self, EXPLAINED, PROPERTIES, nearest};
use super::value::{boolean, integer, is_clean_integer, words};
use crate::ajp::{DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE};
use crate::lb::{Activation, Method};

/// Turns properties into workers. All mistakes are returned; with one of severity error the
/// workers must not be used.
pub fn resolve(properties: &Properties) -> (WorkersConfig, Vec<Diagnostic>) {
    let mut resolver = Resolver { properties, problems: properties.replaced() };
    let mut config = resolver.run();
    let pairs = properties.iter().map(|line| (line.name.clone(), line.value.clone()));
    config.properties = pairs.collect();
    (config, resolver.problems)
}

struct Resolver<'p> {
    properties: &'p Properties,
    problems: Vec<Diagnostic>,
}

impl<'p> Resolver<'p> {
    fn run(&mut self) -> WorkersConfig {
        self.check_names();
        let mut config =
            WorkersConfig { maintain: Some(Duration::from_secs(60)), ..<_>::default() };
        if let Some(line) = self.properties.get("worker.maintain") {
            let seconds = self.number(line).unwrap_or(60);
            config.maintain =
                u64::try_from(seconds).ok().filter(|s| *s > 0).map(Duration::from_secs);
        }
        for line in self.properties.all("worker.list") {
            for name in words(&line.value) {
                match config.list.iter().any(|other| other == name) {
                    true => self.warn(line, format!("worker {name} is listed twice")),
                    false => config.list.push(name.to_owned()),
                }
            }
        }
        if config.list.is_empty() {
            let origin = self.properties.iter().last().map(|line| line.origin.clone());
            let text = "worker.list names no worker: a worker ajp13 at localhost:8009 is assumed";
            self.problems.push(Diagnostic::warning(&origin.unwrap_or_default(), text));
            config.list.push("ajp13".to_owned());
        }
        for name in config.list.clone() {
            self.worker(&name, &mut config);
        }
        self.check_unused(&config);
        config
    }

    /// Reports attributes that do not exist.
    fn check_names(&mut self) {
        for line in self.properties.iter() {
            let Some(rest) = line.name.strip_prefix("worker.") else { continue };
            let attribute = match rest.rsplit_once('.') {
                Some((_, attribute)) => attribute,
                // worker.retries=3: an attribute without a worker was never an error.
                None if matches!(rest, "list" | "maintain") => continue,
                None if registry::find(rest).is_some() => {
                    self.warn(
                        line,
                        format!(
                            "{} names no worker and has no effect, expected worker.<name>.{rest}",
                            line.name
                        ),
                    );
                    continue;
                }
                None => rest,
            };
            if let Some((_, why)) = EXPLAINED.iter().find(|(name, _)| *name == attribute) {
                self.warn(line, format!("{} has no effect: {why}", line.name));
            } else if let Some(row) = registry::find(attribute) {
                if row.name != attribute {
                    self.warn(line, format!("{} is an old name, use {}", line.name, row.name));
                }
            } else {
                let names = PROPERTIES.iter().map(|row| row.name);
                let hint = nearest(attribute, names)
                    .map_or(String::new(), |name| format!(", did you mean {name}"));
                let text = format!("{}: unknown attribute \"{attribute}\"{hint}", line.name);
                self.problems.push(Diagnostic::error(&line.origin, text));
            }
        }
    }

    fn check_unused(&mut self, config: &WorkersConfig) {
        let templates: BTreeSet<_> = self
            .properties
            .iter()
            .filter(|line| line.name.ends_with(".reference"))
            .filter_map(|line| line.value.strip_prefix("worker."))
            .collect();
        let mut seen = BTreeSet::new();
        for line in self.properties.iter() {
            let Some(name) =
                line.name.strip_prefix("worker.").and_then(|rest| rest.strip_suffix(".type"))
            else {
                continue;
            };
            if !config.list.iter().any(|listed| listed == name)
                && !config.workers.contains_key(name)
                && !templates.contains(name)
                && seen.insert(name)
            {
                self.warn(
                    line,
                    format!(
                        "worker {name} is neither in worker.list nor a member of a listed balancer"
                    ),
                );
            }
        }
    }

    fn worker(&mut self, name: &str, config: &mut WorkersConfig) {
        if config.workers.contains_key(name) {
            return;
        }
        let origin = self.origin(name);
        if name.len() > 63 || name.contains(['/', '=']) {
            let text = format!("worker {name}: the name is longer than 63 bytes or has a / or =");
            self.problems.push(Diagnostic::error(&origin, text));
            return;
        }
        for line in self.properties.all(&format!("worker.{name}.mount")) {
            let patterns = words(&line.value);
            config.mounts.extend(
                patterns.map(|pattern| (pattern.to_owned(), name.to_owned(), line.origin.clone())),
            );
        }
        let kind = self.find(name, "type").map_or("ajp13", |line| line.value.as_str());
        let kind = match kind {
            "ajp13" => WorkerKind::Ajp13(Box::new(self.ajp13(name))),
            "ajp14" => {
                let text = format!("worker {name}: type ajp14 is treated as ajp13");
                self.problems.push(Diagnostic::warning(&origin, text));
                WorkerKind::Ajp13(Box::new(self.ajp13(name)))
            }
            "lb" => {
                let lb = self.lb(name, config);
                WorkerKind::Lb(Box::new(lb))
            }
            "status" => WorkerKind::Status(StatusConfig {
                read_only: self.boolean(name, "read_only", false),
                users: self.list(name, "user"),
                user_case_insensitive: self.boolean(name, "user_case_insensitive", false),
                good: self.list_or(name, "good", &["a.o", "a.i", "a.b", "a.r"]),
                bad: self.list_or(name, "bad", &["s", "e"]),
                prefix: self.text(name, "prefix").unwrap_or_else(|| "worker".to_owned()),
                ns: self.word_or(name, "ns", "jk:"),
                xmlns: self.word_or(name, "xmlns", "xmlns:jk=\"http://tomcat.apache.org\""),
                doctype: self.text(name, "doctype").unwrap_or_default(),
            }),
            other => {
                let text = format!(
                    "worker.{name}.type: unknown type \"{other}\", expected ajp13, lb or status"
                );
                self.problems.push(Diagnostic::error(&origin, text));
                return;
            }
        };
        let worker = WorkerConfig { name: name.to_owned(), kind };
        config.workers.insert(name.to_owned(), worker);
    }

    fn ajp13(&mut self, name: &str) -> Ajp13Config {
        let origin = self.origin(name);
        let host = self.text(name, "host").unwrap_or_else(|| "localhost".to_owned());
        let port = self.integer(name, "port", 8009);
        let port = u16::try_from(port).unwrap_or_else(|_| {
            let text = format!("worker.{name}.port: invalid port {port}, expected 0 to 65535; the worker cannot connect");
            self.problems.push(Diagnostic::warning(&origin, text));
            0
        });
        if matches!(port, 80 | 443 | 8080 | 8443) {
            let text = format!(
                "worker.{name}.port: {port} is usually an HTTP port, expected the port of the container's AJP connector, such as 8009"
            );
            self.problems.push(Diagnostic::warning(&origin, text));
        }
        let secret = self.text(name, "secret").map(Secret);
        let ping_mode = self.text(name, "ping_mode").unwrap_or_default().to_ascii_uppercase();
        let ping = |letter| ping_mode.contains(letter) || ping_mode.contains('A');
        let ping_timeout =
            self.millis(name, "ping_timeout", 10_000).unwrap_or(Duration::from_secs(10));
        let socket_timeout = positive(self.integer(name, "socket_timeout", 0))
            .map(|s| Duration::from_secs(s.into()));
        let size = self.integer(name, "max_packet_size", DEFAULT_PACKET_SIZE as i32);
        let size = usize::try_from(size).unwrap_or(0).next_multiple_of(1024);
        let retry_interval = self.millis(name, "retry_interval", 100).unwrap_or_default();
        let retries = self.integer(name, "retries", 2).max(1).unsigned_abs();
        let pool_size = self.integer(name, "connection_pool_size", 0);
        let connect_cping = self.millis(name, "connect_timeout", 0);
        let prepost_cping = self.millis(name, "prepost_timeout", 0);
        Ajp13Config {
            host,
            port,
            source: self.text(name, "source"),
            prefer_ipv6: self.boolean(name, "prefer_ipv6", false),
            socket_timeout,
            socket_connect_timeout: self
                .millis(name, "socket_connect_timeout", 0)
                .or(socket_timeout)
                .unwrap_or(Duration::from_secs(5)),
            socket_keepalive: self.boolean(name, "socket_keepalive", false),
            socket_buffer: positive(self.integer(name, "socket_buffer", 0)).map(|n| n as usize),
            ping_timeout,
            connection_ping_interval: positive(self.integer(name, "connection_ping_interval", 0))
                .map(|s| Duration::from_secs(s.into()))
                // The original counts a hundredth of the milliseconds as seconds.
                .or(ping('I').then(|| ping_timeout * 10)),
            response_probe: self.boolean(name, "response_probe", true),
            idle_guard: self.millis(name, "idle_guard", 1000),
            replay_size: usize::try_from(self.integer(name, "replay_size", 65_536)).unwrap_or(0),
            connect_timeout: connect_cping.or(ping('C').then_some(ping_timeout)),
            prepost_timeout: prepost_cping.or(ping('P').then_some(ping_timeout)),
            reply_timeout: self.millis(name, "reply_timeout", 0),
            connection_pool_size: positive(pool_size).map(|n| n as usize),
            connection_pool_minsize: positive(self.integer(name, "connection_pool_minsize", 0))
                .map_or(usize::try_from(pool_size).unwrap_or(0).div_ceil(2), |n| n as usize),
            connection_pool_timeout: positive(self.integer(name, "connection_pool_timeout", 0))
                .map(|s| Duration::from_secs(s.into())),
            connection_acquire_timeout: self
                .millis(name, "connection_acquire_timeout", 0)
                .unwrap_or(retry_interval * retries),
            retries,
            retry_interval,
            recovery_options: self
                .find(name, "recovery_options")
                .and_then(|line| u32::try_from(self.number(line)?).ok()),
            fail_on_status: self
                .list(name, "fail_on_status")
                .iter()
                .filter_map(|word| integer(word))
                .collect(),
            busy_limit: positive(self.integer(name, "busy_limit", 0)),
            max_packet_size: size.clamp(DEFAULT_PACKET_SIZE, MAX_PACKET_SIZE),
            secret,
        }
    }

    fn lb(&mut self, name: &str, config: &mut WorkersConfig) -> LbConfig {
        let origin = self.origin(name);
        let mut members: Vec<MemberConfig> = Vec::new();
        let inherited = self.text(name, "secret").map(Secret);
        for member in self.list(name, "balance_workers") {
            if members.iter().any(|other| other.worker == member) {
                let text = format!("worker.{name}.balance_workers: {member} is named twice");
                self.problems.push(Diagnostic::warning(&origin, text));
                continue;
            }
            let kind = self.find(&member, "type").map_or("ajp13", |line| line.value.as_str());
            if !matches!(kind, "ajp13" | "ajp14") {
                let text = format!(
                    "worker.{name}.balance_workers: {member} is of type {kind}, expected ajp13"
                );
                self.problems.push(Diagnostic::error(&origin, text));
                continue;
            }
            self.worker(&member, config);
            if let (Some(WorkerConfig { kind: WorkerKind::Ajp13(ajp), .. }), Some(secret)) =
                (config.workers.get_mut(&member), &inherited)
            {
                ajp.secret.get_or_insert_with(|| secret.clone());
            }
            let member = self.member(&member);
            if let Some(other) = members.iter().find(|other| other.route == member.route) {
                let text = format!(
                    "worker.{name}.balance_workers: {} and {} have the same route \"{}\"",
                    other.worker, member.worker, member.route
                );
                self.problems.push(Diagnostic::error(&origin, text));
            }
            members.push(member);
        }
        if members.is_empty() {
            let text =
                format!("worker.{name}.balance_workers: a balancer needs at least one member");
            self.problems.push(Diagnostic::error(&origin, text));
        }
        let method = self.choice(
            name,
            "method",
            Method::from_word,
            "Request, Session, Next, Traffic or Busyness",
        );
        let recover = self.integer(name, "recover_time", 60).max(1);
        let escalation = self.integer(name, "error_escalation_time", recover / 2).max(0);
        let seconds = |n: i32| Duration::from_secs(n.unsigned_abs().into());
        LbConfig {
            member_names: members.iter().map(|member| member.worker.clone()).collect(),
            members,
            method,
            sticky_session: self.boolean(name, "sticky_session", true),
            sticky_session_force: self.boolean(name, "sticky_session_force", false),
            retries: self.integer(name, "retries", 2).max(1).unsigned_abs(),
            retry_interval: self.millis(name, "retry_interval", 100).unwrap_or_default(),
            recover_time: seconds(recover),
            probe: self.boolean(name, "probe", true),
            error_escalation_time: seconds(escalation),
            max_reply_timeouts: u32::try_from(self.integer(name, "max_reply_timeouts", 0))
                .unwrap_or(u32::MAX),
            session_cookie: self
                .text(name, "session_cookie")
                .unwrap_or_else(|| "JSESSIONID".to_owned()),
            session_path: self
                .text(name, "session_path")
                .unwrap_or_else(|| ";jsessionid".to_owned()),
            set_session_cookie: self.boolean(name, "set_session_cookie", false),
            session_cookie_path: self
                .text(name, "session_cookie_path")
                .unwrap_or_else(|| "/".to_owned()),
        }
    }

    fn member(&mut self, name: &str) -> MemberConfig {
        let route = self.text(name, "route").unwrap_or_else(|| name.to_owned());
        let domain = self.text(name, "domain").unwrap_or_else(|| match route.split_once('.') {
            Some((domain, _)) => domain.to_owned(),
            None => String::new(),
        });
        let old = |resolver: &mut Self, word| resolver.boolean(name, word, false);
        let activation = match self.own(name, "activation") {
            Some(_) => self.choice(
                name,
                "activation",
                Activation::from_word,
                "Active, Disabled or Stopped",
            ),
            None if old(self, "stopped") => Activation::Stopped,
            None if old(self, "disabled") => Activation::Disabled,
            None => Activation::Active,
        };
        MemberConfig {
            worker: name.to_owned(),
            lbfactor: self.integer(name, "lbfactor", 1).max(1).unsigned_abs(),
            distance: self.integer(name, "distance", 0),
            route,
            domain,
            redirect: self.text(name, "redirect").unwrap_or_default(),
            activation,
        }
    }

    // ---- looking values up -------------------------------------------------------------------

    /// Finds an attribute under its name or an older one, here or at the end of references.
    fn find(&self, name: &str, attribute: &str) -> Option<&'p Property> {
        let row = registry::find(attribute)?;
        let own = std::iter::once(row.name).chain(row.aliases.iter().copied());
        own.clone().find_map(|spelling| self.own(name, spelling))
    }

    /// Finds an attribute under exactly this name, following references.
    fn own(&self, name: &str, attribute: &str) -> Option<&'p Property> {
        let mut prefix = format!("worker.{name}");
        for _ in 0..MAX_REFERENCES {
            if let Some(line) = self.properties.get(&format!("{prefix}.{attribute}")) {
                return Some(line);
            }
            prefix = self.properties.get(&format!("{prefix}.reference"))?.value.clone();
        }
        None
    }

    fn list(&self, name: &str, attribute: &str) -> Vec<String> {
        let Some(last) = self.find(name, attribute) else { return Vec::new() };
        let lines = self.properties.all(&last.name);
        lines.flat_map(|line| words(&line.value)).map(str::to_owned).collect()
    }

    fn text(&self, name: &str, attribute: &str) -> Option<String> {
        self.find(name, attribute).map(|line| line.value.clone())
    }

    fn list_or(&self, name: &str, attribute: &str, default: &[&str]) -> Vec<String> {
        let own = self.list(name, attribute);
        if own.is_empty() { default.iter().map(|word| (*word).to_owned()).collect() } else { own }
    }

    /// Returns a text of which `-` means none.
    fn word_or(&self, name: &str, attribute: &str, default: &str) -> String {
        let own = self.text(name, attribute).unwrap_or_else(|| default.to_owned());
        if own.starts_with('-') { String::new() } else { own }
    }

    fn integer(&mut self, name: &str, attribute: &str, default: i32) -> i32 {
        self.find(name, attribute).and_then(|line| self.number(line)).unwrap_or(default)
    }

    fn millis(&mut self, name: &str, attribute: &str, default: i32) -> Option<Duration> {
        let value = self.integer(name, attribute, default);
        positive(value).map(|ms| Duration::from_millis(ms.into()))
    }

    fn number(&mut self, line: &Property) -> Option<i32> {
        if !is_clean_integer(&line.value) {
            self.warn(
                line,
                format!("{}: invalid value \"{}\", expected a whole number", line.name, line.value),
            );
        }
        integer(&line.value)
    }

    fn boolean(&mut self, name: &str, attribute: &str, default: bool) -> bool {
        let line = match attribute {
            "stopped" | "disabled" => self.own(name, attribute),
            _ => self.find(name, attribute),
        };
        let Some(line) = line else { return default };
        boolean(&line.value).unwrap_or_else(|| {
            self.warn(
                line,
                format!("{}: invalid value \"{}\", expected true or false", line.name, line.value),
            );
            default
        })
    }

    fn choice<T: Default>(
        &mut self,
        name: &str,
        attribute: &str,
        read: fn(&str) -> Option<T>,
        expected: &str,
    ) -> T {
        let Some(line) = self.find(name, attribute) else { return T::default() };
        read(&line.value).unwrap_or_else(|| {
            self.warn(
                line,
                format!("{}: invalid value \"{}\", expected {expected}", line.name, line.value),
            );
            T::default()
        })
    }

    /// Where a worker is defined, or else where it is listed.
    fn origin(&self, name: &str) -> Origin {
        let prefix = format!("worker.{name}.");
        let own = self.properties.first_below(&prefix);
        own.or_else(|| self.properties.get("worker.list"))
            .map(|line| line.origin.clone())
            .unwrap_or_default()
    }

    fn warn(&mut self, line: &Property, text: String) {
        self.problems.push(Diagnostic::warning(&line.origin, text));
    }
}

fn positive(value: i32) -> Option<u32> {
    u32::try_from(value).ok().filter(|value| *value > 0)
}

/// Longest chain of references; a longer one is a circle.
const MAX_REFERENCES: usize = 20;
