//! What lies in shared memory. Only atomics: a record is mapped at different addresses, written by
//! every child at once, and every bit pattern must be valid.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

use super::seen::RecentSessions;

/// Raised whenever a record changes, so that children of two builds never share a segment.
pub const LAYOUT_VERSION: u32 = 10;

/// Front of the segment.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Header {
    /// [`LAYOUT_VERSION`] of whoever made it.
    pub version: AtomicU32,
    /// Process that does the machine-wide maintenance; 0 for nobody.
    pub leader: AtomicU32,
    /// Until when the leader may go without a sign of life, in monotonic milliseconds.
    pub lease_ms: AtomicU64,
    /// Last decay of the load values, in monotonic milliseconds.
    pub decayed_ms: AtomicU64,
    /// Counts the configurations. Only a child of the latest may lead: the others do not know all
    /// workers.
    pub configuration: AtomicU32,
}

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
}

/// Live numbers of one worker: of a balancer's member, or of an ajp13 worker used directly.
///
/// Counters use relaxed ordering, as no other memory is published through them.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct MemberRecord {
    // What elections read and write comes first, in one cache line.
    /// [`MemberState`](crate::lb::MemberState) as a number.
    pub state: AtomicU32,
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
    pub recovered_ms: AtomicU64,
    /// Latest forced trial in monotonic milliseconds.
    pub forced_ms: AtomicU64,
    /// Start of the current run of failures in monotonic milliseconds, 0 for none.
    pub error_first_ms: AtomicU64,
    /// Latest failure in monotonic milliseconds, 0 for none.
    pub error_last_ms: AtomicU64,
    /// Failures without a success between them.
    pub failures_in_row: AtomicU32,
    /// Number of the message about the latest failure; 0 for none.
    pub failure_code: AtomicU32,
    /// Failed attempts.
    pub errors: AtomicU64,
    /// Requests given up by their client.
    pub client_errors: AtomicU64,
    /// Bytes received from the container.
    pub read: AtomicU64,
    /// Bytes sent to the container.
    pub transferred: AtomicU64,
    /// Replies that came too late; halved by maintenance.
    pub reply_timeouts: AtomicU32,
    /// Low half of `used` at the last round of maintenance.
    pub used_before: AtomicU32,
    /// Wall clock in Unix seconds when the counters were 0, for display.
    pub reset_unix: AtomicI64,
    /// Most connections of all children that anybody has seen.
    pub max_connected: AtomicU32,
    /// Cause of the latest failure of the container, as its place in
    /// [`FAILURES`](crate::metrics::FAILURES) plus 1; 0 for none.
    pub last_failure: AtomicU32,
    /// What the health check says, as a number of [`Health`](crate::health::Health).
    pub health: AtomicU32,
    /// Status of its latest answer; 0 without one.
    pub health_status: AtomicU32,
    /// Sessions served lately.
    pub recent: RecentSessions,
}

impl MemberRecord {
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
        self.max_busy.store(self.busy.load(Relaxed), Relaxed);
        self.max_connected.store(0, Relaxed);
    }
}

/// One httpd child. Behind the children's records lies one counter for each child and member, and
/// for each child and balancer: the child's share of the requests in flight, which is given back when
/// the child dies.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct ChildRecord {
    /// Process id in the upper half, the low half of its start time in the lower; 0 for nobody.
    pub owner: AtomicU64,
    /// Who gives back what a dead child had, written like the owner; 0 for nobody. The row is free
    /// for the next child only when that is done.
    pub releaser: AtomicU64,
}

/// A child's connections to one worker's container, as its background thread saw them last.
///
/// Behind the children's shares lies one for each child and member. A child writes its own row
/// only; the row is cleared when the child has ended, as its connections ended with it.
#[repr(C)]
#[derive(Debug, Default)]
pub struct PoolRecord {
    /// Open connections.
    pub open: AtomicU32,
    /// Those of them that are idle.
    pub idle: AtomicU32,
}

const _: () = assert!(size_of::<PoolRecord>() == 8);
const _: () = assert!(size_of::<Header>() == 64);
const _: () = assert!(size_of::<ChildRecord>() == 64);
const _: () = assert!(size_of::<BalancerRecord>() == 64);
const _: () = assert!(size_of::<MemberRecord>() == 576);
