//! `jkctl events`: what happened to members, and who changed what.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::cli::server::Events;
use crate::client::Client;
use crate::output::{Emphasis, Printer, TextLine};
use crate::page::{Target, array, moment, text};
use crate::{CommandResult, WELL};

/// Shows the events that are kept; with `--follow` also those that come.
pub fn run(args: &Events, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    let target = args.target.as_deref().map(Target::parse);
    // A wrong URL or name is said once and ends it.
    let page = get(&client, target, 0)?;
    if !args.follow {
        match output.is_json() {
            true => output.json(&page),
            false => output.lines(&array(&page, "events").map(line).collect::<Vec<_>>()),
        }
        return Ok(WELL);
    }
    let mut follower = Follower::default();
    show(&follower.new_events(&page), output);
    let mut is_silent = false;
    loop {
        std::thread::sleep(args.delay);
        match get(&client, target, follower.since()) {
            Ok(page) => {
                is_silent = false;
                show(&follower.new_events(&page), output);
            }
            // httpd may come back; that it does not answer is said once.
            Err(why) if !is_silent => {
                is_silent = true;
                eprintln!("jkctl: {}", mod_jk::text::shown(&why));
            }
            Err(_) => {}
        }
    }
}

fn get(client: &Client, target: Option<Target<'_>>, since: u64) -> Result<Value, String> {
    let since = since.to_string();
    let mut query = vec![("cmd", "events"), ("since", since.as_str())];
    query.extend(target.iter().flat_map(Target::query));
    client.get(&query)
}

fn show(events: &[&Value], output: Printer) {
    for event in events {
        match output.is_json() {
            true => output.json(event),
            false => output.lines(&[line(event)]),
        }
    }
}

/// Writes an event: when, and what happened.
fn line(event: &Value) -> TextLine {
    let mut line =
        format!("{}  {}", moment(&event["time"]).unwrap_or_default(), text(event, "text"));
    if let Some(count @ 2..) = event["count"].as_u64() {
        let first = moment(&event["first_time"]).unwrap_or_default();
        line += &format!(" ({count} times since {first})");
    }
    let look = match text(event, "kind") {
        "out" | "rejected" => Emphasis::Bad,
        "trial_failed" | "forced" | "unhealthy" | "refusing" | "discarded" => Emphasis::Degraded,
        "back" | "healthy" | "refusing_ended" => Emphasis::Good,
        _ => Emphasis::Plain,
    };
    TextLine::new(line, look)
}

/// Tells which events of a page are new.
#[derive(Default)]
struct Follower {
    /// Number of the latest event that there was.
    last: u64,
    seen: BTreeSet<u64>,
}

impl Follower {
    /// Returns from which number on to ask: an event may be published after a later one.
    fn since(&self) -> u64 {
        self.last.saturating_sub(LATE)
    }

    fn new_events<'p>(&mut self, page: &'p Value) -> Vec<&'p Value> {
        let last = page["last_event"].as_u64().unwrap_or(0);
        if last < self.last {
            // Numbers begin again only where the clock of a new start is behind.
            self.seen.clear();
        }
        self.last = last;
        let since = self.since();
        self.seen.retain(|seq| *seq > since);
        let is_new =
            |event: &&Value| event["seq"].as_u64().is_some_and(|seq| self.seen.insert(seq));
        array(page, "events").filter(is_new).collect()
    }
}

/// How many later events may be published before one.
const LATE: u64 = 100;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(last: u64, numbers: &[u64]) -> Value {
        let events: Vec<_> = numbers.iter().map(|seq| json!({ "seq": seq })).collect();
        json!({ "last_event": last, "events": events })
    }

    #[test]
    fn each_event_is_new_once() {
        let mut follower = Follower::default();
        let mut new = |last, numbers: &[u64]| -> Vec<u64> {
            let page = page(last, numbers);
            follower.new_events(&page).iter().filter_map(|event| event["seq"].as_u64()).collect()
        };
        assert_eq!(new(1_003, &[1_001, 1_003]), [1_001, 1_003]);
        assert_eq!(new(1_004, &[1_001, 1_002, 1_003, 1_004]), [1_002, 1_004], "one came late");
        assert_eq!(new(1_004, &[1_001, 1_002, 1_003, 1_004]), [0; 0]);
        assert_eq!(new(2_000, &[1_950, 2_000]), [1_950, 2_000]);
        assert_eq!(new(500, &[]), [0; 0], "another start, with the clock behind");
        assert_eq!(new(500, &[499, 500]), [499, 500]);
    }

    #[test]
    fn a_line_says_when_what_and_how_often() {
        let at =
            |second: &str| json!({ "datetime": format!("202611300102{second}"), "tz": "+0000" });
        let event = json!({
            "kind": "out", "time": at("09"), "first_time": at("03"), "count": 12,
            "text": "app/tomcat1 went out of service: its health check gets no answer",
        });
        let expected = "2026-11-30 01:02:09 +0000  app/tomcat1 went out of service: its health check gets no answer (12 times since 2026-11-30 01:02:03 +0000)";
        assert_eq!(line(&event), TextLine::new(expected, Emphasis::Bad));
    }
}
