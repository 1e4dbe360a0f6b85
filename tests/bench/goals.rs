//! What was set as a goal, what this run has, and whether that is enough.

use std::fmt::Write;

use crate::figures::{Figure, Rounds, Spread};
use crate::load::Scene;
use crate::servers::Peer;
use crate::table::{Costs, KINDS};

/// All that a run has found.
#[derive(Default)]
pub struct Run {
    pub costs: Costs,
    /// By the word of the scene.
    pub scenes: Vec<(Scene, Rounds)>,
    pub sockets: Vec<(Scene, Rounds)>,
    pub memory: Vec<(Scene, Rounds)>,
    pub curve: std::collections::BTreeMap<usize, Rounds>,
    pub tomcat: Vec<(Scene, Rounds)>,
}

/// Most CPU time for each request as a ratio to mod_jk's.
const CPU: [(&str, f64); 5] =
    [("small", 0.80), ("medium", 0.60), ("large", 0.50), ("post", 0.70), ("prefork", 0.72)];

/// Most of a figure over a Unix-domain socket as a ratio to that over TCP, with one client.
const SOCKETS: [(&str, Figure, f64); 2] = [
    ("CPU time", |own| own.cpu_us, 0.93),
    ("median time to the first byte", |own| own.median_ms, 0.80),
];

/// Most thousand instructions and most system calls, in the order of [`KINDS`]. The first is counted
/// from the limit, the last two from the first.
const COSTS: [(f64, Option<f64>); 6] = [
    (6.5, Some(7.0)),
    (36.0, Some(8.0)),
    (90.0, Some(45.0)),
    (58.0, Some(28.0)),
    (1.0, None),
    (2.0, None),
];

/// Writes the table of goals.
pub fn table(run: &Run, text: &mut String) {
    *text += "| goal | at most | this run | limit in this run | |\n|---|---|---|---|---|\n";
    let mut row = |what: &str, most: &str, own: &str, limit: &str, is_met: bool| {
        let verdict = if is_met { "met" } else { "**missed**" };
        let _ = writeln!(text, "| {what} | {most} | {own} | {limit} | {verdict} |");
    };
    costs(&run.costs, &mut row);
    for (scene, rounds) in &run.scenes {
        let cpu: Figure = |own| own.cpu_us;
        let most = CPU.iter().find(|(word, _)| *word == scene.word);
        let own = rounds.to_mod_jk(Peer::Ours, cpu);
        let (Some((_, most)), Some(own)) = (most, own) else { continue };
        let limit = shown(rounds.to_mod_jk(Peer::Limit, cpu));
        let what = format!("{}: CPU time to mod_jk's", scene.name());
        row(&what, &format!("{most:.2}"), &format!("{own:.2}"), &limit, own.median <= *most);
    }
    for (scene, rounds) in run.scenes.iter().filter(|(scene, _)| scene.word == "small") {
        let p99: Figure = |own| own.p99_ms;
        compared(&format!("{}: 99 % latency in ms", scene.name()), rounds, p99, 1.0, &mut row);
    }
    if let Some((scene, rounds)) = run.sockets.first() {
        for (what, figure, most) in SOCKETS {
            let Some(own) = rounds.ratio(Peer::OursUnix, Peer::Ours, figure) else { continue };
            let what = format!("{} over a Unix-domain socket: {what} to TCP's", scene.kind.name);
            row(&what, &format!("{most:.2}"), &format!("{own:.2}"), "", own.median <= most);
        }
    }
    for (scene, rounds) in &run.memory {
        let what = format!("{}: memory in MiB, 50 threads at work", scene.kind.name);
        compared(&what, rounds, |own| own.memory_kib, 1.0 / 1024.0, &mut row);
    }
    let worst = run.curve.iter().filter_map(|(count, rounds)| {
        Some((*count, rounds.to_mod_jk(Peer::Ours, |own| own.per_second)?))
    });
    if let Some((count, own)) = worst.min_by(|a, b| a.1.median.total_cmp(&b.1.median)) {
        let what =
            format!("1 to 50 connections on one worker: throughput to mod_jk's, worst at {count}");
        row(&what, "at least 1.00", &format!("{own:.2}"), "", own.median >= 1.0);
    }
}

type Row<'r> = dyn FnMut(&str, &str, &str, &str, bool) + 'r;

/// A figure that must be no more than mod_jk's.
fn compared(what: &str, rounds: &Rounds, figure: Figure, unit: f64, row: &mut Row<'_>) {
    let of = |peer| rounds.of(peer, figure).map(|own| own.times(unit));
    let (Some(own), Some(base)) = (of(Peer::Ours), of(Peer::ModJk)) else { return };
    let most = format!("mod_jk's: {base:.2}");
    row(what, &most, &format!("{own:.2}"), &shown(of(Peer::Limit)), own.median <= base.median);
}

fn costs(costs: &Costs, row: &mut Row<'_>) {
    let of = |peer: Peer, place: usize| costs.get(&peer).and_then(|own| own[place].as_ref());
    for (place, (kind, (most, most_calls))) in KINDS.iter().zip(COSTS).enumerate() {
        let Some(own) = of(Peer::Ours, place) else { continue };
        let small = of(Peer::Ours, 0).map_or(0.0, |own| own.instructions);
        let limit = of(Peer::Limit, place);
        let thousand = |count: f64| format!("{:.1} k", count / 1000.0);
        if kind.rules > 0 || kind.members > 1 {
            let more = own.instructions - small;
            let what = format!("{}: instructions", kind.name);
            row(
                &what,
                &format!("+{most:.1} k"),
                &format!("{:+.1} k", more / 1000.0),
                "",
                more <= most * 1000.0,
            );
            continue;
        }
        let base = if place == 0 { limit.map_or(0.0, |own| own.instructions) } else { 0.0 };
        let most = base + most * 1000.0;
        let what = format!("{}: instructions", kind.name);
        let bare = limit.map_or(String::new(), |own| thousand(own.instructions));
        row(&what, &thousand(most), &thousand(own.instructions), &bare, own.instructions <= most);
        if let Some(most) = most_calls {
            let what = format!("{}: system calls", kind.name);
            let bare = limit.map_or(String::new(), |own| format!("{:.1}", own.system_calls));
            // A tenth is what the ends of the runs may leave.
            let is_met = own.system_calls < most + 0.1;
            row(&what, &format!("{most:.0}"), &format!("{:.1}", own.system_calls), &bare, is_met);
        }
    }
}

fn shown(spread: Option<Spread>) -> String {
    spread.map_or(String::new(), |own| format!("{:.2}", own.median))
}
