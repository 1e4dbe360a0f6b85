//! Health checks of balancers that have one: one request to each member at an interval, all of them
//! side by side, from one process of the machine.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::ajp::AjpExchange;
use crate::clock::{self, Millis};
use crate::exchange::{Exchange, ExplainFault};
use crate::health::{HealthCheck, StatusReader, Streak};
use crate::lb::{Activation, Event, Health, MemberState};
use crate::log;
use crate::messages::FailureDetail;
use crate::messages::MessageCode::{JK406, JK407, JK408};
use crate::net::{Connection, Interest, NetError, PendingRequest, Phase};
use crate::worker::background::seed::seed;
use crate::worker::balancer::members::Lb;
use crate::worker::state_events::Symptom;
use crate::worker::workers::Workers;

/// The members that are checked, by their places, and the requests under way.
#[derive(Debug, Default)]
pub struct Checks {
    members: BTreeMap<usize, CheckedMember>,
    pending: Vec<CheckRequest>,
}

#[derive(Clone, Copy, Debug)]
struct CheckedMember {
    next_deadline: Millis,
    is_pending: bool,
    streak: Streak,
}

#[derive(Debug)]
struct CheckRequest {
    record_index: usize,
    exchange: PendingRequest,
    reader: StatusReader,
    begun: Millis,
}

impl Checks {
    /// Begins what is due.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        let before = std::mem::take(&mut self.members);
        for lb in workers.balancers() {
            for index in 0..lb.members.len() {
                match &lb.config.health_check {
                    Some(check) if is_checked(lb, index) => {
                        let record_index = lb.record_indexes[index];
                        let known = before.get(&record_index).copied();
                        let own =
                            known.unwrap_or_else(|| CheckedMember::new(lb, index, check, now));
                        self.members.insert(record_index, own);
                        self.begin(lb, index, check, now);
                    }
                    // What a check said that is gone must not last.
                    _ => forget(lb, index, now),
                }
            }
        }
    }

    /// Forgets everything: another process does it now.
    pub fn rest(&mut self) {
        *self = Self::default();
    }

    /// Returns what to wait for.
    pub fn poll_interest(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Interest)> {
        self.pending.iter().filter_map(|request| request.exchange.poll_interest())
    }

    /// Returns when something is due, if anything is.
    pub fn next_deadline(&self) -> Option<Millis> {
        let has_room = self.pending.len() < MOST;
        let waiting = self.members.values().filter(|own| has_room && !own.is_pending);
        let pending = self.pending.iter().map(|request| request.exchange.next_deadline());
        pending.chain(waiting.map(|own| own.next_deadline)).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, workers: &Workers, now: Millis) {
        let mut at = 0;
        while let Some(request) = self.pending.get_mut(at) {
            let Some(answer) = request.advance(now) else {
                at += 1;
                continue;
            };
            let request = self.pending.swap_remove(at);
            let Some(member) = self.members.get_mut(&request.record_index) else { continue };
            member.is_pending = false;
            let known = workers.balancers().find_map(|lb| {
                let index = lb
                    .record_indexes
                    .iter()
                    .position(|record_index| *record_index == request.record_index)?;
                Some((lb, index, lb.config.health_check.as_ref()?))
            });
            if let Some((lb, index, check)) = known {
                record_result(lb, index, check, &mut member.streak, &answer, (request.begun, now));
            }
        }
    }

    fn begin(&mut self, lb: &Lb, index: usize, check: &HealthCheck, now: Millis) {
        let record_index = lb.record_indexes[index];
        let has_room = self.pending.len() < MOST;
        let Some(member) = self
            .members
            .get_mut(&record_index)
            .filter(|own| has_room && !own.is_pending && own.next_deadline <= now)
        else {
            return;
        };
        member.next_deadline = now.plus(check.interval);
        let ajp = &lb.members[index];
        let secret = ajp.config.secret.as_ref().map(|secret| &*secret.0);
        // What could be wrong with it was found when the configuration was read, but for a secret
        // that takes all the room; then there is no request to this member at all.
        let Ok(question) = check.question(secret) else { return };
        let target = ajp.pool.target();
        let begun = target.addresses().and_then(|addresses| {
            let options = ajp.pool.socket_options();
            PendingRequest::begin(addresses, options, question, now, check.timeout)
        });
        match begun {
            Ok(exchange) => {
                member.is_pending = true;
                let reader = check.reader();
                self.pending.push(CheckRequest { record_index, exchange, reader, begun: now });
            }
            Err(why) => {
                let answer = Err(CheckFailure::Net(why));
                record_result(lb, index, check, &mut member.streak, &answer, (now, now));
            }
        }
    }
}

impl CheckedMember {
    /// Members begin at different moments of the interval.
    fn new(lb: &Lb, index: usize, check: &HealthCheck, now: Millis) -> Self {
        let name = format!("{} {}", lb.name, lb.members[index].name);
        let interval = check.interval.as_millis().max(1) as u64;
        let wait = Duration::from_millis(seed(&name) % interval);
        Self { next_deadline: now.plus(wait), is_pending: false, streak: Streak::default() }
    }
}

impl CheckRequest {
    /// Goes on as far as possible; returns the answer when it is there.
    fn advance(&mut self, now: Millis) -> Option<Result<u16, CheckFailure>> {
        loop {
            match self.exchange.advance(now) {
                Ok(None) => return None,
                Ok(Some(connection)) => match read_status(connection, &mut self.reader) {
                    Ok(None) => {}
                    Ok(Some(status)) => return Some(Ok(status)),
                    Err(failure) => return Some(Err(failure)),
                },
                Err(why) => return Some(Err(CheckFailure::Net(why))),
            }
        }
    }
}

/// Why there is no status.
#[derive(Debug)]
enum CheckFailure {
    Net(NetError),
    /// A malformed response, in words.
    Malformed(String),
}

fn read_status(
    connection: &mut Connection,
    reader: &mut StatusReader,
) -> Result<Option<u16>, CheckFailure> {
    let malformed = |error: <AjpExchange as Exchange>::Fault, bytes: &[u8]| {
        CheckFailure::Malformed(error.explain(bytes).words)
    };
    loop {
        let bytes = connection.bytes();
        let found = AjpExchange::next_message(bytes).map_err(|error| malformed(error, bytes))?;
        let Some(payload) = found else { return Ok(None) };
        let (end, payload) = (payload.end, &bytes[payload]);
        let status = reader.packet(payload).map_err(|error| malformed(error, payload))?;
        if status.is_some() {
            return Ok(status);
        }
        connection.consume(end);
    }
}

/// Books an answer, and what follows from it.
fn record_result(
    lb: &Lb,
    index: usize,
    check: &HealthCheck,
    streak: &mut Streak,
    answer: &Result<u16, CheckFailure>,
    (begun, now): (Millis, Millis),
) {
    if matches!(answer, Err(CheckFailure::Net(why)) if why.is_our_own()) {
        return;
    }
    let (record, name) = (lb.records[index], &lb.members[index].name);
    let status = answer.as_ref().ok().copied();
    record.health_status.store(status.unwrap_or(0).into(), Relaxed);
    let detail = symptom(answer).detail().map_or(0, FailureDetail::number);
    record.health_detail.store(detail, Relaxed);
    let has_passed = status.is_some_and(|status| check.accepts(status));
    record.note_check(clock::unix_now().as_secs() as i64, now.since(begun), has_passed);
    streak.record(has_passed);
    let what = || match answer {
        Ok(status) => format!("status {status}"),
        Err(CheckFailure::Net(why)) if is_late(why) => {
            format!("no answer within {} ms", check.timeout.as_millis())
        }
        Err(CheckFailure::Net(why)) => why.to_string(),
        Err(CheckFailure::Malformed(why)) => why.clone(),
    };
    let (balancer, label, bad) = (lb.name.as_str(), check.label(), streak.bad());
    match streak.verdict(check) {
        Some(true) => {
            let was_unhealthy = Health::of(record) == Health::Unhealthy;
            let change = lb.report(index, Event::HealthPassed, now);
            let next = match change.and_then(|change| change.failing_since) {
                Some(since) => format!(
                    " after {}; the next request tries it, and the member is back in service if the request succeeds",
                    log::span(now.since(since))
                ),
                None if was_unhealthy && MemberState::of(record).is_in_service() => {
                    "; it stayed in service".to_owned()
                }
                None => return,
            };
            tracing::info!(
                worker = name.as_str(),
                balancer,
                "{JK407} balancer {balancer}: member {name} passes its health check ({label}) again{next}"
            );
        }
        None => {}
        Some(false) => {
            let change = lb.report_seen(index, Event::HealthFailed, symptom(answer), now);
            let at = lb.members[index].pool.target().name();
            if let Some(change) = change {
                let text = format!(
                    "{JK406} balancer {balancer}: member {name} at {at} is in error: it fails its health check ({label}): {}, {bad} times in a row; it receives no requests until {} checks in a row pass; see the application's log",
                    what(),
                    check.rise
                );
                match change.is_outage() {
                    true => tracing::warn!(worker = name.as_str(), balancer, "{text}"),
                    // It was out for another reason, which was said.
                    false => tracing::info!(worker = name.as_str(), balancer, "{text}"),
                }
            } else if MemberState::of(record) != MemberState::Error && bad == check.fall {
                tracing::warn!(
                    worker = name.as_str(),
                    balancer,
                    "{JK408} balancer {balancer}: member {name} at {at} fails its health check ({label}): {}, {bad} times in a row; it stays in service, because no other member can serve; see the application's log, or correct health_check and health_check_status",
                    what()
                );
            }
        }
    }
}

/// Returns what a check found, for events and the page.
fn symptom(answer: &Result<u16, CheckFailure>) -> Symptom {
    match answer {
        Ok(status) => Symptom::of_status(*status),
        // The time is that of the check, not socket_timeout.
        Err(CheckFailure::Net(why)) if is_late(why) => Symptom::default(),
        Err(CheckFailure::Net(why)) => Symptom::of_network(why),
        Err(CheckFailure::Malformed(_)) => Symptom::of_detail(FailureDetail::MalformedResponse),
    }
}

/// Tells whether there was a connection and no answer in time.
fn is_late(why: &NetError) -> bool {
    why.phase == Phase::Receive && why.is_timeout()
}

/// A member that is stopped gets no request, so its health says nothing.
fn is_checked(lb: &Lb, index: usize) -> bool {
    !lb.members[index].config.is_off() && lb.activation(index) != Activation::Stopped
}

fn forget(lb: &Lb, index: usize, now: Millis) {
    let record = lb.records[index];
    if Health::of(record) != Health::Unknown {
        lb.report(index, Event::HealthUnchecked, now);
        record.health_status.store(0, Relaxed);
        record.checked_unix.store(0, Relaxed);
    }
}

/// Most requests at once: each has a descriptor. Those that do not fit come next.
const MOST: usize = 128;
