//! Counters and histograms in sharded records, and their OpenMetrics text. Pure.
#![forbid(unsafe_code)]

mod estimate;
mod failures;
mod families;
mod recent;
mod render;
mod series;
mod shard;

pub use estimate::Estimate;
pub use failures::{FAILURES, FailureReason};
pub use families::{CLASSES, Family, FamilyKind, MOST_SERIES, RESERVED_SERIES, families, manual};
pub use recent::RecentCounts;
pub use render::{Dialect, Scrape};
pub use series::{BalancerSeries, Gauges, Series};
pub use shard::{
    BUCKETS_US, COUNTERS, COUNTERS_MARK, CounterRow, CounterUnit, DEFAULT_BUCKETS_US, Histogram,
    HistogramTotals, Shard, Totals,
};
