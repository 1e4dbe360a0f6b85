//! The section on mod_status' page.

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::free_port;
use crate::support::httpd::{Setup, load};

#[test]
fn mod_status_shows_the_workers() {
    let n1 = Backend::start(echo("n1"));
    let workers = format!(
        "worker.list=lb,solo\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n\
         worker.solo.host=127.0.0.1\nworker.solo.port={}\n",
        n1.port,
        free_port(),
        n1.port
    );
    let config = format!(
        "{}ExtendedStatus On\nJkMount /app/* lb\nJkMount /solo/* solo\n\
         <Location /server-status>\nSetHandler server-status\n</Location>\n",
        load(&["status"])
    );
    let mut httpd =
        Setup { name: "server-status", mpm: "event", config: &config, workers: &workers }.start();
    httpd.expect("JK-401");
    for _ in 0..4 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    }
    let auto = Client::connect(httpd.port).get("/server-status?auto").text();
    for line in [
        "JkWorkers: 3",
        "JkWorker[0]Balancer: lb",
        "JkWorker[0]Name: n1",
        "JkWorker[0]State: OK",
        "JkWorker[0]Used: 4",
        "JkWorker[1]Name: n2",
        "JkWorker[1]State: ERR",
        "JkWorker[2]Balancer: -",
        "JkWorker[2]Name: solo",
    ] {
        assert!(auto.lines().any(|own| own == line), "{line}: {auto}");
    }
    assert!(auto.contains("ServerUptimeSeconds:"), "mod_status' own lines are there: {auto}");
    let page = Client::connect(httpd.port).get("/server-status").text();
    let (own, ours) = page.split_once("<h2>mod_jk workers</h2>").expect("a section of ours");
    assert!(own.contains("Apache Server Status"), "{own}");
    assert!(ours.contains(&format!("<td>n1</td><td>127.0.0.1:{}</td>", n1.port)), "{ours}");
    assert!(ours.contains("<td>ERR</td><td><b>out</b></td>"), "{ours}");
    let plain = Client::connect(httpd.port).get("/server-status?notable").text();
    assert!(plain.contains("<pre>") && plain.contains("JkWorker[0]Name: n1"), "{plain}");
    assert!(!plain.contains("mod_jk workers</h2>"), "{plain}");
}
