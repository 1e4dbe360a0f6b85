//! Where one attempt is counted, and what is measured of it.

use std::cell::Cell;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::{MemberRecord, Method, Outcome, latency};
use crate::messages::FailureDetail;
use crate::metrics::Shard;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::error::Failure;
use crate::worker::{Downstream, RequestSettings};

/// The counters of an attempt. Times are in microseconds from [`clock::micros`].
#[derive(Debug)]
pub struct AttemptMetrics {
    /// The member's record.
    pub record: &'static MemberRecord,
    /// This child's share of the metrics.
    pub shard: &'static Shard,
    /// Requests under way at the member, this one included, when it was booked.
    pub busy: u32,
    /// Attempts for this request before this one.
    before: usize,
    /// What a byte costs with the method Traffic; 0 with others.
    byte_load: u64,
    /// Whether answers are timed for elections.
    is_timed: bool,
    bytes: Cell<u64>,
    /// The answer's status; 0 without one.
    status: u16,
    begun: u64,
    /// When the response was complete.
    ended: Option<u64>,
    connect_us: Option<u64>,
    first_byte_us: Option<u64>,
}

impl AttemptMetrics {
    /// Begins an attempt at `begun`.
    pub fn begin(
        record: &'static MemberRecord,
        shard: &'static Shard,
        before: usize,
        begun: u64,
    ) -> Self {
        shard.requests.fetch_add(1, Relaxed);
        if before > 0 {
            shard.retries.fetch_add(1, Relaxed);
        }
        Self {
            record,
            shard,
            busy: record.busy.load(Relaxed),
            before,
            byte_load: 0,
            is_timed: false,
            bytes: Cell::new(0),
            status: 0,
            begun,
            ended: None,
            connect_us: None,
            first_byte_us: None,
        }
    }

    /// Sees to it that elections learn what they go by with a method.
    pub fn charging(self, method: Method, multiplicity: u64) -> Self {
        let byte_load = if method == Method::Traffic { multiplicity } else { 0 };
        Self { byte_load, is_timed: method == Method::LeastTime, ..self }
    }

    /// The backend's answer has this status.
    pub fn status(&mut self, status: u16) {
        self.status = status;
        self.shard.response(status);
    }

    /// When it began.
    pub fn begun(&self) -> Millis {
        Millis::of_micros(self.begun)
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

    /// The backend has begun to answer.
    pub fn answered(&mut self) {
        let us = clock::micros() - self.begun;
        self.first_byte_us = Some(us);
        self.shard.first_byte.observe(us);
    }

    /// The response is complete. Returns when that was.
    pub fn completed(&mut self) -> Millis {
        let now = clock::micros();
        self.ended = Some(now);
        Millis::of_micros(now)
    }

    /// Bytes went to the backend.
    pub fn sent(&self, bytes: u64) {
        self.record.transferred.fetch_add(bytes, Relaxed);
        self.shard.sent_bytes.fetch_add(bytes, Relaxed);
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// Bytes came from the backend.
    pub fn received(&self, bytes: u64) {
        self.record.read.fetch_add(bytes, Relaxed);
        self.shard.received_bytes.fetch_add(bytes, Relaxed);
        self.bytes.set(self.bytes.get() + bytes);
    }

    /// Counts the end, and leaves notes for the access log if they are read: those of the
    /// last attempt stay.
    #[inline(always)] // it has one caller
    pub fn end<D: Downstream>(
        &self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        worker: &str,
        result: &Result<Answer, Failure>,
    ) {
        match result {
            Ok(answer) => {
                let ended = self.ended.unwrap_or_else(clock::micros);
                self.shard.total.observe(ended.saturating_sub(self.begun));
                if let Answer::Rejected(rejection) = answer {
                    self.failed_with(rejection.detail());
                }
            }
            Err(failure) => {
                let cause = failure.cause();
                match cause.detail() {
                    Some(detail) => self.failed_with(detail),
                    None => {
                        self.shard.failure(cause.code());
                    }
                }
            }
        }
        if self.byte_load > 0 {
            Method::Traffic.charge_traffic(self.record, self.byte_load, self.bytes.get());
        }
        if self.is_timed {
            self.learn(result);
        }
        if !settings.wants_notes {
            return;
        }
        let time = |us: Option<u64>| us.map_or_else(|| "-".to_owned(), |us| us.to_string());
        downstream.note(c"JK_MEMBER", worker);
        downstream.note(c"JK_RETRIES", &self.before.to_string());
        downstream.note(c"JK_CONNECT_US", &time(self.connect_us));
        downstream.note(c"JK_FIRST_BYTE_US", &time(self.first_byte_us));
        let cause = match result {
            Ok(Answer::Ordinary) => "-",
            Ok(Answer::Rejected(rejection)) => rejection.code(),
            Err(failure) => failure.cause().code(),
        };
        downstream.note(c"JK_CAUSE", cause);
    }

    /// Counts a failure of the backend.
    fn failed_with(&self, detail: FailureDetail) {
        self.shard.failure(detail.code());
        let now = i64::try_from(clock::unix_now().as_secs()).unwrap_or_default();
        self.record.last_failure_unix.store(now, Relaxed);
        self.record.last_failure.store(detail.number(), Relaxed);
        self.record.note_failure(clock::now());
    }

    /// Books how long the answer took to begin, or that there was none worth that name.
    fn learn(&self, result: &Result<Answer, Failure>) {
        let now = clock::now();
        let outcome = result.as_ref().map_err(|failure| failure.cause().outcome());
        match (outcome, self.first_byte_us) {
            // Says nothing about the backend.
            (Err(Outcome::ClientError | Outcome::OwnFault), _) => {}
            (Ok(Answer::Ordinary), Some(us)) if self.status < 500 => {
                latency::observe(self.record, Duration::from_micros(us), now);
            }
            _ => latency::penalise(self.record, now),
        }
    }
}
