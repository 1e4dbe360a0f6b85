//! Does one thing a number of times, so that callgrind can count what one time costs:
//! `costs page|scrape|request <times>`, or what the checks of a configuration do with a number of workers:
//! `costs mounted|unmounted|... <workers>`. `run` beside this compares with the limits.

mod checks;

use std::sync::atomic::Ordering::Relaxed;

use mod_jk::clock::Millis;
use mod_jk::config::{Properties, resolve};
use mod_jk::metrics::Dialect;
use mod_jk::status::render::html;
use mod_jk::status::render::html::PageSettings;
use mod_jk::status::request::parse;
use mod_jk::status::view::ServerView;
use mod_jk::worker::{AttemptMetrics, Processes, Worker, Workers};
use mod_jk::worker::{scrape, snapshot};

const BALANCERS: usize = 50;
const MEMBERS: usize = 20;

fn main() {
    let mut words = std::env::args().skip(1);
    let what = words.next().unwrap_or_default();
    let times: usize = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    if checks::SHAPES.contains(&what.as_str()) {
        println!("{}", checks::run(&what, times));
        return;
    }
    let workers = workers();
    let mut size = 0;
    if what == "request" {
        request(&workers, times);
    }
    for _ in 0..times {
        size = match what.as_str() {
            "page" => page(&workers),
            "scrape" => scrape(&workers, Dialect::OpenMetrics, false).len(),
            "request" => 0,
            _ => panic!("page, scrape, request or one of {:?}", checks::SHAPES),
        };
    }
    println!("{size}");
}

/// A thousand members that have all been used, by two children, a minute ago and since.
fn workers() -> Workers {
    let names: Vec<_> = (0..BALANCERS).map(|lb| format!("balancer{lb:02}")).collect();
    let mut text = format!("worker.list={}\n", names.join(","));
    for (lb, name) in names.iter().enumerate() {
        let members: Vec<_> =
            (0..MEMBERS).map(|own| format!("tomcat{lb:02}-{own:02}.example.org")).collect();
        text += &format!(
            "worker.{name}.type=lb\nworker.{name}.balance_workers={}\n",
            members.join(",")
        );
        for member in members {
            text += &format!("worker.{member}.host=127.0.0.1\nworker.{member}.port=8009\n");
        }
    }
    let mut properties = Properties::default();
    let problems = properties.read(&text, "costs", &|_| None);
    assert!(problems.is_empty(), "{problems:?}");
    let config = resolve(&properties).0;
    let workers =
        Workers::build(&config, Processes { children: 64, threads: 64, most_idle: None }, None)
            .expect("memory");
    for row in 0..2 {
        if row == 1 {
            for place in 0..BALANCERS * MEMBERS {
                let totals = workers.child_counts.totals(place);
                let samples = workers.records.segment.samples(place);
                for ago in [60_000, 30_000] {
                    samples.keep(&totals, 0, Millis(mod_jk::clock::now().0.saturating_sub(ago)));
                }
            }
        }
        for place in 0..BALANCERS * MEMBERS {
            let shard = &workers.records.segment.shards(row)[place];
            shard.requests.store(1_234_567 + place as u64, Relaxed);
            shard.response(200);
            shard.first_byte.observe(place as u64 * 100);
            shard.total.observe(place as u64 * 200);
            shard.sent_bytes.store(987_654_321, Relaxed);
            workers.records.segment.member(place).used.store(1_234_567, Relaxed);
        }
    }
    workers
}

fn page(workers: &Workers) -> usize {
    let picture = snapshot(workers, ServerView::default());
    let (_, command) = parse("cmd=list", false);
    let setting =
        PageSettings { is_read_only: false, nonce: "0123456789abcdef", ..PageSettings::default() };
    html::render(command.as_ref(), &picture, &setting).expect("memory").len()
}

/// What is counted of a request over a connection that is open.
fn request(workers: &Workers, times: usize) {
    let Some(Worker::Lb(lb)) = workers.get("balancer00") else { panic!("it is listed") };
    let (record, shard) = (lb.records[0], workers.child_counts.shard(0));
    for number in 0..times {
        let mut metrics = AttemptMetrics::begin(record, shard, 0, mod_jk::clock::micros());
        metrics.connected(None);
        metrics.sent(600);
        metrics.answered();
        shard.response(200);
        metrics.received(2000 + number as u64);
        // As at the end of a complete reply.
        shard.total.observe(mod_jk::clock::micros());
        std::hint::black_box(&metrics);
    }
}
