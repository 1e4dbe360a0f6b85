//! What an election costs, in instructions as callgrind counts them: the same on every run, however
//! busy the machine is. Prints a line for each case and fails if one costs more than it may.
//!
//! `cargo run --profile costs --example election` does it all, with `table` it prints a few cases for the
//! report; the program starts itself under valgrind, once for each case, and collects inside
//! `Balancer::elect` only.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mod_jk::clock::Millis;
use mod_jk::lb::{
    Activation, Balancer, BalancerRecord, Event, MemberRecord, Method, Outcome, Query, hash,
};

mod callgrind;
#[path = "../support/balancer.rs"]
mod plain;

use plain::Plain;

/// What the request of a case has.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asks {
    /// Nothing: it is bound to no member.
    NewClient,
    /// A session of a member in the middle of the list.
    Session,
    /// A session of a domain.
    Domain,
    /// A rule that disables one member.
    Rule,
    /// Loads fall from member to member, the worst order for a scan.
    Falling,
    /// All but the last member are in error.
    Outage,
}

/// Members, method, request, and how many instructions an election may take.
type Case = (usize, Method, Asks, u64);

#[rustfmt::skip]
const CASES: &[Case] = &[
    (1, Method::Request, Asks::NewClient, 250),
    (2, Method::Request, Asks::NewClient, 250),
    (2, Method::Session, Asks::NewClient, 250),
    (2, Method::Next, Asks::NewClient, 250),
    (2, Method::Traffic, Asks::NewClient, 250),
    (2, Method::Busyness, Asks::NewClient, 250),
    (2, Method::LeastTime, Asks::NewClient, 350),
    (2, Method::Hash, Asks::NewClient, 550),
    (2, Method::Request, Asks::Session, 600),
    (2, Method::Request, Asks::Domain, 1_100),
    (2, Method::Request, Asks::Rule, 450),
    (200, Method::Request, Asks::NewClient, 2_200),
    (200, Method::Busyness, Asks::NewClient, 2_200),
    (200, Method::Request, Asks::Session, 600),
    (1000, Method::Request, Asks::NewClient, 12_000),
    (1000, Method::Session, Asks::NewClient, 12_000),
    (1000, Method::Busyness, Asks::NewClient, 12_000),
    (1000, Method::LeastTime, Asks::NewClient, 350),
    (1000, Method::Hash, Asks::NewClient, 12_000),
    (1000, Method::Request, Asks::Session, 600),
    (1000, Method::Request, Asks::Rule, 12_000),
    (1000, Method::Request, Asks::Outage, 13_000),
    (1000, Method::Request, Asks::Falling, 40_000),
];

/// Elections of one measurement. The first of them warm nothing: callgrind counts, it does not time.
const ELECTIONS: u64 = 200;

fn balancer(members: usize, method: Method, asks: Asks) -> Balancer {
    let factors: Vec<_> = (0..members).map(|index| 1 + index as u32 % 3).collect();
    let factors = if asks == Asks::Falling { vec![1; members] } else { factors };
    let mut plain = Plain::new(method, &factors);
    for (index, member) in plain.members.iter_mut().enumerate() {
        member.name = format!("node{index}");
        member.route.clone_from(&member.name);
        if asks == Asks::Domain {
            member.domain = "east".to_owned();
        }
    }
    plain.rules.slow_start = Duration::from_secs(10);
    plain.build()
}

/// What is counted.
#[inline(never)]
fn elections(
    balancer: &Balancer,
    own: &BalancerRecord,
    records: &[&MemberRecord],
    query: &Query<'_>,
    falling: bool,
) {
    for round in 0..ELECTIONS {
        let chosen = balancer.elect(own, records, query, black_box(Millis(5_000 + round))).unwrap();
        if falling {
            // Each time the scan meets a better one at every step.
            own.cursor.store(0, Relaxed);
            let load = &records[chosen.member].lb_value;
            load.store(load.load(Relaxed) - 1, Relaxed);
        }
        Balancer::leave(records[chosen.member]);
    }
}

fn run((members, method, asks, _): Case) {
    let balancer = balancer(members, method, asks);
    let records: Vec<_> = (0..members).map(|_| MemberRecord::default()).collect();
    let records: Vec<_> = records.iter().collect();
    let own = BalancerRecord::default();
    let session = match asks {
        Asks::Session => format!("0123456789ABCDEF0123456789ABCDEF.node{}", members / 2),
        Asks::Domain => "0123456789ABCDEF0123456789ABCDEF.east.gone".to_owned(),
        _ => String::new(),
    };
    let disabled = [format!("node{}", members / 2)];
    let rule = [(&disabled[..], Activation::Disabled)];
    for (index, record) in records.iter().enumerate() {
        let book = |outcome| {
            let event = Event::Ended { outcome, started: Millis(1) };
            balancer.report(&records, index, event, Millis(1));
        };
        book(Outcome::Success);
        match asks {
            Asks::Falling => record.lb_value.store(1_000_000 - index as u64, Relaxed),
            Asks::Outage if index + 1 < members => {
                book(Outcome::ConnectFailed);
                record.lb_value.store(1 << 40, Relaxed);
            }
            // A member has requests, so that the bound of Hash must be worked out.
            _ if method == Method::Hash => record.busy.store(1 + index as u32 % 2, Relaxed),
            _ => {}
        }
    }
    let query = Query {
        session_ids: session.as_bytes(),
        overrides: if asks == Asks::Rule { &rule } else { &[] },
        hash: Some(hash(b"/app/page")),
        ..Query::default()
    };
    elections(&balancer, &own, &records, &query, asks == Asks::Falling);
}

/// Counts a case's instructions with valgrind.
fn count(number: usize) -> u64 {
    let only = ["--toggle-collect=mod_jk::lb::elect::*Balancer>::elect"];
    let count = callgrind::own(&[number.to_string()], &only);
    assert!(count > 0, "no function is called as {only:?} says: it was renamed");
    count
}

/// Prints what the report shows.
fn table() {
    for (number, (members, method, asks, _)) in CASES.iter().enumerate() {
        let of_session = match asks {
            Asks::NewClient => "",
            Asks::Session => ", by its session",
            _ => continue,
        };
        if *method == Method::Request && *members > 1 {
            println!("election among {members} members{of_session}\t{}", count(number) / ELECTIONS);
        }
    }
}

fn main() -> ExitCode {
    let word = env::args().nth(1);
    if let Some(number) = word.as_ref().and_then(|word| word.parse::<usize>().ok()) {
        run(CASES[number]);
        return ExitCode::SUCCESS;
    }
    if word.is_some_and(|word| word == "table") {
        table();
        return ExitCode::SUCCESS;
    }
    let mut is_over = false;
    println!("members  method     request   instructions  at most");
    for (number, (members, method, asks, limit)) in CASES.iter().enumerate() {
        let each = count(number) / ELECTIONS;
        let mark = if each > *limit { "  TOO MANY" } else { "" };
        is_over |= each > *limit;
        let (method, asks) = (format!("{method:?}"), format!("{asks:?}"));
        println!("{members:>7}  {method:<9}  {asks:<8}  {each:>12}  {limit:>7}{mark}");
    }
    if is_over { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
