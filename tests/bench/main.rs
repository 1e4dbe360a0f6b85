//! Measures the released module and its peers: `bench budget|exact|report ROUNDS`, and
//! `bench load ROUNDS [SCENE]` or `bench parts` for a part of the report.
//!
//! `README.md` beside this says what is measured and how.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod budget;
mod exact;
mod figures;
mod goals;
mod lighttpd;
mod load;
mod micro;
mod plot;
mod report;
mod responder;
mod servers;
mod system;
mod table;
mod tomcat;
mod wrk;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use servers::Place;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["responder"] => responder::run(),
        ["budget"] => {
            let responder = Responder::start();
            let status = budget::check(&responder.place());
            // The end of the process drops nothing.
            drop(responder);
            std::process::exit(status);
        }
        ["exact"] => {
            let responder = Responder::start();
            table::exact(&responder.place());
        }
        ["report", rounds] => {
            let rounds = rounds.parse().expect("a number of rounds");
            let responder = Responder::start();
            report::write(&responder, rounds);
        }
        ["load", rounds, scene @ ..] => {
            let rounds = rounds.parse().expect("a number of rounds");
            report::part(&Responder::start(), rounds, scene.first().copied());
        }
        ["parts"] => {
            let mut text = String::new();
            micro::table(&mut text);
            print!("{text}");
        }
        _ => panic!("bench budget|exact|load ROUNDS [SCENE]|parts|report ROUNDS"),
    }
}

/// The backend, in a process of its own.
struct Responder {
    process: Child,
    ports: (u16, u16),
}

impl Responder {
    fn start() -> Self {
        let own = std::env::current_exe().expect("a running program has a path");
        let mut process = Command::new(own)
            .arg("responder")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("our own program can be started");
        let mut line = String::new();
        let out = process.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("the responder says its ports");
        let (ajp, http) = line.trim().split_once(' ').expect("two ports");
        let ports = (ajp.parse().expect("a port"), http.parse().expect("a port"));
        Self { process, ports }
    }

    fn place(&self) -> Place {
        let socket = responder::socket(self.ports.0);
        Place::new(&support::module(), self.ports.0, self.ports.1, socket)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(responder::socket(self.ports.0));
    }
}
