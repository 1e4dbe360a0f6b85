//! An election allocates nothing.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use mod_jk::clock::Millis;
use mod_jk::lb::{Activation, Balancer, Method, Query, hash};
use mod_jk::shm::{BalancerRecord, MemberRecord};

use crate::plain::balancer;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands on to the system's allocator and counts beside.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn elections_allocate_nothing() {
    let before = ALLOCATIONS.get();
    drop(Box::new(before));
    assert_eq!(ALLOCATIONS.get(), before + 1, "the count works");
    let methods = [
        Method::Busyness,
        Method::Hash,
        Method::LeastTime,
        Method::Next,
        Method::Request,
        Method::Session,
        Method::Traffic,
    ];
    let names = ["n1".to_owned()];
    let overrides = [(&names[..], Activation::Disabled)];
    for method in methods {
        let balancer = balancer(method, &[1, 2, 3]);
        let records: Vec<_> = (0..3).map(|_| MemberRecord::default()).collect();
        let records: Vec<_> = records.iter().collect();
        let own = BalancerRecord::default();
        let before = ALLOCATIONS.get();
        for ids in [&b""[..], b"X.n1", b"X.gone;Y.n2"] {
            let hash = Some(hash(b"/app"));
            for overrides in [&overrides[..], &[]] {
                let query = Query { session_ids: ids, hash, overrides, ..Query::default() };
                let chosen = balancer.elect(&own, &records, &query, Millis(1)).unwrap();
                Balancer::leave(records[chosen.member]);
            }
        }
        assert_eq!(ALLOCATIONS.get(), before, "{method:?}");
    }
}
