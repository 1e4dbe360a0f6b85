//! Real httpd with a scripted container. Each test has its own httpd and reads its logs at the end.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod auto_alias;
mod balancing;
mod bare;
mod browser;
mod configuration;
mod counting;
mod edits;
mod environment;
mod errors;
mod extensions;
mod failover;
mod health;
mod http2;
mod interplay;
mod killed;
mod large;
mod logs;
mod members;
mod metrics;
mod mounts;
mod options;
mod paths;
mod probing;
mod properties;
mod readings;
mod restarts;
mod retries;
mod scripts;
mod server_status;
mod serving;
mod status;
mod tls;
mod waiting;
