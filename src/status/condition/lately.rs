//! What the latest requests say of one that serves, and since when.

use crate::metrics::{HistogramTotals, RecentCounts};
use crate::status::condition::reason::Reason;
use crate::status::view::{Beginnings, Since, WorkerView};

/// What recent requests say of one that serves.
pub(super) fn of_recent(ajp: &WorkerView, others: Option<&HistogramTotals>) -> Vec<Reason> {
    let recent = &ajp.recent;
    let RecentCounts { span, outages, .. } = *recent;
    // What failed before the latest outage was over was that outage.
    let (attempts, failures, failing_for) = match &ajp.since_return {
        Some(own) => {
            let failures = own.failures.min(recent.failures);
            (own.attempts.min(recent.attempts).max(failures), failures, own.span)
        }
        None => (recent.attempts, recent.failures, span),
    };
    let mut reasons = Vec::new();
    if ajp.waiting > 0 {
        reasons.push(Reason::Silent(ajp.waiting));
    }
    if outages >= FLAPPING {
        reasons.push(Reason::Flapping { times: outages, span });
    }
    if failures >= FEWEST_FAILURES
        && failures.saturating_mul(100) >= attempts.saturating_mul(FAILING_PERCENT)
    {
        reasons.push(Reason::Failing { failed: failures, attempts, span: failing_for });
    }
    if recent.has_many_server_errors() {
        let (errors, replies) = (recent.server_errors, recent.replies());
        reasons.push(Reason::ServerErrors { errors, replies, span });
    }
    if let Some(p95_ms) = recent_p95(recent) {
        let is_slower = others
            .and_then(|own| own.percentile_ms(95))
            .is_some_and(|others| p95_ms >= others.max(MUCH_MS / SLOWER).saturating_mul(SLOWER));
        if is_slower || p95_ms >= TOO_LONG_MS {
            let p95 = |own: &HistogramTotals| own.estimate(95);
            reasons
                .push(Reason::Slow { p95: p95(&recent.first_byte), others: others.and_then(p95) });
        }
    }
    reasons
}

/// Returns the bound below which 95 of 100 replies began, which comparisons go by.
pub(super) fn recent_p95(recent: &RecentCounts) -> Option<u64> {
    let count: u64 = recent.first_byte.buckets.iter().sum();
    (count >= FEWEST_TIMES).then(|| recent.first_byte.percentile_ms(95))?
}

/// Since when there are the reasons that come and go.
pub(super) fn began<'a>(
    ajp: &'a WorkerView,
    reasons: &'a [Reason],
) -> impl Iterator<Item = &'a Since> {
    let of = |began: &'a Beginnings, reason: &Reason| match reason {
        Reason::Failing { .. } => began.failing.as_ref(),
        Reason::Flapping { .. } => began.flapping.as_ref(),
        Reason::AtBusyLimit(_) | Reason::AtAdaptiveLimit(_) => began.full.as_ref(),
        Reason::Slow { .. } => began.slow.as_ref(),
        Reason::ServerErrors { .. } => began.erring.as_ref(),
        Reason::Silent(_) => began.silent.as_ref(),
        _ => None,
    };
    let began = ajp.began.as_deref().into_iter();
    began.flat_map(move |began| reasons.iter().filter_map(move |reason| of(began, reason)))
}

/// Outages within the span that make a member one that flaps.
const FLAPPING: u64 = 2;

/// A share of failures says something only from this many on.
const FEWEST_FAILURES: u64 = 3;

/// Share of failed attempts from which on users notice.
const FAILING_PERCENT: u64 = 5;

/// Replies from which on a percentile says something.
const FEWEST_TIMES: u64 = 20;

/// So many times slower than the other members is slow, if it is also [`MUCH_MS`].
const SLOWER: u64 = 4;

/// What users notice, in milliseconds.
const MUCH_MS: u64 = 1_000;

/// What is too long whatever the other members need, in milliseconds.
const TOO_LONG_MS: u64 = 10_000;
