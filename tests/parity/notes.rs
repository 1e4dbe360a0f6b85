//! The notes for the access log, beside those of the original.

use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::skip;
use crate::{oracle, recorder::Recorder};

const NOTES: [&str; 23] = [
    "JK_WORKER_NAME",
    "JK_WORKER_TYPE",
    "JK_WORKER_ROUTE",
    "JK_LB_FIRST_NAME",
    "JK_LB_FIRST_VALUE",
    "JK_LB_FIRST_ACCESSED",
    "JK_LB_FIRST_SESSIONS",
    "JK_LB_FIRST_READ",
    "JK_LB_FIRST_TRANSFERRED",
    "JK_LB_FIRST_ERRORS",
    "JK_LB_FIRST_BUSY",
    "JK_LB_FIRST_ACTIVATION",
    "JK_LB_FIRST_STATE",
    "JK_LB_LAST_NAME",
    "JK_LB_LAST_VALUE",
    "JK_LB_LAST_ACCESSED",
    "JK_LB_LAST_SESSIONS",
    "JK_LB_LAST_READ",
    "JK_LB_LAST_TRANSFERRED",
    "JK_LB_LAST_ERRORS",
    "JK_LB_LAST_BUSY",
    "JK_LB_LAST_ACTIVATION",
    "JK_LB_LAST_STATE",
];

/// Returns the access log of a few requests.
fn log(module: Option<std::path::PathBuf>, name: &str) -> Vec<String> {
    let recorder = Recorder::start();
    let workers = format!(
        "worker.list=lb,w\nworker.lb.type=lb\nworker.lb.balance_workers=n1\nworker.n1.host=127.0.0.1\n\
         worker.n1.port={port}\nworker.w.host=127.0.0.1\nworker.w.port={port}\n",
        port = recorder.port
    );
    let format: Vec<_> = NOTES.iter().map(|note| format!("%{{{note}}}n")).collect();
    let shm = if module.is_some() { "JkShmFile @DIR@/shm\n" } else { "" };
    let config = format!(
        "LogFormat \"%U {} %{{JK_REQUEST_DURATION}}n\" notes\nCustomLog @DIR@/access.log notes\nJkMount /lb/* lb\n\
         JkMount /w/* w\nJkLogLevel error\nStartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\n{shm}",
        format.join(" ")
    );
    let setup = Setup { name, mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start_with(module);
    let mut client = Client::connect(httpd.port);
    for (path, cookie) in
        [("/lb/a", ""), ("/lb/b", "JSESSIONID=A.n1"), ("/lb/c", "JSESSIONID=A.n9"), ("/w/d", "")]
    {
        assert_eq!(client.request("GET", path, &[("Cookie", cookie)], b"").status, 200);
    }
    drop(client);
    // httpd writes a line after the answer is sent; when it has stopped all are there.
    httpd.stop();
    httpd.log("access.log").lines().map(without_time).collect()
}

/// Replaces the last word, seconds with six decimals, by what it is.
fn without_time(line: &str) -> String {
    let (notes, time) = line.rsplit_once(' ').expect("several words");
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let fits =
        time.split_once('.').is_some_and(|(s, us)| is_digits(s) && is_digits(us) && us.len() == 6);
    if fits { format!("{notes} seconds") } else { line.to_owned() }
}

#[test]
fn notes_are_the_same() {
    let Some(oracle) = oracle() else {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
        return;
    };
    assert_eq!(log(None, "notes-own"), log(Some(oracle), "notes-original"));
}
