//! When a container is asked for a sign of life, and what its answer means. Pure: no socket, no
//! clock; `worker` runs what is decided here.
#![forbid(unsafe_code)]

mod pace;
mod trial;

pub use pace::{Pace, scatter};
pub use trial::{Trials, revive, withdraw};
