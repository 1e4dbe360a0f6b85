//! What was counted in the last minutes: the sums of now without those of a sample.

use std::time::Duration;

use crate::metrics::failures::of_backend;
use crate::metrics::{HistogramTotals, Totals};

/// What was counted since a sample, or, with a span of zero, ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentCounts {
    /// How far back it reaches.
    pub span: Duration,
    /// Attempts that ended or began.
    pub attempts: u64,
    /// Those that failed, but for what says nothing about the backend.
    pub failures: u64,
    /// Replies with a status of 500 and more.
    pub server_errors: u64,
    /// Attempts that repeated another one.
    pub retries: u64,
    /// Bytes sent to the backend.
    pub sent_bytes: u64,
    /// Bytes received from it.
    pub received_bytes: u64,
    /// How often it went out of service.
    pub outages: u64,
    /// Times to the first byte of the reply.
    pub first_byte: HistogramTotals,
    /// Attempts a minute since the latest sample.
    pub per_minute: u64,
    /// The most attempts a minute between two samples.
    pub most_per_minute: u64,
}

impl RecentCounts {
    /// Takes the sums of all children; `outages` are in the worker's record.
    pub fn sums(totals: &Totals, outages: u64) -> Self {
        Self {
            span: Duration::ZERO,
            attempts: totals.requests,
            failures: of_backend(&totals.failures),
            server_errors: totals.responses[4],
            retries: totals.retries,
            sent_bytes: totals.sent_bytes,
            received_bytes: totals.received_bytes,
            outages,
            first_byte: totals.first_byte.clone(),
            per_minute: 0,
            most_per_minute: 0,
        }
    }

    /// Tells whether so many replies had a status of 500 and more that users notice.
    pub fn has_many_server_errors(&self) -> bool {
        self.server_errors >= FEWEST_SERVER_ERRORS
            && self.server_errors.saturating_mul(100)
                >= self.replies().saturating_mul(SERVER_ERRORS_PERCENT)
    }

    /// Returns how many replies began.
    pub fn replies(&self) -> u64 {
        let began =
            self.first_byte.buckets.iter().fold(0, |sum: u64, own| sum.saturating_add(*own));
        began.max(self.server_errors)
    }

    /// Returns what are numbers, in the order of the fields.
    pub fn numbers(&self) -> [u64; 7] {
        [
            self.attempts,
            self.failures,
            self.server_errors,
            self.retries,
            self.sent_bytes,
            self.received_bytes,
            self.outages,
        ]
    }

    /// Takes away what was counted before, as [`HistogramTotals::subtract`] does.
    pub fn subtract(&mut self, before: &Self) {
        let Self { attempts, failures, server_errors, retries, .. } = self;
        let Self { sent_bytes, received_bytes, outages, first_byte, .. } = self;
        let own = [attempts, failures, server_errors, retries, sent_bytes, received_bytes, outages];
        for (own, before) in own.into_iter().zip(before.numbers()) {
            *own = own.saturating_sub(before);
        }
        first_byte.subtract(&before.first_byte);
    }
}

/// A share of such replies says something only from this many on.
const FEWEST_SERVER_ERRORS: u64 = 5;

/// Their share from which on users notice, in percent.
const SERVER_ERRORS_PERCENT: u64 = 5;
