//! The only place that knows httpd. Edge: it hands over and decides nothing.
//!
//! Everything the parent makes hangs on httpd's configuration pool and goes with it; no static
//! is filled before a child begins, as httpd may or may not unload the library between passes.
#![allow(unsafe_code)]

mod auto_alias;
mod child;
mod choice;
mod directives;
mod downstream;
mod encode;
mod environment;
mod ffi;
mod guard;
mod hooks;
mod logging;
mod mapping;
mod module;
mod protection;
mod request;
mod retained;
mod rules;
mod sections;
mod server;
mod server_status;
mod setup;
