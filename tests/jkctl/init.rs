//! `jkctl init`: what it writes passes `jkctl check` and httpd without a word, and serves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::jkctl;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::sockets::SocketDir;
use crate::support::{fresh_dir, module};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// An httpd that has nothing of ours but what `jkctl init` wrote.
fn httpd_with(name: &str, dir: &Path) -> Httpd {
    let config = format!(
        "{}Include {}\n<VirtualHost *>\nServerName a\n</VirtualHost>\n",
        load(&["authz_host"]),
        dir.join("jk.conf").display()
    );
    let httpd = Setup { name, mpm: "event", config: &config, workers: "" }.prepare();
    // The module and the workers come from what was written.
    let path = httpd.dir.join("httpd.conf");
    let text = fs::read_to_string(&path).unwrap();
    let is_harness = |line: &&str| line.starts_with("LoadModule jk_") || line.starts_with("Jk");
    let kept: Vec<_> = text.lines().filter(|line| !is_harness(line)).collect();
    fs::write(&path, kept.join("\n") + "\n").unwrap();
    httpd
}

#[test]
fn what_it_writes_works_without_a_warning() {
    let backend = Backend::start(echo("c"));
    let port = backend.port;
    let one = format!("127.0.0.1:{port}");
    let (first, second) = (format!("a=127.0.0.1:{port}"), "b=127.0.0.1:1".to_owned());
    let socket = "s=unix:/run/tomcat/ajp.sock";
    let cases: &[(&str, &[&str])] = &[
        ("one", &["-t", &one, "--no-secret"]),
        ("one-secret", &["-t", &one]),
        ("two", &["-t", &first, "-t", &second, "-m", "/shop", "-m", "/"]),
        ("socket", &["-t", socket]),
        ("socket-no-secret", &["-t", socket, "-t", &first, "--no-secret"]),
        ("far", &["-t", "192.0.2.1", "-t", "192.0.2.2:8010"]),
    ];
    for (name, args) in cases {
        let dir = fresh_dir(&format!("jkctl-init-{name}")).join("made");
        let at = dir.display().to_string();
        let module_file = module().display().to_string();
        let mut all = vec!["init", "--dir", &at, "--module", &module_file];
        all.extend(*args);
        let run = jkctl(&all);
        assert_eq!(run.code, 0, "{name}: {}{}", run.out, run.err);
        assert!(run.out.contains("curl -i http://localhost/"), "{name}: {}", run.out);
        let is_there = name.starts_with("one");
        assert_eq!(!run.out.contains("server.xml"), is_there, "{name}: {}", run.out);
        let secret = if args.contains(&"--no-secret") { 0o644 } else { 0o640 };
        assert_eq!(mode(&dir.join("workers.properties")), secret, "{name}");
        assert_eq!(mode(&dir.join("connector.xml")), secret, "{name}");
        assert_eq!(mode(&dir.join("jk.conf")), 0o644, "{name}");

        let conf = dir.join("jk.conf").display().to_string();
        let check = jkctl(&["check", "--strict", &conf]);
        assert_eq!(check.code, 0, "{name}: {}", check.out);
        let httpd = httpd_with(&format!("jkctl-init-{name}-httpd"), &dir);
        let (ok, told) = httpd.configtest();
        assert!(ok && told.trim().ends_with("Syntax OK"), "{name}: {told}");
        assert!(!told.contains("JK-"), "{name}: {told}");

        let before = fs::read(dir.join("workers.properties")).unwrap();
        let again = jkctl(&all);
        assert_eq!(again.code, 2, "{name}");
        assert!(again.err.contains("exists and was not changed"), "{}", again.err);
        assert_eq!(fs::read(dir.join("workers.properties")).unwrap(), before, "{name}");
    }
}

#[test]
fn what_it_writes_serves() {
    let backend = Backend::start(echo("c"));
    serves("port", &backend, &format!("127.0.0.1:{}", backend.port));
    let dir = SocketDir::new("init-serves");
    let backend = Backend::start_unix(&dir.path("s"), echo("c"));
    serves("socket", &backend, &format!("unix:{}", dir.path("s").display()));
}

fn serves(name: &str, backend: &Backend, tomcat: &str) {
    let dir = fresh_dir(&format!("jkctl-init-serves-{name}")).join("made");
    let at = dir.display().to_string();
    let module_file = module().display().to_string();
    let run = crate::with_input(
        &[
            "init",
            "--dir",
            &at,
            "-t",
            tomcat,
            "--secret-file",
            "-",
            "--no-ping",
            "--module",
            &module_file,
        ],
        "the secret\n",
    );
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(!(run.out + &run.err).contains("the secret"));
    let connector = fs::read_to_string(dir.join("connector.xml")).unwrap();
    assert!(connector.contains("secret=\"the secret\""), "{connector}");
    let mut httpd = httpd_with(&format!("jkctl-init-serves-{name}-httpd"), &dir);
    httpd.launch();
    let mut client = Client::connect(httpd.port);
    assert_eq!(client.get("/x").text(), "c GET /x 0");
    assert_eq!(backend.last().secret.as_deref(), Some("the secret"));
    assert_eq!(client.get("/.well-known/acme-challenge/x").status, 404);
    assert_eq!(backend.count(), 1, "httpd itself answers for certificates");
    let url = format!("http://127.0.0.1:{}/jk-status", httpd.port);
    let status = jkctl(&["status", "--url", &url]);
    assert_eq!(status.code, 0, "{}{}", status.out, status.err);
    assert!(status.out.contains("app "), "{}", status.out);
}

#[test]
fn what_is_not_safe_is_refused() {
    let dir = fresh_dir("jkctl-init-refused");
    let at = dir.display().to_string();
    for (args, part) in [
        (&["-t", "10.0.0.5", "--no-secret"][..], "another machine"),
        (&["-t", "localhost", "-m", "shop"], "expected the path"),
        (&["-t", "h:0"], "port"),
        (&[], "--tomcat"),
    ] {
        let mut all = vec!["init", "--dir", &at];
        all.extend(args);
        let run = jkctl(&all);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.err.contains(part), "{args:?}: {}", run.err);
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "nothing was written");
}
