//! Many processes on the same records: sums match, a process that is killed leaves
//! nothing behind and holds no other up, and no content of the memory brings a reader down.
//!
//! There is no test harness: its threads would make a fork unsafe. The first word of the command line
//! that is no option chooses cases by a part of their names.
// Forks are what this is about; times are limits only.
#![allow(unsafe_code, clippy::disallowed_methods)]

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use mod_jk::clock::{self, Millis};
use mod_jk::events::{EventFacts, EventKind};
use mod_jk::lb::{
    Balancer, Event, MemberRecord, Method, Outcome, Query, multiplicities, transition,
};
use mod_jk::shm::{Capacity, Segment};
use mod_jk::worker::ChildCounts;

#[path = "support/balancer.rs"]
mod plain;

use plain::{POLICY, balancer};

type Case = (&'static str, fn());

const CASES: &[Case] = &[
    ("sums_match_over_eight_processes", sums_match_over_eight_processes),
    ("killed_at_any_moment", killed_at_any_moment),
    ("killed_with_the_lock", killed_with_the_lock),
    ("nonsense_heals", nonsense_heals),
    ("events_are_whole", events_are_whole),
];

fn main() {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    for (name, run) in CASES {
        if wanted.as_ref().is_none_or(|part| name.contains(part.as_str())) {
            run();
            println!("test {name} ... ok");
        }
    }
}

const FACTORS: [u32; 4] = [1, 2, 3, 4];
const CAPACITY: Capacity = Capacity { balancers: 2, members: FACTORS.len(), children: 16 };

/// A balancer as every child sees it.
struct Bench {
    segment: Segment,
    balancer: Balancer,
    records: Vec<&'static MemberRecord>,
}

impl Bench {
    fn new(method: Method) -> Self {
        let balancer = balancer(method, &FACTORS);
        let segment = Segment::create(CAPACITY).expect("memory");
        let records = (0..FACTORS.len()).map(|place| segment.member(place)).collect();
        Self { segment, balancer, records }
    }

    /// Serves one request as a child does, from the election to the end. `false` if no member could.
    fn serve(&self, child_counts: &ChildCounts) -> bool {
        let (_of_balancer, _) = child_counts.enter_balancer(1);
        let (record, now) = (self.segment.balancer(1), clock::now());
        let Ok(chosen) = self.balancer.elect(record, &self.records, &Query::default(), now) else {
            return false;
        };
        let of_member = child_counts.enter(chosen.member);
        of_member.shard.requests.fetch_add(1, Relaxed);
        let event = Event::Ended { outcome: Outcome::Success, started: now };
        transition(self.records[chosen.member], event, &POLICY, || true, now);
        true
    }

    /// The requests in flight of the members and of the balancer.
    fn totals(&self) -> Vec<u32> {
        let totals = self.records.iter().map(|record| record.busy.load(Relaxed));
        totals.chain([self.segment.balancer(1).busy.load(Relaxed)]).collect()
    }

    /// The same with the shares of all children.
    fn in_flight(&self) -> Vec<u32> {
        let child_counts = (0..CAPACITY.children).flat_map(|row| self.segment.child_counts(row));
        self.totals().into_iter().chain(child_counts.map(|share| share.load(Relaxed))).collect()
    }
}

/// Runs `body` in a new process.
fn fork(body: impl FnOnce()) -> libc::pid_t {
    // SAFETY: this process has one thread, so the child may do whatever it could.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "a process can be made");
    if child == 0 {
        // A case that fails must not leave processes behind that write for ever.
        // SAFETY: takes numbers.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        body();
        // SAFETY: ends the child without running what the parent has left to do.
        unsafe { libc::_exit(0) };
    }
    child
}

/// Kills a process at once.
fn kill(child: libc::pid_t) {
    // SAFETY: takes numbers; the child is ours and has not been waited for.
    assert_eq!(unsafe { libc::kill(child, libc::SIGKILL) }, 0);
}

/// Waits for its end and returns how it was, in the words of `waitpid`.
fn wait(child: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is a valid place; the child is ours.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    status
}

/// Numbers without order, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn sums_match_over_eight_processes() {
    const CHILDREN: usize = 8;
    const REQUESTS: u64 = 20_000;

    let bench = Bench::new(Method::Request);
    let children: Vec<_> = (0..CHILDREN)
        .map(|_| {
            fork(|| {
                let child_counts = ChildCounts::new(bench.segment);
                assert!(child_counts.claim(std::process::id()), "there is a row");
                (0..REQUESTS).for_each(|_| assert!(bench.serve(&child_counts), "a member serves"));
            })
        })
        .collect();
    for child in &children {
        assert_eq!(wait(*child), 0, "a child panicked");
    }
    let all = CHILDREN as u64 * REQUESTS;
    let used: Vec<_> = bench.records.iter().map(|record| record.used.load(Relaxed)).collect();
    assert_eq!(used.iter().sum::<u64>(), all, "{used:?}");
    let parts: u64 = FACTORS.iter().map(|factor| u64::from(*factor)).sum();
    for ((record, factor), weight) in
        bench.records.iter().zip(FACTORS).zip(multiplicities(&FACTORS))
    {
        let used = record.used.load(Relaxed);
        assert_eq!(record.lb_value.load(Relaxed), used * weight, "no charge is lost");
        let fair = all * u64::from(factor) / parts;
        assert!(used.abs_diff(fair) <= fair / 100, "{used} of {all}, {fair} would be fair");
    }
    let counted = ChildCounts::new(bench.segment);
    let counted = (0..FACTORS.len()).map(|place| counted.totals(place).requests).sum::<u64>();
    assert_eq!(counted, all, "the metrics");
    assert!(bench.in_flight().iter().all(|count| *count == 0), "{:?}", bench.in_flight());
}

fn killed_at_any_moment() {
    let bench = Bench::new(Method::Busyness);
    let (mut random, mut rest) = (Random(1), Vec::new());
    let parent = ChildCounts::new(bench.segment);
    for round in 0..300 {
        let children: Vec<_> = (0..4)
            .map(|number| {
                fork(|| {
                    let child_counts = ChildCounts::new(bench.segment);
                    child_counts.claim(std::process::id());
                    loop {
                        bench.serve(&child_counts);
                        // Some are killed while they free the rows of others.
                        if number == 0 {
                            child_counts.release_lost();
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_micros(random.below(4_000)));
        for child in children {
            kill(child);
            wait(child);
            // As httpd's parent does, or as the leader finds out later.
            if random.below(2) == 0 {
                parent.release(child.unsigned_abs());
            }
        }
        if round % 10 == 9 {
            parent.release_lost();
            (0..3).for_each(|_| parent.reconcile(&mut rest));
            let left = bench.in_flight();
            assert!(left.iter().all(|count| *count == 0), "round {round}: {left:?}");
            let rows = bench.segment.children();
            assert!(rows.iter().all(|row| row.owner() == 0), "round {round}: a row is lost");
        }
    }
    assert!(bench.serve(&parent), "a member serves");
}

fn killed_with_the_lock() {
    const BEFORE: &str = "before";

    let bench = Bench::new(Method::Request);
    let overrides = bench.segment.overrides();
    let mut random = Random(2);
    assert!(overrides.write(&overrides.lock.hold().expect("no process has it"), BEFORE));
    for round in 0..200 {
        let children: Vec<_> = ["a", "b", "c"]
            .map(|letter| {
                fork(|| {
                    for length in (1..60_000).cycle().step_by(7_919) {
                        let Some(held) = overrides.lock.hold() else { continue };
                        assert!(overrides.write(&held, &letter.repeat(length)));
                    }
                })
            })
            .into();
        std::thread::sleep(Duration::from_micros(random.below(6_000)));
        children.iter().for_each(|child| kill(*child));
        children.iter().for_each(|child| _ = wait(*child));
        let begun = Instant::now();
        let held = overrides.lock.hold().expect("its holder is dead");
        let (generation, text) = overrides.read();
        assert!(begun.elapsed() < Duration::from_secs(2), "round {round}: no process waits");
        let first = text.chars().next();
        // If no process got to write, it is the text of before.
        let is_whole = text == BEFORE || text.chars().all(|letter| Some(letter) == first);
        assert!(is_whole, "round {round}: a mixed text");
        assert!(
            overrides.write(&held, BEFORE)
                && overrides.read() == (generation + 1, BEFORE.to_owned())
        );
    }
}

/// What a child that has gone mad may leave behind.
fn nonsense_heals() {
    let bench = Bench::new(Method::Request);
    let (mut random, mut rest) = (Random(3), Vec::new());
    let own = ChildCounts::new(bench.segment);
    for round in 0..200_u64 {
        let child = fork(|| {
            for record in &bench.records {
                scribble(*record, &mut random, round);
            }
            scribble(bench.segment.balancer(1), &mut random, round);
            for row in 0..CAPACITY.children {
                scribble(&bench.segment.children()[row], &mut random, round);
                for share in bench.segment.child_counts(row) {
                    share.store(random.below(1 << 31) as u32, Relaxed);
                }
            }
        });
        assert_eq!(wait(child), 0);
        random.below(9);
        bench.serve(&own);
        for outcome in [Outcome::Success, Outcome::ConnectFailed, Outcome::ReplyTimeout] {
            let event = Event::Ended { outcome, started: Millis(5) };
            transition(bench.records[0], event, &POLICY, || true, Millis(10));
        }
        own.release_lost();
        (0..3).for_each(|_| own.reconcile(&mut rest));
        let left = bench.totals();
        assert!(left.iter().all(|count| *count == 0), "round {round}: {left:?}");
        let rows = bench.segment.children();
        assert!(rows.iter().all(|row| row.owner() == 0), "round {round}: a row is lost");
    }
    let next = ChildCounts::new(bench.segment);
    assert!(next.claim(std::process::id()));
    bench.records.iter().for_each(|_| _ = bench.serve(&next));
    (0..3).for_each(|_| next.reconcile(&mut rest));
    assert!(bench.totals().iter().all(|count| *count == 0), "{:?}", bench.totals());
}

/// Fills a record of atomics with bits without sense.
fn scribble<T>(record: &T, random: &mut Random, round: u64) {
    let first = std::ptr::from_ref(record).cast::<AtomicU64>();
    // SAFETY: records hold atomics only and are a whole number of words, aligned to them.
    let words = unsafe { std::slice::from_raw_parts(first, size_of::<T>() / 8) };
    for word in words {
        let bits = match round % 3 {
            0 => u64::MAX,
            1 => random.below(1 << 31) << 32 | random.below(1 << 31),
            _ => random.below(8),
        };
        word.store(bits, Relaxed);
    }
}

/// Eight processes write events at once, and are killed at any moment: what readers see is whole.
fn events_are_whole() {
    const TEXT: [&str; 4] = ["a", "bb", "ccc", "dddddddd"];

    let segment = Segment::create(CAPACITY).expect("memory");
    let log = segment.events();
    let mut random = Random(4);
    // Each text of an event is made of one word, as often as its status says.
    let write = |child: usize, number: u64| {
        let (word, times) = (TEXT[child % TEXT.len()], 1 + number % 7);
        let text = word.repeat(times as usize);
        let kind = [EventKind::Out, EventKind::Changed][number as usize % 2];
        let facts = EventFacts {
            status: times as u16,
            new: text.as_str().into(),
            old: text.as_str().into(),
            ..EventFacts::new(kind, &text, word)
        };
        log.keep(&facts, number);
    };
    let check = |round: usize| {
        let all = log.since(0);
        for event in &all {
            let facts = &event.facts;
            let text = facts.worker.repeat(facts.status.into());
            assert!(TEXT.contains(&&*facts.worker), "round {round}: {event:?}");
            assert!(
                [&facts.balancer, &facts.old, &facts.new].iter().all(|own| **own == text),
                "round {round}: {event:?}"
            );
        }
        assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq), "round {round}: one order");
        all.len()
    };
    // On a busy machine the first ones are killed before they have filled it.
    (0..1_000).for_each(|number| write(9, number));
    for round in 0..100 {
        let children: Vec<_> = (0..8)
            .map(|child| fork(|| (0..u64::MAX).for_each(|number| write(child, number))))
            .collect();
        let begun = Instant::now();
        let limit = Duration::from_micros(1_000 + random.below(8_000));
        while begun.elapsed() < limit {
            check(round);
        }
        children.iter().for_each(|child| kill(*child));
        children.iter().for_each(|child| _ = wait(*child));
        let (seen, begun) = (check(round), Instant::now());
        assert!(seen > 150, "round {round}: at most eight are lost of 200: {seen}");
        // What the killed ones have left stands in no one's way.
        (0..1_000).for_each(|number| write(9, number));
        assert!(check(round) >= 200, "round {round}: the slots are used again");
        assert!(begun.elapsed() < Duration::from_secs(5), "round {round}: nothing waits");
    }
    // Nothing that memory may hold brings a reader or a writer down.
    for round in 0..200 {
        scribble(log, &mut random, round);
        let _ = log.since(random.below(1 << 31));
        (0..10).for_each(|number| write(3, number));
        let _ = log.since(0);
    }
}
