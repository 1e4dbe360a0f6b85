//! Balancers and their members.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::config::error::Diagnostic;
use crate::config::model::{
    LbConfig, MemberConfig, Secret, WorkerConfig, WorkerKind, WorkersConfig,
};
use crate::config::rows::{ACTIVATION, PropertyRow, Settings, Value};
use crate::config::worker::resolver::Resolver;
use crate::config::worker::values::own;
use crate::health::HealthCheck;
use crate::lb::Activation;

impl Resolver<'_> {
    pub(super) fn lb(&mut self, name: &str, config: &mut WorkersConfig) -> LbConfig {
        let members = self.members(name, config);
        let mut lb = LbConfig { health_check: self.health_check(name), ..LbConfig::default() };
        lb.fill(|row| self.value(name, row));
        lb.member_names = members.iter().map(|member| member.worker.clone()).collect();
        lb.members = members;
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

    fn members(&mut self, name: &str, config: &mut WorkersConfig) -> Vec<Arc<MemberConfig>> {
        let mut members: Vec<Arc<MemberConfig>> = Vec::new();
        let mut routes: BTreeMap<String, String> = BTreeMap::new();
        let inherited = self.text(name, "secret").as_deref().map(Secret::new);
        let list = format!("worker.{name}.balance_workers");
        let mut is_refused = false;
        let mut taken = HashSet::new();
        for (member, line) in self.lines(name, "balance_workers") {
            if taken.contains(member) {
                // check: member-named-twice
                self.warn(line, format!("{list}: {member} is named twice"));
                continue;
            }
            let kind = self.find(member, "type").map_or("ajp13", |line| line.value.as_str());
            if !matches!(kind, "ajp12" | "ajp13" | "ajp14") {
                // check: balancer-in-a-balancer
                let text = format!("{list}: {member} is of type {kind}, expected ajp13");
                self.problems.push(Diagnostic::error(&line.origin, text));
                is_refused = true;
                continue;
            }
            // check: member-that-is-not-defined
            if !config.workers.contains_key(member) {
                self.check_defined(member);
            }
            self.worker(member, config);
            if let (Some(WorkerConfig { kind: WorkerKind::Ajp13(ajp), .. }), Some(secret)) =
                (config.workers.get_mut(member), &inherited)
            {
                ajp.secret.get_or_insert_with(|| secret.clone());
            }
            taken.insert(member);
            let member = self.member(member);
            // check: two-members-with-one-route
            if let Some(other) = routes.insert(member.route.clone(), member.worker.clone()) {
                let text = format!(
                    "{list}: {other} and {} have the same route \"{}\"",
                    member.worker, member.route
                );
                let origin = self.place(&member.worker, "route");
                self.problems.push(Diagnostic::error(&origin, text));
            }
            members.push(Arc::new(member));
        }
        // Without one because of what was refused above, there is no second mistake.
        // check: a-balancer-as-its-own-member
        // check: balancer-without-members
        if members.is_empty() && !is_refused {
            let text = format!("{list}: a balancer needs at least one member");
            self.problems.push(Diagnostic::error(&self.place(name, "balance_workers"), text));
        }
        members
    }

    fn member(&mut self, name: &str) -> MemberConfig {
        let mut member = MemberConfig { worker: name.to_owned(), ..MemberConfig::default() };
        member.fill(|row| match row.name {
            ACTIVATION => self.activation(name, row),
            _ => self.value(name, row),
        });
        member
    }

    /// Its older names are truth values.
    fn activation(&mut self, name: &str, row: &PropertyRow) -> Option<Value> {
        let word = match own(self.properties, name, row.name) {
            Some(_) => return self.value(name, row),
            None if self.is_on(name, "stopped", row) => Activation::Stopped,
            None if self.is_on(name, "disabled", row) => Activation::Disabled,
            None => return None,
        };
        Some(Value::Activation(word))
    }
}
