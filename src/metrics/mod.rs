//! Counters and histograms in sharded records. Pure.
#![forbid(unsafe_code)]
