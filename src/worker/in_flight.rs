//! Whose requests are in flight. The election reads one total per member; each child also keeps
//! its own share, so that what a killed child had under way can be given back.

#[cfg(test)]
mod tests;
mod waiting;

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use once_cell::sync::OnceCell;

use crate::clock::{self, Millis};
use crate::metrics::{Shard, Totals};
use crate::net::Tally;
use crate::shm::{COUNTED, Capacity, Segment, futex};

pub use waiting::AdmissionCounters;

/// How often a difference between a total and its shares is looked at before it is corrected.
const LOOKS: u32 = 50;

/// The shares of all children, and which of them is ours.
#[derive(Clone, Debug)]
pub struct ChildCounts {
    segment: Segment,
    own: OnceCell<&'static [AtomicU32]>,
    row: OnceCell<usize>,
    shards: OnceCell<&'static [Shard]>,
    /// When this process became a child.
    claimed: OnceCell<Millis>,
}

/// A request under way with a worker, until dropped.
#[derive(Debug)]
pub struct InFlightGuard {
    _room: RoomGuard,
    /// Where this child counts what becomes of it.
    pub shard: &'static Shard,
}

/// A request that takes room, until dropped. Then those may look that wait for some.
#[derive(Debug)]
pub struct RoomGuard {
    count: Option<CountGuard>,
    /// How many wait for it.
    waiting: &'static AtomicU32,
    bell: &'static AtomicU32,
}

/// One request in a total and in this child's share of it, until dropped.
#[derive(Debug)]
pub struct CountGuard(Tally);

impl Drop for CountGuard {
    fn drop(&mut self) {
        self.0.lower();
    }
}

impl Drop for RoomGuard {
    fn drop(&mut self) {
        self.count = None;
        if self.waiting.load(Relaxed) > 0 {
            futex::ring(self.bell);
        }
    }
}

impl ChildCounts {
    /// Makes the view of a process that has no share yet.
    pub fn new(segment: Segment) -> Self {
        Self {
            segment,
            own: OnceCell::new(),
            row: OnceCell::new(),
            shards: OnceCell::new(),
            claimed: OnceCell::new(),
        }
    }

    /// Takes a row for this child. Without one its requests count as well, but are not given back
    /// if it is killed; returns whether there was one.
    pub fn claim(&self, pid: u32) -> bool {
        // A second time would be a defect without consequence: the first one stays.
        let _ = self.claimed.set(clock::now());
        let me = identity(pid);
        let children = self.segment.children();
        let row = children.iter().position(|child| child.claim(me));
        match row {
            Some(row) => {
                // Nothing should be left there, but what is would never be given back.
                self.segment.child_counts(row).iter().for_each(|counter| counter.store(0, Relaxed));
                self.segment.queue_heads(row).iter().for_each(|head| head.store(0, Relaxed));
                self.own.set(self.segment.child_counts(row)).is_ok()
                    && self.row.set(row).is_ok()
                    && self.shards.set(self.segment.shards(row)).is_ok()
            }
            None => false,
        }
    }

    /// Returns when this process became a child; `None` in the parent.
    pub fn claimed(&self) -> Option<Millis> {
        self.claimed.get().copied()
    }

    /// Returns how many children there are, with those that end after a graceful restart.
    pub fn children(&self) -> usize {
        self.segment.children().iter().filter(|child| child.owner() != 0).count()
    }

    /// Books a request whose election has raised the member's total already.
    pub fn enter(&self, record_index: usize) -> InFlightGuard {
        let total = &self.segment.member(record_index).busy;
        let header = self.segment.header();
        let room = RoomGuard {
            count: Some(self.count(total, record_index)),
            waiting: &header.queued,
            bell: &header.room_bell,
        };
        InFlightGuard { _room: room, shard: self.shard(record_index) }
    }

    /// Books a request of a balancer. Returns how many it has with it.
    pub fn enter_balancer(&self, record_index: usize) -> (CountGuard, u32) {
        let record = self.segment.balancer(record_index);
        let busy = record.busy.fetch_add(1, Relaxed).wrapping_add(1);
        if busy > record.max_busy.load(Relaxed) {
            record.max_busy.fetch_max(busy, Relaxed);
        }
        (self.count(&record.busy, self.balancer_place(record_index)), busy)
    }

    /// Returns the number of a balancer among the workers: [`Capacity::workers`].
    pub fn balancer_place(&self, record_index: usize) -> usize {
        self.segment.capacity().members.saturating_add(record_index)
    }

    fn count(&self, total: &'static AtomicU32, counter: usize) -> CountGuard {
        let share = self.own.get().and_then(|child_counts| child_counts.get(counter));
        if let Some(share) = share {
            share.fetch_add(1, Relaxed);
        }
        CountGuard(Tally { total, share })
    }

    /// Returns where this child counts for a worker.
    pub fn shard(&self, record_index: usize) -> &'static Shard {
        let shards = self.shards.get().copied().unwrap_or_else(|| self.segment.shards(0));
        &shards[record_index.min(shards.len() - 1)]
    }

    /// Adds up what all children ever counted for a worker.
    pub fn totals(&self, record_index: usize) -> Totals {
        Totals::of(self.segment.shards_of(record_index))
    }

    /// Says how many connections to a worker this child has.
    pub fn set_pool(&self, record_index: usize, open: usize, idle: usize) {
        let pools = self.row.get().map(|row| self.segment.pools(*row));
        if let Some(pool) = pools.and_then(|pools| pools.get(record_index)) {
            pool.open.store(u32::try_from(open).unwrap_or(u32::MAX), Relaxed);
            pool.idle.store(u32::try_from(idle).unwrap_or(u32::MAX), Relaxed);
        }
    }

    /// Returns the same as [`pool`](Self::pool), after this child has said what it has itself: how
    /// many of its own are idle and in use.
    pub fn refreshed(&self, record_index: usize, (idle, in_use): (usize, usize)) -> (u64, u64) {
        self.set_pool(record_index, idle + in_use, idle);
        self.pool(record_index)
    }

    /// Returns how many connections to a worker all children have, and how many are idle.
    pub fn pool(&self, record_index: usize) -> (u64, u64) {
        let live = self.segment.children().iter().enumerate();
        let live = live.filter(|(_, child)| child.owner() != 0);
        live.filter_map(|(row, _)| self.segment.pools(row).get(record_index)).fold(
            (0, 0),
            |sum, pool| {
                (
                    sum.0 + u64::from(pool.open.load(Relaxed)),
                    sum.1 + u64::from(pool.idle.load(Relaxed)),
                )
            },
        )
    }

    /// Gives back what a child had under way that has ended, and the lead if it had it.
    pub fn release(&self, pid: u32) {
        for (row, child) in self.segment.children().iter().enumerate() {
            let held = child.owner();
            if held != 0 && pid_of(held) == pid {
                self.release_row(row, held);
            }
        }
        self.segment.header().lease.give_up(pid);
    }

    /// Subtracts the requests in flight of children that ended unnoticed.
    pub fn release_lost(&self) {
        for (row, child) in self.segment.children().iter().enumerate() {
            let held = child.owner();
            if held != 0 && is_dead(held) {
                self.release_row(row, held);
            }
        }
    }

    /// Corrects totals that differ from the sum of the shares, where both were the same at the
    /// last look: a child may die between the two.
    pub fn reconcile(&self, last: &mut Vec<(u32, u32)>) {
        let child_counts = self.segment.capacity().child_counts();
        let mut sums = vec![0_u32; child_counts];
        for (row, child) in self.segment.children().iter().enumerate() {
            if child.owner() != 0 {
                for (sum, counter) in sums.iter_mut().zip(self.segment.child_counts(row)) {
                    *sum = sum.saturating_add(counter.load(Relaxed));
                }
            }
        }
        last.resize(child_counts, (0, 0));
        for (counter, (sum, last)) in sums.into_iter().zip(last).enumerate() {
            let total = self.total(counter);
            let seen = (total.load(Relaxed), sum);
            if seen.0 != seen.1 && seen == *last && !(0..LOOKS).any(|_| self.agrees(counter)) {
                let _ = total.compare_exchange(seen.0, seen.1, Relaxed, Relaxed);
            }
            *last = seen;
        }
    }

    /// Tells whether a total is the sum of its shares after all: a request counts in one a moment before the
    /// other, and where many come at once two looks find the same difference.
    fn agrees(&self, counter: usize) -> bool {
        std::thread::sleep(Duration::from_millis(1));
        let rows = 0..self.segment.children().len();
        let shares = rows.filter_map(|row| self.segment.child_counts(row).get(counter));
        let sum = shares.fold(0_u32, |sum, own| sum.saturating_add(own.load(Relaxed)));
        self.total(counter).load(Relaxed) == sum
    }

    /// Returns the total that a share is part of.
    fn total(&self, counter: usize) -> &'static AtomicU32 {
        let Capacity { members, .. } = self.segment.capacity();
        let workers = self.segment.capacity().workers();
        let (kind, worker) = (counter / workers, counter % workers);
        match worker.checked_sub(members) {
            _ if kind == COUNTED => &self.segment.header().queued,
            None => {
                let own = self.segment.member(worker);
                [&own.busy, &own.queued, &own.parked, &own.admitted, &own.unadmitted][kind]
            }
            Some(balancer) => {
                let own = self.segment.balancer(balancer);
                [&own.busy, &own.queued, &own.parked, &own.admitted, &own.unadmitted][kind]
            }
        }
    }

    /// Frees the row of a dead child and gives back what it had.
    fn release_row(&self, row: usize, held: u64) {
        let me = identity(std::process::id());
        self.segment.children()[row].release(held, me, is_dead, || {
            for (counter, own) in self.segment.child_counts(row).iter().enumerate() {
                let count = own.swap(0, Relaxed);
                if count > 0 {
                    lower(self.total(counter), count);
                }
            }
            for pool in self.segment.pools(row) {
                pool.open.store(0, Relaxed);
                pool.idle.store(0, Relaxed);
            }
            self.segment.queue_heads(row).iter().for_each(|head| head.store(0, Relaxed));
        });
    }
}

fn lower(counter: &AtomicU32, by: u32) {
    let _ = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_sub(by)));
}

/// Names a process so that a later one with the same number is another.
fn identity(pid: u32) -> u64 {
    u64::from(pid) << 32 | u64::from(started(pid).unwrap_or(0))
}

fn pid_of(identity: u64) -> u32 {
    (identity >> 32) as u32
}

/// Tells whether a process has ended; `false` where processes cannot be looked up.
fn is_dead(held: u64) -> bool {
    let can_tell = || started(std::process::id()).is_some();
    match started(pid_of(held)) {
        Some(now) => now != held as u32,
        None => can_tell(),
    }
}

/// Returns when a process began, in ticks of the system; `None` if there is none, or if it has ended
/// and was not waited for.
fn started(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the 20th word behind it is the start time.
    let (_, rest) = text.rsplit_once(')')?;
    if rest.trim_start().starts_with(['Z', 'X']) {
        return None;
    }
    let ticks: u64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    Some(ticks as u32)
}
