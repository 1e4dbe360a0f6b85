//! The one loop of a request: choose who gets it, deliver it, and do what the retry policy says.

use std::io;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::lb::NoMember;
use crate::lb::retry_policy::{FailedDelivery, Next, RetryPolicy};
use crate::net::waiting::Waits;
use crate::worker::admission::Admission;
use crate::worker::ajp13::attempt::Attempt;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::error::{Cause, Failure, Uncommitted};
use crate::worker::error_log::Attempted;
use crate::worker::in_flight::{InFlightGuard, RoomGuard};
use crate::worker::queue::{Queue, QueuePlace, Wish};
use crate::worker::{Downstream, MemberData, RequestSettings};

/// Where a request may go: a worker used directly, or the members of a balancer.
pub trait Route<'w> {
    /// Returns the balancer's name, if there is one.
    fn balancer(&self) -> Option<&'w str>;

    /// Chooses who gets the request, and puts that into `place`, where it stays.
    ///
    /// # Errors
    ///
    /// If no member is left that may have it.
    fn choose<'c, D: Downstream>(
        &mut self,
        downstream: &mut D,
        place: &'c mut Option<Candidate<'w>>,
    ) -> Result<&'c mut Candidate<'w>, NoMember>;

    /// Returns how many requests are let in, if that is limited.
    fn admission(&self) -> Option<Admission<'w>>;

    /// Returns the queue for a request that finds no room, if there is one.
    fn queue(&self) -> Option<Queue<'w>>;

    /// Returns what the request has to wait for before it chooses; `None` for nothing, because there is room
    /// that is its to take, or because waiting would be in vain. A request that `is_called` is the next.
    fn wish(&self, is_called: bool) -> Option<Wish>;

    /// Goes to any member, after it has waited in vain for the one of its session. Returns whether it may.
    fn leave_session(&mut self) -> bool;

    /// Begins now: the wait before is not the backend's, and no timeout counts it.
    fn begin_now(&mut self, now: Millis);

    /// Books that there is no room.
    fn note_full(&mut self, now: Millis);

    /// Says that the request has waited in vain, or could not. Returns the status to answer with.
    fn refuse_waiting<D: Downstream>(&mut self, cause: &Cause, downstream: &mut D) -> u16;

    /// Books what became of an attempt.
    fn settle(&mut self, choice: &Candidate<'w>, result: &Result<Answer, Failure>);

    /// Takes one repetition out of `retry_budget`. Returns whether there was one.
    fn spend(&self) -> bool;

    /// Tells whether `failover_timeout` is over.
    fn is_late(&self) -> bool;

    /// Tells whether a request with or without a session there could go to a member other than this.
    fn has_others(&self, member: usize, is_sticky: bool) -> bool;

    /// Returns how long a request that has waited for `waited` may wait for room at a member.
    fn wait_for_room(&self, member: usize, waited: Duration) -> Duration;

    /// Tells whether a member has room.
    fn has_room(&self, member: usize) -> bool;

    /// Remembers that a member is not tried again for now, and why.
    fn set_aside(&mut self, member: usize, failure: Failure);

    /// Tells whether a pause can change anything after a refusal.
    fn is_worth_a_pause(&self, refusal: NoMember) -> bool;

    /// Returns how long to wait before the next round.
    fn retry_interval(&self) -> Duration;

    /// Begins the next round: members that had no room may be tried again.
    fn begin_round(&mut self);

    /// Logs why no member serves the request. Returns the status to answer with.
    fn refuse<D: Downstream>(&mut self, refusal: NoMember, downstream: &mut D) -> u16;
}

/// Who gets the request now.
#[derive(Debug)]
pub struct Candidate<'w> {
    /// The attempt.
    pub attempt: Attempt<'w>,
    /// What the backend is told of its part.
    pub data: MemberData<'w>,
    /// The member's place in its balancer.
    pub member: usize,
    /// Whether the request has a session there.
    pub is_sticky: bool,
    /// That the request is in flight there, until the attempt has ended.
    pub in_flight: Option<InFlightGuard>,
    /// When the attempt began.
    pub started: Millis,
}

/// Serves a request that came at `begun`. What let it in stays in `admitted`, and is to outlive the route, so that its
/// place is free after it has ended.
///
/// # Errors
///
/// The status to answer with.
pub async fn dispatch<'w, D: Downstream, R: Route<'w>>(
    route: &mut R,
    mut policy: RetryPolicy,
    downstream: &mut D,
    request_body: &mut ReplayableBody,
    settings: &RequestSettings<'_>,
    mut begun: Millis,
    admitted: &mut Option<RoomGuard>,
) -> Result<(), u16> {
    if let Some(admission) = route.admission() {
        *admitted = admission.admit(settings.waits);
        if admitted.is_none() {
            // In a box of its own: most requests do without.
            let own = Box::pin(admission.admit_later(downstream, settings.waits)).await;
            *admitted = own.map_err(|_| CLIENT_LEFT)?;
            begun = clock::now();
            route.begin_now(begun);
        }
    }
    let mut current: Option<Candidate<'w>> = None;
    let mut waited = Duration::ZERO;
    let mut place = None;
    loop {
        if current.is_none()
            && let Some(queue) = route.queue()
        {
            // In a box of its own: most requests do without.
            let stand = stand_in_queue(queue, route, &mut place, &mut waited, settings.waits);
            if let Err(why) = Box::pin(stand).await {
                let Some(cause) = why else { return Err(CLIENT_LEFT) };
                return Err(route.refuse_waiting(&cause, downstream));
            }
        }
        let choice = match &mut current {
            Some(choice) => choice,
            none => match route.choose(downstream, none) {
                Ok(choice) => {
                    choice.attempt.waited = waited;
                    if let Some(queue) = route.queue() {
                        choice.attempt.place_timeout = queue.timeout;
                        choice.attempt.is_beyond_share = settings.waits.can_park();
                        choice.attempt.has_room = true;
                        place = None;
                    }
                    choice
                }
                Err(NoMember::NoRoom) => continue,
                Err(_) if route.queue().is_some() && route.wish(false).is_some() => {
                    // There was room a moment ago.
                    route.begin_round();
                    continue;
                }
                Err(refusal) => {
                    let is_worth_a_pause = route.is_worth_a_pause(refusal);
                    if policy.refused(is_worth_a_pause, route.is_late()) != Next::Pause {
                        return Err(route.refuse(refusal, downstream));
                    }
                    next_round(route, settings.waits).await.map_err(|_| CLIENT_LEFT)?;
                    continue;
                }
            },
        };
        let result = choice.attempt.deliver(downstream, request_body, &choice.data, settings).await;
        let next = match &result {
            Err(Failure::Uncommitted(failed)) => {
                let failed = describe(route, choice, failed, downstream, request_body);
                policy.failed(&failed, || route.spend())
            }
            Ok(_) | Err(Failure::Committed(_)) => Next::GiveUp,
        };
        if matches!(next, Next::ReplaceConnection | Next::ReplaceAfterCping) {
            choice.attempt.must_answer = next == Next::ReplaceAfterCping;
            continue;
        }
        choice.attempt.end(downstream, settings, &result);
        choice.in_flight = None;
        settings.waits.count_with_member(|| None);
        route.settle(choice, &result);
        let Err(failure) = result else { return Ok(()) };
        let (worker, member) = (choice.attempt.worker, choice.member);
        waited = choice.attempt.waited;
        current = None;
        let attempted = Attempted { balancer: route.balancer(), worker, begun };
        match next {
            Next::GiveUp | Next::ReplaceConnection | Next::ReplaceAfterCping => {
                if matches!(failure.cause(), Cause::ThreadShare) {
                    downstream.retry_after(RETRY_AFTER);
                }
                return attempted.give_up(downstream, &failure);
            }
            Next::Pause => {
                attempted.log_second_try(downstream, failure.cause());
                next_round(route, settings.waits).await.map_err(|_| CLIENT_LEFT)?;
            }
            Next::WaitForRoom | Next::AnotherMember => {
                if next == Next::WaitForRoom {
                    let begun = clock::now();
                    let limit = route.wait_for_room(member, waited);
                    let has_room = has_room_soon(route, member, limit, settings.waits).await;
                    waited += clock::now().since(begun);
                    if has_room.map_err(|_| CLIENT_LEFT)? {
                        continue;
                    }
                }
                attempted.log_failover(downstream, failure.cause());
                route.set_aside(member, failure);
            }
        }
    }
}

/// Says of a failed delivery what the policy goes by.
#[cold]
fn describe<'w, 'a, D: Downstream, R: Route<'w>>(
    route: &R,
    choice: &'a Candidate<'w>,
    failed: &Uncommitted,
    downstream: &'a D,
    request_body: &ReplayableBody,
) -> FailedDelivery<'a> {
    FailedDelivery {
        stage: failed.stage,
        is_stale: failed.is_stale,
        fault: failed.cause.fault(),
        method: downstream.method(),
        options: choice.attempt.worker.config.recovery_options,
        is_body_not_replayable: request_body.is_not_replayable(),
        is_sticky: choice.is_sticky,
        answers_cping: choice.attempt.worker.capabilities.known_to_answer(),
        has_others: route.has_others(choice.member, choice.is_sticky),
        is_late: route.is_late(),
    }
}

/// Waits before the next round.
async fn next_round<'w>(route: &mut impl Route<'w>, waits: Waits<'_>) -> io::Result<()> {
    waits.pause(route.retry_interval()).await?;
    route.begin_round();
    Ok(())
}

/// Waits for at most `limit` until a member has room. Returns whether it has.
///
/// # Errors
///
/// If the client left.
async fn has_room_soon<'w>(
    route: &impl Route<'w>,
    member: usize,
    limit: Duration,
    waits: Waits<'_>,
) -> io::Result<bool> {
    let begun = clock::now();
    while clock::now().since(begun) < limit {
        waits.pause(LOOK_AGAIN).await?;
        if route.has_room(member) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Waits until the request may choose, in the queue if it has to. It keeps its `place` there: another
/// request may be faster after all.
///
/// # Errors
///
/// Why it may not; `None` if its client has left.
async fn stand_in_queue<'w>(
    queue: Queue<'w>,
    route: &mut impl Route<'w>,
    place: &mut Option<QueuePlace<'w>>,
    waited: &mut Duration,
    waits: Waits<'_>,
) -> Result<(), Option<Cause>> {
    let mut is_called = false;
    while let Some(wish) = route.wish(is_called) {
        let begun = clock::now();
        route.note_full(begun);
        let left = queue.timeout.saturating_sub(*waited);
        if left.is_zero() {
            *place = None;
            if wish != Wish::Any && route.leave_session() {
                continue;
            }
            return Err(Some(Cause::QueueTimeout));
        }
        let own = match place {
            Some(own) => {
                own.again();
                own
            }
            None => place.insert(queue.enter(wish).ok_or(Some(Cause::QueueFull))?),
        };
        let turn = own.turn(waits, begun.plus(left)).await;
        *waited += clock::now().since(begun);
        is_called = turn.map_err(|_| None)?;
    }
    Ok(())
}

/// How often a request that waits for room looks whether there is some.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Seconds after which a client may try again: members in error are asked every half second.
pub const RETRY_AFTER: u32 = 2;

/// What the handler answers to a client that is not there: nothing of it is sent.
const CLIENT_LEFT: u16 = 503;
