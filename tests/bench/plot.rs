//! Pictures as SVG: one series of bars, several lines.

use std::fmt::Write;

const WIDTH: f64 = 640.0;
const COLOURS: [&str; 4] = ["#b45309", "#6b7280", "#1d4ed8", "#047857"];

/// Draws a bar for each name.
pub fn bars(title: &str, values: &[(&str, f64)]) -> String {
    let most = values.iter().map(|(_, value)| *value).fold(1.0, f64::max);
    let height = 40 + 28 * values.len();
    let mut out = begin(title, height as f64);
    for (place, (name, value)) in values.iter().enumerate() {
        let y = 36 + 28 * place;
        let width = value / most * (WIDTH - 250.0);
        let _ = writeln!(
            out,
            "<text x=\"150\" y=\"{0}\" text-anchor=\"end\">{name}</text>\n\
             <rect x=\"160\" y=\"{y}\" width=\"{width:.0}\" height=\"18\" fill=\"{1}\"/>\n\
             <text x=\"{2:.0}\" y=\"{0}\">{value:.1}</text>",
            y + 14,
            COLOURS[2],
            166.0 + width
        );
    }
    out + "</svg>\n"
}

/// Draws a line for each name through its points, which share their places on the x axis.
pub fn lines(title: &str, series: &[(&str, Vec<(f64, f64)>)]) -> String {
    let most = series.iter().flat_map(|(_, points)| points).map(|(_, y)| *y).fold(1.0, f64::max);
    let mut out = begin(title, 320.0);
    let places: Vec<f64> = series
        .first()
        .map(|(_, points)| points.iter().map(|(x, _)| *x).collect())
        .unwrap_or_default();
    let step = (WIDTH - 120.0) / places.len().saturating_sub(1).max(1) as f64;
    let x_of = |place: usize| 60.0 + step * place as f64;
    let y_of = |value: f64| 270.0 - value / most * 210.0;
    for (place, count) in places.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{:.0}\" y=\"290\" text-anchor=\"middle\">{count:.0}</text>",
            x_of(place)
        );
    }
    for part in 0..=4 {
        let value = most * f64::from(part) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"50\" y=\"{:.0}\" text-anchor=\"end\">{value:.0}</text>\n\
             <line x1=\"56\" x2=\"{WIDTH}\" y1=\"{1:.0}\" y2=\"{1:.0}\" stroke=\"#d1d5db\"/>",
            y_of(value) + 4.0,
            y_of(value)
        );
    }
    for (number, (name, points)) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<_> = points
            .iter()
            .enumerate()
            .map(|(place, (_, y))| format!("{:.0},{:.0}", x_of(place), y_of(*y)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\n\
             <text x=\"{}\" y=\"312\" fill=\"{colour}\">{name}</text>",
            path.join(" "),
            60 + 180 * number
        );
    }
    out + "</svg>\n"
}

fn begin(title: &str, height: f64) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<title>{title}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"10\" y=\"20\" font-weight=\"bold\">{title}</text>\n"
    )
}
