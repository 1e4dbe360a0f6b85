//! Counters and histograms in sharded records, and their OpenMetrics text. Pure.
#![forbid(unsafe_code)]

mod render;
mod shard;

pub use render::{Balancer, CLASSES, Dialect, Gauges, Series, render};
pub use shard::{BUCKETS_US, FAILURES, Histogram, HistogramTotals, Shard, Totals};
