//! `jkctl recover`, `reset`, `rules`, `version`, `dump`, `diff` and `wait` against a real httpd, and what a
//! dry run and the warnings of `set` promise.

use std::fs;

use serde_json::{Value, json};

use crate::jkctl;
use crate::live::Site;
use crate::support::free_port;

/// Everything that can be changed, without what changes by itself.
fn dump(site: &Site) -> Value {
    let run = site.run(&["dump", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    run.json()
}

#[test]
fn rules_lead_to_workers() {
    let site = Site::start("jkctl-rules", "JkMount /more/* lb\n");
    let run = site.run(&["rules"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let line = run.out.lines().find(|line| line.starts_with("/more/*")).unwrap_or_default();
    assert!(line.contains(" lb ") && line.contains("JkMount"), "{}", run.out);
    let page = site.run(&["rules", "lb", "-o", "json"]).json();
    let uris: Vec<_> = page["rules"].as_array().unwrap().iter().map(|own| &own["uri"]).collect();
    assert_eq!(uris.len(), 2, "{page}");
    assert!(page["rules"].as_array().unwrap().iter().all(|own| own["worker"] == "lb"), "{page}");
    let run = site.run(&["rules", "lb/a"]);
    assert!(run.code == 2 && run.err.contains("name the balancer alone"), "{}", run.err);
    assert_eq!(site.run(&["rules", "none"]).code, 2);
}

#[test]
fn version_is_told_with_and_without_an_httpd() {
    let site = Site::start("jkctl-versions", "");
    let own = env!("CARGO_PKG_VERSION");
    let run = site.run(&["version"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains(&format!("module  {own}")) && run.out.contains("Apache/2"),
        "{}",
        run.out
    );
    let page = site.run(&["version", "-o", "json"]).json();
    assert_eq!((&page["jkctl"], &page["module"]), (&json!(own), &json!(own)));
    let dead = format!("http://127.0.0.1:{}/status", free_port());
    let run = jkctl(&["version", "--url", &dead]);
    assert_eq!(run.code, 0);
    assert!(run.out.contains(own) && run.out.contains("not reached: http"), "{}", run.out);
    let page = jkctl(&["version", "--url", &dead, "-o", "json"]).json();
    assert_eq!((&page["jkctl"], &page["module"]), (&json!(own), &Value::Null));
    assert!(page["error"].as_str().unwrap().contains("httpd is not running"), "{page}");
}

#[test]
fn what_runs_is_compared_with_the_file() {
    let site = Site::start("jkctl-diff", "");
    let file = site.httpd.dir.join("workers.properties").display().to_string();
    let conf = site.httpd.dir.join("httpd.conf").display().to_string();
    for files in [&file, &conf] {
        let run = site.run(&["diff", files]);
        assert_eq!(run.code, 0, "{files}: {}{}", run.out, run.err);
        assert!(run.out.starts_with("no difference"), "{}", run.out);
    }
    let set = ["set", "lb/a", "lbfactor=3", "reply_timeout=5000", "activation=d"];
    assert_eq!(site.run(&set).code, 0);
    assert_eq!(site.run(&["set", "lb", "retries=4"]).code, 0);
    let run = site.run(&["diff", &conf, "-o", "json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    let page = run.json();
    let found: Vec<_> = page["differences"].as_array().unwrap().iter().collect();
    let of = |own: &Value| {
        let text = |key: &str| own[key].as_str().unwrap_or_default().to_owned();
        [text("target"), text("property"), text("running"), text("file")]
    };
    let mut all: Vec<_> = found.iter().map(|own| of(own)).collect();
    all.sort();
    let expected = [
        ["lb", "retries", "4", "2"],
        ["lb/a", "activation", "Disabled", "Active"],
        ["lb/a", "lbfactor", "3", "1"],
        ["lb/a", "reply_timeout", "5000", "unset"],
    ];
    assert_eq!(all, expected.map(|own| own.map(str::to_owned)));
    // A file that is not installed yet, with the line of what it says.
    let text = fs::read_to_string(&file).unwrap() + "worker.b.lbfactor=7\n";
    let other = site.httpd.dir.join("next.properties").display().to_string();
    let place = format!("next.properties:{}", text.lines().count());
    fs::write(&other, text.replace("worker.list=lb", "worker.list=lb,extra")).unwrap();
    let run = site.run(&["diff", &other]);
    assert_eq!(run.code, 1);
    for part in [
        &format!("lb/b: lbfactor is 1 in httpd and 7 in the file ({other}") as &str,
        &place,
        "extra: is in the file",
        "6 differences",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    assert_eq!(site.run(&["set", "lb/a", "redirect=b"]).code, 0);
    let run = site.run(&["diff", &conf]);
    let line = "lb/a: redirect is b in httpd and unset in the file (default)";
    assert!(run.out.contains(line), "{}", run.out);
    assert_eq!(site.run(&["diff", "/nowhere/httpd.conf"]).code, 2);
}

#[test]
fn a_dump_reads_back_as_a_file() {
    let site = Site::start("jkctl-dump", "");
    assert_eq!(site.run(&["set", "lb/a", "lbfactor=3", "--unset", "redirect"]).code, 0);
    let run = site.run(&["dump"]);
    assert_eq!(run.code, 0, "{}", run.err);
    for line in
        ["worker.list=lb", "worker.a.lbfactor=3", "worker.b.lbfactor=1", "worker.lb.method=Request"]
    {
        assert!(run.out.lines().any(|own| own == line), "{line}: {}", run.out);
    }
    assert!(!run.out.contains("redirect") && !run.out.contains("=unset"), "{}", run.out);
    let file = site.httpd.dir.join("dumped.properties");
    fs::write(&file, &run.out).unwrap();
    let diff = site.run(&["diff", &file.display().to_string()]);
    assert_eq!(diff.code, 0, "{}{}", diff.out, diff.err);
    let page = dump(&site);
    let names: Vec<_> =
        page["workers"].as_array().unwrap().iter().map(|own| &own["name"]).collect();
    assert_eq!(names, ["lb", "a", "b"]);
    assert_eq!(page["workers"][1]["balancer"], "lb");
    assert_eq!(page["workers"][1]["settings"]["lbfactor"], "3");
}

#[test]
fn set_warns_as_httpd_does() {
    let site = Site::start("jkctl-warns", "");
    let run = site.run(&["set", "lb/a", "reply_timeout=5"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("a: reply_timeout 5 (was unset)"), "{}", run.out);
    let warning = "worker.a.reply_timeout: 5 is 5 milliseconds; for seconds write 5000";
    assert!(run.err.contains(warning), "{}", run.err);
    // The file gets the same words.
    let file = site.httpd.dir.join("short.properties");
    fs::write(&file, "worker.list=a\nworker.a.host=127.0.0.1\nworker.a.reply_timeout=5\n").unwrap();
    assert!(jkctl(&["check", &file.display().to_string()]).out.contains(warning));
    // What is as it was is not said again, and what is right is not spoken of.
    for args in [&["lbfactor=2"][..], &["reply_timeout=5000"], &["--unset", "reply_timeout"]] {
        let run = site.run(&[&["set", "lb/a"], args].concat());
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{args:?}");
    }
    let before = dump(&site);
    let run = site.run(&["set", "lb/*", "reply_timeout=5", "--strict"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.contains(warning) && run.err.contains("nothing was changed"), "{}", run.err);
    assert_eq!(dump(&site), before);
    let page = site.run(&["set", "lb/b", "redirect=c", "-o", "json"]).json();
    assert!(
        page["warnings"][0].as_str().unwrap().contains("no member of lb has the route"),
        "{page}"
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut site = Site::start("jkctl-dry", "");
    let before = dump(&site);
    for (args, said) in [
        (&["set", "lb/a", "lbfactor=3"][..], "would be changed: lb/a: lbfactor 3 (was 1)"),
        (&["drain", "lb/a"], "would be changed: lb/a: activation DIS (was ACT)"),
        (&["drain", "lb/a", "--wait"], "would be changed: lb/a: activation DIS (was ACT)"),
        (&["stop", "lb/a"], "would be changed: lb/a: activation STP (was ACT)"),
        (&["activate", "lb/a"], "lb/a: active"),
        (&["reset", "lb"], "lb: counters would be reset"),
        (&["recover", "lb"], "lb: no member is in error"),
    ] {
        let run = site.run(&[args, &["--dry-run"]].concat());
        assert_eq!(run.code, 0, "{args:?}: {}", run.err);
        assert!(run.out.contains(said), "{args:?}: {}", run.out);
        assert_eq!(dump(&site), before, "{args:?}");
    }
    // It is refused where the change would be.
    for (args, part) in [
        (&["set", "lb/a", "lbfactor=x"][..], "invalid value 'x'"),
        (&["set", "lb/a", "host=no-such-host.invalid"], "vahst: "),
        (&["drain", "lb/*"], "would leave no active member"),
        (&["reset", "none"], "Could not find given worker"),
    ] {
        let run = site.run(&[args, &["-n"]].concat());
        assert_eq!(run.code, 2, "{args:?}: {}", run.out);
        assert!(run.err.contains(part), "{args:?}: {}", run.err);
    }
    let page = site.run(&["set", "lb/a", "lbfactor=3", "-n", "-o", "json"]).json();
    assert_eq!((&page["dry_run"], &page["changes"][0]["new"]), (&json!(true), &json!("3")));
    site.take_a_away();
    let run = site.run(&["recover", "lb/a", "-n"]);
    assert!(run.out.contains("lb/a would be tried"), "{}{}", run.out, run.err);
    assert_eq!(site.member("a")["state"], "ERR");
}

#[test]
fn recover_and_reset() {
    // The probe does not interfere: recover alone brings it back within the hour.
    let mut site = Site::start(
        "jkctl-recovers",
        "JkWorkerProperty worker.lb.probe=off\nJkWorkerProperty worker.lb.recover_time=3600\n",
    );
    assert_eq!(site.session("a", "/x"), 200);
    assert!(site.run(&["recover", "lb"]).out.contains("no member is in error"));
    site.take_a_away();
    let run = site.run(&["recover", "lb"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("lb/a is tried by the next request"), "{}", run.out);
    assert_eq!(site.member("a")["state"], "ERR/REC");
    let run = site.run(&["recover", "none"]);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(site.member("a")["errors"].as_u64().unwrap() > 0);
    let run = site.run(&["reset", "lb/a"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(site.member("a")["errors"], 0);
    let read_only = jkctl(&["reset", "lb", "--url", &site.url.replace("/status", "/ro")]);
    assert!(read_only.code == 2 && read_only.err.contains("read_only"), "{}", read_only.err);
}

#[test]
fn wait_ends_when_the_state_is_reached() {
    let mut site = Site::start("jkctl-waits", "");
    for target in ["lb", "lb/a", "lb/*"] {
        let run = site.run(&["wait", target, "--for", "healthy"]);
        assert_eq!(run.code, 0, "{target}: {}", run.err);
        assert!(run.out.contains("is healthy after 0 s"), "{target}: {}", run.out);
    }
    for (target, part) in
        [("none", "Could not find"), ("lb/c", "could not find"), ("status", "status worker")]
    {
        let run = site.run(&["wait", target, "--for", "healthy"]);
        assert_eq!(run.code, 2, "{target}: {}", run.out);
        assert!(run.err.contains(part), "{target}: {}", run.err);
    }
    // One that is active takes new sessions.
    let run = site.run(&["wait", "lb/a", "--for", "drained", "--timeout", "1s", "--quiet", "0s"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.out.contains("lb/a is not drained") && run.out.contains("active"), "{}", run.out);
    assert_eq!(site.run(&["drain", "lb/a"]).code, 0);
    let run = site.run(&["wait", "lb/a", "--for", "drained", "--quiet", "1s", "-o", "json"]);
    assert_eq!((run.code, &run.json()["reached"]), (0, &json!(true)), "{}", run.err);
    let run = site.run(&["wait", "lb/a", "--for", "healthy", "--timeout", "1s", "-o", "json"]);
    assert_eq!(run.code, 1, "a drained member is not serving");
    assert!(run.json()["waiting_for"][0].as_str().unwrap().contains("a is d"), "{}", run.out);
    // How long it has waited does not stand behind what to do, as if it belonged to it.
    for state in ["healthy", "drained"] {
        assert_eq!(site.run(&["activate", "lb/a"]).code, 0);
        let target = if state == "healthy" {
            site.take_a_away();
            "lb"
        } else {
            "lb/a"
        };
        let run = site.run(&["wait", target, "--for", state, "--timeout", "1s"]);
        assert_eq!(run.code, 1, "{}", run.err);
        assert!(run.out.starts_with("0 s of 1 s: lb"), "{state}: {}", run.out);
    }
    assert_eq!(site.run(&["activate", "lb/a"]).code, 0);
    site.take_a_away();
    let run = site.run(&["wait", "lb/a", "--for", "healthy", "--timeout", "1s"]);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("(JK-303)"), "the cause is named: {}", run.out);
    let run = site.run(&["wait", "lb", "--for", "healthy", "--timeout", "1s", "-o", "json"]);
    let waiting = run.json()["waiting_for"].clone();
    assert_eq!(run.code, 1);
    assert!(waiting[0].as_str().unwrap().starts_with("lb is "), "{waiting}");
    assert!(waiting[1].as_str().unwrap().contains("(JK-303)"), "and for a balancer: {waiting}");
    assert_eq!(site.run(&["wait", "lb/b", "--for", "healthy", "--timeout", "1s"]).code, 0);
}
