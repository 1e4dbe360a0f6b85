//! Recipes about several Tomcats: sticky sessions, a rolling deployment, slow backends, mod_proxy_ajp.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;

use super::site::{Recipe, Running};
use super::{SECOND, backends_or_skip};
use crate::support::PATIENCE;
use crate::support::client::{Client, Response};
use crate::support::wait_until;

fn get(running: &Running, path: &str) -> Response {
    Client::connect(running.httpd.port).get(path)
}

/// Begins a session and returns its cookie and who has it.
fn session(running: &Running) -> (String, String) {
    let first = get(running, "/shop/session.jsp");
    assert_eq!(first.status, 200);
    let cookie = first.header("Set-Cookie").and_then(|cookie| cookie.split(';').next());
    let text = first.text();
    let (server, count) = text.split_once(' ').expect("who, and a number");
    assert_eq!(count, "1");
    (cookie.expect("a session").to_owned(), server.to_owned())
}

/// Sends a few more requests of a session; each must reach its Tomcat.
fn continue_session(running: &Running, cookie: &str, server: &str) {
    for number in 2..8 {
        let headers = [("Cookie", cookie)];
        let mut client = Client::connect(running.httpd.port);
        let next = client.request("GET", "/shop/session.jsp", &headers, b"");
        assert_eq!(next.text(), format!("{server} {number}"), "{cookie}");
    }
}

#[test]
fn sticky_sessions() {
    let backends = backends_or_skip!();
    let at = |number| backends.port("sticky-sessions", number);
    let ports = [("tomcat1", at(0)), ("tomcat2", at(1))];
    let running = Recipe::new("recipe-sticky", "sticky-sessions", 0, &ports).start();
    let mut served = BTreeSet::new();
    for _ in 0..4 {
        let (cookie, server) = session(&running);
        assert!(cookie.ends_with(&format!(".{server}")), "{cookie} has the route of {server}");
        continue_session(&running, &cookie, &server);
        served.insert(server);
    }
    assert_eq!(served.into_iter().collect::<Vec<_>>(), ["node-b", "tomcat1"]);
    running.run_commands("jkctl ping");

    // A route that is not Tomcat's is named.
    let recipe = Recipe::new("recipe-sticky-wrong", "sticky-sessions", 0, &ports);
    let mut running = recipe.replace("worker.tomcat2.route=node-b\n", "").start();
    running.httpd.expect("JK-413");
    let named = || {
        session(&running);
        running.httpd.log("jk.log").contains("JK-413")
    };
    assert!(wait_until(PATIENCE, named), "{}", running.httpd.log("jk.log"));
    let ping = running.sh(&running.commands("jkctl ping").concat());
    assert!(ping.text.contains("ends in the route \"node-b\""), "{}", ping.text);
}

#[test]
fn a_rolling_deployment() {
    let backends = backends_or_skip!();
    let at = |number| backends.port("rolling-deployment", number);
    let recipe = Recipe::new(
        "recipe-rolling",
        "rolling-deployment",
        0,
        &[("tomcat1", at(0)), ("tomcat2", at(SECOND))],
    );
    let running = recipe.start();
    // In place of a deployment: who answers while it goes on.
    running.program(
        "ssh",
        "#!/bin/sh\necho \"$*\" >> deployed\nfor request in 1 2 3 4 5 6; do\n\
         curl http://localhost/shop/who.jsp >> \"during-$1\" || exit 1; done\n",
    );
    let script = running.script("jkctl drain");
    assert!(script.contains("--quiet 5m"), "{script}");
    let is_over = AtomicBool::new(false);
    let answered = AtomicU32::new(0);
    let run = thread::scope(|scope| {
        let users = || {
            while !is_over.load(Relaxed) {
                let response = get(&running, "/shop/who.jsp");
                assert_eq!(response.status, 200, "{}", response.text());
                answered.fetch_add(1, Relaxed);
            }
        };
        let users = scope.spawn(users);
        let run = running.sh(&script.replace("--quiet 5m", "--quiet 1s"));
        is_over.store(true, Relaxed);
        users.join().expect("no request fails");
        run
    });
    assert_eq!(run.code, 0, "{}", run.text);
    assert!(answered.load(Relaxed) > 20);
    let log = |name: &str| running.httpd.log(name);
    assert_eq!(log("deployed"), "tomcat1 sudo deploy-shop\ntomcat2 sudo deploy-shop\n");
    assert_eq!(log("during-tomcat1"), "tomcat2".repeat(6), "{}", run.text);
    assert_eq!(log("during-tomcat2"), "tomcat1".repeat(6), "{}", run.text);
    let served: BTreeSet<_> = (0..20).map(|_| get(&running, "/shop/who.jsp").text()).collect();
    assert_eq!(served.len(), 2, "both are back");
}

#[test]
fn slow_backends() {
    let backends = backends_or_skip!();
    let at = |number| backends.port("slow-backends", number);
    let recipe = Recipe::new(
        "recipe-slow",
        "slow-backends",
        0,
        &[("tomcat1", at(0)), ("tomcat2", at(SECOND))],
    );
    let mut running =
        recipe.replace("=30000", "=1500").replace("busy_limit=180", "busy_limit=1").start();
    for line in ["JK-310", "JK-401", "JK-402"] {
        running.httpd.expect(line);
    }
    // Warm: a JSP is compiled by its first requests.
    for _ in 0..2 {
        assert_eq!(get(&running, "/shop/reports/slow?ms=0").text(), "late");
    }
    // One that is late everywhere, and the same where a rule gives it time.
    assert_eq!(get(&running, "/shop/slow.jsp?ms=9000").status, 504);
    running.httpd.says("JK-310", 2);
    assert_eq!(get(&running, "/shop/reports/slow?ms=2000").text(), "late");
    // All members are at their limit: the next request is answered at once.
    thread::scope(|scope| {
        // One that meets the limit itself comes again.
        let slow = || {
            let mut statuses =
                std::iter::repeat_with(|| get(&running, "/shop/reports/slow?ms=3000").status);
            statuses.find(|status| *status != 503).expect("an endless row")
        };
        let busy = [scope.spawn(slow), scope.spawn(slow)];
        let refused = wait_until(PATIENCE, || get(&running, "/shop/who.jsp").status == 503);
        assert!(refused, "{}", running.httpd.log("jk.log"));
        for one in busy {
            assert_eq!(one.join().expect("no panic"), 200);
        }
    });
    assert!(running.httpd.log("jk.log").contains("JK-402"));
    assert_eq!(get(&running, "/shop/who.jsp").status, 200);
}

#[test]
fn from_mod_proxy_ajp() {
    let backends = backends_or_skip!();
    let ports = [backends.port("mod-proxy-ajp", 0), backends.port("mod-proxy-ajp", SECOND)];
    let started = |recipe: Recipe| {
        recipe.file("htdocs/shop/static/logo.txt", "of httpd");
        recipe.start()
    };
    let before = Recipe::new("recipe-proxy", "mod-proxy-ajp", 0, &[])
        // The workers file is mod_jk's, and empty before.
        .expect("JK-102")
        .replace("10.0.0.5:8009", &format!("127.0.0.1:{}", ports[0]))
        .replace("10.0.0.6:8009", &format!("127.0.0.1:{}", ports[1]));
    let workers = [("tomcat1", ports[0]), ("tomcat2", ports[1])];
    let after = Recipe::new("recipe-proxy-after", "mod-proxy-ajp", 1, &workers);
    let both = [started(before), started(after)];
    let sessions: Vec<_> = both.iter().map(session).collect();
    for running in &both {
        assert_eq!(get(running, "/shop/static/logo.txt").text(), "of httpd");
        assert_eq!(get(running, "/other").status, 404);
        for (cookie, server) in &sessions {
            let mut client = Client::connect(running.httpd.port);
            let headers = [("Cookie", cookie.as_str())];
            let next = client.request("GET", "/shop/session.jsp", &headers, b"");
            let text = next.text();
            assert_eq!(text.split(' ').next(), Some(server.as_str()), "{text}");
        }
    }
    // What the command makes of the first.
    let dir = both[0].httpd.dir.display().to_string();
    let run = both[0].sh(&format!("jkctl convert --dir converted {dir}/httpd.conf"));
    assert_eq!(run.code, 0, "{}", run.text);
    let made = both[0].httpd.log("converted/workers.properties");
    for (name, port) in ["tomcat1", "tomcat2"].iter().zip(ports) {
        assert!(made.contains(&format!("{name}.port={port}")), "{made}");
    }
}
