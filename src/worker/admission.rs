//! How many requests are at the backends at once where nothing is said of `JkAsync`: as many as httpd has threads
//! (`MaxRequestWorkers`). Without parking the threads are the limit that each site has, and `maxThreads` of a Tomcat, or
//! its number of connections, was chosen by it. A request beyond that waits without a thread. Workers that have a
//! backend in common have one limit in common; one with a queue has none, as its members have limits.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::config::{WorkerConfig, WorkersConfig};
use crate::lb::queue::{Waiting, own_share};
use crate::messages::MessageCode::JK331;
use crate::net::waiting::Waits;
use crate::worker::Downstream;
use crate::worker::in_flight::{AdmissionCounters, ChildCounts, RoomGuard};
use crate::worker::queue::{Queues, Wish};

/// The limits, one for each group of workers.
#[derive(Debug, Default)]
pub struct Admissions {
    /// By the number of a worker, as [`Capacity::workers`](crate::shm::Capacity::workers) counts.
    by_worker: Vec<Option<Arc<BackendGroup>>>,
}

/// Workers with common backends.
#[derive(Debug)]
struct BackendGroup {
    /// Most requests at once.
    most: u32,
    /// The first of the workers. Requests of all of them count with it.
    first: usize,
    counters: AdmissionCounters,
    /// Their numbers.
    workers: Vec<usize>,
    /// Their names.
    names: Vec<String>,
    /// When this child said last that requests wait; 0 for never.
    said: AtomicU64,
}

impl Admissions {
    /// Makes those of a configuration where httpd has so many `threads` in all; none if that is not known, and 0.
    /// `number` is that of a worker by its name.
    pub fn new(
        config: &WorkersConfig,
        threads: u32,
        counts: &ChildCounts,
        number: impl Fn(&str) -> Option<usize>,
    ) -> Self {
        let mut by_worker = Vec::new();
        let has_queue =
            |name: &&&str| config.workers.get(**name).is_some_and(WorkerConfig::has_queue);
        for names in config.groups_by_backend() {
            let names = names.iter().filter(|name| !has_queue(name));
            let numbers = names.filter_map(|name| Some((number(name)?, (*name).to_owned())));
            let (workers, names): (Vec<_>, Vec<_>) = numbers.unzip();
            let Some(&first) = workers.first().filter(|_| threads > 0) else { continue };
            let (most, counters) = (threads, counts.admission_counters(first));
            let said = AtomicU64::new(0);
            let group = Arc::new(BackendGroup { most, first, counters, workers, names, said });
            for number in &group.workers {
                if by_worker.len() <= *number {
                    by_worker.resize(number + 1, None);
                }
                by_worker[*number] = Some(Arc::clone(&group));
            }
        }
        Self { by_worker }
    }

    /// Returns the limit of a worker by its number, if it has one.
    #[inline]
    pub fn of<'w>(
        &'w self,
        worker: usize,
        counts: &'w ChildCounts,
        queues: &'w Queues,
    ) -> Option<Admission<'w>> {
        let group = self.by_worker.get(worker)?.as_ref()?;
        Some(Admission { group, worker, counts, queues })
    }
}

/// The limit of a worker.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'w> {
    group: &'w BackendGroup,
    worker: usize,
    counts: &'w ChildCounts,
    queues: &'w Queues,
}

impl Admission<'_> {
    /// Lets a request in at once, if there is room beside those that wait.
    #[inline]
    pub fn admit(&self, waits: Waits<'_>) -> Option<RoomGuard> {
        let BackendGroup { most, counters, .. } = *self.group;
        let most = if waits.can_park() { most } else { most / 2 };
        self.counts.admit_within(counters, most.saturating_sub(counters.unadmitted()))
    }

    /// Lets a request in after others. One that cannot be parked holds a thread, which is its place: it counts without
    /// waiting if less than half of all places are taken, as HTTP/2 has threads of its own and would keep all others out.
    ///
    /// # Errors
    ///
    /// If the client has left.
    #[cold]
    pub async fn admit_later<D: Downstream>(
        &self,
        downstream: &D,
        waits: Waits<'_>,
    ) -> io::Result<Option<RoomGuard>> {
        let BackendGroup { most, counters, first, .. } = *self.group;
        let at_once = || self.counts.admit_within(counters, most / 2);
        if !waits.can_park() {
            return Ok(at_once());
        }
        let _waiting = self.counts.count_unadmitted(first);
        // Without the thread that gives turns it would wait in vain.
        let queue = self.queues.of(self.counts, self.worker, u32::MAX, Duration::MAX);
        let Some(mut place) = queue.and_then(|queue| queue.for_admission().enter(Wish::Any)) else {
            return Ok(at_once());
        };
        match self.free() {
            0 => self.say(downstream),
            // One may have ended before this request was counted, and did not ring then.
            _ => place.ring(),
        }
        loop {
            if !place.turn_while_parked(waits).await? {
                return Ok(at_once());
            }
            match self.counts.admit_within(counters, most) {
                None => place.again(),
                admitted => {
                    place.leave_for_room();
                    return Ok(admitted);
                }
            }
        }
    }

    /// Tells whether any request may be let in.
    pub fn has_room(&self) -> bool {
        self.free() > 0
    }

    /// Returns the indexes of those of this child's `waiting` that may be let in now, the oldest first. Now and then it
    /// `is_due` to call one whatever other children have: they may be halted.
    pub fn called(&self, waiting: &[Waiting], is_due: bool) -> Vec<usize> {
        let BackendGroup { counters, workers, .. } = self.group;
        own_share(waiting, self.free(), counters.unadmitted(), |since| match is_due {
            true => 0,
            false => self.counts.older_elsewhere(workers, self.worker, since),
        })
    }

    fn free(&self) -> u32 {
        self.group.most.saturating_sub(self.group.counters.admitted())
    }

    /// Says now and then that requests wait.
    fn say<D: Downstream>(&self, downstream: &D) {
        let (now, said) = (clock::now(), self.group.said.load(Relaxed));
        if said != 0 && now.since(Millis(said)) < SAY_AGAIN {
            return;
        }
        self.group.said.store(now.0.max(1), Relaxed);
        let mut named = self.group.workers.iter().zip(&self.group.names);
        let worker = named.find(|(number, _)| **number == self.worker).map_or("", |(_, name)| name);
        let (most, request) = (self.group.most, downstream.label());
        tracing::warn!(
            worker,
            request,
            "{JK331} worker {worker}: {request}: its backends have {most} requests, as many as httpd has threads (MaxRequestWorkers), so that this one and further ones wait, each until another one has ended; find out why the backends are slow, and set reply_timeout so that requests of one that hangs end; JkAsync Auto lets more requests through, which busy_limit must limit then"
        );
    }
}

/// How often each child says that requests wait.
const SAY_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, resolve};
    use crate::net::Gate;
    use crate::net::waiting::Parking;
    use crate::worker::workers::{Processes, Workers};

    #[test]
    fn workers_with_a_common_backend_have_their_places_in_common() {
        let mut properties = Properties::default();
        let text = "worker.list=d,a,b,c\nworker.a.port=1\nworker.b.port=1\nworker.c.port=2\n\
            worker.d.port=1\nworker.d.queue_size=1\n";
        assert!(properties.read(text, "w", &|_| None).is_empty());
        let (config, _) = resolve(&properties);
        let size = Processes { children: 1, threads: 2, most_idle: None };
        let workers = Workers::build(&config, size, None).expect("memory");
        let of = |name| workers.admission(workers.get(name).expect("a worker"));
        let gate = Box::leak(Box::new(Gate::start(1, None).expect("a thread")));
        let parking = Parking::new(Duration::ZERO, gate);
        let admit = |own: &Admission<'_>| own.admit(Waits::Parked(&parking));
        assert!(of("d").is_none(), "it has a queue");
        let (a, b, c) = (of("a"), of("b"), of("c"));
        let [Some(a), Some(b), Some(c)] = [a, b, c] else { panic!("each has a limit") };
        let (first, second) = (admit(&a), admit(&b));
        assert!(first.is_some() && second.is_some());
        assert!(admit(&a).is_none() && admit(&c).is_some());
        assert_eq!((b.free(), c.free()), (0, 2));
        drop(first);
        assert_eq!(a.free(), 1);
        assert!(admit(&b).is_some());
        drop(second);
        let waits = a.counts.count_unadmitted(a.group.first);
        let (one, two) = (admit(&a), admit(&b));
        assert!(one.is_some() && two.is_none(), "a place is left for the one that waits");
        drop((one, waits));
        assert!(admit(&a).is_some_and(|_| admit(&b).is_some()));
    }

    #[test]
    fn requests_that_hold_a_thread_count_for_half_of_the_places_and_never_wait() {
        let mut properties = Properties::default();
        assert!(properties.read("worker.list=a\n", "w", &|_| None).is_empty());
        let (config, _) = resolve(&properties);
        let size = Processes { children: 1, threads: 4, most_idle: None };
        let workers = Workers::build(&config, size, None).expect("memory");
        let a = workers.admission(workers.get("a").expect("a worker")).expect("a limit");
        let held: Vec<_> = (0..9).filter_map(|_| a.admit(Waits::InThread)).collect();
        assert_eq!((held.len(), a.free()), (2, 2));
        drop(held);
        assert_eq!(a.free(), 4);
    }

    #[test]
    fn what_is_not_known_is_no_limit() {
        let (config, _) = resolve(&Properties::default());
        let size = Processes { children: 1, threads: 0, most_idle: None };
        let workers = Workers::build(&config, size, None).expect("memory");
        let ajp13 = workers.get("ajp13").expect("the worker that there is without any");
        assert!(workers.admission(ajp13).is_none());
    }
}
