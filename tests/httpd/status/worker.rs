//! The status worker as scripts and browsers use it.

use crate::setups::balanced;
use crate::support::backend::{Backend, echo};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Setup, load};
use crate::support::{PATIENCE, free_port, wait_until};

fn ask(port: u16, query: &str, headers: &[(&str, &str)]) -> Response {
    Client::connect(port).request("GET", &format!("/jkstatus{query}"), headers, b"")
}

#[test]
fn every_format_answers() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
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
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
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
    httpd.graceful_for_all();
    assert_eq!(served_by(), ["n2"], "after a restart too");
    let log = httpd.log("jk.log");
    assert!(log.contains(
        "JK-502 balancer lb: member n1: activation changed from \"ACT\" to \"DIS\" by a client at 127"
    ));
    let answer = ask(httpd.port, "?cmd=update&mime=prop&w=lb&sw=n1&vwa=a", &[]).text();
    assert!(answer.contains("worker.result.type=OK"), "{answer}");
    assert_eq!(served_by(), ["n1", "n2"]);

    assert!(!ask(httpd.port, "?mime=txt", &[]).text().contains(" elected=0 "));
    ask(httpd.port, "?cmd=reset&mime=prop&w=lb", &[]);
    assert!(httpd.log("jk.log").contains("JK-502 balancer lb: counters reset by a client at 127"));
    assert_eq!(ask(httpd.port, "?mime=txt", &[]).text().matches(" elected=0 ").count(), 2);
}

#[test]
fn what_must_not_be_changed_is_not() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
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

    let mut httpd = balanced("foreign", "event", [n1.port, n2.port], "");
    httpd.expect("rejected a cross-site request");
    refused(&httpd, update, &[("Sec-Fetch-Site", "cross-site")]);
    refused(&httpd, update, &[("Origin", "http://evil.example")]);
    refused(&httpd, "?cmd=update&mime=prop&w=lb&sw=missing&vwa=d", &[]);
    // One bad value, and nothing else is changed either.
    refused(&httpd, "?cmd=update&mime=prop&w=lb&sw=n1&vwa=d&vwf=none", &[]);
    refused(&httpd, "?cmd=update&mime=prop&w=lb&vll=x", &[]);
}

#[test]
fn json_is_posted_and_answered() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("status-json", "event", [n1.port, n2.port], "");
    let post = |kind: &str, body: &str| {
        let headers = [("Content-Type", kind)];
        let mut client = Client::connect(httpd.port);
        let answer = client.request("POST", "/jkstatus", &headers, body.as_bytes());
        let read = serde_json::from_slice(&answer.body).unwrap_or(serde_json::Value::Null);
        (answer.status, read)
    };
    let json = "application/json";
    let body =
        r#"{"cmd":"update","w":"lb","sw":"n1","vwa":"d","set":{"lbfactor":3,"route":"a&b"}}"#;
    let (status, answer) = post(json, body);
    assert_eq!((status, &answer["result"]["type"]), (200, &"OK".into()), "{answer}");
    let changes: Vec<_> = answer["changes"].as_array().expect("a list").iter().collect();
    assert_eq!(changes.len(), 3, "{answer}");
    assert!(changes.iter().all(|one| one["balancer"] == "lb" && one["worker"] == "n1"));
    assert!(
        changes.iter().any(|one| {
            one["attribute"] == "lbfactor" && one["old"] == "1" && one["new"] == "3"
        })
    );
    let member = &answer["balancers"][0]["members"][0];
    assert_eq!(
        (&member["activation"], &member["route"]),
        (&"DIS".into(), &"a&b".into()),
        "what is so now: {answer}"
    );
    let cases = [
        (400, "{"),
        (400, r#"{"cmd":"update","w":"lb","sw":"n1","set":{"nothing":1}}"#),
        (400, r#"{"cmd":"update","w":"lb","sw":"n1","vwf":0}"#),
        (404, r#"{"cmd":"show","w":"missing"}"#),
        (409, r#"{"cmd":"recover","w":"lb"}"#),
        (409, r#"{"cmd":"update","w":"lb","sw":"n1","vwf":4,"was.vwf":1}"#),
        (200, r#"{"cmd":"update","w":"lb","sw":"n1","vwf":4,"was.vwf":3}"#),
        (200, r#"{"cmd":"update","w":"lb","sw":"n1","vwf":1,"was.vwf":1}"#),
        (403, r#"{"cmd":"update","w":"lb","sw":"n1","vwf":5,"opt":32}"#),
    ];
    for (status, body) in cases {
        let (own, answer) = post(json, body);
        let kind = if status == 200 { "OK" } else { "ERROR" };
        assert_eq!((own, &answer["result"]["type"]), (status, &kind.into()), "{body}: {answer}");
    }
    let (_, answer) = post(json, r#"{"cmd":"show","w":"lb","sw":"n1"}"#);
    assert_eq!(answer["balancers"][0]["members"][0]["lbfactor"], 4, "not reset to what it was");
    let (status, _) = post("text/plain", r#"{"cmd":"update"}"#);
    assert_eq!(status, 200, "it was not looked at: the page");
}

#[test]
fn sessions_that_come_back_are_counted() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("status-sessions", "prefork", [n1.port, n2.port], "");
    for number in 0..30 {
        let cookie = format!("JSESSIONID={:032X}.n2", number % 10 * 7919);
        let headers = [("Cookie", cookie.as_str())];
        let answer = Client::connect(httpd.port).request("GET", "/app/x", &headers, b"");
        assert!(answer.text().starts_with("n2"), "{}", answer.text());
    }
    let text = ask(httpd.port, "?mime=json", &[]).text();
    let all: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let member = |place: usize| &all["balancers"][0]["members"][place];
    assert_eq!(
        (&member(0)["recent_sessions"], &member(0)["last_session_ago_s"]),
        (&0.into(), &serde_json::Value::Null)
    );
    assert_eq!(member(1)["recent_sessions"], 10, "{text}");
    assert!(member(1)["last_session_ago_s"].as_u64().is_some_and(|ago| ago < 30), "{text}");
    assert_eq!(member(1)["counts"]["responses"]["2xx"], 30);
}

#[test]
fn an_open_status_worker_is_warned_about() {
    let setup = |name, config| Setup {
        name,
        mpm: "event",
        config,
        workers: "worker.list=st,us\nworker.st.type=status\nworker.us.type=status\nworker.us.user=me\n",
    };
    let plain = "JkMount /jkstatus st\nJkMount /us us\n";
    let protected = "JkMount /jkstatus st\n<Location /jkstatus>\nRequire valid-user\n</Location>\n";
    let local = "JkMount /jkstatus st\nJkStatusLoopback On\n";
    for (name, config, count) in
        [("open", plain, 1), ("guarded", protected, 0), ("local", local, 0)]
    {
        let httpd = setup(name, config).prepare();
        let path = httpd.dir.join("httpd.conf");
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(path, text.replace("Listen 127.0.0.1:", "Listen ")).expect("a file");
        let (_, said) = httpd.configtest();
        let found = said.matches("can use status worker \"st\" and may change").count();
        assert_eq!(found, count, "{name}: {said}");
        assert!(!said.contains("status worker \"us\""), "{name}: {said}");
    }
    // A name may be any address, so that this machine's own will do here.
    let mut httpd = setup("open-page", plain).prepare();
    let path = httpd.dir.join("httpd.conf");
    let text = std::fs::read_to_string(&path).expect("a file");
    std::fs::write(path, text.replace("Listen 127.0.0.1:", "Listen localhost:")).expect("a file");
    httpd.expect("JK-102");
    httpd.launch();
    let log = httpd.log("error.log");
    assert_eq!(log.matches("can use status worker").count(), 1, "{log}");
    let page = ask(httpd.port, "", &[]).text();
    assert!(page.contains("This page is not protected"), "{page}");
    let json = ask(httpd.port, "?mime=json", &[]).text();
    assert!(json.contains("\"is_unprotected\":true"), "{json}");
}

#[test]
fn the_page_says_that_an_earlier_file_is_in_force() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let mut httpd = balanced("fallback", "event", [n1.port, n2.port], "");
    httpd.expect("JK-101");
    httpd.expect("JK-104");
    let sentence = "The previous configuration is still in use";
    assert!(!ask(httpd.port, "", &[]).text().contains(sentence));
    let path = httpd.dir.join("workers.properties");
    let text = std::fs::read_to_string(&path).expect("a file");
    httpd.write("workers.properties", &format!("{text}worker.n1.nonsense=1\n"));
    httpd.graceful();
    // A child of before the restart may still answer once or twice.
    let says = || ask(httpd.port, "", &[]).text().contains(sentence);
    assert!(wait_until(PATIENCE, says), "{}", ask(httpd.port, "", &[]).text());
    let why = || {
        let text = ask(httpd.port, "?mime=json", &[]).text();
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        json["server"]["broken_configuration"].as_str().unwrap_or_default().to_owned()
    };
    let names_it = || why().contains("workers.properties:") && why().contains("nonsense");
    assert!(wait_until(PATIENCE, names_it), "{}", why());
    httpd.write("workers.properties", &text);
    httpd.graceful();
    assert!(wait_until(PATIENCE, || !says()), "mended");
}

#[test]
fn loopback_only_refuses_other_machines() {
    let config = format!(
        "{}RemoteIPHeader X-From\nRemoteIPInternalProxy 127.0.0.1\n\
         JkMount /jkstatus st\nJkStatusLoopback On\n",
        load(&["remoteip"])
    );
    let workers = "worker.list=st\nworker.st.type=status\n";
    let setup = Setup { name: "loopback", mpm: "event", config: &config, workers };
    let mut httpd = setup.start();
    httpd.expect("JK-504 GET /jkstatus: rejected a client at 192.0.2.7");
    let cases: &[(&str, u16)] = &[("127.0.0.9", 200), ("::1", 200), ("192.0.2.7", 403)];
    for (from, status) in cases {
        assert_eq!(ask(httpd.port, "?mime=xml", &[("X-From", from)]).status, *status, "{from}");
    }
    assert_eq!(ask(httpd.port, "?cmd=metrics", &[("X-From", "192.0.2.7")]).status, 403);
}

#[test]
fn names_are_compared_as_the_worker_says_and_hosts_can_change() {
    let backend = Backend::start(echo("n1"));
    let workers = format!(
        "worker.list=exact,any,w\nworker.exact.type=status\nworker.exact.user=Admin,other\n\
         worker.any.type=status\nworker.any.user=Admin\nworker.any.user_case_insensitive=1\n\
         worker.w.host=127.0.0.2\nworker.w.port={}\n",
        backend.port
    );
    let config = "JkMount /exact exact\nJkMount /any any\nJkMount /app/* w\n\
        SetEnvIf X-User (.+) JK_REMOTE_USER=$1\n";
    let setup = Setup { name: "users", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-501");
    httpd.expect("JK-303");
    let get = |path: &str, user: &str| {
        let mut client = Client::connect(httpd.port);
        client.request("GET", path, &[("X-User", user)], b"").text()
    };
    for (path, user, may_look) in [
        ("/exact", "Admin", true),
        ("/exact", "other", true),
        ("/exact", "admin", false),
        ("/any", "aDMIN", true),
        ("/any", "other", false),
        ("/any", "missing", false),
    ] {
        let text = get(&format!("{path}?mime=txt&cmd=version"), user);
        assert_eq!(text.contains("type=OK"), may_look, "{path} {user}: {text}");
    }
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 503, "no backend is there");
    let text = get("/any?mime=txt&cmd=update&w=w&vahst=127.0.0.1", "admin");
    assert!(text.contains("type=OK"), "{text}");
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200, "vahst");
}

#[test]
fn a_reset_brings_no_broken_member_back() {
    let (n1, dead) = (Backend::start(echo("n1")), free_port());
    let mut httpd = balanced("reset-error", "event", [dead, n1.port], "");
    httpd.expect("JK-401");
    for _ in 0..4 {
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    }
    let member = || ask(httpd.port, "?mime=txt&cmd=show&w=lb&sw=n1", &[]).text();
    assert!(member().contains(" state=ERR "), "{}", member());
    assert!(member().contains(" error_time_unix_seconds="), "{}", member());
    for query in ["cmd=reset&w=lb", "cmd=reset&w=lb&sw=n1"] {
        ask(httpd.port, &format!("?mime=txt&{query}"), &[]);
        assert!(member().contains(" state=ERR ") && member().contains(" errors=0 "), "{query}");
    }
    // What brings it back, if only for a trial.
    let answer = ask(httpd.port, "?mime=txt&cmd=recover&w=lb", &[]).text();
    assert!(answer.contains("type=OK"), "{answer}");
    let json = ask(httpd.port, "?mime=json", &[]).text();
    assert!(json.contains("\"last_failure\":\"JK-303\""), "{json}");
}

#[test]
fn no_spelling_of_the_path_gets_past_its_access_rules() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let workers = format!(
        "worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n1,n2\n\
         worker.n1.host=127.0.0.1\nworker.n1.port={}\nworker.n2.host=127.0.0.1\n\
         worker.n2.port={}\nworker.st.type=status\n",
        n1.port, n2.port
    );
    let config = "JkMount /jkstatus st\nJkMount /admin/* st\n<Location /jkstatus>\n\
                  Require all denied\n</Location>\n<Location /admin>\nRequire all denied\n</Location>\n";
    let setup = Setup { name: "spellings", mpm: "event", config, workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("AH01630: client denied by server configuration");
    httpd.expect("AH00128");
    httpd.expect("JK-20");
    let paths = [
        "/jkstatus",
        "/jkstatus;",
        "/jkstatus;x=y",
        "/jkstatus/",
        "//jkstatus",
        "/./jkstatus",
        "/x/../jkstatus",
        "/x;/../jkstatus",
        "/x/..;/jkstatus",
        "/;/jkstatus",
        "/%6akstatus",
        "/jkstatus%3b",
        "/jkstatus%2f",
        "/admin/x",
        "/admin;/x",
        "/admin/;x/y",
        "/x/..;y/admin/x",
        "/%2e%2e;/admin/x",
        "/JKSTATUS",
        "/jkstatus%20",
        "/jkstatus%00",
    ];
    for path in paths {
        let answer = Client::connect(httpd.port).get(path);
        let is_refused = matches!(answer.status, 400 | 403 | 404);
        assert!(is_refused && !answer.text().contains("Status Manager"), "{path}: {answer:?}");
    }
}
