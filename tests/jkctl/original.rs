//! `jkctl check --for-original`, judged by the original module itself: what the list names is refused by
//! it, what the list does not name is accepted, and what is called clean starts with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mod_jk::config::rows::{DIRECTIVES, OPTIONS, PROPERTIES};

use crate::jkctl;
use crate::support::httpd::{Httpd, Setup, modules_dir, program};
use crate::support::{PATIENCE, fresh_dir, skip, wait_until};

/// The original module, and its version.
fn original() -> Option<(PathBuf, String)> {
    let path = modules_dir().join("mod_jk.so");
    let Ok(bytes) = fs::read(&path) else {
        skip("parity", "the original is not installed; Debian package: libapache2-mod-jk");
        return None;
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (_, rest) = text.split_once("mod_jk/1.2.")?;
    let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((path, format!("1.2.{number}")))
}

/// Files that are to be loaded by the original.
fn setup(name: &str, config: &str, workers: &str, module: &Path) -> Httpd {
    let config = format!("JkShmFile @DIR@/shm\n{config}");
    let httpd = Setup { name, mpm: "event", config: &config, workers }.prepare();
    httpd.use_module(Some(module.to_path_buf()));
    httpd
}

/// Returns kind and name of all that the list names for a version.
fn listed(version: &str, file: &str) -> BTreeSet<(String, String)> {
    let run = jkctl(&["check", &format!("--for-original={version}"), "-o", "json", file]);
    let page = run.json();
    let all = page["unknown"].as_array().expect("a list").iter();
    let text = |own: &serde_json::Value| own.as_str().expect("a text").to_owned();
    all.map(|own| (text(&own["kind"]), text(&own["name"]))).collect()
}

#[test]
fn each_name_of_the_tables_is_listed_or_known_to_the_original() {
    let Some((module, version)) = original() else { return };
    let dir = fresh_dir("original-rows");
    let directives: String = DIRECTIVES
        .iter()
        .map(|row| format!("{}\n", row.example.replace("/etc/jk", "/dev/null")))
        .collect();
    let options: String = OPTIONS.iter().map(|row| format!("JkOptions {}\n", row.name)).collect();
    let set = |name: &str| format!("JkWorkerProperty worker.a.{name}=1\n");
    let properties: String = PROPERTIES.iter().map(|row| set(row.name)).collect();
    let file = dir.join("all.conf");
    fs::write(&file, directives + &options + &properties).expect("a file");
    let found = listed(&version, &file.display().to_string());
    let has = |kind: &str, name: &str| found.contains(&(kind.to_owned(), name.to_owned()));

    let httpd = setup("original-directives", "", "", &module);
    let conf = httpd.dir.join("httpd.conf");
    let list = Command::new(program()).arg("-f").arg(conf).arg("-L").output().expect("httpd runs");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    for row in DIRECTIVES {
        let is_known = list.lines().any(|line| line.split(' ').next() == Some(row.name));
        assert_eq!(is_known, !has("directive", row.name), "{}", row.name);
    }
    // All that are not listed are accepted together, and each of the others is refused alone.
    let option = |name: &str| format!("JkOptions {name}\n");
    let (unknown, known): (Vec<_>, Vec<_>) = OPTIONS
        .iter()
        .map(|row| row.name)
        .partition(|name| has("option", &format!("JkOptions {name}")));
    let property = |name: &str| has("property", &format!("worker.a.{name}"));
    let (foreign, own): (Vec<_>, Vec<_>) =
        PROPERTIES.iter().map(|row| row.name).partition(|name| property(name));
    let good: String = known.into_iter().map(option).chain(own.into_iter().map(set)).collect();
    let (ok, told) = setup("original-known", &good, "", &module).configtest();
    assert!(ok, "{told}");
    assert!(!unknown.is_empty() && foreign.len() > 10, "{unknown:?} {foreign:?}");
    let bad = unknown.into_iter().map(option).chain(foreign.into_iter().map(set));
    for (number, line) in bad.enumerate() {
        let (ok, told) =
            setup(&format!("original-unknown-{number}"), &line, "", &module).configtest();
        assert!(!ok, "{line}{told}");
    }
}

/// Tells whether httpd stays up with the original.
fn starts(httpd: &Httpd) -> bool {
    let mut child = Command::new(program())
        .arg("-f")
        .arg(httpd.dir.join("httpd.conf"))
        .arg("-DFOREGROUND")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("httpd can be started");
    let is_up = || httpd.log("error.log").contains("resuming normal operations");
    let mut is_over = || child.try_wait().is_ok_and(|status| status.is_some());
    assert!(wait_until(PATIENCE, || is_up() || is_over()), "{}", httpd.log("error.log"));
    let came_up = is_up();
    if came_up {
        assert!(crate::support::signal("TERM", child.id()));
    }
    assert!(wait_until(Duration::from_secs(20), || child
        .try_wait()
        .is_ok_and(|own| own.is_some())));
    came_up
}

#[test]
fn what_is_called_clean_starts_and_what_is_refused_does_not() {
    let Some((module, version)) = original() else { return };
    let base = "worker.list=a,l,s\nworker.a.port=8010\nworker.l.type=lb\nworker.l.balance_workers=n\n\
                worker.n.secret=x\nworker.n.activation=Disabled\nworker.s.type=status\n";
    let shm = "JkShmFile @DIR@/shm\n";
    let plain = format!(
        "{shm}JkMount /x|/* a;reply_timeout=5\nJkOptions +RejectUnsafeURI -ForwardKeySize\n"
    );
    // Lines of httpd.conf, lines of the workers file, and what the list must name.
    let cases: &[(&str, &str, Option<&str>)] = &[
        (&plain, "", None),
        (&plain, "worker.l.method=Busyness\nworker.a.type=ajp12\n", None),
        ("", "", Some("without JkShmFile")),
        (shm, "worker.a.idle_guard=1\n", Some("worker.a.idle_guard")),
        (shm, "worker.a.type=ajp14\n", Some("worker.a.type=ajp14")),
        (&format!("{shm}JkMount *.jsp a\n"), "", Some("JkMount *.jsp")),
    ];
    for (number, (config, more, expected)) in cases.iter().enumerate() {
        let (name, workers) = (format!("original-start-{number}"), format!("{base}{more}"));
        let httpd = Setup { name: &name, mpm: "event", config, workers: &workers }.prepare();
        let conf = httpd.dir.join("httpd.conf").display().to_string();
        let found = listed(&version, &conf);
        match expected {
            None => assert!(found.is_empty(), "{config}{more}: {found:?}"),
            Some(name) => {
                assert!(found.iter().any(|own| own.1 == *name), "{config}{more}: {found:?}")
            }
        }
        httpd.use_module(Some(module.to_path_buf()));
        assert_eq!(starts(&httpd), expected.is_none(), "{config}{more}");
    }
}

#[test]
fn text_and_exit_codes() {
    let dir = fresh_dir("original-text");
    let write = |name: &str, text: &str| {
        fs::write(dir.join(name), text).expect("a file");
        dir.join(name).display().to_string()
    };
    let clean = write("clean.properties", "worker.list=a\nworker.a.type=ajp13\n");
    let run = jkctl(&["check", "--for-original", &clean]);
    assert_eq!((run.code, run.out.as_str()), (0, "mod_jk 1.2.48 knows all of it\n"), "{}", run.err);
    let own = write("own.properties", "worker.list=a\nworker.a.idle_guard=1\n");
    let run = jkctl(&["check", "--for-original", &own]);
    let expected = format!(
        "{own}:2: property worker.a.idle_guard: not known to the original, httpd does not start with it; remove it. "
    );
    assert!(run.code == 1 && run.out.starts_with(&expected), "{}{}", run.out, run.err);
    let broken =
        write("broken.properties", "worker.list=a\nworker.a.idle_guard=1\nworker.a.prot=1\n");
    let run = jkctl(&["check", "--for-original", &broken]);
    assert!(run.code == 2 && run.err.contains("unknown attribute"), "{}{}", run.out, run.err);
    assert!(run.out.contains("idle_guard"), "{}", run.out);
    let run = jkctl(&["check", "--for-original=2.0.0", &own]);
    assert!(run.code == 2 && run.err.contains("such as 1.2.48"), "{}", run.err);
}
