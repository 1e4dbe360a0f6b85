//! Real httpd with a scripted backend. Each test has its own httpd and reads its logs at the end.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod bare;
mod failover;
mod forwarding;
mod lifecycle;
mod mapping;
mod setups;
mod status;
