//! Whose requests are in flight. The election reads one total per member; each child also keeps
//! its own share, so that what a killed child had under way can be given back.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use once_cell::sync::OnceCell;

use crate::lb::Balancer;
use crate::metrics::{Shard, Totals};
use crate::shm::{MemberRecord, Segment};

/// The shares of all children, and which of them is ours.
#[derive(Clone, Debug)]
pub struct Shares {
    segment: Segment,
    own: OnceCell<&'static [AtomicU32]>,
    row: OnceCell<usize>,
}

/// A request under way, until dropped.
#[derive(Debug)]
pub struct InFlight<'s> {
    record: &'static MemberRecord,
    share: Option<&'s AtomicU32>,
    /// Where this child counts what becomes of it.
    pub shard: &'static Shard,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        Balancer::leave(self.record);
        if let Some(share) = self.share {
            lower(share, 1);
        }
    }
}

impl Shares {
    /// Makes the view of a process that has no share yet.
    pub fn new(segment: Segment) -> Self {
        Self { segment, own: OnceCell::new(), row: OnceCell::new() }
    }

    /// Takes a row for this child. Without one its requests count as well, but are not given back
    /// if it is killed; returns whether there was one.
    pub fn claim(&self, pid: u32) -> bool {
        let me = owner(pid, started(pid).unwrap_or(0));
        let children = self.segment.children();
        let row = children
            .iter()
            .position(|child| child.owner.compare_exchange(0, me, Relaxed, Relaxed).is_ok());
        match row {
            Some(row) => {
                self.own.set(self.segment.shares(row)).is_ok() && self.row.set(row).is_ok()
            }
            None => false,
        }
    }

    /// Books a request whose election has raised the member's total already.
    pub fn enter(&self, place: usize) -> InFlight<'static> {
        let share = self.own.get().and_then(|shares| shares.get(place));
        if let Some(share) = share {
            share.fetch_add(1, Relaxed);
        }
        InFlight { record: self.segment.member(place), share, shard: self.shard(place) }
    }

    /// Returns where this child counts for a worker.
    pub fn shard(&self, place: usize) -> &'static Shard {
        let shards = self.segment.shards(self.row.get().copied().unwrap_or(0));
        &shards[place.min(shards.len() - 1)]
    }

    /// Adds up what all children ever counted for a worker.
    pub fn totals(&self, place: usize) -> Totals {
        let rows = self.segment.capacity().shard_rows();
        Totals::of((0..rows).filter_map(|row| self.segment.shards(row).get(place)))
    }

    /// Says how many connections to a worker this child has.
    pub fn set_pool(&self, place: usize, open: usize, idle: usize) {
        let pools = self.row.get().map(|row| self.segment.pools(*row));
        if let Some(pool) = pools.and_then(|pools| pools.get(place)) {
            pool.open.store(u32::try_from(open).unwrap_or(u32::MAX), Relaxed);
            pool.idle.store(u32::try_from(idle).unwrap_or(u32::MAX), Relaxed);
        }
    }

    /// Returns the same as [`pool`](Self::pool), after this child has said what it has itself: how
    /// many of its own are idle and in use.
    pub fn refreshed(&self, place: usize, (idle, in_use): (usize, usize)) -> (u64, u64) {
        self.set_pool(place, idle + in_use, idle);
        self.pool(place)
    }

    /// Returns how many connections to a worker all children have, and how many are idle.
    pub fn pool(&self, place: usize) -> (u64, u64) {
        let live = self.segment.children().iter().enumerate();
        let live = live.filter(|(_, child)| child.owner.load(Relaxed) != 0);
        live.filter_map(|(row, _)| self.segment.pools(row).get(place)).fold((0, 0), |sum, pool| {
            (sum.0 + u64::from(pool.open.load(Relaxed)), sum.1 + u64::from(pool.idle.load(Relaxed)))
        })
    }

    /// Gives back what a child had under way that has ended.
    pub fn release(&self, pid: u32) {
        for (row, child) in self.segment.children().iter().enumerate() {
            if (child.owner.load(Relaxed) >> 32) as u32 == pid {
                self.release_row(row);
            }
        }
    }

    /// Gives back what children had under way that are gone without anybody having noticed.
    pub fn release_lost(&self) {
        for (row, child) in self.segment.children().iter().enumerate() {
            let held = child.owner.load(Relaxed);
            let pid = (held >> 32) as u32;
            if held != 0 && can_tell() && started(pid).is_none_or(|now| owner(pid, now) != held) {
                self.release_row(row);
            }
        }
    }

    /// Corrects totals that differ from the sum of the shares, where both were the same at the
    /// last look: a child may die between the two.
    pub fn reconcile(&self, last: &mut Vec<(u32, u32)>) {
        let members = self.segment.capacity().members;
        let mut sums = vec![0_u32; members];
        for (row, child) in self.segment.children().iter().enumerate() {
            if child.owner.load(Relaxed) != 0 {
                for (sum, share) in sums.iter_mut().zip(self.segment.shares(row)) {
                    *sum = sum.saturating_add(share.load(Relaxed));
                }
            }
        }
        last.resize(members, (0, 0));
        for (place, (sum, last)) in sums.into_iter().zip(last).enumerate() {
            let record = self.segment.member(place);
            let seen = (record.busy.load(Relaxed), sum);
            if seen.0 != seen.1 && seen == *last {
                let _ = record.busy.compare_exchange(seen.0, seen.1, Relaxed, Relaxed);
            }
            *last = seen;
        }
    }

    fn release_row(&self, row: usize) {
        for (place, share) in self.segment.shares(row).iter().enumerate() {
            let count = share.swap(0, Relaxed);
            if count > 0 {
                lower(&self.segment.member(place).busy, count);
            }
        }
        for pool in self.segment.pools(row) {
            pool.open.store(0, Relaxed);
            pool.idle.store(0, Relaxed);
        }
        self.segment.children()[row].owner.store(0, Relaxed);
    }
}

fn lower(counter: &AtomicU32, by: u32) {
    let _ = counter.fetch_update(Relaxed, Relaxed, |count| Some(count.saturating_sub(by)));
}

fn owner(pid: u32, started: u32) -> u64 {
    u64::from(pid) << 32 | u64::from(started)
}

/// Tells whether processes can be looked up here.
fn can_tell() -> bool {
    started(std::process::id()).is_some()
}

/// Returns when a process began, in ticks of the system; `None` if there is none.
fn started(pid: u32) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the 20th word behind it is the start time.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks: u64 = rest.split_whitespace().nth(19)?.parse().ok()?;
    Some(ticks as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shm::Capacity;

    fn segment() -> Segment {
        Segment::create(Capacity { balancers: 1, members: 4, children: 2 }).expect("memory")
    }

    fn busy(segment: &Segment) -> Vec<u32> {
        (0..4).map(|place| segment.member(place).busy.load(Relaxed)).collect()
    }

    /// Begins a request as an election does.
    fn begin(segment: &Segment, shares: &Shares, place: usize) -> InFlight<'static> {
        segment.member(place).busy.fetch_add(1, Relaxed);
        shares.enter(place)
    }

    #[test]
    fn a_dead_child_gives_back_what_it_had() {
        let segment = segment();
        let (dead, alive) = (Shares::new(segment), Shares::new(segment));
        assert!(dead.claim(4_000_000_000));
        assert!(alive.claim(std::process::id()));
        assert!(!Shares::new(segment).claim(1), "both rows are taken");
        std::mem::forget([begin(&segment, &dead, 1), begin(&segment, &dead, 1)]);
        let held = begin(&segment, &alive, 1);
        assert_eq!(busy(&segment), [0, 3, 0, 0]);
        alive.release_lost();
        assert_eq!(busy(&segment), [0, 1, 0, 0], "there is no such process");
        assert!(Shares::new(segment).claim(1), "its row is free");
        drop(held);
        assert_eq!(busy(&segment), [0; 4]);
    }

    #[test]
    fn the_parent_releases_by_process_id() {
        let segment = segment();
        let (child, parent) = (Shares::new(segment), Shares::new(segment));
        assert!(child.claim(77));
        std::mem::forget([begin(&segment, &child, 0), begin(&segment, &child, 3)]);
        parent.release(76);
        assert_eq!(busy(&segment), [1, 0, 0, 1]);
        parent.release(77);
        assert_eq!(busy(&segment), [0; 4]);
    }

    #[test]
    fn totals_follow_the_shares_when_both_rest() {
        let segment = segment();
        let shares = Shares::new(segment);
        assert!(shares.claim(std::process::id()));
        let held = begin(&segment, &shares, 2);
        segment.member(2).busy.fetch_add(5, Relaxed);
        let mut last = Vec::new();
        shares.reconcile(&mut last);
        assert_eq!(busy(&segment), [0, 0, 6, 0], "it may be in motion");
        shares.reconcile(&mut last);
        assert_eq!(busy(&segment), [0, 0, 1, 0]);
        drop(held);
    }
}
