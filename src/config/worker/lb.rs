//! Balancers and their members.

use std::collections::BTreeMap;

use super::Resolver;
use crate::config::error::Diagnostic;
use crate::config::kinds::{
    HashKey, LbConfig, MemberConfig, Secret, WorkerConfig, WorkerKind, WorkersConfig, same_site,
};
use crate::health::HealthCheck;
use crate::lb::{Activation, Method};

impl Resolver<'_> {
    pub(super) fn lb(&mut self, name: &str, config: &mut WorkersConfig) -> LbConfig {
        let members = self.members(name, config);
        let method = self.choice(name, "method", Method::from_word, METHODS);
        // The first letter counts for the original's methods only.
        self.check_word(name, "method", &METHODS[..5]);
        let recover = self.at_least(name, "recover_time", 1);
        let escalation =
            self.given(name, "error_escalation_time").unwrap_or(recover / 2).max(0).unsigned_abs();
        let lb = LbConfig {
            member_names: members.iter().map(|member| member.worker.clone()).collect(),
            members,
            method,
            sticky_session: self.boolean(name, "sticky_session"),
            sticky_session_force: self.boolean(name, "sticky_session_force"),
            retries: self.at_least(name, "retries", 1).unsigned_abs(),
            retry_interval: self.millis(name, "retry_interval").unwrap_or_default(),
            recover_time: std::time::Duration::from_secs(recover.unsigned_abs().into()),
            probe: self.boolean(name, "probe"),
            health_check: self.health_check(name),
            error_escalation_time: std::time::Duration::from_secs(escalation.into()),
            max_reply_timeouts: u32::try_from(self.integer(name, "max_reply_timeouts"))
                .unwrap_or(u32::MAX),
            is_pessimistic: self
                .text(name, "lock")
                .is_some_and(|word| word.starts_with(['p', 'P', '1'])),
            session_cookie: self.short_or_default(name, "session_cookie"),
            session_path: self.short_or_default(name, "session_path"),
            set_session_cookie: self.boolean(name, "set_session_cookie"),
            session_cookie_path: {
                let _ = self.short_text(name, "session_cookie_path");
                self.word_or_default(name, "session_cookie_path")
            },
            session_cookie_samesite: self.choice(
                name,
                "session_cookie_samesite",
                same_site,
                &["Strict", "Lax", "None", "-"],
            ),
            slow_start: self.seconds(name, "slow_start").unwrap_or_default(),
            retry_budget: self.integer(name, "retry_budget").clamp(0, 100).unsigned_abs(),
            failover_timeout: self.millis(name, "failover_timeout"),
            hash_key: self.choice(
                name,
                "hash_key",
                HashKey::from_word,
                &["uri", "query", "remote", "cookie:NAME", "header:NAME"],
            ),
        };
        self.check_lb(name, &lb);
        lb
    }

    fn health_check(&mut self, name: &str) -> Option<HealthCheck> {
        let (check, wrong) = HealthCheck::read(|property| self.text(name, property));
        for (property, text) in wrong {
            if let Some(line) = self.find(name, property) {
                self.warn(line, format!("{}: {text}", line.name));
            }
        }
        check
    }

    fn short_or_default(&mut self, name: &str, attribute: &str) -> String {
        let _ = self.short_text(name, attribute);
        self.text_or_default(name, attribute)
    }

    fn members(&mut self, name: &str, config: &mut WorkersConfig) -> Vec<MemberConfig> {
        let mut members: Vec<MemberConfig> = Vec::new();
        let mut routes: BTreeMap<String, String> = BTreeMap::new();
        let inherited = self.text(name, "secret").map(Secret);
        let list = format!("worker.{name}.balance_workers");
        for (member, line) in self.lines(name, "balance_workers") {
            if members.iter().any(|other| other.worker == member) {
                self.warn(line, format!("{list}: {member} is named twice"));
                continue;
            }
            let kind = self.find(member, "type").map_or("ajp13", |line| line.value.as_str());
            if !matches!(kind, "ajp12" | "ajp13" | "ajp14") {
                let text = format!("{list}: {member} is of type {kind}, expected ajp13");
                self.problems.push(Diagnostic::error(&line.origin, text));
                continue;
            }
            if !config.workers.contains_key(member) {
                self.check_defined(member);
            }
            self.worker(member, config);
            if let (Some(WorkerConfig { kind: WorkerKind::Ajp13(ajp), .. }), Some(secret)) =
                (config.workers.get_mut(member), &inherited)
            {
                ajp.secret.get_or_insert_with(|| secret.clone());
            }
            let member = self.member(member);
            if let Some(other) = routes.insert(member.route.clone(), member.worker.clone()) {
                let text = format!(
                    "{list}: {other} and {} have the same route \"{}\"",
                    member.worker, member.route
                );
                let origin = self.place(&member.worker, "route");
                self.problems.push(Diagnostic::error(&origin, text));
            }
            members.push(member);
        }
        if members.is_empty() {
            let text = format!("{list}: a balancer needs at least one member");
            self.problems.push(Diagnostic::error(&self.place(name, "balance_workers"), text));
        }
        members
    }

    fn member(&mut self, name: &str) -> MemberConfig {
        let route = self.short_text(name, "route").unwrap_or_else(|| name.to_owned());
        let domain =
            self.short_text(name, "domain").unwrap_or_else(|| match route.split_once('.') {
                Some((domain, _)) => domain.to_owned(),
                None => String::new(),
            });
        let activation = match super::own(self.properties, name, "activation") {
            Some(_) => {
                self.check_word(name, "activation", ACTIVATIONS);
                self.choice(name, "activation", Activation::from_word, ACTIVATIONS)
            }
            None if self.boolean(name, "stopped") => Activation::Stopped,
            None if self.boolean(name, "disabled") => Activation::Disabled,
            None => Activation::Active,
        };
        MemberConfig {
            worker: name.to_owned(),
            lbfactor: self.at_least(name, "lbfactor", 1).unsigned_abs(),
            distance: self.integer(name, "distance"),
            route,
            domain,
            redirect: self.short_text(name, "redirect").unwrap_or_default(),
            activation,
        }
    }

    /// Only the first letter of a word counts; says so where the others mean something else.
    fn check_word(&mut self, name: &str, attribute: &str, names: &[&str]) {
        let Some(line) = self.find(name, attribute) else { return };
        let word = line.value.to_ascii_lowercase();
        let meant =
            names.iter().find(|own| own.as_bytes()[0].eq_ignore_ascii_case(&word.as_bytes()[0]));
        if let Some(meant) = meant
            && !word.starts_with(&meant.to_ascii_lowercase())
            && !meant.to_ascii_lowercase().starts_with(&word)
        {
            let text = format!(
                "{}: \"{}\" is read as {meant} for its first letter, expected one of {}",
                line.name,
                line.value,
                names.join(", ")
            );
            self.warn(line, text);
        }
    }
}

const METHODS: &[&str] =
    &["Request", "Session", "Next", "Traffic", "Busyness", "LeastTime", "Hash"];

const ACTIVATIONS: &[&str] = &["Active", "Disabled", "Stopped"];
