//! The background thread of a child: idle connections, members in error, names,
//! mount files, decay.
//!
//! It never waits for a single container: whatever it asks is under way at once, and it sleeps until
//! something of it has come, something is due, or it shall end.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::checks::Checks;
use super::live::Live;
use super::lookups::LookUps;
use super::mounts::MountFiles;
use super::pings::Pings;
use super::prober::{Prober, balancers};
use super::workers::{Worker, Workers};
use crate::clock::{self, Millis};
use crate::log::{self, Log};
use crate::net::{Wanted, wait_any};

/// The thread of this child.
#[derive(Debug)]
pub struct Watchdog {
    stop: Arc<AtomicBool>,
    bell: UnixStream,
    thread: JoinHandle<()>,
}

impl Watchdog {
    /// Starts the thread. `interval` is the time between rounds of idle closing and decay.
    ///
    /// # Errors
    ///
    /// If the system has no thread or descriptor left.
    pub fn start(
        live: Arc<Live>,
        mounts: Arc<MountFiles>,
        interval: Duration,
        log: Option<Arc<Log>>,
    ) -> std::io::Result<Self> {
        let (bell, heard) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        heard.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let duty = Duty {
            interval,
            log,
            stop: Arc::clone(&stop),
            bell: heard,
            prober: Prober::default(),
            checks: Checks::default(),
            pings: Pings::default(),
            look_ups: LookUps::default(),
        };
        let thread =
            std::thread::Builder::new().name("jk-watchdog".to_owned()).spawn(move || {
                let log = duty.log.clone();
                log::within_as(log.as_ref(), "WATCHDOG", || duty.run(&live, &mounts));
            })?;
        Ok(Self { stop, bell, thread })
    }

    /// Ends the thread and waits for it, though not for ever. Returns whether it has ended.
    ///
    /// A prefork child runs this in a signal handler, perhaps in the middle of a request of its own:
    /// it allocates and frees nothing, and a lock that the request holds cannot hang it.
    pub fn stop(&self) -> bool {
        self.stop.store(true, Relaxed);
        let ring = || (&self.bell).write(&[0]).is_ok();
        // Without a bell it hears of it at its next tick.
        ring();
        (0..STOP_LIMIT.as_millis() / NAP.as_millis()).any(|_| {
            self.thread.is_finished() || {
                std::thread::sleep(NAP);
                false
            }
        })
    }
}

/// What the thread does, and how far it is.
struct Duty {
    interval: Duration,
    log: Option<Arc<Log>>,
    stop: Arc<AtomicBool>,
    bell: UnixStream,
    prober: Prober,
    checks: Checks,
    pings: Pings,
    look_ups: LookUps,
}

impl Duty {
    fn run(mut self, live: &Live, mounts: &MountFiles) {
        let mut last_round = clock::now();
        let mut next_tick = last_round.plus(TICK);
        let mut counts = Vec::new();
        let (mut ticks, mut is_leader) = (0_u64, false);
        loop {
            self.wait(next_tick);
            if self.stop.load(Relaxed) {
                return;
            }
            let (now, workers) = (clock::now(), &*live.current());
            self.prober.advance(workers, now);
            self.checks.advance(workers, now);
            self.pings.advance(now);
            if now < next_tick {
                if is_leader {
                    self.prober.plan(workers, now);
                    self.checks.plan(workers, now);
                }
                continue;
            }
            next_tick = now.plus(TICK);
            ticks += 1;
            let was_leader = is_leader;
            is_leader = lead(workers, now);
            if is_leader && !was_leader {
                live.prune();
            }
            if is_leader {
                self.prober.plan(workers, now);
                self.checks.plan(workers, now);
                if ticks % 8 == 0 {
                    // httpd's parent does it at once; this is for a parent that is gone or busy.
                    workers.shares.release_lost();
                }
                workers.shares.reconcile(&mut counts);
            } else {
                self.prober.rest();
                self.checks.rest();
            }
            mounts.look(now, is_leader);
            report_pools(workers);
            log::flush();
            self.pings.plan(workers, now);
            let is_round = now.since(last_round) >= self.interval;
            self.look_ups.plan(workers, self.log.as_ref(), is_round, now);
            if is_round {
                last_round = now;
                for ajp in workers.containers() {
                    ajp.report_strays(ajp.pool.maintain(now));
                }
                if is_leader {
                    decay(workers, now, self.interval);
                }
            }
        }
    }

    /// Sleeps until there is something to do, at most until `tick`.
    fn wait(&mut self, tick: Millis) {
        let dues = [self.prober.due(), self.checks.due(), self.pings.due()];
        let due = dues.into_iter().flatten().fold(tick, Millis::min);
        let bell: (BorrowedFd<'_>, Wanted) = (self.bell.as_fd(), Wanted::Read);
        let asked = self.prober.wants().chain(self.checks.wants()).chain(self.pings.wants());
        let wanted = std::iter::once(bell).chain(asked);
        wait_any(wanted, due.since(clock::now()));
        // Nobody rings twice, but a bell that was not emptied would ring for ever.
        let _ = self.bell.read(&mut [0; 8]);
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

/// One process of the machine leads; a leader without a sign of life loses its place. A child of an
/// older configuration gives way.
fn lead(workers: &Workers, now: Millis) -> bool {
    let header = workers.places.segment.header();
    let me = std::process::id();
    let leader = header.leader.load(Relaxed);
    if header.configuration.load(Relaxed) != workers.places.configuration {
        let _ = header.leader.compare_exchange(me, 0, Relaxed, Relaxed);
        return false;
    }
    let is_mine = leader == me
        || ((leader == 0 || now.0 > header.lease_ms.load(Relaxed))
            && header.leader.compare_exchange(leader, me, Relaxed, Relaxed).is_ok());
    if is_mine {
        header.lease_ms.store(now.plus(LEASE).0, Relaxed);
    }
    is_mine
}

fn decay(workers: &Workers, now: Millis, interval: Duration) {
    let header = workers.places.segment.header();
    let last = Millis(header.decayed_ms.swap(now.0, Relaxed));
    let rounds = match last.0 {
        0 => 1,
        _ => now.since(last).as_millis() / interval.as_millis().max(1),
    };
    let rounds = u64::try_from(rounds).unwrap_or(u64::MAX);
    for lb in balancers(workers) {
        lb.balancer.decay(&lb.records, rounds);
    }
}

/// How often the thread looks around. Whoever went into error is noticed then.
const TICK: Duration = Duration::from_millis(500);

/// How long a leader may stay silent. It never waits for a container, so more than four ticks mean
/// that it is gone, or frozen.
const LEASE: Duration = Duration::from_millis(2_000);

/// How long the end of a child may wait for the thread, which is asleep or nearly so. Only a thread
/// that wants a lock of an interrupted request takes longer, and it would take for ever.
const STOP_LIMIT: Duration = Duration::from_millis(1_000);
const NAP: Duration = Duration::from_millis(2);
