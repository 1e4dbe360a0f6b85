//! The decisions of the balancer. Pure: records, a query and the time in, a choice out.
//!
//! It knows members and outcomes, no protocol, socket or lock; everything shared is an atomic.
#![forbid(unsafe_code)]

mod elect;
mod method;
pub mod recovery;
pub mod session;
mod state;

pub use elect::{Balancer, Election, Member, Query, Refusal, multiplicities};
pub use method::Method;
pub use state::{Activation, MemberState, Outcome, Policy, level, recover_due, report};

#[cfg(test)]
mod tests;
