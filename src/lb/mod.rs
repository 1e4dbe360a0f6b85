//! The decisions of the balancer. Pure: records, a query and the time in, a choice out.
#![forbid(unsafe_code)]
