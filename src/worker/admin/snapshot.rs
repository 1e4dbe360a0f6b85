//! The live records as the status worker shows them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::{Health, MemberRecord, MemberState, is_refusing};
use crate::messages::FailureDetail;
use crate::status::view::{
    BalancerView, EventList, MemberView, Moment, RuleView, ServerView, Snapshot, WorkerView,
};
use crate::worker::admin::runtime_changes::runtime_changes;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::balancer::members::Lb;
use crate::worker::workers::{Worker, Workers};

/// Joins configuration and records into one picture.
pub fn snapshot(workers: &Workers, server: ServerView) -> Snapshot {
    let (mut balancers, mut alone, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (name, worker) in workers.in_order() {
        match worker {
            Worker::Lb(lb) => balancers.push(balancer(workers, lb, workers.rules_of(&lb.name))),
            Worker::Ajp13(own, record_index) => {
                let record = workers.records.segment.member(*record_index);
                let mut view = ajp(workers, own, record, *record_index);
                view.rules = workers.rules_of(name);
                view.map_count = view.rules.len() as u64;
                alone.push(view);
            }
            Worker::Status(_) => others.push(name.to_owned()),
        }
    }
    let properties = Arc::clone(&workers.properties);
    Snapshot {
        server,
        balancers,
        workers: alone,
        others,
        properties,
        broken_configuration: workers.fallback.clone(),
        runtime_changes: runtime_changes(workers),
        is_unprotected: false,
        events: EventList::default(),
    }
}

/// Adds what happened behind the event of a number.
pub fn events(workers: &Workers, since: u64) -> EventList {
    let log = workers.records.segment.events();
    let last = log.last();
    EventList { events: log.since(since), last, utc_offset: clock::utc_offset() }
}

/// Reads a balancer and its members.
pub(in crate::worker) fn balancer(
    workers: &Workers,
    lb: &Lb,
    rules: Vec<RuleView>,
) -> BalancerView {
    let decayed = Millis(workers.records.segment.header().decayed_ms.load(Relaxed));
    // Before the first round the whole interval is ahead.
    let since = if decayed.0 == 0 { Duration::ZERO } else { clock::now().since(decayed) };
    let next = workers.maintain.saturating_sub(since);
    let members: Vec<_> = (0..lb.members.len()).map(|index| member(workers, lb, index)).collect();
    BalancerView {
        name: lb.name.clone(),
        config: Arc::clone(&lb.config),
        busy: lb.record.busy.load(Relaxed).into(),
        max_busy: lb.record.max_busy.load(Relaxed).into(),
        map_count: rules.len() as u64,
        time_to_maintenance_min: next.as_secs(),
        time_to_maintenance_max: (next + workers.maintain).as_secs(),
        last_reset_at: members.iter().map(|own| own.ajp.last_reset_at).max().unwrap_or(0),
        last_reset_ago: members.iter().map(|own| own.ajp.last_reset_ago).min().unwrap_or(0),
        unserved: lb.record.unserved.load(Relaxed),
        members,
        rules,
    }
}

fn member(workers: &Workers, lb: &Lb, index: usize) -> MemberView {
    let (own, record, config) =
        (&lb.balancer.members[index], lb.records[index], &lb.config.members[index]);
    let state = lb.state(index);
    let last = Millis(record.error_last_ms.get());
    let left = match state {
        MemberState::Error => lb.config.recover_time.saturating_sub(clock::now().since(last)),
        _ => Duration::ZERO,
    };
    MemberView {
        ajp: ajp(workers, &lb.members[index], record, lb.record_indexes[index]),
        activation: lb.activation(index),
        config: config.clone(),
        state,
        lbmult: own.multiplicity,
        lbvalue: lb.balancer.method.load(record, own.multiplicity),
        sessions: record.sessions.load(Relaxed),
        time_to_recover_min: left.as_secs(),
        time_to_recover_max: left.as_secs(),
        recent_sessions: record.recent.count(clock::now().0),
        health: lb.config.health_check.as_ref().map(|_| Health::of(record)),
        health_status: record.health_status.load(Relaxed),
        foreign_routes: record.foreign_routes.load(Relaxed),
        last_session_ago: record.recent.last().map(|at| clock::now().since(Millis(at)).as_secs()),
    }
}

/// Reads a worker, without the rules that name it.
pub(in crate::worker) fn ajp(
    workers: &Workers,
    own: &Ajp13,
    record: &MemberRecord,
    record_index: usize,
) -> WorkerView {
    let config = &own.config;
    let (connections, idle) = workers.child_counts.refreshed(record_index, own.pool.counts());
    record.max_connected.fetch_max(u32::try_from(connections).unwrap_or(u32::MAX), Relaxed);
    let address = match config.is_off() {
        true => "invalid".to_owned(),
        false => own.pool.target().shown_address(),
    };
    let first = record.error_first_ms.get();
    let now = clock::now();
    let reset = record.reset_unix.load(Relaxed);
    let counts = workers.child_counts.totals(record_index);
    WorkerView {
        last_reset_at: reset,
        last_reset_ago: clock::unix_now().as_secs() as i64 - reset,
        name: own.name.clone(),
        config: Arc::clone(config),
        address,
        used: record.used.load(Relaxed),
        errors: record.errors.load(Relaxed),
        client_errors: record.client_errors.load(Relaxed),
        reply_timeouts: record.reply_timeouts.load(Relaxed).into(),
        transferred: record.transferred.load(Relaxed),
        read: record.read.load(Relaxed),
        busy: record.busy.load(Relaxed).into(),
        max_busy: record.max_busy.load(Relaxed).into(),
        connected: connections,
        max_connected: record.max_connected.load(Relaxed).into(),
        error_time: (first != 0).then(|| {
            let ago = now.since(Millis(first));
            // Subtracted before it is rounded, so that each look finds the same second.
            let unix = clock::unix_now().saturating_sub(ago).as_secs() as i64;
            (Moment::at(unix, clock::utc_offset()), ago.as_secs() as i64)
        }),
        failures_in_row: record.failures_in_row.get(),
        recent: workers.records.segment.samples(record_index).lately(
            &counts,
            record.outages.get(),
            now,
        ),
        refusals_in_row: record.refusals_in_row.get(),
        is_refusing: is_refusing(record),
        last_failure: FailureDetail::of_number(record.last_failure.load(Relaxed)),
        last_failure_at: record.last_failure_unix.load(Relaxed),
        idle,
        counts,
        // Only of a worker without a balancer.
        map_count: 0,
        rules: Vec::new(),
    }
}
