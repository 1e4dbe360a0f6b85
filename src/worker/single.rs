//! A worker used directly, without a balancer.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::{
    AloneAttempt, Event, MemberRecord, NoMember, Outcome, Policy, has_something_to_clear,
    transition,
};
use crate::shm::EventLog;
use crate::worker::admission::Admission;
use crate::worker::ajp13::attempt::Attempt;
use crate::worker::ajp13::attempt_metrics::AttemptMetrics;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::dispatch::{Candidate, RETRY_AFTER, Route};
use crate::worker::error::{Cause, Failure};
use crate::worker::error_log::{log_refusal, subject};
use crate::worker::in_flight::{ChildCounts, InFlightGuard};
use crate::worker::queue::{Queue, Wish};
use crate::worker::state_events::{self, Standing, Symptom};
use crate::worker::{Downstream, MemberData};

/// The one place a request can go.
#[derive(Debug)]
pub struct Single<'w> {
    /// The worker.
    pub worker: &'w Ajp13,
    /// What its backend is told of its part.
    pub data: MemberData<'w>,
    /// Its record.
    pub record: &'static MemberRecord,
    /// The index of its record.
    pub place: usize,
    /// Where this child counts.
    pub child_counts: &'w ChildCounts,
    /// How many requests are let in, if that is limited.
    pub admission: Option<Admission<'w>>,
    /// The queue for requests that find no room, if there is one.
    pub queue: Option<Queue<'w>>,
    /// That the request is in flight, from its first attempt on.
    pub in_flight: Option<InFlightGuard>,
    /// Where what happens to it is kept.
    pub events: &'static EventLog,
    /// Requests under way there, this one included, when it was booked. What others have booked
    /// since would refuse all that came together.
    pub busy: u32,
    /// Attempts so far.
    pub count: usize,
    /// When the request came.
    pub begun: Millis,
    /// When the first attempt began, in microseconds, if that is known already.
    pub begun_us: Option<u64>,
}

impl<'w> Route<'w> for Single<'w> {
    fn balancer(&self) -> Option<&'w str> {
        None
    }

    #[inline(always)] // as for a balancer
    fn choose<'c, D: Downstream>(
        &mut self,
        _: &mut D,
        place: &'c mut Option<Candidate<'w>>,
    ) -> Result<&'c mut Candidate<'w>, NoMember> {
        let started_us = self.begun_us.take().unwrap_or_else(clock::micros);
        if self.in_flight.is_none() {
            self.busy = self.record.busy.fetch_add(1, Relaxed).wrapping_add(1);
            let in_flight = self.child_counts.enter(self.place);
            if self.queue.is_some() && self.worker.is_over(self.record, self.busy) {
                return Err(NoMember::NoRoom);
            }
            self.record.max_busy.fetch_max(self.busy, Relaxed);
            self.record.used.fetch_add(1, Relaxed);
            self.in_flight = Some(in_flight);
        }
        let shard = self.child_counts.shard(self.place);
        let mut metrics = AttemptMetrics::begin(self.record, shard, self.count, started_us);
        metrics.busy = self.busy;
        self.count += 1;
        Ok(place.insert(Candidate {
            attempt: Attempt::new(self.worker, None, metrics),
            data: self.data,
            member: 0,
            is_sticky: false,
            in_flight: None,
            started: Millis::of_micros(started_us),
        }))
    }

    fn settle(&mut self, choice: &Candidate<'w>, result: &Result<Answer, Failure>) {
        if let Err(failure) = result
            && failure.cause().is_no_room()
        {
            state_events::keep_overload(self.events, ("", &self.worker.name), failure.cause());
        }
        let (outcome, symptom) = match result {
            Ok(Answer::Ordinary) if !has_something_to_clear(self.record) => return,
            Ok(Answer::Ordinary) => (Outcome::Success, Symptom::default()),
            Ok(Answer::Rejected(why)) => (Outcome::Refused, Symptom::of_rejection(*why)),
            Err(failure) => (failure.cause().outcome(), Symptom::of_failure(failure.cause())),
        };
        let event = Event::Ended { outcome, started: choice.started };
        let before = Standing::of(self.record);
        let attempt = match self.count {
            0 | 1 => AloneAttempt::First,
            _ => AloneAttempt::Repetition,
        };
        let policy = Policy { alone: Some(attempt), ..NO_POLICY };
        let change = transition(self.record, event, &policy, || false, clock::now());
        let kind = state_events::kind_of(event, change, before, Standing::of(self.record));
        state_events::keep(self.events, ("", &self.worker.name), kind, symptom);
    }

    fn admission(&self) -> Option<Admission<'w>> {
        self.admission
    }

    fn queue(&self) -> Option<Queue<'w>> {
        self.queue
    }

    #[cold]
    fn wish(&self, is_called: bool) -> Option<Wish> {
        if self.in_flight.is_some() {
            // Its place is its own until it ends, however often it is tried.
            return None;
        }
        let has_others = !is_called && self.record.queued.load(Relaxed) > 0;
        (has_others || self.worker.free(self.record) == 0).then_some(Wish::Any)
    }

    fn leave_session(&mut self) -> bool {
        false
    }

    fn begin_now(&mut self, now: Millis) {
        self.begun_us = None;
        self.begun = now;
    }

    fn note_full(&mut self, now: Millis) {
        // The wait is not the backend's.
        self.begun_us = None;
        self.record.full.note(now);
    }

    fn refuse_waiting<D: Downstream>(&mut self, cause: &Cause, downstream: &mut D) -> u16 {
        let shard = self.child_counts.shard(self.place);
        shard.requests.fetch_add(1, Relaxed);
        shard.failure(cause.code());
        state_events::keep_overload(self.events, ("", &self.worker.name), cause);
        downstream.retry_after(RETRY_AFTER);
        log_refusal(
            downstream,
            &subject("", &self.worker.name),
            &self.worker.name,
            cause,
            self.begun,
        )
    }

    fn spend(&self) -> bool {
        true
    }

    fn is_late(&self) -> bool {
        false
    }

    fn has_others(&self, _: usize, _: bool) -> bool {
        false
    }

    fn wait_for_room(&self, _: usize, _: Duration) -> Duration {
        Duration::ZERO
    }

    fn has_room(&self, _: usize) -> bool {
        false
    }

    fn set_aside(&mut self, _: usize, _: Failure) {}

    fn is_worth_a_pause(&self, _: NoMember) -> bool {
        false
    }

    fn retry_interval(&self) -> Duration {
        self.worker.config.retry_interval
    }

    fn begin_round(&mut self) {}

    fn refuse<D: Downstream>(&mut self, _: NoMember, _: &mut D) -> u16 {
        503
    }
}

/// A worker without a balancer is in no state: whatever happened, the next request is tried.
const NO_POLICY: Policy = Policy {
    recover_time: Duration::ZERO,
    error_escalation_time: Duration::ZERO,
    max_reply_timeouts: u32::MAX,
    alone: Some(AloneAttempt::First),
};
