//! Picking one of several members by distance and load.
//!
//! A scan reads what decides first: the load, and only for a member that would win its state, its
//! activation and whether it was tried. With a thousand members all of them are looked at; nothing
//! is copied, sorted or allocated.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use super::elect::{Balancer, Query};
use super::hash::{bound, mixed};
use super::index::Class;
use super::latency::average_us;
use super::method::{Method, add};
use super::state::{Activation, MemberState};
use super::weights::MAX_LOAD;
use crate::clock::Millis;
use crate::shm::layout::{BalancerRecord, MemberRecord};

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
    /// Picks for a request that is bound to nobody, and books it: smallest distance, then the
    /// method, then rotation.
    pub(super) fn unbound(
        &self,
        record: &BalancerRecord,
        records: &[&MemberRecord],
        query: &Query<'_>,
        charge: Option<Millis>,
        now: Millis,
    ) -> Option<usize> {
        let search = Search { balancer: self, records, query, now };
        let mut class = 0;
        let mut tries = 0;
        while class < self.index.classes.len() {
            let among = &self.index.classes[class];
            let best = match self.method {
                _ if query.is_stateless => search.least(among, record, |_, _| 0),
                Method::Busyness => search.least_busy(among, record),
                Method::Hash => search.by_hash(among, record),
                Method::LeastTime => search.of_two(among, record),
                _ => search.least(among, record, |_, own| own.lb_value.load(Relaxed)),
            };
            let Some(best) = best else {
                class += 1;
                continue;
            };
            tries += 1;
            let is_last = tries == TRIES;
            if search.book(best, charge, is_last) {
                if self.method != Method::LeastTime {
                    let next = best.index + 1;
                    let next = if next < self.members.len() { next } else { 0 };
                    record.cursor.store(next as u32, Relaxed);
                }
                return Some(best.index);
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
            .filter(|index| search.may_take(*index))
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

    /// Returns what a request costs a member. One that is back from error pays more for a while,
    /// so that it gets less.
    pub(super) fn charge_of(&self, own: &MemberRecord, index: usize, now: Millis) -> u64 {
        self.index.multiplicities[index].saturating_mul(self.ramp(own, now))
    }

    /// By how much a member counts heavier than it is: from eight times to once over `slow_start`.
    fn ramp(&self, own: &MemberRecord, now: Millis) -> u64 {
        let back = own.recovered_ms.load(Relaxed);
        if back == 0 {
            return 1;
        }
        let time = self.slow_start.as_millis() as u64;
        let since = now.0.saturating_sub(back);
        if since >= time { 1 } else { (time / since.max(1)).clamp(1, STEEPEST) }
    }
}

impl Search<'_> {
    /// Tells whether a member takes requests that are bound to nobody.
    fn may_take(&self, index: usize) -> bool {
        MemberState::of(self.records[index]).is_usable()
            && self.balancer.activation(index, self.records, self.query) == Activation::Active
            && !self.query.tried.contains(&index)
    }

    /// Finds the least loaded of a class, of equal ones the first from the cursor on.
    fn least(
        &self,
        class: &Class,
        record: &BalancerRecord,
        load: impl Fn(usize, &MemberRecord) -> u64 + Copy,
    ) -> Option<Best> {
        let first = record.cursor.load(Relaxed) as usize;
        let mut best = Best { index: usize::MAX, load: u64::MAX };
        if class.members.is_empty() {
            let first = if first < self.records.len() { first } else { 0 };
            self.scan(first..self.records.len(), &mut best, load);
            self.scan(0..first, &mut best, load);
        } else {
            let first = class.members.partition_point(|index| (*index as usize) < first);
            let (before, behind) = class.members.split_at(first);
            for index in behind.iter().chain(before) {
                self.scan(*index as usize..*index as usize + 1, &mut best, load);
            }
        }
        (best.index != usize::MAX).then_some(best)
    }

    #[inline]
    fn scan(
        &self,
        range: Range<usize>,
        best: &mut Best,
        load: impl Fn(usize, &MemberRecord) -> u64,
    ) {
        let first = range.start;
        for (offset, own) in self.records[range].iter().enumerate() {
            let load = load(first + offset, own);
            if load < best.load && self.may_take(first + offset) {
                *best = Best { index: first + offset, load };
            }
        }
    }

    fn least_busy(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let multiplicities = &self.balancer.index.multiplicities[..self.records.len()];
        self.least(class, record, |index, own| {
            let busy = u64::from(own.busy.load(Relaxed));
            match own.recovered_ms.load(Relaxed) {
                0 => busy * multiplicities[index],
                _ => match self.balancer.ramp(own, self.now) {
                    1 => busy * multiplicities[index],
                    // It counts what the request would make of it: with nothing in flight it would
                    // weigh nothing, however steep the ramp.
                    ramp => (busy + 1).saturating_mul(multiplicities[index]).saturating_mul(ramp),
                },
            }
        })
    }

    /// Follows the ring from the request's value; without a value it is the least busy.
    fn by_hash(&self, class: &Class, record: &BalancerRecord) -> Option<Best> {
        let (Some(hash), Some(ring)) = (self.query.hash, &self.balancer.index.ring) else {
            return self.least_busy(class, record);
        };
        let fits = |index: &usize| {
            self.balancer.members[*index].distance == class.distance && self.may_take(*index)
        };
        let first = ring.from(hash).find(fits)?;
        if self.records[first].busy.load(Relaxed) == 0 {
            // Below any bound, so there is nothing to add up.
            return Some(Best { index: first, load: 0 });
        }
        let (mut total, mut weights) = (0, 0);
        let mut count = |index: usize, own: &MemberRecord| {
            if MemberState::of(own).is_usable() {
                total += u64::from(own.busy.load(Relaxed));
                weights += u64::from(ring.weights[index]);
            }
        };
        if class.members.is_empty() {
            self.records.iter().enumerate().for_each(|(index, own)| count(index, own));
        } else {
            let members = class.members.iter().map(|index| *index as usize);
            members.for_each(|index| count(index, self.records[index]));
        }
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
        match (self.may_take(first), self.may_take(second)) {
            (true, true) => {
                let [one, two] =
                    [first, second].map(|index| average_us(self.records[index], self.now));
                // Nothing is known of a new member: it is taken for as fast as the other.
                let (one, two) =
                    (if one == 0 { two } else { one }, if two == 0 { one } else { two });
                best(if self.time(second, two) < self.time(first, one) { second } else { first })
            }
            (true, false) => best(first),
            (false, true) => best(second),
            (false, false) => {
                self.least(class, record, |index, own| self.time(index, average_us(own, self.now)))
            }
        }
    }

    fn time(&self, index: usize, average_us: u32) -> u64 {
        let own = self.records[index];
        let time = u64::from(average_us.max(1)) * (u64::from(own.busy.load(Relaxed)) + 1);
        time.saturating_mul(self.balancer.charge_of(own, index, self.now))
    }

    /// Books a request with the member that was picked, if the load for which it was picked is
    /// still what it was. The last try takes it in any case: somebody always gets on.
    fn book(&self, best: Best, charge: Option<Millis>, is_last: bool) -> bool {
        let own = self.records[best.index];
        let mut must_take = is_last;
        let recover = MemberState::Recover as u32;
        if own.state.load(Relaxed) == recover {
            // The first to come is the trial; the others look for somebody else.
            let probe = MemberState::Probe as u32;
            let is_trial = own.state.compare_exchange(recover, probe, Relaxed, Relaxed).is_ok();
            if !is_trial && !is_last {
                return false;
            }
            must_take = true;
        }
        if let Some(now) = charge {
            let charge = self.balancer.charge_of(own, best.index, now);
            if must_take || self.query.is_stateless {
                add(own, charge);
            } else {
                let load = best.load.saturating_add(charge).min(MAX_LOAD);
                if own.lb_value.compare_exchange(best.load, load, Relaxed, Relaxed).is_err() {
                    return false;
                }
            }
        }
        let before = u64::from(own.busy.fetch_add(1, Relaxed));
        if self.balancer.method == Method::Busyness && !must_take && !self.query.is_stateless {
            let multiplicity = self.balancer.index.multiplicities[best.index];
            if before.saturating_mul(multiplicity) > best.load {
                Balancer::leave(own);
                return false;
            }
        }
        true
    }
}

/// How often a choice is made anew because somebody else was faster.
const TRIES: u32 = 8;

/// A member that is back weighs at most so much more.
const STEEPEST: u64 = 8;

/// Step of SplitMix64.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
