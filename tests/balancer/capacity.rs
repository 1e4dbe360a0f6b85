//! The adaptive limit before simulated backends: what is served, and how fast.

use crate::backend_model::*;

const MS: f64 = 1_000.0;
const EVEN: Work = Work::Even(30.0 * MS);
const EXPONENTIAL: Work = Work::Exponential(30.0 * MS);
const MIXED: Work = Work::Mixed(30.0 * MS, 5.0);

/// A backend to which so many times as many requests come as it can serve.
fn backend(threads: usize, work: Work, load: f64) -> Stretch {
    let own = Stretch { from_s: 0, threads, work, rate: 1.0, failing: 0.0, is_paused: false };
    Stretch { rate: own.capacity() * load, ..own }
}

/// Served of what can be, and the 99th percentile as a multiple of that without load.
fn shares(run: &Run, own: &Stretch, (from_s, to_s): (u64, u64)) -> (f64, f64) {
    (run.goodput(from_s, to_s) / own.capacity(), run.p99(from_s, to_s) / own.work.p99())
}

fn must_do_well(run: &Run, own: &Stretch, span: (u64, u64), what: &str) {
    let (goodput, p99) = shares(run, own, span);
    println!("{what} {own:?} {span:?}: goodput {goodput:.3}, p99 {p99:.2}");
    assert!(
        goodput >= 0.9 && p99 <= 3.0,
        "{what} {own:?} {span:?}: {goodput} {p99} {:?}",
        run.limits
    );
}

#[test]
fn an_overload_of_three_times_leaves_goodput_and_times_as_they_are() {
    for threads in [2, 4, 20, 100] {
        for work in [EVEN, EXPONENTIAL, MIXED] {
            for guard in [Guard::Adaptive, Guard::WithQueue(50)] {
                let own = backend(threads, work, 3.0);
                let run = run(&[own], 150, guard, 7);
                must_do_well(&run, &own, (60, 150), "overload");
            }
        }
    }
    for (threads, from_s) in [(2, 300), (4, 180), (20, 60), (100, 60)] {
        // Few answers a second say little in a minute.
        let own = backend(threads, Work::Exponential(300.0 * MS), 3.0);
        let run = run(&[own], from_s + 240, Guard::Adaptive, 7);
        must_do_well(&run, &own, (from_s, from_s + 240), "slow answers");
    }
    let own = backend(20, EXPONENTIAL, 3.0);
    let (goodput, p99) = shares(&run(&[own], 90, Guard::Nothing, 7), &own, (60, 90));
    assert!(goodput > 0.95 && p99 > 100.0, "without a limit: {goodput} {p99}");
}

#[test]
fn an_hour_of_overload_does_not_move_the_limit() {
    let own = backend(4, EXPONENTIAL, 3.0);
    let run = run(&[own], 3_600, Guard::Adaptive, 7);
    must_do_well(&run, &own, (3_000, 3_600), "an hour");
    let most = run.limits[600..].iter().max().copied();
    assert!(most.is_some_and(|most| most <= 12), "{most:?}");
}

#[test]
fn half_of_what_it_can_serve_is_served_as_without_a_limit() {
    for threads in [4, 20, 100] {
        for work in [EVEN, EXPONENTIAL, MIXED] {
            let own = backend(threads, work, 0.5);
            // Requests come in bursts, which a few threads serve one after the other.
            let guard = if threads < 20 { Guard::WithQueue(50) } else { Guard::Adaptive };
            let adaptive = run(&[own], 120, guard, 7);
            let free = run(&[own], 120, Guard::Nothing, 7);
            let (all, within) = (free.goodput(30, 120), adaptive.goodput(30, 120));
            println!("{own:?} {within} of {all}");
            assert!(within >= all * 0.97, "{own:?}: {within} of {all}: {:?}", adaptive.limits);
            assert!(adaptive.p99(30, 120) <= free.p99(30, 120) * 1.1);
        }
    }
}

#[test]
fn a_capacity_that_changes_is_found_within_twenty_seconds() {
    for work in [EVEN, EXPONENTIAL, MIXED] {
        let whole = backend(40, work, 3.0);
        let half = Stretch { from_s: 90, threads: 20, ..whole };
        let again = Stretch { from_s: 180, ..whole };
        let run = run(&[whole, half, again], 270, Guard::Adaptive, 5);
        must_do_well(&run, &whole, (60, 90), "whole");
        must_do_well(&run, &half, (110, 180), "half");
        must_do_well(&run, &again, (200, 270), "again");
    }
}

#[test]
fn an_application_that_is_slow_for_all_keeps_its_threads_at_work() {
    for work in [EVEN, EXPONENTIAL] {
        let usual = backend(40, work, 3.0);
        let slow = match work {
            Work::Even(us) => Work::Even(us * 3.0),
            _ => Work::Exponential(90.0 * MS),
        };
        let slow = Stretch { from_s: 90, work: slow, ..usual };
        let again = Stretch { from_s: 180, ..usual };
        let run = run(&[usual, slow, again], 270, Guard::Adaptive, 5);
        must_do_well(&run, &slow, (110, 180), "slow");
        must_do_well(&run, &again, (200, 270), "fast again");
        let (meanwhile, _) = shares(&run, &slow, (90, 110));
        println!("meanwhile {meanwhile}");
        assert!(meanwhile > 0.6, "{meanwhile}: {:?}", run.limits);
    }
}

#[test]
fn a_backend_that_stands_still_for_a_moment_is_as_before_soon() {
    let usual = backend(40, EXPONENTIAL, 3.0);
    let still = Stretch { from_s: 90, is_paused: true, ..usual };
    let run = run(&[usual, still, Stretch { from_s: 92, ..usual }], 150, Guard::Adaptive, 5);
    println!("{:?}", &run.limits[170..220]);
    must_do_well(&run, &usual, (105, 150), "after the pause");
}

#[test]
fn failures_do_not_raise_the_limit() {
    for failing in [5.0, 40.0, 100.0] {
        let usual = backend(40, EXPONENTIAL, 3.0);
        let bad = Stretch { from_s: 90, failing, ..usual };
        let run = run(&[usual, bad, Stretch { from_s: 150, ..usual }], 220, Guard::Adaptive, 5);
        let (before, most) = (run.limit(89), run.limits[180..300].iter().max().copied());
        println!("{failing}: {before} {:?}", &run.limits[170..320]);
        assert!(most.is_some_and(|most| most <= before * 5 / 4), "{before} {most:?}");
        must_do_well(&run, &usual, (165, 220), "after the failures");
    }
}
