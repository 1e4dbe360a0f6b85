//! Percentiles in JSON, and how a program that shows them to people reads them.

use serde_json::{Map, Value};

use crate::metrics::{BUCKETS_US, Estimate, HistogramTotals};

/// Writes median, 95 and 99 percent in milliseconds, estimated within their buckets. Those above the last bound are only
/// known to be longer, and are named in `at_least`. Null without any.
pub fn in_json(times: &HistogramTotals) -> Value {
    let mut own = Map::new();
    let mut at_least = Vec::new();
    for (name, percent) in [("p50", 50), ("p95", 95), ("p99", 99)] {
        let Some(time) = times.estimate(percent) else { return Value::Null };
        own.insert(name.to_owned(), time.ms().into());
        at_least.extend(matches!(time, Estimate::Over(_)).then_some(name));
    }
    own.insert(AT_LEAST.to_owned(), at_least.into());
    own.into()
}

/// Writes one of them as the page does, as exactly as buckets tell it; `-` if there is none.
pub fn text(percentiles: &Value, name: &str) -> String {
    let Some(ms) = percentiles[name].as_f64() else { return "-".to_owned() };
    let (us, first) = ((ms * 1_000.0).round() as u64, BUCKETS_US[0]);
    let limits = percentiles[AT_LEAST].as_array();
    let is_limit = limits.is_some_and(|all| all.iter().any(|own| own == name));
    let time = match us {
        _ if is_limit => Estimate::Over(us),
        us if us < first => Estimate::Under(first),
        us => Estimate::About(us),
    };
    time.to_string()
}

const AT_LEAST: &str = "at_least";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_read_as_on_the_page() {
        let mut times = HistogramTotals::default();
        assert_eq!(in_json(&times), Value::Null);
        assert_eq!(text(&Value::Null, "p50"), "-");
        (times.buckets[0], times.buckets[3], times.buckets[BUCKETS_US.len()]) = (60, 38, 2);
        let own = in_json(&times);
        assert_eq!(
            own,
            serde_json::json!({ "p50": 0.2, "p95": 4.7, "p99": 300_000.0, "at_least": ["p99"] })
        );
        for (name, percent) in [("p50", 50), ("p95", 95), ("p99", 99)] {
            let shown = times.estimate(percent).map(|own| own.to_string());
            assert_eq!(Some(text(&own, name)), shown, "{name}");
        }
    }
}
