//! The mapping itself. Edge: it hands out records and neither counts nor decides.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use thiserror::Error;

use super::backing::unnamed;
use super::board::Board;
use super::layout::{
    BalancerRecord, ChildRecord, Header, LAYOUT_VERSION, MemberRecord, PoolRecord,
};
use crate::clock;
use crate::metrics::Shard;

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

    /// Returns how many shares a child has: one of each member, then one of each balancer.
    pub fn shares(self) -> usize {
        self.members + self.balancers
    }

    /// Returns where each kind of record begins, and the size of all.
    fn offsets(self) -> [usize; 8] {
        let balancers = size_of::<Header>();
        let members = balancers + self.balancers * size_of::<BalancerRecord>();
        let children = members + self.members * size_of::<MemberRecord>();
        let shares = children + self.children * size_of::<ChildRecord>();
        let share_bytes = self.children * self.shares() * size_of::<AtomicU32>();
        let pools = shares + share_bytes.next_multiple_of(64);
        let pool_bytes = self.children * self.members * size_of::<PoolRecord>();
        let shards = pools + pool_bytes.next_multiple_of(64);
        let board = shards + self.shard_rows() * self.members * size_of::<Shard>();
        let end = board + size_of::<Board>();
        [balancers, members, children, shares, pools, shards, board, end]
    }
}

/// Anonymous memory that every child inherits from the process that made it. It stays mapped as
/// long as that process lives: children of two generations use it at once.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    base: NonNull<u8>,
    capacity: Capacity,
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
        let [.., bytes] = capacity.offsets();
        let names = (0..16).map(|_| format!("jk-shm.{}.{}", std::process::id(), clock::nonce()));
        let file = unnamed(dir, names, bytes).map_err(|source| SegmentError { bytes, source })?;
        Self::map(capacity, Some(&file))
    }

    fn map(capacity: Capacity, file: Option<&File>) -> Result<Self, SegmentError> {
        let [.., bytes] = capacity.offsets();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let (flags, fd) = match file {
            None => (libc::MAP_SHARED | libc::MAP_ANONYMOUS, -1),
            Some(file) => (libc::MAP_SHARED, file.as_raw_fd()),
        };
        // SAFETY: a fresh mapping touches no existing memory; a file behind it has `bytes` bytes, and
        // nobody can shorten it, as it has no name. The mapping outlives the descriptor.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, fd, 0) };
        let failed = || SegmentError { bytes, source: io::Error::last_os_error() };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(failed)?;
        let segment = Self { base, capacity };
        // SAFETY: the memory is new.
        unsafe { segment.board().lock.init() };
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
        Some(Self { base, capacity })
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
    pub fn board(&self) -> &'static Board {
        let [.., board, _] = self.capacity.offsets();
        // SAFETY: there is room for a board; beside atomics it holds the lock, which `create` made.
        unsafe { self.at(board) }
    }

    /// Returns a balancer's record; the last one if there is no such place.
    pub fn balancer(&self, place: usize) -> &'static BalancerRecord {
        let [first, ..] = self.capacity.offsets();
        let place = place.min(self.capacity.balancers - 1);
        // SAFETY: there is room for `balancers` records there.
        unsafe { self.at(first + place * size_of::<BalancerRecord>()) }
    }

    /// Returns a member's record; the last one if there is no such place.
    pub fn member(&self, place: usize) -> &'static MemberRecord {
        let [_, first, ..] = self.capacity.offsets();
        let place = place.min(self.capacity.members - 1);
        // SAFETY: there is room for `members` records there.
        unsafe { self.at(first + place * size_of::<MemberRecord>()) }
    }

    /// Returns the children's records.
    pub fn children(&self) -> &'static [ChildRecord] {
        let [_, _, first, ..] = self.capacity.offsets();
        // SAFETY: there is room for `children` records there.
        let first = unsafe { self.at(first) };
        // SAFETY: as above; aligned, as all sizes before are multiples of 64; valid and shareable,
        // as records hold atomics only.
        unsafe { std::slice::from_raw_parts(first, self.capacity.children) }
    }

    /// Returns a child's shares of the requests in flight, by the members' places and then by the
    /// balancers'; of the last child if there is no such row.
    pub fn shares(&self, child: usize) -> &'static [AtomicU32] {
        let [_, _, _, first, ..] = self.capacity.offsets();
        let row = self.capacity.shares() * size_of::<AtomicU32>();
        let child = child.min(self.capacity.children - 1);
        // SAFETY: there is room for `children` rows of `shares` counters there.
        let first = unsafe { self.at(first + child * row) };
        // SAFETY: as above; otherwise as in `children`.
        unsafe { std::slice::from_raw_parts(first, self.capacity.shares()) }
    }

    /// Returns what a child's pools hold, by the members' places; of the last child if there is no
    /// such row.
    pub fn pools(&self, child: usize) -> &'static [PoolRecord] {
        let [_, _, _, _, first, ..] = self.capacity.offsets();
        let row = self.capacity.members * size_of::<PoolRecord>();
        let child = child.min(self.capacity.children - 1);
        // SAFETY: there is room for `children` rows of `members` records there.
        let first = unsafe { self.at(first + child * row) };
        // SAFETY: as above; otherwise as in `children`.
        unsafe { std::slice::from_raw_parts(first, self.capacity.members) }
    }

    /// Returns what a child counts in, by the members' places. There may be more children than
    /// rows; then several count in one.
    pub fn shards(&self, child: usize) -> &'static [Shard] {
        let [.., first, _, _] = self.capacity.offsets();
        let row = child % self.capacity.shard_rows();
        let offset = first + row * self.capacity.members * size_of::<Shard>();
        // SAFETY: there is room for `shard_rows` rows of `members` shards there.
        let first = unsafe { self.at(offset) };
        // SAFETY: as above; otherwise as in `children`.
        unsafe { std::slice::from_raw_parts(first, self.capacity.members) }
    }

    /// Makes a member's record and its counters those of a new one.
    pub fn clear_member(&self, place: usize) {
        // SAFETY: a member's record holds nothing but atomics.
        unsafe { clear(self.member(place)) };
        for row in 0..self.capacity.shard_rows() {
            if let Some(shard) = self.shards(row).get(place) {
                // SAFETY: as above.
                unsafe { clear(shard) };
            }
        }
    }

    /// Makes a balancer's record that of a new one.
    pub fn clear_balancer(&self, place: usize) {
        // SAFETY: a balancer's record holds nothing but atomics.
        unsafe { clear(self.balancer(place)) };
    }

    /// # Safety
    ///
    /// There must be a record of atomics at `offset`.
    unsafe fn at<T>(&self, offset: usize) -> &'static T {
        // SAFETY: in bounds by contract.
        let place = unsafe { self.base.add(offset) };
        // SAFETY: the mapping is page-aligned and never unmapped, and every bit pattern is a valid
        // record, as it holds atomics only.
        unsafe { place.cast::<T>().as_ref() }
    }
}

/// Sets a record to zero.
///
/// # Safety
///
/// It must hold nothing but atomics, and be a whole number of 64-bit words, aligned to them.
unsafe fn clear<T>(record: &T) {
    let first = std::ptr::from_ref(record).cast::<AtomicU64>();
    // SAFETY: by contract.
    let words = unsafe { std::slice::from_raw_parts(first, size_of::<T>() / 8) };
    words.iter().for_each(|word| word.store(0, Ordering::Relaxed));
}

/// Most rows of metrics. Rows only keep children from waiting for each other's cache lines, and
/// each of them takes 640 bytes per worker.
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
            segment.children()[place].owner.store(u64::MAX, Ordering::Relaxed);
            let shares = segment.shares(place);
            assert_eq!(shares.len(), 5, "three members and two balancers");
            shares.iter().for_each(|share| share.store(u32::MAX, Ordering::Relaxed));
            let pools = segment.pools(place);
            assert_eq!(pools.len(), 3);
            pools.iter().for_each(|pool| pool.idle.store(u32::MAX, Ordering::Relaxed));
            let shards = segment.shards(place);
            assert_eq!(shards.len(), 3);
            shards.iter().for_each(|shard| shard.requests.store(u64::MAX, Ordering::Relaxed));
        }
        assert!((0..2).all(|row| segment.pools(row)[0].open.load(Ordering::Relaxed) == 0));
        assert!((0..3).all(|place| member(place).used.load(Ordering::Relaxed) == 0));
        member(1).state.store(7, Ordering::Relaxed);
        member(1).reset_unix.store(7, Ordering::Relaxed);
        segment.clear_member(1);
        assert_eq!(member(1).state.load(Ordering::Relaxed), 0);
        assert_eq!(member(1).reset_unix.load(Ordering::Relaxed), 0);
        let requests = |row, place: usize| {
            let shards: &[Shard] = segment.shards(row);
            shards[place].requests.load(Ordering::Relaxed)
        };
        assert_eq!([requests(0, 1), requests(1, 1)], [0, 0]);
        assert_eq!([requests(0, 0), requests(1, 2), requests(2, 2)], [u64::MAX; 3]);
        assert_eq!(segment.balancer(1).busy.load(Ordering::Relaxed), u32::MAX);
        assert_eq!(segment.children()[0].owner.load(Ordering::Relaxed), u64::MAX);
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
