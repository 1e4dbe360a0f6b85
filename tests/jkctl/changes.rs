//! What an exit status promises: 1 and 2, that nothing was changed; 3, that something was, with what
//! is in force.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use std::{fs, thread};

use serde_json::{Value, json};

use crate::live::Site;
use crate::support::fresh_dir;
use crate::{Run, jkctl};

/// All settings of the balancer and its members.
fn settings(site: &Site) -> Value {
    let run = site.run(&["status", "lb", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let mut lb = run.json()["balancers"][0].take();
    let of_lb = ["method", "retries", "sticky_session", "recover_time_s"];
    let of_member = [
        "name",
        "activation",
        "lbfactor",
        "route",
        "redirect",
        "domain",
        "distance",
        "host",
        "port",
        "retries",
        "reply_timeout_ms",
        "recovery_options",
        "busy_limit",
        "connect_timeout_ms",
    ];
    let pick = |own: &Value, keys: &[&str]| -> Value {
        keys.iter().map(|key| ((*key).to_owned(), own[*key].clone())).collect()
    };
    let members: Vec<_> =
        lb["members"].as_array().unwrap().iter().map(|own| pick(own, &of_member)).collect();
    assert_eq!(members.len(), 2);
    lb["members"] = Value::Null;
    json!({ "lb": pick(&lb, &of_lb), "members": members })
}

#[test]
fn what_is_refused_has_changed_nothing() {
    let site = Site::start("jkctl-refuses", "");
    let before = settings(&site);
    let cases: &[(&[&str], &str)] = &[
        (&["drain", "lb/*"], "would leave no active member"),
        (&["drain", "lb/?"], "would leave no active member"),
        (&["drain", "lb/*", "--wait", "--timeout", "1s", "--stop"], "would leave no active member"),
        (&["disable", "lb/*"], "would leave no active member"),
        (&["stop", "lb/*"], "would leave no active member"),
        (&["set", "lb/*", "activation=d"], "would leave no active member"),
        (&["set", "lb/*", "lbfactor=2", "activation=stopped"], "would leave no active member"),
        (&["drain", "lb/x"], "could not find sub worker"),
        (&["drain", "lb/x*"], "could not find sub worker"),
        (&["stop", "lb/x"], "could not find sub worker"),
        (&["activate", "lb/x"], "could not find sub worker"),
        (&["set", "lb/x", "lbfactor=2"], "could not find sub worker"),
        (&["drain", "lb"], "expected balancer/member"),
        (&["drain", "status/a"], "is no balancer"),
        (&["stop", "missing/a"], "Could not find given worker"),
        (&["activate", "missing/*"], "Could not find given worker"),
        (&["set", "missing", "retries=2"], "Could not find given worker"),
        (&["set", "status", "retries=2"], "Update failed"),
        (&["set", "lb/*", "route=same"], "the route 'same' is already"),
        (&["set", "lb/*", "lbfactor=2", "port=0"], "vaprt: invalid value '0'"),
        (&["set", "lb/*", "lbfactor=2", "host=no-such-host.invalid"], "vahst: "),
        (&["set", "lb/a", "lbfactor=2", "reply_timeout=soon"], "or unset"),
        (&["set", "lb/a", "lbfactor=2", "reply_timeout="], "invalid value ''"),
        (&["set", "lb/a", "lbfactor=2", "lbfactor=3"], "vwf is set twice"),
        (&["set", "lb/a", "lbfactor=2", "nothing=1"], "nothing cannot be set"),
        (&["set", "lb/a", "lbfactor=2", "reply_timeout"], "expected name=value"),
        (&["set", "lb/a", "reply_timeout=5", "--unset", "reply_timeout"], "vart is set twice"),
        (&["set", "lb/a", "busy_limit=5", "--unset", "lbfactor"], "lbfactor always has a value"),
        (&["set", "lb/a", "lbfactor=unset"], "always has a value"),
        (&["set", "lb/a", "busy_limit=5", "--unset", "nothing"], "nothing cannot be set"),
        (&["set", "lb", "retries=3", "method=nothing"], "vlm: invalid value"),
        (&["set", "lb", "retries=3", "--unset", "method"], "method always has a value"),
        (&["set", "lb/a"], "required"),
    ];
    for (args, part) in cases {
        let run = site.run(args);
        assert_eq!(run.code, 2, "{args:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(part), "{args:?}: {}", run.err);
        assert_eq!(settings(&site), before, "{args:?}");
    }
    let read_only = site.url.replace("/status", "/ro");
    for args in [&["drain", "lb/a"][..], &["stop", "lb/a"], &["set", "lb/a", "lbfactor=2"]] {
        let mut all = args.to_vec();
        all.extend(["--url", &read_only]);
        let run = jkctl(&all);
        assert_eq!((run.code, settings(&site)), (2, before.clone()), "{args:?}: {}", run.err);
    }
}

#[test]
fn several_members_are_drained_together() {
    let site = Site::start("jkctl-several", "");
    let run =
        site.run(&["drain", "lb/a*", "--wait", "--timeout", "60s", "--quiet", "1s", "--stop"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("lb/a is drained") && run.out.contains("a: stopped"), "{}", run.out);
    assert_eq!(site.run(&["activate", "lb/*"]).code, 0);
    assert_eq!(site.member("a")["activation"], "ACT");
}

#[test]
fn drain_never_gives_a_member_more_requests() {
    let site = Site::start("jkctl-not-more", "");
    let activation = |name: &str| site.member(name)["activation"].clone();
    assert_eq!(site.run(&["stop", "lb/a"]).code, 0);
    for target in ["lb/a", "lb/a*"] {
        let run = site.run(&["drain", target]);
        assert_eq!(run.code, 0, "{target}: {}", run.err);
        assert!(run.out.contains("lb/a: stopped"), "{target}: {}", run.out);
        assert_eq!(activation("a"), "STP", "{target}");
    }
    // Of several, those that are active are disabled.
    assert_eq!(site.run(&["drain", "lb/*"]).code, 2, "none would be left");
    assert_eq!(site.run(&["drain", "lb/b"]).code, 0);
    let run = site.run(&["drain", "lb/*", "-o", "json"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let page = run.json();
    assert_eq!(page["changes"], json!([]));
    let shown: Vec<_> = page["members"].as_array().unwrap().iter().collect();
    let of = |index: usize| (shown[index]["name"].clone(), shown[index]["activation"].clone());
    assert_eq!((of(0), of(1)), ((json!("a"), json!("STP")), (json!("b"), json!("DIS"))));
    // Waiting changes as little.
    let wait = ["drain", "lb/a", "--wait", "--timeout", "60s", "--quiet", "1s", "-o", "json"];
    let run = site.run(&wait);
    assert_eq!((run.code, run.json()["drained"].clone()), (0, json!(true)), "{}", run.err);
    assert_eq!(activation("a"), "STP");
}

#[test]
fn changes_are_reported_as_json() {
    let site = Site::start("jkctl-as-json", "");
    for (args, old, new) in [
        (&["drain", "lb/a"][..], "ACT", "DIS"),
        (&["stop", "lb/a"], "DIS", "STP"),
        (&["activate", "lb/a"], "STP", "ACT"),
    ] {
        let page = site.run(&[args, &["-o", "json"]].concat()).json();
        let change = json!({ "balancer": "lb", "worker": "a", "attribute": "activation",
            "old": old, "new": new });
        assert_eq!(page["changes"], json!([change]), "{args:?}");
        assert_eq!(page["members"][0]["activation"], new, "{args:?}");
        assert_eq!(page["members"][0]["balancer"], "lb", "{args:?}");
    }
    let page = site.run(&["set", "lb/a", "lbfactor=2", "-o", "json"]).json();
    assert_eq!(page["changes"][0]["attribute"], "lbfactor");
    let page = site.run(&["metrics", "-o", "json"]).json();
    let families = page["families"].as_array().unwrap();
    let requests = families.iter().find(|own| own["type"] == "counter").unwrap();
    assert!(requests["samples"][0]["labels"].is_object(), "{requests}");
    for args in [&["completion", "bash"][..], &["man"]] {
        let run = jkctl(&[args, &["-o", "json"]].concat());
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
    }
}

#[test]
fn what_was_waited_for_in_vain_is_in_force_and_says_so() {
    let site = Site::start("jkctl-in-vain", "");
    let stay = AtomicBool::new(true);
    thread::scope(|scope| {
        scope.spawn(|| {
            while stay.load(Relaxed) {
                site.session("a", "/x");
                thread::sleep(Duration::from_millis(50));
            }
        });
        let wait = ["drain", "lb/a", "--wait", "--timeout", "2s", "--quiet", "60s"];
        let drained = site.run(&wait);
        let shown = site.member("a")["activation"].clone();
        let stopped = site.run(&[&wait[..], &["--stop"]].concat());
        stay.store(false, Relaxed);
        assert_eq!(drained.code, 3, "{}{}", drained.out, drained.err);
        for part in ["is not drained after", "a: disabled", "jkctl activate 'lb/a' takes that back"]
        {
            assert!(drained.out.contains(part), "{part}: {}", drained.out);
        }
        assert_eq!(shown, "DIS");
        assert_eq!(stopped.code, 3, "{}{}", stopped.out, stopped.err);
        assert!(stopped.out.contains("a: stopped"), "{}", stopped.out);
    });
    assert_eq!(site.member("a")["activation"], "STP");
}

#[test]
fn a_change_whose_report_is_lost_is_not_called_undone() {
    let site = Site::start("jkctl-report", "");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .args(["stop", "lb/a", "--url", &site.url])
        .stdout(full)
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(3));
    assert_eq!(site.member("a")["activation"], "STP");
}

/// A status worker that shows two members and answers changes with these bytes, one after the other,
/// and then with the last ones.
fn answering(changes: &[&'static str]) -> Run {
    let mut changes: VecDeque<_> = changes.iter().copied().collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/status", listener.local_addr().unwrap());
    thread::spawn(move || {
        let members =
            json!([{ "name": "a", "activation": "ACT" }, { "name": "b", "activation": "ACT" }]);
        let page = json!({ "result": { "type": "OK" }, "balancers": [{ "name": "lb", "members": members }] });
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines =
                BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
            let is_change = lines.next().is_some_and(|line| line.starts_with("POST"));
            lines.find(String::is_empty);
            let text = page.to_string();
            let answer = match is_change {
                true if changes.len() > 1 => changes.pop_front().unwrap().to_owned(),
                true => changes[0].to_owned(),
                false => format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
                    text.len()
                ),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    jkctl(&["stop", "lb/a", "--url", &url])
}

#[test]
fn a_change_without_an_answer_may_have_been_made() {
    for (answer, code) in [
        ("", 3),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"re", 3),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":{\"ty", 3),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 3),
        ("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n<p>Updated</p>", 3),
        ("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", 2),
        ("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", 3),
        ("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 2),
        ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 2),
        (
            "HTTP/1.1 400 Bad\r\nContent-Length: 42\r\n\r\n{\"result\":{\"type\":\"ERROR\",\"message\":\"no\"}} ",
            2,
        ),
    ] {
        let run = answering(&[answer]);
        assert_eq!(run.code, code, "{answer}: {}{}", run.out, run.err);
        let is_unsure = run.err.contains("it is not known whether the change was made");
        assert_eq!(is_unsure, code == 3, "{answer}: {}", run.err);
    }
}

#[test]
fn a_change_is_sent_again_to_an_httpd_that_is_being_restarted() {
    let restarted = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n\
        {\"result\":{\"type\":\"ERROR\",\"message\":\"httpd was restarted meanwhile.\"}}";
    let done = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"result\":{\"type\":\"OK\"}}";
    let run = answering(&[restarted, restarted, done]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    let run = answering(&[restarted]);
    assert_eq!(run.code, 2, "{}{}", run.out, run.err);
    assert!(run.err.contains("refuses: httpd was restarted meanwhile"), "{}", run.err);
}

#[test]
fn unset_is_a_value() {
    let site = Site::start("jkctl-unset", "");
    let shown = || site.member("a")["recovery_options"].clone();
    assert_eq!(shown(), "unset");
    for (args, said, value) in [
        (&["recovery_options=1"][..], "recovery_options 1 (was unset)", json!(1)),
        (&["recovery_options=0"], "recovery_options 0 (was 1)", json!(0)),
        (&["--unset", "recovery_options"], "recovery_options unset (was 0)", json!("unset")),
        (&["recovery_options=0"], "recovery_options 0 (was unset)", json!(0)),
        (&["recovery_options=unset"], "recovery_options unset (was 0)", json!("unset")),
        (&["recovery_options=unset"], "everything was so already", json!("unset")),
    ] {
        let run = site.run(&[&["set", "lb/a"], args].concat());
        assert_eq!(run.code, 0, "{args:?}: {}", run.err);
        assert!(run.out.contains(said), "{args:?}: {}", run.out);
        assert_eq!(shown(), value, "{args:?}");
    }
    let names = ["reply_timeout", "connect_timeout", "redirect"];
    let values = ["reply_timeout=0", "connect_timeout=7", "redirect=b"];
    assert_eq!(site.run(&[&["set", "lb/*"], &values[..]].concat()).code, 0);
    let text = site.run(&["status", "lb/a"]).out;
    // Behind the value may be where it comes from.
    let has_row = |text: &str, name: &str, value: &str, origin: &str| {
        let begin = format!("  {name:<28} {value}");
        text.lines().any(|line| {
            line.strip_prefix(&begin)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(origin))
        })
    };
    for (name, value) in names.into_iter().zip(["0 ms", "7 ms", "b"]) {
        assert!(has_row(&text, name, value, " (changed while httpd runs by "), "{name}: {text}");
    }
    let unset: Vec<_> = names.iter().flat_map(|name| ["--unset", name]).collect();
    assert_eq!(site.run(&[&["set", "lb/*"], &unset[..]].concat()).code, 0);
    let text = site.run(&["status", "lb/a"]).out;
    for name in names.into_iter().chain(["busy_limit", "connection_pool_size", "socket_timeout"]) {
        assert!(has_row(&text, name, "unset", " (changed while "), "{name}: {text}");
    }
}

#[test]
fn files_are_written_all_or_none() {
    let dir = fresh_dir("jkctl-init-none");
    let at = dir.join("made/deep").display().to_string();
    for args in [&["-t", "local host"][..], &["-t", "127.0.0.1", "-m", "no path"]] {
        let run = jkctl(&[&["init", "--dir", &at, "--no-secret"], args].concat());
        assert_eq!(run.code, 2, "{args:?}: {}{}", run.out, run.err);
        assert!(!dir.join("made").exists(), "{args:?}");
    }
    // One of the files is there already.
    fs::create_dir(dir.join("some")).unwrap();
    fs::write(dir.join("some/jk.conf"), "mine").unwrap();
    let at = dir.join("some").display().to_string();
    assert_eq!(jkctl(&["init", "--dir", &at, "--no-secret", "-t", "127.0.0.1"]).code, 2);
    assert_eq!(fs::read_dir(dir.join("some")).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(dir.join("some/jk.conf")).unwrap(), "mine");
}
