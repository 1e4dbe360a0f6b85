//! Shows the scenario the module is for: two clustered Tomcats behind one balancer; both take
//! load; one is stopped and its sessions live on the other.
//!
//! With the argument `check` it runs unattended and fails if any step does. With `sockets` httpd
//! reaches both Tomcats over Unix-domain sockets, with `mixed` the second one. Where no Tomcat can be
//! had, scripted backends show balancing and failover, which is less.
// Real servers take real time.
#![allow(clippy::disallowed_methods)]

#[path = "../support/mod.rs"]
mod support;

mod embedded;
mod screen;
mod sessions;

use std::process::{Command, ExitCode};

use support::client::{Client, Response};
use support::httpd::{Httpd, Setup, load};
use support::{root, tomcat};

fn main() -> ExitCode {
    let has_word = |wanted: &str| std::env::args().any(|word| word == wanted);
    let is_check = has_word("check");
    let at_sockets: &[&str] = match (has_word("sockets"), has_word("mixed")) {
        (true, _) => &["worker1", "worker2"],
        (false, true) => &["worker2"],
        (false, false) => &[],
    };
    let result = match tomcat::home() {
        Some(home) => sessions::run(&home, at_sockets, is_check),
        None if is_check && has_packages() => {
            Err("Tomcat is missing, and this machine can have it: \
             install tomcat10-common and libtomcat10-java, or set CATALINA_HOME"
                .to_owned())
        }
        None => embedded::run(is_check),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("\nFAILED: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Starts httpd with the scenario's virtual host, rules and workers; `workers` has their ports.
fn start_httpd(workers: &str) -> Httpd {
    let cluster = root().join("apache-conf/cluster");
    let mut httpd = Setup { name: "demo-httpd", mpm: "event", config: "", workers }.prepare();
    let own = format!(
        "{}Define PORT {}\nDefine WEBAPP \"{}\"\n\
         Define RULES \"{}\"\nInclude \"{}\"\n",
        load(&["authz_host"]),
        httpd.port,
        cluster.join("webapp").display(),
        cluster.join("uriworkermap.properties").display(),
        cluster.join("vhost.conf").display(),
    );
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &own));
    // The old words of the workers file, and a member that is stopped on purpose.
    for text in ["JK-102", "JK-401"] {
        httpd.expect(text);
    }
    httpd.launch();
    httpd
}

/// Returns the workers file of the scenario.
fn workers_file() -> String {
    let file = root().join("apache-conf/cluster/workers.properties");
    std::fs::read_to_string(file).expect("the cluster's workers")
}

/// Sends a request that must be answered with 200.
fn get(httpd: &Httpd, path: &str, cookie: Option<&str>) -> Result<Response, String> {
    let headers: Vec<_> = cookie.map(|cookie| ("Cookie", cookie)).into_iter().collect();
    let response = Client::connect(httpd.port).request("GET", path, &headers, b"");
    match response.status {
        200 => Ok(response),
        status => Err(format!("GET {path} was answered with {status}\n{}", httpd.log("jk.log"))),
    }
}

/// Says where to look, and stays until it is interrupted; unattended it stops everything.
fn finish(mut httpd: Httpd, is_check: bool) -> Result<(), String> {
    println!("\nAll steps succeeded.");
    if is_check {
        let surprising = httpd.stopped_lines();
        return match surprising.is_empty() {
            true => Ok(()),
            false => Err(format!("unexpected lines in httpd's logs:\n{}", surprising.join("\n"))),
        };
    }
    println!("  Try it    http://127.0.0.1:{}/index.jsp", httpd.port);
    println!("  Status    http://127.0.0.1:{}/jk-status", httpd.port);
    println!("  Logs      {}", httpd.dir.display());
    println!("Ctrl-C stops httpd and everything behind it.");
    loop {
        std::thread::park();
    }
}

/// Tells whether this system has the packages with Tomcat.
fn has_packages() -> bool {
    Command::new("apt-get").arg("--version").output().is_ok()
}
