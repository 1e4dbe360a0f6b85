//! Records shared by all httpd children.

pub mod layout;
mod segment;
mod slots;

pub use layout::{BalancerRecord, ChildRecord, Header, MemberRecord, PoolRecord};
pub use segment::{Capacity, Segment, SegmentError};
pub use slots::{Kept, Owner, Slots, fingerprint};
