//! `mime=json`: everything there is, as described in docs/status.md.

use serde_json::{Map, Value, json};

use super::carry::Changed;
use super::rating::{Rating, Rules};
use super::request::{Action, Command};
use super::view::{Ajp, Balancer, Member, Moment, Rule, Snapshot, method_name, percentiles};
use super::{Refusal, further, shown};
use crate::metrics::{CLASSES, FAILURES, HistogramTotals, Totals};

/// Writes an answer; `snapshot` holds all workers, `show` picks the one it names. After a change
/// it shows the worker that was changed, and `changes` says what was.
pub fn render(
    command: Result<&Command, &Refusal>,
    snapshot: &Snapshot,
    changes: &[Changed],
    rules: &Rules,
) -> String {
    let mut page = json!({ "result": match command {
        Ok(_) => json!({ "type": "OK", "message": "Action finished" }),
        Err(refusal) => json!({ "type": "ERROR", "message": refusal.to_string() }),
    }});
    let Ok(command) = command else { return page.to_string() };
    page["server"] = json!({
        "name": snapshot.server.name, "port": snapshot.server.port,
        "web_server": snapshot.server.software, "jk_version": snapshot.server.version,
        "time": moment(&snapshot.server.now),
        "broken_configuration": snapshot.broken_configuration,
        "is_unprotected": snapshot.is_unprotected,
    });
    let is_wanted =
        |name: &str| command.action == Action::List || command.worker.as_deref() == Some(name);
    let is_list = command.action == Action::List;
    let hidden = command.hidden;
    if command.action.is_change() {
        page["changes"] = changes.iter().map(changed).collect();
    }
    if is_list || command.action == Action::Show || command.action.is_change() {
        let lbs = snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name));
        let lbs = lbs.filter(|_| !(is_list && hidden.balancers()));
        page["balancers"] = lbs.map(|lb| balancer(lb, command, snapshot, rules)).collect();
        let ajps = snapshot.workers.iter().filter(|worker| is_wanted(&worker.name));
        let ajps = ajps.filter(|_| !(is_list && hidden.workers()));
        page["ajp_workers"] = ajps.map(|own| ajp(own, command, snapshot)).collect();
    }
    if command.action == Action::Dump {
        let shown = shown(&snapshot.properties).into_iter();
        page["properties"] =
            shown.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    }
    page.to_string()
}

fn moment(moment: &Moment) -> Value {
    json!({ "unix": moment.unix, "datetime": moment.datetime, "tz": moment.tz })
}

fn changed(change: &Changed) -> Value {
    json!({
        "balancer": change.balancer, "worker": change.worker,
        "attribute": change.attribute, "old": change.old, "new": change.new,
    })
}

fn balancer(lb: &Balancer, command: &Command, snapshot: &Snapshot, rules: &Rules) -> Value {
    let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
    let members = lb.members.iter().filter(|m| wanted.is_none_or(|name| name == m.ajp.name));
    let members = members.filter(|_| !command.hidden.members());
    let count = |rating| lb.members.iter().filter(|own| rules.rate(own) == rating).count();
    let own = json!({
        "name": lb.name, "type": "lb",
        "sticky_session": lb.sticky_session, "sticky_session_force": lb.sticky_session_force,
        "retries": lb.retries, "retry_interval_ms": lb.retry_interval_ms,
        "recover_time_s": lb.recover_time, "error_escalation_time_s": lb.error_escalation_time,
        "max_reply_timeouts": lb.max_reply_timeouts, "method": method_name(lb.method),
        "lock": if lb.is_pessimistic { "Pessimistic" } else { "Optimistic" },
        "busy": lb.busy, "max_busy": lb.max_busy, "map_count": lb.map_count,
        "time_to_maintenance_min_s": lb.time_to_maintenance_min,
        "time_to_maintenance_max_s": lb.time_to_maintenance_max,
        "member_count": lb.members.len(), "good": count(Rating::Good),
        "degraded": count(Rating::Degraded), "bad": count(Rating::Bad),
        "unserved": lb.unserved, "last_reset_at": lb.last_reset_at,
        "members": members.map(|own| member(own, command, snapshot, rules)).collect::<Vec<_>>(),
        "rules": rules_of(&lb.rules, command),
    });
    with_further(own, &lb.name, snapshot)
}

fn rules_of(rules: &[Rule], command: &Command) -> Vec<Value> {
    rules.iter().filter(|_| !command.hidden.rules()).map(rule).collect()
}

fn member(member: &Member, command: &Command, snapshot: &Snapshot, rules: &Rules) -> Value {
    let mut own = ajp(&member.ajp, command, snapshot);
    let more = json!({
        "activation": member.activation.code(), "state": member.state.code(),
        "rating": match rules.rate(member) {
            Rating::Bad => "bad",
            Rating::Degraded => "degraded",
            Rating::Good => "good",
        },
        "lbfactor": member.lbfactor, "lbmult": member.lbmult, "lbvalue": member.lbvalue,
        "route": member.route, "redirect": member.redirect, "domain": member.domain,
        "distance": member.distance, "sessions": member.sessions,
        "recent_sessions": member.recent_sessions, "last_session_ago_s": member.last_session_ago,
        "health": member.health, "health_status": member.health_status,
        "time_to_recover_min_s": member.time_to_recover_min,
        "time_to_recover_max_s": member.time_to_recover_max,
    });
    if let (Value::Object(own), Value::Object(more)) = (&mut own, more) {
        own.extend(more);
        own.remove("rules");
        own.remove("map_count");
    }
    own
}

fn ajp(ajp: &Ajp, command: &Command, snapshot: &Snapshot) -> Value {
    let counts = &ajp.counts;
    let own = json!({
        "name": ajp.name, "type": "ajp13", "host": ajp.host, "port": ajp.port,
        "address": ajp.address, "source": ajp.source,
        "connection_pool_timeout_s": ajp.connection_pool_timeout,
        "ping_timeout_ms": ajp.ping_timeout, "connect_timeout_ms": ajp.connect_timeout,
        "prepost_timeout_ms": ajp.prepost_timeout, "reply_timeout_ms": ajp.reply_timeout,
        "retries": ajp.retries, "retry_interval_ms": ajp.retry_interval_ms,
        "connection_ping_interval_s": ajp.connection_ping_interval,
        "recovery_options": ajp.recovery_options, "busy_limit": ajp.busy_limit,
        "max_packet_size": ajp.max_packet_size, "used": ajp.used, "errors": ajp.errors,
        "client_errors": ajp.client_errors, "reply_timeouts": ajp.reply_timeouts,
        "bytes_sent": ajp.transferred, "bytes_received": ajp.read,
        "busy": ajp.busy, "max_busy": ajp.max_busy,
        "connected": ajp.connected, "max_connected": ajp.max_connected, "idle": ajp.idle,
        "pool_size": ajp.pool_size, "map_count": ajp.map_count,
        "latency_ms": times(&counts.first_byte), "connect_ms": times(&counts.connect),
        "total_ms": times(&counts.total),
        "counts": counted(counts),
        "last_reset_at": ajp.last_reset_at,
        "error_time": ajp.error_time.as_ref().map(|(at, _)| moment(at)),
        "last_failure": ajp.last_failure, "rules": rules_of(&ajp.rules, command),
    });
    with_further(own, &ajp.name, snapshot)
}

/// Adds the settings that only the file can change.
fn with_further(mut own: Value, name: &str, snapshot: &Snapshot) -> Value {
    if let Value::Object(all) = &mut own {
        let further = further::of(snapshot.config.as_deref(), name);
        all.extend(further.into_iter().map(|(key, value)| (key.to_owned(), value)));
    }
    own
}

fn counted(counts: &Totals) -> Value {
    let failures = FAILURES.iter().zip(counts.failures).filter(|(_, count)| *count > 0);
    let named = |(name, count): (&&str, u64)| ((*name).to_owned(), Value::from(count));
    json!({
        "attempts": counts.requests, "retries": counts.retries,
        "responses": CLASSES.iter().zip(counts.responses).map(named).collect::<Map<_, _>>(),
        "failures": failures.map(named).collect::<Map<_, _>>(),
        "queued": counts.queued, "queue_wait_us": counts.queue_wait_us,
        "connects": counts.connects, "reuses": counts.reuses,
        "probes_answered": counts.probes_ok, "probes_failed": counts.probes_failed,
        "bytes_sent": counts.sent_bytes, "bytes_received": counts.received_bytes,
    })
}

fn times(times: &HistogramTotals) -> Value {
    percentiles(times)
        .map_or(Value::Null, |[p50, p95, p99]| json!({ "p50": p50, "p95": p95, "p99": p99 }))
}

fn rule(rule: &Rule) -> Value {
    json!({
        "server": rule.server, "uri": rule.uri, "type": rule.kind(), "source": rule.source,
        "reply_timeout_ms": rule.reply_timeout, "sticky_ignore": rule.sticky_ignore,
        "stateless": rule.stateless, "fail_on_status": rule.fail_on_status,
        "active": rule.active, "disabled": rule.disabled, "stopped": rule.stopped,
        "use_server_errors": rule.use_server_errors,
    })
}
