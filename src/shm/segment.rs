//! The mapping itself. Edge: it hands out records and neither counts nor decides.
#![allow(unsafe_code)]

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

use thiserror::Error;

use super::layout::{BalancerRecord, Header, LAYOUT_VERSION, MemberRecord};

/// The shared memory could not be made.
#[derive(Debug, Error)]
#[error("{bytes} bytes of shared memory cannot be mapped: {source}")]
pub struct SegmentError {
    /// What was asked for.
    pub bytes: usize,
    /// What the system said.
    pub source: io::Error,
}

/// Anonymous memory that every child inherits from the process that made it.
#[derive(Debug)]
pub struct Segment {
    base: NonNull<u8>,
    bytes: usize,
    balancers: usize,
    members: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and holds atomics only; base and
// sizes never change.
unsafe impl Send for Segment {}
// SAFETY: as for Send; shared access is what the atomics are for.
unsafe impl Sync for Segment {}

impl Segment {
    /// Maps zeroed memory for this many records.
    ///
    /// # Errors
    ///
    /// If the system has no memory left.
    pub fn create(balancers: usize, members: usize) -> Result<Self, SegmentError> {
        let bytes = size_of::<Header>()
            + balancers * size_of::<BalancerRecord>()
            + members * size_of::<MemberRecord>();
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a fresh anonymous mapping touches no existing memory.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        let failed = || SegmentError { bytes, source: io::Error::last_os_error() };
        if base == libc::MAP_FAILED {
            return Err(failed());
        }
        let base = NonNull::new(base.cast::<u8>()).ok_or_else(failed)?;
        let segment = Self { base, bytes, balancers, members };
        segment.header().version.store(LAYOUT_VERSION, Ordering::Relaxed);
        Ok(segment)
    }

    /// Returns the front record.
    pub fn header(&self) -> &Header {
        // SAFETY: the mapping begins with a header, is page-aligned and lives as long as `self`;
        // every bit pattern is a valid header, as it holds atomics only.
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    /// Returns the balancers' records.
    pub fn balancers(&self) -> &[BalancerRecord] {
        // SAFETY: `create` made room for a header and this many records behind it.
        let first = unsafe { self.base.add(size_of::<Header>()) };
        // SAFETY: in bounds as above; aligned, as all sizes are multiples of 64; valid and
        // shareable, as records hold atomics only.
        unsafe { std::slice::from_raw_parts(first.cast().as_ptr(), self.balancers) }
    }

    /// Returns the workers' records.
    pub fn members(&self) -> &[MemberRecord] {
        let offset = size_of::<Header>() + self.balancers * size_of::<BalancerRecord>();
        // SAFETY: `create` made room for header, balancers and this many records behind them.
        let first = unsafe { self.base.add(offset) };
        // SAFETY: as in `balancers`.
        unsafe { std::slice::from_raw_parts(first.cast().as_ptr(), self.members) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `create`, and all borrows of it ended with `self`.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.bytes) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_do_not_overlap_and_are_shared_by_forks() {
        let segment = Segment::create(2, 3).expect("memory");
        assert_eq!((segment.balancers().len(), segment.members().len()), (2, 3));
        for balancer in segment.balancers() {
            balancer.busy.store(7, Ordering::Relaxed);
        }
        assert!(segment.members().iter().all(|member| member.used.load(Ordering::Relaxed) == 0));

        // SAFETY: the child of a fork only adds to shared atomics and leaves.
        let child = unsafe { libc::fork() };
        for _ in 0..10_000 {
            segment.members()[2].used.fetch_add(1, Ordering::Relaxed);
        }
        if child == 0 {
            // SAFETY: ends the child at once, without running the parent's destructors.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: `child` is our own child.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0);
        assert_eq!(segment.members()[2].used.load(Ordering::Relaxed), 20_000);
        assert_eq!(segment.header().version.load(Ordering::Relaxed), LAYOUT_VERSION);
    }
}
