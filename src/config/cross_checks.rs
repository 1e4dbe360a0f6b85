//! What servers, rules and workers have to do with each other.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::config::error::Diagnostic;
use crate::config::model::WorkersConfig;
use crate::config::properties::Properties;
use crate::config::server::ServerSettings;
use crate::config::value::words;
use crate::sorting;
use crate::uri_map::Patterns;
use crate::uri_map::diagnostics::{MOST_HINTS, nearest};
use crate::uri_map::merge::{MapOf, MountCopy, ServerMounts, copies, map_of, mounts_seen};
use crate::uri_map::pattern::is_wildcard;
use crate::uri_map::problem::printable;
use crate::uri_map::rule::Rule;

/// Everything there is to look at.
pub(super) struct Site<'s> {
    /// The main server first.
    pub servers: &'s [&'s ServerSettings],
    /// Mounts of the servers, in the same order.
    pub mounts: &'s [ServerMounts],
    pub workers: &'s WorkersConfig,
    pub properties: &'s Properties,
}

impl Site<'_> {
    pub(super) fn check(&self) -> Vec<Diagnostic> {
        let mut problems = self.unseen_mounts();
        // check: listed-and-not-mounted
        problems.extend(self.unmounted());
        problems.extend(self.idle_rules());
        // check: log-lines-in-json-for-the-error-log
        problems.extend(self.json_without_file());
        problems
    }

    /// Warns of JSON without a file: httpd's error log has its own format. A virtual host with
    /// a file may have the shape from the main server.
    fn json_without_file(&self) -> Vec<Diagnostic> {
        let is_json = |server: &&&ServerSettings| server.log_json == Some(true);
        let has_file = |server: &ServerSettings| server.log_file.is_some();
        let given = |server: &ServerSettings| {
            let last = server.given.iter().rev().find(|given| given.name == "JkLogFormat");
            last.map(|given| given.origin.clone())
        };
        let is_inherited = self
            .servers
            .iter()
            .skip(1)
            .filter(is_json)
            .any(|server| given(server).is_none() && has_file(server));
        let lost = self.servers.iter().enumerate().filter(|(place, server)| {
            is_json(server) && !has_file(server) && !(*place == 0 && is_inherited)
        });
        let text = "JkLogFormat JSON has no effect without JkLogFile: httpd's error log has its own format, see ErrorLogFormat";
        let found = lost.filter_map(|(_, server)| Some(Diagnostic::warning(&given(server)?, text)));
        found.collect()
    }

    /// Rules that decide nothing in any server that has them: one that a virtual host copies may be
    /// of use in one of the two only.
    fn idle_rules(&self) -> Vec<Diagnostic> {
        let (mut decides, mut idle) = (HashSet::new(), Vec::new());
        for (place, mounts) in self.mounts.iter().enumerate() {
            if place > 0 && map_of(&self.mounts[0], mounts) != MapOf::Own {
                continue;
            }
            let rules = mounts_seen(self.mounts, place);
            let found = unreachable(&rules);
            let of_no_use: HashSet<_> = found.iter().map(|(own, _)| Arc::as_ptr(own)).collect();
            let used = rules.iter().filter(|rule| !of_no_use.contains(&Arc::as_ptr(rule)));
            decides.extend(used.map(key));
            idle.extend(found);
        }
        idle.retain(|(rule, _)| !decides.contains(&key(rule)));
        let mut seen = HashSet::new();
        let idle = idle.into_iter().filter_map(|(_, problem)| problem);
        idle.filter(|problem| seen.insert(problem.to_string())).collect()
    }

    /// Workers that rules may name and that none does.
    fn unmounted(&self) -> Vec<Diagnostic> {
        let names: Vec<_> = self.workers.list.iter().map(String::as_str).collect();
        let listed: HashSet<&str> = names.iter().copied().collect();
        let (mut used, mut slips) = (HashSet::new(), Vec::new());
        for name in self.mounts.iter().flat_map(rules_of).map(|rule| &*rule.worker) {
            if used.insert(name) && !listed.contains(name) {
                slips.push(name);
            }
        }
        // What a rule with a slip in it names was said with that rule.
        let slips = slips.into_iter().take(MOST_HINTS);
        let meant: HashSet<&str> = slips.filter_map(|name| nearest(name, &names)).collect();
        let is_used = |name: &str| used.contains(name) || meant.contains(name);
        let unused = self.workers.list.iter().filter(|name| !is_used(name));
        let mut lines = HashMap::new();
        for line in self.properties.all("worker.list") {
            words(&line.value).for_each(|word| _ = lines.entry(word).or_insert(line));
        }
        // One without properties was named for that.
        let is_defined =
            |name: &&String| self.properties.first_below(&format!("worker.{name}.")).is_some();
        let found = unused.filter(is_defined).filter_map(|name| {
            let line = lines.get(name.as_str())?;
            let text = format!(
                "worker {name} is in worker.list, but no rule maps to it, expected a JkMount, or JK_WORKER_NAME with the handler jakarta-servlet"
            );
            Some(Diagnostic::notice(&line.origin, text))
        });
        found.collect()
    }

    /// Mounts of the main server that a virtual host does not have.
    fn unseen_mounts(&self) -> Vec<Diagnostic> {
        let (Some(main), Some(own)) = (self.servers.first(), self.mounts.first()) else {
            return Vec::new();
        };
        let mut problems = Vec::new();
        // check: jkmountcopy-on-in-the-main-server
        if own.copy == Some(MountCopy::On)
            && let Some(given) = main.given.iter().rev().find(|given| given.name == "JkMountCopy")
        {
            let text = "JkMountCopy On has no effect outside of VirtualHost, expected All";
            problems.push(Diagnostic::warning(&given.origin, text));
        }
        let count = count(own);
        if count == 0 {
            return problems;
        }
        let hosts = || self.servers.iter().zip(self.mounts).skip(1);
        let sees_main = |mounts: &ServerMounts| match map_of(own, mounts) {
            MapOf::Main => true,
            MapOf::Own => copies(own, mounts),
            MapOf::Nothing => false,
        };
        // check: rules-that-no-request-reaches
        // check: rules-that-one-address-reaches
        if main.serves_nothing(hosts().map(|(settings, _)| *settings))
            && !hosts().any(|(_, mounts)| sees_main(mounts))
        {
            let first = rules_of(own).map(|rule| &rule.origin).next();
            let rules =
                if count == 1 { "the rule".to_owned() } else { format!("the {count} rules") };
            let text = format!(
                "no request reaches {rules} of the main server: every address of Listen belongs to a virtual host, and none copies them, expected JkMountCopy On in a virtual host, or JkMountCopy All in the main server"
            );
            problems.push(Diagnostic::notice(first.unwrap_or(&main.host_origin), text));
            return problems;
        }
        for (settings, mounts) in hosts() {
            // A host that says Off means it.
            // check: virtual-host-without-rules
            if mounts.copy.is_none() && map_of(own, mounts) == MapOf::Nothing {
                let text = format!(
                    "virtual host {} has no rules: it does not see the {count} of the main server, expected JkMountCopy On here, or All in the main server",
                    settings.host
                );
                problems.push(Diagnostic::notice(&settings.host_origin, text));
            }
        }
        problems
    }
}

/// Returns the rules a server itself has, copied ones not counted.
fn rules_of(mounts: &ServerMounts) -> impl Iterator<Item = &Arc<Rule>> {
    let file = mounts.file.iter().flat_map(|file| file.rules());
    mounts.directives.rules().chain(file).chain(mounts.workers.rules())
}

fn count(mounts: &ServerMounts) -> usize {
    rules_of(mounts).count()
}

/// What makes a rule the same rule in another server.
fn key(rule: &Arc<Rule>) -> (String, Box<[u8]>, bool) {
    (rule.origin.to_string(), rule.pattern.clone(), rule.is_exclusion)
}

/// Returns rules that never decide anything, as others always come before them; without a word where
/// the other one does the same.
fn unreachable(rules: &[Arc<Rule>]) -> Vec<(Arc<Rule>, Option<Diagnostic>)> {
    let mut problems = Vec::new();
    let mut add = |rule: &Arc<Rule>, text: Option<String>| {
        let problem = text.map(|text| Diagnostic::notice(&rule.origin, text));
        problems.push((Arc::clone(rule), problem));
    };
    let enabled = || rules.iter().filter(|rule| !rule.is_disabled);
    let mut ranked: Vec<_> = enabled().filter(|rule| !rule.is_exclusion).collect();
    sorting::by_cached_key(&mut ranked, |rule| rule.sort_key());
    let exclusions: Vec<_> = enabled().filter(|rule| rule.is_exclusion).collect();
    // A pattern that matches another one as text matches all that the other one does.
    let wild = ranked.iter().enumerate().filter(|(_, rule)| is_wildcard(&rule.pattern));
    let wild = Patterns::new(wild.map(|(rank, rule)| (rank, &*rule.pattern)));
    let mut by_worker: HashMap<&str, Vec<(usize, &[u8])>> = HashMap::new();
    for (place, own) in exclusions.iter().enumerate() {
        by_worker.entry(&own.worker).or_default().push((place, &own.pattern));
    }
    let by_worker: HashMap<_, _> =
        by_worker.into_iter().map(|(name, own)| (name, Patterns::new(own.into_iter()))).collect();
    let excluded = |worker: &str, rule: &Rule| by_worker.get(worker)?.first_match(&rule.pattern);
    let mut first_of = HashMap::new();
    for (rank, rule) in ranked.iter().enumerate() {
        let pattern = printable(&rule.pattern);
        let equal = *first_of.entry(&rule.pattern).or_insert(rank);
        let hidden = match equal < rank {
            true => Some(equal),
            false => wild.first_match(&rule.pattern).filter(|above| *above < rank),
        };
        let taken = excluded(&rule.worker, rule).into_iter().chain(excluded("*", rule)).min();
        // check: rule-that-an-exclusion-takes-away
        // check: rule-that-another-one-hides
        if let Some(other) = hidden.map(|above| &ranked[above]) {
            let is_same = other.worker == rule.worker && other.extensions == rule.extensions;
            let (other, place) = (printable(&other.pattern), &other.origin);
            let text =
                format!("rule \"{pattern}\" is never used: \"{other}\" at {place} comes first");
            // check: the-same-rule-twice
            add(rule, (!is_same).then_some(text));
        } else if let Some(own) = taken.map(|place| exclusions[place]) {
            let (other, place) = (printable(&own.pattern), &own.origin);
            let text = format!(
                "rule \"{pattern}\" is never used: the exclusion \"{other}\" at {place} excludes all its paths"
            );
            add(rule, Some(text));
        }
    }
    let used: HashSet<&str> = ranked.iter().map(|rule| &*rule.worker).collect();
    for own in exclusions {
        // check: exclusion-for-a-worker-without-rules
        if !used.contains(&*own.worker) && (&*own.worker != "*" || used.is_empty()) {
            let (pattern, worker) = (printable(&own.pattern), &own.worker);
            let text =
                format!("exclusion \"{pattern}\" has no effect: no rule maps to worker {worker}");
            add(own, Some(text));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
