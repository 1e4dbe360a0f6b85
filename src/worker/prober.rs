//! Asks containers of members in error for a sign of life, all at once, so that no request has to
//! find out. One process of the machine does it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::balancer::Lb;
use super::checks::is_held_back;
use super::workers::{Worker, Workers};
use crate::ajp::CPING;
use crate::clock::Millis;
use crate::health::{Pace, Trials, revive, scatter, withdraw};
use crate::lb::{MemberState, recover_due};
use crate::net::{Dialogue, NetError, Phase, Wanted};

/// What is known of the containers that are asked, and the questions under way.
#[derive(Debug, Default)]
pub struct Prober {
    asked: BTreeMap<String, Asked>,
    trials: Trials,
    under_way: Vec<(String, Dialogue)>,
}

/// One container.
#[derive(Debug)]
struct Asked {
    pace: Pace,
    is_under_way: bool,
    /// Nobody accepts connections there, or a CPING it used to answer stays without answer: a
    /// request would fare no better.
    is_dead: bool,
}

impl Prober {
    /// Begins what is due.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        let mut wanted = BTreeSet::new();
        for lb in balancers(workers).filter(|lb| lb.config.probe) {
            for (index, ajp) in lb.members.iter().enumerate() {
                let is_out = self.trials.wants(lb.places[index], lb.records[index], now);
                if is_out && ajp.config.port != 0 && !is_held_back(lb, index) {
                    wanted.insert(ajp.name.clone());
                }
            }
        }
        self.asked.retain(|name, own| wanted.contains(name) || own.is_under_way);
        for name in wanted {
            let own = self.asked.entry(name.clone()).or_insert_with(|| Asked {
                pace: Pace::new(now),
                is_under_way: false,
                is_dead: false,
            });
            let is_due = !own.is_under_way && own.pace.due() <= now;
            if !is_due || self.under_way.len() >= MOST {
                continue;
            }
            let Some(ajp) = workers.container(&name) else { continue };
            own.pace.asked(now, seed(&name));
            match begin(ajp, now) {
                Ok(dialogue) => {
                    own.is_under_way = true;
                    self.under_way.push((name, dialogue));
                }
                Err(why) => self.settle(workers, &name, Err(why), now),
            }
        }
        self.wait_for_recover_time(workers, now);
    }

    /// Forgets everything: another process does it now.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    /// Returns what to wait for.
    pub fn wants(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Wanted)> {
        self.under_way.iter().map(|(_, dialogue)| dialogue.wants())
    }

    /// Returns when something is due, if anything is.
    pub fn due(&self) -> Option<Millis> {
        let has_room = self.under_way.len() < MOST;
        let waiting = self.asked.values().filter(|own| has_room && !own.is_under_way);
        let under_way = self.under_way.iter().map(|(_, dialogue)| dialogue.due());
        under_way.chain(waiting.map(|own| own.pace.due())).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, workers: &Workers, now: Millis) {
        let mut place = 0;
        while place < self.under_way.len() {
            let result = match self.under_way[place].1.advance(now) {
                Ok(None) => {
                    place += 1;
                    continue;
                }
                // Within a timeout of the past the answer is there as a whole or not at all.
                Ok(Some(connection)) => match connection.answer(now) {
                    Err(why) if why.is_timeout() => {
                        place += 1;
                        continue;
                    }
                    other => other,
                },
                Err(why) => Err(why),
            };
            let (name, _) = self.under_way.swap_remove(place);
            self.settle(workers, &name, result, now);
        }
    }

    /// Books the answer for all balancers the container is a member of.
    fn settle(&mut self, workers: &Workers, name: &str, result: Result<(), NetError>, now: Millis) {
        let Some(own) = self.asked.get_mut(name) else { return };
        own.is_under_way = false;
        let Some(ajp) = workers.container(name) else { return };
        match &result {
            Ok(()) => {
                own.is_dead = false;
                ajp.learned.answered_cping();
            }
            Err(why) if why.is_our_own() => {
                tracing::debug!("worker {name}: cannot be asked now: {why}");
                return;
            }
            Err(why) => {
                let is_unreachable = matches!(why.phase, Phase::Resolve | Phase::Connect);
                if is_unreachable {
                    ajp.pool.target().failed();
                }
                own.is_dead = is_unreachable || ajp.learned.answers_cping();
                tracing::debug!("worker {name}: no sign of life: {why}");
            }
        }
        for lb in balancers(workers).filter(|lb| lb.config.probe) {
            for index in (0..lb.members.len()).filter(|index| lb.members[*index].name == name) {
                book(workers, lb, index, result.is_ok(), now);
            }
        }
    }

    /// After `recover_time` lets a request try who has not answered, unless it is known to be dead:
    /// where asking is switched off, and for containers that know no CPING.
    fn wait_for_recover_time(&self, workers: &Workers, now: Millis) {
        for lb in balancers(workers) {
            for (index, (ajp, record)) in lb.members.iter().zip(&lb.records).enumerate() {
                let known = self.asked.get(&ajp.name).filter(|_| lb.config.probe);
                let may_live = known.is_none_or(|own| !own.is_dead) && ajp.config.port != 0;
                if may_live
                    && !is_held_back(lb, index)
                    && recover_due(record, &lb.balancer.policy, now)
                {
                    revive(record, || lb.balancer.readmit(&lb.records, index, now));
                }
            }
        }
    }
}

/// Books for one member whether it has answered.
fn book(workers: &Workers, lb: &Lb, index: usize, has_answered: bool, now: Millis) {
    let record = lb.records[index];
    let shard = workers.shares.shard(lb.places[index]);
    let counter = if has_answered { &shard.probes_ok } else { &shard.probes_failed };
    counter.fetch_add(1, Relaxed);
    let is_out =
        !MemberState::of(record).is_usable() || MemberState::of(record) == MemberState::Force;
    match has_answered {
        true if is_held_back(lb, index) => {}
        true if is_out && revive(record, || lb.balancer.readmit(&lb.records, index, now)) => {
            tracing::info!(
                worker = lb.members[index].name.as_str(),
                balancer = lb.name.as_str(),
                "JK-403 balancer {}: member {} answers again and is back in service",
                lb.name,
                lb.members[index].name
            )
        }
        true => {}
        false => withdraw(record),
    }
}

fn begin(ajp: &Ajp13, now: Millis) -> Result<Dialogue, NetError> {
    let addresses = ajp.pool.target().addresses()?;
    let limit = ajp.config.ping_timeout.min(PROBE_LIMIT);
    Dialogue::begin(addresses, ajp.pool.socket_options(), CPING.to_vec(), now, limit)
}

/// Iterates over the balancers.
pub(super) fn balancers(workers: &Workers) -> impl Iterator<Item = &Lb> {
    workers.iter().filter_map(|worker| match worker {
        Worker::Lb(lb) => Some(&**lb),
        Worker::Ajp13(..) | Worker::Status(_) => None,
    })
}

/// Tells containers and children apart.
pub(super) fn seed(name: &str) -> u64 {
    let own = name
        .bytes()
        .fold(u64::from(std::process::id()), |sum, byte| scatter(sum.wrapping_add(byte.into())));
    scatter(own)
}

/// Longest wait for a sign of life.
pub(super) const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Most questions at once: each has a descriptor. Those that do not fit come next.
const MOST: usize = 128;
