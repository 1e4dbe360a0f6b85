//! Records shared by all httpd children.

mod backing;
mod board;
pub mod layout;
mod lock;
mod seen;
mod segment;
mod slots;

pub use board::Board;
pub use layout::{BalancerRecord, ChildRecord, Header, MemberRecord, PoolRecord};
pub use seen::RecentSessions;
pub use segment::{Capacity, Segment, SegmentError};
pub use slots::{Kept, Key, Owner, Slots, fingerprint};
