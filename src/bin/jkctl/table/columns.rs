//! The columns of the table, and which of them a terminal has room for.

use mod_jk::status::percentiles;
use serde_json::Value;

use crate::page::{number, text};

/// One member or worker, as the columns see it.
pub struct TableRow<'v> {
    /// Its balancer; empty for a worker without one.
    pub balancer: &'v str,
    pub own: &'v Value,
    /// Requests per second since the picture before.
    pub rate: Option<f64>,
}

impl TableRow<'_> {
    /// Returns the name by which commands take it.
    pub fn target(&self) -> String {
        match self.balancer {
            "" => text(self.own, "name").to_owned(),
            balancer => format!("{balancer}/{}", text(self.own, "name")),
        }
    }
}

/// A column.
pub struct Column {
    pub title: &'static str,
    /// Words to the left, numbers to the right.
    is_number: bool,
    /// What a narrow terminal does without: the highest goes first, 0 always stays.
    rank: u8,
    pub cell: fn(&TableRow<'_>) -> String,
}

const fn words(title: &'static str, rank: u8, cell: fn(&TableRow<'_>) -> String) -> Column {
    Column { title, is_number: false, rank, cell }
}

const fn numbers(title: &'static str, rank: u8, cell: fn(&TableRow<'_>) -> String) -> Column {
    Column { title, is_number: true, rank, cell }
}

const COLUMNS: &[Column] = &[
    words("member", 0, |row| text(row.own, "name").to_owned()),
    words("address", 6, |row| text(row.own, "address").to_owned()),
    words("condition", 0, |row| text(row.own, "condition").to_owned()),
    words("state", 3, |row| state(row.own)),
    numbers("in flight", 1, in_flight),
    numbers("requests", 4, |row| number(row.own, "used")),
    numbers(PER_SECOND, 2, |row| row.rate.map_or("-".to_owned(), |rate| format!("{rate:.1}"))),
    numbers("errors", 2, |row| number(row.own, "errors")),
    numbers("p50 ms", 9, |row| percentiles::text(&row.own["recent"]["latency_ms"], "p50")),
    numbers("p99 ms", 5, |row| percentiles::text(&row.own["recent"]["latency_ms"], "p99")),
    numbers("sessions", 8, |row| match row.own["recent_sessions"].as_u64() {
        Some(count) => count.to_string(),
        None => number(row.own, "sessions"),
    }),
];

const PER_SECOND: &str = "per s";

/// The columns that a page is shown with, each with its width.
pub struct Layout(Vec<(&'static Column, usize)>);

impl Layout {
    /// Chooses columns for rows, so that they fit if that is possible.
    pub fn new(rows: &[TableRow<'_>], has_rates: bool, columns: usize) -> Self {
        let shown = COLUMNS.iter().filter(|own| has_rates || own.title != PER_SECOND);
        let width = |own: &'static Column| {
            let cells = rows.iter().map(|row| (own.cell)(row).chars().count());
            (own, cells.max().unwrap_or(0).max(own.title.len()))
        };
        let mut layout: Vec<_> = shown.map(width).collect();
        // Each has two blanks before it.
        while layout.iter().map(|(_, width)| width + GAP).sum::<usize>() > columns {
            let last = layout.iter().map(|(own, _)| own.rank).max().unwrap_or(0);
            if last == 0 {
                break;
            }
            layout.retain(|(own, _)| own.rank != last);
        }
        Self(layout)
    }

    /// Returns the line of titles.
    pub fn titles(&self) -> String {
        self.line(|own| own.title.to_owned())
    }

    /// Returns the line of a row.
    pub fn row(&self, row: &TableRow<'_>) -> String {
        self.line(|own| (own.cell)(row))
    }

    fn line(&self, cell: impl Fn(&Column) -> String) -> String {
        let cells = self.0.iter().map(|(own, width)| match own.is_number {
            true => format!("  {:>width$}", cell(own)),
            false => format!("  {:<width$}", cell(own)),
        });
        cells.collect::<String>().trim_end().to_owned()
    }
}

const GAP: usize = 2;

/// What the administrator wants of it and what the balancer has observed.
pub fn state(own: &Value) -> String {
    match (own["activation"].as_str(), own["state"].as_str()) {
        (Some(activation), Some(state)) => format!("{activation} {state}"),
        _ => "-".to_owned(),
    }
}

/// Requests in flight, and how many there may be where that was found.
fn in_flight(row: &TableRow<'_>) -> String {
    let busy = number(row.own, "busy");
    match row.own["concurrency"] == "adaptive" {
        true => format!("{busy}/{}", number(row.own, "concurrency_limit")),
        false => busy,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_adaptive_limit_stands_behind_what_is_in_flight() {
        let shown = |own: Value| in_flight(&TableRow { balancer: "app", own: &own, rate: None });
        let own = json!({ "busy": 3, "concurrency": "adaptive", "concurrency_limit": 41 });
        assert_eq!(shown(own), "3/41");
        assert_eq!(
            shown(json!({ "busy": 3, "concurrency": "fixed", "concurrency_limit": 41 })),
            "3"
        );
        assert_eq!(shown(json!({ "busy": 3 })), "3", "of an older module");
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters_most() {
        let own = json!({ "name": "tomcat1", "address": "10.0.0.5:8009", "condition": "serving",
            "activation": "ACT", "state": "OK", "busy": 3, "used": 123_456, "errors": 0,
            "recent": { "latency_ms": { "p50": 5.0, "p99": 5_000.0 } }, "recent_sessions": 12_345 });
        let rows = [TableRow { balancer: "app", own: &own, rate: Some(12.5) }];
        let of = |columns| Layout::new(&rows, true, columns);
        for column in COLUMNS {
            assert!(of(usize::MAX).titles().contains(column.title), "{}", column.title);
        }
        for columns in [200, 120, 80, 60, 40, 24] {
            let layout = of(columns);
            for line in [layout.titles(), layout.row(&rows[0])] {
                assert!(line.chars().count() <= columns, "{columns}: {line}");
            }
            assert!(layout.row(&rows[0]).contains("tomcat1"), "{columns}");
            assert!(layout.row(&rows[0]).contains("serving"), "{columns}");
        }
        let at_80 = of(80).titles();
        for title in ["in flight", "per s", "errors", "p99 ms", "state"] {
            assert!(at_80.contains(title), "{title}: {at_80}");
        }
    }
}
