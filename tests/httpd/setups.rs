//! What several subjects start from: an httpd before a balancer, one of a single child, modules for httpd.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::backend::{Backend, Reply, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::installation::apxs;
use crate::support::{free_port, fresh_dir, root};

pub fn one_worker(name: &str, mpm: &str, port: u16, more: &str) -> Httpd {
    let workers = format!(
        "worker.list=w1,st\nworker.w1.port={port}\nworker.w1.host=127.0.0.1\nworker.w1.secret=s3cr3t\n\
         worker.w1.reply_timeout=2000\nworker.st.type=status\n"
    );
    let config = format!("JkMount /app/* w1\nJkMount /jkstatus st\n{more}");
    Setup { name, mpm, config: &config, workers: &workers }.start()
}

/// Starts httpd with a balancer `lb` of the members `n1` and `n2`, and a status worker.
pub fn balanced(name: &str, mpm: &str, ports: [u16; 2], more: &str) -> Httpd {
    let workers = format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.n2.host=127.0.0.1\nworker.n2.port={}\n\
         worker.st.type=status\n{more}",
        ports[0], ports[1]
    );
    let config = "JkMount /app/* lb\nJkMount /jkstatus st\nKeepAlive On\nMaxKeepAliveRequests 0\n";
    Setup { name, mpm, config, workers: &workers }.start()
}

/// Starts an httpd of one child, so that all connections are in one pool for each worker.
pub fn one_child(name: &str, workers: &str, mounts: &str) -> Httpd {
    let config = format!(
        "StartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\nMaxKeepAliveRequests 0\n{mounts}"
    );
    Setup { name, mpm: "event", config: &config, workers }.start()
}

/// Returns a number of a member from the status page.
pub fn number(httpd: &Httpd, member: &str, key: &str) -> String {
    // The child that takes the request may be the one that is killed.
    let ask = || {
        let text = b"GET /jkstatus?mime=txt HTTP/1.1\r\nHost: h\r\n\r\n";
        Some(Client::connect(httpd.port).try_raw(text, "GET")?.text())
    };
    let page = (0..10).find_map(|_| ask()).expect("httpd answers");
    let is_it = |line: &&str| {
        ["Member", "AJP Worker"]
            .iter()
            .any(|kind| line.starts_with(&format!("{kind}: name={member} ")))
    };
    let line = page.lines().find(is_it);
    let line = line.unwrap_or_else(|| panic!("no {member} in {page}")).to_owned();
    let word = line.split(' ').find_map(|word| word.strip_prefix(&format!("{key}=")));
    word.unwrap_or_else(|| panic!("no {key} in {line}")).to_owned()
}

/// How many requests of the only worker no thread waits for.
pub fn parked(httpd: &Httpd) -> usize {
    let page = Client::connect(httpd.port).get("/jkstatus?mime=json").text();
    let page: serde_json::Value = serde_json::from_str(&page).expect("JSON");
    page["ajp_workers"][0]["parked"].as_u64().expect("a number") as usize
}

/// Compiles a module of `tests/httpd/modules`, once for all tests, and returns the line that loads it.
pub fn compiled(name: &str) -> String {
    static LINES: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut lines = LINES.lock().expect("it compiles");
    let build = || {
        let dir = fresh_dir(&format!("module-{name}"));
        let file = format!("mod_{name}.c");
        let source = root().join("tests/httpd/modules").join(&file);
        std::fs::copy(source, dir.join(&file)).expect("a file of the package");
        let built = Command::new(apxs()).args(["-c", &file]).current_dir(&dir).output();
        let built = built.expect("apxs is missing; Debian package: apache2-dev");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        format!("LoadModule {name}_module {}/.libs/mod_{name}.so\n", dir.display())
    };
    lines.entry(name.to_owned()).or_insert_with(build).clone()
}

/// Compiles a library of `tests/httpd/modules` that takes the place of functions of the system, and returns its
/// path.
pub fn preloaded(name: &str) -> String {
    let library =
        fresh_dir(&format!("preloaded-{name}-{}", free_port())).join(format!("{name}.so"));
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(root().join(format!("tests/httpd/modules/{name}.c")))
        .status();
    assert!(compiled.expect("cc runs").success());
    library.display().to_string()
}

/// A backend that answers after a time, and says how many requests it had at once at most.
pub fn slow(time: Duration) -> (Backend, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let (seen, now) = (Arc::clone(&most), AtomicUsize::new(0));
    let backend = Backend::start(move |request| {
        seen.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        thread::sleep(time);
        now.fetch_sub(1, SeqCst);
        let body = format!("{} {}", request.uri, request.body.len());
        Reply::Bytes(ok(&[("Content-Type", "text/plain")], body.as_bytes()))
    });
    (backend, most)
}

/// A backend that answers when it is let.
pub fn held() -> (Backend, Arc<AtomicBool>) {
    let is_let = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&is_let);
    let backend = Backend::start(move |request| {
        while !own.load(SeqCst) {
            thread::sleep(Duration::from_millis(1));
        }
        Reply::Bytes(ok(&[("Content-Type", "text/plain")], request.uri.as_bytes()))
    });
    (backend, is_let)
}
