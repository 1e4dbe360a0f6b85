//! The only place that knows httpd. Edge: it hands over and decides nothing.
//!
//! Everything the parent makes hangs on httpd's configuration pool and goes with it; no static
//! is filled before a child begins, as httpd may or may not unload the library between passes.
#![allow(unsafe_code)]

mod auto_alias;
mod body_bucket;
mod c_strings;
mod capacity;
mod checked_config;
mod child_init;
mod conf_vector;
mod config_files;
mod directives;
mod downstream;
mod ending;
mod environment;
mod error_log;
mod exposure;
mod ffi;
mod fields;
mod forward_request;
mod guard;
mod handler;
mod hooks;
mod log_file;
mod mapped;
mod opening;
mod own_page;
mod parked;
mod parking;
mod pool;
mod pool_string;
mod post_config;
mod request;
mod request_body;
mod request_log;
mod response_head;
mod rest;
mod retained;
mod rules;
mod sections;
mod server;
mod server_status;
mod servers;
mod snapshot;
mod translate;
mod variable_names;
mod version;
mod worker_choice;
