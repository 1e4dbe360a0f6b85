//! The page and the commands of the status worker. Pure.
#![forbid(unsafe_code)]
