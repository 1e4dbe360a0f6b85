//! Records shared by all httpd children.

mod atomic;
mod child;
mod events;
pub mod futex;
pub mod layout;
mod lease;
mod lock;
mod overrides;
mod samples;
mod segment;
mod silence;
mod slots;
mod unnamed_file;

pub use child::ChildRecord;
pub use events::{EventLog, KEPT_EVENTS};
pub use layout::{Header, PoolRecord};
pub use lease::LeaderLease;
pub use lock::LockGuard;
pub use overrides::Overrides;
pub use samples::{SLOW_MS, SampleRing};
pub use segment::{COUNTED, Capacity, Segment, SegmentError};
pub use slots::{Owner, SlotKey, SlotOutcome, Slots, fingerprint};
