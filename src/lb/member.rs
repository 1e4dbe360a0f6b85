//! A member as it is configured.

use crate::lb::activation::Activation;

/// A member as configured.
#[derive(Clone, Debug)]
pub struct Member {
    /// Name of the worker.
    pub name: String,
    /// Load one request adds; see [`multiplicities`](crate::lb::multiplicities).
    pub multiplicity: u64,
    /// Members of the smallest distance are used first.
    pub distance: i32,
    /// Text that the backend appends to its session ids.
    pub route: String,
    /// Members of one domain share their sessions.
    pub domain: String,
    /// Route of the member that takes over.
    pub redirect: String,
    /// What the administrator set.
    pub activation: Activation,
}
