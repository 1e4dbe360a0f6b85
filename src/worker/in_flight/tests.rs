//! Totals and the shares of children.

use super::*;
use std::sync::atomic::AtomicBool;

fn segment() -> Segment {
    Segment::create(Capacity { balancers: 1, members: 4, children: 2 }).expect("memory")
}

fn busy(segment: &Segment) -> Vec<u32> {
    (0..4).map(|record_index| segment.member(record_index).busy.load(Relaxed)).collect()
}

/// Begins a request as an election does.
fn begin(segment: &Segment, child_counts: &ChildCounts, record_index: usize) -> InFlightGuard {
    segment.member(record_index).busy.fetch_add(1, Relaxed);
    child_counts.enter(record_index)
}

#[test]
fn a_dead_child_gives_back_what_it_had() {
    let segment = segment();
    let (dead, alive) = (ChildCounts::new(segment), ChildCounts::new(segment));
    assert!(dead.claim(4_000_000_000));
    assert!(alive.claim(std::process::id()));
    assert!(!ChildCounts::new(segment).claim(1), "both rows are taken");
    std::mem::forget([begin(&segment, &dead, 1), begin(&segment, &dead, 1)]);
    let counters = alive.admission_counters(2);
    std::mem::forget((dead.admit_within(counters, 9), dead.count_unadmitted(2)));
    assert_eq!((counters.admitted(), counters.unadmitted()), (1, 1));
    let held = begin(&segment, &alive, 1);
    assert_eq!(busy(&segment), [0, 3, 0, 0]);
    alive.release_lost();
    assert_eq!(busy(&segment), [0, 1, 0, 0], "there is no such process");
    assert_eq!((counters.admitted(), counters.unadmitted()), (0, 0));
    assert!(ChildCounts::new(segment).claim(1), "its row is free");
    drop(held);
    assert_eq!(busy(&segment), [0; 4]);
}

#[test]
fn requests_that_come_and_go_are_no_difference() {
    let segment = segment();
    let child = ChildCounts::new(segment);
    assert!(child.claim(std::process::id()));
    let held = begin(&segment, &child, 1);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    let before = segment.member(1).busy.fetch_add(1, Relaxed);
                    drop(child.enter(1));
                    assert!(before >= 1, "the request that is held counts");
                }
            });
        }
        let mut last = Vec::new();
        (0..300).for_each(|_| child.reconcile(&mut last));
        is_over.store(true, Relaxed);
    });
    drop(held);
    assert_eq!(busy(&segment), [0; 4]);
}

#[test]
fn who_comes_late_takes_nothing_from_the_next_child() {
    let segment = segment();
    assert!(ChildCounts::new(segment).claim(1));
    segment.child_counts(0)[0].store(7, Relaxed);
    ChildCounts::new(segment).release_row(0, 4_000_000_000 << 32);
    assert_eq!(segment.child_counts(0)[0].load(Relaxed), 7);
}

#[test]
fn a_balancer_counts_its_own_requests() {
    let segment = segment();
    let (child, parent) = (ChildCounts::new(segment), ChildCounts::new(segment));
    assert!(child.claim(77));
    let record = segment.balancer(0);
    let counts = || [record.busy.load(Relaxed), record.max_busy.load(Relaxed)];
    let two = [child.enter_balancer(0).0, child.enter_balancer(0).0];
    assert_eq!(counts(), [2, 2]);
    drop(two);
    assert_eq!(counts(), [0, 2]);
    std::mem::forget(child.enter_balancer(0).0);
    assert_eq!(busy(&segment), [0; 4], "no member's");
    let (now, term) = (crate::clock::now(), std::time::Duration::from_secs(60));
    assert!(segment.header().lease.take(77, now, term));
    parent.release(77);
    assert_eq!(counts(), [0, 2]);
    assert_eq!(segment.header().lease.leader(), 0, "another child leads");
}

#[test]
fn the_parent_releases_by_process_id() {
    let segment = segment();
    let (child, parent) = (ChildCounts::new(segment), ChildCounts::new(segment));
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
    let child_counts = ChildCounts::new(segment);
    assert!(child_counts.claim(std::process::id()));
    let held = begin(&segment, &child_counts, 2);
    segment.member(2).busy.fetch_add(5, Relaxed);
    let mut last = Vec::new();
    child_counts.reconcile(&mut last);
    assert_eq!(busy(&segment), [0, 0, 6, 0], "it may be in motion");
    child_counts.reconcile(&mut last);
    assert_eq!(busy(&segment), [0, 0, 1, 0]);
    drop(held);
}
