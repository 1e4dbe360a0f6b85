//! A balancer: which members a request may go to, and the way from one to the next.

pub(in crate::worker) mod failover;
pub(in crate::worker) mod members;
mod no_member;
pub(in crate::worker) mod notes;
mod serve;
mod session_cookie;
