//! The scenario with real Tomcats.

use std::path::Path;
use std::time::Duration;

use crate::screen::{Progress, ensure, fact, step};
use crate::support::client::Response;
use crate::support::fresh_dir;
use crate::support::tomcat::Cluster;
use crate::{finish, get, start_httpd, workers_file};

/// Runs it.
///
/// # Errors
///
/// The first step that failed.
pub fn run(home: &Path, is_check: bool) -> Result<(), String> {
    let dir = fresh_dir("demo");
    let mut cluster = Cluster::new(&dir);

    step(1, "Two Tomcats start and form a cluster");
    fact(&format!("Tomcat of {}, files in {}", home.display(), dir.display()));
    let mut progress = Progress::begin();
    cluster.start(|what, _| progress.tell(what))?;
    progress.end("worker1 and worker2 serve and know each other");

    step(2, "httpd starts with mod_jk and the balancer \"controller\" (Busyness, not sticky)");
    let httpd = start_httpd(&cluster.with_own_ports(&workers_file()));
    fact(&format!("http://127.0.0.1:{}/", httpd.port));

    step(3, "Both take load: 20 requests for /test.jsp");
    for _ in 0..20 {
        let text = get(&httpd, "/test.jsp", None)?.text();
        ensure(text.contains("Hello from worker"), "/test.jsp greets")?;
    }
    // As the scenario has it: each Tomcat's own log shows what it served.
    let [first, second] = cluster.members.each_ref().map(|member| {
        member.log().lines().filter(|line| line.contains("==========  test  ========")).count()
    });
    fact(&format!("in their logs: worker1 served {first}, worker2 served {second}"));
    ensure(first > 0 && second > 0, "both serve")?;
    ensure(first + second == 20, "each request is served once")?;

    step(4, "A session gets the attribute color = blue");
    let response = get(&httpd, "/index.jsp?dataName=color&dataValue=blue", None)?;
    let cookie = session_cookie(&response).ok_or("no session cookie came")?;
    let owner = server_of(&response)?;
    fact(&format!("{owner} made {cookie}"));
    ensure(response.text().contains("color = blue"), "the page shows the attribute")?;

    step(5, &format!("{owner} is killed, without a chance to say goodbye"));
    // Replication is asynchronous (channelSendOptions="8") and shows no sign of its end.
    std::thread::sleep(REPLICATION);
    cluster.by_route(&owner).kill();
    let response = get(&httpd, "/index.jsp", Some(&cookie))?;
    let heir = server_of(&response)?;
    let survived = response.text().contains("color = blue");
    let shown = if survived { "color = blue is still there" } else { "the attribute is gone" };
    fact(&format!("the next request is answered by {heir}: {shown}"));
    ensure(heir != owner, "the other Tomcat answers")?;
    ensure(survived, "the session lives on the other Tomcat")?;
    let cookie = session_cookie(&response).unwrap_or(cookie);

    step(6, &format!("{owner} starts again"));
    let mut progress = Progress::begin();
    let member = cluster.by_route(&owner);
    member.start();
    member.await_service(&mut |what| progress.tell(what))?;
    progress.until(RETURN, "it joins the cluster again", || Ok(member.sees_other()))?;
    progress.end(&format!("{owner} serves"));
    let mut progress = Progress::begin();
    progress.until(RETURN, "it is given load again", || {
        let response = get(&httpd, "/index.jsp", Some(&cookie))?;
        ensure(response.text().contains("color = blue"), "the session is on both Tomcats again")?;
        Ok(server_of(&response)? == owner)
    })?;
    progress.end(&format!("{owner} takes load again, with the session,"));

    finish(httpd, is_check)
}

/// Returns the Cookie header that belongs to a response's session.
fn session_cookie(response: &Response) -> Option<String> {
    Some(response.header("Set-Cookie")?.split(';').next()?.to_owned())
}

fn server_of(response: &Response) -> Result<String, String> {
    let text = response.text();
    let line = text.lines().find_map(|line| line.strip_prefix("Server: "));
    Ok(line.ok_or("the page names no server")?.trim_end_matches("<br>").to_owned())
}

const REPLICATION: Duration = Duration::from_secs(2);
const RETURN: Duration = Duration::from_secs(30);
