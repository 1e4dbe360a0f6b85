//! What operators ask when an outage is over: what it was, for how long, who changed what, and which
//! configuration is in force since when.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::setups::{balanced, one_child};
use crate::support::backend::{Backend, Reply, echo, ok};
use crate::support::client::Client;
use crate::support::httpd::Httpd;
use crate::support::{PATIENCE, wait_until};

/// Asks for JSON. A child that a restart is ending may not answer.
fn json(httpd: &Httpd) -> Value {
    let ask = || {
        let text = b"GET /jkstatus?mime=json HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let answer = Client::connect(httpd.port).try_raw(text, "GET")?.text();
        serde_json::from_str(&answer).ok()
    };
    (0..10).find_map(|_| ask()).expect("httpd answers")
}

fn get(httpd: &Httpd, path: &str) -> u16 {
    Client::connect(httpd.port).get(path).status
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64
}

/// Waits for the next second, as times are told in seconds.
fn next_second() -> i64 {
    let before = now();
    assert!(wait_until(PATIENCE, || now() > before));
    now()
}

#[test]
fn an_outage_that_is_over_is_still_told() {
    let healthy = |name: &'static str| {
        let other = echo(name);
        move |request: &crate::support::backend::Request| match request.uri.as_str() {
            "/health" => Reply::Bytes(ok(&[], b"well")),
            _ => other(request),
        }
    };
    let (n1, n2) = (Backend::start(healthy("n1")), Backend::start(healthy("n2")));
    let more = "worker.lb.health_check=GET /health\nworker.lb.health_check_interval=1\n";
    let mut httpd = balanced("history", "event", [n1.port, n2.port], more);
    httpd.expect("JK-401");
    httpd.expect("JK-406");
    let member = || json(&httpd)["balancers"][0]["members"][1].clone();
    let checked = || member()["last_check"]["passed"] == true;
    assert!(wait_until(PATIENCE, checked), "{}", member());
    let before = member();
    assert_eq!((&before["outages"], &before["downtime_s"]), (&0.into(), &0.into()), "{before}");
    for key in ["last_failure", "last_failure_text", "last_failure_time"] {
        assert_eq!(before[key], Value::Null, "{key}");
    }

    let begun = now();
    let port = n2.port;
    n2.stop();
    let is_out = || {
        get(&httpd, "/app/x");
        member()["state"] == "ERR"
    };
    assert!(wait_until(PATIENCE, is_out), "{}", member());
    let failed = || member()["last_check"]["passed"] == false;
    assert!(wait_until(PATIENCE, failed), "{}", member());
    let text = member()["last_check"]["text"].as_str().unwrap_or_default().to_owned();
    assert!(text.contains("(JK-30"), "{text}");
    let grows = || member()["downtime_s"].as_u64() >= Some(2);
    assert!(wait_until(PATIENCE, grows), "the outage is under way: {}", member());

    let _n2 = Backend::start_on(port, healthy("n2"));
    let is_back = || {
        get(&httpd, "/app/x");
        let own = member();
        own["state"] == "OK" && own["last_check"]["passed"] == true
    };
    assert!(wait_until(PATIENCE, is_back), "{}", httpd.log("jk.log"));
    let (own, over) = (member(), now());
    let code = own["last_failure"].as_str().expect("a message").to_owned();
    assert!(code.starts_with("JK-30"), "{own}");
    let at = own["last_failure_time"]["unix"].as_i64().expect("a time");
    assert!((begun..=over).contains(&at), "{begun} {at} {over}");
    assert_eq!(own["outages"], 1, "{own}");
    let downtime = own["downtime_s"].as_i64().expect("a number");
    assert!((2..=over - begun + 1).contains(&downtime), "{own}");
    let check = &own["last_check"];
    assert_eq!(check["text"], "status 200", "{check}");
    assert!(check["time"]["unix"].as_i64() >= Some(begun), "{check}");
    assert!(check["took_ms"].as_u64() < Some(60_000), "{check}");
    // It was over and is not counted any further.
    next_second();
    assert_eq!(member()["downtime_s"], own["downtime_s"]);

    let page = Client::connect(httpd.port).get("/jkstatus?cmd=show&w=lb&sw=n2").text();
    let what = own["last_failure_text"].as_str().expect("words");
    for text in [&format!("{what} ({code}), "), "once, ", "passed: status 200 in "] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

/// Each failed request is sent twice, which is still one request.
#[test]
fn a_worker_alone_flaps_only_if_it_is_out_again_and_again() {
    let n1 = Backend::start(echo("n1"));
    let port = n1.port;
    let workers = format!("worker.list=solo,st\nworker.solo.port={port}\nworker.st.type=status\n");
    let config = "JkMount /app/* solo\nJkMount /jkstatus st\n";
    let mut httpd = one_child("alone-flaps", &workers, config);
    httpd.expect("JK-3");
    let worker = || json(&httpd)["ajp_workers"][0].clone();
    // Nothing is recent before there is a sample to compare with.
    assert!(wait_until(PATIENCE, || worker()["recent"]["span_s"].as_u64() >= Some(1)));
    let serve = || (0..60).for_each(|_| assert_eq!(get(&httpd, "/app/x"), 200));
    serve();
    let mut backend = n1;
    for failures in [1, 1, 2] {
        backend.stop();
        (0..failures).for_each(|_| assert_eq!(get(&httpd, "/app/x"), 503));
        let own = worker();
        assert_eq!(own["condition"] == "out", failures == 2, "{own}");
        backend = Backend::start_on(port, echo("n1"));
        serve();
        let own = worker();
        assert_eq!(own["outages"], u64::from(failures == 2), "{own}");
        assert_eq!(own["condition"], "serving", "{own}");
    }
    assert!(worker()["last_failure_time"]["unix"].as_i64() > Some(0));
}

#[test]
fn a_change_in_force_names_who_made_it() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let httpd = balanced("who-changed", "event", [n1.port, n2.port], "");
    let begun = now();
    for query in ["sw=n1&vwf=2", "sw=n1&vwf=3", "sw=n2&vwa=d", "sw=n2&vact=900", "vlr=5"] {
        assert_eq!(get(&httpd, &format!("/jkstatus?cmd=update&w=lb&{query}")), 200);
    }
    let all = json(&httpd)["runtime_changes"].clone();
    let word = |change: &Value, key: &str| change[key].to_string().replace('"', "");
    let lines = all.as_array().expect("a list").iter().map(|change| {
        let keys = ["balancer", "worker", "attribute", "old", "new", "client", "user"];
        keys.map(|key| word(change, key)).join(" ")
    });
    let mut lines: Vec<_> = lines.collect();
    lines.sort();
    let client = word(&all[0], "client");
    assert!(client.starts_with("127."), "{all}");
    let expected = [
        "lb n1 lbfactor 1 3",
        "lb n2 activation ACT DIS",
        "lb null retries 2 5",
        "null n2 connect_timeout unset 900",
    ];
    assert_eq!(lines, expected.map(|line| format!("{line} {client} null")), "{all}");
    let times = all.as_array().expect("a list").iter().map(|own| own["time"]["unix"].as_i64());
    let (mut times, over) = (times, now());
    assert!(times.all(|at| (Some(begun)..=Some(over)).contains(&at)), "{all}");
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    assert_eq!(page.matches(&format!("by {client}, ")).count(), 4, "{page}");

    // What is as in the file is no change.
    assert_eq!(get(&httpd, "/jkstatus?cmd=update&w=lb&sw=n1&vwf=1"), 200);
    assert_eq!(json(&httpd)["runtime_changes"].as_array().map(Vec::len), Some(3));
}

#[test]
fn httpd_says_since_when_it_runs_and_with_which_file() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let begun = now();
    let mut httpd = balanced("which-file", "event", [n1.port, n2.port], "");
    httpd.expect("JK-101");
    httpd.expect("JK-104");
    let server = || json(&httpd)["server"].clone();
    let first = server();
    let unix = |server: &Value, key: &str| server[key]["unix"].as_i64().unwrap_or_default();
    for key in ["started", "configuration_read"] {
        assert!((begun..=now()).contains(&unix(&first, key)), "{key}: {first}");
    }
    let path = httpd.dir.join("workers.properties");
    assert_eq!(first["workers_file"].as_str(), path.to_str(), "{first}");
    let is_one_of_them = || {
        let own = server();
        let children = httpd.children();
        children.contains(&own["child_pid"].to_string())
            && own["children"].as_u64() == Some(children.len() as u64)
    };
    assert!(wait_until(PATIENCE, is_one_of_them), "{} {:?}", server(), httpd.children());
    let runs = || server()["child_uptime_s"].as_u64() >= Some(1);
    assert!(wait_until(PATIENCE, runs), "{}", server());
    let page = Client::connect(httpd.port).get("/jkstatus").text();
    let file = format!("Workers of {}, read ", path.display());
    assert!(page.contains("httpd began ") && page.contains(&file), "{page}");

    // A file that is rejected is not in force, whenever it was read.
    let good = std::fs::read_to_string(&path).expect("a file");
    next_second();
    httpd.write("workers.properties", &format!("{good}worker.n1.nonsense=1\n"));
    httpd.graceful_for_all();
    let fallen = || server()["broken_configuration"].is_string();
    assert!(wait_until(PATIENCE, fallen), "{}", server());
    let own = server();
    for key in ["started", "configuration_read"] {
        assert_eq!(unix(&own, key), unix(&first, key), "{key}: {own}");
    }
    let mended = next_second();
    httpd.write("workers.properties", &good);
    httpd.graceful_for_all();
    let is_read = || unix(&server(), "configuration_read") >= mended;
    assert!(wait_until(Duration::from_secs(60), is_read), "{}", server());
    assert_eq!(unix(&server(), "started"), unix(&first, "started"));
}

#[test]
fn each_setting_says_where_it_comes_from() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let more = "worker.t.reply_timeout=9000\nworker.n1.reference=worker.t\nworker.n1.ping_mode=A\n";
    let httpd = balanced("origins", "event", [n1.port, n2.port], more);
    assert_eq!(get(&httpd, "/jkstatus?cmd=update&w=lb&sw=n1&vwf=3"), 200);
    let ask = |query: &str| Client::connect(httpd.port).get(&format!("/jkstatus?{query}")).text();
    let path = httpd.dir.join("workers.properties");
    let file = std::fs::read_to_string(&path).expect("a file");
    let line = |text: &str| {
        let at = file.lines().position(|line| line.starts_with(text)).expect("a line") + 1;
        format!("{}:{at}", path.display())
    };
    let json: Value = serde_json::from_str(&ask("cmd=show&w=lb&sw=n1&mime=json")).expect("JSON");
    let origins = &json["origins"];
    let from = |name: &str| origins[name].as_str().unwrap_or_default().to_owned();
    let by_mode = format!("ping_mode, {}", line("worker.n1.ping_mode"));
    let by_reference = format!("{}, by reference to worker.t", line("worker.t.reply_timeout"));
    for (name, expected) in [
        ("port", &*line("worker.n1.port")),
        ("reply_timeout", &*by_reference),
        ("connect_timeout", &*by_mode),
        ("max_packet_size", "default"),
        ("lbfactor", "changed while httpd runs by 127.0.0.1, "),
    ] {
        assert!(from(name).starts_with(expected), "{name}: {origins}");
    }
    assert!(from("lbfactor").ends_with("; before: 1 (default)"), "{origins}");
    let page = ask("cmd=show&w=lb&sw=n1");
    for name in ["port", "reply_timeout", "lbfactor", "max_packet_size"] {
        let shown = format!("<small>{}</small>", from(name));
        assert!(page.contains(&shown), "{shown}: {page}");
    }
    // A page with many members has no room for it.
    assert!(!ask("cmd=list").contains("<small>default"));
    let of = |query: &str| serde_json::from_str::<Value>(&ask(query)).expect("JSON");
    assert_eq!(of("cmd=list&mime=json")["origins"], Value::Null);
    let balancer = of("cmd=show&w=lb&mime=json");
    assert_eq!(balancer["origins"]["balance_workers"], line("worker.lb.balance_workers"));
    // Another member's change is not its own.
    assert_eq!(of("cmd=show&w=lb&sw=n2&mime=json")["origins"]["lbfactor"], "default");
}
