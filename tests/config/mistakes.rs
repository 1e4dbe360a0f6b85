//! The table of mistakes in mistakes.txt, through the checks alone and through a real `httpd -t`.

use std::fmt::Write;

use crate::site::{DIR, Site};
use crate::support::httpd::Setup;

/// One row of the table.
struct Case {
    /// `MISTAKE` names one to run alone.
    name: String,
    site: Site,
    /// Severity and the message with its place.
    expected: Vec<(String, String)>,
    /// The same for what only a real httpd can know.
    by_httpd: Vec<(String, String)>,
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(crate::support::root().join("tests/config/mistakes.txt"));
    let text = text.expect("a file of ours");
    let mut cases: Vec<Case> = Vec::new();
    let mut file = String::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(name) = line.strip_prefix("== ") {
            let mut site = Site::default();
            site.files.insert("jk.conf".into(), "JkMount /w/* w\n".into());
            site.files
                .insert("workers.properties".into(), "worker.list=w\nworker.w.type=ajp13\n".into());
            let (expected, by_httpd) = (Vec::new(), Vec::new());
            cases.push(Case { name: name.to_owned(), site, expected, by_httpd });
            continue;
        }
        let case = cases.last_mut().expect("a name comes first");
        if let Some(name) = line.strip_prefix("-- ") {
            file = name.replace("httpd.conf", "jk.conf");
            case.site.files.insert(file.clone(), String::new());
        } else if let Some(said) = line.strip_prefix("=> ") {
            let (list, said) = match said.strip_prefix("httpd ") {
                Some(rest) => (&mut case.by_httpd, rest),
                None => (&mut case.expected, said),
            };
            let (severity, text) = said.split_once(' ').expect("a severity");
            list.push((severity.to_owned(), text.to_owned()));
        } else {
            let own = case.site.files.get_mut(&file).expect("a part comes first");
            let _ = writeln!(own, "{line}");
        }
    }
    let wanted = std::env::var("MISTAKE").ok();
    cases.retain(|case| wanted.as_ref().is_none_or(|wanted| *wanted == case.name));
    assert!(!cases.is_empty(), "MISTAKE={wanted:?} names no case");
    cases
}

#[test]
fn there_are_at_least_sixty() {
    let names: std::collections::BTreeSet<_> = cases().into_iter().map(|case| case.name).collect();
    assert!(names.len() >= 60 || std::env::var_os("MISTAKE").is_some(), "{}", names.len());
}

#[test]
fn the_checks_alone_say_it() {
    let mut wrong = String::new();
    for case in cases() {
        let (_, checked) = case.site.check();
        let said: Vec<_> = checked
            .problems
            .iter()
            .map(|problem| (format!("{:?}", problem.severity), problem.to_string()))
            .collect();
        let expected: Vec<_> = case
            .expected
            .iter()
            .map(|(severity, text)| (severity.clone(), text.replace("@/", &format!("{DIR}/"))))
            .collect();
        let sorted = |list: &[(String, String)]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        if sorted(&said) != sorted(&expected) {
            let _ = writeln!(wrong, "== {}", case.name);
            for (severity, text) in said {
                let _ = writeln!(wrong, "=> {severity} {}", text.replace(&format!("{DIR}/"), "@/"));
            }
        }
    }
    assert!(wrong.is_empty(), "something else was said:\n{wrong}");
}

#[test]
fn httpd_says_it() {
    let mut wrong = String::new();
    let httpd = Setup { name: "mistakes", mpm: "event", config: "", workers: "" }.prepare();
    let dir = format!("{}/", httpd.dir.display());
    // A case says itself where lines go, and where httpd listens.
    let config = httpd.log("httpd.conf");
    let own = ["JkLogFile", "Listen"];
    let lines = config.lines().filter(|line| own.iter().all(|own| !line.starts_with(own)));
    let config: String = lines.flat_map(|line| [line, "\n"]).collect();
    // The line of the first JkWorkersFile, which one message names.
    let line = 1 + config.lines().position(|line| line.starts_with("JkWorkersFile")).expect("one");
    let proxy = crate::support::httpd::load(&["proxy"]);
    httpd.write("httpd.conf", &format!("{config}{proxy}Include {dir}jk.conf\n"));
    for case in cases() {
        let _ = std::fs::remove_file(httpd.dir.join("uriworkermap.properties"));
        for (name, text) in &case.site.files {
            httpd.write(name, text);
        }
        let (fine, printed) = httpd.configtest();
        let should = case.expected.iter().all(|(severity, _)| severity != "Error");
        let mut missing = Vec::new();
        for (severity, text) in case.expected.iter().chain(&case.by_httpd) {
            let text = text.replace("@/httpd.conf:1", &format!("@/httpd.conf:{line}"));
            let text = text.replace("@/", &dir);
            let code = match severity.as_str() {
                "Error" => "JK-101",
                "Warning" => "JK-102",
                _ => "JK-108",
            };
            let by_us = printed.contains(&format!("{code} {text}"));
            // What a directive itself refuses is reported by httpd, with the place in its own words.
            let (place, why) = text.split_once(": ").unwrap_or_default();
            let (file, number) = place.rsplit_once(':').unwrap_or_default();
            let place = format!("Syntax error on line {number} of {file}:");
            let by_httpd = severity == "Error" && printed.contains(&format!("{place}\n{why}"));
            if !by_us && !by_httpd {
                missing.push(text);
            }
        }
        let count = printed.lines().filter(|line| line.contains(" JK-10")).count();
        let most = case.expected.len() + case.by_httpd.len();
        if !missing.is_empty() || fine != should || count > most {
            let _ = writeln!(wrong, "== {}: {missing:#?} in\n{printed}", case.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn jkctl_says_it() {
    // Where only the pure modules are built there is no program.
    let Some(program) = option_env!("CARGO_BIN_EXE_jkctl") else { return };
    let dir = crate::support::fresh_dir("mistakes-jkctl");
    let place = format!("{}/", dir.display());
    let main = dir.join("httpd.conf");
    let text = format!("JkWorkersFile {place}workers.properties\nInclude {place}jk.conf\n");
    std::fs::write(&main, text).expect("a directory of ours");
    let mut wrong = String::new();
    for case in cases() {
        let _ = std::fs::remove_file(dir.join("uriworkermap.properties"));
        for (name, text) in &case.site.files {
            std::fs::write(dir.join(name), text).expect("a directory of ours");
        }
        let run = std::process::Command::new(program)
            .args(["check", "--format", "json"])
            .arg(&main)
            .output()
            .expect("it runs");
        let page: serde_json::Value = serde_json::from_slice(&run.stdout).expect("JSON");
        let mut said: Vec<_> = page["problems"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|own| {
                let text = |key: &str| own[key].as_str().unwrap_or_default();
                let severity = match text("severity") {
                    "error" => "Error",
                    "warning" => "Warning",
                    _ => "Notice",
                };
                let origin = format!("{}:{}", text("file"), own["line"]).replace(&place, "@/");
                // The words of the system and of the tool for the same.
                let text = text("text")
                    .replace("there is no such file", "No such file or directory (os error 2)");
                (severity.to_owned(), format!("{origin}: {text}").replace(&place, "@/"))
            })
            .collect();
        let mut expected = [case.expected, case.by_httpd].concat();
        // httpd stops at a directive that is refused, jkctl goes on.
        let stops = expected
            .iter()
            .any(|(severity, text)| severity == "Error" && text.starts_with("@/jk.conf:"));
        said.retain(|own| !stops || expected.contains(own));
        said.sort();
        expected.sort();
        if said != expected {
            let _ = writeln!(wrong, "== {}: {said:#?}", case.name);
        }
    }
    assert!(wrong.is_empty(), "something else was said:\n{wrong}");
}

#[test]
fn no_mistake_is_told_twice() {
    use mod_jk::config::rows::PROPERTIES;

    let values = ["x", "-5", "1x", "99999", "99999999999", "8080", "0", "a,b", ";", "P,Q"];
    for row in PROPERTIES.iter() {
        for name in std::iter::once(&row.name).chain(row.aliases) {
            for value in values {
                let mut site = Site::default();
                let text = format!(
                    "worker.list=w,lb,lb2,s\nworker.w.type=ajp13\nworker.w.port=8010\nworker.s.type=status\n\
                     worker.lb.type=lb\nworker.lb.balance_workers=w\nworker.lb2.type=lb\n\
                     worker.lb2.balance_workers=w\n\
                     worker.w.{name}={value}\nworker.lb.{name}={value}\nworker.s.{name}={value}\n"
                );
                site.files.insert("workers.properties".into(), text);
                let hosts = "JkMount /w/* w\n<VirtualHost *:1>\nJkMount /lb/* lb\n</VirtualHost>\n";
                site.files.insert("jk.conf".into(), hosts.into());
                let mut seen = std::collections::HashSet::new();
                for problem in site.check().1.problems {
                    assert!(seen.insert(problem.to_string()), "{name}={value}: {problem}");
                }
            }
        }
    }
}
