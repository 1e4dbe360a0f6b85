//! Requests that wait for room at a worker. They stand in their own child; who may try next is decided
//! over all children, by numbers in shared memory, without a lock between processes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::clock::{self, Millis};
use crate::lb::queue::Waiting;
use crate::net::Turn;
use crate::net::waiting::Waits;
use crate::shm::{Segment, futex};
use crate::worker::in_flight::{ChildCounts, CountGuard};

/// The queues of this child.
#[derive(Debug)]
pub struct Queues {
    segment: Segment,
    state: Mutex<QueueState>,
    changed: Condvar,
    /// Whether something looks after those who wait.
    is_attended: AtomicBool,
}

#[derive(Debug, Default)]
struct QueueState {
    /// By the number of the worker; see [`Capacity::workers`](crate::shm::Capacity::workers).
    queues: BTreeMap<usize, Vec<Waiter>>,
    /// The number of the last one.
    last: u64,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    wish: Wish,
    since: Millis,
    turn: Arc<Turn>,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Room at any member, or at the one backend there is.
    Any,
    /// Room at the member that has its session: its place in the balancer, and its number among the workers.
    Member(usize, usize),
}

/// The queue of a worker.
#[derive(Clone, Copy, Debug)]
pub struct Queue<'q> {
    queues: &'q Queues,
    child_counts: &'q ChildCounts,
    /// The worker's number.
    worker: usize,
    /// How many requests of all children may wait there.
    size: u32,
    /// How long each of them may.
    pub timeout: Duration,
    /// Whether they wait for the end of a request in flight, which rings then.
    is_for_room: bool,
}

/// A place in a queue, until dropped.
#[derive(Debug)]
pub struct QueuePlace<'q> {
    queue: Queue<'q>,
    id: u64,
    wish: Wish,
    turn: Arc<Turn>,
    /// That it waits at its worker, at the member that it waits for, and at all.
    _counts: (CountGuard, Option<CountGuard>, Option<CountGuard>),
    /// Whether others look again when it is left: they have waited for this one.
    rings: bool,
}

impl Queues {
    /// Makes the empty queues of a child.
    pub fn new(segment: Segment) -> Self {
        Self {
            segment,
            state: Mutex::default(),
            changed: Condvar::new(),
            is_attended: AtomicBool::new(false),
        }
    }

    /// Returns the queue of a worker; `None` where a request does not wait for room.
    pub fn of<'q>(
        &'q self,
        child_counts: &'q ChildCounts,
        worker: usize,
        size: u32,
        timeout: Duration,
    ) -> Option<Queue<'q>> {
        let is_there = size > 0 && self.is_attended.load(Relaxed);
        let (queues, is_for_room) = (self, true);
        is_there.then_some(Queue { queues, child_counts, worker, size, timeout, is_for_room })
    }

    /// Says that there is a thread that gives turns: without one they would wait in vain.
    pub fn attended(&self) {
        self.is_attended.store(true, Relaxed);
    }

    /// Returns what rings when there may be room.
    pub fn bell(&self) -> &'static AtomicU32 {
        &self.segment.header().room_bell
    }

    /// Sleeps as long as no request waits.
    pub fn sleep(&self) {
        let mut state = self.state.lock();
        while state.queues.is_empty() {
            self.changed.wait(&mut state);
        }
    }

    /// Gives turns to requests that wait at a worker: to those that `choose` names by their places among
    /// all that do.
    pub fn call(&self, worker: usize, choose: impl FnOnce(&[Waiting]) -> Vec<usize>) {
        let state = self.state.lock();
        let Some(waiters) = state.queues.get(&worker) else { return };
        let waiting: Vec<_> = waiters.iter().map(Waiter::seen).collect();
        for index in choose(&waiting) {
            waiters[index].turn.give();
        }
    }
}

impl<'q> Queue<'q> {
    /// Returns it with no more than so many places.
    pub fn within(self, places: u32) -> Self {
        Self { size: self.size.min(places), ..self }
    }

    /// Returns it for requests that wait until they are let in.
    pub fn for_admission(self) -> Self {
        Self { is_for_room: false, ..self }
    }

    /// Takes a place at the end; `None` if the queue is full.
    pub fn enter(self, wish: Wish) -> Option<QueuePlace<'q>> {
        let counts = self.child_counts;
        let own = counts.waiting_within(self.worker, self.size)?;
        let member = match wish {
            Wish::Any => None,
            Wish::Member(_, place) => Some(counts.count_waiting(place)),
        };
        let all = self.is_for_room.then(|| counts.count_queued());
        let turn = Arc::new(Turn::default());
        let mut state = self.queues.state.lock();
        state.last += 1;
        let id = state.last;
        let own_turn = Arc::clone(&turn);
        let waiter = Waiter { id, wish, since: clock::now(), turn: own_turn };
        state.queues.entry(self.worker).or_default().push(waiter);
        self.tell(&state, wish);
        drop(state);
        self.queues.changed.notify_one();
        Some(QueuePlace { queue: self, id, wish, turn, _counts: (own, member, all), rings: true })
    }

    /// Tells the other children since when the oldest request of this one waits here for what `wish` says.
    fn tell(&self, state: &QueueState, wish: Wish) {
        let place = match wish {
            Wish::Any => self.worker,
            Wish::Member(_, place) => place,
        };
        let Some(head) = self.child_counts.queue_heads().and_then(|heads| heads.get(place)) else {
            return;
        };
        let mut waiters = state.queues.get(&self.worker).into_iter().flatten();
        let oldest = waiters.find(|own| own.wish == wish);
        head.store(oldest.map_or(0, |own| own.since.0.max(1)), Relaxed);
    }
}

impl QueuePlace<'_> {
    /// Waits until it is this request's turn to try. Returns whether it is.
    ///
    /// # Errors
    ///
    /// If the client left.
    pub async fn turn(&self, waits: Waits<'_>, deadline: Millis) -> io::Result<bool> {
        waits.turn(&self.turn, deadline).await
    }

    /// The same for as long as it takes, unless a thread has to wait for it.
    ///
    /// # Errors
    ///
    /// If the client left.
    pub async fn turn_while_parked(&self, waits: Waits<'_>) -> io::Result<bool> {
        waits.turn_while_parked(&self.turn).await
    }

    /// Has the turns looked at that may be given by now.
    pub fn ring(&self) {
        futex::ring(self.queue.queues.bell());
    }

    /// Leaves the queue for a place that was free. The others need not look again: each child has called its own share
    /// of what was free then, and looks at the next bell, or soon without one.
    pub fn leave_for_room(mut self) {
        self.rings = false;
    }

    /// Another request was faster: waits again, at the same place.
    pub fn again(&mut self) {
        self.turn = Arc::new(Turn::default());
        let mut state = self.queue.queues.state.lock();
        let waiters = state.queues.get_mut(&self.queue.worker);
        if let Some(own) = waiters.into_iter().flatten().find(|own| own.id == self.id) {
            own.turn = Arc::clone(&self.turn);
        }
    }
}

impl Drop for QueuePlace<'_> {
    fn drop(&mut self) {
        let Queue { queues, worker, .. } = self.queue;
        let mut state = queues.state.lock();
        if let Some(waiters) = state.queues.get_mut(&worker) {
            waiters.retain(|own| own.id != self.id);
            if waiters.is_empty() {
                state.queues.remove(&worker);
            }
        }
        self.queue.tell(&state, self.wish);
        drop(state);
        if self.rings {
            // The next one may be in another child, and has waited for this one.
            futex::ring(queues.bell());
        }
    }
}

impl Waiter {
    fn seen(&self) -> Waiting {
        let member = match self.wish {
            Wish::Any => None,
            Wish::Member(member, _) => Some(member),
        };
        Waiting { member, since: self.since, is_called: self.turn.is_given() }
    }
}
