//! The mapping itself. Edge: it hands out records and neither counts nor decides.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use thiserror::Error;

use crate::clear::Clear;
use crate::clock;
use crate::lb::{BalancerRecord, MemberRecord};
use crate::metrics::Shard;
use crate::shm::child::ChildRecord;
use crate::shm::events::EventLog;
use crate::shm::layout::{Header, LAYOUT_VERSION, PoolRecord};
use crate::shm::overrides::Overrides;
use crate::shm::samples::SampleRing;
use crate::shm::unnamed_file::unnamed;

/// The shared memory could not be made.
#[derive(Debug, Error)]
#[error("{bytes} bytes of shared memory cannot be mapped: {source}")]
pub struct SegmentError {
    /// What was asked for.
    pub bytes: usize,
    /// What the system said.
    pub source: io::Error,
}

/// How many records there is room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Balancers.
    pub balancers: usize,
    /// Members, and workers used directly.
    pub members: usize,
    /// Children, those of the last generation included.
    pub children: usize,
}

impl Capacity {
    /// Returns how many rows of metrics there are. More children than that share them.
    pub fn shard_rows(self) -> usize {
        self.children.min(MOST_SHARD_ROWS)
    }

    /// Returns how many workers have records: members first, then balancers.
    pub fn workers(self) -> usize {
        self.members + self.balancers
    }

    /// Returns how many shares a child has: for each worker those of its requests that are in flight, then
    /// for each those that wait for room, then those that are parked, then those that were let in where threads are
    /// the limit, then those that wait for that, and at the end one of all that wait.
    pub fn child_counts(self) -> usize {
        COUNTED * self.workers() + 1
    }

    /// Returns where each kind of record begins.
    fn offsets(self) -> Offsets {
        let balancers = size_of::<Header>();
        let members = balancers + self.balancers * size_of::<BalancerRecord>();
        let children = members + self.members * size_of::<MemberRecord>();
        let child_counts = children + self.children * size_of::<ChildRecord>();
        let share_bytes = self.children * self.child_counts() * size_of::<AtomicU32>();
        let pools = child_counts + share_bytes.next_multiple_of(64);
        let pool_bytes = self.children * self.members * size_of::<PoolRecord>();
        let queue_heads = pools + pool_bytes.next_multiple_of(64);
        let head_bytes = self.children * self.workers() * size_of::<AtomicU64>();
        let shards = queue_heads + head_bytes.next_multiple_of(64);
        let overrides = shards + self.shard_rows() * self.members * size_of::<Shard>();
        let samples = overrides + size_of::<Overrides>().next_multiple_of(64);
        let events = samples + self.members * size_of::<SampleRing>();
        let end = events + size_of::<EventLog>();
        Offsets {
            balancers,
            members,
            children,
            child_counts,
            pools,
            queue_heads,
            shards,
            overrides,
            samples,
            events,
            end,
        }
    }
}

/// Where each kind of record begins, in bytes from the front, and the size of all.
#[derive(Clone, Copy, Debug)]
struct Offsets {
    balancers: usize,
    members: usize,
    children: usize,
    child_counts: usize,
    pools: usize,
    queue_heads: usize,
    shards: usize,
    overrides: usize,
    samples: usize,
    events: usize,
    end: usize,
}

/// Anonymous memory that every child inherits from the process that made it. It stays mapped as
/// long as that process lives: children of two generations use it at once.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    base: NonNull<u8>,
    capacity: Capacity,
    /// Those of the capacity, computed once: the status page asks thousands of times.
    offsets: Offsets,
}

// SAFETY: the mapping belongs to the process, not to a thread, and holds atomics only; base and
// sizes never change.
unsafe impl Send for Segment {}
// SAFETY: as for Send; shared access is what the atomics are for.
unsafe impl Sync for Segment {}

impl Segment {
    /// Maps zeroed memory: without a file, or where the system has none of that kind, over one that
    /// has no name.
    ///
    /// # Errors
    ///
    /// If the system has no memory left.
    pub fn create(capacity: Capacity) -> Result<Self, SegmentError> {
        let is_refusal = |why: &SegmentError| why.source.raw_os_error() != Some(libc::ENOMEM);
        match Self::map(capacity, None) {
            Err(why) if is_refusal(&why) => Self::create_in(capacity, &std::env::temp_dir()),
            other => other,
        }
    }

    fn create_in(capacity: Capacity, dir: &Path) -> Result<Self, SegmentError> {
        let bytes = capacity.offsets().end;
        let names = (0..16).map(|_| format!("jk-shm.{}.{}", std::process::id(), clock::nonce()));
        let file = unnamed(dir, names, bytes).map_err(|source| SegmentError { bytes, source })?;
        Self::map(capacity, Some(&file))
    }

    fn map(capacity: Capacity, file: Option<&File>) -> Result<Self, SegmentError> {
        let bytes = capacity.offsets().end;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (flags, fd) = match file {
            None => (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1),
            Some(file) => (libc::MAP_SHARED, file.as_raw_fd()),
        };
        // SAFETY: a fresh mapping touches no existing memory; a file behind it has `bytes` bytes, and
        // no process can shorten it, as it has no name. The mapping outlives the descriptor.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, fd, 0) };
        let failed = || SegmentError { bytes, source: io::Error::last_os_error() };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(failed)?;
        let segment = Self { base, capacity, offsets: capacity.offsets() };
        // SAFETY: the memory is new.
        unsafe { segment.overrides().lock.init() };
        let now = clock::unix_now();
        let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
        segment.header().started_unix.store(seconds, Ordering::Relaxed);
        segment.events().begin(now.as_millis() as u64);
        segment.header().version.store(LAYOUT_VERSION, Ordering::Relaxed);
        Ok(segment)
    }

    /// Takes up a mapping that [`create`](Self::create) made earlier in this process, perhaps in
    /// another copy of this library.
    ///
    /// # Safety
    ///
    /// `address` and `capacity` must be what [`address`](Self::address) and
    /// [`capacity`](Self::capacity) returned, with the same [`LAYOUT_VERSION`].
    pub unsafe fn adopt(address: usize, capacity: Capacity) -> Option<Self> {
        let base = NonNull::new(std::ptr::with_exposed_provenance_mut::<u8>(address))?;
        Some(Self { base, capacity, offsets: capacity.offsets() })
    }

    /// Returns where it is mapped.
    pub fn address(&self) -> usize {
        self.base.as_ptr().expose_provenance()
    }

    /// Returns how many records there is room for.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Returns the front record.
    pub fn header(&self) -> &'static Header {
        // SAFETY: the mapping begins with a header.
        unsafe { self.at::<Header>(0) }
    }

    /// Returns where changed settings stand.
    pub fn overrides(&self) -> &'static Overrides {
        // SAFETY: there is room for a board; beside atomics it holds the lock, which `create` made.
        unsafe { self.at(self.offsets.overrides) }
    }

    /// Returns a balancer's record; the last one if there is no such place.
    pub fn balancer(&self, place: usize) -> &'static BalancerRecord {
        let place = place.min(self.capacity.balancers - 1);
        // SAFETY: there is room for `balancers` records there.
        unsafe { self.at(self.offsets.balancers + place * size_of::<BalancerRecord>()) }
    }

    /// Returns a member's record; the last one if there is no such place.
    pub fn member(&self, place: usize) -> &'static MemberRecord {
        let place = place.min(self.capacity.members - 1);
        // SAFETY: there is room for `members` records there.
        unsafe { self.at(self.offsets.members + place * size_of::<MemberRecord>()) }
    }

    /// Returns the children's records.
    pub fn children(&self) -> &'static [ChildRecord] {
        // SAFETY: there is room for `children` records there.
        unsafe { self.row(self.offsets.children, self.capacity.children) }
    }

    /// Returns a child's shares of what is counted, as [`Capacity::child_counts`] says; of the last child
    /// if there is no such row.
    pub fn child_counts(&self, child: usize) -> &'static [AtomicU32] {
        let row = self.capacity.child_counts() * size_of::<AtomicU32>();
        let child = child.min(self.capacity.children - 1);
        // SAFETY: there is room for `children` rows of `child_counts` counters there.
        unsafe { self.row(self.offsets.child_counts + child * row, self.capacity.child_counts()) }
    }

    /// Returns what a child's pools hold, by the members' places; of the last child if there is no
    /// such row.
    pub fn pools(&self, child: usize) -> &'static [PoolRecord] {
        let row = self.capacity.members * size_of::<PoolRecord>();
        let child = child.min(self.capacity.children - 1);
        // SAFETY: there is room for `children` rows of `members` records there.
        unsafe { self.row(self.offsets.pools + child * row, self.capacity.members) }
    }

    /// Returns since when the oldest request of a child waits for room at each worker, in monotonic
    /// milliseconds and 0 for none; of the last child if there is no such row.
    pub fn queue_heads(&self, child: usize) -> &'static [AtomicU64] {
        let row = self.capacity.workers() * size_of::<AtomicU64>();
        let child = child.min(self.capacity.children - 1);
        // SAFETY: there is room for `children` rows of a number for each worker there.
        unsafe { self.row(self.offsets.queue_heads + child * row, self.capacity.workers()) }
    }

    /// Returns what a child counts in, by the members' places. There may be more children than
    /// rows; then several count in one.
    pub fn shards(&self, child: usize) -> &'static [Shard] {
        let row = child % self.capacity.shard_rows();
        let offset = self.offsets.shards + row * self.capacity.members * size_of::<Shard>();
        // SAFETY: there is room for `shard_rows` rows of `members` shards there.
        unsafe { self.row(offset, self.capacity.members) }
    }

    /// Returns all that children count for a member in; the last one's if there is no such place.
    pub fn shards_of(&self, place: usize) -> impl Iterator<Item = &'static Shard> {
        let Self { offsets, capacity, .. } = *self;
        let first = offsets.shards + place.min(capacity.members - 1) * size_of::<Shard>();
        let step = capacity.members * size_of::<Shard>();
        // SAFETY: there is room for `shard_rows` rows of `members` shards there.
        (0..capacity.shard_rows()).map(move |row| unsafe { self.at(first + row * step) })
    }

    /// Returns what a member's counters were in the last minutes; the last one's if there is no such
    /// place.
    pub fn samples(&self, place: usize) -> &'static SampleRing {
        let place = place.min(self.capacity.members - 1);
        // SAFETY: there is room for `members` rings there.
        unsafe { self.at(self.offsets.samples + place * size_of::<SampleRing>()) }
    }

    /// Returns what happened to the workers.
    pub fn events(&self) -> &'static EventLog {
        // SAFETY: there is room for them at the end, from a multiple of their alignment on.
        unsafe { self.at(self.offsets.events) }
    }

    /// Makes a member's record and its counters those of a new one.
    pub fn clear_member(&self, place: usize) {
        self.member(place).clear();
        self.samples(place).clear();
        self.shards_of(place).for_each(Shard::clear);
    }

    /// Makes a balancer's record that of a new one.
    pub fn clear_balancer(&self, place: usize) {
        self.balancer(place).clear();
    }

    /// # Safety
    ///
    /// As for [`row`](Self::row), of one record.
    unsafe fn at<T>(&self, offset: usize) -> &'static T {
        // SAFETY: in bounds by contract.
        let place = unsafe { self.base.add(offset) };
        // SAFETY: as in `row`.
        unsafe { place.cast::<T>().as_ref() }
    }

    /// # Safety
    ///
    /// The mapping must have room for `count` records from `offset` on, which must be a multiple of
    /// their alignment, and they must hold atomics only, or what `create` has made usable there.
    unsafe fn row<T>(&self, offset: usize, count: usize) -> &'static [T] {
        // SAFETY: in bounds by contract.
        let first = unsafe { self.base.add(offset) };
        // SAFETY:
        // - in bounds and aligned by contract, as the mapping begins on a page; the pointer is that of
        //   the whole mapping, which is never unmapped;
        // - valid: every bit pattern is, in atomics;
        // - aliasing: other threads and processes write here, but only by way of the atomics.
        unsafe { NonNull::slice_from_raw_parts(first.cast::<T>(), count).as_ref() }
    }
}

/// Kinds of requests that each child counts of each worker, see [`Capacity::child_counts`].
pub const COUNTED: usize = 5;

/// Most rows of metrics. Rows only keep children from waiting for each other's cache lines, and
/// each of them takes 704 bytes per worker.
const MOST_SHARD_ROWS: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_do_not_overlap_and_are_shared_by_forks() {
        let capacity = Capacity { balancers: 2, members: 3, children: 2 };
        check(Segment::create(capacity).expect("memory"));
        check(Segment::create_in(capacity, &std::env::temp_dir()).expect("a file"));
        let error = Segment::create_in(capacity, Path::new("/no/such/directory"));
        assert_eq!(error.expect_err("nowhere").source.kind(), io::ErrorKind::NotFound);
    }

    fn check(segment: Segment) {
        let member = |place: usize| segment.member(place);
        for place in 0..2 {
            segment.balancer(place).busy.store(u32::MAX, Ordering::Relaxed);
            assert!(segment.children()[place].claim(u64::MAX));
            let child_counts = segment.child_counts(place);
            assert_eq!(child_counts.len(), 26, "five of each of five workers, and one");
            child_counts.iter().for_each(|share| share.store(u32::MAX, Ordering::Relaxed));
            let pools = segment.pools(place);
            assert_eq!(pools.len(), 3);
            pools.iter().for_each(|pool| pool.idle.store(u32::MAX, Ordering::Relaxed));
            let shards = segment.shards(place);
            assert_eq!(shards.len(), 3);
            shards.iter().for_each(|shard| shard.requests.store(u64::MAX, Ordering::Relaxed));
        }
        assert!((0..2).all(|row| segment.pools(row)[0].open.load(Ordering::Relaxed) == 0));
        assert!((0..3).all(|place| member(place).used.load(Ordering::Relaxed) == 0));
        member(1).busy.store(7, Ordering::Relaxed);
        member(1).reset_unix.store(7, Ordering::Relaxed);
        segment.clear_member(1);
        assert_eq!(member(1).busy.load(Ordering::Relaxed), 0);
        assert_eq!(member(1).reset_unix.load(Ordering::Relaxed), 0);
        let requests = |row, place: usize| {
            let shards: &[Shard] = segment.shards(row);
            shards[place].requests.load(Ordering::Relaxed)
        };
        assert_eq!([requests(0, 1), requests(1, 1)], [0, 0]);
        assert_eq!([requests(0, 0), requests(1, 2), requests(2, 2)], [u64::MAX; 3]);
        assert_eq!(segment.balancer(1).busy.load(Ordering::Relaxed), u32::MAX);
        assert_eq!(segment.children()[0].owner(), u64::MAX);
        // SAFETY: both are what this segment says of itself.
        let again = unsafe { Segment::adopt(segment.address(), segment.capacity()) };
        let again = again.expect("an address");
        assert_eq!(again.balancer(0).busy.load(Ordering::Relaxed), u32::MAX);

        // SAFETY: the child of a fork only adds to shared atomics and leaves.
        let child = unsafe { libc::fork() };
        for _ in 0..10_000 {
            segment.member(2).used.fetch_add(1, Ordering::Relaxed);
        }
        if child == 0 {
            // SAFETY: ends the child at once, without running the parent's destructors.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: `child` is our own child.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        assert_eq!(segment.member(2).used.load(Ordering::Relaxed), 20_000);
        assert_eq!(segment.header().version.load(Ordering::Relaxed), LAYOUT_VERSION);
    }
}
