//! What parking gains with a slow backend and costs with a fast one, beside `JkAsync Off` and the original mod_jk in
//! the same run. In the long version only: it judges times. `MOD_JK_SO` names the released library.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::backend::{Backend, Reply, echo, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, modules_dir};
use crate::{figure, is_long};

fn start(name: &str, port: u16, threads: usize, lines: &str, module: Option<PathBuf>) -> Httpd {
    let workers = format!(
        "worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\nworker.w1.type=ajp13\n"
    );
    let config = format!(
        "StartServers 1\nServerLimit 1\nThreadsPerChild {threads}\nMaxRequestWorkers {threads}\nMinSpareThreads 1\n\
         MaxSpareThreads {threads}\nAsyncRequestWorkerFactor 1000\nTimeout 300\nKeepAlive On\nMaxKeepAliveRequests 0\n\
         JkMount /app/* w1\n{lines}\n"
    );
    Setup { name, mpm: "event", config: &config, workers: &workers }.start_with(module)
}

#[test]
fn two_hundred_requests_of_a_second_take_little_more_than_one() {
    if !is_long() {
        return;
    }
    let backend = Backend::start(|_| {
        std::thread::sleep(Duration::from_secs(1));
        Reply::Bytes(ok(&[], b"slow"))
    });
    let original = Some(modules_dir().join("mod_jk.so")).filter(|path| path.exists());
    let mut rows =
        vec![("JkAsync Auto", "JkAsync Auto", None), ("JkAsync Off", "JkAsync Off", None)];
    rows.extend(original.map(|path| ("the original", "JkShmFile @DIR@/shm", Some(path))));
    for (name, lines, module) in rows {
        let word = name.replace(' ', "-");
        let httpd = start(&format!("endure-200-{word}"), backend.port, 4, lines, module);
        let port = httpd.port;
        let begun = Instant::now();
        let ask = move |_| {
            // The original's clients wait for nearly a minute.
            std::thread::spawn(move || {
                assert_eq!(Client::connect(port).get("/app/x").text(), "slow")
            })
        };
        let clients: Vec<_> = (0..200).map(ask).collect();
        clients.into_iter().for_each(|client| client.join().expect("an answer"));
        let took = begun.elapsed();
        figure(&format!("200 requests of 1 s by one child of 4 threads, {name}: {took:.2?}"));
        assert!(name != "JkAsync Auto" || took < Duration::from_millis(2300), "{took:?}");
    }
}

/// Processor time of all threads of httpd's only child, in nanoseconds.
fn used(httpd: &Httpd) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{}/task", httpd.children()[0])).expect("it runs");
    let of = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    tasks.flatten().filter_map(of).sum()
}

#[test]
fn a_fast_backend_costs_no_more_with_parking() {
    const ROUNDS: usize = 31;
    const REQUESTS: usize = 1000;
    if !is_long() {
        return;
    }
    let backend = Backend::start(echo("n1"));
    let servers = ["Off", "Auto"].map(|mode| {
        let name = format!("endure-fast-{mode}");
        // A busy machine may take long for an answer, whose request is not to be parked.
        start(&name, backend.port, 4, &format!("JkAsync {mode}\nJkAsyncAfter 1000"), None)
    });
    let mut clients = [0, 1].map(|at| Client::connect(servers[at].port));
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let mut times = [0, 0];
        // In turns of a few requests, so that both meet the same machine.
        for turn in 0..REQUESTS / 50 {
            for place in [turn % 2, 1 - turn % 2] {
                let before = used(&servers[place]);
                for _ in 0..50 {
                    assert_eq!(clients[place].get("/app/x").status, 200);
                }
                times[place] += used(&servers[place]) - before;
            }
        }
        if round > 0 {
            ratios.push(times[1] as f64 / times[0] as f64);
        }
    }
    ratios.sort_by(f64::total_cmp);
    figure(&format!(
        "processor time of a request to a fast backend, JkAsync Auto to Off: {:.3} (median of {ROUNDS} rounds of {REQUESTS} requests; {:.3} to {:.3})",
        ratios[ROUNDS / 2],
        ratios[ROUNDS / 4],
        ratios[ROUNDS * 3 / 4]
    ));
    // A busy machine allows no more precise judgement: half of the rounds may lie between 0.6 and 1.1.
    assert!(ratios[ROUNDS / 2] <= 1.3, "{ratios:?}");
}
