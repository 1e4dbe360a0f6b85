//! The members of a balancer as one request sees them: who gets it, and who has failed.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::retry_policy::Stage;
use crate::lb::session::SessionIds;
use crate::lb::{Activation, MemberState, NoMember, Query, has_something_to_clear, retry_budget};
use crate::worker::ajp13::attempt::Attempt;
use crate::worker::ajp13::attempt_metrics::AttemptMetrics;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::balancer::members::Lb;
use crate::worker::balancer::notes;
use crate::worker::balancer::notes::MemberNumbers;
use crate::worker::dispatch::{Candidate, Route};
use crate::worker::error::{Failure, Uncommitted};
use crate::worker::in_flight::ChildCounts;
use crate::worker::{Downstream, MemberData, RequestSettings};

/// The members, and what one request has tried so far.
#[derive(Debug)]
pub struct MemberSelection<'w> {
    pub(super) lb: &'w Lb,
    settings: &'w RequestSettings<'w>,
    child_counts: &'w ChildCounts,
    /// The session ids of the request.
    pub ids: SessionIds,
    /// What the method Hash goes by.
    pub hash: Option<u64>,
    /// When the request began.
    pub(super) begun: Millis,
    /// When the first attempt begins, in microseconds, if that is known already.
    first_us: Option<u64>,
    /// Members that are not tried again.
    tried: Vec<usize>,
    /// Attempts so far.
    count: usize,
    /// Members tried and why they failed.
    pub(super) failures: Vec<(usize, Failure)>,
    /// The member tried last.
    last: Option<usize>,
    /// Numbers of the first and the last one after their attempts, if the notes are read.
    seen: Option<(MemberNumbers, MemberNumbers)>,
}

impl<'w> MemberSelection<'w> {
    /// Begins a request.
    pub fn new(
        lb: &'w Lb,
        settings: &'w RequestSettings<'w>,
        child_counts: &'w ChildCounts,
        begun: Millis,
        first_us: Option<u64>,
    ) -> Self {
        Self {
            lb,
            settings,
            child_counts,
            ids: SessionIds::new(),
            hash: None,
            begun,
            first_us,
            tried: Vec::new(),
            count: 0,
            failures: Vec::new(),
            last: None,
            seen: None,
        }
    }

    /// Leaves notes about the members for the access log.
    pub fn leave_notes<D: Downstream>(&self, downstream: &mut D) {
        if let Some(index) = self.last {
            downstream.add_note(c"JK_WORKER_ROUTE", &self.lb.balancer.members[index].route);
        }
        if let Some((first, last)) = &self.seen {
            first.note(self.lb, &notes::FIRST, downstream);
            last.note(self.lb, &notes::LAST, downstream);
        }
    }
}

impl<'w> Route<'w> for MemberSelection<'w> {
    fn balancer(&self) -> Option<&'w str> {
        Some(&self.lb.name)
    }

    fn choose<D: Downstream>(&mut self, downstream: &mut D) -> Result<Candidate<'w>, NoMember> {
        let (lb, settings) = (self.lb, self.settings);
        let says_nothing = settings.activations.iter().all(|(names, _)| names.is_empty());
        let query = Query {
            session_ids: self.ids.as_bytes(),
            is_stateless: settings.stateless,
            overrides: if says_nothing { &[] } else { &settings.activations[..] },
            tried: &self.tried,
            hash: self.hash,
        };
        let started_us = self.first_us.take().unwrap_or_else(clock::micros);
        let started = Millis::of_micros(started_us);
        let election = lb.balancer.elect(lb.record, &lb.records, &query, started)?;
        let index = election.member;
        if election.is_forced {
            lb.forced(index);
        }
        let (worker, record) = (&lb.members[index], lb.records[index]);
        let in_flight = self.child_counts.enter(lb.record_indexes[index]);
        match election.is_sticky {
            true => record.recent.note(self.ids.as_bytes(), started.0),
            false if lb.config.sticky_session && !settings.stateless => {
                record.recent.begin(started.0);
            }
            false => {}
        }
        lb.set_cookie(downstream, settings, &election);
        let member = &lb.balancer.members[index];
        let data = MemberData {
            secret: worker.config.secret.as_ref().map(|secret| &*secret.0),
            route: Some(lb.balancer.route(index)),
            activation: election.activation.code(),
            session_cookie: lb.watched_cookie(settings),
        };
        let mut metrics = AttemptMetrics::begin(record, in_flight.shard, self.count, started_us)
            .charging(lb.balancer.method, member.multiplicity);
        metrics.busy = election.busy;
        self.count += 1;
        self.last = Some(index);
        Ok(Candidate {
            attempt: Attempt::new(worker, Some(&lb.name), metrics),
            data,
            member: index,
            is_sticky: election.is_sticky,
            in_flight: Some(in_flight),
            started,
        })
    }

    #[inline(always)] // what is booked is cold; most answers are ordinary
    fn settle(&mut self, choice: &Candidate<'w>, result: &Result<Answer, Failure>) {
        let (lb, index, started) = (self.lb, choice.member, choice.started);
        match result {
            Ok(Answer::Ordinary) if has_something_to_clear(lb.records[index]) => {
                lb.succeeded(index, started);
            }
            Ok(Answer::Ordinary) => {}
            Ok(Answer::Rejected(rejection)) => lb.refused(index, *rejection, started),
            Err(failure) => lb.failed(index, failure.cause(), started),
        }
        if self.settings.wants_notes {
            let now = MemberNumbers::of(lb, index);
            let first = self.seen.map_or(now, |(first, _)| first);
            self.seen = Some((first, now));
        }
    }

    fn spend(&self) -> bool {
        retry_budget::spend(self.lb.record, self.lb.config.retry_budget)
    }

    fn is_late(&self) -> bool {
        let limit = self.lb.config.failover_timeout;
        limit.is_some_and(|limit| clock::now().since(self.begun) >= limit)
    }

    fn has_others(&self, member: usize, is_sticky: bool) -> bool {
        let lb = self.lb;
        let may_serve = |index: usize| {
            index != member
                && !self.tried.contains(&index)
                && lb.activation(index) == Activation::Active
                && lb.state(index).is_usable()
        };
        !(is_sticky && lb.config.sticky_session_force) && (0..lb.members.len()).any(may_serve)
    }

    fn wait_for_room(&self, member: usize, waited: Duration) -> Duration {
        self.lb.members[member].config.connection_acquire_timeout.saturating_sub(waited)
    }

    fn has_room(&self, member: usize) -> bool {
        !self.lb.is_full(member)
    }

    fn set_aside(&mut self, member: usize, failure: Failure) {
        self.tried.push(member);
        self.failures.push((member, failure));
    }

    /// A moment can change something if a member had no room, or is on trial.
    fn is_worth_a_pause(&self, refusal: NoMember) -> bool {
        let is_trial = |state| matches!(state, MemberState::HalfOpen | MemberState::Force);
        self.failures.iter().any(|(_, failure)| is_full(failure))
            || refusal == NoMember::NoMember
                && self.lb.records.iter().any(|record| is_trial(MemberState::of(record)))
    }

    fn retry_interval(&self) -> Duration {
        self.lb.config.retry_interval
    }

    fn begin_round(&mut self) {
        // All the others have had their chance.
        let failures = &self.failures;
        self.tried.retain(|member| !failures.iter().any(|(own, f)| own == member && is_full(f)));
    }

    fn refuse<D: Downstream>(&mut self, refusal: NoMember, downstream: &mut D) -> u16 {
        let status = self.failures.last().map_or(503, |(_, f)| f.cause().http_status());
        // One at its limit was not tried.
        if self.failures.iter().all(|(_, failure)| is_full(failure)) {
            self.lb.record.unserved.fetch_add(1, Relaxed);
        }
        downstream.retry_after(RETRY_AFTER);
        self.explain(refusal, downstream, status);
        status
    }
}

/// Tells whether a member only had no room.
fn is_full(failure: &Failure) -> bool {
    matches!(failure, Failure::Uncommitted(Uncommitted { stage: Stage::NotSent, cause, .. })
        if cause.is_no_room())
}

/// Seconds after which a client may try again: members in error are asked every half second.
const RETRY_AFTER: u32 = 2;
