//! `jkctl status`.

use std::io::Write;

use mod_jk::config::{Ajp13Config, MemberConfig, Settings};
use serde_json::Value;

use crate::cli::server::Status;
use crate::client::Client;
use crate::history;
use crate::output::{Emphasis, Printer, TextLine, wrapped};
use crate::page::{Target, array};
use crate::table::{TableView, lines};
use crate::{CommandResult, OUT, WELL};

/// Shows balancers and members once, or again and again.
pub fn run(args: &Status, output: Printer) -> CommandResult {
    let client = Client::new(&args.server)?;
    let target = args.target.as_deref().map(Target::parse);
    // A wrong URL or name is said once and ends it.
    let get = || get(&client, target, output);
    let mut page = get()?;
    if !args.watch {
        show(&page, target, output);
        let is_member = target.is_some_and(|own| own.member.is_some());
        return Ok(if is_healthy(&page, is_member) { WELL } else { OUT });
    }
    loop {
        clear(output);
        show(&page, target, output);
        page = loop {
            std::thread::sleep(args.delay);
            match get() {
                Ok(page) => break page,
                // httpd may come back.
                Err(why) => eprintln!("jkctl: {}", mod_jk::text::shown(&why)),
            }
        };
    }
}

/// Asks for what is wanted. Text has no events; `jkctl events` shows them.
fn get(client: &Client, target: Option<Target<'_>>, output: Printer) -> Result<Value, String> {
    match target {
        None if output.is_json() => client.get(&[("cmd", "list")]),
        None => client.list(),
        Some(own) => client.get(&[&[("cmd", "show")][..], &own.query()].concat()),
    }
}

fn show(page: &Value, target: Option<Target<'_>>, output: Printer) {
    if output.is_json() {
        return output.json(page);
    }
    let worker = target.and_then(|own| alone(page, own));
    // Of one alone there is a section of it.
    let has_history = worker.is_none();
    let view = TableView { columns: output.columns(), has_history, ..TableView::default() };
    let mut shown = lines(page, &view);
    if let Some(worker) = worker {
        shown.push(TextLine::plain(""));
        shown.push(TextLine::new("history since httpd began", Emphasis::Head));
        let history = history::in_full(worker, page["server"]["time"]["unix"].as_i64());
        let history = history.into_iter().map(|(name, value)| (name.to_owned(), value));
        for (name, value) in history.chain(history::lately(worker)) {
            shown.extend(pair(&name, &value, output.columns()));
        }
        shown.push(TextLine::plain(""));
        shown.push(TextLine::new("settings", Emphasis::Head));
        shown.extend(settings(worker, &page["origins"], output.columns()));
    }
    output.lines(&shown);
}

/// On a terminal the next look replaces the one before, elsewhere it follows it.
fn clear(output: Printer) {
    match output.columns() {
        _ if output.is_json() => {}
        usize::MAX => say!(),
        // What is written next says whether the terminal is still there.
        _ => drop(std::io::stdout().write_all(b"\x1b[H\x1b[2J")),
    }
}

/// Tells whether nothing that a page shows is out or degraded.
fn is_healthy(page: &Value, is_member: bool) -> bool {
    let balancers = array(page, "balancers");
    let members = array(page, "balancers").flat_map(|own| array(own, "members"));
    // Of a balancer with one member only that member is asked for.
    let balancers = balancers.filter(|_| !is_member);
    let mut all = balancers.chain(members).chain(array(page, "ajp_workers"));
    !all.any(|own| own["condition"] == "out" || own["condition"] == "degraded")
}

/// Finds the one member or worker that was asked for.
fn alone<'p>(page: &'p Value, target: Target<'_>) -> Option<&'p Value> {
    match target.member {
        Some(_) => array(page, "balancers").flat_map(|own| array(own, "members")).next(),
        None => array(page, "ajp_workers").next(),
    }
}

/// Writes a name and its value, which goes on below itself where it is long.
fn pair(name: &str, value: &str, columns: usize) -> Vec<TextLine> {
    let mut lines = wrapped(&format!("{:INDENT$}{value}", ""), columns, INDENT);
    lines[0].replace_range(..INDENT, &format!("  {name:<28} "));
    lines.into_iter().map(TextLine::plain).collect()
}

/// Writes the settings in force, and where those come from that are set. Those of a member only are not there for a worker.
fn settings(worker: &Value, origins: &Value, columns: usize) -> Vec<TextLine> {
    let rows = MemberConfig::rows().map(|own| own.0).chain(Ajp13Config::rows().map(|own| own.0));
    let mut lines = Vec::new();
    for row in rows {
        let Some(value) = worker.get(row.key()) else { continue };
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) if row.kind.is_time() => format!("{number} {}", row.kind.unit()),
            other => other.to_string(),
        };
        let text = match origins[row.name].as_str() {
            // Most are as they are by default.
            Some("default") | None => text,
            Some(from) => format!("{text} ({from})"),
        };
        lines.extend(pair(row.name, &text, columns));
    }
    lines
}

/// Indentation of the values.
const INDENT: usize = 31;
