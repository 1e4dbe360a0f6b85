//! Settings that act on each other: every pair of timeouts, retries and pings in one table, with what
//! this module and the original make of it in front of the same scripted backend. Counts and statuses
//! are compared, not times: of two limits, the one that counts is told by what the client gets.

mod backend;
mod table;

use std::thread;

use crate::oracle;
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{root, skip};
use backend::Backend;
use table::{ROWS, Row};

/// Starts httpd with a worker of its own for each row.
fn start(backends: &[Vec<Backend>], module: Option<std::path::PathBuf>) -> Httpd {
    let (mut workers, mut names, mut config) = (String::new(), Vec::new(), String::new());
    for (number, (row, backends)) in ROWS.iter().zip(backends).enumerate() {
        let name = format!("r{number}");
        if row.is_balanced {
            let members: Vec<_> = (0..backends.len()).map(|n| format!("{name}m{n}")).collect();
            workers += &format!(
                "worker.{name}.type=lb\nworker.{name}.balance_workers={}\n",
                members.join(",")
            );
            for (member, backend) in members.iter().zip(backends) {
                workers += &worker(member, backend.port, row.properties);
            }
            for line in row.balancer.split_whitespace() {
                workers += &format!("worker.{name}.{line}\n");
            }
        } else {
            workers += &worker(&name, backends[0].port, row.properties);
        }
        let rule = if row.rule.is_empty() { String::new() } else { format!(";{}", row.rule) };
        config += &format!("JkMount \"/{name}/*\" \"{name}{rule}\"\n");
        if !row.variable.is_empty() {
            config +=
                &format!("SetEnvIf Request_URI ^/{name}/ JK_REPLY_TIMEOUT={}\n", row.variable);
        }
        names.push(name);
    }
    let workers = format!("worker.list={}\n{workers}", names.join(","));
    config += "JkLogLevel error\nJkWatchdogInterval 0\nStartServers 1\nServerLimit 1\n\
               ThreadLimit 128\nThreadsPerChild 128\nMaxRequestWorkers 128\n";
    if module.is_some() {
        config += "JkShmFile @DIR@/shm\nJkShmSize 1000\n";
    }
    let name = if module.is_some() { "settings-original" } else { "settings-own" };
    let setup = Setup { name, mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start_with(module);
    // Almost every row makes requests fail.
    httpd.expect("error]");
    // The table has settings that have no effect.
    httpd.expect("JK-102");
    httpd
}

fn worker(name: &str, port: u16, properties: &str) -> String {
    let mut text = format!("worker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n");
    for line in properties.split_whitespace() {
        text += &format!("worker.{name}.{line}\n");
    }
    text
}

/// Runs all rows at once and returns what each was like.
fn run(module: Option<std::path::PathBuf>) -> Vec<String> {
    let backends: Vec<Vec<Backend>> = ROWS
        .iter()
        .map(|row| row.backends.iter().map(|play| Backend::start(*play)).collect())
        .collect();
    let httpd = start(&backends, module);
    let port = httpd.port;
    thread::scope(|scope| {
        let rows: Vec<_> = ROWS
            .iter()
            .zip(&backends)
            .enumerate()
            .map(|(number, (row, backends))| {
                scope.spawn(move || {
                    let statuses = ask(row, port, &format!("/r{number}/x"));
                    let sum =
                        |count: fn(&Backend) -> usize| backends.iter().map(count).sum::<usize>();
                    let mut text = format!("{statuses} d{}", sum(Backend::deliveries));
                    if !row.is_balanced {
                        // Members in error are pinged in the background as well.
                        text += &format!(" p{}", sum(Backend::pings));
                    }
                    text
                })
            })
            .collect();
        rows.into_iter().map(|row| row.join().expect("no row panicked")).collect()
    })
}

/// Sends a row's requests, one after the other or at once; returns their statuses.
fn ask(row: &Row, port: u16, path: &str) -> String {
    let one = |method: &str| {
        let body: &[u8] = if method == "POST" { b"hello" } else { b"" };
        let response = Client::connect(port).request(method, path, &[], body);
        let cut = if response.is_complete { "" } else { " cut" };
        format!("{}{cut}", response.status)
    };
    let statuses: Vec<_> = if row.at_once {
        thread::scope(|scope| {
            let all: Vec<_> =
                row.requests.iter().map(|method| scope.spawn(move || one(method))).collect();
            let mut all: Vec<_> =
                all.into_iter().map(|one| one.join().expect("no request panicked")).collect();
            all.sort();
            all
        })
    } else {
        row.requests.iter().map(|method| one(method)).collect()
    };
    statuses.join(",")
}

#[test]
fn settings_that_act_on_each_other_do_what_the_original_makes_of_them() {
    let Some(oracle) = oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    let listed = std::fs::read_to_string(root().join("docs/differences.md")).expect("a file");
    let (own, theirs) = thread::scope(|scope| {
        let own = scope.spawn(|| run(None));
        let theirs = run(Some(oracle));
        (own.join().expect("no panic"), theirs)
    });
    let mut wrong = Vec::new();
    for ((row, own), theirs) in ROWS.iter().zip(own).zip(theirs) {
        let original = if row.original.is_empty() { row.own } else { row.original };
        if (own.as_str(), theirs.as_str()) != (row.own, original) {
            wrong.push(format!(
                "{}: own {own:?} instead of {:?}, the original {theirs:?} instead of {original:?}",
                row.name, row.own
            ));
        }
        let is_listed =
            listed.lines().any(|line| line.starts_with(&format!("| {} |", row.because)));
        if row.original.is_empty() != row.because.is_empty()
            || !row.because.is_empty() && !is_listed
        {
            wrong.push(format!("{}: the difference is not in docs/differences.md", row.name));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
