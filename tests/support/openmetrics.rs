//! OpenMetrics as a strict reader takes it.

use std::collections::BTreeSet;

/// A series: its name, its labels, its value.
pub type Sample = (String, Vec<(String, String)>, f64);

/// Reads the text; every sample must belong to the family above it, and no series comes twice.
pub fn read(text: &str) -> Result<Vec<Sample>, String> {
    let body = text.strip_suffix("# EOF\n").ok_or("no # EOF at the end")?;
    let (mut families, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let (mut family, mut suffixes): (String, &[&str]) = (String::new(), &[]);
    let mut samples = Vec::new();
    for line in body.split_terminator('\n') {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(line)?;
            if !families.insert(name.to_owned()) {
                return Err(format!("twice: {name}"));
            }
            family = name.to_owned();
            suffixes = match kind {
                "counter" => &["_total"],
                "gauge" | "stateset" => &[""],
                "histogram" => &["_bucket", "_sum", "_count"],
                "info" => &["_info"],
                _ => return Err(line.to_owned()),
            };
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').ok_or(line)?;
            if name != family || !name.ends_with(&format!("_{unit}")) {
                return Err(line.to_owned());
            }
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            if !rest.starts_with(&format!("{family} ")) {
                return Err(line.to_owned());
            }
        } else {
            let end = line.find(['{', ' ']).ok_or(line)?;
            let (name, rest) = line.split_at(end);
            let is_of_family = suffixes.iter().any(|end| format!("{family}{end}") == name);
            let (labels, rest) = match rest.strip_prefix('{') {
                Some(rest) => labels(rest).ok_or(line)?,
                None => (Vec::new(), rest),
            };
            let value = rest.strip_prefix(' ').and_then(|text| text.parse().ok()).ok_or(line)?;
            if !is_of_family || !seen.insert((name.to_owned(), labels.clone())) {
                return Err(line.to_owned());
            }
            samples.push((name.to_owned(), labels, value));
        }
    }
    Ok(samples)
}

fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut found = Vec::new();
    loop {
        let (name, rest) = text.split_once("=\"")?;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return None;
        }
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    c @ ('"' | '\\') => value.push(c),
                    _ => return None,
                },
                (_, c) => value.push(c),
            }
        };
        found.push((name.to_owned(), value));
        text = &rest[end + 1..];
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            None => return Some((found, text.strip_prefix('}')?)),
        }
    }
}
