//! What happens to members without a request: decay, rest, and the way back from error.

use std::sync::atomic::Ordering::Relaxed;

use crate::clock::Millis;
use crate::lb::activation::Activation;
use crate::lb::balancer::Balancer;
use crate::lb::member::Member;
use crate::lb::method::Method;
use crate::lb::record::MemberRecord;
use crate::lb::state::transition::transition;
use crate::lb::state::{Event, Health, MemberState, StateChange, is_refusing};
use crate::lb::weights::rescaled;

impl Balancer {
    /// Lets load values fade after `rounds` intervals of maintenance, and finds members that are
    /// not used.
    pub fn decay(&self, records: &[&MemberRecord], rounds: u64, now: Millis) {
        let shift = u32::try_from(rounds).unwrap_or(u32::MAX);
        let least = || {
            let active = records.iter().enumerate().filter(|(index, record)| {
                MemberState::of(record).is_usable()
                    && self.activation_now(*index, record) == Activation::Active
            });
            active.map(|(_, record)| record.lb_value.load(Relaxed)).min().unwrap_or(0)
        };
        let common = if self.method == Method::Next { least() } else { 0 };
        for record in records {
            let decayed = |value: u64| match self.method {
                Method::Busyness | Method::Hash | Method::LeastTime => value,
                Method::Next => value.saturating_sub(common),
                // Any number of rounds: after 64 of them nothing is left.
                Method::Request | Method::Session | Method::Traffic => {
                    value.checked_shr(shift).unwrap_or(0)
                }
            };
            let _ = record.lb_value.fetch_update(Relaxed, Relaxed, |value| Some(decayed(value)));
            let _ = record.reply_timeouts.fetch_update(Relaxed, Relaxed, |count| {
                Some(count.checked_shr(shift).unwrap_or(0))
            });
            let used = record.used.load(Relaxed) as u32;
            if record.used_before.swap(used, Relaxed) == used && record.busy.load(Relaxed) == 0 {
                transition(record, Event::Unused, &self.policy, || false, now);
            }
        }
    }

    /// Gives a member the load of the busiest usable one of its distance, so that it is not flooded
    /// when it takes requests again.
    pub fn level(&self, records: &[&MemberRecord], index: usize) {
        if !self.method.is_counted() {
            return;
        }
        let distance = self.members[index].distance;
        let peers = records.iter().zip(&self.members).enumerate().filter(|(place, (peer, own))| {
            *place != index && own.distance == distance && MemberState::of(peer).is_usable()
        });
        if let Some(load) = peers.map(|(_, (peer, _))| peer.lb_value.load(Relaxed)).max() {
            records[index].lb_value.store(load, Relaxed);
        }
    }

    /// Books what was seen of a member. Returns the change of state, if this caused one.
    pub fn report(
        &self,
        records: &[&MemberRecord],
        index: usize,
        event: Event,
        now: Millis,
    ) -> Option<StateChange> {
        let others_serve = || self.others_serve(records, index);
        let change = transition(records[index], event, &self.policy, others_serve, now)?;
        let is_way_back = !matches!(event, Event::Elected | Event::Ended { .. });
        if is_way_back && matches!(change.after, MemberState::Recover | MemberState::Force) {
            // Until its trial has succeeded it gets nothing that could flood it.
            self.level(records, index);
        }
        Some(change)
    }

    /// Tells whether a member may stay out: as long as another one can serve. A health check that
    /// fails everywhere is more likely wrong itself, and a member that fails is better than none.
    pub fn others_serve(&self, records: &[&MemberRecord], index: usize) -> bool {
        let takes_requests = |place: usize| {
            let Member { route, domain, .. } = &self.members[place];
            // A standby is disabled, and takes all requests once no other member can.
            let is_standby = |other: &Member| {
                let redirect = &other.redirect;
                !redirect.is_empty() && (redirect == route || redirect == domain)
            };
            match self.activation_now(place, records[place]) {
                Activation::Active => true,
                Activation::Disabled => self.members.iter().any(is_standby),
                Activation::Stopped => false,
            }
        };
        records.iter().enumerate().any(|(place, record)| {
            place != index
                && MemberState::of(record).is_usable()
                && Health::of(record) != Health::Unhealthy
                && !is_refusing(record)
                && takes_requests(place)
        })
    }

    /// Changes load values to other factors, from those of `before`. What a member is behind the
    /// busiest is kept as a number of requests: shares are those of the new factors at once, and
    /// no member is flooded to make up for the time with the old ones.
    pub fn rescale(&self, records: &[&MemberRecord], before: &Self) {
        if self.method != before.method {
            // Bytes, requests and sessions cannot be compared.
            records.iter().for_each(|record| record.lb_value.store(0, Relaxed));
            return;
        }
        if self.index.multiplicities == before.index.multiplicities {
            return;
        }
        let loads: Vec<_> = records.iter().map(|record| record.lb_value.load(Relaxed)).collect();
        let most = loads.iter().copied().max().unwrap_or(0);
        let factors = before.index.multiplicities.iter().zip(&self.index.multiplicities);
        let behind: Vec<_> = loads
            .iter()
            .zip(factors)
            .map(|(load, (old, own))| rescaled(most - load, *old, *own))
            .collect();
        let most = most.max(behind.iter().copied().max().unwrap_or(0));
        for (record, behind) in records.iter().zip(behind) {
            record.lb_value.store(most - behind, Relaxed);
        }
    }
}
