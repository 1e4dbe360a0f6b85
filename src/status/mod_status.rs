//! The workers on httpd's own page, that of mod_status: a table, or lines for `?auto`.

use askama::Template;

use crate::status::condition::{self, Condition};
use crate::status::render::escape::{property_value, xml};
use crate::status::view::{MemberView, Snapshot, WorkerView};
use crate::text;

#[derive(Template)]
#[template(path = "status/server_status.html")]
struct WorkerTable {
    rows: Vec<ServerStatusRow>,
    broken: bool,
}

/// One worker, as text.
struct ServerStatusRow {
    balancer: String,
    name: String,
    address: String,
    activation: &'static str,
    state: &'static str,
    condition: Condition,
    busy: u64,
    queued: u64,
    parked: u64,
    used: u64,
    errors: u64,
    connected: u64,
    idle: u64,
    p95: String,
}

/// Returns the section of the page.
pub fn html(snapshot: &Snapshot) -> String {
    let table =
        WorkerTable { rows: rows(snapshot), broken: snapshot.broken_configuration.is_some() };
    // Rendering into a string fails only if a value's own formatting does, and none here does.
    text::shown(&table.render().unwrap_or_default()).into_owned()
}

/// Returns the section of a page that shall have no tables.
pub fn html_without_table(snapshot: &Snapshot) -> String {
    format!("<hr />\n<pre>\n{}</pre>\n", xml(&text::shown(&lines(snapshot))))
}

/// Returns the lines of `?auto`: one key and value each, as mod_status writes its own.
pub fn lines(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    let rows = rows(snapshot);
    out.push_str(&format!("JkWorkers: {}\n", rows.len()));
    for (number, row) in rows.iter().enumerate() {
        let numbers =
            [row.busy, row.used, row.errors, row.connected, row.idle, row.queued, row.parked]
                .map(|n| n.to_string());
        let [busy, used, errors, connected, idle, queued, parked] =
            numbers.each_ref().map(String::as_str);
        for (key, value) in [
            ("Balancer", row.balancer.as_str()),
            ("Name", &row.name),
            ("Address", &row.address),
            ("Activation", row.activation),
            ("State", row.state),
            ("Condition", row.condition.word()),
            ("Busy", busy),
            ("Used", used),
            ("Errors", errors),
            ("Connected", connected),
            ("Idle", idle),
            ("Waiting", queued),
            ("Parked", parked),
        ] {
            let value = if value.is_empty() { "-" } else { value };
            out.push_str(&format!("JkWorker[{number}]{key}: {}\n", property_value(value)));
        }
    }
    let waiting = || {
        let balancers = snapshot.balancers.iter().map(|lb| &lb.waits);
        balancers.chain(snapshot.workers.iter().map(|own| &own.waits))
    };
    let queued: u64 = waiting().map(|own| own.queued).sum();
    let parked: u64 = waiting().map(|own| own.parked).sum();
    out.push_str(&format!("JkWaiting: {queued}\nJkParked: {parked}\n"));
    out
}

fn rows(snapshot: &Snapshot) -> Vec<ServerStatusRow> {
    let members = snapshot.balancers.iter().flat_map(|lb| {
        let of = |(member, found): (&MemberView, condition::Assessment)| ServerStatusRow {
            activation: member.activation.code(),
            state: member.state.code(),
            ..row(&lb.name, &member.ajp, found.condition)
        };
        condition::of_members(lb).into_iter().map(of).collect::<Vec<_>>()
    });
    let alone = |own: &WorkerView| row("", own, condition::of_worker(own).condition);
    members.chain(snapshot.workers.iter().map(alone)).collect()
}

/// A worker alone has neither activation nor state: it takes all requests there are for it.
fn row(balancer: &str, ajp: &WorkerView, condition: Condition) -> ServerStatusRow {
    ServerStatusRow {
        balancer: balancer.to_owned(),
        name: ajp.name.clone(),
        address: match ajp.config.is_unix() {
            true => ajp.config.host.clone(),
            false => format!("{}:{}", ajp.config.host, ajp.config.port),
        },
        activation: "-",
        state: "-",
        condition,
        busy: ajp.busy,
        queued: ajp.waits.queued,
        parked: ajp.waits.parked,
        used: ajp.used,
        errors: ajp.errors,
        connected: ajp.connected,
        idle: ajp.idle,
        p95: ajp.recent.first_byte.estimate(95).map_or("-".to_owned(), condition::estimated),
    }
}
