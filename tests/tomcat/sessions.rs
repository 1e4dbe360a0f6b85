//! Balancing, sticky sessions, and sessions that outlive their Tomcat.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::support::client::{Client, Response};
use crate::{Site, cluster_or_skip};

/// One word of index.jsp: who answered.
fn server_of(response: &Response) -> String {
    let text = response.text();
    let line = text.lines().find_map(|line| line.strip_prefix("Server: "));
    line.expect("index.jsp names its server").trim_end_matches("<br>").to_owned()
}

fn cookie_of(response: &Response) -> Option<String> {
    Some(response.header("Set-Cookie")?.split(';').next()?.to_owned())
}

#[test]
fn load_is_split_evenly() {
    let cluster = cluster_or_skip!();
    for method in ["Request", "Busyness"] {
        let workers = format!("worker.lb.method={method}\n");
        let name = format!("split-{method}");
        let httpd = Site { name: &name, mpm: "event", workers: &workers }.start(&cluster);
        let mut client = Client::connect(httpd.port);
        let mut served = BTreeMap::new();
        for _ in 0..200 {
            let text = client.get("/test.jsp").text();
            *served.entry(text.trim().to_owned()).or_insert(0) += 1;
        }
        let expected =
            [("Hello from worker1".to_owned(), 100), ("Hello from worker2".to_owned(), 100)];
        assert_eq!(served, BTreeMap::from(expected), "case: {method}");
    }
}

#[test]
fn a_session_stays_where_it_began() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "sticky", mpm: "event", workers: "" }.start(&cluster);
    let mut client = Client::connect(httpd.port);
    for _ in 0..2 {
        let first = client.get("/index.jsp");
        let (server, cookie) = (server_of(&first), cookie_of(&first).expect("a new session"));
        assert!(cookie.ends_with(&format!(".{server}")), "{cookie} has the route of {server}");
        let id = cookie.strip_prefix("JSESSIONID=").expect("Tomcat's cookie");
        for number in 0..10 {
            let by_cookie = client.request("GET", "/index.jsp", &[("Cookie", &cookie)], b"");
            assert_eq!(server_of(&by_cookie), server, "request {number} with the cookie");
            assert_eq!(cookie_of(&by_cookie), None, "the session is known");
            let by_path = client.get(&format!("/index.jsp;jsessionid={id}"));
            assert_eq!(server_of(&by_path), server, "request {number} with the path");
            assert_eq!(cookie_of(&by_path), None, "the session is known");
        }
    }
}

#[test]
fn a_session_outlives_its_tomcat() {
    let mut cluster = cluster_or_skip!();
    for is_orderly in [true, false] {
        let name = if is_orderly { "stopped" } else { "crashed" };
        let mut httpd = Site { name, mpm: "event", workers: "" }.start(&cluster);
        httpd.expect("JK-401");
        let mut client = Client::connect(httpd.port);
        let first = client.get("/index.jsp?dataName=color&dataValue=blue");
        let (owner, cookie) = (server_of(&first), cookie_of(&first).expect("a new session"));
        // Replication is asynchronous and shows no sign of its end.
        thread::sleep(Duration::from_secs(2));

        let member = cluster.by_route(&owner);
        if is_orderly {
            member.stop()
        } else {
            member.kill()
        }
        let second = client.request("GET", "/index.jsp", &[("Cookie", &cookie)], b"");
        assert_eq!(second.status, 200, "case: {name}");
        assert_ne!(server_of(&second), owner, "case: {name}");
        assert!(second.text().contains("color = blue"), "case: {name}: {}", second.text());
        // The heir puts its own route into the id, so the session stays there from now on.
        let moved = cookie_of(&second).expect("an id with the new route");
        assert!(moved.ends_with(&server_of(&second)), "case: {name}: {moved}");

        let member = cluster.by_route(&owner);
        member.start();
        member.await_service(&mut |_| {}).expect("it starts again");
        let third = client.request("GET", "/index.jsp", &[("Cookie", &moved)], b"");
        assert_eq!(server_of(&third), server_of(&second), "case: {name}");
        assert!(third.text().contains("color = blue"), "case: {name}");
    }
}
