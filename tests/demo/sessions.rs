//! The scenario with real Tomcats.

use std::path::Path;
use std::time::Duration;

use crate::screen::{Progress, ensure, fact, step};
use crate::support::client::Response;
use crate::support::fresh_dir;
use crate::support::httpd::Httpd;
use crate::support::sockets::SocketDir;
use crate::support::tomcat::Cluster;
use crate::{finish, get, start_httpd, workers_file};

/// Runs it; the members `at_sockets` listen on Unix-domain sockets, the others on ports.
///
/// # Errors
///
/// The first step that failed.
pub fn run(home: &Path, at_sockets: &[&str], is_check: bool) -> Result<(), String> {
    let dir = fresh_dir("demo");
    let mut cluster = Cluster::new(&dir);
    let sockets = SocketDir::new("demo");
    for route in at_sockets {
        cluster.use_socket(route, &sockets.path(route));
    }

    step(1, "Two Tomcats start and form a cluster");
    fact(&format!("Tomcat of {}, files in {}", home.display(), dir.display()));
    let mut progress = Progress::begin();
    cluster.start(|what, _| progress.tell(what))?;
    progress.end("worker1 and worker2 serve and know each other");

    for route in at_sockets {
        fact(&format!("AJP of {route} is at unix:{}", sockets.path(route).display()));
    }

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
    // Replication is asynchronous (channelSendOptions="8"), and a cluster that is still settling
    // may not copy a session at all: the scenario goes on with one that both Tomcats show.
    let (owner, mut visitor) = (0..5)
        .find_map(|_| replicated(&httpd).transpose())
        .ok_or("no session reached the other Tomcat")??;
    fact(&format!("{owner} made it, both Tomcats show it: {}", visitor.cookie));

    step(5, &format!("{owner} is killed, without a chance to say goodbye"));
    cluster.by_route(&owner).kill();
    let page = visitor.look(&httpd)?;
    let shown = if page.is_blue { "color = blue is still there" } else { "the attribute is gone" };
    fact(&format!("the next request is answered by {}: {shown}", page.server));
    ensure(page.server != owner, "the other Tomcat answers")?;
    ensure(page.is_blue, "the session lives on the other Tomcat")?;

    step(6, &format!("{owner} starts again"));
    let mut progress = Progress::begin();
    let member = cluster.by_route(&owner);
    member.start();
    member.await_service(&mut |what| progress.tell(what))?;
    progress.until(RETURN, "it joins the cluster again", || Ok(member.sees_other()))?;
    progress.end(&format!("{owner} serves"));
    let mut progress = Progress::begin();
    progress.until(RETURN, "it is given load again", || {
        let page = visitor.look(&httpd)?;
        Ok(page.server == owner && page.is_blue)
    })?;
    progress.end(&format!("{owner} takes load again, with the session,"));

    finish(httpd, is_check)
}

/// A user with a session.
struct Visitor {
    cookie: String,
}

/// What the page says.
struct Page {
    server: String,
    is_blue: bool,
}

impl Visitor {
    /// Asks for the page. A Tomcat that takes over a session gives it an id with its own route.
    fn look(&mut self, httpd: &Httpd) -> Result<Page, String> {
        let response = get(httpd, "/index.jsp", Some(&self.cookie))?;
        let page = Page::of(&response)?;
        if page.is_blue
            && let Some(cookie) = session_cookie(&response)
        {
            self.cookie = cookie;
        }
        Ok(page)
    }
}

impl Page {
    fn of(response: &Response) -> Result<Self, String> {
        let text = response.text();
        let server = text.lines().find_map(|line| line.strip_prefix("Server: "));
        let server = server.ok_or("the page names no server")?.trim_end_matches("<br>").to_owned();
        Ok(Self { server, is_blue: text.contains("color = blue") })
    }
}

/// Makes a session and waits a while for the other Tomcat to show it. Returns who made it.
fn replicated(httpd: &Httpd) -> Result<Option<(String, Visitor)>, String> {
    let response = get(httpd, "/index.jsp?dataName=color&dataValue=blue", None)?;
    let page = Page::of(&response)?;
    ensure(page.is_blue, "the page shows the attribute")?;
    let mut visitor =
        Visitor { cookie: session_cookie(&response).ok_or("no session cookie came")? };
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(200));
        let other = visitor.look(httpd)?;
        if other.server != page.server && other.is_blue {
            return Ok(Some((page.server, visitor)));
        }
    }
    Ok(None)
}

/// Returns the Cookie header that belongs to a response's session.
fn session_cookie(response: &Response) -> Option<String> {
    Some(response.header("Set-Cookie")?.split(';').next()?.to_owned())
}

const RETURN: Duration = Duration::from_secs(30);
