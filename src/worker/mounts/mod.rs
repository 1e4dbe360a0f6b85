//! The compiled maps of all servers, and the files that they are made from.

pub mod file;
pub(in crate::worker) mod reload;
