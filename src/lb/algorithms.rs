//! Picking one of several members by distance and load.
//!
//! A scan reads what decides first: the load, and only for a member that would win its state, its
//! activation and whether it was tried. With a thousand members all of them are looked at; nothing
//! is copied, sorted or allocated.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use crate::clock::Millis;
use crate::lb::activation::Activation;
use crate::lb::balancer::{Balancer, Query};
use crate::lb::hash::{bound, mixed};
use crate::lb::index::Class;
use crate::lb::latency::average_us;
use crate::lb::method::{Method, add};
use crate::lb::record::{BalancerRecord, MemberRecord};
use crate::lb::state::{Event, MemberState};
use crate::lb::weights::MAX_LOAD;

/// The best member seen so far.
#[derive(Clone, Copy)]
struct Best {
    index: usize,
    load: u64,
}

/// One search.
struct Search<'a> {
    balancer: &'a Balancer,
    records: &'a [&'a MemberRecord],
    query: &'a Query<'a>,
    now: Millis,
}

impl Balancer {
    /// Picks for a request without a session here, and charges it: smallest distance, then the
    /// method, then rotation.
    #[inline(always)]
    pub(super) fn unbound(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        is_charged: bool,
        now: Millis,
    ) -> Option<(usize, u32)> {
        let search = Search { balancer: self, records, query, now };
        for class in &self.index.classes {
            let mut tries = 0;
            while let Some(best) = search.best(class, record) {
                tries += 1;
                let Some(busy) = search.charge(best, is_charged, tries == TRIES) else { continue };
                if self.method != Method::LeastTime {
                    let next = best.index + 1;
                    let next = if next < self.members.len() { next } else { 0 };
                    record.cursor.store(next as u32, Relaxed);
                }
                return Some((best.index, busy));
            }
        }
        None
    }

    /// Picks among the members of a domain. Their load is booked by who asks.
    pub(super) fn in_domain(
        &self,
        domain: &[u32],
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        now: Millis,
    ) -> Option<usize> {
        let search = Search { balancer: self, records, query, now };
        let count = self.members.len();
        let first = record.cursor.load(Relaxed) as usize;
        let best = domain
            .iter()
            .map(|index| *index as usize)
            .filter(|index| search.may_take(*index, records[*index]))
            .min_by_key(|&index| {
                let load = match self.method {
                    Method::LeastTime => search.time(index, average_us(records[index], now)),
                    method => method.load(records[index], self.index.multiplicities[index]),
                };
                let turn = if index >= first { index - first } else { index + count - first };
                (self.members[index].distance, load, turn)
            })?;
        record.cursor.store(if best + 1 < count { best as u32 + 1 } else { 0 }, Relaxed);
        Some(best)
    }
}

// The searches are kept out of each other's way: a compiler that merges them into one function
// spends more on preparing for all of them than any of them costs.
impl Search<'_> {
    #[inline(always)] // it has one caller
    fn best(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        match self.balancer.method {
            _ if self.query.is_stateless => self.next(class, record),
            Method::Busyness => self.least_busy(class, record),
            Method::Hash => self.by_hash(class, record),
            Method::LeastTime => self.of_two(class, record),
            Method::Traffic => self.least_traffic(class, record),
            Method::Next | Method::Request | Method::Session => self.least_loaded(class, record),
        }
    }

    /// Tells whether a member takes requests without a session here.
    #[inline(always)]
    fn may_take(&self, index: usize, own: &MemberRecord) -> bool {
        MemberState::takes_any(own)
            && self.balancer.activation(index, own, self.query) == Activation::Active
            && (self.query.tried.is_empty() || !self.is_tried(index))
    }

    #[cold]
    fn is_tried(&self, index: usize) -> bool {
        self.query.tried.contains(&index)
    }

    /// Finds the least loaded of a class, of equal ones the first from the cursor on. `load` may be
    /// too small; `exact` is asked for the load of a member that would win.
    #[inline(always)]
    fn least(
        &self,
        class: &Class,
        record: &BalancerRecord,
        load: impl Fn(&MemberRecord, u64) -> u64 + Copy,
        exact: impl Fn(usize, u64) -> u64 + Copy,
    ) -> Option<Best> {
        let first = record.cursor.load(Relaxed) as usize;
        let mut best = Best { index: usize::MAX, load: u64::MAX };
        if class.members.is_empty() {
            let first = if first < self.records.len() { first } else { 0 };
            self.scan(first..self.records.len(), &mut best, load, exact);
            if first > 0 {
                self.scan(0..first, &mut best, load, exact);
            }
        } else {
            let first = class.members.partition_point(|index| (*index as usize) < first);
            let (before, behind) = class.members.split_at(first);
            for index in behind.iter().chain(before) {
                let index = *index as usize;
                self.scan(index..index + 1, &mut best, load, exact);
            }
        }
        (best.index != usize::MAX).then_some(best)
    }

    #[inline(always)]
    fn scan(
        &self,
        range: Range<usize>,
        best: &mut Best,
        load: impl Fn(&MemberRecord, u64) -> u64,
        exact: impl Fn(usize, u64) -> u64,
    ) {
        let first = range.start;
        let weights = &self.balancer.index.multiplicities[range.clone()];
        for (offset, (own, weight)) in self.records[range].iter().zip(weights).enumerate() {
            let load = load(own, *weight);
            if load < best.load && self.may_take(first + offset, own) {
                let load = exact(first + offset, load);
                if load < best.load {
                    *best = Best { index: first + offset, load };
                }
            }
        }
    }

    #[inline(never)]
    fn next(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        self.least(class, record, |_, _| 0, |_, load| load)
    }

    #[inline(never)]
    fn least_loaded(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        self.least(class, record, |own, _| own.lb_value.load(Relaxed), |_, load| load)
    }

    /// What is under way counts as much as requests to this member took so far: bytes are counted
    /// at the end, and a slow member would look idle until then.
    #[inline(never)]
    fn least_traffic(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let exact = |index: usize, load: u64| {
            let own = self.records[index];
            let busy = u64::from(own.busy.load(Relaxed));
            if busy == 0 {
                return load;
            }
            let bytes = own.read.load(Relaxed).saturating_add(own.transferred.load(Relaxed));
            let ended = own.used.load(Relaxed).saturating_sub(busy).max(1);
            let each = (bytes / ended).saturating_mul(self.balancer.index.multiplicities[index]);
            load.saturating_add(each.saturating_mul(busy))
        };
        self.least(class, record, |own, _| own.lb_value.load(Relaxed), exact)
    }

    #[inline(never)]
    fn least_busy(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let load = |own: &MemberRecord, weight| u64::from(own.busy.load(Relaxed)) * weight;
        self.least(class, record, load, |index, load| {
            let own = self.records[index];
            match self.balancer.ramp(own, self.now) {
                1 => load,
                // It counts what the request would make of it: with nothing in flight it would
                // weigh nothing, however steep the ramp.
                ramp => {
                    let weight = self.balancer.index.multiplicities[index];
                    load.saturating_add(weight).saturating_mul(ramp)
                }
            }
        })
    }

    /// Follows the ring from the request's value; without a value it is the least busy.
    #[inline(never)]
    fn by_hash(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let (Some(hash), Some(ring)) = (self.query.hash, &self.balancer.index.ring) else {
            return self.least_busy(class, record);
        };
        let fits = |index: &usize| {
            self.balancer.members[*index].distance == class.distance
                && self.may_take(*index, self.records[*index])
        };
        let first = ring.from(hash).find(fits)?;
        if self.records[first].busy.load(Relaxed) == 0 {
            // Below any bound, so there is nothing to add up.
            return Some(Best { index: first, load: 0 });
        }
        let mut sums = (0, 0);
        let count = |(total, weights): &mut (u64, u64), own: &MemberRecord, weight: u32| {
            if MemberState::takes_any(own) {
                *total += u64::from(own.busy.load(Relaxed));
                *weights += u64::from(weight);
            }
        };
        if class.members.is_empty() {
            let busy = u64::from(self.records[first].busy.load(Relaxed));
            let all = self.records.chunks(CHUNK).zip(ring.weights.chunks(CHUNK));
            for (records, own_weights) in all {
                records
                    .iter()
                    .zip(own_weights)
                    .for_each(|(own, weight)| count(&mut sums, own, *weight));
                if busy < bound(sums.0, ring.weights[first], ring.sum) {
                    // What is left to add up can only raise the bound.
                    return Some(Best { index: first, load: 0 });
                }
            }
        } else {
            let members = class.members.iter().map(|index| *index as usize);
            members.for_each(|index| count(&mut sums, self.records[index], ring.weights[index]));
        }
        let (total, weights) = sums;
        let is_below = |index: &usize| {
            let busy = u64::from(self.records[*index].busy.load(Relaxed));
            busy < bound(total, ring.weights[*index], weights)
        };
        // Disabled members were counted as well, so all that are left may be above.
        let below = ring.from(hash).filter(fits).find(is_below);
        Some(Best { index: below.unwrap_or(first), load: 0 })
    }

    /// Takes two at random and of those the one with less time times requests in flight. That is
    /// nearly as good as the best of all, and no two requests run after the same one (Mitzenmacher:
    /// The Power of Two Choices in Randomized Load Balancing, 2001).
    #[inline(never)]
    fn of_two(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let count = match class.members.len() {
            0 => self.records.len(),
            count => count,
        };
        let member = |place: usize| match class.members.get(place) {
            Some(index) => *index as usize,
            None => place,
        };
        let random = mixed(record.random.fetch_add(GOLDEN, Relaxed));
        let draw = |half: u64, below: usize| ((half * below as u64) >> 32) as usize;
        let first = draw(random >> 32, count);
        let second = match count {
            1 => first,
            _ => (first + 1 + draw(random & u64::from(u32::MAX), count - 1)) % count,
        };
        let (first, second) = (member(first), member(second));
        let best = |index| Some(Best { index, load: 0 });
        let (own, other) = (self.records[first], self.records[second]);
        match [self.may_take(first, own), self.may_take(second, other)] {
            [true, true] => {
                let (one, two) = (average_us(own, self.now), average_us(other, self.now));
                // Nothing is known of a new member: it is taken for as fast as the other.
                let (one, two) =
                    (if one == 0 { two } else { one }, if two == 0 { one } else { two });
                best(if self.time(second, two) < self.time(first, one) { second } else { first })
            }
            [true, false] => best(first),
            [false, true] => best(second),
            [false, false] => self.least_time(class, record),
        }
    }

    #[cold]
    fn least_time(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let time = |index: usize, _| self.time(index, average_us(self.records[index], self.now));
        self.least(class, record, |_, _| 0, time)
    }

    #[inline]
    fn time(&self, index: usize, average_us: u32) -> u64 {
        let own = self.records[index];
        let time = u64::from(average_us.max(1)) * (u64::from(own.busy.load(Relaxed)) + 1);
        time.saturating_mul(self.balancer.charge_of(own, index, self.now))
    }

    /// Books a request with the member that was picked, if the load for which it was picked is
    /// still what it was.
    #[inline(always)]
    fn charge(&self, best: Best, is_charged: bool, is_last: bool) -> Option<u32> {
        let own = self.records[best.index];
        let is_half_open = own.state.get() == MemberState::Recover as u32;
        if is_half_open || is_last || self.query.is_stateless {
            return self.charge_anyway(own, best.index, is_charged, is_last);
        }
        if is_charged {
            let charge = self.balancer.charge_of(own, best.index, self.now);
            let load = best.load.saturating_add(charge).min(MAX_LOAD);
            if own.lb_value.compare_exchange(best.load, load, Relaxed, Relaxed).is_err() {
                return None;
            }
        }
        let before = own.busy.fetch_add(1, Relaxed);
        if self.balancer.method == Method::Busyness
            && u64::from(before) * self.balancer.index.multiplicities[best.index] > best.load
        {
            Balancer::leave(own);
            return None;
        }
        Balancer::count(own, before + 1, self.query);
        Some(before + 1)
    }

    /// Books a request whatever the load has become: a trial, a request that does not go by load, or
    /// the last try, so that one thread always makes progress.
    #[cold]
    fn charge_anyway(
        &self,
        own: &MemberRecord,
        index: usize,
        is_charged: bool,
        is_last: bool,
    ) -> Option<u32> {
        if own.state.get() == MemberState::Recover as u32 {
            // The first request is the trial; the others look for another member.
            let is_half_open = self.balancer.report(self.records, index, Event::Elected, self.now);
            if is_half_open.is_none() && !is_last {
                return None;
            }
        }
        if is_charged {
            add(own, self.balancer.charge_of(own, index, self.now));
        }
        let before = own.busy.fetch_add(1, Relaxed);
        Balancer::count(own, before + 1, self.query);
        Some(before + 1)
    }
}

/// How often a choice is repeated because another thread was faster.
const TRIES: u32 = 8;

/// After so many members the method Hash looks whether it knows enough.
const CHUNK: usize = 64;

/// Step of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
