//! Configurations: what is said about mistakes, by the checks alone and by a real `httpd -t`; real
//! files; every name of the original has an effect that a test sees.
// Programs are started and files read.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod coverage;
mod dump;
mod files;
mod mistakes;
mod samples;
mod site;
mod stock;
