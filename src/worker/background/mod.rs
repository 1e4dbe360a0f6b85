//! What each child does beside requests, in threads of its own.

mod concurrency;
pub(in crate::worker) mod dns;
pub(in crate::worker) mod health_check;
pub(in crate::worker) mod idle_ping;
pub(in crate::worker) mod probe;
pub mod queue_turns;
pub(in crate::worker) mod replies;
mod seed;
mod undying;
pub mod watchdog;
