//! Health checks of balancers that have one: one request to each member at an interval, all of them
//! side by side, from one process of the machine.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::balancer::Lb;
use super::prober::{balancers, seed};
use super::workers::Workers;
use crate::ajp::ProtocolError;
use crate::clock::Millis;
use crate::health::{Health, HealthCheck, Hearing, Streak, may_be_spared, revive};
use crate::lb::{Activation, MemberState, Outcome, report};
use crate::net::{Connection, Dialogue, NetError, Phase, Wanted};

/// The members that are checked, by their places, and the requests under way.
#[derive(Debug, Default)]
pub struct Checks {
    members: BTreeMap<usize, Member>,
    under_way: Vec<Request>,
}

#[derive(Clone, Copy, Debug)]
struct Member {
    due: Millis,
    is_under_way: bool,
    streak: Streak,
}

#[derive(Debug)]
struct Request {
    place: usize,
    begun: Millis,
    dialogue: Dialogue,
    hearing: Hearing,
}

impl Checks {
    /// Begins what is due.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        let before = std::mem::take(&mut self.members);
        for lb in balancers(workers) {
            for index in 0..lb.members.len() {
                match &lb.config.health_check {
                    Some(check) if is_checked(lb, index) => {
                        let place = lb.places[index];
                        let known = before.get(&place).copied();
                        let own = known.unwrap_or_else(|| Member::new(lb, index, check, now));
                        self.members.insert(place, own);
                        self.begin(lb, index, check, now);
                    }
                    // What a check said that is gone must not last.
                    _ => forget(lb, index),
                }
            }
        }
    }

    /// Forgets everything: another process does it now.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    /// Returns what to wait for.
    pub fn wants(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Wanted)> {
        self.under_way.iter().map(|request| request.dialogue.wants())
    }

    /// Returns when something is due, if anything is.
    pub fn due(&self) -> Option<Millis> {
        let has_room = self.under_way.len() < MOST;
        let waiting = self.members.values().filter(|own| has_room && !own.is_under_way);
        let under_way = self.under_way.iter().map(|request| request.dialogue.due());
        under_way.chain(waiting.map(|own| own.due)).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, workers: &Workers, now: Millis) {
        let mut at = 0;
        while let Some(request) = self.under_way.get_mut(at) {
            let Some(answer) = request.advance(now) else {
                at += 1;
                continue;
            };
            let request = self.under_way.swap_remove(at);
            let Some(member) = self.members.get_mut(&request.place) else { continue };
            member.is_under_way = false;
            let known = balancers(workers).find_map(|lb| {
                let index = lb.places.iter().position(|place| *place == request.place)?;
                Some((lb, index, lb.config.health_check.as_ref()?))
            });
            if let Some((lb, index, check)) = known {
                book(lb, index, check, &mut member.streak, &answer, request.begun, now);
            }
        }
    }

    fn begin(&mut self, lb: &Lb, index: usize, check: &HealthCheck, now: Millis) {
        let place = lb.places[index];
        let has_room = self.under_way.len() < MOST;
        let Some(member) = self
            .members
            .get_mut(&place)
            .filter(|own| has_room && !own.is_under_way && own.due <= now)
        else {
            return;
        };
        member.due = now.plus(check.interval);
        let ajp = &lb.members[index];
        let secret = ajp.config.secret.as_ref().map(|secret| secret.0.as_str());
        // What could be wrong with it was found when the configuration was read, but for a secret
        // that takes all the room; then there is no request to this member at all.
        let Ok(question) = check.question(secret) else { return };
        let target = ajp.pool.target();
        let begun = target.addresses().and_then(|addresses| {
            let options = ajp.pool.socket_options();
            Dialogue::begin(addresses, options, question, now, check.timeout)
        });
        match begun {
            Ok(dialogue) => {
                member.is_under_way = true;
                self.under_way.push(Request { place, begun: now, dialogue, hearing: check.hear() });
            }
            Err(why) => {
                let answer = Err(Trouble::Net(why));
                book(lb, index, check, &mut member.streak, &answer, now, now);
            }
        }
    }
}

impl Member {
    /// Members begin at different moments of the interval.
    fn new(lb: &Lb, index: usize, check: &HealthCheck, now: Millis) -> Self {
        let name = format!("{} {}", lb.name, lb.members[index].name);
        let interval = check.interval.as_millis().max(1) as u64;
        let wait = Duration::from_millis(seed(&name) % interval);
        Self { due: now.plus(wait), is_under_way: false, streak: Streak::default() }
    }
}

impl Request {
    /// Goes on as far as possible; returns the answer when it is there.
    fn advance(&mut self, now: Millis) -> Option<Result<u16, Trouble>> {
        loop {
            match self.dialogue.advance(now) {
                Ok(None) => return None,
                Ok(Some(connection)) => match hear(connection, &mut self.hearing) {
                    Ok(None) => {}
                    Ok(Some(status)) => return Some(Ok(status)),
                    Err(why) => return Some(Err(Trouble::Protocol(why))),
                },
                Err(why) => return Some(Err(Trouble::Net(why))),
            }
        }
    }
}

/// Why there is no status.
#[derive(Debug)]
enum Trouble {
    Net(NetError),
    Protocol(ProtocolError),
}

fn hear(connection: &mut Connection, hearing: &mut Hearing) -> Result<Option<u16>, ProtocolError> {
    while let Some(payload) = connection.packet()? {
        let end = payload.end;
        if let Some(status) = hearing.packet(&connection.bytes()[payload])? {
            return Ok(Some(status));
        }
        connection.consume(end);
    }
    Ok(None)
}

/// Books an answer, and what follows from it.
fn book(
    lb: &Lb,
    index: usize,
    check: &HealthCheck,
    streak: &mut Streak,
    answer: &Result<u16, Trouble>,
    begun: Millis,
    now: Millis,
) {
    if matches!(answer, Err(Trouble::Net(why)) if why.is_our_own()) {
        return;
    }
    let (record, name) = (lb.records[index], &lb.members[index].name);
    let status = answer.as_ref().ok().copied();
    record.health_status.store(status.unwrap_or(0).into(), Relaxed);
    streak.book(status.is_some_and(|status| check.accepts(status)));
    let what = || match answer {
        Ok(status) => format!("status {status}"),
        Err(Trouble::Net(why)) if why.phase == Phase::Receive && why.is_timeout() => {
            format!("no answer within {} ms", check.timeout.as_millis())
        }
        Err(Trouble::Net(why)) => why.to_string(),
        Err(Trouble::Protocol(why)) => why.to_string(),
    };
    let before = Health::of(record);
    match streak.verdict(check) {
        None => {}
        Some(true) => {
            Health::Well.keep(record);
            let was_out = before == Health::Ill
                && MemberState::of(record) == MemberState::Error
                && revive(record, || lb.balancer.readmit(&lb.records, index, now));
            if was_out {
                tracing::info!(
                    "JK-407 balancer {}: member {name} answers {} as it should again and is back in service",
                    lb.name,
                    check.label()
                );
            }
        }
        Some(false) => {
            Health::Ill.keep(record);
            let (label, bad) = (check.label(), streak.bad());
            if !may_be_spared(&lb.records, index) {
                if bad == check.fall {
                    tracing::warn!(
                        "JK-408 balancer {}: member {name} does not answer {label} as it should: {}, {bad} times in a row; it stays in service, as no other member can serve",
                        lb.name,
                        what()
                    );
                }
                return;
            }
            if MemberState::of(record) != MemberState::Error
                && report(record, Outcome::HardStatus, &lb.balancer.policy, begun, now)
            {
                tracing::warn!(
                    "JK-406 balancer {}: member {name} at {} does not answer {label} as it should: {}, {bad} times in a row; it is in error until {} good answers in a row",
                    lb.name,
                    lb.members[index].pool.target().name(),
                    what(),
                    check.rise
                );
            }
        }
    }
}

/// Tells whether a member must stay out of service because of its health.
pub(super) fn is_held_back(lb: &Lb, index: usize) -> bool {
    lb.config.health_check.is_some()
        && Health::of(lb.records[index]) == Health::Ill
        && may_be_spared(&lb.records, index)
}

/// A member that is stopped gets no request, so its health says nothing.
fn is_checked(lb: &Lb, index: usize) -> bool {
    lb.members[index].config.port != 0 && lb.activation(index) != Activation::Stopped
}

fn forget(lb: &Lb, index: usize) {
    let record = lb.records[index];
    if Health::of(record) != Health::Unknown {
        Health::Unknown.keep(record);
        record.health_status.store(0, Relaxed);
    }
}

/// Most requests at once: each has a descriptor. Those that do not fit come next.
const MOST: usize = 128;
