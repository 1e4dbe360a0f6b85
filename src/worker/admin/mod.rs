//! The status worker: what it shows of the workers, and what it changes.

pub(in crate::worker) mod apply;
pub(in crate::worker) mod handler;
pub(in crate::worker) mod metrics;
mod runtime_changes;
pub(in crate::worker) mod snapshot;
