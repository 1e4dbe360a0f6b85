//! Counters and histograms in sharded records, and their OpenMetrics text. Pure.
#![forbid(unsafe_code)]

mod render;
mod shard;

pub use render::{Balancer, CLASSES, Gauges, Series, render};
pub use shard::{BUCKETS_US, FAILURES, Histogram, HistogramTotals, Shard, Totals};

/// Content-Type of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
