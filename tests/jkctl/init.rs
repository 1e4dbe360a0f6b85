//! `jkctl init`: what it writes passes `jkctl check` and httpd without a word, and serves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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

/// The files of one administrator: httpd's directories and a Tomcat's server.xml as it comes.
struct Site {
    dir: PathBuf,
    etc: PathBuf,
    server_xml: PathBuf,
    httpd: Httpd,
}

const SERVER_XML: &str = "<?xml version=\"1.0\"?>\n<Server port=\"-1\">\n  <Service name=\"Catalina\">\n    <!-- <Connector protocol=\"AJP/1.3\"/> -->\n    <Engine name=\"Catalina\" defaultHost=\"localhost\"/>\n  </Service>\n</Server>\n";

impl Site {
    fn new(name: &str) -> Self {
        let dir = fresh_dir(&format!("jkctl-init-{name}"));
        let (etc, server_xml) = (dir.join("etc"), dir.join("server.xml"));
        fs::create_dir_all(etc.join("conf-enabled")).unwrap();
        fs::write(&server_xml, SERVER_XML).unwrap();
        fs::set_permissions(&server_xml, fs::Permissions::from_mode(0o640)).unwrap();
        let httpd = httpd_with(&format!("jkctl-init-{name}-httpd"), &etc.join("conf-enabled"));
        // As Debian includes them, none is needed.
        let conf = httpd.log("httpd.conf").replace("/jk.conf", "/*.conf");
        httpd.write("httpd.conf", &conf.replace("Include ", "IncludeOptional "));
        Self { dir, etc, server_xml, httpd }
    }

    /// Runs `jkctl init` with an apachectl that asks this site's httpd.
    fn init(&self, args: &[&str]) -> crate::Run {
        let apachectl = self.dir.join("apachectl");
        let program = crate::support::httpd::program();
        let conf = self.httpd.dir.join("httpd.conf");
        let text = format!("#!/bin/sh\nexec {} -f {} \"$@\"\n", program.display(), conf.display());
        fs::write(&apachectl, text).unwrap();
        fs::set_permissions(&apachectl, fs::Permissions::from_mode(0o755)).unwrap();
        let (made, enable) = (self.made(), format!("--enable={}", self.etc.display()));
        let module = module().display().to_string();
        let server_xml = self.server_xml.display().to_string();
        let made = made.display().to_string();
        let own =
            ["init", "--dir", &made, "--module", &module, "--server-xml", &server_xml, &enable];
        crate::run_with(
            &[&own, args].concat(),
            &[("APACHECTL", &apachectl.display().to_string())],
            "",
        )
    }

    fn made(&self) -> PathBuf {
        self.dir.join("made")
    }

    /// Everything that is there but the apachectl of the test, with modes and contents.
    fn state(&self) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut dirs = vec![self.dir.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.ends_with("apachectl") {
                    continue;
                }
                if path.is_dir() {
                    dirs.push(path.clone());
                }
                let text = fs::read(&path).unwrap_or_default();
                found.push((path.clone(), mode(&path), text));
            }
        }
        found.sort();
        found
    }
}

#[test]
fn it_switches_on_what_it_writes() {
    let backend = Backend::start(echo("c"));
    let mut site = Site::new("switch");
    let run = site.init(&["-t", &format!("127.0.0.1:{}", backend.port)]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    let xml = fs::read_to_string(&site.server_xml).unwrap();
    let connector = format!(
        "    <Connector protocol=\"AJP/1.3\" address=\"127.0.0.1\" port=\"{}\"",
        backend.port
    );
    assert!(xml.contains(&connector), "{xml}");
    assert_eq!(mode(&site.server_xml), 0o640, "it holds the secret");
    let before = site.dir.join("server.xml.before-jkctl");
    assert_eq!(fs::read_to_string(&before).unwrap(), SERVER_XML);
    let link = site.etc.join("conf-enabled/jk-init.conf");
    assert_eq!(fs::read_link(&link).unwrap(), site.made().join("jk.conf"));
    assert!(run.out.contains("restart the Tomcat of "), "{}", run.out);
    assert!(!run.out.contains("apachectl -t"), "it was tested: {}", run.out);
    site.httpd.launch();
    assert_eq!(Client::connect(site.httpd.port).get("/x").text(), "c GET /x 0");
    let secret = backend.last().secret.expect("a secret");
    assert!(xml.contains(&format!("secret=\"{secret}\"")), "both sides have the same");

    let now = site.state();
    let again = site.init(&["-t", "127.0.0.1:8010"]);
    assert_eq!(again.code, 2, "{}", again.out);
    assert!(site.state() == now, "a second run changes nothing");
}

#[test]
fn what_cannot_be_switched_on_changes_nothing() {
    type Spoil = fn(&Site);
    let cases: [(&str, &[&str], Spoil, &str); 7] = [
        (
            "two Tomcats",
            &["-t", "a=127.0.0.1", "-t", "b=127.0.0.1:1"],
            |_| {},
            "one server.xml for each Tomcat",
        ),
        (
            "connector",
            &["-t", "127.0.0.1"],
            |site| {
                let text = SERVER_XML.replace("<!-- ", "").replace(" -->", "");
                fs::write(&site.server_xml, text).unwrap();
            },
            "server.xml:4: there is an AJP connector already",
        ),
        (
            "no xml",
            &["-t", "127.0.0.1"],
            |site| fs::write(&site.server_xml, "worker.list=w\n").unwrap(),
            "is this Tomcat's server.xml?",
        ),
        (
            "no file",
            &["-t", "127.0.0.1"],
            |site| fs::remove_file(&site.server_xml).unwrap(),
            "server.xml: ",
        ),
        (
            "no directory",
            &["-t", "127.0.0.1"],
            |site| fs::remove_dir(site.etc.join("conf-enabled")).unwrap(),
            "has no conf-enabled and no conf.d",
        ),
        (
            "own settings",
            &["-t", "127.0.0.1"],
            |site| {
                fs::create_dir_all(site.etc.join("mods-enabled")).unwrap();
                fs::write(site.etc.join("mods-enabled/jk.conf"), "JkWorkersFile w\n").unwrap();
            },
            "jk.conf has settings of this site",
        ),
        (
            "refused",
            &["-t", "127.0.0.1"],
            |site| {
                fs::write(site.etc.join("conf-enabled/a.conf"), "JkNoSuchDirective On\n").unwrap();
            },
            "refused the configuration: ",
        ),
    ];
    for (name, args, spoil, said) in cases {
        let site = Site::new(&format!("refused-{}", name.replace(' ', "-")));
        spoil(&site);
        let before = site.state();
        let run = site.init(args);
        assert_eq!(run.code, 2, "{name}: {}{}", run.out, run.err);
        assert!(run.err.contains(said), "{name}: {}", run.err);
        let after = site.state();
        assert!(before == after, "{name}: {after:?}");
    }
}
