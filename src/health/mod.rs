//! When a container is asked for a sign of life, and what its answer means. Pure: no socket, no
//! clock; `worker` runs what is decided here.
#![forbid(unsafe_code)]

mod check;
mod pace;
mod standing;
mod trial;

pub use check::{HealthCheck, Hearing, Mistake, Streak};
pub use pace::{Pace, scatter};
pub use standing::{Health, may_be_spared};
pub use trial::{Trials, revive, withdraw};
