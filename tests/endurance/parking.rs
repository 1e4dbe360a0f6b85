//! Many requests that no thread waits for: what each of them needs, and what becomes of them when children
//! are restarted, killed and stopped.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::figure;
use crate::holding::{Holding, waiting};
use crate::load::{self, Load};
use crate::support::backend::{Backend, Reply, ok};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, many_descriptors, signal, times, wait_until};
use crate::values;

/// Lines of an httpd whose children have four threads each.
fn few_threads(children: usize) -> String {
    format!(
        "StartServers {children}\nServerLimit 12\nThreadsPerChild 4\nMaxRequestWorkers 48\n\
         MinSpareThreads 4\nMaxSpareThreads 48\nGracefulShutdownTimeout 0\n{COMMON}"
    )
}

const COMMON: &str = "AsyncRequestWorkerFactor 5000\nTimeout 300\nJkAsync On\nKeepAlive On\n\
    MaxKeepAliveRequests 0\nJkMount /app/* w1\nJkMount /jkstatus st\n";

fn start(name: &str, port: u16, config: &str) -> Httpd {
    let workers = format!(
        "worker.list=w1,st\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\nworker.st.type=status\n"
    );
    Setup { name, mpm: "event", config, workers: &workers }.start()
}

/// A backend that answers as [`Load`] expects it, after a time.
fn slow(time: Duration) -> Backend {
    Backend::start(move |request| {
        std::thread::sleep(time);
        Reply::Bytes(ok(&[], format!("n1 GET {} 0", request.uri).as_bytes()))
    })
}

/// How many requests the worker has, and how many of them no thread waits for.
fn busy(httpd: &Httpd) -> usize {
    values(httpd.port, "busy").last().and_then(|count| count.parse().ok()).expect("a number")
}

fn parked(httpd: &Httpd) -> usize {
    let page = load::ask(httpd.port, "/jkstatus?mime=json");
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    page["ajp_workers"][0]["parked"].as_u64().expect("a number") as usize
}

/// Open descriptors and proportional memory in KiB of a process.
pub fn size(pid: &str) -> (usize, u64) {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").count();
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("it runs");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    (descriptors, kib.expect("a number of KiB"))
}

#[test]
fn a_parked_request_needs_three_descriptors_and_32_kib() {
    let count = times(1000, 6000);
    if !many_descriptors(3 * count + 500) {
        return;
    }
    let backend = Holding::start();
    let config = format!(
        "StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\n\
         MinSpareThreads 1\nMaxSpareThreads 25\n{COMMON}"
    );
    let httpd = start("endure-parked", backend.port, &config);
    let child = httpd.children().remove(0);
    let wave = |count: usize| {
        let clients = waiting(httpd.port, count);
        assert!(
            wait_until(PATIENCE * 3, || backend.count() == count),
            "{} of {count} are at the backend",
            backend.count()
        );
        let peak = size(&child);
        backend.release();
        for (number, mut client) in clients.into_iter().enumerate() {
            let response = client.response("GET").expect("an answer");
            assert_eq!((response.status, response.text()), (200, format!("/app/{number}")));
        }
        assert!(wait_until(PATIENCE, || busy(&httpd) == 0), "nothing is in flight");
        peak
    };
    // What each of its threads needs is not counted.
    wave(100);
    let before = size(&child);
    let peak = wave(count);
    // The sets that are kept for the next requests stay.
    let most = before.0 + 64;
    assert!(wait_until(PATIENCE, || size(&child).0 <= most), "{before:?}, {:?}", size(&child));
    // What is freed by one thread is not always used by the next one: memory settles after a few waves, and what
    // is lost with each request would come up in all of them.
    let mut last = peak.1;
    let settles = (0..8).any(|_| {
        let before = std::mem::replace(&mut last, wave(count).1);
        last as f64 <= before as f64 * 1.02
    });
    let each = |now: u64, before: u64| now.saturating_sub(before) as f64 / count as f64;
    let descriptors = each(peak.0 as u64, before.0 as u64);
    let (kib, grown) = (each(peak.1, before.1), last as f64 / peak.1 as f64);
    figure(&format!(
        "{count} requests parked in one child of 25 threads: {descriptors:.2} descriptors and {kib:.1} KiB each; {grown:.2} times the memory when it has settled"
    ));
    assert!(descriptors <= 3.02, "{descriptors} descriptors: {before:?}, {peak:?}");
    assert!(kib <= 32.0, "{kib} KiB: {before:?}, {peak:?}");
    assert!(settles && grown <= 1.3, "{peak:?}, then {last} KiB");
}

#[test]
fn graceful_restarts_each_second_lose_no_parked_request() {
    let most = restarted("endure-parked-graceful", times(8, 60), Duration::from_secs(1));
    assert!(most > 8, "more were parked than there are threads: {most}");
}

/// Then children are told to end that have just begun and accepted connections, which no thread has yet.
#[test]
fn graceful_restarts_in_quick_succession_lose_no_parked_request() {
    restarted("endure-parked-quickly", times(25, 200), Duration::from_millis(300));
}

/// Restarts httpd so often under load. Returns how many requests were parked at once at most.
fn restarted(name: &str, restarts: usize, pause: Duration) -> usize {
    let backend = slow(Duration::from_millis(400));
    let httpd = start(name, backend.port, &few_threads(2));
    // Children of before have their places until they have answered.
    let load = Load::start(httpd.port, 80, 100);
    let mut most = 0;
    for _ in 0..restarts {
        let next = Instant::now() + pause;
        most = most.max(parked(&httpd));
        httpd.graceful();
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let seen = load.end();
    figure(&format!(
        "{restarts} graceful restarts, one each {pause:?}, up to {most} requests parked: {} of {} failed, {} repeated on a new connection",
        seen.failed.len(),
        seen.times.len() + seen.repeated.len(),
        seen.repeats
    ));
    assert_eq!(seen.failed, Vec::<String>::new());
    assert!(wait_until(PATIENCE, || busy(&httpd) == 0 && parked(&httpd) == 0));
    most
}

#[test]
fn killed_children_leave_nothing_of_what_they_had_parked() {
    let kills = times(5, 50);
    let backend = slow(Duration::from_millis(400));
    let mut httpd = start("endure-parked-killed", backend.port, &few_threads(3));
    httpd.expect("exit signal Killed");
    httpd.expect("AH10392");
    let load = Load::start(httpd.port, 60, 100);
    let mut most = 0;
    for number in 0..kills {
        assert!(
            wait_until(PATIENCE, || httpd.children().len() >= 3),
            "httpd starts children again"
        );
        most = most.max(parked(&httpd));
        let all = httpd.children();
        let child = all[number % all.len()].parse().expect("a number");
        assert!(signal("KILL", child), "a child is killed");
        std::thread::sleep(Duration::from_millis(800));
    }
    let seen = load.end();
    figure(&format!(
        "{kills} children killed, up to {most} requests parked: {} answered, {} repeated on a new connection, {} lost",
        seen.times.len(),
        seen.repeats,
        seen.failed.len()
    ));
    assert!(most > 12, "more were parked than there are threads: {most}");
    assert!(seen.failed.iter().all(|why| why.contains("no answer")), "{:?}", seen.failed);
    assert!(seen.failed.len() <= kills * 60, "{:?}", seen.failed);
    assert!(wait_until(PATIENCE, || busy(&httpd) == 0 && parked(&httpd) == 0));
}

#[test]
fn a_graceful_stop_answers_what_is_parked_and_one_at_once_ends_it() {
    let rounds = times(3, 30);
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        for word in ["WINCH", "TERM"] {
            let backend = Holding::start();
            let name = format!("endure-parked-stop-{word}-{round}");
            let mut httpd = start(&name, backend.port, &few_threads(2));
            let clients = waiting(httpd.port, 100);
            assert!(wait_until(PATIENCE, || backend.count() == 100));
            assert!(wait_until(PATIENCE, || parked(&httpd) == 100));
            if word == "TERM" {
                let begun = Instant::now();
                assert_eq!(httpd.stop_by(word), Vec::<String>::new());
                longest = longest.max(begun.elapsed());
                continue;
            }
            assert!(signal(word, httpd.pid()));
            let stops = || httpd.log("error.log").contains("shutting down gracefully");
            assert!(wait_until(PATIENCE, stops));
            backend.release();
            for (number, mut client) in clients.into_iter().enumerate() {
                let response = client.response("GET").expect("an answer");
                assert_eq!(response.text(), format!("/app/{number}"));
            }
            assert_eq!(httpd.stop_by(word), Vec::<String>::new());
        }
    }
    figure(&format!(
        "{rounds} graceful stops with 100 parked requests answered all, {rounds} at once took {longest:.1?} at most"
    ));
    // httpd kills after nine seconds.
    assert!(longest < Duration::from_secs(8), "{longest:?}");
}

/// The event MPM does not look whether its queue has room once its child is told to end.
#[test]
fn clients_that_leave_while_httpd_stops_crash_no_child() {
    let rounds = times(3, 20);
    let most = thread::available_parallelism().map_or(2, usize::from) * 6;
    let stopped = |name: String| {
        let backend = Holding::start();
        let mut httpd = start(&name, backend.port, &few_threads(1));
        let clients = waiting(httpd.port, 100);
        assert!(wait_until(PATIENCE, || backend.count() == 100));
        assert!(wait_until(PATIENCE, || parked(&httpd) == 100));
        drop(clients);
        // Told to stop at once, httpd may crash by itself: its first thread uses sockets that others free.
        let lines = httpd.stop_by("WINCH");
        // Its descriptors are many.
        backend.release();
        lines
    };
    for round in 0..rounds {
        let name = |number| format!("endure-parked-leave-{round}-{number}");
        let lines: Vec<_> = thread::scope(|scope| {
            let begin = |number| scope.spawn(move || stopped(name(number)));
            let all: Vec<_> = (0..most).map(begin).collect();
            all.into_iter().flat_map(|one| one.join().expect("it stopped")).collect()
        });
        assert_eq!(lines, Vec::<String>::new());
    }
    figure(&format!("{} stops while 100 clients left, 4 threads: no child crashed", rounds * most));
}

/// An answer that comes while its request is parked may not wait for the next look at the backend, after ten seconds.
#[test]
fn answers_that_come_while_requests_are_parked_are_not_missed() {
    let backend = Backend::start(|request| {
        let number = request.uri.bytes().map(u64::from).sum::<u64>();
        thread::sleep(Duration::from_micros(number * 97 % 2000));
        Reply::Bytes(ok(&[], request.uri.as_bytes()))
    });
    let config = format!("{}JkAsyncAfter 0\n", few_threads(1));
    let httpd = start("endure-parked-soon", backend.port, &config);
    let (port, end) = (httpd.port, Instant::now() + Duration::from_secs(times(5, 60) as u64));
    let ask = move |client: usize| {
        let (mut longest, mut count) = (Duration::ZERO, 0);
        while Instant::now() < end {
            let path = format!("/app/{client}/{count}");
            let begun = Instant::now();
            // httpd closes idle connections when all of its few threads are busy.
            assert_eq!(load::ask(port, &path), path);
            (longest, count) = (longest.max(begun.elapsed()), count + 1);
        }
        (longest, count)
    };
    let clients: Vec<_> = (0..32).map(|client| thread::spawn(move || ask(client))).collect();
    let seen: Vec<_> = clients.into_iter().map(|own| own.join().expect("answers")).collect();
    let longest = seen.iter().map(|own| own.0).max().expect("a client");
    let count: usize = seen.iter().map(|own| own.1).sum();
    figure(&format!(
        "{count} requests parked at once, answered after 0 to 2 ms: {longest:.1?} at most"
    ));
    assert!(longest < Duration::from_secs(9), "{longest:?}");
}
