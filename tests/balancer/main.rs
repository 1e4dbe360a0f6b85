//! The balancer's decisions over plain memory: scripts for each section of its specification, and
//! laws that hold for any members, and a simulation that compares the methods.
#![allow(clippy::unwrap_used)]

#[path = "../support/counting.rs"]
mod counting;
#[path = "../support/balancer.rs"]
mod plain;

mod backend_model;
mod capacity;
mod laws;
mod memory;
mod plot;
mod random;
mod script;
mod scripts;
mod simulation;
