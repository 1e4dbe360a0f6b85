//! Tomcat and httpd restarted under load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::support::client::Client;
use crate::support::{PATIENCE, wait_until};
use crate::{Site, cluster_or_skip};

/// Clients that ask for small pages until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<BTreeMap<String, usize>>>,
}

impl Load {
    fn start(port: u16, clients: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..clients)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || {
                    let mut connection = Client::connect(port);
                    let mut served = BTreeMap::new();
                    while !stop.load(Ordering::Relaxed) {
                        let response = connection.get("/probe/who.jsp");
                        assert_eq!(response.status, 200, "{}", response.text());
                        assert!(response.is_complete);
                        let text = response.text().trim().to_owned();
                        assert!(text.starts_with("Hello from worker"), "{text}");
                        *served.entry(text).or_insert(0) += 1;
                    }
                    served
                })
            })
            .collect();
        Self { stop, clients }
    }

    /// Ends it; panics if a request failed. Returns how many each Tomcat answered.
    fn end(self) -> BTreeMap<String, usize> {
        self.stop.store(true, Ordering::Relaxed);
        let mut total = BTreeMap::new();
        for client in self.clients {
            for (server, count) in client.join().expect("no request failed") {
                *total.entry(server).or_insert(0) += count;
            }
        }
        total
    }
}

#[test]
fn no_request_fails_while_a_tomcat_restarts() {
    let mut cluster = cluster_or_skip!();
    // A Tomcat that is told to stop answers 503 by itself as soon as its applications are down, and
    // closes its connections only then.
    let workers = "worker.worker1.fail_on_status=503\nworker.worker2.fail_on_status=503\n";
    let mut httpd = Site { name: "rolling", mpm: "event", workers }.start(&cluster);
    // A request on a connection that breaks is moved to the other member, with one line each.
    httpd.expect("JK-401");
    let load = Load::start(httpd.port, 8);
    for is_orderly in [true, false] {
        thread::sleep(Duration::from_secs(1));
        let member = cluster.by_route("worker2");
        if is_orderly {
            member.stop()
        } else {
            member.kill()
        }
        thread::sleep(Duration::from_secs(1));
        member.start();
        member.await_service(&mut |_| {}).expect("it starts again");
        let mut client = Client::connect(httpd.port);
        let is_back =
            wait_until(PATIENCE, || client.get("/probe/who.jsp").text().contains("worker2"));
        assert!(is_back, "it is given load again, is_orderly = {is_orderly}");
    }
    let served = load.end();
    assert_eq!(served.len(), 2, "{served:?}");
}

#[test]
fn no_request_fails_while_httpd_restarts_gracefully() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "graceful", mpm: "event", workers: "" }.start(&cluster);
    let port = httpd.port;
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    // A connection each: httpd may close kept ones at a restart.
                    let headers = [("Connection", "close")];
                    let response =
                        Client::connect(port).request("GET", "/probe/who.jsp", &headers, b"");
                    assert_eq!(response.status, 200);
                    count += 1;
                }
                count
            })
        })
        .collect();
    for _ in 0..3 {
        thread::sleep(Duration::from_millis(500));
        httpd.graceful();
    }
    stop.store(true, Ordering::Relaxed);
    let total: usize = clients.into_iter().map(|client| client.join().expect("no failure")).sum();
    assert!(total > 0, "requests were served");
}
