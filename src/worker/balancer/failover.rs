//! The members of a balancer as one request sees them: who gets it, and who has failed.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::queue::Takes;
use crate::lb::retry_policy::Stage;
use crate::lb::session::SessionIds;
use crate::lb::{Activation, MemberState, NoMember, Query, has_something_to_clear, retry_budget};
use crate::worker::admission::Admission;
use crate::worker::ajp13::attempt::Attempt;
use crate::worker::ajp13::attempt_metrics::AttemptMetrics;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::balancer::members::Lb;
use crate::worker::balancer::notes;
use crate::worker::balancer::notes::MemberNumbers;
use crate::worker::dispatch::{Candidate, RETRY_AFTER, Route};
use crate::worker::error::{Cause, Failure, Uncommitted};
use crate::worker::in_flight::ChildCounts;
use crate::worker::queue::{Queue, Wish};
use crate::worker::{Downstream, MemberData, RequestSettings};

/// The members, and what one request has tried so far.
#[derive(Debug)]
pub struct MemberSelection<'w> {
    pub(super) lb: &'w Lb,
    settings: &'w RequestSettings<'w>,
    child_counts: &'w ChildCounts,
    queue: Option<Queue<'w>>,
    /// How many requests are let in, if that is limited.
    admission: Option<Admission<'w>>,
    /// Whether the request has waited in vain for the member of its session.
    has_left_session: bool,
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
        (queue, admission): (Option<Queue<'w>>, Option<Admission<'w>>),
        begun: Millis,
        first_us: Option<u64>,
    ) -> Self {
        Self {
            lb,
            settings,
            child_counts,
            queue,
            admission,
            has_left_session: false,
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

    /// Returns what the request asks of an election, beside the members that it must not get.
    fn query<'q>(&'q self, tried: &'q [usize]) -> Query<'q> {
        let settings = self.settings;
        let says_nothing = settings.activations.iter().all(|(names, _)| names.is_empty());
        Query {
            session_ids: self.ids.as_bytes(),
            is_stateless: settings.stateless,
            overrides: if says_nothing { &[] } else { &settings.activations[..] },
            tried,
            hash: self.hash,
        }
    }

    /// Returns the member that has the request's session, if it goes to no other one yet.
    pub(super) fn session_member(&self) -> Option<usize> {
        let of_session =
            || self.lb.balancer.session_member(&self.lb.records, &self.query(&self.tried));
        (!self.has_left_session && !self.ids.as_bytes().is_empty()).then(of_session)?
    }

    /// Returns the members that have no room for the request, beside those that it has tried.
    fn tried_and_full(&self) -> Vec<usize> {
        let own = self.session_member();
        let rooms = self.lb.rooms(|_| None);
        let is_full = |index: &usize| Some(*index) != own && rooms[*index].for_strangers() == 0;
        let full =
            (0..rooms.len()).filter(|index| rooms[*index].takes == Takes::All).filter(is_full);
        self.tried.iter().copied().chain(full).collect()
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

    #[inline(always)] // what it makes is not small, and is made where it stays
    fn choose<'c, D: Downstream>(
        &mut self,
        downstream: &mut D,
        place: &'c mut Option<Candidate<'w>>,
    ) -> Result<&'c mut Candidate<'w>, NoMember> {
        let (lb, settings) = (self.lb, self.settings);
        let started_us = self.first_us.take().unwrap_or_else(clock::micros);
        let started = Millis::of_micros(started_us);
        let full = self.queue.map(|_| self.tried_and_full());
        let query = self.query(full.as_deref().unwrap_or(&self.tried));
        let election = lb.balancer.elect(lb.record, &lb.records, &query, started)?;
        let index = election.member;
        if self.queue.is_some() && lb.is_over(index, election.busy) {
            lb.take_back(index, &query);
            drop(self.child_counts.enter(lb.record_indexes[index]));
            return Err(NoMember::NoRoom);
        }
        if election.is_forced {
            lb.forced(index);
        }
        let (worker, record) = (&lb.members[index], lb.records[index]);
        let in_flight = self.child_counts.enter(lb.record_indexes[index]);
        settings
            .waits
            .count_with_member(|| Some(self.child_counts.parked(lb.record_indexes[index])));
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
        Ok(place.insert(Candidate {
            attempt: Attempt::new(worker, Some(&lb.name), metrics),
            data,
            member: index,
            is_sticky: election.is_sticky,
            in_flight: Some(in_flight),
            started,
        }))
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

    fn admission(&self) -> Option<Admission<'w>> {
        self.admission
    }

    fn queue(&self) -> Option<Queue<'w>> {
        self.queue
    }

    #[cold]
    fn wish(&self, is_called: bool) -> Option<Wish> {
        let lb = self.lb;
        if let Some(own) = self.session_member() {
            let waiting = lb.records[own].queued.load(Relaxed);
            let must_wait = lb.is_full(own) || !is_called && waiting > 0;
            return must_wait.then(|| Wish::Member(own, lb.record_indexes[own]));
        }
        let rooms = lb.rooms(|_| None);
        let usable = || {
            let takes = rooms.iter().enumerate().filter(|(_, room)| room.takes == Takes::All);
            takes.filter(|(index, _)| !self.tried.contains(index))
        };
        let has_room = usable().any(|(_, room)| room.for_strangers() > 0);
        let sessions: u32 = rooms.iter().map(|room| room.sessions).sum();
        let has_others = !is_called && lb.record.queued.load(Relaxed) > sessions;
        (usable().next().is_some() && (!has_room || has_others)).then_some(Wish::Any)
    }

    fn leave_session(&mut self) -> bool {
        let may_leave = !self.has_left_session && !self.lb.config.sticky_session_force;
        self.has_left_session |= may_leave;
        may_leave
    }

    fn begin_now(&mut self, now: Millis) {
        self.first_us = None;
        self.begun = now;
    }

    fn note_full(&mut self, now: Millis) {
        // The wait is not the backend's.
        self.first_us = None;
        let full = (0..self.lb.members.len()).filter(|index| self.lb.is_full(*index));
        full.for_each(|index| self.lb.records[index].full.note(now));
    }

    fn refuse_waiting<D: Downstream>(&mut self, cause: &Cause, downstream: &mut D) -> u16 {
        self.lb.overloaded(cause);
        downstream.retry_after(RETRY_AFTER);
        self.explain_waiting(cause, downstream)
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
        // A pause holds a thread, of which there are none to spare.
        let is_no_thread = |own: &Failure| matches!(own.cause(), Cause::ThreadShare);
        self.failures.iter().any(|(_, own)| is_full(own) && !is_no_thread(own))
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
            match self.failures.last() {
                Some((_, failure)) => self.lb.overloaded(failure.cause()),
                None => _ = self.lb.record.unserved.fetch_add(1, Relaxed),
            }
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
