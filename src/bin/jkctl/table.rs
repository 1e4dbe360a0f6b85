//! Balancers and members as lines of text, for `status` and `top`.

mod columns;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::cli::values::SortBy;
use crate::history;
use crate::output::{Emphasis, TextLine, wrapped};
use crate::page::{array, explained, moment, number, text};
use columns::{Layout, TableRow, state};

/// Requests so far by worker, to show rates.
pub type Counters = BTreeMap<String, u64>;

/// What of a page is shown, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableView<'a> {
    /// Counters of an earlier page and the seconds since then, for rates.
    pub before: Option<(&'a Counters, f64)>,
    /// Width of the terminal.
    pub columns: usize,
    pub sort: SortBy,
    /// Only what has this text in its name, address, condition or state.
    pub filter: &'a str,
    /// Only what is out or degraded.
    pub is_trouble_only: bool,
    /// Whether what is not serving says what has happened to it before.
    pub has_history: bool,
}

/// Writes a page.
pub fn lines(page: &Value, view: &TableView<'_>) -> Vec<TextLine> {
    let wrap = |text: String, look, out: &mut Vec<TextLine>| {
        out.extend(
            wrapped(&text, view.columns, INDENT).into_iter().map(|own| TextLine::new(own, look)),
        );
    };
    let mut out = Vec::new();
    wrap(head(page), Emphasis::Plain, &mut out);
    if let Some(why) = page["server"]["broken_configuration"].as_str() {
        let text = format!("the previous configuration is still in use: {why}");
        wrap(text, Emphasis::Bad, &mut out);
    }
    let balancers: Vec<_> = array(page, "balancers")
        .map(|own| (own, rows(text(own, "name"), array(own, "members"), view)))
        .collect();
    let workers = rows("", array(page, "ajp_workers"), view);
    let all: Vec<_> =
        balancers.iter().flat_map(|(_, rows)| rows).chain(&workers).map(again).collect();
    let layout = Layout::new(&all, view.before.is_some(), view.columns);
    let now = page["server"]["time"]["unix"].as_i64();
    let table = |rows: &[TableRow<'_>], out: &mut Vec<TextLine>| {
        out.push(TextLine::new(layout.titles(), Emphasis::Head));
        for row in rows {
            let look = look(row.own);
            out.push(TextLine::new(layout.row(row), look));
            if let Some(why) = explained(row.own, now) {
                wrap(format!("    {why}"), look, out);
            }
            let is_told = view.has_history && row.own["condition"] != "serving";
            if let Some(before) = is_told.then(|| history::in_short(row.own, now)).flatten() {
                wrap(format!("    {before}"), Emphasis::Plain, out);
            }
        }
    };
    for (balancer, rows) in &balancers {
        // A balancer of which nothing is left says nothing either.
        let is_kept = match view.filter {
            "" => !view.is_trouble_only || look(balancer) != Emphasis::Plain,
            _ => false,
        };
        if rows.is_empty() && !is_kept {
            continue;
        }
        out.push(TextLine::plain(""));
        wrap(balancer_head(balancer), Emphasis::Plain, &mut out);
        if let Some(why) = explained(balancer, now) {
            wrap(format!("  {why}"), look(balancer), &mut out);
        }
        table(rows, &mut out);
    }
    if !workers.is_empty() {
        out.push(TextLine::plain(""));
        out.push(TextLine::plain("workers without a balancer"));
        table(&workers, &mut out);
    }
    out
}

fn again<'v>(row: &TableRow<'v>) -> TableRow<'v> {
    TableRow { balancer: row.balancer, own: row.own, rate: row.rate }
}

/// Picks and sorts the rows of a table.
fn rows<'v>(
    balancer: &'v str,
    all: impl Iterator<Item = &'v Value>,
    view: &TableView<'_>,
) -> Vec<TableRow<'v>> {
    let rate = |own: &Value| {
        let (counters, seconds) = view.before?;
        let earlier = counters.get(&format!("{balancer}/{}", text(own, "name")))?;
        let used = own["used"].as_u64().unwrap_or(0);
        Some(used.saturating_sub(*earlier) as f64 / seconds.max(0.001))
    };
    let filter = view.filter.to_lowercase();
    let is_shown = |row: &TableRow<'_>| {
        let words = [&row.target(), text(row.own, "address"), text(row.own, "condition")];
        let state = state(row.own);
        let mut words = words.into_iter().chain([state.as_str()]);
        words.any(|own| own.to_lowercase().contains(&filter))
    };
    let rows = all.map(|own| TableRow { balancer, own, rate: rate(own) });
    let is_wanted = |row: &TableRow<'_>| !view.is_trouble_only || look(row.own) != Emphasis::Plain;
    let mut rows: Vec<_> = rows.filter(is_shown).filter(is_wanted).collect();
    let key = |row: &TableRow<'_>| {
        let count = |value: &Value| value.as_u64().unwrap_or(0);
        match view.sort {
            SortBy::Config => 0,
            SortBy::Condition => match text(row.own, "condition") {
                "out" => 2,
                "degraded" => 1,
                _ => 0,
            },
            SortBy::Busy => count(&row.own["busy"]),
            SortBy::Requests => match view.before {
                Some(_) => (row.rate.unwrap_or(0.0) * 1_000.0) as u64,
                None => count(&row.own["used"]),
            },
            SortBy::Errors => count(&row.own["errors"]),
            SortBy::P99 => {
                let ms = row.own["recent"]["latency_ms"]["p99"].as_f64().unwrap_or(0.0);
                (ms * 10.0) as u64
            }
        }
    };
    // Those that are equal stay in the order of the configuration.
    rows.sort_by_key(|row| Reverse(key(row)));
    rows
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
    format!(
        "{} at {}:{}, {}",
        text(server, "jk_version"),
        text(server, "name"),
        number(server, "port"),
        moment(&server["time"]).unwrap_or_default(),
    )
}

fn balancer_head(balancer: &Value) -> String {
    let sticky =
        match (balancer["sticky_session"].as_bool(), balancer["sticky_session_force"].as_bool()) {
            (Some(true), Some(true)) => "sticky (forced)",
            (Some(true), _) => "sticky",
            _ => "not sticky",
        };
    let members: Vec<_> = array(balancer, "members").collect();
    let serving = members.iter().filter(|own| own["condition"] == "serving").count();
    let all = balancer["member_count"].as_u64().unwrap_or(members.len() as u64);
    // Of a page with one member only, nothing is known of the others.
    let count = match members.len() as u64 == all {
        true => format!("{serving} of {all} members serving"),
        false => format!("{} of {all} members shown", members.len()),
    };
    let waiting = |key: &str, what: &str| match balancer[key].as_u64() {
        None | Some(0) => String::new(),
        Some(count) => format!(", {count} {what}"),
    };
    format!(
        "balancer {}: {count}, {} in flight (most {}){}{}, method {}, {sticky}",
        text(balancer, "name"),
        number(balancer, "busy"),
        number(balancer, "max_busy"),
        waiting("waiting", "waiting for room"),
        waiting("parked", "without a thread"),
        text(balancer, "method"),
    )
}

fn look(own: &Value) -> Emphasis {
    match own["condition"].as_str() {
        Some("out") => Emphasis::Bad,
        Some("degraded") => Emphasis::Degraded,
        _ => Emphasis::Plain,
    }
}

/// Indentation of what goes on from the line before.
const INDENT: usize = 6;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page() -> Value {
        json!({ "server": {}, "balancers": [{ "name": "lb", "members": [
            { "name": "a", "address": "10.0.0.1:8009", "condition": "serving", "used": 1, "busy": 5 },
            { "name": "b", "address": "10.0.0.2:8009", "condition": "out", "used": 9, "busy": 0,
              "reasons": ["it failed"] },
            { "name": "c", "address": "10.0.0.3:8009", "condition": "serving", "used": 5, "busy": 7 },
        ]}], "ajp_workers": [{ "name": "alone", "address": "10.0.0.9:8009", "condition": "serving" }] })
    }

    /// First words of the rows that are shown.
    fn names(view: &TableView<'_>) -> Vec<String> {
        let first = |line: TextLine| line.text.split_whitespace().next().map(str::to_owned);
        let known = ["a", "b", "c", "alone"];
        let shown = lines(&page(), view).into_iter().filter_map(first);
        shown.filter(|name| known.contains(&name.as_str())).collect()
    }

    fn view() -> TableView<'static> {
        TableView { columns: usize::MAX, ..TableView::default() }
    }

    #[test]
    fn rows_are_sorted_within_their_balancer() {
        // Each explanation begins with the name as well.
        for (sort, expected) in [
            (SortBy::Config, ["a", "b", "b", "c", "alone"]),
            (SortBy::Condition, ["b", "b", "a", "c", "alone"]),
            (SortBy::Busy, ["c", "a", "b", "b", "alone"]),
            (SortBy::Requests, ["b", "b", "c", "a", "alone"]),
        ] {
            assert_eq!(names(&TableView { sort, ..view() }), expected, "{sort:?}");
        }
        let before = BTreeMap::from([("lb/a".to_owned(), 0), ("lb/b".to_owned(), 9)]);
        let sorted = TableView { sort: SortBy::Requests, before: Some((&before, 1.0)), ..view() };
        assert_eq!(names(&sorted)[0], "a", "the rate counts, not the number so far");
    }

    #[test]
    fn a_filter_looks_at_names_addresses_and_conditions() {
        for (filter, expected) in
            [("lb/c", &["c"][..]), ("OUT", &["b", "b"]), ("0.9:", &["alone"]), ("nothing", &[])]
        {
            assert_eq!(names(&TableView { filter, ..view() }), expected, "{filter}");
        }
        let text: String = lines(&page(), &TableView { filter: "alone", ..view() })
            .into_iter()
            .map(|own| own.text)
            .collect();
        assert!(!text.contains("balancer lb"), "{text}");
    }
}
