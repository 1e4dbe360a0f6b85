//! Which worker serves a URI. Pure.
#![forbid(unsafe_code)]
