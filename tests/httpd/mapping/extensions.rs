//! What rule extensions do, each on a rule of its own, beside the same worker without any.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::backend::{Backend, Reply, Request, chunk_packet, end, head, ok};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};

/// Path and the worker with its extensions.
const RULES: &[(&str, &str)] = &[
    ("lb", "lb"),
    ("timeout", "lb;reply_timeout=200"),
    ("ignore", "lb;sticky_ignore=1"),
    ("stateless", "lb;stateless=1"),
    ("active", "lb;active=c"),
    ("disabled", "lb;disabled=a,b"),
    ("stopped", "lb;stopped=a b"),
    ("status", "lb;fail_on_status=-404"),
    ("errors", "lb;use_server_errors=400"),
    ("cookie", "lb;session_cookie=SID"),
    ("path", "lb;session_path=;sid"),
    ("set", "lb;set_session_cookie=1;session_cookie=ROUTE;session_cookie_path=/set"),
    ("two", "lb;stopped=a;session_path=;sid;sticky_ignore=0"),
];

fn script(name: &'static str) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    move |request| match request.uri.rsplit('/').next().unwrap_or_default() {
        "slow" => {
            thread::sleep(Duration::from_millis(2500));
            Reply::Bytes(ok(&[], name.as_bytes()))
        }
        "missing" => {
            let page = b"the backend's page";
            let length = page.len().to_string();
            let head = head(404, &[("Content-Length", &length)]);
            Reply::Bytes([head, chunk_packet(page), end(true)].concat())
        }
        _ => Reply::Bytes(ok(&[], name.as_bytes())),
    }
}

fn start(backends: &[Backend; 3]) -> Httpd {
    let mut workers = String::from(
        "worker.list=lb,st\nworker.st.type=status\nworker.lb.type=lb\nworker.lb.balance_workers=a,b,c\nworker.c.activation=Disabled\n",
    );
    for (name, backend) in ["a", "b", "c"].iter().zip(backends) {
        workers += &format!("worker.{name}.host=127.0.0.1\nworker.{name}.port={}\n", backend.port);
    }
    let mut rules = String::new();
    for (path, worker) in RULES {
        rules += &format!("/{path}/*={worker}\n");
    }
    let config =
        "JkMountFile @DIR@/rules\nJkMount /jkstatus st\nErrorDocument 404 \"httpd's page\"\n";
    let setup = Setup { name: "extensions", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.write("rules", &rules);
    for line in ["JK-310", "JK-311", "JK-401", "JK-402"] {
        httpd.expect(line);
    }
    httpd.launch();
    httpd
}

fn ask(httpd: &Httpd, path: &str, cookie: &str) -> Response {
    let headers: &[(&str, &str)] = if cookie.is_empty() { &[] } else { &[("Cookie", cookie)] };
    Client::connect(httpd.port).request("GET", path, headers, b"")
}

fn served_by(httpd: &Httpd, path: &str, cookie: &str) -> String {
    let names: BTreeSet<_> = (0..6).map(|_| ask(httpd, path, cookie).text()).collect();
    names.into_iter().collect()
}

#[test]
fn section_8_rules_change_what_their_worker_does() {
    let backends = ["a", "b", "c"].map(|name| Backend::start(script(name)));
    let httpd = start(&backends);
    let by = |path: &str, cookie: &str| served_by(&httpd, path, cookie);

    assert_eq!(by("/lb/x", ""), "ab", "c is disabled");
    assert_eq!(by("/lb/x", "JSESSIONID=1.b"), "b");
    // b has had more than its share, so it is a's turn where the session does not count.
    assert!(by("/ignore/x", "JSESSIONID=1.b").contains('a'), "sticky_ignore");
    assert!(by("/active/x", "").contains('c'), "active");
    assert_eq!(by("/disabled/x", "JSESSIONID=1.a"), "a", "disabled keeps sessions");
    assert_eq!(ask(&httpd, "/disabled/x", "").status, 503, "and takes no new ones");
    assert_eq!(ask(&httpd, "/stopped/x", "JSESSIONID=1.a").status, 503, "stopped takes nothing");
    assert_eq!(by("/stopped/x", "JSESSIONID=1.c"), "c");
    assert_eq!(by("/cookie/x", "SID=1.b"), "b", "session_cookie");
    assert!(by("/cookie/x", "JSESSIONID=1.b").contains('a'));
    assert_eq!(by("/path/x;sid=1.b", ""), "b", "session_path");
    assert!(by("/path/x;jsessionid=1.b", "").contains('a'));
    assert_eq!(by("/two/x;sid=1.b", ""), "b", "several extensions");
    assert_eq!(by("/two/x", ""), "b");

    let cookie = ask(&httpd, "/set/x", "").header("set-cookie").map(str::to_owned);
    let cookie = cookie.expect("set_session_cookie").to_ascii_lowercase();
    assert!(cookie.contains("path=/set"), "session_cookie_path: {cookie}");
    assert!(ask(&httpd, "/lb/x", "").header("set-cookie").is_none());

    let sessions = || {
        let text = Client::connect(httpd.port).get("/jkstatus?mime=txt&cmd=show&w=lb").text();
        let words = text.split_whitespace().filter_map(|word| word.strip_prefix("sessions="));
        words.map(|number| number.parse::<u32>().expect("a number")).sum::<u32>()
    };
    let before = sessions();
    by("/stateless/x", "");
    assert_eq!(sessions(), before, "stateless");
    by("/lb/x", "");
    assert_eq!(sessions(), before + 6);

    // The worker's page, httpd's own, and a failure.
    let missing = |path: &str| {
        let response = ask(&httpd, path, "");
        (response.status, response.text())
    };
    assert_eq!(missing("/lb/missing"), (404, "the backend's page".to_owned()));
    assert_eq!(missing("/errors/missing"), (404, "httpd's page".to_owned()), "use_server_errors");
    assert_eq!(missing("/status/missing").0, 503, "fail_on_status");
    assert_eq!(missing("/lb/missing").0, 404, "only there");

    let begun = Instant::now();
    assert_eq!(ask(&httpd, "/timeout/slow", "JSESSIONID=1.a").status, 504, "reply_timeout");
    assert!(begun.elapsed() < Duration::from_millis(2300), "{:?}", begun.elapsed());
}
