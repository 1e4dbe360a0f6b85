//! The methods compared: the real elections over simulated members, in simulated time. The same
//! numbers on every machine, as nothing but integers and exact sums go in.
//!
//! `WRITE_DOCS=1 cargo test --test balancer simulation` writes the table in `docs/balancing.md` and
//! the plot `docs/balancing.svg`; the test fails if they are not current.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use mod_jk::clock::Millis;
use mod_jk::lb::{Balancer, BalancerRecord, MemberRecord, Method, Query, hash, latency};

use crate::plain::balancer;
use crate::plot;
use crate::random::Random;

/// A simulated backend.
#[derive(Clone, Copy)]
struct Backend {
    factor: u32,
    threads: usize,
    /// Mean time for one request in microseconds.
    service_us: u64,
    /// Whether it answers every request at once with status 500.
    fails: bool,
}

/// One situation: its name, the members, and which of them is looked at.
struct Scenario {
    name: &'static str,
    members: [Backend; 4],
    odd: usize,
    odd_is: &'static str,
}

const PLAIN: Backend = Backend { factor: 1, threads: 8, service_us: 20_000, fails: false };

const SCENARIOS: [Scenario; 3] = [
    Scenario {
        name: "unequal members",
        members: [
            Backend { factor: 3, threads: 24, ..PLAIN },
            PLAIN,
            PLAIN,
            Backend { factor: 2, threads: 16, ..PLAIN },
        ],
        odd: 0,
        odd_is: "large",
    },
    Scenario {
        name: "one slow member",
        members: [PLAIN, PLAIN, PLAIN, Backend { service_us: 80_000, ..PLAIN }],
        odd: 3,
        odd_is: "slow",
    },
    Scenario {
        name: "one fails fast",
        members: [PLAIN, PLAIN, PLAIN, Backend { service_us: 1_000, fails: true, ..PLAIN }],
        odd: 3,
        odd_is: "failing",
    },
];

const METHODS: [Method; 7] = [
    Method::Request,
    Method::Session,
    Method::Next,
    Method::Traffic,
    Method::Busyness,
    Method::LeastTime,
    Method::Hash,
];

/// What came of one method in one situation.
pub struct Figures {
    pub method: Method,
    pub p50_ms: u64,
    pub p99_ms: u64,
    /// In tenths of a per cent.
    pub failed: u64,
    /// In tenths of a per cent.
    pub odd_share: u64,
}

/// A request on its way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    came_us: u64,
    work_us: u64,
    bytes: u64,
}

/// What happens: when, in which order of coming, at which member, and what ends there.
type End = Reverse<(u64, u64, usize, Request)>;

struct Run<'r> {
    members: &'r [Backend],
    balancer: Balancer,
    records: Vec<MemberRecord>,
    busy: [usize; 4],
    queues: [VecDeque<Request>; 4],
    ends: BinaryHeap<End>,
    count: u64,
    times: Vec<u64>,
    failed: u64,
}

impl Run<'_> {
    fn begin(&mut self, member: usize, request: Request, now_us: u64) {
        if self.busy[member] == self.members[member].threads {
            self.queues[member].push_back(request);
            return;
        }
        self.busy[member] += 1;
        self.count += 1;
        self.ends.push(Reverse((now_us + request.work_us, self.count, member, request)));
    }

    fn end(&mut self, now_us: u64, member: usize, request: Request) {
        let (record, method) = (&self.records[member], self.balancer.method);
        let multiplicity = self.balancer.members[member].multiplicity;
        Balancer::leave(record);
        method.charge_traffic(record, multiplicity, request.bytes);
        record.read.fetch_add(request.bytes, Relaxed);
        let (now, took) = (millis(now_us), now_us - request.came_us);
        if self.members[member].fails {
            self.failed += 1;
            latency::penalise(record, now);
        } else {
            self.times.push(took);
            latency::observe(record, Duration::from_micros(took), now);
        }
        self.busy[member] -= 1;
        if let Some(next) = self.queues[member].pop_front() {
            self.begin(member, next, now_us);
        }
    }
}

fn millis(us: u64) -> Millis {
    Millis(1_000_000 + us / 1000)
}

fn simulate(scenario: &Scenario, method: Method) -> Figures {
    let members = &scenario.members;
    let factors: Vec<_> = members.iter().map(|member| member.factor).collect();
    let mut run = Run {
        members,
        balancer: balancer(method, &factors),
        records: members.iter().map(|_| MemberRecord::default()).collect(),
        busy: [0; 4],
        queues: Default::default(),
        ends: BinaryHeap::new(),
        count: 0,
        times: Vec::new(),
        failed: 0,
    };
    let own = BalancerRecord::default();
    // As many requests as seven tenths of what those that work can carry.
    let working = members.iter().filter(|member| !member.fails);
    let carry: u64 =
        working.map(|member| member.threads as u64 * 1_000_000 / member.service_us).sum();
    let between_us = 1_000_000 * 10 / (carry * 7);
    let mut random = Random(4);
    let mut now_us = 0;
    for _ in 0..REQUESTS {
        now_us += random.exponential(between_us);
        while let Some(Reverse((at, ..))) = run.ends.peek().filter(|end| end.0.0 <= now_us) {
            let at = *at;
            let Some(Reverse((_, _, member, request))) = run.ends.pop() else { break };
            run.end(at, member, request);
        }
        // Few pages get most of the requests.
        let page = random.below(1000) * random.below(1000) / 2000;
        let page = hash(format!("/app/page/{page}").as_bytes());
        let query = Query { hash: Some(page), ..Query::default() };
        let (work, bytes) = (random.exponential(1000), random.exponential(20_000));
        let records: Vec<_> = run.records.iter().collect();
        let chosen = run.balancer.elect(&own, &records, &query, millis(now_us)).unwrap().member;
        let work_us = work * members[chosen].service_us / 1000;
        let request = Request { came_us: now_us, work_us, bytes };
        run.begin(chosen, request, now_us);
    }
    let odd = run.records[scenario.odd].used.load(Relaxed);
    run.times.sort_unstable();
    let percentile = |percent: usize| run.times[(run.times.len() - 1) * percent / 100] / 1000;
    Figures {
        method,
        p50_ms: percentile(50),
        p99_ms: percentile(99),
        failed: run.failed * 1000 / REQUESTS,
        odd_share: odd * 1000 / REQUESTS,
    }
}

fn results() -> Vec<Vec<Figures>> {
    let of = |scenario| METHODS.iter().map(|method| simulate(scenario, *method)).collect();
    SCENARIOS.iter().map(of).collect()
}

fn tenths(value: u64) -> String {
    format!("{}.{} %", value / 10, value % 10)
}

fn table(results: &[Vec<Figures>]) -> String {
    let mut text = String::new();
    for (scenario, rows) in SCENARIOS.iter().zip(results) {
        let odd = scenario.odd_is;
        let _ = write!(
            text,
            "\n{}:\n\n| method | median | 99th percentile | failed | to the {odd} member |\n|---|---|---|---|---|\n",
            scenario.name
        );
        for row in rows {
            let (failed, share) = (tenths(row.failed), tenths(row.odd_share));
            let _ = writeln!(
                text,
                "| {:?} | {} ms | {} ms | {failed} | {share} |",
                row.method, row.p50_ms, row.p99_ms
            );
        }
    }
    text
}

#[test]
fn simulation_in_the_manual_is_current() {
    let results = results();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let manual = docs.join("balancing.md");
    let text = fs::read_to_string(&manual).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("a mark");
    let (_, behind) = rest.split_once(END).expect("a mark");
    let panels: Vec<_> = SCENARIOS
        .iter()
        .map(|scenario| scenario.name)
        .zip(results.iter().map(Vec::as_slice))
        .collect();
    let made = [
        (manual, format!("{before}{BEGIN}{}\n{END}{behind}", table(&results))),
        (docs.join("balancing.svg"), plot::bars(&panels)),
    ];
    for (path, made) in made {
        if std::env::var_os("WRITE_DOCS").is_some() {
            fs::write(&path, &made).unwrap();
        }
        assert!(
            fs::read_to_string(&path).unwrap() == made,
            "{}: run WRITE_DOCS=1 cargo test --test balancer simulation",
            path.display()
        );
    }
}

/// What the manual says about the methods, as far as it can be counted.
#[test]
fn simulation_bears_out_what_the_manual_says() {
    let results = results();
    let of = |scenario: usize, method| {
        results[scenario].iter().find(|row| row.method == method).expect("each was simulated")
    };
    let (busy, time) = (of(1, Method::Busyness), of(1, Method::LeastTime));
    let request = of(1, Method::Request);
    assert!(busy.p99_ms * 2 < request.p99_ms, "a slow member hurts those who only count requests");
    assert!(time.odd_share < 100 && busy.odd_share < 200 && request.odd_share == 250);
    assert!(of(2, Method::Busyness).failed > 400, "who fails fast attracts requests");
    assert!(of(2, Method::LeastTime).failed < 50, "but not with LeastTime");
    assert_eq!(of(0, Method::Request).odd_share, 428, "three sevenths");
}

const REQUESTS: u64 = 20_000;
const BEGIN: &str = "<!-- simulation: begin -->";
const END: &str = "<!-- simulation: end -->";
