//! Settings changed while httpd runs: lines in shared memory, laid over the configuration.
//!
//! A line says who it is for, what the configuration of that worker was (as a fingerprint), and the
//! parameter with its value. It passes the same reader as the request it came from each time it is
//! taken up, and counts only as long as the configuration below it is the same.

use std::time::Duration;

use crate::config::{Ajp13Config, LbConfig, WorkerKind, WorkersConfig};
use crate::shm::fingerprint;
use crate::status::carry::{change_of, parameter};
use crate::status::edit::{Attribute as A, Change, Value};

/// Lays the lines over a configuration. Returns it with the lines that did not count.
pub fn lay_over<'t>(config: &WorkersConfig, text: &'t str) -> (WorkersConfig, Vec<&'t str>) {
    let mut edited = config.clone();
    let strange = text.lines().filter(|line| {
        let change = read(line).filter(|(base, change)| base_of(config, change) == Some(*base));
        !change.is_some_and(|(_, change)| set(&mut edited, &change))
    });
    let strange = strange.collect();
    (edited, strange)
}

/// Tells whether a change has a setting it could change.
pub fn is_possible(config: &WorkersConfig, change: &Change) -> bool {
    key_of(change).is_some() && set(&mut config.clone(), change)
}

/// Adds changes to the lines; a later one of the same setting replaces the earlier.
pub fn add(config: &WorkersConfig, text: &str, changes: &[Change]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for change in changes {
        let (Some(key), Some(base)) = (key_of(change), base_of(config, change)) else { continue };
        let Some(value) = value_of(change) else { continue };
        lines.retain(|line| !line.starts_with(&key));
        lines.push(format!("{key}{base}\t{}", value.text()));
    }
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

/// Who and what, as the line begins. Names with a tab cannot be told apart and are not kept.
fn key_of(change: &Change) -> Option<String> {
    let (balancer, worker) = owner(change)?;
    let name = parameter(change)?;
    let is_plain = ![balancer, worker].iter().any(|name| name.contains(['\t', '\n']));
    is_plain.then(|| format!("{balancer}\t{worker}\t{name}\t"))
}

fn owner(change: &Change) -> Option<(&str, &str)> {
    match change {
        Change::Balancer { balancer, .. } => Some((balancer, "")),
        Change::Member { balancer, member, .. } => Some((balancer, member)),
        Change::Ajp { worker, .. } => Some(("", worker)),
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

fn value_of(change: &Change) -> Option<&Value> {
    match change {
        Change::Balancer { value, .. }
        | Change::Member { value, .. }
        | Change::Ajp { value, .. } => Some(value),
        Change::Recover { .. } | Change::Reset { .. } => None,
    }
}

fn read(line: &str) -> Option<(u64, Change)> {
    let mut words = line.splitn(5, '\t');
    let (balancer, worker, name) = (words.next()?, words.next()?, words.next()?);
    let base = words.next()?.parse().ok()?;
    Some((base, change_of(balancer, worker, name, words.next()?)?))
}

/// Condenses the settings a change is laid over.
fn base_of(config: &WorkersConfig, change: &Change) -> Option<u64> {
    let kind = |name: &str| config.workers.get(name).map(|worker| &worker.kind);
    Some(match change {
        Change::Balancer { balancer, .. } => match kind(balancer)? {
            // Members come and go without being the balancer's own settings.
            WorkerKind::Lb(lb) => fingerprint(&format!(
                "{:?}",
                LbConfig { members: Vec::new(), member_names: Vec::new(), ..(**lb).clone() }
            )),
            _ => return None,
        },
        Change::Member { balancer, member, .. } => match kind(balancer)? {
            WorkerKind::Lb(lb) => {
                let own = lb.members.iter().find(|own| own.worker == *member)?;
                fingerprint(&format!("{own:?}"))
            }
            _ => return None,
        },
        Change::Ajp { worker, .. } => match kind(worker)? {
            WorkerKind::Ajp13(ajp) => fingerprint(&format!("{ajp:?}")),
            _ => return None,
        },
        Change::Recover { .. } | Change::Reset { .. } => return None,
    })
}

fn set(config: &mut WorkersConfig, change: &Change) -> bool {
    let Some((balancer, worker)) = owner(change) else { return false };
    let name = if balancer.is_empty() { worker } else { balancer };
    let kind = config.workers.get_mut(name).map(|worker| &mut worker.kind);
    match change {
        Change::Balancer { attribute, value, .. } => match kind {
            Some(WorkerKind::Lb(lb)) => set_balancer(lb, *attribute, value),
            _ => false,
        },
        Change::Member { member, attribute, value, .. } => match kind {
            Some(WorkerKind::Lb(lb)) => set_member(lb, member, *attribute, value),
            _ => false,
        },
        Change::Ajp { attribute, value, .. } => match kind {
            Some(WorkerKind::Ajp13(ajp)) => set_ajp(ajp, *attribute, value),
            _ => false,
        },
        Change::Recover { .. } | Change::Reset { .. } => false,
    }
}

fn set_balancer(lb: &mut LbConfig, attribute: A, value: &Value) -> bool {
    match (attribute, value) {
        (A::Retries, Value::Number(n)) => lb.retries = *n,
        (A::RetryInterval, Value::Number(n)) => lb.retry_interval = ms(*n),
        (A::RecoverTime, Value::Number(n)) => lb.recover_time = Duration::from_secs((*n).into()),
        (A::ErrorEscalationTime, Value::Number(n)) => {
            lb.error_escalation_time = Duration::from_secs((*n).into());
        }
        (A::MaxReplyTimeouts, Value::Number(n)) => lb.max_reply_timeouts = *n,
        (A::Lock, Value::Flag(on)) => lb.is_pessimistic = *on,
        (A::StickySession, Value::Flag(on)) => lb.sticky_session = *on,
        (A::StickySessionForce, Value::Flag(on)) => lb.sticky_session_force = *on,
        (A::Method, Value::Method(method)) => lb.method = *method,
        _ => return false,
    }
    true
}

fn set_member(lb: &mut LbConfig, name: &str, attribute: A, value: &Value) -> bool {
    let Some(own) = lb.members.iter_mut().find(|own| own.worker == name) else { return false };
    match (attribute, value) {
        (A::Lbfactor, Value::Number(n)) => own.lbfactor = *n,
        (A::Distance, Value::Number(n)) => own.distance = i32::try_from(*n).unwrap_or(i32::MAX),
        (A::Redirect, Value::Text(text)) => own.redirect.clone_from(text),
        (A::Domain, Value::Text(text)) => own.domain.clone_from(text),
        (A::Route, Value::Text(text)) => {
            own.route.clone_from(text);
            if let Some((domain, _)) = text.split_once('.').filter(|_| own.domain.is_empty()) {
                domain.clone_into(&mut own.domain);
            }
        }
        _ => return false,
    }
    true
}

fn set_ajp(ajp: &mut Ajp13Config, attribute: A, value: &Value) -> bool {
    match (attribute, value) {
        (A::Host, Value::Text(host)) => ajp.host.clone_from(host),
        (A::Port, Value::Number(n)) => ajp.port = u16::try_from(*n).unwrap_or(ajp.port),
        (A::ConnectionPoolTimeout, Value::Number(n)) => {
            ajp.connection_pool_timeout = (*n > 0).then(|| Duration::from_secs((*n).into()));
        }
        (A::PingTimeout, Value::Number(n)) => ajp.ping_timeout = ms(*n),
        (A::ConnectTimeout, Value::Number(n)) => ajp.connect_timeout = limit(*n),
        (A::PrepostTimeout, Value::Number(n)) => ajp.prepost_timeout = limit(*n),
        (A::ReplyTimeout, Value::Number(n)) => ajp.reply_timeout = limit(*n),
        (A::Retries, Value::Number(n)) => ajp.retries = *n,
        (A::RetryInterval, Value::Number(n)) => ajp.retry_interval = ms(*n),
        (A::ConnectionPingInterval, Value::Number(n)) => {
            ajp.connection_ping_interval = Some(Duration::from_secs((*n).into()));
        }
        (A::RecoveryOptions, Value::Number(n)) => ajp.recovery_options = Some(*n),
        (A::BusyLimit, Value::Number(n)) => ajp.busy_limit = (*n > 0).then_some(*n),
        (A::MaxPacketSize, Value::Number(n)) => ajp.max_packet_size = *n as usize,
        _ => return false,
    }
    true
}

fn ms(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

fn limit(number: u32) -> Option<Duration> {
    (number > 0).then(|| ms(number))
}
