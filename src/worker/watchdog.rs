//! The background thread of a child: idle connections, recovery of members, decay.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::ajp13::{Ajp13, PROBE_LIMIT};
use super::live::Live;
use super::workers::{Worker, Workers};
use crate::clock::{self, Millis};
use crate::lb::{MemberState, Method, level, recover_due};
use crate::log::{self, Log};

/// Stops the thread when dropped.
#[derive(Debug)]
pub struct Watchdog {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Watchdog {
    /// Starts the thread. `interval` is the time between rounds of idle closing and decay.
    ///
    /// # Errors
    ///
    /// If the system has no thread left.
    pub fn start(
        live: Arc<Live>,
        interval: Duration,
        log: Option<Arc<Log>>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("jk-watchdog".to_owned()).spawn(move || {
                log::within(log.as_ref(), || run(&live, interval, &seen));
            })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked is gone as well.
            let _ = thread.join();
        }
    }
}

fn run(live: &Live, interval: Duration, stop: &(Mutex<bool>, Condvar)) {
    let mut last_round = clock::now();
    let mut counts = Vec::new();
    for ticks in 1_u64.. {
        {
            let mut stopped = stop.0.lock();
            if !*stopped {
                stop.1.wait_for(&mut stopped, TICK);
            }
            if *stopped {
                return;
            }
        }
        let (now, workers) = (clock::now(), &*live.current());
        let is_leader = lead(workers, now);
        if is_leader {
            recover(workers, now);
            if ticks % 8 == 0 {
                // httpd's parent does it at once; this is for a parent that is gone or busy.
                workers.shares.release_lost();
            }
            workers.shares.reconcile(&mut counts);
        }
        report_pools(workers);
        let is_round = now.since(last_round) >= interval;
        for ajp in workers.containers().filter(|ajp| ajp.config.port != 0) {
            ping_idle(ajp, now);
            if ajp.pool.target().wants_look_up() || is_round {
                look_up(ajp);
            }
        }
        if is_round {
            last_round = now;
            for ajp in workers.containers() {
                ajp.report_strays(ajp.pool.maintain(now));
            }
            if is_leader {
                decay(workers, now, interval);
            }
        }
    }
}

/// Asks connections for a sign of life that have been idle for `connection_ping_interval`. Without
/// such an interval one connection is asked once, to learn whether the container answers at all:
/// only then can a response it has given up be told from a slow one.
fn ping_idle(ajp: &Ajp13, now: Millis) {
    let learns = ajp.learned.wants_trial();
    let silence = match ajp.config.connection_ping_interval {
        Some(interval) => interval,
        None if learns => Duration::ZERO,
        None => return,
    };
    let limit = ajp.config.ping_timeout.min(PROBE_LIMIT);
    while let Some(mut lease) = ajp.pool.take_silent(now, silence) {
        ajp.learned.tried();
        match lease.cping(clock::now(), limit) {
            Ok(()) => {
                ajp.learned.answered_cping();
                lease.keep();
            }
            Err(why) => {
                drop(lease);
                tracing::info!(
                    "JK-304 worker {} at {}: an idle connection does not answer: {why}; it is closed",
                    ajp.name,
                    ajp.pool.target().name()
                );
                if why.is_timeout() {
                    // The others would only add their silence; requests open new ones.
                    ajp.pool.close_idle();
                }
            }
        }
        if ajp.config.connection_ping_interval.is_none() {
            return;
        }
    }
}

/// Tells the others how many connections this child has.
fn report_pools(workers: &Workers) {
    let report = |ajp: &Ajp13, place: usize| {
        let (idle, in_use) = ajp.pool.counts();
        workers.shares.set_pool(place, idle + in_use, idle);
    };
    for worker in workers.iter() {
        match worker {
            Worker::Ajp13(ajp, place) => report(ajp, *place),
            Worker::Lb(lb) => {
                lb.members.iter().zip(&lb.places).for_each(|(ajp, p)| report(ajp, *p))
            }
            Worker::Status(_) => {}
        }
    }
}

/// Looks the name of a container up again.
fn look_up(ajp: &Ajp13) {
    let target = ajp.pool.target();
    match target.look_up() {
        Ok(false) => {}
        Ok(true) => {
            tracing::info!(
                "JK-319 worker {} at {}: the name has other addresses now; new connections go there",
                ajp.name,
                target.name()
            );
            ajp.pool.close_all();
        }
        Err(why) => tracing::debug!("worker {} at {}: {why}", ajp.name, target.name()),
    }
}

/// One process of the machine leads; a leader without a sign of life loses its place.
fn lead(workers: &Workers, now: Millis) -> bool {
    let header = workers.places.segment.header();
    let me = std::process::id();
    let leader = header.leader.load(Relaxed);
    let is_mine = leader == me
        || (now.0 > header.lease_ms.load(Relaxed)
            && header.leader.compare_exchange(leader, me, Relaxed, Relaxed).is_ok());
    if is_mine {
        header.lease_ms.store(now.plus(LEASE).0, Relaxed);
    }
    is_mine
}

/// Asks members in error for a sign of life, so that no request has to find out.
fn recover(workers: &Workers, now: Millis) {
    for worker in workers.iter() {
        let Worker::Lb(lb) = worker else { continue };
        let records = &lb.records;
        for ((ajp, record), place) in lb.members.iter().zip(records).zip(&lb.places) {
            let is_stuck = MemberState::of(record) == MemberState::Force;
            if MemberState::of(record) != MemberState::Error && !is_stuck {
                continue;
            }
            let answered = ajp.probe().is_ok();
            let shard = workers.shares.shard(*place);
            let counter = if answered { &shard.probes_ok } else { &shard.probes_failed };
            counter.fetch_add(1, Relaxed);
            if answered || recover_due(record, &lb.balancer.policy, now) {
                level(record, records.iter().copied());
                if answered {
                    tracing::info!(
                        "JK-403 balancer {}: member {} answers again and is back in service",
                        lb.name,
                        ajp.name
                    );
                }
            }
        }
    }
}

fn decay(workers: &Workers, now: Millis, interval: Duration) {
    let header = workers.places.segment.header();
    let last = Millis(header.decayed_ms.swap(now.0, Relaxed));
    let rounds = match last.0 {
        0 => 1,
        _ => now.since(last).as_millis() / interval.as_millis().max(1),
    };
    let shift = u32::try_from(rounds).unwrap_or(64);
    for worker in workers.iter() {
        let Worker::Lb(lb) = worker else { continue };
        let records = &lb.records;
        let least = records
            .iter()
            .filter(|record| MemberState::of(record).is_usable())
            .map(|record| record.lb_value.load(Relaxed))
            .min()
            .unwrap_or(0);
        for record in records {
            let decayed = |value: u64| match lb.balancer.method {
                Method::Busyness => value,
                Method::Next => value.saturating_sub(least),
                Method::Request | Method::Session | Method::Traffic => {
                    value.checked_shr(shift).unwrap_or(0)
                }
            };
            let _ = record.lb_value.fetch_update(Relaxed, Relaxed, |value| Some(decayed(value)));
            let _ = record.reply_timeouts.fetch_update(Relaxed, Relaxed, |count| {
                Some(count.checked_shr(shift).unwrap_or(0))
            });
        }
    }
}

/// How often members in error are asked.
const TICK: Duration = Duration::from_millis(500);

/// How long a leader may stay silent; a probe of every member may take a while.
const LEASE: Duration = Duration::from_secs(10);
