//! Balancers and members as lines of text, for `status` and `top`.

use std::collections::BTreeMap;

use serde_json::Value;

/// Requests so far by worker, to show rates.
pub type Counters = BTreeMap<String, u64>;

/// A line, and how it is to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub text: String,
    pub look: Look,
}

/// How good something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Bad,
    Degraded,
    Head,
    Plain,
}

/// Writes a page. `before` are the counters of the page `seconds` ago, for rates.
pub fn lines(page: &Value, before: Option<(&Counters, f64)>) -> Vec<Line> {
    let line = |text: String, look| Line { text, look };
    let mut out = vec![line(head(page), Look::Plain)];
    if let Some(why) = page["server"]["broken_configuration"].as_str() {
        out.push(line(format!("the last good configuration is in force: {why}"), Look::Bad));
    }
    let titles = titles(before.is_some());
    for balancer in array(page, "balancers") {
        out.push(line(String::new(), Look::Plain));
        out.push(line(balancer_head(balancer), Look::Plain));
        let members: Vec<_> = array(balancer, "members").collect();
        table(&titles, text(balancer, "name"), &members, before, &mut out);
    }
    let workers: Vec<_> = array(page, "ajp_workers").collect();
    if !workers.is_empty() {
        out.push(line(String::new(), Look::Plain));
        out.push(line("workers without a balancer".to_owned(), Look::Plain));
        table(&titles, "", &workers, before, &mut out);
    }
    out
}

/// Returns the requests so far of everything on a page.
pub fn counters(page: &Value) -> Counters {
    let members = array(page, "balancers").flat_map(|lb| {
        array(lb, "members")
            .map(move |own| (format!("{}/{}", text(lb, "name"), text(own, "name")), own))
    });
    let workers = array(page, "ajp_workers").map(|own| (format!("/{}", text(own, "name")), own));
    members.chain(workers).map(|(name, own)| (name, own["used"].as_u64().unwrap_or(0))).collect()
}

fn head(page: &Value) -> String {
    let server = &page["server"];
    let stamp = text(&server["time"], "datetime");
    let time = match stamp.get(8..14) {
        Some(digits) => format!("{}:{}:{}", &digits[..2], &digits[2..4], &digits[4..]),
        None => stamp.to_owned(),
    };
    format!(
        "{} at {}:{}, {time}",
        text(server, "jk_version"),
        text(server, "name"),
        number(server, "port")
    )
}

fn balancer_head(balancer: &Value) -> String {
    let sticky =
        match (balancer["sticky_session"].as_bool(), balancer["sticky_session_force"].as_bool()) {
            (Some(true), Some(true)) => "sticky (forced)",
            (Some(true), _) => "sticky",
            _ => "not sticky",
        };
    let all = array(balancer, "members").count();
    let good = array(balancer, "members").filter(|own| own["rating"] == "good").count();
    format!(
        "balancer {}: {good} of {all} members good, {} in flight (most {}), method {}, {sticky}",
        text(balancer, "name"),
        number(balancer, "busy"),
        number(balancer, "max_busy"),
        text(balancer, "method"),
    )
}

fn titles(has_rates: bool) -> Vec<&'static str> {
    let mut titles = vec!["member", "address", "activation", "state", "in flight", "requests"];
    if has_rates {
        titles.push("per s");
    }
    titles.extend(["errors", "p50 ms", "p99 ms", "sessions", "retry in"]);
    titles
}

fn table(
    titles: &[&str],
    balancer: &str,
    rows: &[&Value],
    before: Option<(&Counters, f64)>,
    out: &mut Vec<Line>,
) {
    let cells: Vec<Vec<String>> = rows.iter().map(|own| row(balancer, own, before)).collect();
    let width = |column: usize| {
        let longest = cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        longest.max(titles[column].len())
    };
    let widths: Vec<_> = (0..titles.len()).map(width).collect();
    // Words to the left, numbers to the right.
    let joined = |cells: &mut dyn Iterator<Item = &str>| {
        let parts = cells.zip(&widths).enumerate().map(|(column, (cell, width))| match column {
            0..4 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("  {}", parts.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    out.push(Line { text: joined(&mut titles.iter().copied()), look: Look::Head });
    for (own, cells) in rows.iter().zip(&cells) {
        let look = match own["rating"].as_str() {
            Some("bad") => Look::Bad,
            Some("degraded") => Look::Degraded,
            _ => Look::Plain,
        };
        out.push(Line { text: joined(&mut cells.iter().map(String::as_str)), look });
    }
}

fn row(balancer: &str, own: &Value, before: Option<(&Counters, f64)>) -> Vec<String> {
    let used = own["used"].as_u64().unwrap_or(0);
    let activation = match own["activation"].as_str() {
        Some("ACT") => "active",
        Some("DIS") => "disabled",
        Some("STP") => "stopped",
        _ => "-",
    };
    let latency =
        |key: &str| own["latency_ms"][key].as_u64().map_or("-".to_owned(), |ms| ms.to_string());
    let mut cells = vec![
        text(own, "name").to_owned(),
        text(own, "address").to_owned(),
        activation.to_owned(),
        own["state"].as_str().unwrap_or("-").to_owned(),
        number(own, "busy"),
        used.to_string(),
    ];
    if let Some((counters, seconds)) = before {
        let earlier = counters.get(&format!("{balancer}/{}", text(own, "name")));
        let rate = earlier.map(|count| used.saturating_sub(*count) as f64 / seconds.max(0.001));
        cells.push(rate.map_or("-".to_owned(), |rate| format!("{rate:.1}")));
    }
    let retry = own["time_to_recover_max_s"].as_u64().filter(|seconds| *seconds > 0);
    let sessions = match own["recent_sessions"].as_u64() {
        Some(count) => count.to_string(),
        None => number(own, "sessions"),
    };
    cells.extend([
        number(own, "errors"),
        latency("p50"),
        latency("p99"),
        sessions,
        retry.map_or("-".to_owned(), |seconds| format!("{seconds} s")),
    ]);
    cells
}

pub fn array<'v>(page: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    page[key].as_array().into_iter().flatten()
}

pub fn text<'v>(page: &'v Value, key: &str) -> &'v str {
    page[key].as_str().unwrap_or_default()
}

fn number(page: &Value, key: &str) -> String {
    page[key].as_u64().map_or("-".to_owned(), |number| number.to_string())
}
