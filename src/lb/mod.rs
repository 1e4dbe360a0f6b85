//! The decisions of the balancer. Pure: records, a query and the time in, a choice out.
//!
//! It knows members and outcomes, no protocol, socket or lock; everything shared is an atomic.
#![forbid(unsafe_code)]

mod activation;
pub mod adaptive_limit;
mod algorithms;
mod balancer;
mod elect;
mod hash;
mod index;
pub mod latency;
mod maintain;
mod member;
mod method;
pub mod queue;
mod record;
pub mod retry_budget;
pub mod retry_policy;
pub mod session;
mod session_count;
mod spell;
mod state;
pub mod thread_share;
mod weights;

pub use activation::Activation;
pub use balancer::{Balancer, ElectionRules, Query};
pub use elect::{Election, NoMember};
pub use hash::hash;
pub use member::Member;
pub use method::Method;
pub use record::{BalancerRecord, MemberRecord};
pub use session_count::RecentSessions;
pub use spell::Spell;
pub use state::owned::Owned;
pub use state::transition::transition;
pub use state::{
    ALONE_OUT_AFTER, AloneAttempt, Event, Health, MemberState, Outcome, Policy, ReadmitReason,
    StateChange, downtime, has_something_to_clear, is_refusing,
};
pub use weights::{multiplicities, rescaled};

#[cfg(test)]
mod tests;
