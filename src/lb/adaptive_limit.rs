//! How many requests a backend may have at once, found from the times of its answers.
//!
//! A backend that has more requests than it can work on lets them wait, and its answers take longer by as
//! much: requests in flight are throughput times latency. So the limit is the one at which answers take
//! 1.4 times as long as those of a backend with nothing to wait for, and a few requests more. That
//! time, the baseline, is learned while the limit is not in use. Under an overload that does not end it cannot
//! be seen, and what is seen instead would raise it without end: so the limit is halved for a moment now and
//! then (a probe). What answers take then is the baseline; if they take as long as before, nothing waited, and the
//! application itself is slower, for which no limit helps.
//!
//! Time is divided into windows, each of so many answers that their mean says something, and no
//! shorter than an answer takes, as a change of the limit shows no earlier.

use std::time::Duration;

use crate::clock::Millis;

/// Fewest requests that a backend may have at once, but for a moment's probe.
pub const LEAST: u32 = 2;

/// Most, where no `busy_limit` says less.
pub const MOST: u32 = 10_000;

/// The limit before anything is known.
pub const FIRST: u32 = 20;

/// How much longer than the baseline answers may take.
const TOLERANCE: f64 = 1.4;

/// By how much more or less than before a window may want the limit.
const STEP: (f64, f64) = (0.5, 1.5);

/// How much of that is done.
const SMOOTHING: f64 = 0.5;

/// Answers of a window, where they come in time (two thirds of them in a probe, which costs throughput), and
/// those that must come.
const ENOUGH: u64 = 60;
const FEW: u64 = 20;

/// Shortest window, and when one may end with few answers.
const SHORTEST: Duration = Duration::from_millis(450);
const LONG: Duration = Duration::from_secs(5);

/// Time between two probes where nothing calls for one, as a multiple of what one takes, and at least.
const PROBE_SHARE: u32 = 20;
const PROBE_EVERY: Duration = Duration::from_secs(30);

/// The same where something does.
const PROBE_AGAIN_SHARE: u32 = 6;
const PROBE_AGAIN: Duration = Duration::from_secs(3);

/// A wanted limit below this share of the present one is suspicious: it may be the application that is slow.
const SUSPICIOUS: f64 = 0.75;

/// Answers at half the limit that take less than this share of the time before show that requests waited.
const FELL: f64 = 0.75;

/// A measured baseline that differs more from the one before is measured again.
const SAME: f64 = 1.25;

/// What was seen of a backend in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencyWindow {
    /// Answers that began.
    pub answers: u64,
    /// Failed attempts, and answers with a status of 500 and more: most failures are fast, and say nothing
    /// about capacity.
    pub bad: u64,
    /// What an ordinary answer took to begin, in microseconds.
    pub latency_us: u64,
    /// Most requests in flight that were seen.
    pub in_flight: u32,
    /// Whether a request found as many in flight as may be.
    pub was_full: bool,
}

/// What is kept from one process that looks after the limit to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptLimit {
    /// The limit where no probe is under way; 0 for one that is not known yet.
    pub limit: u32,
    /// What answers take where nothing waits, in microseconds; 0 for unknown.
    pub baseline_us: u32,
}

/// The limit of one backend, and how it is found.
#[derive(Clone, Debug)]
pub struct AdaptiveLimit {
    limit: f64,
    /// In microseconds; 0 for unknown.
    baseline: f64,
    /// Whether the baseline was measured where nothing waited.
    is_measured: bool,
    /// What answers took in the latest window.
    latency: f64,
    /// When the present window or pause began.
    since: Millis,
    phase: SearchPhase,
    /// Windows in a row in which the limit was in use.
    in_use: u32,
    /// Windows in a row that wanted a much smaller limit.
    suspicious: u32,
    /// The limit before the first of them.
    before: f64,
    /// When the latest probe ended, and how long it took.
    probed: Millis,
    probe_took: Duration,
}

/// What is done with a window.
#[derive(Clone, Copy, Debug)]
enum SearchPhase {
    Steady,
    Probing(CapacityProbe),
}

/// A moment with a smaller limit.
#[derive(Clone, Copy, Debug)]
struct CapacityProbe {
    begun: Millis,
    /// The limit meanwhile.
    limit: f64,
    /// Whether the requests of before are gone, so that what is seen is that of the smaller limit.
    is_settled: bool,
    /// What answers took before the latest step, and before the first.
    before: f64,
    first: f64,
    /// Whether the limit was halved more than once.
    is_deep: bool,
}

impl AdaptiveLimit {
    /// Begins, or goes on with what is known.
    pub fn new(kept: KeptLimit, now: Millis) -> Self {
        let limit = if kept.limit == 0 { FIRST } else { kept.limit };
        let baseline = f64::from(kept.baseline_us);
        Self {
            limit: f64::from(limit),
            baseline,
            is_measured: kept.baseline_us > 0,
            latency: baseline,
            since: now,
            phase: SearchPhase::Steady,
            in_use: 0,
            suspicious: 0,
            before: f64::from(limit),
            probed: now,
            probe_took: Duration::ZERO,
        }
    }

    /// Returns the limit in force.
    pub fn limit(&self) -> u32 {
        match self.phase {
            SearchPhase::Steady => self.limit as u32,
            SearchPhase::Probing(probe) => (probe.limit as u32).max(1),
        }
    }

    /// Returns what the next process needs to go on.
    pub fn kept(&self) -> KeptLimit {
        KeptLimit { limit: self.limit as u32, baseline_us: self.baseline as u32 }
    }

    /// Tells whether the window is over in which there were `answers`.
    pub fn is_due(&self, answers: u64, now: Millis) -> bool {
        let age = now.since(self.since);
        let an_answer = micros(self.latency);
        let enough = match self.phase {
            SearchPhase::Steady => ENOUGH,
            SearchPhase::Probing(_) => ENOUGH * 2 / 3,
        };
        match self.phase {
            SearchPhase::Probing(probe) if !probe.is_settled => {
                age >= SHORTEST.max(an_answer.saturating_mul(3) / 2)
            }
            SearchPhase::Probing(_) if age >= LONG * 2 && age >= an_answer.saturating_mul(10) => {
                true
            }
            _ => {
                age >= SHORTEST.max(an_answer.min(LONG * 2))
                    && (answers >= enough || answers >= FEW && age >= LONG)
            }
        }
    }

    /// Learns from a window that is over. `most` is the highest limit allowed.
    pub fn learn(&mut self, seen: &LatencyWindow, most: u32, now: Millis) {
        self.since = now;
        let most = f64::from(most.clamp(1, MOST));
        let good = seen.answers.saturating_sub(seen.bad);
        // As if failures had taken no time at all, so that fast ones do not make the backend look fast.
        let latency = seen.latency_us.max(1) as f64 * seen.answers as f64 / good.max(1) as f64;
        let says_nothing = seen.answers < FEW || good < seen.bad;
        let few_fail = seen.bad * 10 <= seen.answers;
        match self.phase {
            SearchPhase::Steady if says_nothing => {}
            SearchPhase::Steady => self.steady(seen, latency, few_fail, now),
            SearchPhase::Probing(mut probe) if !probe.is_settled => {
                probe.is_settled = true;
                self.phase = SearchPhase::Probing(probe);
            }
            SearchPhase::Probing(probe) => {
                let measured = (!says_nothing && few_fail).then_some(latency);
                self.probed(&probe, measured, now);
            }
        }
        self.limit = self.limit.min(most).max(f64::from(LEAST).min(most));
        if let SearchPhase::Probing(probe) = &mut self.phase {
            probe.limit = probe.limit.min(most);
        }
    }

    /// Learns from a window without a probe.
    fn steady(&mut self, seen: &LatencyWindow, latency: f64, few_fail: bool, now: Millis) {
        self.latency = latency;
        if self.baseline == 0.0 {
            self.baseline = latency;
        }
        let is_in_use = seen.was_full || f64::from(seen.in_flight) >= self.limit.floor();
        if !is_in_use {
            (self.in_use, self.suspicious) = (0, 0);
            if f64::from(seen.in_flight) <= self.limit / 2.0 && few_fail {
                // Nothing waits where so little is in flight, if the limit is about right.
                let step =
                    (latency - self.baseline) * if latency < self.baseline { 0.25 } else { 0.1 };
                self.baseline += step.min(self.baseline * 0.1);
            }
            return;
        }
        self.in_use += 1;
        if latency < self.baseline {
            self.baseline += (latency - self.baseline) * 0.25;
        }
        let mut wanted = self.wanted(self.limit, latency);
        if !few_fail {
            wanted = wanted.min(self.limit);
        }
        match wanted < self.limit * SUSPICIOUS {
            true if self.suspicious == 0 => (self.suspicious, self.before) = (1, self.limit),
            true => self.suspicious += 1,
            false => (self.suspicious, self.before) = (0, self.limit),
        }
        let is_odd = self.suspicious >= 2 || !self.is_measured && self.in_use >= 2;
        let pause = match is_odd {
            true => PROBE_AGAIN.max(self.probe_took * PROBE_AGAIN_SHARE),
            false => PROBE_EVERY.max(self.probe_took * PROBE_SHARE),
        };
        if few_fail && now.since(self.probed) >= pause {
            self.probe(latency, now);
        } else {
            self.limit += (wanted - self.limit) * SMOOTHING;
        }
    }

    /// Returns the limit to have, where answers take `latency` with the given one.
    fn wanted(&self, limit: f64, latency: f64) -> f64 {
        let (least, most) = STEP;
        let share = (TOLERANCE * self.baseline / latency).clamp(least, most);
        // Requests differ, and where few are in flight more of them keep the backend at work.
        limit * share + (limit.sqrt() / 2.0).max(1.0)
    }

    fn probe(&mut self, latency: f64, now: Millis) {
        self.phase = SearchPhase::Probing(CapacityProbe {
            begun: now,
            limit: (self.limit / 2.0).max(1.0),
            is_settled: false,
            before: latency,
            first: latency,
            is_deep: false,
        });
    }

    /// Learns from a probe, in which answers took `measured`; `None` if that cannot be told.
    fn probed(&mut self, probe: &CapacityProbe, measured: Option<f64>, now: Millis) {
        if let Some(latency) = measured {
            let fell = latency < probe.before * FELL;
            if fell && probe.limit >= 2.0 && (!self.is_measured || latency > self.baseline * SAME) {
                // They may still wait.
                let (limit, is_settled) = (probe.limit / 2.0, false);
                let (before, is_deep) = (latency, true);
                self.latency = latency;
                self.phase = SearchPhase::Probing(CapacityProbe {
                    limit,
                    is_settled,
                    before,
                    is_deep,
                    ..*probe
                });
                return;
            }
            let is_same = latency < self.baseline * SAME && self.baseline < latency * SAME;
            self.baseline = if is_same { (self.baseline + latency) / 2.0 } else { latency };
            self.is_measured = is_same || probe.is_deep;
            self.limit = match fell || probe.is_deep {
                true => self.wanted(self.limit, probe.first),
                // Nothing waited: it is the application that takes longer.
                false => self.before.max(self.limit),
            };
            self.latency = latency;
        }
        (self.in_use, self.suspicious, self.before) = (0, 0, self.limit);
        (self.probed, self.probe_took) = (now, now.since(probe.begun));
        self.phase = SearchPhase::Steady;
    }
}

fn micros(us: f64) -> Duration {
    Duration::from_micros(us as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An overloaded backend with so many threads, of 10 ms each.
    fn overload(law: &mut AdaptiveLimit, threads: u32, most: u32, seconds: u64) {
        for tick in 0..seconds * 2 {
            let now = law.since.plus(Duration::from_millis(500));
            let in_flight = law.limit();
            let latency_us = u64::from(10_000 * in_flight.max(threads) / threads);
            let seen =
                LatencyWindow { answers: 500, bad: 0, latency_us, in_flight, was_full: true };
            assert!(law.is_due(seen.answers, now), "{tick}: {law:?}");
            law.learn(&seen, most, now);
            assert!(law.limit() <= most, "{law:?}");
        }
    }

    #[test]
    fn the_limit_stays_between_its_bounds() {
        let mut law = AdaptiveLimit::new(KeptLimit::default(), Millis(0));
        assert_eq!(law.limit(), FIRST);
        overload(&mut law, 1_000, 30, 60);
        assert_eq!(law.kept().limit, 30, "as many as may be");
        overload(&mut law, 1_000, 1, 1);
        assert_eq!(law.limit(), 1, "busy_limit was lowered below the least");
        overload(&mut law, 1_000, MOST, 60);
        assert!(law.kept().limit > 1_000, "{law:?}");
    }

    #[test]
    fn the_next_process_goes_on_with_what_was_found() {
        let mut law = AdaptiveLimit::new(KeptLimit::default(), Millis(0));
        overload(&mut law, 50, MOST, 60);
        let kept = law.kept();
        assert!((50..=90).contains(&kept.limit), "{kept:?}");
        let mut next = AdaptiveLimit::new(kept, law.since);
        assert_eq!(next.limit(), kept.limit);
        overload(&mut next, 50, MOST, 5);
        assert!(next.limit().abs_diff(kept.limit) <= 5, "{next:?}");
    }

    #[test]
    fn a_limit_that_is_not_in_use_does_not_change() {
        let mut law = AdaptiveLimit::new(KeptLimit { limit: 40, baseline_us: 10_000 }, Millis(0));
        for second in 1..600 {
            let latency_us = if second % 2 == 0 { 1_000 } else { 100_000 };
            let seen = LatencyWindow {
                answers: 100,
                latency_us,
                in_flight: 5,
                ..LatencyWindow::default()
            };
            law.learn(&seen, MOST, Millis(second * 1_000));
            assert_eq!(law.limit(), 40, "{law:?}");
        }
    }

    #[test]
    fn a_probe_without_answers_ends() {
        let mut law = AdaptiveLimit::new(KeptLimit { limit: 40, baseline_us: 10_000 }, Millis(0));
        let full = LatencyWindow {
            answers: 100,
            latency_us: 10_000,
            in_flight: 40,
            was_full: true,
            bad: 0,
        };
        law.learn(&full, MOST, Millis(60_000));
        assert_eq!(law.limit(), 20, "a probe");
        assert!(law.is_due(0, Millis(60_500)), "the requests of before are gone");
        law.learn(&LatencyWindow::default(), MOST, Millis(60_500));
        assert!(!law.is_due(0, Millis(62_000)));
        assert!(law.is_due(0, Millis(70_500)));
        law.learn(&LatencyWindow::default(), MOST, Millis(70_500));
        assert_eq!(law.limit(), 40, "{law:?}");
    }
}
