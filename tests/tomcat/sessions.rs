//! Balancing, sticky sessions, and sessions that outlive their Tomcat.

use std::collections::BTreeMap;

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
