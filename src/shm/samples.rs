//! What a worker's counters were in the last minutes, so that "lately" can be told from "since
//! httpd began" without a cost for requests. The child that leads the background work writes.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};
use std::time::Duration;

use crate::clear::cleared_by_field;
use crate::clock::Millis;
use crate::metrics::{Histogram, HistogramTotals, RecentCounts, Totals};
use crate::shm::silence::Silence;
use crate::sorting;

/// Time between two samples.
pub const INTERVAL: Duration = Duration::from_secs(30);

/// How many are kept: those of the last five minutes, and the one that is written next.
const COUNT: usize = 12;

/// A reply that begins later than this is slow: users notice.
pub const SLOW_MS: u64 = 1_000;

/// A rate over less time says little.
const SHORTEST: Duration = Duration::from_secs(5);

/// How far back a sample may lie to be compared with.
const SPAN: Duration = Duration::from_secs(5 * 60 + 31);

/// The samples of one worker.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct SampleRing {
    samples: [Sample; COUNT],
    /// Since when most replies take long, in monotonic milliseconds; 0 while they do not.
    slow_ms: AtomicU64,
    /// Since when many replies have a status of 500 and more, in the same way.
    erring_ms: AtomicU64,
    /// When the log was told the last time that it is degraded; 0 if it is not.
    pub told_ms: AtomicU64,
    /// Whether requests wait, and no reply begins.
    pub silence: Silence,
}

/// Sums over all children at one moment.
#[repr(C)]
#[derive(Debug, Default)]
struct Sample {
    /// In monotonic milliseconds; 0 for none, also while it is written.
    taken_ms: AtomicU64,
    attempts: AtomicU64,
    failures: AtomicU64,
    server_errors: AtomicU64,
    retries: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    outages: AtomicU64,
    first_byte: Histogram,
}

impl SampleRing {
    /// Says whether the next sample is due.
    pub fn is_due(&self, now: Millis) -> bool {
        let latest = self.samples.iter().map(|own| own.taken_ms.load(Relaxed)).max().unwrap_or(0);
        latest == 0 || now.since(Millis(latest)) >= INTERVAL
    }

    /// Keeps the sums of this moment in the place of the oldest sample. Only one process may write.
    pub fn keep(&self, totals: &Totals, outages: u64, now: Millis) {
        let Some(own) = self.samples.iter().min_by_key(|own| own.taken_ms.load(Relaxed)) else {
            return;
        };
        // Nothing was counted before the first: what failed in the first second counts as well.
        let is_first = self.samples.iter().all(|own| own.taken_ms.load(Relaxed) == 0);
        let sums = match is_first {
            true => RecentCounts::default(),
            false => RecentCounts::sums(totals, outages),
        };
        self.note_replies(&sums);
        own.taken_ms.store(0, Relaxed);
        fence(Release);
        for (field, sum) in own.numbers().into_iter().zip(sums.numbers()) {
            field.store(sum, Relaxed);
        }
        for (bucket, sum) in own.first_byte.buckets.iter().zip(sums.first_byte.buckets) {
            bucket.store(sum, Relaxed);
        }
        own.first_byte.sum_us.store(sums.first_byte.sum_us, Relaxed);
        own.taken_ms.store(now.0.max(1), Release);
    }

    /// Books whether 95 of 100 replies since the latest sample began late, and whether many of them had a
    /// status of 500 and more. Without a reply both stay as they are.
    fn note_replies(&self, sums: &RecentCounts) {
        let latest = self.samples.iter().max_by_key(|own| own.taken_ms.load(Relaxed));
        let Some((taken, before)) = latest.and_then(Sample::read) else { return };
        let mut since = sums.clone();
        since.subtract(&before);
        let Some(p95) = since.first_byte.percentile_ms(95) else { return };
        let note = |field: &AtomicU64, is_so| match is_so {
            true if field.load(Relaxed) == 0 => field.store(taken, Relaxed),
            true => {}
            false => field.store(0, Relaxed),
        };
        note(&self.slow_ms, p95 >= SLOW_MS);
        note(&self.erring_ms, since.has_many_server_errors());
    }

    /// Returns since when most replies take long: to half a minute, as samples are taken so often.
    pub fn slow_since(&self) -> Option<Millis> {
        self.noted(&self.slow_ms)
    }

    /// Returns since when many replies have a status of 500 and more, as exactly.
    pub fn erring_since(&self) -> Option<Millis> {
        self.noted(&self.erring_ms)
    }

    fn noted(&self, field: &AtomicU64) -> Option<Millis> {
        let noted = field.load(Relaxed);
        // What no sample has seen began after the latest one.
        let latest =
            || self.samples.iter().map(|own| own.taken_ms.load(Relaxed)).max().unwrap_or(0);
        Some(Millis(if noted == 0 { latest() } else { noted })).filter(|since| since.0 != 0)
    }

    /// Returns what was counted in the last five minutes, or since the first sample if that is
    /// later; nothing before there is one.
    pub fn lately(&self, totals: &Totals, outages: u64, now: Millis) -> RecentCounts {
        // The one to compare with is found by its time alone; only that one is read.
        let recent = self.samples.iter().filter_map(|own| {
            let at = own.taken_ms.load(Relaxed);
            (at != 0 && now.since(Millis(at)) <= SPAN).then_some((at, own))
        });
        let oldest = recent.min_by_key(|(at, _)| *at);
        let before = oldest.and_then(|(_, own)| own.read());
        let Some((at, before)) = before else { return RecentCounts::default() };
        let mut since = RecentCounts::sums(totals, outages);
        since.subtract(&before);
        // An attempt is counted when it begins, perhaps before the sample.
        since.failures = since.failures.min(since.attempts);
        since.span = now.since(Millis(at));
        (since.per_minute, since.most_per_minute) = self.rates(totals.requests, now);
        since
    }

    /// Returns attempts a minute since the latest sample, and the most between two.
    fn rates(&self, attempts: u64, now: Millis) -> (u64, u64) {
        let (mut points, mut count) = ([(0, 0); COUNT + 1], 0);
        for own in &self.samples {
            let point = (own.taken_ms.load(Acquire), own.attempts.load(Relaxed));
            if point.0 != 0 && now.since(Millis(point.0)) <= SPAN {
                points[count] = point;
                count += 1;
            }
        }
        sorting::by_key(&mut points[..count], |point| *point);
        let is_early = count > 1 && now.since(Millis(points[count - 1].0)) < SHORTEST;
        // Too little time has passed since the latest one: it is measured from the one before.
        let count = if is_early { count - 1 } else { count };
        points[count] = (now.0, attempts);
        let rates = points[..=count].windows(2).map(|pair| {
            let (from, to) = (pair[0], pair[1]);
            let (ms, more) = (to.0.saturating_sub(from.0), to.1.saturating_sub(from.1));
            more.saturating_mul(60_000) / ms.max(1_000)
        });
        rates.fold((0, 0), |(_, most), rate| (rate, most.max(rate)))
    }
}

impl Sample {
    /// Reads it whole; `None` if there is none or another process writes it just now.
    fn read(&self) -> Option<(u64, RecentCounts)> {
        let taken = self.taken_ms.load(Acquire);
        let [attempts, failures, server_errors, retries, sent_bytes, received_bytes, outages] =
            self.numbers().map(|own| own.load(Relaxed));
        let buckets = std::array::from_fn(|at| self.first_byte.buckets[at].load(Relaxed));
        let sum_us = self.first_byte.sum_us.load(Relaxed);
        fence(Acquire);
        let is_whole = taken != 0 && self.taken_ms.load(Relaxed) == taken;
        is_whole.then(|| {
            let first_byte = HistogramTotals { buckets, sum_us };
            let sums = RecentCounts {
                attempts,
                failures,
                server_errors,
                retries,
                sent_bytes,
                received_bytes,
                outages,
                first_byte,
                ..RecentCounts::default()
            };
            (taken, sums)
        })
    }

    fn numbers(&self) -> [&AtomicU64; 7] {
        [
            &self.attempts,
            &self.failures,
            &self.server_errors,
            &self.retries,
            &self.sent_bytes,
            &self.received_bytes,
            &self.outages,
        ]
    }
}

cleared_by_field!(SampleRing { samples, slow_ms, erring_ms, told_ms, silence });

cleared_by_field!(Sample {
    taken_ms,
    attempts,
    failures,
    server_errors,
    retries,
    sent_bytes,
    received_bytes,
    outages,
    first_byte,
});

const _: () = assert!(size_of::<SampleRing>() == 2_688);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clear::Clear;
    use crate::metrics::{FAILURES, FailureReason};

    fn totals(count: u64) -> Totals {
        let mut totals = Totals { requests: count, ..Totals::default() };
        (totals.failures[3], totals.responses[4]) = (count / 10, count / 5);
        totals.first_byte.buckets[2] = count;
        totals
    }

    #[test]
    fn counts_of_the_last_five_minutes() {
        let ring = SampleRing::default();
        assert_eq!(
            ring.lately(&totals(50), 0, Millis(1)),
            RecentCounts::default(),
            "no sample yet"
        );
        // A request a second, a sample each half minute.
        let at = |seconds: u64| Millis(seconds * 1_000);
        let mut kept = 0;
        for second in 1..=3_600 {
            if ring.is_due(at(second)) {
                ring.keep(&totals(second - 1), second / 600, at(second));
                kept += 1;
            }
            let since = ring.lately(&totals(second - 1), second / 600, at(second));
            let expected = (second - 1).min(300);
            let span = since.span.as_secs();
            assert!((expected..expected.max(1) + 32).contains(&span), "{second}: {span}");
            assert_eq!(since.attempts, span, "{second}");
            if span > 5 {
                assert_eq!((since.per_minute, since.most_per_minute), (60, 60), "{second}");
            }
            assert_eq!(since.first_byte.buckets[2], span, "{second}");
        }
        assert_eq!(kept, 120);
        let since = ring.lately(&totals(3_599), 6, at(3_600));
        assert_eq!((since.failures, since.server_errors, since.outages), (32, 65, 1));
    }

    #[test]
    fn what_comes_before_the_first_sample_counts() {
        let ring = SampleRing::default();
        ring.keep(&totals(50), 0, Millis(1_000));
        let since = ring.lately(&totals(50), 0, Millis(2_000));
        assert_eq!((since.attempts, since.failures), (50, 5));
        // The attempts of these failures began before the sample.
        ring.keep(&totals(50), 0, Millis(31_000));
        let mut later = totals(51);
        later.failures[3] += 9;
        let since = ring.lately(&later, 0, Millis(340_000));
        assert_eq!((since.attempts, since.failures), (1, 1), "never more than attempts");
    }

    #[test]
    fn failures_of_clients_say_nothing_about_the_backend() {
        let ring = SampleRing::default();
        ring.keep(&totals(0), 0, Millis(1_000));
        let mut later = totals(10);
        later.failures = [10; FAILURES.len()];
        let since = ring.lately(&later, 0, Millis(2_000));
        let of_clients = FailureReason::Client.codes().count() as u64;
        assert_eq!(since.failures, 10, "of {} and {of_clients}", FAILURES.len());
        later.requests = 1_000;
        let since = ring.lately(&later, 0, Millis(2_000));
        assert_eq!(since.failures, 10 * (FAILURES.len() as u64 - of_clients));
    }

    #[test]
    fn slowness_is_dated_by_the_sample_before_it() {
        let ring = SampleRing::default();
        assert_eq!(ring.slow_since(), None);
        let mut sums = Totals::default();
        let mut keep = |second: u64, bucket: usize, count: u64| {
            sums.first_byte.buckets[bucket] += count;
            ring.keep(&sums, 0, Millis(second * 1_000));
            ring.slow_since().map(|own| own.0 / 1_000)
        };
        let (quick, slow) = (3, 12);
        assert_eq!(keep(1, quick, 50), Some(1), "what comes next began later");
        assert_eq!(keep(31, quick, 50), Some(31));
        assert_eq!(keep(61, slow, 50), Some(31), "since then at the earliest");
        assert_eq!(keep(91, slow, 50), Some(31));
        for second in (121..1_200).step_by(30) {
            assert_eq!(keep(second, slow, 0), Some(31), "without a reply it stays");
        }
        assert_eq!(keep(1_231, quick, 50), Some(1_231));
        ring.clear();
        assert_eq!(ring.slow_since(), None);
    }

    #[test]
    fn errors_of_the_application_are_dated_in_the_same_way() {
        let ring = SampleRing::default();
        let mut sums = Totals::default();
        let mut keep = |second: u64, replies: u64, errors: u64| {
            sums.first_byte.buckets[3] += replies;
            sums.responses[4] += errors;
            ring.keep(&sums, 0, Millis(second * 1_000));
            ring.erring_since().map(|own| own.0 / 1_000)
        };
        assert_eq!(keep(1, 50, 0), Some(1));
        assert_eq!(keep(31, 50, 1), Some(31), "one is no outage");
        assert_eq!(keep(61, 50, 20), Some(31), "since then at the earliest");
        assert_eq!(keep(91, 50, 50), Some(31));
        assert_eq!(keep(121, 0, 0), Some(31), "without a reply it stays");
        assert_eq!(keep(151, 50, 0), Some(151));
    }

    #[test]
    fn the_latest_rate_and_the_highest() {
        let ring = SampleRing::default();
        for (second, count) in [(1, 0), (31, 30), (61, 630), (91, 640)] {
            ring.keep(&totals(count), 0, Millis(second * 1_000));
        }
        let rates = |second: u64, count| {
            let since = ring.lately(&totals(count), 0, Millis(second * 1_000));
            (since.per_minute, since.most_per_minute)
        };
        assert_eq!(rates(101, 650), (60, 1_200));
        assert_eq!(rates(92, 700), (135, 1_200), "since the sample before the latest");
        assert_eq!(rates(365, 640), (0, 20), "those in which there was more are too old");
    }

    #[test]
    fn old_samples_say_nothing_and_cleared_ones_are_gone() {
        let ring = SampleRing::default();
        ring.keep(&totals(0), 0, Millis(1));
        ring.keep(&totals(10), 0, Millis(400_000));
        assert_eq!(ring.lately(&totals(20), 0, Millis(800_000)), RecentCounts::default());
        assert_eq!(ring.lately(&totals(20), 0, Millis(402_000)).attempts, 10);
        // Counters never go backwards; if they did, nothing would be shown rather than nonsense.
        assert_eq!(ring.lately(&totals(5), 0, Millis(402_000)).attempts, 0);
        ring.clear();
        assert!(ring.is_due(Millis(2_000)));
        assert_eq!(ring.lately(&totals(20), 0, Millis(2_000)), RecentCounts::default());
    }
}
