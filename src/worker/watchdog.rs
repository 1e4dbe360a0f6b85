//! The background thread of a child: idle connections, recovery of members, decay.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

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
        workers: Arc<Workers>,
        interval: Duration,
        log: Option<Arc<Log>>,
    ) -> std::io::Result<Self> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let seen = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("jk-watchdog".to_owned()).spawn(move || {
                log::within(log.as_ref(), || run(&workers, interval, &seen));
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

fn run(workers: &Workers, interval: Duration, stop: &(Mutex<bool>, Condvar)) {
    let mut last_round = clock::now();
    loop {
        {
            let mut stopped = stop.0.lock();
            if !*stopped {
                stop.1.wait_for(&mut stopped, TICK);
            }
            if *stopped {
                return;
            }
        }
        let now = clock::now();
        let is_leader = lead(workers, now);
        if is_leader {
            recover(workers, now);
        }
        if now.since(last_round) >= interval {
            last_round = now;
            for worker in workers.iter() {
                match worker {
                    Worker::Ajp13(ajp, _) => ajp.pool.maintain(now),
                    Worker::Lb(lb) => lb.members.iter().for_each(|ajp| ajp.pool.maintain(now)),
                    Worker::Status(_) => {}
                }
            }
            if is_leader {
                decay(workers, now, interval);
            }
        }
    }
}

/// One process of the machine leads; a leader without a sign of life loses its place.
fn lead(workers: &Workers, now: Millis) -> bool {
    let header = workers.segment.header();
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
        let records = &workers.segment.members()[lb.first_member..];
        let records = &records[..lb.members.len()];
        for (ajp, record) in lb.members.iter().zip(records) {
            let is_stuck = MemberState::of(record) == MemberState::Force;
            if MemberState::of(record) != MemberState::Error && !is_stuck {
                continue;
            }
            let answered = ajp.probe().is_ok();
            if answered || recover_due(record, &lb.balancer.policy, now) {
                level(record, records.iter());
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
    let header = workers.segment.header();
    let last = Millis(header.decayed_ms.swap(now.0, Relaxed));
    let rounds = match last.0 {
        0 => 1,
        _ => now.since(last).as_millis() / interval.as_millis().max(1),
    };
    let shift = u32::try_from(rounds).unwrap_or(64);
    for worker in workers.iter() {
        let Worker::Lb(lb) = worker else { continue };
        let records = &workers.segment.members()[lb.first_member..];
        let records = &records[..lb.members.len()];
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
