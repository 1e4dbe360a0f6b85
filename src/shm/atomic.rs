//! The atomics of what several processes change at once by rules of their own: those of the standard
//! library, or, built with `--cfg loom`, those of a model that tries every order of events.
#![forbid(unsafe_code)]

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
#[cfg(not(loom))]
pub use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};
