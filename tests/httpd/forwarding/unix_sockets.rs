//! Backends on Unix-domain sockets: what works over TCP works over them, and what is wrong with a
//! socket is named.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

use crate::setups::number;
use crate::support::backend::{Backend, Reply, echo, end, head, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::sockets::{SocketDir, listen, listen_shortly};
use crate::support::{at_least, wait_until};

const CONFIG: &str = "JkMount /app/* app\nJkMount /jkstatus st\n";

/// Starts httpd with one worker on a socket.
fn one_socket(name: &str, mpm: &str, path: &Path, more: &str) -> Httpd {
    let workers = format!(
        "worker.list=app,st\nworker.app.host=unix:{}\nworker.st.type=status\n{more}",
        path.display()
    );
    Setup { name, mpm, config: CONFIG, workers: &workers }.start()
}

fn get(httpd: &Httpd, path: &str) -> (u16, String) {
    let response = Client::connect(httpd.port).get(path);
    (response.status, response.text())
}

fn json(httpd: &Httpd) -> serde_json::Value {
    serde_json::from_str(&get(httpd, "/jkstatus?mime=json").1).expect("JSON")
}

#[test]
fn requests_go_over_a_socket_and_its_connections_are_kept() {
    let dir = SocketDir::new("serve");
    for mpm in ["event", "worker", "prefork"] {
        let path = dir.path(mpm);
        let backend = Backend::start_unix(&path, |request| Reply::Bytes(ok(&[], &request.body)));
        let httpd = one_socket(&format!("unix-{mpm}"), mpm, &path, "");
        let mut client = Client::connect(httpd.port);
        for size in [0, 1, 8_186, 8_187, 100_000, 3_000_000] {
            let body: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
            let response = client.request("POST", "/app/x", &[], &body);
            assert_eq!(response.status, 200, "{mpm}: {size} bytes");
            assert!(response.body == body, "{mpm}: {size} bytes come back as they went");
        }
        assert_eq!(backend.connections.load(SeqCst), 1, "{mpm}: kept alive");
    }
}

#[test]
fn all_status_formats_name_the_path() {
    let dir = SocketDir::new("status");
    let path = dir.path("ajp.sock");
    let _backend = Backend::start_unix(&path, echo("n1"));
    let httpd = one_socket("unix-status", "event", &path, "");
    assert_eq!(get(&httpd, "/app/x"), (200, "n1 GET /app/x 0".to_owned()));
    let host = format!("unix:{}", path.display());
    let (_, xml) = get(&httpd, "/jkstatus?mime=xml");
    for part in [format!("host=\"{host}\""), "port=\"0\"".into(), format!("address=\"{host}\"")] {
        assert!(xml.contains(&part), "{part}: {xml}");
    }
    let (_, text) = get(&httpd, "/jkstatus?mime=txt");
    assert!(text.contains(&format!("host={host} port=0 address={host} ")), "{text}");
    let (_, prop) = get(&httpd, "/jkstatus?mime=prop");
    for line in [format!("worker.app.host={host}"), "worker.app.port=0".to_owned()] {
        assert!(prop.lines().any(|own| own == line), "{line}: {prop}");
    }
    let own = &json(&httpd)["ajp_workers"][0];
    assert_eq!((own["host"].as_str(), own["port"].as_u64()), (Some(host.as_str()), Some(0)));
    assert_eq!(own["address"], host.as_str());
    let (status, page) = get(&httpd, "/jkstatus");
    assert!(status == 200 && page.contains(&host), "{page}");
}

/// Members over both in one balancer: even shares, failover, and back by a probe.
#[test]
fn sockets_and_ports_mix_in_one_balancer() {
    let dir = SocketDir::new("mixed");
    let path = dir.path("n2");
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start_unix(&path, echo("n2")));
    let workers = format!(
        "worker.list=app,st\nworker.app.type=lb\nworker.app.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.n2.host=unix:{}\n\
         worker.n2.connection_ping_interval=1\nworker.st.type=status\n",
        n1.port,
        path.display()
    );
    let setup = Setup { name: "unix-mixed", mpm: "event", config: CONFIG, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-401");
    let serve = |count: usize| {
        let mut client = Client::connect(httpd.port);
        let mut served = BTreeMap::new();
        for _ in 0..count {
            let response = client.get("/app/x");
            assert_eq!(response.status, 200, "{}", httpd.log("jk.log"));
            *served.entry(response.text()[..2].to_owned()).or_insert(0) += 1;
        }
        served
    };
    assert_eq!(serve(40), BTreeMap::from([("n1".to_owned(), 20), ("n2".to_owned(), 20)]));

    // As after a crash: the file is there, and no process listens on it.
    n2.stop();
    assert!(path.exists());
    assert_eq!(serve(40), BTreeMap::from([("n1".to_owned(), 40)]));
    assert_eq!(number(&httpd, "n2", "state"), "ERR");
    let log = httpd.log("jk.log");
    let named = format!("member n2 at unix:{}: ", path.display());
    assert!(log.contains(&named), "{log}");
    let _again = Backend::start_unix(&path, echo("n2"));
    let is_back = wait_until(Duration::from_secs(20), || serve(4).contains_key("n2"));
    assert!(is_back, "{}", httpd.log("jk.log"));
}

/// What a request to each bad socket gets, and what the log says of it.
#[test]
fn what_is_wrong_with_a_socket_is_in_the_log() {
    let dir = SocketDir::new("wrong");
    drop(listen(&dir.path("stale")));
    fs::write(dir.path("file"), "").expect("a file");
    let forbidden = listen(&dir.path("forbidden"));
    fs::set_permissions(dir.path("forbidden"), PermissionsExt::from_mode(0o600)).expect("ours");
    fs::create_dir(dir.path("closed")).expect("a directory");
    let hidden = listen(&dir.path("closed/hidden"));
    fs::set_permissions(dir.path("closed"), PermissionsExt::from_mode(0o700)).expect("ours");
    let mut cases = vec![
        ("missing", "there is no such file", "unixDomainSocketPath"),
        ("stale", "no process listens on the socket file", "cannot start before it is removed"),
        ("file", "the file is not a socket", "unixDomainSocketPath"),
    ];
    // httpd's children have another user only where root starts it.
    if crate::support::httpd::is_root() {
        cases.extend([
            (
                "forbidden",
                "permission denied for the socket file",
                "unixDomainSocketPathPermissions",
            ),
            ("closed/hidden", "permission denied for a directory", "search"),
        ]);
    }
    let good = Backend::start_unix(&dir.path("good"), echo("good"));
    let mut workers = "worker.list=st".to_owned();
    let (mut config, mut lines) = ("JkMount /jkstatus st\n".to_owned(), String::new());
    for (number, (name, ..)) in cases.iter().enumerate() {
        workers += &format!(",w{number},lb{number}");
        let path = dir.path(name);
        lines += &format!(
            "worker.w{number}.host=unix:{}\nworker.lb{number}.type=lb\n\
             worker.lb{number}.balance_workers=w{number},good\n",
            path.display()
        );
        config += &format!("JkMount /w{number}/* w{number}\nJkMount /lb{number}/* lb{number}\n");
    }
    let good_path = dir.path("good");
    workers +=
        &format!("\nworker.st.type=status\nworker.good.host=unix:{}\n{lines}", good_path.display());
    let setup = Setup { name: "unix-wrong", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start();
    for line in ["JK-303", "JK-401"] {
        httpd.expect(line);
    }
    for (number, (name, cause, remedy)) in cases.iter().enumerate() {
        assert_eq!(get(&httpd, &format!("/w{number}/x")).0, 503, "{name}");
        let log = httpd.log("jk.log");
        let line = log.lines().rfind(|line| line.contains("JK-303")).unwrap_or_default();
        let place = format!("worker w{number} at unix:{}: ", dir.path(name).display());
        for part in [place.as_str(), cause, remedy] {
            assert!(line.contains(part), "{name}: {part}: {line}");
        }
        // In a balancer it is the member's failure: another one serves, and it is out.
        for _ in 0..4 {
            let answer = get(&httpd, &format!("/lb{number}/x"));
            assert_eq!(answer, (200, format!("good GET /lb{number}/x 0")), "{name}");
        }
        let balancers = json(&httpd)["balancers"].clone();
        let own = balancers.as_array().expect("balancers").iter();
        let own = own.clone().find(|own| own["name"] == format!("lb{number}").as_str());
        assert_eq!(own.expect("the balancer")["members"][0]["state"], "ERR", "{name}");
    }
    drop((good, forbidden, hidden));
}

#[test]
fn a_host_changes_from_a_port_to_a_socket_and_back() {
    let dir = SocketDir::new("change");
    let path = dir.path("new");
    let old = Backend::start(echo("old"));
    let new = Backend::start_unix(&path, echo("new"));
    let workers = format!(
        "worker.list=app,st\nworker.app.host=127.0.0.1\nworker.app.port={}\nworker.st.type=status\n",
        old.port
    );
    let config = format!("{CONFIG}StartServers 4\nMinSpareServers 4\nMaxSpareServers 8\n");
    let setup = Setup { name: "unix-change", mpm: "prefork", config: &config, workers: &workers };
    let mut httpd = setup.start();
    // The status page is open to this machine.
    httpd.expect("JK-102");
    // Each request goes to any of the children, and all of them go by a change at once.
    let all_are = |name: &str| (0..16).all(|_| get(&httpd, "/app/x").1.starts_with(name));
    assert!(all_are("old"));
    let change = |what: &str| get(&httpd, &format!("/jkstatus?cmd=update&mime=txt&w=app&{what}")).1;

    let answer = change(&format!("vahst=unix:{}", path.display()));
    assert!(answer.contains("type=OK"), "{answer}");
    assert!(all_are("new"), "{}", httpd.log("jk.log"));
    assert_eq!(number(&httpd, "app", "port"), "0");
    let answer = change("vaprt=8010");
    assert!(answer.contains("has no port"), "{answer}");
    let answer = change("vahst=unix:relative");
    assert!(answer.contains("not absolute"), "{answer}");
    assert!(all_are("new"));

    // Back, with the port of the file.
    let answer = change("vahst=127.0.0.1");
    assert!(answer.contains("type=OK"), "{answer}");
    assert!(all_are("old"), "{}", httpd.log("jk.log"));
    assert_eq!(number(&httpd, "app", "port"), old.port.to_string());
    drop(new);
}

/// A listen queue that is full for a while costs time, not requests; one that stays full costs the
/// request as much time as connecting may take.
#[test]
fn a_full_listen_queue_is_waited_for() {
    let dir = SocketDir::new("queue");
    let path = dir.path("s");
    let listener = listen_shortly(&path);
    // Takes the only place.
    let first = UnixStream::connect(&path).expect("it listens");
    let host = format!("unix:{}", path.display());
    let workers = format!(
        "worker.list=app,patient,st\nworker.app.host={host}\nworker.app.retries=1\n\
         worker.app.socket_connect_timeout=700\nworker.patient.host={host}\n\
         worker.patient.socket_connect_timeout=60000\nworker.st.type=status\n"
    );
    let config = format!("{CONFIG}JkMount /patient/* patient\n");
    let setup = Setup { name: "unix-queue", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-303");
    let begun = Instant::now();
    assert_eq!(get(&httpd, "/app/x").0, 503);
    assert!(begun.elapsed() >= at_least(700), "{:?}", begun.elapsed());
    let log = httpd.log("jk.log");
    for part in ["as the listen queue of the socket is full", "acceptCount"] {
        assert!(log.contains(part), "{part}: {log}");
    }

    // The backend accepts again while a request waits.
    let port = httpd.port;
    let waiting = thread::spawn(move || Client::connect(port).get("/patient/x").text());
    let is_waiting = || number(&httpd, "patient", "busy") == "1";
    assert!(wait_until(Duration::from_secs(10), is_waiting), "a request waits for room");
    drop(first);
    let serving = thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = [0; 4];
            // The first one has ended already.
            if stream.read_exact(&mut head).is_ok() {
                let mut request = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
                stream.read_exact(&mut request).expect("a request");
                stream.write_all(&ok(&[], b"patience")).expect("httpd reads");
                return;
            }
        }
    });
    assert_eq!(waiting.join().expect("no panic"), "patience", "{}", httpd.log("jk.log"));
    serving.join().expect("no panic");
}

/// Health checks and probes over sockets, also where the listen queue is full.
#[test]
fn health_checks_go_over_sockets() {
    let dir = SocketDir::new("health");
    let is_well = Arc::new(AtomicBool::new(true));
    let seen = Arc::clone(&is_well);
    let sick = Backend::start_unix(&dir.path("n1"), move |request| {
        let status = if request.uri == "/health" && !seen.load(SeqCst) { 500 } else { 200 };
        Reply::Bytes([head(status, &[("Content-Length", "0")]), end(true)].concat())
    });
    let well = Backend::start_unix(&dir.path("n2"), echo("n2"));
    let workers = format!(
        "worker.list=app,st\nworker.app.type=lb\nworker.app.balance_workers=n1,n2\n\
         worker.app.health_check=GET /health\nworker.app.health_check_interval=1\n\
         worker.n1.host=unix:{}\nworker.n2.host=unix:{}\nworker.st.type=status\n",
        dir.path("n1").display(),
        dir.path("n2").display()
    );
    let setup = Setup { name: "unix-health", mpm: "event", config: CONFIG, workers: &workers };
    let mut httpd = setup.start();
    for line in ["JK-401", "JK-406"] {
        httpd.expect(line);
    }
    let state_is = |state: &str| {
        wait_until(Duration::from_secs(20), || {
            number(&httpd, "n1", "state") == state
                && json(&httpd)["balancers"][0]["members"][0]["health"] != "unknown"
        })
    };
    assert!(wait_until(Duration::from_secs(20), || sick.count() > 1 && well.count() > 1));
    is_well.store(false, SeqCst);
    assert!(state_is("ERR"), "{}", httpd.log("jk.log"));
    let log = httpd.log("jk.log");
    let place = format!("member n1 at unix:{} ", dir.path("n1").display());
    assert!(log.contains(&place), "{log}");
    is_well.store(true, SeqCst);
    let is_back = wait_until(Duration::from_secs(20), || number(&httpd, "n1", "state") != "ERR");
    assert!(is_back, "{}", httpd.log("jk.log"));
}
