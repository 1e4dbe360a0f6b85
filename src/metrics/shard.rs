//! What children count, per worker. Children have shards of their own as far as there are enough,
//! so that hardly two of them write the same cache line. A shard is never cleared while its worker
//! keeps its place: whoever takes the place of a dead child goes on counting in its shard, so that
//! the sum over all of them never goes backwards.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Numbered messages that failures are counted by.
pub const FAILURES: [&str; 14] = [
    "JK-301", "JK-302", "JK-303", "JK-304", "JK-305", "JK-306", "JK-307", "JK-308", "JK-309",
    "JK-310", "JK-311", "JK-312", "JK-313", "JK-314",
];

/// Upper bounds of the buckets in microseconds; one more bucket has no bound.
pub const BUCKETS_US: [u64; 15] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000, 30_000_000,
];

/// Times in buckets.
#[repr(C)]
#[derive(Debug, Default)]
pub struct Histogram {
    /// Observations up to each bound and above the last one before it; the last has no bound.
    pub buckets: [AtomicU64; BUCKETS_US.len() + 1],
    /// Sum of all observations in microseconds.
    pub sum_us: AtomicU64,
}

impl Histogram {
    /// Counts one observation in microseconds.
    pub fn observe(&self, us: u64) {
        let bucket = BUCKETS_US.partition_point(|bound| *bound < us);
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }
}

/// Counters of one worker in one child. It lies in shared memory: raise
/// [`LAYOUT_VERSION`](crate::shm::layout::LAYOUT_VERSION) whenever a field changes. Relaxed ordering: nothing else is published through them.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct Shard {
    /// Requests given to it, repeated ones included.
    pub requests: AtomicU64,
    /// Replies by hundreds: 1xx to 5xx.
    pub responses: [AtomicU64; 5],
    /// Failed attempts, in the order of [`FAILURES`].
    pub failures: [AtomicU64; FAILURES.len()],
    /// Those of them that another attempt had been made for.
    pub retries: AtomicU64,
    /// Requests that waited for a connection.
    pub queued: AtomicU64,
    /// Their waits in microseconds.
    pub queue_wait_us: AtomicU64,
    /// Connections opened.
    pub connects: AtomicU64,
    /// Requests on a connection that was open already.
    pub reuses: AtomicU64,
    /// Background probes that were answered.
    pub probes_ok: AtomicU64,
    /// Those that were not.
    pub probes_failed: AtomicU64,
    /// Bytes to the container.
    pub sent_bytes: AtomicU64,
    /// Bytes from it.
    pub received_bytes: AtomicU64,
    /// Time to connect.
    pub connect: Histogram,
    /// Time from the request's first byte to the reply's.
    pub first_byte: Histogram,
    /// Time from the request's first byte to the end of a complete reply.
    pub total: Histogram,
}

// 29 counters and three histograms of 17: whole cache lines.
const _: () = assert!(size_of::<Histogram>() == 17 * 8);
const _: () = assert!(size_of::<Shard>() == 640);

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

    /// Returns the bound in milliseconds, rounded up, below which `percent` of the observations
    /// are; the last bound for those above it, `None` without observations.
    pub fn percentile_ms(&self, percent: u64) -> Option<u64> {
        let count: u64 = self.buckets.iter().sum();
        let rank = (u128::from(count) * u128::from(percent.min(100))).div_ceil(100).max(1);
        let mut seen = 0_u128;
        let index = self.buckets.iter().position(|bucket| {
            seen += u128::from(*bucket);
            count > 0 && seen >= rank
        })?;
        Some(BUCKETS_US[index.min(BUCKETS_US.len() - 1)].div_ceil(1000))
    }
}

/// Sum of shards; the fields are those of [`Shard`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Totals {
    pub requests: u64,
    pub responses: [u64; 5],
    pub failures: [u64; FAILURES.len()],
    pub retries: u64,
    pub queued: u64,
    pub queue_wait_us: u64,
    pub connects: u64,
    pub reuses: u64,
    pub probes_ok: u64,
    pub probes_failed: u64,
    pub sent_bytes: u64,
    pub received_bytes: u64,
    pub connect: HistogramTotals,
    pub first_byte: HistogramTotals,
    pub total: HistogramTotals,
}

impl Totals {
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
            add(&mut sum.requests, &shard.requests);
            add(&mut sum.retries, &shard.retries);
            add(&mut sum.queued, &shard.queued);
            add(&mut sum.queue_wait_us, &shard.queue_wait_us);
            add(&mut sum.connects, &shard.connects);
            add(&mut sum.reuses, &shard.reuses);
            add(&mut sum.probes_ok, &shard.probes_ok);
            add(&mut sum.probes_failed, &shard.probes_failed);
            add(&mut sum.sent_bytes, &shard.sent_bytes);
            add(&mut sum.received_bytes, &shard.received_bytes);
        }
        sum
    }
}

fn add(sum: &mut u64, counter: &AtomicU64) {
    *sum = sum.wrapping_add(counter.load(Relaxed));
}
