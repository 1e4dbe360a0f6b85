//! The status worker as scripts and browsers use it.

use crate::balancing::balanced;
use crate::support::client::{Client, Response};
use crate::support::container::{Container, echo};
use crate::support::httpd::{Setup, modules_dir};

fn ask(port: u16, query: &str, headers: &[(&str, &str)]) -> Response {
    Client::connect(port).request("GET", &format!("/jkstatus{query}"), headers, b"")
}

#[test]
fn every_format_answers() {
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let httpd = balanced("formats", "event", [n1.port, n2.port], "");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    let cases = [
        ("", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("?mime=xml", "text/xml", "<jk:balancer"),
        ("?mime=txt", "text/plain", "Balancer Worker: name=lb type=lb"),
        ("?mime=prop", "text/plain", "worker.lb.type=lb"),
        ("?mime=json", "application/json", "\"lb\""),
        ("?mime=prop&cmd=version", "text/plain", "worker.jk_version=mod_jk/2"),
    ];
    for (query, kind, words) in cases {
        let response = ask(httpd.port, query, &[]);
        assert_eq!(response.status, 200, "{query}");
        assert_eq!(response.header("Content-Type"), Some(kind), "{query}");
        assert_eq!(response.header("Cache-Control"), Some("no-store"), "{query}");
        assert!(response.text().contains(words), "{query}: {}", response.text());
    }
    let dump = ask(httpd.port, "?mime=prop&cmd=dump", &[]).text();
    assert!(dump.contains("worker.lb.balance_workers=n1,n2"), "{dump}");
    let rules = ask(httpd.port, "?mime=txt", &[]).text();
    assert!(rules.contains("uri=\"/app/*\" type=\"Wildchar\" source=\"JkMount\""), "{rules}");
}

#[test]
fn a_member_is_drained_for_all_children_and_over_a_restart() {
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let httpd = balanced("drain", "prefork", [n1.port, n2.port], "");
    let served_by = || {
        let mut names: Vec<_> = (0..20)
            .map(|_| Client::connect(httpd.port).get("/app/x").text()[..2].to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(served_by(), ["n1", "n2"]);
    let update = "?cmd=update&mime=prop&w=lb&sw=n1&vwa=d";
    let answer = ask(httpd.port, update, &[]).text();
    assert!(answer.contains("worker.result.type=OK"), "{answer}");
    assert_eq!(served_by(), ["n2"], "in every child");
    httpd.graceful();
    assert_eq!(served_by(), ["n2"], "after a restart too");
    let log = httpd.log("jk.log");
    assert!(
        log.contains("JK-502 balancer lb: member n1: activation ACT is DIS now, by - from 127")
    );
    let answer = ask(httpd.port, "?cmd=update&mime=prop&w=lb&sw=n1&vwa=a", &[]).text();
    assert!(answer.contains("worker.result.type=OK"), "{answer}");
    assert_eq!(served_by(), ["n1", "n2"]);

    assert!(!ask(httpd.port, "?mime=txt", &[]).text().contains(" elected=0 "));
    ask(httpd.port, "?cmd=reset&mime=prop&w=lb", &[]);
    assert_eq!(ask(httpd.port, "?mime=txt", &[]).text().matches(" elected=0 ").count(), 2);
}

#[test]
fn what_must_not_be_changed_is_not() {
    let (n1, n2) = (Container::start(echo("n1")), Container::start(echo("n2")));
    let more = "worker.st.read_only=true\n";
    let httpd = balanced("read-only", "event", [n1.port, n2.port], more);
    let update = "?cmd=update&mime=prop&w=lb&sw=n1&vwa=d";
    let refused = |httpd: &crate::support::httpd::Httpd, query: &str, headers: &[(&str, &str)]| {
        let answer = ask(httpd.port, query, headers).text();
        assert!(answer.contains("result.type=ERROR"), "{query}: {answer}");
        let list = ask(httpd.port, "?mime=txt", &[]).text();
        assert_eq!(list.matches(" activation=ACT ").count(), 2, "{query}: {list}");
    };
    refused(&httpd, update, &[]);
    drop(httpd);

    let httpd = balanced("foreign", "event", [n1.port, n2.port], "");
    refused(&httpd, update, &[("Sec-Fetch-Site", "cross-site")]);
    refused(&httpd, update, &[("Origin", "http://evil.example")]);
    refused(&httpd, "?cmd=update&mime=prop&w=lb&sw=nobody&vwa=d", &[]);
    // One bad value, and nothing else is changed either.
    refused(&httpd, "?cmd=update&mime=prop&w=lb&sw=n1&vwa=d&vwf=none", &[]);
    refused(&httpd, "?cmd=update&mime=prop&w=lb&vll=p", &[]);
}

#[test]
fn loopback_only_refuses_other_machines() {
    let config = format!(
        "LoadModule remoteip_module {}\nRemoteIPHeader X-From\nRemoteIPInternalProxy 127.0.0.1\n\
         JkMount /jkstatus st\nJkStatusLoopback On\n",
        modules_dir().join("mod_remoteip.so").display()
    );
    let workers = "worker.list=st\nworker.st.type=status\n";
    let setup = Setup { name: "loopback", mpm: "event", config: &config, workers };
    let mut httpd = setup.start();
    httpd.expect("JK-504 the status page is for this machine only, not for 192.0.2.7");
    let cases: &[(&str, u16)] = &[("127.0.0.9", 200), ("::1", 200), ("192.0.2.7", 403)];
    for (from, status) in cases {
        assert_eq!(ask(httpd.port, "?mime=xml", &[("X-From", from)]).status, *status, "{from}");
    }
    assert_eq!(ask(httpd.port, "?cmd=metrics", &[("X-From", "192.0.2.7")]).status, 403);
}
