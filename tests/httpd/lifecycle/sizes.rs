//! What a start says of httpd's size where requests wait without a thread or in a queue.

use crate::support::httpd::{Setup, waiting_lines};
use crate::support::{PATIENCE, wait_until};

const EVENT: &str = "ServerLimit 3\nThreadsPerChild 5\nMaxRequestWorkers 15\nStartServers 1\n";

const PREFORK: &str = "ServerLimit 7\nMaxRequestWorkers 7\nStartServers 1\n";

/// MPM, lines of httpd.conf, of the worker `w`, and what is said of them; none for nothing.
type Case = (&'static str, &'static str, &'static str, Option<&'static str>);

const SAID: &[Case] = &[
    ("event", "", "", None),
    ("event", "JkAsync Off\nAsyncRequestWorkerFactor 50\n", "", None),
    ("prefork", "JkAsync Auto\n", "", None),
    (
        "event",
        "JkAsync Auto\nAsyncRequestWorkerFactor 2.5\n",
        "",
        Some(
            "JK-116 3 child processes x 5 threads = 15 requests that hold a thread; with AsyncRequestWorkerFactor 2.5 a child accepts up to 17 connections, which need 115",
        ),
    ),
    (
        "event",
        "JkAsync On\nAsyncRequestWorkerFactor 50\n",
        "worker.w.busy_limit=40\n",
        Some(
            "one backend gets up to 40 requests at once, over 120 connections (worker w, busy_limit 40); a Tomcat",
        ),
    ),
    (
        "event",
        "JkAsync On\nAsyncRequestWorkerFactor 99\n",
        "",
        Some(
            "up to 1500 requests at once, over 1500 connections (worker w, without a limit of its own); a Tomcat where nothing is set serves 200 at once (maxThreads) and takes 8192 connections (maxConnections): raise these, or set busy_limit",
        ),
    ),
    (
        "prefork",
        "",
        "worker.w.queue_size=9\nworker.w.busy_limit=3\n",
        Some(
            "JK-116 7 child processes x 1 thread = 7 requests that hold a thread; one backend gets up to 3 requests at once, over 7 connections",
        ),
    ),
];

#[test]
fn a_start_and_a_test_say_what_requests_that_wait_need() {
    for (number, (mpm, lines, worker, said)) in SAID.iter().enumerate() {
        let size = if *mpm == "prefork" { PREFORK } else { EVENT };
        let (config, name) = (format!("{size}{lines}"), format!("sizes-{number}"));
        let workers = format!("worker.list=w\nworker.w.port=1\n{worker}");
        let mut httpd = Setup { name: &name, mpm, config: &config, workers: &workers }.prepare();
        httpd.write("httpd.conf", &httpd.log("httpd.conf").replace(&waiting_lines(), ""));
        let (is_valid, tested) = httpd.configtest();
        assert!(is_valid, "{lines}: {tested}");
        httpd.launch();
        let started = || httpd.log("error.log");
        match said {
            Some(said) => {
                assert!(tested.contains(said), "{lines}{worker}: {tested}");
                assert!(
                    wait_until(PATIENCE, || started().contains(said)),
                    "{lines}: {}",
                    started()
                );
                assert_eq!(started().matches("JK-116").count(), 1, "{}", started());
            }
            None => {
                assert!(!tested.contains("JK-116"), "{lines}{worker}: {tested}");
                assert!(!started().contains("JK-116"), "{lines}{worker}: {}", started());
            }
        }
    }
}

#[test]
fn too_few_descriptors_are_said() {
    let workers = "worker.list=w\nworker.w.port=1\n";
    // More than any process may have.
    for (factor, is_said) in [("20000000", true), ("2", false)] {
        let config = format!("JkAsync Auto\nAsyncRequestWorkerFactor {factor}\n");
        let name = format!("sizes-descriptors-{factor}");
        let httpd = Setup { name: &name, mpm: "event", config: &config, workers }.prepare();
        httpd.write("httpd.conf", &httpd.log("httpd.conf").replace(&waiting_lines(), ""));
        let (is_valid, tested) = httpd.configtest();
        assert!(is_valid, "{tested}");
        let said = format!("JK-117 with AsyncRequestWorkerFactor {factor} a child accepts up to");
        assert_eq!(tested.contains(&said), is_said, "{tested}");
        assert_eq!(tested.contains("JK-117"), is_said, "{tested}");
    }
}
