//! What must hold for a long time: outages of backends, killed children, restarts and stops, all
//! under load. Each test prints its figures.
//!
//! The short versions run with all tests. `MOD_JK_TEST_ENDURANCE=1 cargo test --test endurance --
//! --nocapture --test-threads=1` runs the long ones, ten minutes on a quiet machine; only they
//! judge latencies.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod backend;
mod holding;
mod kills;
mod load;
mod mixed;
mod outages;
mod parking;
mod parking_costs;
mod restarts;
mod stop_at_once;
mod stops;
mod undisturbed;

use std::io::Write;

/// Tells whether the long versions are wanted.
fn is_long() -> bool {
    std::env::var_os("MOD_JK_TEST_ENDURANCE").is_some()
}

/// How often a drill is repeated: a number in the environment, or the usual one.
fn times(variable: &str, usual: usize) -> usize {
    let given = std::env::var(variable).ok();
    given.map_or(usual, |text| text.parse().expect("a whole number"))
}

/// Prints a figure past the harness, which keeps what successful tests print.
fn figure(text: &str) {
    let _ = writeln!(std::io::stderr(), "figure: {text}");
}

/// Two members and a status worker.
fn workers(ports: [u16; 2]) -> String {
    format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n\
         worker.st.type=status\n",
        ports[0], ports[1]
    )
}

const MOUNTS: &str =
    "JkMount /app/* lb\nJkMount /jkstatus st\nKeepAlive On\nMaxKeepAliveRequests 0\n";

/// Returns the values of a key in the status worker's text, in its order.
fn values(port: u16, key: &str) -> Vec<String> {
    let page = load::ask(port, "/jkstatus?mime=txt");
    let key = format!("{key}=");
    page.split_whitespace().filter_map(|word| Some(word.strip_prefix(&key)?.to_owned())).collect()
}
