//! Where one attempt is counted, and what is measured of it.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::failure::Failure;
use super::{Downstream, RequestSettings};
use crate::clock;
use crate::metrics::Shard;
use crate::shm::MemberRecord;

/// The counters of an attempt. Times are in microseconds from [`clock::micros`].
#[derive(Debug)]
pub struct Tally {
    /// The member's record.
    pub record: &'static MemberRecord,
    /// This child's share of the metrics.
    pub shard: &'static Shard,
    /// Attempts for this request before this one.
    before: usize,
    begun: u64,
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
}

impl Tally {
    /// Begins an attempt.
    pub fn begin(record: &'static MemberRecord, shard: &'static Shard, before: usize) -> Self {
        shard.requests.fetch_add(1, Relaxed);
        if before > 0 {
            shard.retries.fetch_add(1, Relaxed);
        }
        let begun = clock::micros();
        Self { record, shard, before, begun, connect_us: None, first_byte_us: None }
    }

    /// The attempt waited for a place in the pool.
    pub fn queued(&self, waited: Duration) {
        self.shard.queued.fetch_add(1, Relaxed);
        let us = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.shard.queue_wait_us.fetch_add(us, Relaxed);
    }

    /// The attempt has a connection: a new one that took `connect_us`, or one that was open.
    pub fn connected(&mut self, connect_us: Option<u64>) {
        match connect_us {
            Some(us) => {
                self.connect_us = Some(self.connect_us.unwrap_or(0) + us);
                self.shard.connects.fetch_add(1, Relaxed);
                self.shard.connect.observe(us);
            }
            None => {
                self.shard.reuses.fetch_add(1, Relaxed);
            }
        }
    }

    /// The container has begun to answer.
    pub fn answered(&mut self) {
        let us = clock::micros() - self.begun;
        self.first_byte_us = Some(us);
        self.shard.first_byte.observe(us);
    }

    /// Bytes went to the container.
    pub fn sent(&self, bytes: u64) {
        self.record.transferred.fetch_add(bytes, Relaxed);
        self.shard.sent_bytes.fetch_add(bytes, Relaxed);
    }

    /// Bytes came from the container.
    pub fn received(&self, bytes: u64) {
        self.record.read.fetch_add(bytes, Relaxed);
        self.shard.received_bytes.fetch_add(bytes, Relaxed);
    }

    /// Counts the end, and leaves notes for the access log if somebody reads them: those of the
    /// last attempt stay.
    pub fn end<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        worker: &str,
        result: &Result<(), Failure>,
    ) {
        match result {
            Ok(()) => self.shard.total.observe(clock::micros() - self.begun),
            Err(failure) => self.shard.failure(failure.cause().code()),
        }
        if !settings.wants_notes {
            return;
        }
        let time = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), |us| us.to_string());
        downstream.note(c"JK_MEMBER", worker);
        downstream.note(c"JK_RETRIES", &self.before.to_string());
        downstream.note(c"JK_CONNECT_US", &time(self.connect_us));
        downstream.note(c"JK_FIRST_BYTE_US", &time(self.first_byte_us));
        let cause = result.as_ref().err().map_or("-", |failure| failure.cause().code());
        downstream.note(c"JK_CAUSE", cause);
    }
}
