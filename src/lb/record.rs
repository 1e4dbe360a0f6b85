//! The live numbers of balancers and members, as elections read and write them. Only atomics: a record
//! lies in memory that every child maps at another address and writes at once, and every bit pattern
//! must be valid. What maps it is `shm/`, of which nothing here knows.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};
use std::time::Duration;

use crate::clear::cleared_by_field;
use crate::clock::Millis;
use crate::lb::session_count::RecentSessions;
use crate::lb::spell::Spell;
use crate::lb::state::owned::Owned;

/// Live numbers of one balancer.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct BalancerRecord {
    /// Where the rotation among equals begins.
    pub cursor: AtomicU32,
    /// Requests in flight.
    pub busy: AtomicU32,
    /// Most requests ever in flight.
    pub max_busy: AtomicU32,
    /// Requests no member could be tried for, since httpd began.
    pub unserved: AtomicU64,
    /// Hundredths of repeated deliveries that are not earned back yet.
    pub repeats_spent: AtomicU32,
    /// Where the random numbers of elections stand.
    pub random: AtomicU64,
    /// Requests that wait until a member has room.
    pub queued: AtomicU32,
    /// Requests that wait without a thread.
    pub parked: AtomicU32,
    /// Requests that were let in where threads are the limit, of all workers with the same backends.
    pub admitted: AtomicU32,
    /// Requests of those workers that wait until they are let in.
    pub unadmitted: AtomicU32,
}

/// Live numbers of one worker: of a balancer's member, or of an ajp13 worker used directly.
///
/// Counters use relaxed ordering, as no other memory is published through them.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct MemberRecord {
    // What elections read and write comes first, in one cache line.
    /// [`MemberState`](crate::lb::MemberState) as a number.
    pub state: Owned<AtomicU32>,
    /// Requests in flight over all children.
    pub busy: AtomicU32,
    /// Load value the methods Request, Session, Next and Traffic compare.
    pub lb_value: AtomicU64,
    /// Activation set while httpd runs, as its number plus 1; 0 for what the file says.
    pub activation: AtomicU32,
    /// Most requests ever in flight.
    pub max_busy: AtomicU32,
    /// Requests sent to this worker.
    pub used: AtomicU64,
    /// Requests without a session.
    pub sessions: AtomicU64,
    /// Average time to the first byte of an answer, with its age; see `lb/latency.rs`.
    pub latency: AtomicU64,
    /// When it came back from error, in monotonic milliseconds; 0 if it never was there.
    pub recovered_ms: Owned<AtomicU64>,
    /// Latest forced trial in monotonic milliseconds.
    pub forced_ms: Owned<AtomicU64>,
    /// Start of the current run of failures in monotonic milliseconds, 0 for none.
    pub error_first_ms: Owned<AtomicU64>,
    /// Latest failure in monotonic milliseconds, 0 for none.
    pub error_last_ms: Owned<AtomicU64>,
    /// How often it went out of service since httpd began; a reset of counters leaves it, as metrics need.
    pub outages: Owned<AtomicU64>,
    /// Failures without a success between them.
    pub failures_in_row: Owned<AtomicU32>,
    /// Requests that the connector refused, without another answer between them.
    pub refusals_in_row: Owned<AtomicU32>,
    /// Number of the message about the latest failure; 0 for none.
    pub failure_code: AtomicU32,
    /// Failed attempts.
    pub errors: AtomicU64,
    /// Requests given up by their client.
    pub client_errors: AtomicU64,
    /// Bytes received from the backend.
    pub read: AtomicU64,
    /// Bytes sent to the backend.
    pub transferred: AtomicU64,
    /// Replies that came too late; halved by maintenance.
    pub reply_timeouts: AtomicU32,
    /// Low half of `used` at the last round of maintenance.
    pub used_before: AtomicU32,
    /// Wall clock in Unix seconds when the counters were 0, for display.
    pub reset_unix: AtomicI64,
    /// Highest number of connections of all children that was seen.
    pub max_connected: AtomicU32,
    /// Cause of the latest failure of the backend, as the number of a
    /// [`FailureDetail`](crate::messages::FailureDetail); 0 for none.
    pub last_failure: AtomicU32,
    /// When that was, by the wall clock in Unix seconds, for display.
    pub last_failure_unix: AtomicI64,
    /// What the health check says, as a number of [`Health`](crate::lb::Health).
    pub health: Owned<AtomicU32>,
    /// Status of its latest answer; 0 without one.
    pub health_status: AtomicU32,
    /// Until when connections are not trusted, as some have held unexpected data, in monotonic
    /// milliseconds; 0 for never.
    pub distrusted_until_ms: AtomicU64,
    /// Sessions begun with another route than the member's since one had its own; see JK-413.
    pub foreign_routes: AtomicU32,
    /// Sessions served lately.
    pub recent: RecentSessions,
    /// Why it may be tried, as the number of a [`ReadmitReason`](crate::lb::ReadmitReason); 0 for none.
    pub readmitted: Owned<AtomicU32>,
    /// What its latest health check without a status met, as a
    /// [`FailureDetail`](crate::messages::FailureDetail); 0 for none.
    pub health_detail: AtomicU32,
    /// When its health check began to fail, in monotonic milliseconds; 0 if it does not.
    pub unhealthy_ms: Owned<AtomicU64>,
    /// Since when attempts fail again and again.
    pub failing: Spell,
    /// Since when it goes out of service again and again.
    pub flapping: Spell,
    /// Since when it reaches its `busy_limit` again and again.
    pub full: Spell,
    /// When its activation was set last, in monotonic milliseconds.
    pub activated_ms: AtomicU64,
    /// Failures of the backend since httpd began.
    pub failures: AtomicU64,
    /// When it was last back in service after an outage, in monotonic milliseconds; 0 for never.
    pub returned_ms: AtomicU64,
    /// `failures` and `used` at that moment.
    pub failures_before: AtomicU64,
    /// See [`failures_before`](Self::failures_before).
    pub used_before_return: AtomicU64,
    /// Time out of service since httpd began in milliseconds, without the present outage.
    pub down_ms: Owned<AtomicU64>,
    /// Beginning of the present outage in monotonic milliseconds; 0 for none.
    pub out_ms: Owned<AtomicU64>,
    /// When the latest health check ended, by the wall clock in Unix seconds, for display; 0 for none.
    pub checked_unix: AtomicI64,
    /// How long that check took in milliseconds.
    pub check_ms: AtomicU32,
    /// Whether it passed: 1, or 0.
    pub check_passed: AtomicU32,
    /// Requests that wait until it has room: as a member those with a session there.
    pub queued: AtomicU32,
    /// Requests that wait without a thread for its answer, or as a worker used directly for anything.
    pub parked: AtomicU32,
    /// Of a worker used directly: as for a balancer.
    pub admitted: AtomicU32,
    /// As [`admitted`](Self::admitted).
    pub unadmitted: AtomicU32,
    /// Most requests in flight, as the adaptive limit has it now; 0 for unknown. Each record of a backend has
    /// the same.
    pub limit: AtomicU32,
    /// What the next process that looks for the limit goes on with: a
    /// [`KeptLimit`](crate::lb::adaptive_limit::KeptLimit).
    pub limit_kept: AtomicU32,
    /// See [`limit_kept`](Self::limit_kept).
    pub limit_baseline_us: AtomicU32,
    /// The limit that the log was told last; 0 for none.
    pub limit_told: AtomicU32,
}

impl MemberRecord {
    /// Books a failure of the backend.
    pub fn note_failure(&self, now: Millis) {
        self.failures.fetch_add(1, Relaxed);
        self.failing.note(now);
    }

    /// Books that an outage is over: what failed before it is no sign of trouble now.
    pub(in crate::lb) fn note_return(&self, now: Millis) {
        self.failures_before.store(self.failures.load(Relaxed), Relaxed);
        self.used_before_return.store(self.used.load(Relaxed), Relaxed);
        self.returned_ms.store(now.0.max(1), Relaxed);
        self.failing.end();
    }

    /// Books a health check that has ended now, at `unix` seconds.
    pub fn note_check(&self, unix: i64, took: Duration, has_passed: bool) {
        self.check_ms.store(u32::try_from(took.as_millis()).unwrap_or(u32::MAX), Relaxed);
        self.check_passed.store(has_passed.into(), Relaxed);
        self.checked_unix.store(unix, Relaxed);
    }

    /// Sets what is only counted to 0, at `now` in Unix seconds. State, load and requests in flight
    /// stay.
    pub fn clear_counters(&self, now: i64) {
        self.reset_unix.store(now, Relaxed);
        for counter in [
            &self.used,
            &self.errors,
            &self.client_errors,
            &self.sessions,
            &self.read,
            &self.transferred,
        ] {
            counter.store(0, Relaxed);
        }
        self.reply_timeouts.store(0, Relaxed);
        // Both begin where they are now, as the share of failures is made of them.
        self.used_before_return.store(0, Relaxed);
        self.failures_before.store(self.failures.load(Relaxed), Relaxed);
        self.max_busy.store(self.busy.load(Relaxed), Relaxed);
        self.max_connected.store(0, Relaxed);
    }
}

cleared_by_field!(BalancerRecord {
    cursor,
    busy,
    max_busy,
    unserved,
    repeats_spent,
    random,
    queued,
    parked,
    admitted,
    unadmitted
});
cleared_by_field!(MemberRecord {
    state,
    busy,
    lb_value,
    activation,
    max_busy,
    used,
    sessions,
    latency,
    recovered_ms,
    forced_ms,
    error_first_ms,
    error_last_ms,
    outages,
    failures_in_row,
    refusals_in_row,
    failure_code,
    errors,
    client_errors,
    read,
    transferred,
    reply_timeouts,
    used_before,
    reset_unix,
    max_connected,
    last_failure,
    last_failure_unix,
    health,
    health_status,
    distrusted_until_ms,
    foreign_routes,
    recent,
    readmitted,
    health_detail,
    unhealthy_ms,
    failing,
    flapping,
    full,
    activated_ms,
    failures,
    returned_ms,
    failures_before,
    used_before_return,
    down_ms,
    out_ms,
    checked_unix,
    check_ms,
    check_passed,
    queued,
    parked,
    admitted,
    unadmitted,
    limit,
    limit_kept,
    limit_baseline_us,
    limit_told,
});
