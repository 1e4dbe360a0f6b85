//! What lies in shared memory. Only atomics: a record is mapped at different addresses, written by
//! every child at once, and every bit pattern must be valid.
#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64};

use crate::lb::{BalancerRecord, MemberRecord};
use crate::metrics::COUNTERS_MARK;
use crate::shm::lease::LeaderLease;

/// Raised whenever a record changes, so that children of two builds never share a segment. Another table
/// of counters changes it by itself.
pub const LAYOUT_VERSION: u32 = COUNTERS_MARK.wrapping_add(26);

/// Front of the segment.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Header {
    /// [`LAYOUT_VERSION`] of the module that created it.
    pub version: AtomicU32,
    /// Counts the configurations. Only a child of the latest may lead: the others do not know all
    /// workers.
    pub configuration: AtomicU32,
    /// Process that does the machine-wide maintenance.
    pub lease: LeaderLease,
    /// Last decay of the load values, in monotonic milliseconds.
    pub decayed_ms: AtomicU64,
    /// Wall clock in Unix seconds when the segment was made and all counters were 0, for display.
    pub started_unix: AtomicI64,
    /// Requests of all children that wait for room, whatever their worker.
    pub queued: AtomicU32,
    /// Rung when a request ends while others wait; see `shm/futex.rs`.
    pub room_bell: AtomicU32,
}

/// A child's connections to one worker's backend, as its background thread saw them last.
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
const _: () = assert!(size_of::<BalancerRecord>() == 64);
const _: () = assert!(size_of::<MemberRecord>() == 832);
