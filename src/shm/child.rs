//! Which httpd child has which row of the segment, and who clears up behind one that has died.
#![forbid(unsafe_code)]

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::shm::atomic::AtomicU64;

/// One httpd child. Behind the children's records lies one counter for each child and member, and
/// for each child and balancer: the child's share of the requests in flight, which is given back when
/// the child dies.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct ChildRecord {
    /// Process id in the upper half, the low half of its start time in the lower; 0 for none.
    owner: AtomicU64,
    /// Who gives back what a dead child had, written like the owner; 0 for none. The row is free
    /// for the next child only when that is done.
    releaser: AtomicU64,
}

impl ChildRecord {
    /// Takes the row for the process `me`. Returns whether it was free.
    pub fn claim(&self, me: u64) -> bool {
        self.owner.compare_exchange(0, me, AcqRel, Relaxed).is_ok()
    }

    /// Returns the process whose row it is; 0 for none.
    pub fn owner(&self) -> u64 {
        self.owner.load(Relaxed)
    }

    /// Frees the row of the dead process `held`, after `give_back`. Only one process does that:
    /// another one that came late would take from the next child in this row. One that is killed over
    /// it, which `is_dead` tells, is replaced.
    pub fn release(
        &self,
        held: u64,
        me: u64,
        is_dead: impl FnOnce(u64) -> bool,
        give_back: impl FnOnce(),
    ) {
        let before = self.releaser.load(Relaxed);
        let is_free = before == 0 || before == me || is_dead(before);
        if !is_free || self.releaser.compare_exchange(before, me, AcqRel, Relaxed).is_err() {
            return;
        }
        if self.owner.load(Acquire) == held {
            give_back();
            self.owner.store(0, Release);
        }
        self.releaser.store(0, Release);
    }
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<ChildRecord>() == 64);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_releaser_that_was_killed_is_replaced_and_a_living_one_is_not() {
        let row = ChildRecord::default();
        assert!(row.claim(7) && !row.claim(8));
        row.releaser.store(5, Relaxed);
        row.release(7, 6, |_| false, || panic!("another process is at it"));
        assert_eq!(row.owner(), 7);
        let mut given_back = 0;
        row.release(7, 6, |_| true, || given_back += 1);
        assert_eq!((given_back, row.owner()), (1, 0));
        // Late, when the next child has the row.
        assert!(row.claim(8));
        row.release(7, 6, |_| false, || panic!("that is another child"));
        assert_eq!(row.owner(), 8);
    }
}

#[cfg(all(test, loom))]
mod model {
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32;
    use loom::thread;

    use super::*;

    #[test]
    fn what_a_dead_child_had_is_given_back_once_and_never_what_the_next_one_has() {
        loom::model(|| {
            // The row, the share of the child in it, and the total of all children.
            let row = Arc::new((ChildRecord::default(), AtomicU32::new(1), AtomicU32::new(1)));
            assert!(row.0.claim(7));
            let release = |me: u64| {
                let row = Arc::clone(&row);
                thread::spawn(move || {
                    let (child, counter, total) = &*row;
                    let give_back = || {
                        let count = counter.swap(0, Relaxed);
                        total.fetch_sub(count, Relaxed);
                    };
                    child.release(7, me, |_| false, give_back);
                })
            };
            let both = [release(1), release(2)];
            // The next child begins a request as soon as it has the row.
            let (child, counter, total) = &*row;
            if child.claim(8) {
                total.fetch_add(1, Relaxed);
                counter.fetch_add(1, Relaxed);
            }
            both.into_iter().for_each(|thread| thread.join().expect("no panic"));
            match child.owner() {
                8 => assert_eq!((counter.load(Relaxed), total.load(Relaxed)), (1, 1)),
                _ => assert_eq!((counter.load(Relaxed), total.load(Relaxed)), (0, 0)),
            }
        });
    }
}
