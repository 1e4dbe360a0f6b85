//! `jkctl events` against a real httpd.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::live::Site;
use crate::support::PATIENCE;

/// Ends the program whatever comes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn events_are_shown_once_and_followed() {
    let mut site = Site::start("jkctl-events", "");
    let run = site.run(&["events"]);
    assert_eq!((run.code, run.out.lines().count()), (0, 1), "{}{}", run.out, run.err);
    assert!(run.out.contains("  httpd started with mod_jk/"), "{}", run.out);

    let follow = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .args(["events", "--follow", "--delay", "100ms", "-o", "json", "--url", &site.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut follow = Running(follow.expect("the program"));
    let (out, lines) = mpsc::channel();
    let stdout = BufReader::new(follow.0.stdout.take().expect("a pipe"));
    thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| out.send(line)));
    let next = || -> serde_json::Value {
        let line = lines.recv_timeout(PATIENCE).expect("a line in time");
        serde_json::from_str(&line).expect("one object on each line")
    };
    assert_eq!(next()["kind"], "started");
    assert_eq!(site.run(&["set", "lb/a", "lbfactor=3"]).code, 0);
    let event = next();
    assert_eq!((&event["kind"], &event["new"]), (&"changed".into(), &"3".into()), "{event}");
    assert!(event["client"].as_str().is_some_and(|own| own.starts_with("127.")), "{event}");
    site.httpd.graceful();
    assert_eq!(next()["kind"], "restarted", "it goes on over a graceful restart");
    assert_eq!(site.run(&["reset", "lb/b"]).code, 0);
    assert_eq!(next()["kind"], "reset");

    let kinds = |args: &[&str]| -> Vec<String> {
        let run = site.run(&[&["events", "-o", "json"], args].concat());
        assert_eq!(run.code, 0, "{}", run.err);
        let page = run.json();
        let events = page["events"].as_array().expect("a list");
        events.iter().map(|event| event["kind"].as_str().expect("a kind").to_owned()).collect()
    };
    assert_eq!(kinds(&[]), ["started", "changed", "restarted", "reset"]);
    assert_eq!(kinds(&["lb"]), ["changed", "reset"]);
    assert_eq!(kinds(&["lb/b"]), ["reset"]);
    let unknown = site.run(&["events", "lb/c"]);
    assert_eq!(unknown.code, 2, "{}", unknown.out);
    assert!(unknown.err.contains("could not find sub worker"), "{}", unknown.err);

    // It says once that httpd is gone.
    site.httpd.stop();
    let mut said = String::new();
    let stderr = follow.0.stderr.take().expect("a pipe");
    BufReader::new(stderr).read_line(&mut said).expect("a line");
    assert!(said.starts_with("jkctl: "), "{said}");
    assert!(follow.0.try_wait().expect("a state").is_none(), "and goes on");
}
