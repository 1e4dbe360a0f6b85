//! What no backend and no client should send, one row each, and what must be true after it.
//!
//! `cargo test --test hazards -- --nocapture` prints a line for each row; `HAZARD=B23` runs one.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod asks;
mod clients;
mod mutations;
mod peer;
mod replies;
mod site;
mod table;

use peer::{Act, Peer};
use site::Site;
use std::time::{Duration, Instant};

use support::client::Client;
use support::sockets::SocketDir;
use support::wait_until;
use table::{Ask, Backend, Row};

/// Tells whether a row was asked for.
fn is_wanted(id: &str) -> bool {
    std::env::var("HAZARD").map_or(true, |rows| rows.split(',').any(|own| own == id))
}

fn report(id: &str, text: &str, result: &Result<(), String>) {
    let word = if result.is_ok() { "ok    " } else { "FAILED" };
    println!("{id:<5} {word} {text}");
}

#[test]
fn rows_that_are_asked_for_exist() {
    let all: Vec<_> = replies::rows().iter().map(|row| row.id).collect();
    let all = [all, asks::rows().iter().map(|row| row.id).collect()].concat();
    for row in std::env::var("HAZARD").iter().flat_map(|rows| rows.split(',')) {
        assert!(all.contains(&row), "HAZARD={row} is no row of the tables");
    }
}

#[test]
fn group_b_what_backends_send() {
    group_b("hazards-b", Peer::start(script));
}

#[test]
fn group_b_over_a_unix_domain_socket() {
    let dir = SocketDir::new("hazards");
    group_b("hazards-b-unix", Peer::start_unix(&dir.path("s"), script));
}

fn script(id: &str) -> Vec<Act> {
    let row = replies::rows().into_iter().find(|row| row.id == id);
    row.expect("a row of the table").script
}

fn group_b(name: &str, peer: Peer) {
    let mut site = Site::start(name, peer);
    let mut wrong = Vec::new();
    for row in replies::rows().iter().filter(|row| is_wanted(row.id)) {
        let result = run(&mut site, row);
        report(row.id, row.text, &result);
        if let Err(why) = result {
            wrong.push(format!("{}: {why}", row.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run(site: &mut Site, row: &Row) -> Result<(), String> {
    let (watch, begun) = (site.watch(), Instant::now());
    let mut client = Client::connect(site.port());
    let path = format!("/app/row/{}", row.id);
    let (method, length) = match row.ask {
        Ask::Get => ("GET", None),
        Ask::Head => ("HEAD", None),
        Ask::Post(length) => ("POST", Some(length)),
    };
    let framing = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n{framing}\r\n").into_bytes();
    bytes.resize(bytes.len() + length.unwrap_or(0), b'p');
    let Some(response) = client.try_raw(&bytes, method) else {
        return Err("no answer".to_owned());
    };
    let expected = if row.status == 0 { 200 } else { row.status };
    if response.status != expected {
        return Err(format!("status {} instead of {expected}", response.status));
    }
    if (row.status == 0) == response.is_complete && row.ask != Ask::Head {
        return Err(format!("the response is whole: {}", response.is_complete));
    }
    if begun.elapsed() > LONGEST {
        return Err(format!("it took {:?}", begun.elapsed()));
    }
    let text = format!("{:?}{}", response.headers, response.text());
    if text.contains("X-Injected") || text.contains("MARK-") {
        return Err(format!("foreign bytes: {text}"));
    }
    std::thread::sleep(row.pause);
    site.check(&watch, row.id, row.code)?;
    let lines = site.peer.of(row.id);
    let [seen] = lines.as_slice() else {
        return Err(format!("{} deliveries instead of one", lines.len()));
    };
    let is_closed = || site.peer.of(row.id).iter().all(|own| own.is_closed || own.we_closed);
    match row.backend {
        Backend::Closed if !wait_until(SETTLED, is_closed) => {
            Err("the connection is still open".to_owned())
        }
        Backend::Kept if seen.is_closed => Err("the connection was closed".to_owned()),
        _ if !(row.check)(&response, seen) => {
            Err(format!("the row's own check: {:?} {}", response.headers, response.text()))
        }
        _ => Ok(()),
    }
}

/// How long what is right at the end may take on a machine that is busy with other work; seeded faults
/// wait for all of it.
const SETTLED: Duration = Duration::from_secs(20);

/// The reply timeout of two seconds, and a little.
const LONGEST: Duration = Duration::from_millis(3500);
