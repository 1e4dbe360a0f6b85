//! Numbers as the page writes them.

use std::fmt;

use crate::metrics::{Estimate, HistogramTotals, RecentCounts};

/// Median, 95 and 99 percent of times in milliseconds, as far as buckets tell.
#[derive(Clone, Copy)]
pub(super) struct Percentiles([Estimate; 3]);

impl Percentiles {
    /// Returns nothing without an observation.
    pub fn of(times: &HistogramTotals) -> Option<Self> {
        let of = |percent| times.estimate(percent);
        Some(Self([of(50)?, of(95)?, of(99)?]))
    }

    /// Returns each of them in words.
    pub fn in_words(self) -> [String; 3] {
        self.0.map(|own| match own {
            Estimate::About(_) => format!("about {}", Ms(own)),
            Estimate::Under(us) => format!("under {}", us.div_ceil(1_000)),
            Estimate::Over(us) => format!("over {}", us / 1_000),
        })
    }
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p95, p99] = self.0;
        write!(f, "{} / {} / {}", Ms(p50), Ms(p95), Ms(p99))
    }
}

struct Ms(Estimate);

impl fmt::Display for Ms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, ["&lt;", "&gt;"])
    }
}

/// So many a minute.
#[derive(Clone, Copy)]
pub(super) struct Rate(pub u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0/s"),
            minute @ 1..60 => write!(f, "{minute}/min"),
            minute @ 60..600 => write!(f, "{}.{}/s", minute / 60, minute % 60 / 6),
            minute => write!(f, "{}/s", minute / 60),
        }
    }
}

/// Says over which time something was counted, as part of a sentence.
pub(super) fn span(recent: &RecentCounts) -> String {
    match recent.span.as_secs() {
        seconds @ 0..120 => format!("the last {seconds} s"),
        seconds => format!("the last {} min", (seconds + 29) / 60),
    }
}

/// Writes a number of bytes.
pub(super) fn bytes(count: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut whole = count;
    while whole >= 10_240 && unit + 1 < units.len() {
        whole /= 1024;
        unit += 1;
    }
    format!("{whole} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let rates = [0, 1, 59, 60, 599, 600, 123_456].map(|own| Rate(own).to_string());
        assert_eq!(rates, ["0/s", "1/min", "59/min", "1.0/s", "9.9/s", "10/s", "2057/s"]);
        let times =
            Percentiles([Estimate::Under(500), Estimate::About(3_456), Estimate::About(12_345)]);
        assert_eq!(times.to_string(), "&lt;1 / 3.4 / 12");
        assert_eq!(times.in_words(), ["under 1", "about 3.4", "about 12"]);
        assert_eq!(Ms(Estimate::Over(30_000_000)).to_string(), "&gt;30000");
        assert_eq!([10_239, 10_240].map(bytes), ["10239 B", "10 KiB"]);
    }
}
