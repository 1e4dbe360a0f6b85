//! Parts of the status worker's JSON, and how they read.

use mod_jk::status::condition::spelled;
use serde_json::Value;

/// Returns the elements of an array.
pub fn array<'v>(page: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    page[key].as_array().into_iter().flatten()
}

/// Returns a text, empty if there is none.
pub fn text<'v>(page: &'v Value, key: &str) -> &'v str {
    page[key].as_str().unwrap_or_default()
}

/// Returns a number as text, `-` if there is none.
pub fn number(page: &Value, key: &str) -> String {
    page[key].as_u64().map_or("-".to_owned(), |number| number.to_string())
}

/// Writes a moment for people, with its zone.
pub fn moment(moment: &Value) -> Option<String> {
    let digits = moment["datetime"].as_str()?;
    let part = |from: usize, to: usize| digits.get(from..to);
    let date = [part(0, 4)?, part(4, 6)?, part(6, 8)?].join("-");
    let time = [part(8, 10)?, part(10, 12)?, part(12, 14)?].join(":");
    Some(format!("{date} {time} {}", text(moment, "tz")).trim_end().to_owned())
}

/// Says since when something is out or degraded, why, what ends it, and what to do. `now` is the time of
/// the page in Unix seconds.
pub fn explained(own: &Value, now: Option<i64>) -> Option<String> {
    let reasons: Vec<&str> = array(own, "reasons").filter_map(Value::as_str).collect();
    if reasons.is_empty() {
        return None;
    }
    let mut sentence = format!("{} is {}", text(own, "name"), text(own, "condition"));
    if let Some(since) = moment(&own["since"]) {
        sentence += &format!(" since {since}");
        let ago = own["since"]["unix"].as_i64().zip(now).map(|(since, now)| now - since);
        if let Some(ago) = ago.and_then(|ago| u64::try_from(ago).ok()) {
            sentence += &format!(" ({} ago)", spelled(ago));
        }
    }
    sentence += &format!(": {}", reasons.join("; "));
    if let Some(way_back) = own["way_back"].as_str() {
        sentence += &format!("; {way_back}");
    }
    if let Some(remedy) = own["remedy"].as_str() {
        sentence += &format!(". To do: {remedy}");
    }
    Some(sentence)
}

/// A balancer, member or worker as the user names it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The balancer, or the worker without one.
    pub worker: &'t str,
    /// The member.
    pub member: Option<&'t str>,
}

impl<'t> Target<'t> {
    /// Splits `balancer/member`, or takes the whole as a balancer or worker.
    pub fn parse(text: &'t str) -> Self {
        match text.split_once('/') {
            Some((worker, member)) => Self { worker, member: Some(member) },
            None => Self { worker: text, member: None },
        }
    }

    /// Returns the parameters that name it.
    pub fn query(&self) -> Vec<(&'t str, &'t str)> {
        let mut query = vec![("w", self.worker)];
        query.extend(self.member.map(|member| ("sw", member)));
        query
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_out_is_explained() {
        let own = json!({
            "name": "a", "condition": "out", "reasons": ["it failed (JK-303)"],
            "since": { "unix": 1_000, "datetime": "20261130001500", "tz": "+0100" },
            "way_back": "it returns", "remedy": "start it",
        });
        assert_eq!(
            explained(&own, Some(1_600)).unwrap(),
            "a is out since 2026-11-30 00:15:00 +0100 (10 min ago): it failed (JK-303); it returns. To do: start it"
        );
        assert_eq!(explained(&json!({ "name": "a", "condition": "serving" }), None), None);
    }
}
