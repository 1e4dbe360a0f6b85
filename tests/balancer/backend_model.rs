//! A backend with so many threads that lets all other requests wait, as Tomcat does, in simulated time: the
//! real law of the adaptive limit before it, over the histogram that children keep.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use mod_jk::clock::Millis;
use mod_jk::lb::adaptive_limit::{AdaptiveLimit, KeptLimit, LatencyWindow, MOST};
use mod_jk::metrics::{BUCKETS_US, HistogramTotals};

use crate::random::Random;

pub const SECOND: u64 = 1_000_000;

/// A time with this mean, as those between independent requests.
fn exponential(random: &mut Random, mean: f64) -> f64 {
    -mean * (1.0 - random.share()).ln()
}

/// How long a thread of the backend works on a request, in microseconds.
#[derive(Clone, Copy, Debug)]
pub enum Work {
    /// Always the same.
    Even(f64),
    /// As for independent requests.
    Exponential(f64),
    /// Pages, and of a hundred requests so many that take twenty times as long.
    Mixed(f64, f64),
}

impl Work {
    fn draw(self, random: &mut Random) -> f64 {
        match self {
            Self::Even(us) => us,
            Self::Exponential(mean) => exponential(random, mean),
            Self::Mixed(us, slow) => {
                let us = us * (0.5 + random.share());
                if random.share() * 100.0 < slow { us * 20.0 } else { us }
            }
        }
    }

    /// Its mean.
    pub fn mean(self) -> f64 {
        match self {
            Self::Even(us) | Self::Exponential(us) => us,
            Self::Mixed(us, slow) => us * (1.0 + 0.19 * slow),
        }
    }

    /// The time within which 99 of 100 requests are served where none waits.
    pub fn p99(self) -> f64 {
        let mut random = Random(99);
        percentile((0..20_000).map(|_| self.draw(&mut random)).collect(), 99)
    }
}

/// What a backend is from a moment on.
#[derive(Clone, Copy, Debug)]
pub struct Stretch {
    pub from_s: u64,
    pub threads: usize,
    pub work: Work,
    /// Requests a second that come.
    pub rate: f64,
    /// How many of a hundred are answered at once with an error.
    pub failing: f64,
    /// Whether it stands still: a garbage collection.
    pub is_paused: bool,
}

impl Stretch {
    /// The requests a second that it can serve.
    pub fn capacity(&self) -> f64 {
        self.threads as f64 * SECOND as f64 / self.work.mean()
    }
}

/// What has come of a run.
pub struct Run {
    /// When each request was answered, and what that had taken the backend.
    pub served: Vec<(u64, f64)>,
    /// The limit at each tick, twice a second.
    pub limits: Vec<u32>,
}

impl Run {
    /// Requests served a second between two seconds.
    pub fn goodput(&self, from_s: u64, to_s: u64) -> f64 {
        self.between(from_s, to_s).count() as f64 / (to_s - from_s) as f64
    }

    /// The time within which 99 of 100 of them were served.
    pub fn p99(&self, from_s: u64, to_s: u64) -> f64 {
        percentile(self.between(from_s, to_s).collect(), 99)
    }

    /// The limit at a second.
    pub fn limit(&self, at_s: u64) -> u32 {
        self.limits[at_s as usize * 2]
    }

    fn between(&self, from_s: u64, to_s: u64) -> impl Iterator<Item = f64> {
        let span = from_s * SECOND..to_s * SECOND;
        self.served.iter().filter(move |(at, _)| span.contains(at)).map(|(_, took)| *took)
    }
}

fn percentile(mut of: Vec<f64>, percent: usize) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() * percent / 100).copied().unwrap_or(0.0)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Happens {
    Arrival,
    Done { sent: u64, is_bad: bool, thread: bool },
    Tick,
}

/// How requests are kept from a backend.
#[derive(Clone, Copy, PartialEq)]
pub enum Guard {
    /// All are sent.
    Nothing,
    /// By the law, and what finds no room is refused.
    Adaptive,
    /// By the law, and so many wait for room.
    WithQueue(usize),
}

/// Runs a backend for so many seconds.
pub fn run(stretches: &[Stretch], seconds: u64, guard: Guard, seed: u64) -> Run {
    let mut random = Random(seed);
    let mut law = AdaptiveLimit::new(KeptLimit::default(), Millis(0));
    let mut run = Run { served: Vec::new(), limits: Vec::new() };
    let mut events =
        BinaryHeap::from([Reverse((0, Happens::Arrival)), Reverse((0, Happens::Tick))]);
    let (mut inside, mut busy, mut in_flight, mut queue) = (VecDeque::new(), 0, 0_u32, 0_usize);
    let (mut seen, mut times) = (LatencyWindow::default(), HistogramTotals::default());
    while let Some(Reverse((now, event))) = events.pop() {
        if now >= seconds * SECOND {
            break;
        }
        let own = stretches.iter().rev().find(|own| own.from_s * SECOND <= now).unwrap();
        let limit = if guard == Guard::Nothing { u32::MAX } else { law.limit() };
        let mut sent = 0;
        match event {
            Happens::Arrival => {
                let next = now + exponential(&mut random, SECOND as f64 / own.rate) as u64 + 1;
                events.push(Reverse((next, Happens::Arrival)));
                seen.was_full |= in_flight + 1 >= limit;
                if in_flight < limit && queue == 0 {
                    sent = 1;
                } else if let Guard::WithQueue(size) = guard {
                    queue = size.min(queue + 1);
                }
            }
            Happens::Done { sent, is_bad, thread } => {
                in_flight -= 1;
                busy -= usize::from(thread);
                let took = now - sent;
                seen.answers += 1;
                seen.bad += u64::from(is_bad);
                times.buckets[BUCKETS_US.partition_point(|bound| *bound < took)] += 1;
                times.sum_us += took;
                if !is_bad {
                    run.served.push((now, took as f64));
                }
            }
            Happens::Tick => {
                events.push(Reverse((now + SECOND / 2, Happens::Tick)));
                seen.in_flight = seen.in_flight.max(in_flight);
                let at = Millis(now / 1000);
                if law.is_due(seen.answers, at) {
                    seen.latency_us = times.ordinary_us(0).unwrap_or(0);
                    law.learn(&seen, MOST, at);
                    (seen, times) = Default::default();
                }
                run.limits.push(law.limit());
            }
        }
        let room = (limit.saturating_sub(in_flight) as usize).min(queue);
        queue -= room;
        for _ in 0..sent + room {
            in_flight += 1;
            if random.share() * 100.0 < own.failing {
                events.push(Reverse((
                    now + 500,
                    Happens::Done { sent: now, is_bad: true, thread: false },
                )));
            } else {
                inside.push_back(now);
            }
        }
        while busy < own.threads && !own.is_paused {
            let Some(sent) = inside.pop_front() else { break };
            busy += 1;
            let done = now + own.work.draw(&mut random) as u64 + 1;
            events.push(Reverse((done, Happens::Done { sent, is_bad: false, thread: true })));
        }
    }
    run
}
