//! httpd stopped under load, in every MPM.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::client::Client;
use crate::support::container::{Container, echo};
use crate::support::httpd::Setup;
use crate::support::signal;
use crate::{MOUNTS, figure, is_long, workers};

/// Clients that ask until nobody answers any more.
fn clients(port: u16, stop: &Arc<AtomicBool>) -> Vec<thread::JoinHandle<usize>> {
    let client = |_| {
        let stop = Arc::clone(stop);
        thread::spawn(move || {
            let mut count = 0;
            while !stop.load(Relaxed) {
                let Some(mut own) = Client::try_connect(port) else { break };
                let text = b"GET /app/x HTTP/1.1\r\nHost: h\r\n\r\n";
                while own.try_raw(text, "GET").is_some() {
                    count += 1;
                }
            }
            count
        })
    };
    (0..8).map(client).collect()
}

/// [`Httpd::stop`](crate::support::httpd::Httpd::stop) reads the log: a child that ends by a signal
/// fails the test, and so does one that waits for its background thread until httpd kills it.
#[test]
fn children_end_in_order_under_load() {
    let times = if is_long() { 20 } else { 3 };
    let stops = [
        ("event", "WINCH"),
        ("event", "TERM"),
        ("worker", "TERM"),
        ("prefork", "TERM"),
        ("prefork", "WINCH"),
    ];
    for (mpm, word) in stops {
        let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
        let (mut answered, mut longest) = (0, Duration::ZERO);
        for _ in 0..times {
            let (name, workers) = (format!("endure-stop-{mpm}"), workers([n1.port, n2.port]));
            let mut httpd = Setup { name: &name, mpm, config: MOUNTS, workers: &workers }.start();
            // Told to stop at once, the event MPM closes sockets that its own threads still use, and
            // a child may die of it, as `Httpd::stop` explains. It must not hang.
            if (mpm, word) == ("event", "TERM") {
                httpd.expect("Bad file descriptor: AH03092");
                httpd.expect("exit signal Segmentation fault");
                httpd.expect("exit signal Abort");
            }
            let stop = Arc::new(AtomicBool::new(false));
            let clients = clients(httpd.port, &stop);
            thread::sleep(Duration::from_millis(700));
            let begun = Instant::now();
            assert!(signal(word, httpd.pid()), "{mpm}: kill -{word}");
            let surprising = httpd.stop();
            longest = longest.max(begun.elapsed());
            stop.store(true, Relaxed);
            answered += clients.into_iter().map(|own| own.join().unwrap_or(0)).sum::<usize>();
            assert_eq!(surprising, Vec::<String>::new(), "{mpm}, {word}");
        }
        figure(&format!(
            "{mpm} stopped {times} times by {word} under load, {answered} GETs answered: nothing surprising in the logs, {longest:.1?} at most"
        ));
        assert!(answered > 0, "{mpm}, {word}: there was load");
        // httpd sends the next signals after three seconds and more, and kills after nine.
        assert!(longest < Duration::from_secs(8), "{mpm}, {word}: {longest:?}");
    }
}
