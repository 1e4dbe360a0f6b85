//! `jkctl metrics`.

use serde_json::{Map, Value, json};

use crate::cli::server::ServerArgs;
use crate::client::Client;
use crate::output::Printer;
use crate::{CommandResult, WELL};

/// Prints the metrics as the status worker writes them, or as JSON.
pub fn run(args: &ServerArgs, output: Printer) -> CommandResult {
    let text = Client::new(args)?.text(&[("cmd", "metrics")])?;
    match output.is_json() {
        true => output.json(&json!({ "families": families(&text) })),
        false => say!("{}", text.trim_end()),
    }
    Ok(WELL)
}

/// Sorts the lines of a scrape into its families.
fn families(text: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(keyword), Some(name)) = (words.next(), words.next()) else { continue };
            if all.last().is_none_or(|own| own["name"] != name) {
                all.push(json!({ "name": name, "type": null, "help": null, "unit": null, "samples": [] }));
            }
            let key = keyword.to_ascii_lowercase();
            if let (Some(own), "type" | "help" | "unit") = (all.last_mut(), key.as_str()) {
                own[&key] = unescaped(words.next().unwrap_or_default()).into();
            }
        } else if let (Some(own), Some(sample)) = (all.last_mut(), sample(line))
            && let Some(samples) = own["samples"].as_array_mut()
        {
            samples.push(sample);
        }
    }
    all
}

/// Reads `name{label="value",…} number`.
fn sample(line: &str) -> Option<Value> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Map::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while let Some((label, after)) = rest.split_once("=\"") {
            let mut is_escaped = false;
            let end = after.find(|c| {
                let is_end = c == '"' && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                is_end
            })?;
            labels.insert(label.to_owned(), unescaped(&after[..end]).into());
            rest = after[end + 1..].trim_start_matches(',');
            if rest.starts_with('}') {
                break;
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.split_whitespace().next()?;
    // JSON has no infinity: such a value stays a text.
    let number =
        value.parse::<u64>().map(Value::from).or_else(|_| value.parse::<f64>().map(Value::from));
    let value = number.ok().filter(|own| !own.is_null()).unwrap_or_else(|| value.into());
    Some(json!({ "name": name, "labels": labels, "value": value }))
}

fn unescaped(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars());
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                other => out.extend(other),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scrape_becomes_families() {
        let text = "# TYPE jk_up gauge\n# HELP jk_up Whether it is \\\"up\\\".\n\
            jk_up{worker=\"a,}\\\"b\",host=\"h\"} 1\njk_up 0.5\n# TYPE t histogram\n\
            t_bucket{le=\"+Inf\"} 3\nt_max +Inf\n# EOF\n";
        let all = families(text);
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(
            (&all[0]["type"], &all[0]["help"]),
            (&"gauge".into(), &"Whether it is \"up\".".into())
        );
        assert_eq!(
            all[0]["samples"],
            json!([
                { "name": "jk_up", "labels": { "worker": "a,}\"b", "host": "h" }, "value": 1 },
                { "name": "jk_up", "labels": {}, "value": 0.5 },
            ])
        );
        let of_t = &all[1]["samples"];
        assert_eq!((&of_t[0]["labels"]["le"], &of_t[1]["value"]), (&"+Inf".into(), &"+Inf".into()));
    }
}
