//! Probes the backends of members in error with CPING, all at once, so that no request has to
//! find out. One process of the machine does it.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::ajp::AjpExchange;
use crate::clock::Millis;
use crate::exchange::Exchange;
use crate::health::{Backoff, HalfOpenSince, Relapses};
use crate::lb::{Event, MemberState};
use crate::net::{Interest, NetError, PendingRequest, Phase};
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::background::seed::seed;
use crate::worker::balancer::members::Lb;
use crate::worker::state_events::Symptom;
use crate::worker::workers::Workers;

/// What is known of the backends that are asked, and the questions under way.
#[derive(Debug, Default)]
pub struct Prober {
    probes: BTreeMap<String, ProbeState>,
    half_open: HalfOpenSince,
    relapses: Relapses,
    pending: Vec<(String, PendingRequest)>,
}

/// One backend.
#[derive(Debug)]
struct ProbeState {
    backoff: Backoff,
    is_pending: bool,
    found: ProbeFinding,
}

/// What this process has found out about a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProbeFinding {
    /// Nothing yet: it is asked at once.
    Nothing,
    /// A request may succeed.
    MayLive,
    /// It accepts no connections, or no longer answers CPING although it did before: a
    /// request would fail too.
    Dead,
}

impl Prober {
    /// Begins what is due.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        // Each with how long it is left alone at first.
        let mut wanted: BTreeMap<String, Duration> = BTreeMap::new();
        for lb in workers.balancers().filter(|lb| lb.config.probe) {
            for (index, ajp) in lb.members.iter().enumerate() {
                let is_out =
                    self.half_open.needs_probe(lb.record_indexes[index], lb.records[index], now);
                if is_out && !ajp.config.is_off() && !lb.is_held_back(index) {
                    let pause = self.relapses.pause(lb.record_indexes[index], lb.records[index]);
                    let known = wanted.entry(ajp.name.clone()).or_insert(pause);
                    *known = pause.min(*known);
                }
            }
        }
        self.probes.retain(|name, own| wanted.contains_key(name) || own.is_pending);
        for (name, pause) in wanted {
            let own = self.probes.entry(name.clone()).or_insert_with(|| ProbeState {
                backoff: Backoff::new(now.plus(pause)),
                is_pending: false,
                found: if pause.is_zero() { ProbeFinding::Nothing } else { ProbeFinding::MayLive },
            });
            let is_due = !own.is_pending && own.backoff.next_at() <= now;
            if !is_due || self.pending.len() >= MOST {
                continue;
            }
            let Some(ajp) = workers.backend(&name) else { continue };
            own.backoff.probed(now, seed(&name));
            match begin_probe(ajp, now) {
                Ok(request) => {
                    own.is_pending = true;
                    self.pending.push((name, request));
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
    pub fn poll_interest(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Interest)> {
        self.pending.iter().filter_map(|(_, request)| request.poll_interest())
    }

    /// Returns when something is due, if anything is.
    pub fn next_deadline(&self) -> Option<Millis> {
        let has_room = self.pending.len() < MOST;
        let waiting = self.probes.values().filter(|own| has_room && !own.is_pending);
        let pending = self.pending.iter().map(|(_, request)| request.next_deadline());
        pending.chain(waiting.map(|own| own.backoff.next_at())).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, workers: &Workers, now: Millis) {
        let mut at = 0;
        while at < self.pending.len() {
            let result = match self.pending[at].1.advance(now) {
                Ok(None) => {
                    at += 1;
                    continue;
                }
                // Within a timeout of the past the answer is there as a whole or not at all.
                Ok(Some(connection)) => match connection.answer(&AjpExchange::PING, now) {
                    Err(why) if why.is_timeout() => {
                        at += 1;
                        continue;
                    }
                    other => other,
                },
                Err(why) => Err(why),
            };
            let (name, _) = self.pending.swap_remove(at);
            self.settle(workers, &name, result, now);
        }
    }

    /// Books the answer for all balancers the backend is a member of.
    fn settle(&mut self, workers: &Workers, name: &str, result: Result<(), NetError>, now: Millis) {
        let Some(own) = self.probes.get_mut(name) else { return };
        own.is_pending = false;
        let Some(ajp) = workers.backend(name) else { return };
        match &result {
            Ok(()) => {
                own.found = ProbeFinding::MayLive;
                ajp.capabilities.answered_cping();
            }
            Err(why) if why.is_our_own() => {
                if own.found == ProbeFinding::Nothing {
                    own.found = ProbeFinding::MayLive;
                }
                tracing::debug!("worker {name}: cannot be probed: {why}");
                return;
            }
            Err(why) => {
                let is_unreachable = matches!(why.phase, Phase::Resolve | Phase::Connect);
                if is_unreachable {
                    ajp.pool.target().failed();
                }
                let is_dead = is_unreachable || ajp.capabilities.answers_cping();
                own.found = if is_dead { ProbeFinding::Dead } else { ProbeFinding::MayLive };
                tracing::debug!("worker {name}: probe failed: {why}");
            }
        }
        for lb in workers.balancers().filter(|lb| lb.config.probe) {
            for index in (0..lb.members.len()).filter(|index| lb.members[*index].name == name) {
                if record_probe(workers, lb, index, &result, now) {
                    self.relapses.recovered(lb.record_indexes[index], lb.records[index]);
                    // If the request that tries it fails, its pause begins then.
                    self.probes.remove(name);
                }
            }
        }
    }

    /// After `recover_time` lets a request try who has not answered, unless it is known to be dead:
    /// where asking is switched off, and for backends that know no CPING. A process that has just taken
    /// the lead knows of none, and waits until it has asked.
    fn wait_for_recover_time(&self, workers: &Workers, now: Millis) {
        for lb in workers.balancers() {
            for (index, ajp) in lb.members.iter().enumerate() {
                let known = self.probes.get(&ajp.name).filter(|_| lb.config.probe);
                let may_live = known.is_none_or(|own| own.found == ProbeFinding::MayLive);
                let may_live = may_live && !ajp.config.is_off();
                if may_live {
                    lb.report(index, Event::RecoverTime, now);
                }
            }
        }
    }
}

/// Books for one member whether it has answered. Tells whether a request may try it now.
fn record_probe(
    workers: &Workers,
    lb: &Lb,
    index: usize,
    result: &Result<(), NetError>,
    now: Millis,
) -> bool {
    let shard = workers.child_counts.shard(lb.record_indexes[index]);
    let (counter, event, symptom) = match result {
        Ok(()) => (&shard.probes_ok, Event::ProbeAnswered, Symptom::default()),
        Err(why) => (&shard.probes_failed, Event::ProbeFailed, Symptom::of_network(why)),
    };
    counter.fetch_add(1, Relaxed);
    let change = lb.report_seen(index, event, symptom, now);
    change.is_some_and(|change| change.after == MemberState::Recover)
}

/// Begins to ask a backend over a connection of its own.
pub(in crate::worker) fn begin_probe(ajp: &Ajp13, now: Millis) -> Result<PendingRequest, NetError> {
    let addresses = ajp.pool.target().addresses()?;
    let limit = ajp.config.ping_timeout.min(PROBE_LIMIT);
    PendingRequest::begin(
        addresses,
        ajp.pool.socket_options(),
        AjpExchange::PING.question.to_vec(),
        now,
        limit,
    )
}

/// Longest wait for a probe's answer.
pub(in crate::worker) const PROBE_LIMIT: Duration = Duration::from_secs(2);

/// Most questions at once: each has a descriptor. Those that do not fit come next.
const MOST: usize = 128;
