//! The adaptive limit (`concurrency=adaptive`) before backends of so many threads, with many clients.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::setups::slow;
use crate::support::backend::{Backend, Reply, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

const CHILDREN: &str = "StartServers 4\nServerLimit 4\nThreadsPerChild 30\nMaxRequestWorkers 120\n\
    MinSpareThreads 120\nMaxSpareThreads 120\nKeepAlive Off\nTimeout 300\nJkAsync Off\n";

/// A backend with so many threads, for which requests wait in turn, as in Tomcat.
fn with_threads(threads: usize, time: Duration) -> Backend {
    let state = Arc::new((Mutex::new((0_u64, 0_u64)), Condvar::new()));
    Backend::start(move |_| {
        let (tickets, turn) = &*state;
        let mut own = tickets.lock().expect("no panic");
        let number = own.0;
        own.0 += 1;
        drop(turn.wait_while(own, |(_, over)| number >= *over + threads as u64).expect("no panic"));
        thread::sleep(time);
        tickets.lock().expect("no panic").1 += 1;
        turn.notify_all();
        Reply::Bytes(ok(&[("Content-Type", "text/plain")], b"served"))
    })
}

/// What clients have met within a time: each answer's status and how long it took.
type Met = Vec<(u16, Duration)>;

/// Clients that ask again and again, with a pause, until they are dropped.
struct Crowd {
    is_over: Arc<AtomicBool>,
    met: Arc<Mutex<Met>>,
    clients: Vec<thread::JoinHandle<()>>,
}

impl Crowd {
    fn start(port: u16, path: &'static str, count: usize, pause: Duration) -> Self {
        let (is_over, met) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Met::new())));
        let client = |number: usize| {
            let (is_over, met) = (Arc::clone(&is_over), Arc::clone(&met));
            thread::spawn(move || {
                // They do not come all at once.
                thread::sleep(pause * number as u32 / count as u32);
                while !is_over.load(SeqCst) {
                    let begun = Instant::now();
                    let status = Client::connect(port).get(path).status;
                    met.lock().expect("no panic").push((status, begun.elapsed()));
                    thread::sleep(pause);
                }
            })
        };
        let clients = (0..count).map(client).collect();
        Self { is_over, met, clients }
    }

    /// What they meet in the next seconds.
    fn meets(&self, seconds: u64) -> Met {
        self.met.lock().expect("no panic").clear();
        thread::sleep(Duration::from_secs(seconds));
        self.met.lock().expect("no panic").clone()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.is_over.store(true, SeqCst);
        let ended = self.clients.drain(..).map(thread::JoinHandle::join).all(|own| own.is_ok());
        assert!(ended || thread::panicking(), "a client had no answer");
    }
}

/// How many were served, and the times in milliseconds within which 95 and 99 of 100 of them were: one moment
/// in which a busy machine stands still is in the second one.
fn served(met: &Met) -> (usize, u128, u128) {
    let mut times: Vec<_> =
        met.iter().filter(|(status, _)| *status == 200).map(|(_, time)| time.as_millis()).collect();
    times.sort_unstable();
    let within = |percent| times.get(times.len() * percent / 100).copied().unwrap_or(0);
    (times.len(), within(95), within(99))
}

fn prepare(name: &str, workers: &str) -> Httpd {
    let config = format!(
        "JkMount /app/* w\nJkMount /free/* free\nJkMount /jkstatus st\nJkLogLevel info\n{CHILDREN}"
    );
    let workers = format!("worker.list=w,free,st\nworker.st.type=status\n{workers}");
    Setup { name, mpm: "event", config: &config, workers: &workers }.prepare()
}

/// The worker `w` in the status worker's JSON.
fn shown(httpd: &Httpd) -> Value {
    let page = Client::connect(httpd.port).get("/jkstatus?mime=json&w=w").text();
    let page: Value = serde_json::from_str(&page).expect("JSON");
    let mut workers = page["ajp_workers"].as_array().into_iter().flatten();
    workers.find(|own| own["name"] == "w").cloned().expect("a worker")
}

fn limit(httpd: &Httpd) -> u64 {
    shown(httpd)["concurrency_limit"].as_u64().expect("a limit")
}

#[test]
fn an_overloaded_backend_serves_as_much_as_without_and_fast() {
    let (threads, time) = (4, Duration::from_millis(100));
    let (own, free) = (with_threads(threads, time), with_threads(threads, time));
    let workers = format!(
        "worker.w.port={}\nworker.w.concurrency=adaptive\nworker.free.port={}\n",
        own.port, free.port
    );
    let mut httpd = prepare("adaptive-overload", &workers);
    httpd.expect("JK-312");
    httpd.launch();
    // Three times as many requests as the backend can serve, if those that are refused come again.
    let (clients, pause) = (100, Duration::from_millis(800));
    let without = {
        let crowd = Crowd::start(httpd.port, "/free/x", clients, pause);
        crowd.meets(5);
        served(&crowd.meets(10))
    };
    let crowd = Crowd::start(httpd.port, "/app/x", clients, pause);
    // While it looks for the limit with smaller and smaller ones it says nothing.
    let is_found = || httpd.log("jk.log").contains("JK-329 worker w at localhost:");
    assert!(wait_until(PATIENCE * 2, is_found), "{}", shown(&httpd));
    let met = crowd.meets(20);
    let with = served(&met);
    let own = shown(&httpd);
    drop(crowd);
    println!("without {without:?} in 10 s, with {with:?} in 20 s, of {}", met.len());
    assert!(with.0 < met.len(), "some were refused");
    assert!(with.0 * 10 >= without.0 * 2 * 8, "{with:?} in 20 s, without {without:?} in 10 s");
    assert!(with.1 * 2 <= without.1, "{with:?}, without {without:?}");
    assert!(limit(&httpd) <= 6 * threads as u64, "{own}");
    assert!(httpd.log("jk.log").contains("its adaptive limit is reached"), "and says so");
}

#[test]
fn a_limit_grows_with_what_the_backend_can_do_and_outlives_a_restart() {
    let (backend, most) = slow(Duration::from_millis(200));
    let workers = format!(
        "worker.w.port={0}\nworker.w.concurrency=adaptive\nworker.w.queue_size=400\n\
         worker.w.queue_timeout=60000\nworker.w.busy_limit=80\nworker.free.port={0}\n",
        backend.port
    );
    let mut httpd = prepare("adaptive-growth", &workers);
    httpd.launch();
    assert_eq!(limit(&httpd), 20, "before anything is known");
    let crowd = Crowd::start(httpd.port, "/app/x", 100, Duration::ZERO);
    assert!(wait_until(PATIENCE, || limit(&httpd) >= 45), "{}", shown(&httpd));
    let met = crowd.meets(2);
    drop(crowd);
    assert!(met.iter().all(|(status, _)| *status == 200), "requests wait: {met:?}");
    assert!((21..=80).contains(&most.load(SeqCst)), "{most:?}");
    let told = || httpd.log("jk.log").contains("JK-329 worker w at localhost:");
    assert!(wait_until(PATIENCE, told), "{}", httpd.log("jk.log"));
    let before = limit(&httpd);
    httpd.graceful_for_all();
    assert_eq!(limit(&httpd), before, "{}", shown(&httpd));
    let metrics = Client::connect(httpd.port).get("/jkstatus?cmd=metrics").text();
    let found = metrics.lines().find(|line| line.starts_with("jk_concurrency_limit{"));
    assert!(found.is_some_and(|line| line.ends_with(&format!(" {before}"))), "{metrics}");
    let page = Client::connect(httpd.port).get("/jkstatus?cmd=show&w=w").text();
    assert!(page.contains(&format!("adaptive limit {before}")), "{page}");
}

#[test]
fn a_member_has_one_limit_for_requests_that_are_parked_too() {
    let (backend, most) = slow(Duration::from_millis(200));
    let workers = format!(
        "worker.w.type=lb\nworker.w.balance_workers=n1\nworker.w.queue_size=400\nworker.w.queue_timeout=60000\n\
         worker.n1.port={0}\nworker.n1.concurrency=adaptive\nworker.free.port={0}\n",
        backend.port
    );
    let mut httpd = prepare("adaptive-member", &workers);
    let parks = "JkAsync On\nAsyncRequestWorkerFactor 100";
    let config = httpd.log("httpd.conf").replace("JkAsync Off", parks);
    httpd.write("httpd.conf", &config);
    httpd.launch();
    let member = || {
        let page = Client::connect(httpd.port).get("/jkstatus?mime=json&w=w").text();
        let page: Value = serde_json::from_str(&page).expect("JSON");
        page["balancers"][0]["members"][0]["concurrency_limit"].as_u64().expect("a limit")
    };
    assert_eq!(member(), 20, "before anything is known");
    let crowd = Crowd::start(httpd.port, "/app/x", 100, Duration::ZERO);
    assert!(wait_until(PATIENCE, || member() >= 30), "{}", member());
    let met = crowd.meets(1);
    drop(crowd);
    assert!(met.iter().all(|(status, _)| *status == 200), "requests wait: {met:?}");
    assert!(most.load(SeqCst) > 20, "{most:?}");
}
