//! Host names, and a name server that takes its time.

use std::time::{Duration, Instant};

use crate::setups::preloaded;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::wait_until;

/// How long the name server takes, as slow_names.c has it.
const SLOW: Duration = Duration::from_secs(6);

#[test]
fn no_request_waits_for_a_name_server_after_the_host_was_changed() {
    let (old, new) = (Backend::start(echo("old")), Backend::start(echo("new")));
    let workers = format!(
        "worker.list=w,jk\nworker.w.host=127.0.0.1\nworker.w.port={}\nworker.jk.type=status\n",
        old.port
    );
    let config = "JkMount /app/* w\nJkMount /jkstatus jk\nStartServers 4\nMinSpareServers 4\nMaxSpareServers 8\n";
    let setup = Setup { name: "names", mpm: "prefork", config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.environment.push(("LD_PRELOAD".to_owned(), preloaded("slow_names")));
    httpd.launch();
    // The status page is open to this machine.
    httpd.expect("JK-102");
    let get = |path: &str| Client::connect(httpd.port).get(path);
    assert!(get("/app/x").text().starts_with("old"));

    let change = format!("/jkstatus?cmd=update&mime=txt&w=w&vahst=slow.example&vaprt={}", new.port);
    let answer = get(&change).text();
    assert!(answer.contains("Result: type=OK"), "{answer}");
    // All children take the change up at once; each but one has to look the name up.
    let mut slowest = Duration::ZERO;
    let is_moved = wait_until(Duration::from_secs(60), || {
        let answers: Vec<_> = (0..16)
            .map(|_| {
                let begun = Instant::now();
                let response = get("/app/x");
                slowest = slowest.max(begun.elapsed());
                assert_eq!(
                    response.status, 200,
                    "the old address serves until the new one is known"
                );
                response.text()
            })
            .collect();
        answers.iter().all(|text| text.starts_with("new"))
    });
    assert!(is_moved, "the requests go to the new host");
    assert!(slowest < SLOW / 2, "a request took {slowest:?}");
}
