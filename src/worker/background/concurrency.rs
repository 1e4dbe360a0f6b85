//! Adaptive limits: the leading child looks at the counters of all children, finds the limits, and writes them
//! where all read them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use crate::clock::Millis;
use crate::lb::MemberRecord;
use crate::lb::adaptive_limit::{AdaptiveLimit, FIRST, KeptLimit, LatencyWindow};
use crate::messages::MessageCode::JK329;
use crate::metrics::{FailureReason, HistogramTotals};
use crate::shm::futex;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::workers::Workers;

/// The backends with an adaptive limit, as this child sees them while it leads.
#[derive(Debug, Default)]
pub struct AdaptiveLimits(BTreeMap<String, Tracked>);

/// One of them.
#[derive(Debug)]
struct Tracked {
    law: AdaptiveLimit,
    /// What was counted when the present window began, and when that was.
    before: Counted,
    begun: Millis,
    /// Most requests in flight since then.
    in_flight: u32,
}

/// What is counted of a backend, over all children and balancers.
#[derive(Clone, Debug, Default)]
struct Counted {
    first_byte: HistogramTotals,
    /// Time of that in which requests waited for a connection of the pool.
    waited_us: u64,
    bad: u64,
}

impl AdaptiveLimits {
    /// Forgets what this child has seen: another one leads.
    pub fn rest(&mut self) {
        self.0.clear();
    }

    /// Looks at all backends with an adaptive limit.
    pub fn look(&mut self, workers: &Workers, now: Millis) {
        let mut counts: BTreeMap<&str, Counted> = BTreeMap::new();
        workers.for_each_record(|ajp, record_index| {
            if ajp.adaptive_most().is_some() {
                counts.entry(&ajp.name).or_default().add(workers, record_index);
            }
        });
        self.0.retain(|name, _| counts.contains_key(name.as_str()));
        let mut is_changed = false;
        for (name, counted) in counts {
            let Some(ajp) = workers.backend(name) else { continue };
            let tracked = self.0.entry(name.to_owned()).or_insert_with(|| {
                let (law, before) = (AdaptiveLimit::new(kept(ajp), now), counted.clone());
                Tracked { law, before, begun: now, in_flight: 0 }
            });
            is_changed |= tracked.look(ajp, counted, now);
        }
        let header = workers.records.segment.header();
        if is_changed && header.queued.load(Relaxed) > 0 {
            futex::ring(&header.room_bell);
        }
    }
}

impl Tracked {
    /// Looks at the backend. Returns whether its limit has changed.
    fn look(&mut self, ajp: &Ajp13, counted: Counted, now: Millis) -> bool {
        let Some(most) = ajp.adaptive_most() else { return false };
        self.in_flight = self.in_flight.max(ajp.all_in_flight());
        let since = counted.since(&self.before);
        let answers =
            since.first_byte.buckets.iter().fold(0, |sum: u64, own| sum.saturating_add(*own));
        if self.law.is_due(answers, now) {
            let last_full = records(ajp).filter_map(|record| record.full.last()).max();
            let seen = LatencyWindow {
                answers,
                bad: since.bad,
                latency_us: since.first_byte.ordinary_us(since.waited_us).unwrap_or(0),
                in_flight: self.in_flight,
                was_full: last_full.is_some_and(|at| at >= self.begun),
            };
            self.law.learn(&seen, most, now);
            (self.before, self.begun, self.in_flight) = (counted, now, 0);
        }
        let (limit, kept) = (self.law.limit(), self.law.kept());
        let is_changed = ajp.limit_found() != Some(limit);
        for record in records(ajp) {
            record.limit.store(limit, Relaxed);
            record.limit_kept.store(kept.limit, Relaxed);
            record.limit_baseline_us.store(kept.baseline_us, Relaxed);
        }
        tell(ajp, kept);
        is_changed
    }
}

/// Says so when the limit is twice or half of what was said last.
fn tell(ajp: &Ajp13, kept: KeptLimit) {
    let told = records(ajp).map(|record| record.limit_told.load(Relaxed)).max().unwrap_or(0);
    let told = if told == 0 { FIRST } else { told };
    if kept.limit < told.saturating_mul(2) && kept.limit > told / 2 {
        return;
    }
    for record in records(ajp) {
        record.limit_told.store(kept.limit, Relaxed);
    }
    tracing::info!(
        worker = ajp.name.as_str(),
        "{JK329} worker {} at {}: the adaptive limit is now {} requests at once, after {told}; {} ms is what its answers take to begin where none has to wait",
        ajp.name,
        ajp.pool.target().name(),
        kept.limit,
        kept.baseline_us / 1_000
    );
}

/// Returns what the leader of before has left.
fn kept(ajp: &Ajp13) -> KeptLimit {
    let known = records(ajp).find(|record| record.limit_kept.load(Relaxed) != 0);
    known.map_or_else(KeptLimit::default, |record| KeptLimit {
        limit: record.limit_kept.load(Relaxed),
        baseline_us: record.limit_baseline_us.load(Relaxed),
    })
}

fn records(ajp: &Ajp13) -> impl Iterator<Item = &'static MemberRecord> {
    ajp.records.get().into_iter().flatten().copied()
}

impl Counted {
    fn add(&mut self, workers: &Workers, record_index: usize) {
        let totals = workers.child_counts.totals(record_index);
        let failures = FailureReason::ALL.into_iter().zip(totals.reasons());
        let of_backend = failures
            .filter(|(why, _)| !matches!(why, FailureReason::Limit | FailureReason::Client))
            .fold(totals.responses[4], |sum, (_, count)| sum.wrapping_add(count));
        self.bad = self.bad.wrapping_add(of_backend);
        self.waited_us = self.waited_us.wrapping_add(totals.queue_wait_us);
        let (sum, own) = (&mut self.first_byte, totals.first_byte);
        sum.sum_us = sum.sum_us.wrapping_add(own.sum_us);
        sum.buckets.iter_mut().zip(own.buckets).for_each(|(sum, own)| *sum = sum.wrapping_add(own));
    }

    /// Returns what was counted since `before`. Shared memory may hold any bits: nothing is negative.
    fn since(&self, before: &Self) -> Self {
        let mut first_byte = self.first_byte.clone();
        first_byte.subtract(&before.first_byte);
        let waited_us = self.waited_us.saturating_sub(before.waited_us);
        Self { first_byte, waited_us, bad: self.bad.saturating_sub(before.bad) }
    }
}
