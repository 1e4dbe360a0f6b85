//! Which member serves, and what happens when one does not.

mod adaptive;
mod balancing;
mod bulkhead;
mod deliveries;
mod dying;
mod health;
mod members;
mod probing;
mod queueing;
mod refusals;
mod retries;
mod routes;
mod unavailable;
