//! Requests that wait: which of them count where, and since when the oldest do.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::clock::Millis;
use crate::net::Tally;
use crate::shm::COUNTED;
use crate::worker::in_flight::{ChildCounts, CountGuard, RoomGuard};

/// What is counted of a worker beside its requests in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiters {
    /// Requests that wait for room.
    Queued = 1,
    /// Requests that wait without a thread.
    Parked = 2,
    /// Requests that were let in where threads are the limit.
    Admitted = 3,
    /// Requests that wait until they are let in.
    Unadmitted = 4,
}

/// Where requests count that are let in, and those that wait until they are. Each request asks, so this is looked up
/// once.
#[derive(Clone, Copy, Debug)]
pub struct AdmissionCounters {
    admitted: &'static AtomicU32,
    unadmitted: &'static AtomicU32,
    /// The number of the first one among the shares.
    share: usize,
}

impl AdmissionCounters {
    /// Returns how many requests were let in.
    #[inline]
    pub fn admitted(self) -> u32 {
        self.admitted.load(Relaxed)
    }

    /// Returns how many requests wait until they are let in.
    #[inline]
    pub fn unadmitted(self) -> u32 {
        self.unadmitted.load(Relaxed)
    }
}

impl ChildCounts {
    /// Returns the number of a worker's counter among the shares.
    fn counter(&self, kind: Waiters, worker: usize) -> usize {
        let workers = self.segment.capacity().workers();
        kind as usize * workers + worker.min(workers - 1)
    }

    /// Returns where requests of a worker count that are parked. Each request asks.
    pub fn parked(&self, worker: usize) -> Tally {
        let counter = self.counter(Waiters::Parked, worker);
        let share = self.own.get().and_then(|child_counts| child_counts.get(counter));
        let total = match worker.checked_sub(self.segment.capacity().members) {
            None => &self.segment.member(worker).parked,
            Some(balancer) => &self.segment.balancer(balancer).parked,
        };
        Tally { total, share }
    }

    /// Counts a request of a worker, by its number among them, that waits for room.
    pub fn count_waiting(&self, worker: usize) -> CountGuard {
        self.count_one(self.counter(Waiters::Queued, worker))
    }

    /// Counts a request of a worker that waits for room, if no more than `limit` do with it.
    pub fn waiting_within(&self, worker: usize, limit: u32) -> Option<CountGuard> {
        let share = self.counter(Waiters::Queued, worker);
        self.count_within(self.total(share), share, limit)
    }

    /// Returns where requests of a worker count that are let in, or wait for that.
    pub fn admission_counters(&self, worker: usize) -> AdmissionCounters {
        let share = self.counter(Waiters::Admitted, worker);
        let unadmitted = self.total(self.counter(Waiters::Unadmitted, worker));
        AdmissionCounters { admitted: self.total(share), unadmitted, share }
    }

    /// Counts a request that waits until it is let in.
    pub fn count_unadmitted(&self, worker: usize) -> CountGuard {
        self.count_one(self.counter(Waiters::Unadmitted, worker))
    }

    /// Lets a request in, if no more than `limit` are with it.
    #[inline]
    pub fn admit_within(&self, counters: AdmissionCounters, limit: u32) -> Option<RoomGuard> {
        let AdmissionCounters { admitted, unadmitted: waiting, share } = counters;
        let count = self.count_within(admitted, share, limit)?;
        let bell = &self.segment.header().room_bell;
        Some(RoomGuard { count: Some(count), waiting, bell })
    }

    /// Counts a request that waits for room, whatever its worker.
    pub fn count_queued(&self) -> CountGuard {
        self.count_one(COUNTED * self.segment.capacity().workers())
    }

    #[inline]
    fn count_within(
        &self,
        total: &'static AtomicU32,
        share: usize,
        limit: u32,
    ) -> Option<CountGuard> {
        let is_counted = total
            .fetch_update(Relaxed, Relaxed, |count| (count < limit).then(|| count + 1))
            .is_ok();
        is_counted.then(|| self.count(total, share))
    }

    fn count_one(&self, counter: usize) -> CountGuard {
        let total = self.total(counter);
        total.fetch_add(1, Relaxed);
        self.count(total, counter)
    }

    /// Returns since when the oldest request of all children waits at one of some workers.
    pub fn oldest_waiting(&self, workers: impl Iterator<Item = usize> + Clone) -> Option<Millis> {
        let rows = self.segment.children().iter().enumerate();
        let rows = rows.filter(|(_, child)| child.owner() != 0);
        let heads = rows.flat_map(|(row, _)| {
            let heads = self.segment.queue_heads(row);
            workers.clone().filter_map(|worker| heads.get(worker))
        });
        heads.map(|head| head.load(Relaxed)).filter(|since| *since != 0).min().map(Millis)
    }

    /// Returns since when the oldest requests of this child wait; `None` if it has no row.
    pub fn queue_heads(&self) -> Option<&'static [AtomicU64]> {
        self.row.get().map(|row| self.segment.queue_heads(*row))
    }

    /// Returns since when the oldest request of other children waits at a worker, if that is not before
    /// `earliest`: then it is no longer there, or its child is halted.
    pub fn oldest_elsewhere(&self, worker: usize, earliest: Millis) -> Option<Millis> {
        let others = self.segment.children().iter().enumerate();
        let others =
            others.filter(|(row, child)| child.owner() != 0 && self.row.get() != Some(row));
        let heads = others.filter_map(|(row, _)| self.segment.queue_heads(row).get(worker));
        let since =
            heads.map(|head| head.load(Relaxed)).filter(|since| *since >= earliest.0.max(1));
        since.min().map(Millis)
    }

    /// Returns at how many places among all children and some `workers` the oldest request has waited for longer than
    /// since `since`; those of this child at `own` do not count.
    pub fn older_elsewhere(&self, workers: &[usize], own: usize, since: Millis) -> u32 {
        let rows = self.segment.children().iter().enumerate();
        let rows = rows.filter(|(_, child)| child.owner() != 0);
        let older = rows.map(|(row, _)| {
            let is_own = self.row.get() == Some(&row);
            let others = workers.iter().filter(|worker| !is_own || **worker != own);
            let heads = self.segment.queue_heads(row);
            let heads = others.filter_map(|worker| Some(heads.get(*worker)?.load(Relaxed)));
            heads.filter(|head| (1..since.0).contains(head)).count()
        });
        u32::try_from(older.sum::<usize>()).unwrap_or(u32::MAX)
    }
}
