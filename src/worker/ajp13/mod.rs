//! A worker that speaks AJP13: one attempt at a request, from the lease of a connection to the last packet.

pub(in crate::worker) mod attempt;
pub(in crate::worker) mod attempt_metrics;
mod drain;
pub(in crate::worker) mod failure_detail;
pub(in crate::worker) mod malformed;
pub(in crate::worker) mod peer_capabilities;
pub(in crate::worker) mod rejection;
pub(in crate::worker) mod request_body;
pub(in crate::worker) mod response;
mod response_wait;
mod session_routes;
pub(in crate::worker) mod worker;
