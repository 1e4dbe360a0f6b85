//! When a backend is probed, and what the result means. Pure: no socket, no
//! clock; `worker` runs what is decided here.
#![forbid(unsafe_code)]

mod backoff;
mod half_open;
mod http_check;
mod relapse;

pub use backoff::{Backoff, scatter};
pub use half_open::HalfOpenSince;
pub use http_check::{HealthCheck, Mistake, StatusReader, Streak};
pub use relapse::Relapses;

/// Settings of a balancer for the tests of this module: one failure puts a member in error.
#[cfg(test)]
const TEST_POLICY: crate::lb::Policy = crate::lb::Policy {
    recover_time: std::time::Duration::from_secs(60),
    error_escalation_time: std::time::Duration::ZERO,
    max_reply_timeouts: 0,
    alone: None,
};
