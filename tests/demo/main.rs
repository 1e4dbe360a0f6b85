//! Shows the scenario the module is for: two clustered Tomcats behind one balancer; both take
//! load; one is stopped and its sessions live on the other.
//!
//! With the argument `check` it runs unattended and fails if any step does.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod embedded;

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use support::client::{Client, Response};
use support::httpd::{Httpd, Setup, modules_dir};
use support::tomcat::{self, Tomcat};
use support::{free_port, fresh_dir, root, wait_until};

fn main() -> ExitCode {
    let is_check = std::env::args().any(|word| word == "check");
    if tomcat::home().is_none() {
        println!("There is no Tomcat here: two test containers stand in for it.");
        if is_check && std::path::Path::new("/usr/bin/apt-get").exists() {
            let need = "a check needs real Tomcats: install tomcat10-common and libtomcat10-java";
            return finish(Err(need.to_owned()));
        }
        return finish(embedded::run(is_check));
    }
    finish(run(is_check))
}

fn finish(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nFAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(is_check: bool) -> Result<(), String> {
    let dir = fresh_dir("demo");
    let mcast = free_port();
    let mut tomcats = [Tomcat::new(&dir, "worker1", mcast), Tomcat::new(&dir, "worker2", mcast)];

    println!("1. Two Tomcats start and find each other");
    // One after the other: a Tomcat that starts asks its peer for the sessions, and two that ask
    // each other wait a minute.
    let [first, second] = &mut tomcats;
    first.start();
    progress(Duration::from_secs(120), || (first.is_up(), "the first one starts".to_owned()))?;
    second.start();
    progress(Duration::from_secs(120), || {
        let joined = first.sees_other() && second.sees_other();
        let cluster = if joined { "formed" } else { "forming" };
        (joined && second.is_up(), format!("the second one starts, the cluster is {cluster}"))
    })?;

    println!("2. httpd starts with the balancer \"controller\"");
    let httpd = start_httpd([tomcats[0].ajp_port, tomcats[1].ajp_port]);
    let url = format!("http://127.0.0.1:{}/", httpd.port);

    println!("3. Both take load: 20 requests for /test.jsp");
    let mut served = [0, 0];
    for _ in 0..20 {
        let response = get(&httpd, "/test.jsp", None)?;
        served[usize::from(response.text().contains("worker2"))] += 1;
    }
    println!("   worker1 answered {}, worker2 answered {}", served[0], served[1]);
    ensure(served[0] > 0 && served[1] > 0, "both members answer")?;

    println!("4. A session gets the attribute color = blue");
    // Replication is asynchronous (channelSendOptions="8") and a session made while the cluster is
    // still settling may not be copied: the scenario goes on with one that was.
    let (first, cookie) = (0..5)
        .find_map(|_| replicated_session(&httpd))
        .ok_or("no session reached the other member")?;
    println!("   {cookie} is on both members; {first} made it");

    println!("5. {first} is killed");
    let dead = usize::from(first == "worker2");
    tomcats[dead].kill();
    let response = get(&httpd, "/index.jsp", Some(&cookie))?;
    let second = server_of(&response)?;
    println!(
        "   the next request is answered by {second}: {}",
        if response.text().contains("color = blue") {
            "color = blue"
        } else {
            "the attribute is gone"
        }
    );
    ensure(second != first, "the other member answers")?;
    ensure(response.text().contains("color = blue"), "the session lives on the other member")?;

    println!("6. {first} starts again and is back in service");
    tomcats[dead].start();
    progress(Duration::from_secs(180), || (tomcats[dead].is_up(), format!("{first} starts")))?;
    let begun = Instant::now();
    progress(Duration::from_secs(10), || {
        let back = (0..4).any(|_| {
            get(&httpd, "/test.jsp", None).is_ok_and(|answer| answer.text().contains(&first))
        });
        (back, "waiting for it to take load".to_owned())
    })?;
    println!("   it takes load again after {:.1} s", begun.elapsed().as_secs_f64());

    stay(&url, is_check);
    Ok(())
}

/// Ends a check; by hand everything stays up to be looked at.
fn stay(url: &str, is_check: bool) {
    println!("\nAll steps succeeded.");
    if !is_check {
        println!("Look at {url}index.jsp and {url}jk-status");
        println!("Everything stops with Ctrl-C.");
        loop {
            std::thread::park();
        }
    }
}

/// Makes a session and waits until the other member shows its attribute as well. Returns who made
/// it, and the cookie; the other member has given the session an id with its own route.
fn replicated_session(httpd: &Httpd) -> Option<(String, String)> {
    let response = get(httpd, "/index.jsp?dataName=color&dataValue=blue", None).ok()?;
    let mut cookie = session_of(&response)?;
    let first = server_of(&response).ok()?;
    let is_copied = wait_until(Duration::from_secs(4), || {
        let Ok(response) = get(httpd, "/index.jsp", Some(&cookie)) else { return false };
        if !response.text().contains("color = blue") {
            return false;
        }
        cookie = session_of(&response).unwrap_or_else(|| cookie.clone());
        server_of(&response).is_ok_and(|server| server != first)
    });
    is_copied.then_some((first, cookie))
}

fn start_httpd(ports: [u16; 2]) -> Httpd {
    let cluster = root().join("apache-conf/cluster");
    let workers =
        std::fs::read_to_string(cluster.join("workers.properties")).expect("the cluster's workers");
    // httpd reads the ports from its environment, as an administrator would set them.
    let setup = Setup { name: "demo-httpd", mpm: "event", config: "", workers: &workers };
    let mut httpd = setup.prepare();
    let vhost = std::fs::read_to_string(cluster.join("vhost.conf")).expect("the cluster's vhost");
    let vhost = vhost
        .replace("${PORT}", &httpd.port.to_string())
        .replace("${WEBAPP}", &cluster.join("webapp").display().to_string())
        .replace("${CLUSTER}", &cluster.display().to_string());
    let alias =
        format!("LoadModule alias_module {}\n", modules_dir().join("mod_alias.so").display());
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &alias + &vhost));
    let workers = workers
        .replace("$(WORKER1_PORT)", &ports[0].to_string())
        .replace("$(WORKER2_PORT)", &ports[1].to_string());
    httpd.write("workers.properties", &workers);
    for text in ["JK-102", "JK-401", "JK-203"] {
        httpd.expect(text);
    }
    httpd.launch();
    httpd
}

fn get(httpd: &Httpd, path: &str, cookie: Option<&str>) -> Result<Response, String> {
    let headers: Vec<_> = cookie.map(|cookie| ("Cookie", cookie)).into_iter().collect();
    let response = Client::connect(httpd.port).request("GET", path, &headers, b"");
    match response.status {
        200 => Ok(response),
        status => Err(format!("GET {path} was answered with {status}: {}", httpd.log("jk.log"))),
    }
}

fn session_of(response: &Response) -> Option<String> {
    let cookie = response.header("Set-Cookie")?;
    cookie.split(';').next().map(str::to_owned)
}

fn server_of(response: &Response) -> Result<String, String> {
    let text = response.text();
    let line = text.lines().find_map(|line| line.strip_prefix("Server: "));
    Ok(line.ok_or("the page names no server")?.trim_end_matches("<br>").to_owned())
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}

/// Waits, saying every second what for.
fn progress(limit: Duration, mut look: impl FnMut() -> (bool, String)) -> Result<(), String> {
    let begun = Instant::now();
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdout());
    loop {
        let (done, what) = look();
        let seconds = begun.elapsed().as_secs();
        if is_terminal {
            print!("\r   {seconds:3} s  {what}   ");
            let _ = std::io::stdout().flush();
        }
        if done {
            println!("{}   {seconds} s: {what}", if is_terminal { "\r" } else { "" });
            return Ok(());
        }
        if begun.elapsed() > limit {
            return Err(format!("not within {} s: {what}", limit.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}
