//! Requests that find members dead, full or silent, and what the client gets then.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::backend::{Backend, Reply, Request, echo, head, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, at_least, free_port, wait_until};

/// Starts httpd with a balancer of these ports, named n1 and so on.
fn many(name: &str, ports: &[u16], more: &str) -> Httpd {
    let mut workers =
        format!("worker.list=lb,st\nworker.lb.type=lb\nworker.st.type=status\n{more}");
    for (number, port) in ports.iter().enumerate() {
        let name = format!("n{}", number + 1);
        workers += &format!(
            "worker.lb.balance_workers={name}\nworker.{name}.host=127.0.0.1\nworker.{name}.port={port}\n"
        );
    }
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\nJkMount /rule/* lb;disabled=n1\n";
    Setup { name, mpm: "event", config, workers: &workers }.start()
}

/// A script that holds requests until told to go on, and tells of each.
fn holding(
    name: &'static str,
) -> (impl Fn(&Request) -> Reply + Send + Sync + use<>, Receiver<Sender<()>>) {
    let (arrivals, arrived) = channel();
    let (arrivals, answer) = (Mutex::new(arrivals), echo(name));
    let script = move |request: &Request| {
        if request.uri.ends_with("/hold") {
            let (release, released) = channel();
            let _ = arrivals.lock().expect("no panic under it").send(release);
            let _ = released.recv();
        }
        answer(request)
    };
    (script, arrived)
}

fn cookies(response: &crate::support::client::Response) -> Vec<&str> {
    let set = response.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
    set.map(|(_, value)| value.as_str()).collect()
}

#[test]
fn one_living_member_among_dead_ones_is_found_at_once() {
    let alive = Backend::start(echo("alive"));
    let mut ports: Vec<_> = (0..5).map(|_| free_port()).collect();
    ports.push(alive.port);
    let mut httpd = many("one-alive", &ports, "");
    httpd.expect("JK-401");
    let response = Client::connect(httpd.port).request("POST", "/app/x", &[], b"order");
    assert_eq!((response.status, response.text().as_str()), (200, "alive POST /app/x 5"));
    assert_eq!(alive.count(), 1);
}

#[test]
fn a_late_request_is_not_tried_again() {
    let silent = |_: &Request| {
        thread::sleep(Duration::from_secs(4));
        Reply::Close(Vec::new())
    };
    let members: Vec<_> = (0..4).map(|_| Backend::start(silent)).collect();
    let ports: Vec<_> = members.iter().map(|own| own.port).collect();
    let options: String = (1..=4)
        .map(|number| {
            format!("worker.n{number}.reply_timeout=1000\nworker.n{number}.recovery_options=0\n")
        })
        .collect();
    let mut httpd = many("late", &ports, &format!("{options}worker.lb.failover_timeout=1900\n"));
    httpd.expect("JK-");
    let response = Client::connect(httpd.port).request("POST", "/app/x", &[], b"order");
    assert_eq!(response.status, 504);
    let deliveries: usize = members.iter().map(Backend::count).sum();
    assert_eq!(deliveries, 2, "after 1 s once more, after 2 s no more");
}

#[test]
fn cookies_are_those_of_the_member_that_answered() {
    let dies = Backend::start(|_| Reply::Close(Vec::new()));
    let lives = Backend::start(echo("lives"));
    let more = "worker.lb.set_session_cookie=1\nworker.lb.session_cookie=ROUTE\n\
                worker.lb.session_cookie_path=-\nworker.lb.session_cookie_samesite=lax\n";
    let mut httpd = many("cookie", &[dies.port, lives.port], more);
    httpd.expect("JK-");
    let ask = |cookie: &str| {
        Client::connect(httpd.port).request("GET", "/app/x", &[("Cookie", cookie)], b"")
    };
    let response = ask("a=b");
    assert_eq!(response.text(), "lives GET /app/x 0", "the first one died over it");
    assert_eq!(cookies(&response), ["ROUTE=.n2;HttpOnly;SameSite=Lax"], "one, of the second");
    assert_eq!(dies.count(), 1);
    assert_eq!(cookies(&ask("ROUTE=.n2")), Vec::<&str>::new(), "its session is known");
    assert_eq!(cookies(&ask("ROUTE=.gone")), ["ROUTE=.n2;HttpOnly;SameSite=Lax"]);
}

#[test]
fn a_single_member_gets_a_cookie_too() {
    let only = Backend::start(echo("only"));
    let more = "worker.lb.set_session_cookie=1\nworker.lb.session_cookie=ROUTE\n";
    let httpd = many("cookie-one", &[only.port], more);
    let response = Client::connect(httpd.port).get("/app/x");
    assert_eq!(cookies(&response), ["ROUTE=.n1;PATH=/;HttpOnly"]);
}

#[test]
fn a_full_member_is_passed_over_and_waited_for() {
    let (script, held) = holding("n1");
    let (n1, n2) = (Backend::start(script), Backend::start(echo("n2")));
    let more =
        "worker.n1.busy_limit=1\nworker.n2.activation=Disabled\nworker.lb.retry_interval=2000\n";
    let mut httpd = many("failover-full", &[n1.port, n2.port], more);
    httpd.expect("JK-402");
    let port = httpd.port;
    let hold = || {
        let holder = thread::spawn(move || Client::connect(port).get("/app/hold").status);
        (holder, held.recv_timeout(Duration::from_secs(10)).expect("it arrives"))
    };
    let (holder, release) = hold();
    let status = Client::connect(port).get("/jkstatus?mime=txt").text();
    assert!(status.contains(" state=OK/BUSY ") || status.contains("state=OK/IDLE"), "{status}");
    // Sessions of the other one go there; no other request does, and a pause changes nothing.
    let sticky = [("Cookie", "JSESSIONID=X.n2")];
    let served = Client::connect(port).request("GET", "/app/x", &sticky, b"").text();
    assert!(served.starts_with("n2 "), "{served}");
    let begun = Instant::now();
    let refused = Client::connect(port).get("/app/x");
    assert_eq!((refused.status, refused.header("Retry-After")), (503, Some("2")));
    assert!(begun.elapsed() >= at_least(2000), "it paused once");
    let log = httpd.log("jk.log");
    let line = log.lines().find(|line| line.contains("JK-402")).expect("a line says why");
    assert!(
        line.contains("(n1 is at its busy_limit; n2 is disabled), ")
            && line.contains("raise busy_limit"),
        "{line}"
    );
    release.send(()).expect("it is held");
    assert_eq!(holder.join().expect("no panic"), 200);

    // Room that comes up during the pause is taken.
    let (holder, release) = hold();
    let waiting = thread::spawn(move || Client::connect(port).get("/app/x").status);
    // Refused twice before, and now once: it pauses.
    httpd.says("JK-312 balancer lb: member n1", 3);
    release.send(()).expect("it is held");
    assert_eq!([holder.join().expect("no panic"), waiting.join().expect("no panic")], [200; 2]);
    let errors = Client::connect(port).get("/jkstatus?mime=txt").text();
    assert!(errors.lines().all(|line| !line.contains(" errors=1 ")), "no errors: {errors}");
}

#[test]
fn a_session_waits_for_room_at_its_member() {
    let (script, held) = holding("n1");
    let (n1, n2) = (Backend::start(script), Backend::start(echo("n2")));
    let more = "worker.n1.busy_limit=1\nworker.n1.connection_acquire_timeout=5000\n";
    let httpd = many("room", &[n1.port, n2.port], more);
    let port = httpd.port;
    let holder = thread::spawn(move || Client::connect(port).get("/app/hold").status);
    let release = held.recv_timeout(Duration::from_secs(10)).expect("it arrives");
    let waiting = thread::spawn(move || {
        let sticky = [("Cookie", "JSESSIONID=X.n1")];
        Client::connect(port).request("GET", "/app/x", &sticky, b"").text()
    });
    // Others go to the other member meanwhile.
    assert!(Client::connect(port).get("/app/x").text().starts_with("n2 "));
    thread::sleep(Duration::from_millis(100));
    assert!(!waiting.is_finished(), "it waits");
    release.send(()).expect("it is held");
    assert_eq!(holder.join().expect("no panic"), 200);
    assert!(waiting.join().expect("no panic").starts_with("n1 "), "and keeps its session");
}

#[test]
fn a_client_that_leaves_while_its_session_waits_for_room_is_not_sent_to_another_member() {
    let (script, held) = holding("n1");
    let (sender, asked) = channel();
    let n1 = Backend::start(script);
    let n2 = Backend::start(move |request| {
        let _ = sender.send(request.uri.clone());
        echo("n2")(request)
    });
    let more = "worker.n1.busy_limit=1\nworker.n1.connection_acquire_timeout=20000\n";
    let mut httpd = many("room-left", &[n1.port, n2.port], more);
    httpd.expect("JK-");
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + "JkAsync Auto\n"));
    httpd.graceful();
    let port = httpd.port;
    let holder = thread::spawn(move || {
        let sticky = [("Cookie", "JSESSIONID=X.n1")];
        Client::connect(port).request("GET", "/app/hold", &sticky, b"").status
    });
    let release = held.recv_timeout(Duration::from_secs(10)).expect("it arrives");
    let mut leaves = Client::connect(port);
    leaves.send("GET /app/x HTTP/1.1\r\nHost: h\r\nCookie: JSESSIONID=X.n1\r\n\r\n");
    thread::sleep(Duration::from_millis(300));
    drop(leaves);
    assert!(asked.recv_timeout(Duration::from_millis(700)).is_err(), "its client has left");
    release.send(()).expect("it is held");
    assert_eq!(holder.join().expect("no panic"), 200);
}

#[test]
fn busy_limit_counts_a_worker_in_all_its_balancers() {
    let (script, held) = holding("n1");
    let (n1, n2) = (Backend::start(script), Backend::start(echo("n2")));
    let more = "worker.list=other\nworker.other.type=lb\nworker.other.balance_workers=n1,n2\n\
                worker.n1.busy_limit=1\n";
    let workers_mount = "JkMount /other/* other\n";
    let workers = format!(
        "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=n1\nworker.n1.host=127.0.0.1\n\
         worker.n1.port={}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n{more}",
        n1.port, n2.port
    );
    let config = format!("JkMount /app/* lb\n{workers_mount}");
    let httpd =
        Setup { name: "busy-shared", mpm: "event", config: &config, workers: &workers }.start();
    let port = httpd.port;
    let holder = thread::spawn(move || Client::connect(port).get("/app/hold").status);
    let release = held.recv_timeout(Duration::from_secs(10)).expect("it arrives");
    let sticky = [("Cookie", "JSESSIONID=X.n1")];
    let served = Client::connect(port).request("GET", "/other/x", &sticky, b"").text();
    assert!(served.starts_with("n2 "), "n1 has its one request through the other balancer");
    release.send(()).expect("it is held");
    assert_eq!(holder.join().expect("no panic"), 200);
    let served = Client::connect(port).request("GET", "/other/x", &sticky, b"").text();
    assert!(served.starts_with("n1 "), "{served}");
}

#[test]
fn the_backend_is_told_what_the_rule_says_of_it() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = many("told", &[n1.port, n2.port], "worker.n2.activation=Disabled\n");
    let mut client = Client::connect(httpd.port);
    let mut ask = |path: &str, session: &str| {
        let cookie = format!("JSESSIONID=X.{session}");
        client.request("GET", path, &[("Cookie", &cookie)], b"").text()[..2].to_owned()
    };
    let told = |backend: &Backend| {
        backend.last().attribute("JK_LB_ACTIVATION").map(str::to_owned).unwrap_or_default()
    };
    assert_eq!((ask("/app/x", "n1"), told(&n1)), ("n1".into(), "ACT".into()));
    assert_eq!((ask("/rule/x", "n1"), told(&n1)), ("n1".into(), "DIS".into()));
    assert_eq!((ask("/app/x", "n2"), told(&n2)), ("n2".into(), "DIS".into()));
}

#[test]
fn hash_goes_by_the_header_it_is_told() {
    let members: Vec<_> =
        ["n1", "n2", "n3"].map(|name| Backend::start(echo(name))).into_iter().collect();
    let ports: Vec<_> = members.iter().map(|own| own.port).collect();
    let more = "worker.lb.method=Hash\nworker.lb.hash_key=header:X-Tenant\n";
    let httpd = many("hash", &ports, more);
    let mut client = Client::connect(httpd.port);
    let mut by_tenant = std::collections::BTreeMap::new();
    for round in 0..3 {
        for tenant in 0..20 {
            let (path, tenant) = (format!("/app/{round}"), format!("tenant-{tenant}"));
            let served =
                client.request("GET", &path, &[("X-Tenant", &tenant)], b"").text()[..2].to_owned();
            let before = by_tenant.entry(tenant).or_insert_with(|| served.clone());
            assert_eq!(*before, served, "one tenant, one member");
        }
    }
    let used: std::collections::BTreeSet<_> = by_tenant.into_values().collect();
    assert_eq!(used.len(), 3, "and all members are used");
}

#[test]
fn least_time_learns_who_is_slow_and_who_fails() {
    // Slow by much more than a busy machine can add to each answer of the fast one.
    let slow = Backend::start({
        let answer = echo("slow");
        move |request: &Request| {
            thread::sleep(Duration::from_millis(250));
            answer(request)
        }
    });
    let fails = Backend::start(|_: &Request| {
        Reply::Bytes(
            [head(500, &[("Content-Length", "0")]), crate::support::backend::end(true)].concat(),
        )
    });
    let fast = Backend::start(|_: &Request| Reply::Bytes(ok(&[], b"fast")));
    let more = "worker.lb.method=LeastTime\n";
    let httpd = many("least-time", &[slow.port, fails.port, fast.port], more);
    for _ in 0..80 {
        Client::connect(httpd.port).get("/app/x");
    }
    let counts = [slow.count(), fails.count(), fast.count()];
    // Two of the three are drawn for each request: the fast one is in two of three pairs. The slow one is
    // still better than the failing one, once that has failed often enough.
    assert!(counts[2] > 36 && counts[0] < 44 && counts[1] < 20, "{counts:?}");
}

/// Three members and eight children: each child elects by what all have elected.
#[test]
fn eight_children_share_by_weight() {
    let members: Vec<_> =
        ["n1", "n2", "n3"].map(|name| Backend::start(echo(name))).into_iter().collect();
    let mut workers = "worker.list=lb\nworker.lb.type=lb\n".to_owned();
    for (number, own) in members.iter().enumerate() {
        workers += &format!(
            "worker.lb.balance_workers=n{0}\nworker.n{0}.host=127.0.0.1\nworker.n{0}.port={1}\nworker.n{0}.lbfactor={0}\n",
            number + 1,
            own.port
        );
    }
    let config = "JkMount /app/* lb\nStartServers 8\nMinSpareServers 8\nMaxSpareServers 16\n";
    let setup = Setup { name: "fair", mpm: "prefork", config, workers: &workers };
    let httpd = setup.start();
    let port = httpd.port;
    let failed = Arc::new(Mutex::new(Vec::new()));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let failed = Arc::clone(&failed);
            thread::spawn(move || {
                // A connection for each hundred requests, so that all children take part.
                for _ in 0..6 {
                    let mut client = Client::connect(port);
                    for _ in 0..75 {
                        let status = client.get("/app/x").status;
                        if status != 200 {
                            failed.lock().expect("no panic under it").push(status);
                        }
                    }
                }
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().expect("no panic"));
    assert_eq!(*failed.lock().expect("no panic under it"), Vec::<u16>::new());
    let counts: Vec<_> = members.iter().map(Backend::count).collect();
    for (count, expected) in counts.iter().zip([600, 1200, 1800]) {
        assert!(count.abs_diff(expected) <= 12, "{counts:?}");
    }
}

/// The notes say whom the request was tried with first and last, and what the members' numbers were.
#[test]
fn notes_name_the_first_and_the_last_member() {
    let alive = Backend::start(echo("n2"));
    let mut workers = format!(
        "worker.list=lb\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\nworker.n1.host=127.0.0.1\n\
         worker.n1.port={}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n",
        free_port(),
        alive.port
    );
    workers += "worker.n2.route=second\nworker.n2.activation=Active\n";
    let config = "LogFormat \"%{JK_WORKER_ROUTE}n %{JK_LB_FIRST_NAME}n %{JK_LB_FIRST_STATE}n %{JK_LB_FIRST_ERRORS}n %{JK_LB_FIRST_VALUE}n %{JK_LB_LAST_NAME}n %{JK_LB_LAST_ACTIVATION}n %{JK_LB_LAST_STATE}n %{JK_LB_LAST_VALUE}n %{JK_LB_LAST_ACCESSED}n %{JK_LB_LAST_SESSIONS}n %{JK_LB_LAST_ERRORS}n %{JK_LB_LAST_BUSY}n\" lb\n\
         CustomLog @DIR@/access.log lb\nJkMount /app/* lb\n";
    let setup = Setup { name: "first-last", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-401");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    let lines = || httpd.log("access.log").lines().count() == 1;
    assert!(wait_until(PATIENCE, lines));
    assert_eq!(
        httpd.log("access.log").trim(),
        "second n1 ERR 1 1 n2 ACT OK 1 1 1 0 0",
        "the route is that of who answered"
    );
}
