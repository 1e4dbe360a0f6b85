//! What each child does beside requests, in one thread.

pub(in crate::worker) mod dns;
pub(in crate::worker) mod health_check;
pub(in crate::worker) mod idle_ping;
pub(in crate::worker) mod probe;
pub(in crate::worker) mod replies;
mod seed;
pub mod watchdog;
