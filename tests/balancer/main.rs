//! The balancer's decisions over plain memory: scripts for each section of its specification, and
//! laws that hold for any members.
#![allow(clippy::unwrap_used)]

mod laws;
mod memory;
mod script;
mod scripts;
