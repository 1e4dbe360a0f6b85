//! Writes `docs/performance.md` and its pictures from what was measured.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::load::{Found, Scene, curve, scene};
use crate::plot;
use crate::servers::{Peer, Place};
use crate::support;
use crate::table::{Costs, KINDS, exact};

/// Measures everything and writes the report.
pub fn write(place: &Place, rounds: usize) {
    let costs = exact(place);
    let mut text = INTRODUCTION.to_owned();
    table(&costs, &mut text);
    let docs = support::root().join("docs");
    let bars: Vec<_> = Peer::ALL
        .iter()
        .filter_map(|peer| Some((peer.name(), costs.get(peer)?[0].as_ref()?.instructions / 1000.0)))
        .collect();
    let picture = plot::bars("128 B GET: thousand instructions for each request", &bars);
    fs::write(docs.join("performance-instructions.svg"), picture).expect("docs is writable");
    text += "![Instructions of a small GET](performance-instructions.svg)\n\n";
    text += CPU;
    for one in Scene::ALL {
        let peers: Vec<_> = Peer::ALL
            .into_iter()
            .filter(|peer| !one.kind.is_post || *peer != Peer::Limit)
            .collect();
        load(&one, &scene(place, &one, &peers, rounds), &mut text);
    }
    text += CURVE;
    let found = curve(place, &[Peer::ModJk, Peer::ProxyAjp, Peer::Ours]);
    throughput(&found, &mut text);
    let lines: Vec<_> = found
        .iter()
        .map(|(peer, points)| {
            let points = points.iter().map(|(count, own)| (*count as f64, own.per_second / 1000.0));
            (peer.name(), points.collect::<Vec<_>>())
        })
        .collect();
    let picture = plot::lines("Thousand requests a second over connections", &lines);
    fs::write(docs.join("performance-threads.svg"), picture).expect("docs is writable");
    text += "![Throughput over connections](performance-threads.svg)\n\n";
    text +=
        &fs::read_to_string(support::root().join("tests/bench/distance.md")).unwrap_or_default();
    fs::write(docs.join("performance.md"), &text).expect("docs is writable");
    println!("{text}");
}

fn table(costs: &Costs, text: &mut String) {
    let names = Peer::ALL.map(Peer::name);
    let _ = writeln!(text, "| one more request | {} | goal |", names.join(" | "));
    let _ = writeln!(text, "|---|{}---|", "---|".repeat(names.len()));
    let limit = costs.get(&Peer::Limit).and_then(|own| own[0].as_ref());
    let small = |peer: Peer| costs.get(&peer).and_then(|own| own[0].as_ref());
    for (place, kind) in KINDS.iter().enumerate() {
        let of = |peer: Peer| costs.get(&peer).and_then(|own| own[place].as_ref());
        if kind.rules > 0 || kind.members > 1 {
            let cells = Peer::ALL.map(|peer| match (of(peer), small(peer)) {
                (Some(own), Some(less)) => {
                    format!("{:+.1} k", (own.instructions - less.instructions) / 1000.0)
                }
                _ => "".to_owned(),
            });
            let goal = if kind.rules > 0 { "+1 k" } else { "+2 k" };
            let _ = writeln!(text, "| {} | {} | {goal} |", kind.name, cells.join(" | "));
            continue;
        }
        let thousand = |own: Option<f64>| own.map_or("".to_owned(), |own| format!("{own:.1} k"));
        let number = |own: Option<f64>| own.map_or("".to_owned(), |own| format!("{own:.1}"));
        let cells = Peer::ALL.map(|peer| thousand(of(peer).map(|own| own.instructions / 1000.0)));
        let goal = match place {
            0 => limit.map_or("".to_owned(), |own| {
                format!("{:.1} k, 6.5 k above the limit", own.instructions / 1000.0 + 6.5)
            }),
            1 => "36 k".to_owned(),
            2 => "90 k".to_owned(),
            _ => "58 k".to_owned(),
        };
        let _ = writeln!(text, "| {}: instructions | {} | {goal} |", kind.name, cells.join(" | "));
        let cells = Peer::ALL.map(|peer| number(of(peer).map(|own| own.system_calls)));
        let goal = ["7", "8", "45", "28"][place];
        let _ = writeln!(text, "| {}: system calls | {} | {goal} |", kind.name, cells.join(" | "));
        let cells = Peer::ALL.map(|peer| number(of(peer).map(|own| own.allocations)));
        let _ = writeln!(text, "| {}: allocations | {} | 0 |", kind.name, cells.join(" | "));
    }
    text.push('\n');
}

fn load(one: &Scene, found: &BTreeMap<Peer, Found>, text: &mut String) {
    let _ = writeln!(text, "### {}, {} connections\n", one.name(), one.connections);
    *text += "| | CPU to mod_jk's | requests a second to mod_jk's | median | 99 % | largest process |\n|---|---|---|---|---|---|\n";
    let base = found.get(&Peer::ModJk).copied().unwrap_or_default();
    for peer in Peer::ALL {
        let Some(own) = found.get(&peer) else { continue };
        let _ = writeln!(
            text,
            "| {} | {:.2} | {:.2} | {:.2} ms | {:.2} ms | {:.1} MiB |",
            peer.name(),
            own.cpu_us / base.cpu_us,
            own.per_second / base.per_second,
            own.median_ms,
            own.p99_ms,
            own.memory_kib as f64 / 1024.0
        );
    }
    text.push('\n');
}

fn throughput(found: &BTreeMap<Peer, Vec<(usize, Found)>>, text: &mut String) {
    let counts: Vec<_> =
        found.values().next().into_iter().flatten().map(|(count, _)| *count).collect();
    let words: Vec<_> = counts.iter().map(usize::to_string).collect();
    let _ = writeln!(text, "| connections | {} |", words.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(counts.len()));
    for (peer, points) in found {
        let cells: Vec<_> = points
            .iter()
            .map(|(_, own)| format!("{:.0} ({:.2} ms)", own.per_second, own.p99_ms))
            .collect();
        let _ = writeln!(text, "| {} | {} |", peer.name(), cells.join(" | "));
    }
    text.push('\n');
}

const INTRODUCTION: &str = "# Performance

Written by `make bench`; every figure is of one run on one machine. How it is measured stands in
[tests/bench/README.md](../tests/bench/README.md).

## What one more request costs

Instructions outside the kernel, system calls and calls of the allocator: exact, on whatever machine.
httpd with the prefork MPM, one client that keeps its connection, a balancer of one member. \"Limit\" is
the least that a module can cost which asks a container and waits.

";

const CPU: &str = "## CPU time, throughput, latency, memory

CPU time of all processes of the server for each request, as a ratio to mod_jk's in the same run;
medians of rounds that take the servers in turn. Bodies are compared in every round. The last column is
the proportional memory of the largest process under this load.

";

const CURVE: &str = "## Threads on one worker

Requests of 128 B a second, and the 99th percentile, with one process of 50 threads.

";
