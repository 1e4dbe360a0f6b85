//! What children count, per worker. Children have shards of their own as far as there are enough,
//! so that hardly two of them write the same cache line. A shard is never cleared while its worker
//! keeps its row: the child that replaces a dead one goes on counting in its shard, so that
//! the sum over all of them never goes backwards.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use crate::clear::cleared_by_field;
use crate::metrics::failures::{FAILURES, FailureReason, by_reason};

/// Upper bounds of the buckets in microseconds; one more bucket has no bound.
pub const BUCKETS_US: [u64; 17] = [
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];

/// Those of them that metrics show unless all are asked for: each about five times the one before, from
/// a page of a cache to the longest wait that is usual for a report.
pub const DEFAULT_BUCKETS_US: [u64; 8] =
    [5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000, 60_000_000, 300_000_000];

/// Times in buckets.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Histogram {
    /// Observations up to each bound and above the last one before it; the last has no bound.
    pub buckets: [AtomicU64; BUCKETS_US.len() + 1],
    /// Sum of all observations in microseconds.
    pub sum_us: AtomicU64,
}

cleared_by_field!(Histogram { buckets, sum_us });

impl Histogram {
    /// Counts one observation in microseconds.
    pub fn observe(&self, us: u64) {
        let bucket = BUCKETS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }
}

/// The unit of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CounterUnit {
    /// A bare number.
    One,
    /// Bytes.
    Bytes,
    /// Microseconds, which metrics show as seconds.
    Micros,
}

/// A counter: what is written of it in metrics, JSON and the page.
#[derive(Debug)]
pub struct CounterRow {
    /// The family's name in metrics, without `_total`.
    pub name: &'static str,
    /// The key in JSON.
    pub key: &'static str,
    /// The words of the page; empty for what it does not show.
    pub label: &'static str,
    /// Its unit.
    pub unit: CounterUnit,
    /// Whether metrics show it only with all the others.
    pub is_extra: bool,
    /// What it counts.
    pub help: &'static str,
    /// Reads it.
    pub get: fn(&Totals) -> u64,
}

/// Makes the fields of a shard and of a sum of shards, how they are added up, and the rows by which
/// they are shown. A new counter is a row here and its increment.
macro_rules! counters {
    ($($field:ident: $name:literal, $key:literal, $label:literal, $unit:ident, $extent:ident, $help:literal;)*) => {
        /// Counters of one worker in one child. Relaxed ordering: nothing else is published through
        /// them.
        #[repr(C, align(64))]
        #[derive(Debug, Default)]
        pub struct Shard {
            $(#[doc = $help] pub $field: AtomicU64,)*
            /// Replies by hundreds: 1xx to 5xx.
            pub responses: [AtomicU64; 5],
            /// Failed attempts, in the order of [`FAILURES`].
            pub failures: [AtomicU64; FAILURES.len()],
            /// Time to connect.
            pub connect: Histogram,
            /// Time from the request's first byte to the reply's.
            pub first_byte: Histogram,
            /// Time from the request's first byte to the end of a complete reply.
            pub total: Histogram,
        }

        /// Sum of shards; the fields are those of [`Shard`].
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub struct Totals {
            $(pub $field: u64,)*
            pub responses: [u64; 5],
            pub failures: [u64; FAILURES.len()],
            pub connect: HistogramTotals,
            pub first_byte: HistogramTotals,
            pub total: HistogramTotals,
        }

        cleared_by_field!(Shard { $($field,)* responses, failures, connect, first_byte, total });

        impl Totals {
            fn add_counters(&mut self, shard: &Shard) {
                $(add(&mut self.$field, &shard.$field);)*
            }
        }

        /// All counters that are one number.
        pub const COUNTERS: &[CounterRow] = &[$(CounterRow {
            name: $name,
            key: $key,
            label: $label,
            unit: CounterUnit::$unit,
            is_extra: matches!(Extent::$extent, Extent::Full),
            help: $help,
            get: |totals| totals.$field,
        },)*];

        /// Differs when the counters do, for the version of the layout of shared memory.
        pub const COUNTERS_MARK: u32 = mark(concat!($(stringify!($field), ","),*));
    };
}

/// Whether metrics show a counter always, or only with `metrics=full`.
enum Extent {
    Default,
    Full,
}

#[rustfmt::skip]
counters! {
    requests: "jk_requests", "attempts", "Attempts", One, Default, "Attempts to serve a request with the worker. A repeated request counts again at each member that is tried, so this is not the number of requests of clients.";
    retries: "jk_retries", "retries", "of them repeats", One, Default, "Attempts, among those in jk_requests, that repeated a request whose attempt before had failed.";
    connects: "jk_connections_opened", "connections_opened", "Connections opened", One, Full, "Connections opened for requests. If this grows as fast as jk_requests, connections are not kept open.";
    reuses: "jk_connections_reused", "connections_reused", "Requests on open ones", One, Full, "Requests sent over a connection that was already open.";
    queued: "jk_requests_queued", "queued", "Waits for one", One, Full, "Requests that had to wait for a free connection, as connection_pool_size was reached in their child process.";
    queue_wait_us: "jk_queue_wait_seconds", "queue_wait_us", "", Micros, Default, "Time that requests waited for a free connection, as connection_pool_size was reached in their child process. The time that the backend needs is not in it.";
    probes_ok: "jk_probes_answered", "probes_answered", "Pings answered", One, Full, "CPING probes in the background that the backend answered.";
    probes_failed: "jk_probes_failed", "probes_failed", "not answered", One, Full, "CPING probes in the background that the backend did not answer. A member in error is probed up to once a second.";
    sent_bytes: "jk_sent_bytes", "bytes_sent", "", Bytes, Default, "Bytes sent to the backend: requests and their bodies as packets.";
    received_bytes: "jk_received_bytes", "bytes_received", "", Bytes, Default, "Bytes received from the backend: responses as packets. What httpd sends to clients may be more or less.";
}

/// A number for a text (FNV-1a).
const fn mark(text: &str) -> u32 {
    let (bytes, mut mark, mut at) = (text.as_bytes(), 0x811c_9dc5_u32, 0);
    while at < bytes.len() {
        mark = (mark ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    mark
}

impl Shard {
    /// Counts a reply's status.
    pub fn response(&self, status: u16) {
        if let Some(class) = usize::from(status / 100).checked_sub(1)
            && let Some(counter) = self.responses.get(class)
        {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Counts a failure by the code of its message; codes that are not failures do not count.
    /// Returns its place in [`FAILURES`].
    pub fn failure(&self, code: &str) -> Option<usize> {
        let index = FAILURES.iter().position(|own| *own == code)?;
        self.failures[index].fetch_add(1, Relaxed);
        Some(index)
    }
}

/// Sum of a histogram over shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistogramTotals {
    /// As in [`Histogram::buckets`].
    pub buckets: [u64; BUCKETS_US.len() + 1],
    /// As in [`Histogram::sum_us`].
    pub sum_us: u64,
}

impl HistogramTotals {
    fn add(&mut self, shard: &Histogram) {
        for (sum, bucket) in self.buckets.iter_mut().zip(&shard.buckets) {
            *sum = sum.wrapping_add(bucket.load(Relaxed));
        }
        self.sum_us = self.sum_us.wrapping_add(shard.sum_us.load(Relaxed));
    }

    /// Takes away what was counted before. Counters never go backwards; if they did, there would be
    /// 0 rather than nonsense.
    pub fn subtract(&mut self, before: &Self) {
        for (own, before) in self.buckets.iter_mut().zip(before.buckets) {
            *own = own.saturating_sub(before);
        }
        self.sum_us = self.sum_us.saturating_sub(before.sum_us);
    }
}

impl Totals {
    /// Sums failures up by reason, in the order of [`FailureReason::ALL`].
    pub fn reasons(&self) -> [u64; FailureReason::ALL.len()] {
        by_reason(&self.failures)
    }

    /// Adds one worker's shards of all children.
    pub fn of<'a>(shards: impl Iterator<Item = &'a Shard>) -> Self {
        let mut sum = Self::default();
        // Whatever is counted, one of these is counted first. Most rows were never used.
        let is_used = |shard: &&Shard| {
            [&shard.requests, &shard.probes_ok, &shard.probes_failed]
                .iter()
                .any(|counter| counter.load(Relaxed) != 0)
        };
        for shard in shards.filter(is_used) {
            let Self { responses, failures, connect, first_byte, total, .. } = &mut sum;
            for (sum, counter) in responses.iter_mut().zip(&shard.responses) {
                add(sum, counter);
            }
            for (sum, counter) in failures.iter_mut().zip(&shard.failures) {
                add(sum, counter);
            }
            connect.add(&shard.connect);
            first_byte.add(&shard.first_byte);
            total.add(&shard.total);
            sum.add_counters(shard);
        }
        sum
    }
}

fn add(sum: &mut u64, counter: &AtomicU64) {
    *sum = sum.wrapping_add(counter.load(Relaxed));
}
