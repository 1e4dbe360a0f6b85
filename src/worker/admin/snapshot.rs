//! The live records as the status worker shows them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::config;
use crate::lb::thread_share::ThreadShare;
use crate::lb::{
    Activation, Health, MemberRecord, MemberState, ReadmitReason, downtime, is_refusing,
};
use crate::messages::FailureDetail;
use crate::metrics::{BUCKETS_US, RecentCounts};
use crate::shm::SLOW_MS;
use crate::status::request::StatusRequest;
use crate::status::view::{
    BalancerView, Beginnings, CheckView, ChildView, CountsSinceReturn, EventList, MemberView,
    Moment, RuleView, ServerView, Since, Snapshot, ThreadsView, WaitingView, WorkerView,
};
use crate::worker::admin::runtime_changes::runtime_changes;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::balancer::members::Lb;
use crate::worker::workers::{Worker, Workers};

/// The moment of a picture, read once: a thousand members would ask for it thousands of times.
#[derive(Clone, Copy)]
pub(in crate::worker) struct Present {
    now: Millis,
    /// Time since 1970.
    unix: Duration,
    /// Of local time, in seconds.
    utc_offset: i64,
}

impl Present {
    /// Asks the clocks.
    pub fn read() -> Self {
        Self { now: clock::now(), unix: clock::unix_now(), utc_offset: clock::utc_offset() }
    }

    /// Returns a moment of the monotonic clock for display.
    fn since(&self, at: Millis) -> Since {
        let ago = self.now.since(at);
        // Subtracted before it is rounded, so that each look finds the same second.
        let unix = self.unix.saturating_sub(ago).as_secs() as i64;
        (Moment::at(unix, self.utc_offset), ago.as_secs() as i64)
    }
}

/// Joins configuration and records into one picture.
pub fn snapshot(workers: &Workers, server: ServerView) -> Snapshot {
    let present = Present::read();
    let (mut balancers, mut alone, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for (name, worker) in workers.in_order() {
        match worker {
            Worker::Lb(lb) => {
                balancers.push(balancer(workers, lb, workers.rules_of(&lb.name), present))
            }
            Worker::Ajp13(own, record_index) => {
                let record = workers.records.segment.member(*record_index);
                let mut view = ajp(workers, own, record, *record_index, present);
                view.rules = workers.rules_of(name);
                view.map_count = view.rules.len() as u64;
                alone.push(view);
            }
            Worker::Status(_) => others.push(name.to_owned()),
        }
    }
    let properties = Arc::clone(&workers.properties);
    let server = described(workers, server, present);
    Snapshot {
        server,
        balancers,
        workers: alone,
        others,
        properties,
        broken_configuration: workers.fallback.clone(),
        origins: Vec::new(),
        runtime_changes: runtime_changes(workers, present.utc_offset),
        is_unprotected: false,
        events: EventList::default(),
    }
}

/// Adds what a picture says of httpd, its children and the configuration.
fn described(workers: &Workers, server: ServerView, present: Present) -> ServerView {
    ServerView {
        utc_offset: present.utc_offset,
        started_at: workers.records.segment.header().started_unix.load(Relaxed),
        children: workers.child_counts.children(),
        child: ChildView {
            pid: std::process::id(),
            uptime: workers
                .child_counts
                .claimed()
                .map_or(Duration::ZERO, |at| present.now.since(at)),
        },
        configuration: workers.source.clone(),
        ..server
    }
}

/// Says where each setting of a worker, balancer or member comes from: the configuration, or who changed it since.
pub fn origins(
    workers: &Workers,
    command: &StatusRequest,
    shown: &Snapshot,
) -> Vec<(String, String)> {
    let Some(worker) = command.worker.as_deref() else { return Vec::new() };
    let member = command.member.as_deref();
    let mut all = config::origins(&workers.config(), member.unwrap_or(worker));
    let is_balancer = shown.balancers.iter().any(|lb| lb.name == worker);
    for change in &shown.runtime_changes {
        let is_own = match (is_balancer, member) {
            // A setting of an ajp13 worker is changed for all its balancers at once.
            (true, Some(member)) => {
                change.worker == member && (change.balancer.is_empty() || change.balancer == worker)
            }
            (true, None) => change.balancer == worker && change.worker.is_empty(),
            (false, _) => change.worker == worker,
        };
        let row = all.iter_mut().find(|(name, _)| name == change.property);
        if let Some((_, from)) = row.filter(|_| is_own) {
            let edit = change.edit.as_ref();
            let edit =
                edit.map(|edit| format!(" by {}, {} {}", edit.who(), edit.at.pretty(), edit.at.tz));
            *from = format!(
                "changed while httpd runs{}; before: {} ({from})",
                edit.unwrap_or_default(),
                change.old
            );
        }
    }
    all
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
    present: Present,
) -> BalancerView {
    let decayed = Millis(workers.records.segment.header().decayed_ms.load(Relaxed));
    // Before the first round the whole interval is ahead.
    let since = if decayed.0 == 0 { Duration::ZERO } else { present.now.since(decayed) };
    let next = workers.maintain.saturating_sub(since);
    let members: Vec<_> =
        (0..lb.members.len()).map(|index| member(workers, lb, index, present)).collect();
    BalancerView {
        name: lb.name.clone(),
        config: Arc::clone(&lb.config),
        busy: lb.record.busy.load(Relaxed).into(),
        max_busy: lb.record.max_busy.load(Relaxed).into(),
        waits: waiting(workers, (&lb.record.queued, &lb.record.parked), present, {
            let own = workers.child_counts.balancer_place(lb.record_index);
            lb.record_indexes.iter().copied().chain([own])
        }),
        threads: threads(lb.threads_held(lb.record.busy.load(Relaxed)), lb.share),
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

fn member(workers: &Workers, lb: &Lb, index: usize, present: Present) -> MemberView {
    let (own, record, config) =
        (&lb.balancer.members[index], lb.records[index], &lb.config.members[index]);
    let state = lb.state(index);
    let last = Millis(record.error_last_ms.get());
    let left = match state {
        MemberState::Error => lb.config.recover_time.saturating_sub(present.now.since(last)),
        _ => Duration::ZERO,
    };
    let health = lb.config.health_check.as_ref().map(|_| Health::of(record));
    let activation = lb.activation(index);
    let activated_ms = record.activated_ms.load(Relaxed);
    MemberView {
        ajp: ajp(workers, &lb.members[index], record, lb.record_indexes[index], present),
        activation,
        config: Arc::clone(config),
        state,
        lbmult: own.multiplicity,
        lbvalue: lb.balancer.method.load(record, own.multiplicity),
        sessions: record.sessions.load(Relaxed),
        time_to_recover_min: left.as_secs(),
        time_to_recover_max: left.as_secs(),
        recent_sessions: record.recent.count(present.now.0),
        health,
        health_status: record.health_status.load(Relaxed),
        health_detail: FailureDetail::of_number(record.health_detail.load(Relaxed)),
        last_check: health.and_then(|_| last_check(record)),
        unhealthy_since: (health == Some(Health::Unhealthy))
            .then(|| present.since(Millis(record.unhealthy_ms.get()))),
        readmitted: ReadmitReason::of(record),
        activated_at: (activation != Activation::Active && activated_ms != 0)
            .then(|| present.since(Millis(activated_ms))),
        foreign_routes: record.foreign_routes.load(Relaxed),
        last_session_ago: record.recent.last().map(|at| present.now.since(Millis(at)).as_secs()),
    }
}

/// Reads a worker, without the rules that name it.
pub(in crate::worker) fn ajp(
    workers: &Workers,
    own: &Ajp13,
    record: &MemberRecord,
    record_index: usize,
    present: Present,
) -> WorkerView {
    let config = &own.config;
    let (connections, idle) = workers.child_counts.refreshed(record_index, own.pool.counts());
    record.max_connected.fetch_max(u32::try_from(connections).unwrap_or(u32::MAX), Relaxed);
    let address = match config.is_off() {
        true => "invalid".to_owned(),
        false => own.pool.target().shown_address(),
    };
    let first = record.error_first_ms.get();
    let now = present.now;
    let reset = record.reset_unix.load(Relaxed);
    let counts = workers.child_counts.totals(record_index);
    let samples = workers.records.segment.samples(record_index);
    let recent = samples.lately(&counts, record.outages.get(), now);
    let busy = record.busy.load(Relaxed).into();
    // Only a worker that is used directly has a queue of its own.
    let is_direct =
        matches!(workers.get(&own.name), Some(Worker::Ajp13(_, place)) if *place == record_index);
    let queued = if is_direct { record.queued.load(Relaxed) } else { 0 };
    let waiting_or_busy = record.busy.load(Relaxed).saturating_add(queued);
    let silent = samples.silence.found(&counts, busy, now);
    let of_replies = RepliesSince {
        slow: is_slow(&recent).then(|| samples.slow_since()).flatten(),
        erring: (recent.server_errors != 0).then(|| samples.erring_since()).flatten(),
        silent: silent.map(|own| own.0),
    };
    WorkerView {
        last_reset_at: reset,
        last_reset_ago: present.unix.as_secs() as i64 - reset,
        name: own.name.clone(),
        config: Arc::clone(config),
        address,
        used: record.used.load(Relaxed),
        errors: record.errors.load(Relaxed),
        client_errors: record.client_errors.load(Relaxed),
        reply_timeouts: record.reply_timeouts.load(Relaxed).into(),
        transferred: record.transferred.load(Relaxed),
        read: record.read.load(Relaxed),
        busy,
        max_busy: record.max_busy.load(Relaxed).into(),
        limit: own.busy_limit().map(u64::from),
        waiting: silent.map_or(0, |own| own.1),
        waits: waiting(
            workers,
            (&record.queued, &record.parked),
            present,
            std::iter::once(record_index),
        ),
        threads: threads(own.threads_held(record, waiting_or_busy), own.share),
        connected: connections,
        max_connected: record.max_connected.load(Relaxed).into(),
        error_time: (first != 0).then(|| present.since(Millis(first))),
        failures_in_row: record.failures_in_row.get(),
        outages: record.outages.get(),
        downtime: downtime(record, now),
        since_return: since_return(record, &recent, now),
        began: beginnings(own, record, of_replies, present),
        recent,
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

/// Reads how many requests wait, and how long the oldest has at one of `places`.
fn waiting(
    workers: &Workers,
    (queued, parked): (&AtomicU32, &AtomicU32),
    present: Present,
    places: impl Iterator<Item = usize> + Clone,
) -> WaitingView {
    let queued = queued.load(Relaxed).into();
    let oldest = || workers.child_counts.oldest_waiting(places);
    let longest = if queued == 0 { None } else { oldest().map(|at| present.now.since(at)) };
    WaitingView { queued, longest, parked: parked.load(Relaxed).into() }
}

fn threads(held: u32, share: ThreadShare) -> ThreadsView {
    ThreadsView { held: held.into(), allowed: share.most().map(u64::from) }
}

/// Returns the latest health check; nothing before there was one.
fn last_check(record: &MemberRecord) -> Option<CheckView> {
    let at = record.checked_unix.load(Relaxed);
    (at != 0).then(|| CheckView {
        at,
        took_ms: record.check_ms.load(Relaxed),
        has_passed: record.check_passed.load(Relaxed) != 0,
    })
}

/// Counts since the worker was back, if that is later than what was counted lately.
fn since_return(
    record: &MemberRecord,
    recent: &RecentCounts,
    now: Millis,
) -> Option<CountsSinceReturn> {
    let returned = record.returned_ms.load(Relaxed);
    if returned == 0 || now.since(Millis(returned)) >= recent.span {
        return None;
    }
    let more = |own: &AtomicU64, before: &AtomicU64| {
        own.load(Relaxed).saturating_sub(before.load(Relaxed))
    };
    Some(CountsSinceReturn {
        attempts: more(&record.used, &record.used_before_return),
        failures: more(&record.failures, &record.failures_before),
        span: now.since(Millis(returned)),
    })
}

/// Tells whether a twentieth of the replies may have begun late, which is seldom so.
fn is_slow(recent: &RecentCounts) -> bool {
    recent.first_byte.buckets[LATE..].iter().fold(0, |all, count| all | count) != 0
}

/// The first bucket with replies that are late.
const LATE: usize = {
    let mut at = 0;
    while BUCKETS_US[at] < SLOW_MS * 1_000 {
        at += 1;
    }
    at
};

/// Since when replies are not as they should be.
struct RepliesSince {
    slow: Option<Millis>,
    erring: Option<Millis>,
    silent: Option<Millis>,
}

/// Returns since when what comes and goes is not as it should be.
fn beginnings(
    own: &Ajp13,
    record: &MemberRecord,
    replies: RepliesSince,
    present: Present,
) -> Option<Box<Beginnings>> {
    let RepliesSince { slow, erring, silent } = replies;
    let no_address = own.pool.target().without_address_since();
    let (failing, flapping) = (record.failing.begun(), record.flapping.begun());
    let full = record.full.begun();
    let has_any =
        [no_address, failing, flapping, full, slow, erring, silent].iter().any(Option::is_some);
    has_any.then(|| {
        Box::new(Beginnings {
            no_address: no_address.map(|at| present.since(at)),
            failing: failing.map(|at| present.since(at)),
            flapping: flapping.map(|at| present.since(at)),
            full: full.map(|at| present.since(at)),
            slow: slow.map(|at| present.since(at)),
            erring: erring.map(|at| present.since(at)),
            silent: silent.map(|at| present.since(at)),
        })
    })
}
