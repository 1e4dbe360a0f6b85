//! `mime=json`: everything there is, as described in docs/status.md.

use serde_json::{Map, Value, json};

use crate::config::rows::UNSET;
use crate::config::{Settings, Value as Set};
use crate::events::{EventKind, LoggedEvent};
use crate::lb::Health;
use crate::messages::FailureDetail;
use crate::metrics::{CLASSES, COUNTERS, FAILURES, RecentCounts, Totals};
use crate::status::change_text::Changed;
use crate::status::condition::{self, Assessment};
use crate::status::event_text;
use crate::status::history;
use crate::status::percentiles;
use crate::status::rating::{Rating, RatingRules};
use crate::status::request::{Action, StatusRequest};
use crate::status::view::{
    BalancerView, EventList, MemberView, Moment, RuleView, RuntimeChange, ServerView, Snapshot,
    WaitingView, WorkerView,
};
use crate::status::{StatusError, shown};
use crate::text;

/// Writes an answer; `snapshot` holds all workers, `show` picks the one it names. After a change
/// it shows the worker that was changed, and `changes` says what was.
pub fn render(
    command: Result<&StatusRequest, &StatusError>,
    snapshot: &Snapshot,
    changes: &[Changed],
    rules: &RatingRules,
) -> String {
    let mut page = json!({ "result": match command {
        Ok(_) => json!({ "type": "OK", "message": "Action finished" }),
        Err(refusal) => json!({ "type": "ERROR", "message": refusal.to_string() }),
    }});
    let Ok(command) = command else { return written(&page) };
    page["server"] = json!({
        "name": snapshot.server.name, "port": snapshot.server.port,
        "web_server": snapshot.server.software, "jk_version": snapshot.server.version,
        "time": moment(&snapshot.server.now),
        "started": at(&snapshot.server, snapshot.server.started_at),
        "children": snapshot.server.children, "child_pid": snapshot.server.child.pid,
        "child_uptime_s": snapshot.server.child.uptime.as_secs(),
        "workers_file": snapshot.server.configuration.workers_file,
        "configuration_read": at(&snapshot.server, snapshot.server.configuration.read_at),
        "broken_configuration": snapshot.broken_configuration,
        "is_unprotected": snapshot.is_unprotected,
    });
    let is_wanted =
        |name: &str| command.action == Action::List || command.worker.as_deref() == Some(name);
    let is_list = command.action == Action::List;
    let hidden = command.hidden;
    if command.action.is_change() {
        page["changes"] = changes.iter().map(changed).collect();
        page["dry_run"] = command.is_dry_run.into();
    }
    if is_list || command.action == Action::Show || command.action.is_change() {
        let lbs = snapshot.balancers.iter().filter(|lb| is_wanted(&lb.name));
        let lbs = lbs.filter(|_| !(is_list && hidden.balancers()));
        page["balancers"] = lbs.map(|lb| balancer(lb, command, rules, &snapshot.server)).collect();
        let ajps = snapshot.workers.iter().filter(|worker| is_wanted(&worker.name));
        let ajps = ajps.filter(|_| !(is_list && hidden.workers()));
        page["ajp_workers"] = ajps
            .map(|own| {
                let view = ajp(own, command, &snapshot.server);
                with_condition(view, &condition::of_worker(own))
            })
            .collect();
    }
    if is_list || command.action == Action::Show {
        page["runtime_changes"] = snapshot.runtime_changes.iter().map(runtime_change).collect();
    }
    if command.action == Action::Show {
        let own = snapshot.origins.iter();
        page["origins"] =
            own.map(|(name, from)| (name.clone(), Value::from(from.as_str()))).collect();
    }
    if command.events_since().is_some() {
        page["events"] = snapshot
            .events
            .about(command, snapshot)
            .into_iter()
            .map(|own| event(own, &snapshot.events))
            .collect();
        page["last_event"] = snapshot.events.last.into();
    }
    if command.action == Action::Dump {
        let shown = shown(&snapshot.properties).into_iter();
        page["properties"] =
            shown.map(|(name, value)| json!({ "name": name, "value": value })).collect();
    }
    written(&page)
}

/// Names and values may be in any encoding; JSON is UTF-8.
fn written(page: &Value) -> String {
    text::shown_in_quotes(&page.to_string()).into_owned()
}

fn moment(moment: &Moment) -> Value {
    json!({ "unix": moment.unix, "datetime": moment.datetime, "tz": moment.tz })
}

/// A time of the wall clock; null if there is none.
fn at(server: &ServerView, unix: i64) -> Value {
    server.moment(unix).as_ref().map(moment).into()
}

fn runtime_change(change: &RuntimeChange) -> Value {
    let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let edit = change.edit.as_deref();
    json!({
        "balancer": present(&change.balancer), "worker": present(&change.worker),
        "attribute": change.property, "old": setting(&change.old), "new": setting(&change.new),
        "time": edit.map(|edit| moment(&edit.at)),
        "user": edit.and_then(|edit| present(&edit.user)),
        "client": edit.and_then(|edit| present(&edit.client)),
    })
}

fn event(event: &LoggedEvent, list: &EventList) -> Value {
    let facts = &event.facts;
    let at = |ms: u64| {
        let mut time = moment(&Moment::at((ms / 1_000) as i64, list.utc_offset));
        time["ms"] = (ms % 1_000).into();
        time
    };
    let present = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let is_change = matches!(facts.kind, EventKind::Changed | EventKind::Discarded);
    json!({
        "seq": event.seq, "time": at(event.time_ms), "first_time": at(event.first_ms),
        "count": event.count, "kind": facts.kind.word(),
        "balancer": present(&facts.balancer), "worker": present(&facts.worker),
        "reason": facts.reason.word(), "code": event_text::code_text(facts.code),
        "status": (facts.status != 0).then_some(facts.status),
        "attribute": present(&facts.attribute),
        "old": is_change.then_some(&facts.old), "new": is_change.then_some(&facts.new),
        "user": present(&facts.user), "client": present(&facts.client),
        "text": format!("{} {}", event_text::subject(facts), event_text::text(facts)),
    })
}

fn changed(change: &Changed) -> Value {
    json!({
        "balancer": change.balancer, "worker": change.worker,
        "attribute": change.attribute, "old": change.old, "new": change.new,
    })
}

fn balancer(
    lb: &BalancerView,
    command: &StatusRequest,
    rules: &RatingRules,
    server: &ServerView,
) -> Value {
    let wanted = command.member.as_deref().filter(|_| command.action == Action::Show);
    let assessed = condition::of_members(lb);
    let found = condition::of_assessed(lb, &assessed);
    let members = assessed.into_iter();
    let members = members.filter(|(own, _)| wanted.is_none_or(|name| name == own.ajp.name));
    let members = members.filter(|_| !command.hidden.members());
    let count = |rating| lb.members.iter().filter(|own| rules.rate(own) == rating).count();
    let own = json!({
        "name": lb.name, "type": "lb",
        "busy": lb.busy, "max_busy": lb.max_busy, "map_count": lb.map_count,
        "waiting": lb.waits.queued, "longest_wait_ms": longest_wait(&lb.waits),
        "parked": lb.waits.parked,
        "threads_held": lb.threads.held, "threads_allowed": lb.threads.allowed,
        "time_to_maintenance_min_s": lb.time_to_maintenance_min,
        "time_to_maintenance_max_s": lb.time_to_maintenance_max,
        "member_count": lb.members.len(), "good": count(Rating::Good),
        "degraded": count(Rating::Degraded), "bad": count(Rating::Bad),
        "unserved": lb.unserved, "last_reset_at": lb.last_reset_at,
        "members": members.map(|(own, found)| member(own, &found, (command, server), rules)).collect::<Vec<_>>(),
        "rules": rules_of(&lb.rules, command),
    });
    with_settings(with_condition(own, &found), &*lb.config)
}

fn longest_wait(waiting: &WaitingView) -> Option<u64> {
    waiting.longest.map(|own| own.as_millis() as u64)
}

/// Adds what users get, why, since when, what ends an outage, and what to do.
fn with_condition(mut own: Value, found: &Assessment) -> Value {
    own["condition"] = found.condition.word().into();
    own["reasons"] = found.reasons.iter().map(|reason| reason.text()).collect();
    own["since"] = found.since.as_ref().map(|(at, _)| moment(at)).into();
    own["way_back"] = found.way_back.map(|way| way.text()).into();
    own["remedy"] = found.remedy().into();
    own
}

fn rules_of(rules: &[RuleView], command: &StatusRequest) -> Vec<Value> {
    rules.iter().filter(|_| !command.hidden.rules()).map(rule).collect()
}

fn member(
    member: &MemberView,
    found: &Assessment,
    (command, server): (&StatusRequest, &ServerView),
    rules: &RatingRules,
) -> Value {
    let mut own = with_settings(ajp(&member.ajp, command, server), &*member.config);
    own = with_condition(own, found);
    let more = json!({
        "activation": member.activation.code(), "state": member.state.code(),
        "rating": match rules.rate(member) {
            Rating::Bad => "bad",
            Rating::Degraded => "degraded",
            Rating::Good => "good",
        },
        "lbmult": member.lbmult, "lbvalue": member.lbvalue, "sessions": member.sessions,
        "recent_sessions": member.recent_sessions, "last_session_ago_s": member.last_session_ago,
        "health": member.health.map(Health::word), "health_status": member.health_status,
        "last_check": member.last_check.map(|check| json!({
            "time": at(server, check.at), "took_ms": check.took_ms,
            "passed": check.has_passed, "text": history::check_text(member),
        })),
        "foreign_routes": member.foreign_routes,
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

fn ajp(ajp: &WorkerView, command: &StatusRequest, server: &ServerView) -> Value {
    let counts = &ajp.counts;
    let own = json!({
        "name": ajp.name, "type": "ajp13", "address": ajp.shown_address(),
        "used": ajp.used, "errors": ajp.errors,
        "client_errors": ajp.client_errors, "reply_timeouts": ajp.reply_timeouts,
        "bytes_sent": ajp.transferred, "bytes_received": ajp.read,
        "busy": ajp.busy, "max_busy": ajp.max_busy, "concurrency_limit": ajp.limit,
        "waiting": ajp.waits.queued, "longest_wait_ms": longest_wait(&ajp.waits),
        "parked": ajp.waits.parked,
        "threads_held": ajp.threads.held, "threads_allowed": ajp.threads.allowed,
        "connected": ajp.connected, "max_connected": ajp.max_connected, "idle": ajp.idle,
        "map_count": ajp.map_count,
        "recent": recent(&ajp.recent),
        "counts": counted(counts),
        "last_reset_at": ajp.last_reset_at,
        "error_time": ajp.error_time.as_ref().map(|(at, _)| moment(at)),
        "last_failure": ajp.last_failure.map(FailureDetail::code),
        "last_failure_text": ajp.last_failure.map(FailureDetail::what),
        "last_failure_time": ajp.last_failure.map(|_| at(server, ajp.last_failure_at)),
        "outages": ajp.outages, "downtime_s": ajp.downtime.as_secs(), "refusals_in_row": ajp.refusals_in_row,
        "is_refusing": ajp.is_refusing, "rules": rules_of(&ajp.rules, command),
    });
    with_settings(own, &*ajp.config)
}

/// Adds all settings by their keys.
fn with_settings<C: Settings>(mut own: Value, config: &C) -> Value {
    if let Value::Object(all) = &mut own {
        all.extend(C::rows().map(|(row, own)| (row.key(), setting(&own.get(row, config)))));
    }
    own
}

/// A setting that is unset says so: it is neither 0 nor nothing.
fn setting(value: &Set) -> Value {
    match value {
        Set::Flag(on) => json!(on),
        Set::List(numbers) => json!(numbers),
        Set::Number(number) => json!(number),
        Set::Words(words) => json!(words),
        Set::Activation(_) | Set::Method(_) | Set::Text(_) | Set::Unset => json!(value.to_string()),
    }
}

fn counted(counts: &Totals) -> Value {
    let failures = FAILURES.iter().zip(counts.failures).filter(|(_, count)| *count > 0);
    let named = |(name, count): (&&str, u64)| ((*name).to_owned(), Value::from(count));
    let mut all: Map<_, _> =
        COUNTERS.iter().map(|row| (row.key.to_owned(), (row.get)(counts).into())).collect();
    let responses: Map<_, _> = CLASSES.iter().zip(counts.responses).map(named).collect();
    all.insert("responses".to_owned(), responses.into());
    for (name, own) in [
        ("connect_ms", &counts.connect),
        ("latency_ms", &counts.first_byte),
        ("total_ms", &counts.total),
    ] {
        all.insert(name.to_owned(), percentiles::in_json(own));
    }
    all.insert("failures".to_owned(), failures.map(named).collect::<Map<_, _>>().into());
    all.into()
}

fn recent(recent: &RecentCounts) -> Value {
    json!({
        "span_s": recent.span.as_secs(), "attempts": recent.attempts,
        "failures": recent.failures, "server_errors": recent.server_errors,
        "retries": recent.retries, "outages": recent.outages,
        "bytes_sent": recent.sent_bytes, "bytes_received": recent.received_bytes,
        "latency_ms": percentiles::in_json(&recent.first_byte),
        "attempts_per_minute": recent.per_minute, "most_per_minute": recent.most_per_minute,
    })
}

fn rule(rule: &RuleView) -> Value {
    json!({
        "server": rule.server, "uri": rule.uri, "type": rule.kind(), "source": rule.source,
        "reply_timeout_ms": rule.reply_timeout.map_or(json!(UNSET), |ms| json!(ms)), "sticky_ignore": rule.sticky_ignore,
        "stateless": rule.stateless, "fail_on_status": rule.fail_on_status,
        "active": rule.active, "disabled": rule.disabled, "stopped": rule.stopped,
        "use_server_errors": rule.use_server_errors,
    })
}
