//! What happens to members without a request: decay, rest, and the way back from error.

use std::sync::atomic::Ordering::Relaxed;

use super::elect::Balancer;
use super::method::Method;
use super::state::{Activation, MemberState, Policy};
use super::weights::rescaled;
use crate::clock::Millis;
use crate::shm::layout::MemberRecord;

impl Balancer {
    /// Lets load values fade after `rounds` intervals of maintenance, and finds members that are
    /// not used.
    pub fn decay(&self, records: &[&MemberRecord], rounds: u64) {
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
                let (ok, idle) = (MemberState::Ok as u32, MemberState::Idle as u32);
                let _ = record.state.compare_exchange(ok, idle, Relaxed, Relaxed);
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

    /// Brings a member back from error: the next request is its trial.
    pub fn readmit(&self, records: &[&MemberRecord], index: usize, now: Millis) {
        let own = records[index];
        let state = own.state.load(Relaxed);
        let is_out = [MemberState::Error, MemberState::Force, MemberState::Probe];
        if !is_out.iter().any(|out| *out as u32 == state) {
            return;
        }
        self.level(records, index);
        own.reply_timeouts.store(0, Relaxed);
        own.recovered_ms.store(now.0.max(1), Relaxed);
        // Lost only to a request that has just settled the matter itself.
        let _ = own.state.compare_exchange(state, MemberState::Recover as u32, Relaxed, Relaxed);
    }

    /// Changes load values to other factors, from those of `before`. What a member is behind the
    /// busiest is kept as a number of requests: shares are those of the new factors at once, and
    /// nobody is flooded to make up for the time with the old ones.
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

/// Tells whether a member in error may be tried again though it has given no sign of life.
pub fn recover_due(record: &MemberRecord, policy: &Policy, now: Millis) -> bool {
    MemberState::of(record) == MemberState::Error
        && now.since(Millis(record.error_last_ms.load(Relaxed))) > policy.recover_time
}
