//! The background thread of a child: idle connections, members in error, names,
//! mount files, decay.
//!
//! It never waits for a single backend: whatever it asks is under way at once, and it sleeps until
//! something of it has come, something is due, or it shall end.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{self, Millis};
use crate::log::{self, Log};
use crate::net::{Interest, waiting};
use crate::worker::background::concurrency::AdaptiveLimits;
use crate::worker::background::dns::LookUps;
use crate::worker::background::health_check::Checks;
use crate::worker::background::idle_ping::Pings;
use crate::worker::background::probe::Prober;
use crate::worker::background::replies;
use crate::worker::background::undying::again_after_panics;
use crate::worker::mounts::reload::MountFiles;
use crate::worker::overrides::current::RuntimeConfig;
use crate::worker::state_events;
use crate::worker::workers::Workers;

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
        runtime_config: Arc<RuntimeConfig>,
        mounts: Arc<MountFiles>,
        interval: Duration,
        log: Option<Arc<Log>>,
    ) -> std::io::Result<Self> {
        let (bell, bell_end) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        bell_end.set_nonblocking(true)?;
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let thread =
            std::thread::Builder::new().name("jk-watchdog".to_owned()).spawn(move || {
                let lines = log.clone();
                log::within_as(lines.as_ref(), "WATCHDOG", || {
                    again_after_panics(&is_over, AFTER_PANIC, || {
                        Duty::new(interval, log.clone(), &is_over, &bell_end)
                            .run(&runtime_config, &mounts);
                    });
                });
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
struct Duty<'t> {
    interval: Duration,
    log: Option<Arc<Log>>,
    stop: &'t AtomicBool,
    bell: &'t UnixStream,
    prober: Prober,
    checks: Checks,
    pings: Pings,
    look_ups: LookUps,
    limits: AdaptiveLimits,
}

impl<'t> Duty<'t> {
    fn new(
        interval: Duration,
        log: Option<Arc<Log>>,
        stop: &'t AtomicBool,
        bell: &'t UnixStream,
    ) -> Self {
        Self {
            interval,
            log,
            stop,
            bell,
            prober: Prober::default(),
            checks: Checks::default(),
            pings: Pings::default(),
            look_ups: LookUps::default(),
            limits: AdaptiveLimits::default(),
        }
    }

    fn run(mut self, runtime_config: &RuntimeConfig, mounts: &MountFiles) {
        let mut last_round = clock::now();
        let (mut this_tick, mut next_tick) = (last_round, last_round.plus(TICK));
        let mut counts = Vec::new();
        let (mut ticks, mut is_leader) = (0_u64, false);
        loop {
            self.wait(next_tick);
            if self.stop.load(Relaxed) {
                return;
            }
            let (now, workers) = (clock::now(), &*runtime_config.current());
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
            let last_tick = std::mem::replace(&mut this_tick, now);
            next_tick = now.plus(TICK);
            ticks += 1;
            let was_leader = is_leader;
            is_leader = lead(workers, now);
            if is_leader && !was_leader {
                runtime_config.remove_stale();
            }
            if is_leader {
                self.prober.plan(workers, now);
                self.checks.plan(workers, now);
                if ticks % 8 == 0 {
                    // httpd's parent does it at once; this is for a parent that is gone or busy.
                    workers.child_counts.release_lost();
                }
                workers.child_counts.reconcile(&mut counts);
                keep_samples(workers, now);
                self.limits.look(workers, now);
                if ticks % TICKS_A_LOOK == 0 {
                    replies::report(workers);
                }
                if was_leader {
                    state_events::keep_drained(workers, (last_tick, now));
                }
            } else {
                self.prober.rest();
                self.checks.rest();
                self.limits.rest();
            }
            mounts.look(now, is_leader);
            report_pools(workers);
            log::flush();
            self.pings.plan(workers, now);
            let is_round = now.since(last_round) >= self.interval;
            self.look_ups.plan(workers, self.log.as_ref(), is_round, is_leader, now);
            if is_round {
                last_round = now;
                for ajp in workers.backends() {
                    ajp.report_unsolicited(ajp.pool.maintain(now));
                }
                if is_leader {
                    decay(workers, now, self.interval);
                }
            }
        }
    }

    /// Sleeps until there is something to do, at most until `tick`.
    fn wait(&mut self, tick: Millis) {
        let deadlines =
            [self.prober.next_deadline(), self.checks.next_deadline(), self.pings.next_deadline()];
        let next_deadline = deadlines.into_iter().flatten().fold(tick, Millis::min);
        let bell: (BorrowedFd<'_>, Interest) = (self.bell.as_fd(), Interest::Read);
        let polled = self
            .prober
            .poll_interest()
            .chain(self.checks.poll_interest())
            .chain(self.pings.poll_interest());
        let wanted = std::iter::once(bell).chain(polled);
        waiting::for_any(wanted, next_deadline.since(clock::now()));
        // The bell rings once, but if it were not emptied, `poll` would return for ever.
        let _ = self.bell.read(&mut [0; 8]);
    }
}

/// Tells the others how many connections this child has.
fn report_pools(workers: &Workers) {
    workers.for_each_record(|ajp, record_index| {
        let (idle, in_use) = ajp.pool.counts();
        workers.child_counts.set_pool(record_index, idle + in_use, idle);
    });
}

/// Keeps the counters of each worker, where it is time.
fn keep_samples(workers: &Workers, now: Millis) {
    let segment = workers.records.segment;
    workers.for_each_record(|_, record_index| {
        let samples = segment.samples(record_index);
        let busy = segment.member(record_index).busy.load(Relaxed).into();
        let (is_due, is_moving) = (samples.is_due(now), samples.silence.is_due(busy));
        if is_moving {
            samples.silence.note(&workers.child_counts.totals(record_index), busy, now);
        }
        if is_due {
            let outages = segment.member(record_index).outages.get();
            samples.keep(&workers.child_counts.totals(record_index), outages, now);
        }
    });
}

/// One process of the machine leads; a leader that does not renew its lease loses it. A child of an
/// older configuration gives way.
fn lead(workers: &Workers, now: Millis) -> bool {
    let header = workers.records.segment.header();
    let me = std::process::id();
    if workers.records.are_outdated() {
        header.lease.give_up(me);
        return false;
    }
    header.lease.take(me, now, LEASE)
}

fn decay(workers: &Workers, now: Millis, interval: Duration) {
    let header = workers.records.segment.header();
    let last = Millis(header.decayed_ms.swap(now.0, Relaxed));
    let rounds = match last.0 {
        0 => 1,
        _ => now.since(last).as_millis() / interval.as_millis().max(1),
    };
    let rounds = u64::try_from(rounds).unwrap_or(u64::MAX);
    for lb in workers.balancers() {
        lb.balancer.decay(&lb.records, rounds, now);
    }
}

/// How often the thread runs its checks. A member that failed is noticed then.
const TICK: Duration = Duration::from_millis(500);

/// How many of them pass between two looks at the replies of all workers.
const TICKS_A_LOOK: u64 = 10;

/// How long a leader may stay silent. It never waits for a backend, so more than four ticks mean
/// that it is gone, or frozen.
const LEASE: Duration = Duration::from_millis(2_000);

/// How long the thread rests after a panic: a defect that meets it at each tick must not fill the log.
const AFTER_PANIC: Duration = Duration::from_millis(500);

/// How long the end of a child may wait for the thread, which is asleep or nearly so. Only a thread
/// that wants a lock of an interrupted request takes longer, and it would take for ever.
const STOP_LIMIT: Duration = Duration::from_millis(1_000);
const NAP: Duration = Duration::from_millis(2);
