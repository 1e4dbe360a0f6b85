//! Probes and health checks of members. Decisions are pure; `worker` runs them.
#![forbid(unsafe_code)]
