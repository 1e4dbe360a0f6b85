//! httpd stopped under load, in every MPM. The event MPM told to stop at once is another matter: see
//! `stop_at_once.rs`.

use std::time::{Duration, Instant};

use crate::load::Hammer;
use crate::support::backend::{Backend, echo};
use crate::support::httpd::Setup;
use crate::{MOUNTS, figure, is_long, workers};

/// [`Httpd::stop_by`](crate::support::httpd::Httpd::stop_by) reads the log: a child that ends by a signal
/// fails the test, and so does one that waits for its background thread until httpd kills it.
#[test]
fn children_end_in_order_under_load() {
    let times = if is_long() { 20 } else { 3 };
    let stops = [("event", "WINCH"), ("worker", "TERM"), ("prefork", "TERM"), ("prefork", "WINCH")];
    for (mpm, word) in stops {
        let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
        let (mut answered, mut longest) = (0, Duration::ZERO);
        for round in 0..times {
            let name = format!("endure-stop-{mpm}-{word}-{round}");
            let workers = workers([n1.port, n2.port]);
            let mut httpd = Setup { name: &name, mpm, config: MOUNTS, workers: &workers }.start();
            let load = Hammer::start(httpd.port, 8, "/app/x");
            load.wait_for(200);
            let begun = Instant::now();
            let surprising = httpd.stop_by(word);
            longest = longest.max(begun.elapsed());
            answered += load.end();
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
