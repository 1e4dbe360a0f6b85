//! The map against the original's verdicts (`uri_map/cases.json`) and against a naive matcher.

// The lint's exception for tests sees only what is marked as one, not their helpers.
#![allow(clippy::unwrap_used)]

#[path = "uri_map/cases.rs"]
mod cases;
#[path = "support/counting.rs"]
mod counting;
#[path = "uri_map/explain.rs"]
mod explain;
#[path = "uri_map/memory.rs"]
mod memory;
#[path = "uri_map/oracle.rs"]
mod oracle;
#[path = "uri_map/request.rs"]
mod request;
