//! Balancing and failover with scripted backends, where no Tomcat can be had.

use std::time::Duration;

use crate::screen::{Progress, ensure, fact, step};
use crate::support::backend::{Backend, echo};
use crate::{finish, get, start_httpd, workers_file};

/// Runs it.
///
/// # Errors
///
/// The first step that failed.
pub fn run(is_check: bool) -> Result<(), String> {
    println!("No Tomcat here: two test backends stand in, which have no sessions.");
    println!("For the whole scenario install Tomcat 10 and set CATALINA_HOME.\n");
    step(1, "Two backends start");
    let first = Backend::start(echo("worker1"));
    let second = Backend::start(echo("worker2"));

    step(2, "httpd starts with mod_jk and the balancer \"controller\" (Busyness, not sticky)");
    let workers = workers_file()
        .replace("port=8009", &format!("port={}", first.port))
        .replace("port=18009", &format!("port={}", second.port));
    let httpd = start_httpd(&workers);
    fact(&format!("http://127.0.0.1:{}/", httpd.port));

    step(3, "Both take load: 20 requests for /test.jsp");
    for _ in 0..20 {
        get(&httpd, "/test.jsp", None)?;
    }
    fact(&format!("worker1 served {}, worker2 served {}", first.count(), second.count()));
    ensure(first.count() > 0 && second.count() > 0, "both serve")?;

    step(4, "worker1 is stopped");
    let port = first.port;
    drop(first);
    for _ in 0..20 {
        let text = get(&httpd, "/test.jsp", None)?.text();
        ensure(text.starts_with("worker2"), "worker2 answers")?;
    }
    fact("worker2 answered all of 20 requests");

    step(5, "worker1 starts again");
    let _first = Backend::start_on(port, echo("worker1"));
    let mut progress = Progress::begin();
    progress.until(Duration::from_secs(10), "it is given load again", || {
        Ok(get(&httpd, "/test.jsp", None)?.text().starts_with("worker1"))
    })?;
    progress.end("worker1 takes load again");

    finish(httpd, is_check)
}
