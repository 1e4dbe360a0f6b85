//! What has happened to a member or worker since httpd began: its latest failure, its outages, its latest health
//! check, as the page tells them.

use std::time::Duration;

use mod_jk::status::condition::spelled;
use mod_jk::status::history;
use serde_json::Value;

use crate::page::{moment, text};

/// A line about what is not serving: what a person asks next after why it is so. `now` is the time of the page in
/// Unix seconds.
pub fn in_short(own: &Value, now: Option<i64>) -> Option<String> {
    let failed_check = last_check(own, now).filter(|_| own["last_check"]["passed"] == false);
    // What is not serving says its cause already.
    let is_reason = |why: &str| own["reasons"].to_string().contains(why);
    let failure = match own["last_failure_text"].as_str() {
        Some(why) if is_reason(why) => {
            ago(&own["last_failure_time"], now).map(|ago| format!("latest failure {ago}"))
        }
        _ => last_failure(own, now).map(|text| format!("last failure: {text}")),
    };
    let outages = own["outages"].as_u64().filter(|count| *count > 0).map(|_| outages(own));
    let parts = [
        outages.map(|text| format!("out of service since httpd began: {text}")),
        failure,
        failed_check.map(|text| format!("last health check: {text}")),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// All there is, a name and a value each.
pub fn in_full(own: &Value, now: Option<i64>) -> Vec<(&'static str, String)> {
    let none = "none since httpd began".to_owned();
    let mut rows = vec![
        ("last failure", last_failure(own, now).unwrap_or(none)),
        ("out of service", outages(own)),
    ];
    if own["health"].is_string() {
        let none = "none has ended yet".to_owned();
        rows.push(("last health check", last_check(own, now).unwrap_or(none)));
    }
    rows
}

/// What was counted in the last minutes.
pub fn lately(own: &Value) -> Option<(String, String)> {
    let recent = &own["recent"];
    let span = recent["span_s"].as_u64().filter(|seconds| *seconds > 0)?;
    let count = |key: &str| recent[key].as_u64().unwrap_or(0);
    let counts = format!(
        "{} attempts, {} failed, {} repeats, {} replies 5xx",
        count("attempts"),
        count("failures"),
        count("retries"),
        count("server_errors"),
    );
    Some((format!("in the last {}", spelled(span)), counts))
}

fn last_failure(own: &Value, now: Option<i64>) -> Option<String> {
    let what = own["last_failure_text"].as_str()?;
    Some(format!("{what} ({}){}", text(own, "last_failure"), at(&own["last_failure_time"], now)))
}

fn outages(own: &Value) -> String {
    let downtime = Duration::from_secs(own["downtime_s"].as_u64().unwrap_or(0));
    history::outages(own["outages"].as_u64().unwrap_or(0), downtime)
}

fn last_check(own: &Value, now: Option<i64>) -> Option<String> {
    let check = &own["last_check"];
    let result = if check["passed"].as_bool()? { "passed" } else { "failed" };
    let took = check["took_ms"].as_u64().unwrap_or(0);
    let text = text(check, "text");
    Some(format!("{result}: {text} in {took} ms{}", at(&check["time"], now)))
}

/// A moment behind what happened then.
fn at(time: &Value, now: Option<i64>) -> String {
    let Some(when) = moment(time) else { return String::new() };
    let ago = ago(time, now).map(|ago| format!(" ({ago})")).unwrap_or_default();
    format!(", {when}{ago}")
}

fn ago(time: &Value, now: Option<i64>) -> Option<String> {
    let seconds = u64::try_from(now? - time["unix"].as_i64()?).ok()?;
    Some(format!("{} ago", spelled(seconds)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn time(unix: i64) -> Value {
        json!({ "unix": unix, "datetime": "20261130001500", "tz": "+0100" })
    }

    #[test]
    fn what_is_not_serving_tells_what_is_not_said_yet() {
        let own = json!({
            "reasons": ["it is slow"], "outages": 3, "downtime_s": 754,
            "last_failure": "JK-303", "last_failure_text": "it was refused", "last_failure_time": time(900),
            "health": "unhealthy",
            "last_check": { "passed": false, "took_ms": 3, "text": "status 503", "time": time(990) },
        });
        assert_eq!(
            in_short(&own, Some(1_000)).unwrap(),
            "out of service since httpd began: 3 times, 12 min in all; last failure: it was refused (JK-303), \
             2026-11-30 00:15:00 +0100 (100 s ago); last health check: failed: status 503 in 3 ms, \
             2026-11-30 00:15:00 +0100 (10 s ago)"
        );
        let mut same = own.clone();
        same["reasons"] = json!(["it was refused (JK-303)"]);
        same["last_check"]["passed"] = true.into();
        assert_eq!(
            in_short(&same, Some(1_000)).unwrap(),
            "out of service since httpd began: 3 times, 12 min in all; latest failure 100 s ago"
        );
        let nothing =
            json!({ "outages": 0, "downtime_s": 0, "last_failure_text": null, "last_check": null });
        assert_eq!(in_short(&nothing, Some(1_000)), None);
        let full = in_full(&nothing, None);
        assert_eq!(full[0], ("last failure", "none since httpd began".to_owned()));
        assert_eq!((full[1].1.as_str(), full.len()), ("never", 2));
        assert_eq!(
            in_full(&own, Some(1_000))[2].1,
            "failed: status 503 in 3 ms, 2026-11-30 00:15:00 +0100 (10 s ago)"
        );
    }
}
