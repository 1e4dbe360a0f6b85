//! `jkctl check`: the same words as httpd, exit codes, JSON.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::jkctl;
use crate::support::fresh_dir;
use crate::support::httpd::{Setup, program};

const CLEAN: &str = "worker.list=w1\nworker.w1.type=ajp13\nworker.w1.port=8009\n";

fn write(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let dir = fresh_dir(name);
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
    }
    dir
}

#[test]
fn exit_codes_are_for_scripts() {
    let dir = write(
        "jkctl-codes",
        &[
            ("clean.properties", CLEAN),
            ("warning.properties", &(CLEAN.to_owned() + "worker.w1.cachesize=1\n")),
            ("error.properties", &(CLEAN.to_owned() + "worker.w1.prot=1\n")),
            ("mounts", "/app/*=w1\n"),
            ("vague", "# a name that says nothing\n/**=w1\n/*=w1;stateless=1\n"),
        ],
    );
    let path = |name: &str| dir.join(name).display().to_string();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["clean.properties", "mounts"], 0, "no problem: 1 worker, 1 rule in 1 server"),
        (&["clean.properties"], 0, "no problem: 1 worker, 0 rules"),
        (&["mounts"], 0, "workers not checked"),
        (&["clean.properties", "vague"], 0, "0 errors, 0 warnings, 1 note"),
        (&["warning.properties", "mounts"], 0, "0 errors, 1 warning"),
        (&["warning.properties", "mounts", "--strict"], 1, "use connection_pool_size"),
        (&["error.properties", "mounts"], 2, "did you mean port"),
        (&["missing"], 2, "there is no such file"),
        (&["clean.properties", "error.properties"], 2, "both workers files"),
        (&[], 2, "Usage: jkctl check"),
    ];
    for (args, code, part) in cases {
        let args: Vec<String> = args
            .iter()
            .map(|arg| if arg.starts_with('-') { (*arg).to_owned() } else { path(arg) })
            .collect();
        let mut all = vec!["check"];
        all.extend(args.iter().map(String::as_str));
        let run = jkctl(&all);
        assert_eq!(run.code, *code, "{args:?}: {}{}", run.out, run.err);
        assert!((run.out.clone() + &run.err).contains(part), "{args:?}: {}{}", run.out, run.err);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_no_defect() {
    let dir = write("jkctl-full", &[("w.properties", CLEAN)]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .args(["check", &dir.join("w.properties").display().to_string()])
        .stdout(full)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*told), (Some(2), ""));
}

#[test]
fn json_names_file_and_line() {
    let dir = write(
        "jkctl-json",
        &[("workers.properties", "worker.list=w1\nworker.w1.type=ajp31\n"), ("m", "/a/*=w2\n")],
    );
    let path = dir.join("workers.properties").display().to_string();
    let run = jkctl(&["check", "--format", "json", &path]);
    assert_eq!(run.code, 2);
    let page = run.json();
    assert_eq!(page["result"], "errors");
    let problems = page["problems"].as_array().unwrap();
    let error = problems.iter().find(|own| own["severity"] == "error").unwrap();
    assert_eq!(error["file"], path.as_str());
    assert_eq!(error["line"], 2);
    assert_eq!(error["code"], "JK-101");
    assert!(error["text"].as_str().unwrap().contains("unknown type \"ajp31\""), "{error}");
}

#[test]
fn httpd_and_jkctl_say_the_same() {
    let setup = Setup {
        name: "jkctl-same",
        mpm: "event",
        // Only looked at by httpd -t, which binds nothing: with loopback alone no page is open.
        config: "Listen 0.0.0.0:1\n\
                 JkMountFile @DIR@/map.properties\n\
                 JkOptions +ForwardURIProxy\n\
                 Define app /defined\n\
                 <IfModule mod_jk.c>\n\
                 JkMount ${app}/* nowhere\n\
                 </IfModule>\n\
                 <Location /exact>\n\
                 JkMount w1\n\
                 </Location>\n\
                 <VirtualHost *:80>\n\
                 ServerName one\n\
                 Include @DIR@/host.inc\n\
                 </VirtualHost>\n\
                 <VirtualHost *:8080>\n\
                 ServerName two\n\
                 </VirtualHost>\n\
                 JkMount /open|/* st\n\
                 JkMount /closed|/* st\n\
                 <Location /closed>\n\
                 Require all denied\n\
                 </Location>\n\
                 JkOptions +ForwardURIEscaped\n",
        workers: "worker.list=w1,lb,st\n\
                  worker.st.type=status\n\
                  worker.w1.type=ajp13\n\
                  worker.w1.port=8080\n\
                  worker.w1.cachesize=5\n\
                  worker.w1.mount=/ok\n\
                  worker.lb.type=lb\n\
                  worker.lb.balance_workers=m1\n\
                  worker.m1.port=1x\n\
                  worker.m1.secret=a#b\n\
                  worker.unused.type=ajp13\n",
    };
    let httpd = setup.prepare();
    httpd.write("map.properties", "/a;b=w1\n/x/*=w9\nnonsense\n-/a/*=w1\n/a/*=w1\n");
    httpd.write("host.inc", "JkMount /v/* lbb\nJkMount /v|/*|/x w1\n");
    let path = httpd.dir.join("httpd.conf").display().to_string();
    let (ok, told) = httpd.configtest();
    assert!(ok, "{told}");
    // httpd puts a stamp in front of each line.
    let mut by_httpd: Vec<_> =
        told.lines().filter_map(|line| Some(&line[line.find("JK-1")?..])).collect();
    by_httpd.sort_unstable();
    by_httpd.dedup();

    let dump = Command::new(program()).args(["-f", &path, "-t", "-D", "DUMP_JK"]).output().unwrap();
    let run = jkctl(&["check", "--dump", &path]);
    assert_eq!(run.code, 0, "{}", run.err);
    // httpd has its virtual hosts the other way round.
    let parts = |text: &str| text.trim().split("\n\n").map(str::to_owned).collect::<BTreeSet<_>>();
    let of_httpd = parts(&String::from_utf8_lossy(&dump.stdout));
    let other: Vec<_> = parts(&run.out).symmetric_difference(&of_httpd).cloned().collect();
    assert!(other.is_empty() && of_httpd.len() > 6, "{}", other.join("\n\n"));
    assert!(run.out.contains(" *** "), "{}", run.out);
    assert!(run.err.contains("JK-102") && !run.out.contains("JK-102"), "{}", run.err);
    let page = jkctl(&["check", "--dump", "-o", "json", &path]).json();
    let sections = page["configuration"].as_array().unwrap();
    let of_w1 = sections.iter().find(|own| own["title"] == "Worker w1").unwrap();
    assert_eq!(of_w1["kind"], "worker");
    let port = of_w1["settings"].as_array().unwrap().iter().find(|own| own["name"] == "port");
    assert_eq!(port.unwrap()["value"], "8080");
    assert!(
        port.unwrap()["origin"].as_str().unwrap().ends_with("workers.properties:4"),
        "{port:?}"
    );
    assert!(!page["problems"].as_array().unwrap().is_empty());

    let run = jkctl(&["check", "--format", "json", &path]);
    let page = run.json();
    let mut by_jkctl: Vec<String> = page["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| {
            let text = |key: &str| own[key].as_str().unwrap_or_default();
            format!("{} {}:{}: {}", text("code"), text("file"), own["line"], text("text"))
        })
        .collect();
    by_jkctl.sort_unstable();
    assert!(by_httpd.len() >= 10, "{told}");
    assert!(told.contains("every client that can reach \"/open\""), "{told}");
    assert!(!told.contains("every client that can reach \"/closed\""), "{told}");
    assert_eq!(by_jkctl, by_httpd);
    assert_eq!(run.code, 0, "httpd starts with it");
    assert_eq!(jkctl(&["check", "--strict", &path]).code, 1);
}

#[test]
fn sections_for_a_version_of_httpd_are_read_as_that_httpd_reads_them() {
    let output = Command::new(program()).arg("-v").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let own = text.split("Apache/").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let conditions = [
        ">= 2.4.18".to_owned(),
        "< 2.4.18".to_owned(),
        format!(">= {own}"),
        format!("> {own}"),
        format!("= {own}"),
        own.clone(),
        format!("!= {own}"),
        format!("!> {own}"),
        "~ ^2\\.4".to_owned(),
        "= /^2\\.2/".to_owned(),
        "!~ ^2\\.2".to_owned(),
    ];
    let sections: String = conditions
        .iter()
        .enumerate()
        .map(|(number, own)| format!("<IfVersion {own}>\nJkMount /r{number} w1\n</IfVersion>\n"))
        .collect();
    let setup = Setup { name: "jkctl-version", mpm: "event", config: &sections, workers: CLEAN };
    let httpd = setup.prepare();
    let path = httpd.dir.join("httpd.conf").display().to_string();
    let rules = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with("rule /r"));
        lines.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
    };
    let dump = Command::new(program()).args(["-f", &path, "-t", "-D", "DUMP_JK"]).output().unwrap();
    let by_httpd = rules(&String::from_utf8_lossy(&dump.stdout));
    assert!(by_httpd.len() > 4, "{}", String::from_utf8_lossy(&dump.stderr));
    let program = program().display().to_string();
    for more in [&["--httpd", &program][..], &["--httpd-version", &own], &[]] {
        let run = jkctl(&[&["check", "--dump", &path], more].concat());
        assert_eq!(rules(&run.out), by_httpd, "{more:?}: {}", run.err);
        for (rule, code) in [("/r2", 0), ("/r3", 1)] {
            let run = jkctl(&[&["explain", "-f", &path, rule], more].concat());
            assert_eq!(run.code, code, "{rule} {more:?}: {}{}", run.out, run.err);
        }
    }
    let older = jkctl(&["explain", "-f", &path, "/r1", "--httpd-version", "2.4.17"]);
    assert_eq!(older.code, 0, "{}{}", older.out, older.err);
    for (more, part) in [
        (&["--httpd", "/bin/true"][..], "names no version of httpd: give --httpd-version"),
        (&["--httpd", "/no/such/httpd"], "there is no such file"),
        (&["--httpd-version", "two"], "expected a version such as 2.4.62"),
    ] {
        let run = jkctl(&[&["check", &path], more].concat());
        assert!(run.code == 2 && run.err.contains(part), "{more:?}: {}", run.err);
    }
    let wrong = write("jkctl-wrong-version", &[("c", "<IfVersion => 2.4>\n</IfVersion>\n")]);
    let run = jkctl(&["check", &wrong.join("c").display().to_string()]);
    assert!(run.code == 2 && run.out.contains("unknown operator \"=>\""), "{}{}", run.out, run.err);
}

#[test]
fn the_files_to_start_from_are_clean() {
    let root = crate::support::root().join("apache-conf");
    let path = |name: &str| root.join(name).display().to_string();
    let files = [path("jk.conf"), path("workers.properties"), path("uriworkermap.properties")];
    let run = jkctl(&["check", "--strict", &files[0], &files[1], &files[2]]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
}

#[test]
fn explain_shows_the_rules_that_matter() {
    let mut rules: String = (0..500).map(|n| format!("/app{n}/*=w1\n")).collect();
    rules += "/*=w1\n/a*=w1\n";
    let dir = write("jkctl-close", &[("map", &rules)]);
    let map = dir.join("map").display().to_string();
    let run = jkctl(&["explain", "-f", &map, "/app499x"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.lines().count() < 20, "{}", run.out);
    assert!(run.out.contains("does not begin with \"/app499/\""), "{}", run.out);
    assert!(run.out.contains("yes          /a*=w1"), "{}", run.out);
    assert!(run.out.contains("later        /*=w1"), "{}", run.out);
    let all = jkctl(&["explain", "--all", "-f", &map, "/app499x"]);
    assert!(all.out.lines().count() > 500, "{}", all.out.lines().count());
}

#[test]
fn explain_finds_the_server_and_says_why_not() {
    let dir = write(
        "jkctl-explain",
        &[
            ("workers.properties", CLEAN),
            (
                "httpd.conf",
                "JkWorkersFile workers.properties\nJkMount /app/* w1\nJkMount /gone/* w7\n\
                 <VirtualHost *:80>\nServerName a.example\n</VirtualHost>\n\
                 <VirtualHost *:80>\nServerName b.example\nJkMountCopy On\n</VirtualHost>\n",
            ),
        ],
    );
    let conf = dir.join("httpd.conf").display().to_string();
    let cases: &[(&[&str], i32, &[&str])] = &[
        (
            &["--vhost", "b.example", "/app/x?y"],
            0,
            &["b.example", "worker       w1", "forwarded    /app/x"],
        ),
        (
            &["--vhost", "a.example", "/app/x"],
            1,
            &[
                "not mapped   there is no rule",
                "elsewhere    main server: worker w1; virtual hosts see its rules with JkMountCopy On only",
            ],
        ),
        (&["http://b.example/app/x"], 0, &["b.example"]),
        (
            &["--vhost", "other", "/app"],
            1,
            &["no virtual host is named other: httpd takes the first one"],
        ),
        (&["--vhost", "b.example", "/app"], 1, &["\"/app|/*\" matches both"]),
        (
            &["--vhost", "b.example", "/gone/x"],
            0,
            &["w7, which is not in worker.list: answered 500"],
        ),
        (&["--vhost", "b.example", "/app/%2f"], 1, &["answered     404", "AllowEncodedSlashes"]),
        (&["/app/x"], 0, &["main server", "a.example", "b.example"]),
    ];
    for (args, code, parts) in cases {
        let mut all = vec!["explain", "-f", &conf];
        all.extend(*args);
        let run = jkctl(&all);
        assert_eq!(run.code, *code, "{args:?}: {}{}", run.out, run.err);
        for part in *parts {
            assert!(run.out.contains(part), "{args:?}: no {part} in:\n{}", run.out);
        }
    }
}

#[test]
fn explain_and_ping_say_that_httpd_refuses_the_files() {
    let dir = write(
        "jkctl-refused-files",
        &[
            ("workers.properties", &(CLEAN.to_owned() + "worker.w1.prot=1\nworker.w1.tpye=lb\n")),
            ("fine.properties", CLEAN),
            ("map", "/app/*=w1\n"),
        ],
    );
    let path = |name: &str| dir.join(name).display().to_string();
    let (bad, good, map) = (path("workers.properties"), path("fine.properties"), path("map"));
    let told = format!(
        "httpd rejects these files: {bad}:4: worker.w1.prot: unknown attribute \"prot\", did you mean port, and 1 more, which jkctl check shows"
    );
    let explain = |workers: &str, format: &str| {
        jkctl(&["explain", "--format", format, "-f", workers, "-f", &map, "/app/x"])
    };
    let run = explain(&bad, "text");
    assert_eq!((run.code, run.out.lines().next()), (0, Some(told.as_str())), "{}", run.err);
    assert_eq!(explain(&bad, "json").json()["refused"], told.as_str());
    assert!(!explain(&good, "text").out.contains("refuses"));
    assert!(explain(&good, "json").json()["refused"].is_null());
    // Whether anything answers there does not matter.
    let run = jkctl(&["ping", "--timeout", "100", "-f", &bad]);
    assert_eq!(run.out.lines().next(), Some(told.as_str()), "{}{}", run.out, run.err);
    assert_eq!(
        jkctl(&["ping", "--timeout", "100", "--format", "json", "-f", &bad]).json()["refused"],
        told.as_str()
    );
    assert!(!jkctl(&["ping", "--timeout", "100", "-f", &good]).out.contains("refuses"));
}
