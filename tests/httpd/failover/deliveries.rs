//! How often a request is delivered over connections that were idle: the backend reads it, does not
//! answer and closes the connection, as one does that crashes or closes idle connections.

use std::collections::HashMap;
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use crate::bare::{Then, give, path, serving};
use crate::setups::one_child;
use crate::support::backend::ok;
use crate::support::client::Client;

/// Values of `recovery_options`; -1 is unset.
const OPTIONS: [i32; 4] = [-1, 0, 1, 17];

/// Method and length of the body.
const REQUESTS: [(&str, usize); 3] = [("GET", 0), ("PUT", 10), ("POST", 10)];

/// Idle connections of each worker.
const WARM: usize = 3;

/// Requests by the last part of their path.
#[derive(Default)]
struct Backend {
    seen: Mutex<HashMap<String, usize>>,
    changed: Condvar,
}

impl Backend {
    fn start() -> (u16, Arc<Self>) {
        let own = Arc::new(Self::default());
        let playing = Arc::clone(&own);
        (serving(move |stream, request| playing.play(stream, request)), own)
    }

    /// `/app/<worker>/warm/<count>/<token>` is answered when there are so many of them,
    /// `/app/<worker>/hang/0/<token>` never.
    fn play(&self, stream: &mut TcpStream, request: &[u8]) -> Then {
        let path = path(request);
        let words: Vec<_> = path.split('/').skip(3).collect();
        let [kind, count, token] = words[..] else { panic!("{words:?}") };
        let count: usize = count.parse().expect("a count");
        let mut seen = self.seen.lock().expect("no panic under it");
        *seen.entry(token.to_owned()).or_default() += 1;
        self.changed.notify_all();
        if kind == "hang" {
            return Then::Close;
        }
        let limit = Duration::from_secs(30);
        let waiting = |seen: &mut HashMap<String, usize>| seen[token] < count;
        drop(self.changed.wait_timeout_while(seen, limit, waiting).expect("no panic under it"));
        give(stream, &ok(&[], b"warm"));
        Then::Keep
    }

    fn count(&self, token: &str) -> usize {
        self.seen.lock().expect("no panic under it").get(token).copied().unwrap_or(0)
    }
}

/// Leaves `count` connections of a worker idle.
fn warm(http: u16, worker: &str, count: usize) {
    let clients: Vec<_> = (0..count)
        .map(|_| {
            let path = format!("/app/{worker}/warm/{count}/warm-{worker}");
            thread::spawn(move || Client::connect(http).get(&path).status)
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().expect("no panic"), 200, "{worker}");
    }
}

/// A worker by itself and a balancer of two for each setting and request, as a failure is
/// remembered.
fn all_workers(port: u16) -> (String, String) {
    let (mut list, mut text, mut mounts) = (Vec::new(), String::new(), String::new());
    for options in OPTIONS {
        for (method, _) in REQUESTS {
            let line = format!("{method}{options}");
            for kind in ["w", "a", "b"] {
                let name = format!("{kind}{line}");
                text += &format!("worker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n");
                text += &format!("worker.{name}.retry_interval=10\n");
                if options >= 0 {
                    text += &format!("worker.{name}.recovery_options={options}\n");
                }
            }
            text += &format!("worker.lb{line}.type=lb\n");
            text += &format!("worker.lb{line}.balance_workers=a{line},b{line}\n");
            for kind in ["w", "lb"] {
                list.push(format!("{kind}{line}"));
                mounts += &format!("JkMount /app/{kind}{line}/* {kind}{line}\n");
            }
        }
    }
    (format!("worker.list={}\n{text}", list.join(",")), mounts)
}

#[test]
fn idle_connections_add_no_delivery() {
    let (port, backend) = Backend::start();
    let (workers, mounts) = all_workers(port);
    let mut httpd = one_child("deliveries", &workers, &mounts);
    httpd.expect("JK-306");
    httpd.expect("JK-40");
    let mut wrong = Vec::new();
    for options in OPTIONS {
        for (method, length) in REQUESTS {
            let is_repeated = match options {
                -1 => method != "POST",
                0 => true,
                17 => method == "GET",
                _ => false,
            };
            let want = 1 + usize::from(is_repeated);
            for (kind, count) in [("w", WARM), ("lb", 2 * WARM)] {
                let worker = format!("{kind}{method}{options}");
                warm(httpd.port, &worker, count);
                let path = format!("/app/{worker}/hang/0/{worker}");
                let body = vec![b'x'; length];
                let status = Client::connect(httpd.port).request(method, &path, &[], &body).status;
                let deliveries = backend.count(&worker);
                if (deliveries, status) != (want, 502) {
                    wrong.push(format!(
                        "{worker}: {deliveries} deliveries instead of {want}, status {status}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
