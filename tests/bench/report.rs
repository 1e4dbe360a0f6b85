//! Writes `docs/performance.md` and its pictures from what was measured.

use std::fmt::Write;
use std::fs;

use crate::exact::parking;
use crate::figures::{Figure, Rounds};
use crate::goals::{self, Run};
use crate::load::{Scene, curve, scene};
use crate::plot;
use crate::servers::{Peer, Place};
use crate::support;
use crate::system::{Watch, machine};
use crate::table::{Costs, KINDS, exact};
use crate::{Responder, micro, tomcat};

/// Measures one scene, or all of them, and prints what was found.
pub fn part(responder: &Responder, rounds: usize, word: Option<&str>) {
    let watch = Watch::begin(responder.process.id());
    let place = responder.place();
    let is_wanted = |one: &Scene| word.is_none_or(|word| word == one.word);
    for one in Scene::ALL.iter().chain(&Scene::MEMORY).filter(|one| is_wanted(one)) {
        println!("{}", load(one, &scene(&place, one, rounds)));
    }
    for one in Scene::SOCKETS.iter().filter(|one| is_wanted(one)) {
        println!("{}", sockets(&[(*one, scene(&place, one, rounds))]));
    }
    if is_wanted(&Scene::THREADS) {
        let run = Run { curve: curve(&place, rounds), ..Run::default() };
        println!("{}", throughput(&run));
    }
    if Scene::TOMCAT.iter().any(is_wanted) {
        let (_tomcat, place) = tomcat::start(&support::fresh_dir("bench-tomcat"));
        for one in Scene::TOMCAT.iter().filter(|one| is_wanted(one)) {
            println!("{}", load(one, &scene(&place, one, rounds)));
        }
    }
    println!("Other work: {:.2} CPUs", watch.end().other);
}

/// Measures everything and writes the report.
pub fn write(responder: &Responder, rounds: usize) {
    let (place, responder) = (&responder.place(), responder.process.id());
    let watch = Watch::begin(responder);
    let mut small_parts = String::new();
    micro::table(&mut small_parts);
    let exact_watch = Watch::begin(responder);
    let mut run = Run { costs: exact(place), ..Run::default() };
    let exact_work = exact_watch.end();
    let load_watch = Watch::begin(responder);
    let measure = |scenes: &[Scene], place: &Place| -> Vec<(Scene, Rounds)> {
        let measured = scenes.iter().map(|one| (*one, scene(place, one, rounds)));
        measured.inspect(|(one, found)| println!("{}", load(one, found))).collect()
    };
    run.scenes = measure(&Scene::ALL, place);
    run.sockets = Scene::SOCKETS.iter().map(|one| (*one, scene(place, one, rounds))).collect();
    println!("{}", sockets(&run.sockets));
    run.memory = measure(&Scene::MEMORY, place);
    run.curve = curve(place, rounds);
    println!("{}", throughput(&run));
    let dir = support::fresh_dir("bench-tomcat");
    let (tomcat, before_tomcat) = tomcat::start(&dir);
    run.tomcat = measure(&Scene::TOMCAT, &before_tomcat);
    drop(tomcat);
    let load_work = load_watch.end();
    let work = watch.end();

    let mut text = format!("{INTRODUCTION}{}.\n\n", machine());
    let _ = writeln!(
        text,
        "The run took {:.0} minutes, {:.0} of them for the exact figures, with {rounds} rounds. Under load the machine did \
         other work with {:.2} of its CPUs, on average, and with {:.2} during the exact figures, which that does not touch.\n",
        work.minutes, exact_work.minutes, load_work.other, exact_work.other
    );
    text += "## Goals\n\n";
    goals::table(&run, &mut text);
    text += EXACT;
    table(&run.costs, &mut text);
    let [off, unset] = parking(place);
    let _ = writeln!(
        text,
        "With the event MPM a 128 B GET takes {:.1} k instructions with `JkAsync Off` and {:.1} k where it is not set, {:.3} times as many, \
         if the backend answers within `JkAsyncAfter`.\n",
        off.instructions / 1000.0,
        unset.instructions / 1000.0,
        unset.instructions / off.instructions
    );
    picture("instructions", "Instructions of a small GET", &bars(&run.costs), &mut text);
    text += PARTS;
    text += &small_parts;
    text += CPU;
    for (one, found) in &run.scenes {
        text += &load(one, found);
    }
    text += SOCKETS;
    text += &sockets(&run.sockets);
    text += MEMORY;
    text += &memory(&run);
    text += CURVE;
    text += &throughput(&run);
    picture("threads", "Throughput over connections", &lines(&run), &mut text);
    text += TOMCAT;
    for (one, found) in &run.tomcat {
        text += &load(one, found);
    }
    text +=
        &fs::read_to_string(support::root().join("tests/bench/distance.md")).unwrap_or_default();
    fs::write(support::root().join("docs/performance.md"), &text).expect("docs is writable");
    println!("{text}");
}

fn picture(name: &str, title: &str, svg: &str, text: &mut String) {
    let file = format!("performance-{name}.svg");
    fs::write(support::root().join("docs").join(&file), svg).expect("docs is writable");
    let _ = writeln!(text, "![{title}]({file})\n");
}

fn bars(costs: &Costs) -> String {
    let bars: Vec<_> = Peer::HTTPD
        .iter()
        .filter_map(|peer| Some((peer.name(), costs.get(peer)?[0].as_ref()?.instructions / 1000.0)))
        .collect();
    plot::bars("128 B GET: thousand instructions for each request", &bars)
}

fn lines(run: &Run) -> String {
    let of = |peer: &Peer| {
        let points = run.curve.iter().filter_map(|(count, rounds)| {
            Some((*count as f64, rounds.of(*peer, |own| own.per_second)?.median / 1000.0))
        });
        (peer.name(), points.collect::<Vec<_>>())
    };
    let lines: Vec<_> = Scene::THREADS.peers.iter().map(of).collect();
    plot::lines("Thousand requests a second over connections", &lines)
}

fn table(costs: &Costs, text: &mut String) {
    let names = Peer::HTTPD.map(Peer::name);
    let _ = writeln!(text, "| one more request | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
    for (place, kind) in KINDS.iter().enumerate() {
        let of = |peer: Peer| costs.get(&peer).and_then(|own| own[place].as_ref());
        let small = |peer: Peer| costs.get(&peer).and_then(|own| own[0].as_ref());
        let mut row = |what: &str, cell: &dyn Fn(Peer) -> Option<String>| {
            let cells = Peer::HTTPD.map(|peer| cell(peer).unwrap_or_default());
            let _ = writeln!(text, "| {}{what} | {} |", kind.name, cells.join(" | "));
        };
        if kind.rules > 0 || kind.members > 1 {
            row("", &|peer| {
                let more = of(peer)?.instructions - small(peer)?.instructions;
                Some(format!("{:+.1} k", more / 1000.0))
            });
            continue;
        }
        row(": instructions", &|peer| Some(format!("{:.1} k", of(peer)?.instructions / 1000.0)));
        row(": system calls", &|peer| Some(format!("{:.1}", of(peer)?.system_calls)));
        row(": allocations", &|peer| Some(format!("{:.1}", of(peer)?.allocations)));
    }
    text.push('\n');
}

/// Returns the table of a scene.
pub fn load(one: &Scene, found: &Rounds) -> String {
    let mut text = format!("### {}, {} connections\n\n", one.name(), one.connections);
    text += "| | CPU to mod_jk's | requests a second to mod_jk's | median, ms | 99 %, ms | largest process, MiB |\n\
             |---|---|---|---|---|---|\n";
    let (cpu, rate): (Figure, Figure) = (|own| own.cpu_us, |own| own.per_second);
    for peer in one.peers {
        let ratios = [cpu, rate].map(|figure| found.to_mod_jk(*peer, figure));
        let [Some(cpu), Some(rate)] = ratios else { continue };
        let of = |figure: Figure| found.of(*peer, figure);
        let shown = |figure: Figure| of(figure).map_or(String::new(), |own| format!("{own:.2}"));
        let memory = of(|own| own.memory_kib).map_or(0.0, |own| own.median / 1024.0);
        let _ = writeln!(
            text,
            "| {} | {cpu:.2} | {rate:.2} | {} | {} | {memory:.1} |",
            peer.name(),
            shown(|own| own.median_ms),
            shown(|own| own.p99_ms),
        );
    }
    text + "\n"
}

/// Returns the table of a Unix-domain socket beside TCP.
fn sockets(found: &[(Scene, Rounds)]) -> String {
    let mut text = "| | CPU to TCP's | requests a second to TCP's | median to TCP's | median over TCP, ms | over a socket, ms |\n\
                    |---|---|---|---|---|---|\n"
        .to_owned();
    for (one, rounds) in found {
        let figures: [Figure; 3] = [|own| own.cpu_us, |own| own.per_second, |own| own.median_ms];
        let ratios = figures.map(|figure| rounds.ratio(Peer::OursUnix, Peer::Ours, figure));
        let medians = [Peer::Ours, Peer::OursUnix].map(|peer| rounds.of(peer, |own| own.median_ms));
        let ([Some(cpu), Some(rate), Some(median)], [Some(tcp), Some(unix)]) = (ratios, medians)
        else {
            continue;
        };
        let _ = writeln!(
            text,
            "| {}, connections: {} | {cpu:.2} | {rate:.2} | {median:.2} | {tcp:.3} | {unix:.3} |",
            one.name(),
            one.connections
        );
    }
    text + "\n"
}

fn memory(run: &Run) -> String {
    let peers = run.memory.first().map_or(&[][..], |(scene, _)| scene.peers);
    let names: Vec<_> = peers.iter().map(|peer| peer.name()).collect();
    let mut text = format!("| | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for (scene, rounds) in &run.memory {
        let cells: Vec<_> = peers
            .iter()
            .filter_map(|peer| rounds.of(*peer, |own| own.memory_kib))
            .map(|own| format!("{:.2} MiB", own.times(1.0 / 1024.0)))
            .collect();
        let _ = writeln!(text, "| {} | {} |", scene.kind.name, cells.join(" | "));
    }
    text + "\n"
}

/// Returns the table of the curve.
pub fn throughput(run: &Run) -> String {
    let counts: Vec<_> = run.curve.keys().map(usize::to_string).collect();
    let mut text =
        format!("| connections | {} |\n|---|{}\n", counts.join(" | "), "---|".repeat(counts.len()));
    let mut row = |what: &str, cell: &dyn Fn(&Rounds) -> Option<String>| {
        let cells: Vec<_> =
            run.curve.values().map(|rounds| cell(rounds).unwrap_or_default()).collect();
        let _ = writeln!(text, "| {what} | {} |", cells.join(" | "));
    };
    for peer in Scene::THREADS.peers {
        row(&format!("{}, requests a second", peer.name()), &|rounds| {
            Some(format!("{:.0}", rounds.of(*peer, |own| own.per_second)?.median))
        });
    }
    row("this module to mod_jk", &|rounds| {
        Some(format!("{:.2}", rounds.to_mod_jk(Peer::Ours, |own| own.per_second)?))
    });
    for peer in Scene::THREADS.peers {
        row(&format!("{}, 99 % in ms", peer.name()), &|rounds| {
            Some(format!("{:.2}", rounds.of(*peer, |own| own.p99_ms)?))
        });
    }
    text + "\n"
}

const INTRODUCTION: &str = "# Performance

Generated by `make bench`; every figure is of one run on one machine. `tests/bench/README.md`
describes the measurement. Three numbers are the median of the rounds and, in
brackets, the least and the most of them. The machine: ";

const EXACT: &str = "
## What one more request costs

Instructions outside the kernel, system calls and calls of the allocator: exact, on whatever machine.
httpd with the prefork MPM, one client that keeps its connection, a balancer of one member. \"Limit\" is
the least that a module can cost which sends a request to a backend and waits.

";

const PARTS: &str = "## What parts cost alone

Instructions of the module's parts, without link-time optimisation.

";

const CPU: &str = "## CPU time, throughput, latency, memory

CPU time of all processes of the server for each request, and its throughput, as ratios to mod_jk's in
the same round. Each round takes all servers in turn and begins with another one. Bodies are compared in
every round. The last column is the proportional memory of the largest process under this load. lighttpd,
with its mod_ajp13, serves everything from one thread; with a body it does not take part, as its packets
lack the length that AJP13 wants in front of each part.

";

const SOCKETS: &str = "## Over a Unix-domain socket

This module twice, side by side in each round: over TCP and over a Unix-domain socket, as ratios of the
second to the first. With one connection the median is the time to the first byte of a small answer.

";

const MEMORY: &str = "## Memory of one child

Proportional memory of one child with 50 threads under 50 connections.

";

const CURVE: &str = "## Threads on one worker

One process of 64 threads and one worker, 128 B GET: with 8 connections 8 threads are at work.

";

const TOMCAT: &str = "## Before a real Tomcat

The same with one Tomcat and a page without a session. Tomcat is slower than what is measured, and shares
the machine with it: only the CPU time, which is that of httpd alone, says something here.

";
