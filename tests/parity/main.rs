//! The original mod_jk as oracle: the same request through both modules makes the same AJP13
//! packet, but for the differences that are listed.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod cases;
mod methods;
mod notes;
mod packet;
mod recorder;
mod request_log;
mod settings;
mod status;
mod swap;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use cases::{CASES, Case};
use packet::Packet;
use recorder::Recorder;
use support::client::Client;
use support::httpd::{Httpd, Setup, modules_dir};
use support::skip;

fn oracle() -> Option<PathBuf> {
    Some(modules_dir().join("mod_jk.so")).filter(|path| path.exists())
}

/// Starts httpd with one of the modules in front of a recorder.
fn start(case: &Case, number: usize, module: Option<PathBuf>) -> (Httpd, Recorder) {
    let recorder = Recorder::start();
    // A balancer has no address of its own.
    let address = match case.properties.contains("worker.w.type=lb") {
        true => "",
        false => "worker.w.host=127.0.0.1\nworker.w.port=@PORT@\n",
    };
    let workers = format!("worker.list=w\n{address}{}\n", case.properties);
    let workers = workers.replace("@PORT@", &recorder.port.to_string());
    let mut config = format!("JkMount /app/* w\nJkLogLevel error\n{}\n", case.config);
    if module.is_some() {
        // The original wants a file for its shared memory; this module needs none.
        config.push_str("JkShmFile @DIR@/shm\n");
    }
    let kind = if module.is_some() { "original" } else { "own" };
    let name = format!("parity-{number}-{kind}");
    let setup = Setup { name: &name, mpm: "event", config: &config, workers: &workers };
    (setup.start_with(module), recorder)
}

/// Returns the packets of a case's requests.
fn packets(case: &Case, number: usize, module: Option<PathBuf>) -> Vec<Packet> {
    let (httpd, recorder) = start(case, number, module);
    let many: String = (0..60).map(|n| format!("X-H{n}: {}\n", "v".repeat(300))).collect();
    for request in case.requests {
        let bytes = request.replace("@HEADERS@\n", &many).replace('\n', "\r\n");
        let method = bytes.split(' ').next().unwrap_or_default().to_owned();
        let response = Client::connect(httpd.port).raw(bytes.as_bytes(), &method);
        assert_eq!(response.status, 200, "{}: {request}", case.name);
    }
    recorder.requests().iter().map(|payload| Packet::parse(payload)).collect()
}

/// Returns what is different in a case beyond the listed differences.
fn differences(case: &Case, number: usize, oracle: &Path) -> Vec<String> {
    let own = packets(case, number, None);
    let theirs = packets(case, number, Some(oracle.to_owned()));
    assert_eq!((own.len(), theirs.len()), (case.requests.len(), case.requests.len()));
    let mut wrong = Vec::new();
    for ((own, mut theirs), request) in own.into_iter().zip(theirs).zip(case.requests) {
        theirs.apply_known_differences();
        if request.starts_with("POST") {
            theirs.add_headers(case.more);
        }
        if own.lines() != theirs.lines() {
            wrong.push(format!(
                "case: {}, {}\n  own:\n{}  original, with the listed differences:\n{}",
                case.name,
                request.lines().next().unwrap_or_default(),
                own.show(&theirs),
                theirs.show(&own)
            ));
        }
    }
    wrong
}

#[test]
fn packets_are_the_same_but_for_what_is_listed() {
    let Some(oracle) = oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    // Most of the time goes into starting and stopping: several at once.
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some((number, case)) = {
            let number = next.fetch_add(1, Ordering::SeqCst);
            CASES.get(number).map(|case| (number, case))
        } {
            wrong.extend(differences(case, number, &oracle));
        }
        wrong
    };
    let wrong: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|own| own.join().expect("no worker panicked")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
