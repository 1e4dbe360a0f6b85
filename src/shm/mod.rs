//! Records shared by all httpd children.

pub mod layout;
mod segment;

pub use layout::{BalancerRecord, Header, MemberRecord};
pub use segment::{Segment, SegmentError};
