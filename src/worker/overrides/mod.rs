//! Settings that were changed while httpd runs.

pub(in crate::worker) mod current;
pub(in crate::worker) mod overlay;
