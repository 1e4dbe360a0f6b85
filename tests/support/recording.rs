//! Scrapes of a real run, kept minute by minute, for `promtool test rules`: each scrape counts as one
//! minute, so that an outage of seconds is one of minutes for the rules.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::openmetrics::Sample;
use super::prometheus::promtool;
use super::{fresh_dir, root};

/// What Prometheus would have stored.
#[derive(Default)]
pub struct Recording {
    series: BTreeMap<String, Vec<Option<f64>>>,
    minutes: usize,
    checks: Vec<Value>,
    fired: Vec<(usize, &'static str)>,
}

impl Recording {
    /// Keeps the scrape of a minute; `None` for one that failed.
    pub fn add(&mut self, scrape: Option<Vec<Sample>>) {
        let up = f64::from(u8::from(scrape.is_some()));
        self.keep("up", &[("job".to_owned(), "jk".to_owned())], up);
        for (name, labels, value) in scrape.unwrap_or_default() {
            self.keep(&name, &labels, value);
        }
        self.minutes += 1;
    }

    fn keep(&mut self, name: &str, labels: &[(String, String)], value: f64) {
        let labels = labels.iter().map(|(name, value)| format!(",{name}={value:?}"));
        let name = format!("{name}{{instance=\"web1:80\"{}}}", labels.collect::<String>());
        let values = self.series.entry(name).or_default();
        values.resize(self.minutes, None);
        values.push(Some(value));
    }

    /// Says which alerts fire in the minute of the latest scrape; all others must not.
    pub fn expect(&mut self, alerts: &[&'static str]) {
        let minute = self.minutes - 1;
        let samples = alerts
            .iter()
            .map(|name| json!({ "labels": format!("{{alertname={name:?}}}"), "value": 1 }));
        self.checks.push(json!({
            "expr": "group by (alertname) (ALERTS{alertstate=\"firing\"})",
            "eval_time": format!("{minute}m"),
            "exp_samples": samples.collect::<Vec<_>>(),
        }));
        self.fired.extend(alerts.iter().map(|name| (minute, *name)));
    }

    /// Has promtool judge what was expected, and returns what it says of the alerts that fired: labels
    /// and annotations as Prometheus writes them. `None` where promtool is missing.
    pub fn judge(&self, name: &str) -> Option<String> {
        let judged = self.run(name, json!({ "promql_expr_test": self.checks }))?;
        assert!(judged.0, "{name}: {}", judged.1);
        // Nothing is expected of them here, so that promtool shows them.
        let tests = self.fired.iter().map(|(minute, name)| {
            json!({ "alertname": name, "eval_time": format!("{minute}m"), "exp_alerts": [] })
        });
        let shown = self.run(
            &format!("{name}-shown"),
            json!({ "alert_rule_test": tests.collect::<Vec<_>>() }),
        )?;
        Some(shown.1)
    }

    fn run(&self, name: &str, mut test: Value) -> Option<(bool, String)> {
        let series = self.series.iter().map(|(name, values)| {
            let mut before = None;
            let words = (0..self.minutes).map(|minute| {
                let value = values.get(minute).copied().flatten();
                let gone = before.is_some();
                before = value;
                match value {
                    Some(value) => value.to_string(),
                    None if gone => "stale".to_owned(),
                    None => "_".to_owned(),
                }
            });
            json!({ "series": name, "values": words.collect::<Vec<_>>().join(" ") })
        });
        test["interval"] = "1m".into();
        test["input_series"] = series.collect();
        let file = json!({
            "rule_files": [root().join("docs/alerts.yml")],
            "evaluation_interval": "15s",
            "tests": [test],
        });
        // YAML takes JSON.
        let path = fresh_dir(&format!("alerts-{name}")).join("test.yml");
        fs::write(&path, file.to_string()).expect("a file");
        let said = promtool(&["test", "rules", &path.display().to_string()], "")?;
        Some((said.is_good, said.text))
    }
}
