//! The latest events, for all children: changes of state in one ring, and in another what
//! administrators did, so that a member that goes in and out all night pushes no edit out.
//!
//! Neither writers nor readers wait. A writer takes a slot by adding to a counter, marks it as being
//! written, and publishes the event under its number; a writer that is killed in between leaves a slot
//! that readers pass over until its turn comes again.
#![forbid(unsafe_code)]

use std::hint::spin_loop;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, fence};

use crate::events::{EventFacts, EventWords, LoggedEvent, WORDS};
use crate::sorting;

/// How many events of each of the two kinds are kept.
pub const KEPT_EVENTS: usize = 200;

/// How often a child tries to count a repetition while others count it.
const TRIES: u32 = 100;

/// All events. Zeroed memory holds none.
#[repr(C, align(64))]
#[derive(Debug, Default)]
pub struct EventLog {
    /// Number of the latest event.
    seq: AtomicU64,
    states: EventRing<KEPT_EVENTS>,
    edits: EventRing<KEPT_EVENTS>,
}

#[repr(C)]
#[derive(Debug)]
struct EventRing<const N: usize> {
    /// Counts the slots taken.
    next: AtomicU64,
    slots: [EventSlot; N],
}

#[repr(C)]
#[derive(Debug)]
struct EventSlot {
    /// Twice the number of the event; one less while it is written; 0 for none.
    version: AtomicU64,
    /// Of the numbers, and of the version: two writers may meet in a slot if one was stopped for as long
    /// as it took to go once around the ring.
    checksum: AtomicU64,
    words: [AtomicU64; WORDS],
}

impl EventLog {
    /// Begins to count at a time. Numbers are larger than all of an earlier start then, so that a client
    /// that follows events goes on over it.
    pub fn begin(&self, now_ms: u64) {
        self.seq.store(now_ms, Relaxed);
    }

    /// Keeps an event that happens at `now_ms` in Unix milliseconds. It takes no lock and allocates
    /// nothing.
    pub fn keep(&self, facts: &EventFacts<'_>, now_ms: u64) {
        let words = EventWords::new(facts, now_ms);
        let seq = self.seq.fetch_add(1, Relaxed).wrapping_add(1) & LARGEST;
        match facts.kind.is_administration() {
            true => self.edits.keep(&words, seq),
            false => self.states.count_or_keep(&words, seq),
        }
    }

    /// Returns the events whose number is larger than `since`, the latest last.
    pub fn since(&self, since: u64) -> Vec<LoggedEvent> {
        let all = self.states.slots.iter().chain(&self.edits.slots);
        let mut found: Vec<_> = all
            .filter(|slot| {
                EventSlot::number(slot.version.load(Relaxed)).is_some_and(|own| own > since)
            })
            .filter_map(EventSlot::event)
            .collect();
        sorting::by_key(&mut found, |event| event.seq);
        found
    }

    /// Returns the number of the latest event.
    pub fn last(&self) -> u64 {
        self.seq.load(Relaxed) & LARGEST
    }

    /// Takes over all events of another one, which is given up.
    pub fn adopt(&self, before: &Self) {
        self.seq.store(before.seq.load(Relaxed), Relaxed);
        self.states.adopt(&before.states);
        self.edits.adopt(&before.edits);
    }
}

impl<const N: usize> EventRing<N> {
    fn keep(&self, words: &EventWords, seq: u64) {
        let at = self.next.fetch_add(1, Relaxed) % N as u64;
        if let Some(slot) = self.slots.get(at as usize) {
            slot.version.store(writing(seq), Relaxed);
            slot.write(words, seq);
        }
    }

    /// Counts a repetition where the same happened lately, so that a member that goes in and out takes a
    /// few slots and not all. What happened once or twice keeps all its times: the first and the last.
    fn count_or_keep(&self, words: &EventWords, seq: u64) {
        if !self.slots.iter().any(|slot| slot.count(words, seq)) {
            self.keep(words, seq);
        }
    }

    fn adopt(&self, before: &Self) {
        self.next.store(before.next.load(Relaxed), Relaxed);
        for (slot, before) in self.slots.iter().zip(&before.slots) {
            if let Some((version, words)) = before.read() {
                slot.write(&words, version / 2);
            }
        }
    }
}

impl EventSlot {
    /// Writes and publishes. The version says already that the slot is being written.
    fn write(&self, words: &EventWords, seq: u64) {
        fence(Release);
        for (own, word) in self.words.iter().zip(&words.0) {
            own.store(*word, Relaxed);
        }
        self.checksum.store(words.checksum(seq), Relaxed);
        self.version.store(whole(seq), Release);
    }

    /// Reads the event and its version; nothing if it is not whole.
    fn read(&self) -> Option<(u64, EventWords)> {
        let version = self.version.load(Acquire);
        let seq = Self::number(version)?;
        let words = EventWords(std::array::from_fn(|at| self.words[at].load(Relaxed)));
        let checksum = self.checksum.load(Relaxed);
        fence(Acquire);
        let is_whole = self.version.load(Relaxed) == version && words.checksum(seq) == checksum;
        is_whole.then_some((version, words))
    }

    fn event(&self) -> Option<LoggedEvent> {
        let (version, words) = self.read()?;
        words.read(version / 2)
    }

    /// Counts an event here if the slot holds the same one, of not long ago. Returns whether it does.
    fn count(&self, words: &EventWords, seq: u64) -> bool {
        // Most slots differ in the first number.
        let is_same = |at: usize| self.words[at].load(Relaxed) == words.0[at];
        if !EventWords::identity().all(is_same) {
            return false;
        }
        // Others may count the same event at this moment. If each of these became an event of its own, an
        // overload would push all others out within minutes.
        for _ in 0..TRIES {
            let Some((version, before)) = self.claim(seq) else {
                spin_loop();
                continue;
            };
            let is_same = EventWords::identity().all(|at| before.0[at] == words.0[at]);
            let ago = words.time_ms().saturating_sub(before.time_ms());
            let is_whole = before.checksum(version / 2) == self.checksum.load(Relaxed);
            if is_whole && is_same && ago <= REPEATED_MS {
                let mut words = words.clone();
                words.follow(&before);
                self.write(&words, seq);
                return true;
            }
            self.version.store(version, Release);
            return false;
        }
        false
    }

    /// Marks the slot as being written. Returns its version and event of before; nothing if another one writes.
    fn claim(&self, seq: u64) -> Option<(u64, EventWords)> {
        let version = self.version.load(Relaxed);
        Self::number(version)?;
        self.version.compare_exchange(version, writing(seq), AcqRel, Relaxed).ok()?;
        Some((version, EventWords(std::array::from_fn(|at| self.words[at].load(Relaxed)))))
    }

    /// Returns the number of the event that a version is of; nothing while it is written.
    fn number(version: u64) -> Option<u64> {
        (version != 0 && version.is_multiple_of(2)).then_some(version / 2)
    }
}

fn whole(seq: u64) -> u64 {
    seq.wrapping_mul(2)
}

fn writing(seq: u64) -> u64 {
    whole(seq).wrapping_sub(1)
}

impl<const N: usize> Default for EventRing<N> {
    fn default() -> Self {
        Self { next: AtomicU64::default(), slots: std::array::from_fn(|_| EventSlot::default()) }
    }
}

impl Default for EventSlot {
    fn default() -> Self {
        let words = std::array::from_fn(|_| AtomicU64::default());
        Self { version: AtomicU64::default(), checksum: AtomicU64::default(), words }
    }
}

/// Largest number of an event: twice as much is still a number.
const LARGEST: u64 = u64::MAX >> 2;

/// Time within which a change of state counts as a repetition, in milliseconds: the five minutes that
/// "lately" means elsewhere.
const REPEATED_MS: u64 = 5 * 60 * 1_000;

const _: () = assert!(size_of::<EventLog>().is_multiple_of(64));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::EventKind;

    const BEGUN: u64 = 1_700_000_000_000;

    fn log() -> Box<EventLog> {
        let log = Box::<EventLog>::default();
        log.begin(BEGUN);
        log
    }

    fn state(log: &EventLog, kind: EventKind, worker: &str, seconds: u64) {
        log.keep(&EventFacts::new(kind, "shop", worker), BEGUN + seconds * 1_000);
    }

    fn edit(log: &EventLog, new: &str) {
        let facts =
            EventFacts { new: new.into(), ..EventFacts::new(EventKind::Changed, "shop", "shop1") };
        log.keep(&facts, BEGUN);
    }

    fn workers(events: &[LoggedEvent]) -> Vec<&str> {
        events.iter().map(|event| &*event.facts.worker).collect()
    }

    #[test]
    fn events_come_in_their_order_and_from_a_number_on() {
        let log = log();
        assert!(log.since(0).is_empty());
        state(&log, EventKind::Out, "shop1", 1);
        edit(&log, "east");
        state(&log, EventKind::Back, "shop1", 2);
        let all = log.since(0);
        let kinds: Vec<_> = all.iter().map(|event| event.facts.kind).collect();
        assert_eq!(kinds, [EventKind::Out, EventKind::Changed, EventKind::Back]);
        let numbers: Vec<_> = all.iter().map(|event| event.seq - BEGUN).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(log.last(), BEGUN + 3);
        assert_eq!(log.since(all[0].seq), all[1..]);
        assert!(log.since(log.last()).is_empty());
    }

    #[test]
    fn the_latest_two_hundred_of_each_are_kept() {
        let log = log();
        edit(&log, "first");
        for number in 0..1_000 {
            state(&log, EventKind::Out, &format!("w{number}"), 1);
        }
        let all = log.since(0);
        assert_eq!(all.len(), KEPT_EVENTS + 1);
        assert_eq!(all[0].facts.new, "first", "changes of state push no edit out");
        assert_eq!(workers(&all[1..3]), ["w800", "w801"]);
        assert_eq!(all[KEPT_EVENTS].facts.worker, "w999");
        for number in 0..KEPT_EVENTS {
            edit(&log, &number.to_string());
        }
        let all = log.since(0);
        assert_eq!(all.len(), 2 * KEPT_EVENTS);
        assert_eq!(all[KEPT_EVENTS].facts.new, "0");
    }

    #[test]
    fn a_member_that_goes_in_and_out_takes_a_few_slots() {
        let log = log();
        state(&log, EventKind::Out, "calm", 0);
        for round in 0..1_000 {
            state(&log, EventKind::Out, "shop1", round * 3);
            state(&log, EventKind::Back, "shop1", round * 3 + 1);
        }
        let all = log.since(0);
        assert_eq!(workers(&all), ["calm", "shop1", "shop1"]);
        assert_eq!(all[1].count, 1_000);
        assert_eq!((all[1].first_ms, all[1].time_ms), (BEGUN, BEGUN + 2_997_000));
        assert_eq!(all[2].facts.kind, EventKind::Back, "in the order of their last time");
        // A follower sees a repetition, as it has a number of its own.
        let last = log.last();
        state(&log, EventKind::Out, "shop1", 3_000);
        let new = log.since(last);
        assert_eq!((new.len(), new[0].count), (1, 1_001));
        // What comes after a while is another outage.
        state(&log, EventKind::Out, "shop1", 3_000 + 301);
        let all = log.since(0);
        assert_eq!(all.iter().map(|event| event.count).collect::<Vec<_>>(), [1, 1_000, 1_001, 1]);
        // Each edit is an event of its own: who did what must not be guessed.
        edit(&log, "east");
        edit(&log, "east");
        assert_eq!(log.since(0).len(), 6);
    }

    #[test]
    fn repetitions_of_many_at_once_take_a_few_slots() {
        const WRITERS: u64 = 8;
        let (log, each) = (log(), 5_000);
        state(&log, EventKind::Out, "calm", 0);
        std::thread::scope(|scope| {
            for _ in 0..WRITERS {
                scope.spawn(|| {
                    (0..each).for_each(|_| state(&log, EventKind::Overloaded, "shop1", 1))
                });
            }
        });
        let all = log.since(0);
        assert!(all.len() as u64 <= 1 + 2 * WRITERS, "{} events", all.len());
        assert_eq!(all.iter().map(|event| u64::from(event.count)).sum::<u64>(), 1 + WRITERS * each);
        assert!(workers(&all).contains(&"calm"));
    }

    #[test]
    fn a_slot_that_is_not_whole_is_passed_over() {
        let log = log();
        for worker in ["a", "b", "c"] {
            state(&log, EventKind::Out, worker, 1);
        }
        // As a child leaves it that is killed while it writes.
        log.states.slots[0].version.store(writing(BEGUN + 9), Relaxed);
        // As two children leave it that wrote at once.
        log.states.slots[1].words[0].fetch_add(1 << 16, Relaxed);
        assert_eq!(workers(&log.since(0)), ["c"]);
        // Neither counts as the same event, and both slots are used again.
        for worker in ["a", "b", "c"] {
            state(&log, EventKind::Out, worker, 2);
        }
        assert_eq!(workers(&log.since(0)), ["a", "b", "c"]);
        for number in 0..KEPT_EVENTS {
            state(&log, EventKind::Back, &number.to_string(), 2);
        }
        assert_eq!(log.since(0).len(), KEPT_EVENTS);
    }

    #[test]
    fn nonsense_is_no_event_and_heals() {
        let words =
            || [u64::MAX, 0, 1, 2, 0x0101_0101_0101_0101, 1 << 63, u64::MAX - 1].into_iter();
        for word in words() {
            let log = log();
            for slot in log.states.slots.iter().chain(&log.edits.slots) {
                slot.version.store(word, Relaxed);
                slot.checksum.store(word, Relaxed);
                slot.words.iter().for_each(|own| own.store(word, Relaxed));
            }
            log.states.next.store(word, Relaxed);
            log.seq.store(word, Relaxed);
            assert!(log.since(0).is_empty());
            // One event may get the number 0, which is that of none.
            (0..=KEPT_EVENTS)
                .for_each(|number| state(&log, EventKind::Out, &number.to_string(), 1));
            assert!(log.since(0).len() >= KEPT_EVENTS - 1, "{word}");
        }
    }

    #[test]
    fn another_log_takes_events_over() {
        let (before, after) = (log(), Box::<EventLog>::default());
        state(&before, EventKind::Out, "shop1", 1);
        edit(&before, "east");
        before.states.slots[7].version.store(writing(3), Relaxed);
        after.begin(BEGUN + 5_000);
        after.adopt(&before);
        assert_eq!(after.since(0), before.since(0));
        state(&after, EventKind::Back, "shop1", 2);
        assert_eq!(after.since(before.last()).len(), 1);
    }
}
