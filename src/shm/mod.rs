//! Records shared by all httpd children.

mod board;
pub mod layout;
mod lock;
mod segment;
mod slots;

pub use board::Board;
pub use layout::{BalancerRecord, ChildRecord, Header, MemberRecord, PoolRecord};
pub use segment::{Capacity, Segment, SegmentError};
pub use slots::{Kept, Owner, Slots, fingerprint};
