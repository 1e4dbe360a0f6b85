//! The decisions of the balancer. Pure: records, a query and the time in, a choice out.
//!
//! It knows members and outcomes, no protocol, socket or lock; everything shared is an atomic.
#![forbid(unsafe_code)]

pub mod budget;
mod elect;
mod hash;
mod index;
pub mod latency;
mod maintain;
mod method;
mod pick;
pub mod recovery;
pub mod session;
mod state;
mod weights;

pub use elect::{Balancer, Election, Member, Query, Refusal, Rules};
pub use hash::hash;
pub use maintain::recover_due;
pub use method::Method;
pub use state::{Activation, MemberState, Outcome, Policy, has_something_to_clear, report};
pub use weights::{multiplicities, rescaled};

#[cfg(test)]
mod tests;
