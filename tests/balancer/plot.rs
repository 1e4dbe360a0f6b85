//! Draws the simulation: bars for each method, one panel for each situation.

use std::fmt::Write;

use crate::simulation::Figures;

/// Draws the 99th percentile and the share of failed requests.
pub fn bars(panels: &[(&str, &[Figures])]) -> String {
    let height = TOP + panels.len() * PANEL;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\" font-size=\"14\">99th percentile of the response time (bar) and \
         failed requests</text>\n"
    );
    for (number, (name, rows)) in panels.iter().enumerate() {
        let top = TOP + number * PANEL;
        let _ =
            writeln!(svg, "<text x=\"10\" y=\"{}\" font-weight=\"bold\">{name}</text>", top + 14);
        let most = rows.iter().map(|row| row.p99_ms).max().unwrap_or(1).max(1);
        for (line, row) in rows.iter().enumerate() {
            let y = top + 24 + line * LINE;
            let length = (row.p99_ms * ROOM / most).max(1);
            let failed = match row.failed {
                0 => String::new(),
                failed => format!(", {}.{} % failed", failed / 10, failed % 10),
            };
            let colour = if row.failed > 100 { "#c33" } else { "#369" };
            let _ = writeln!(
                svg,
                "<text x=\"90\" y=\"{0}\" text-anchor=\"end\">{1:?}</text>\
                 <rect x=\"98\" y=\"{y}\" width=\"{length}\" height=\"13\" fill=\"{colour}\"/>\
                 <text x=\"{2}\" y=\"{0}\">{3} ms{failed}</text>",
                y + 11,
                row.method,
                104 + length,
                row.p99_ms
            );
        }
    }
    svg + "</svg>\n"
}

const WIDTH: usize = 760;
const TOP: usize = 34;
const PANEL: usize = 24 + 7 * LINE + 14;
const LINE: usize = 18;
/// Length of the longest bar.
const ROOM: u64 = 480;
