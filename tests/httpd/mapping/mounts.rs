//! Rules through real httpd: virtual hosts, `JkMountCopy`, mount files and their reload.

use std::time::Duration;

use crate::support::backend::{Backend, Reply, ok};
use crate::support::client::{Client, Response};
use crate::support::httpd::Setup;
use crate::support::{PATIENCE, signal, wait_until};

/// Workers `w1` to `w6`, which all lead to one backend and differ in their secret, and the status
/// worker `st`.
pub fn workers(port: u16) -> String {
    let mut text = "worker.list=w1,w2,w3,w4,w5,w6,st\nworker.st.type=status\n".to_owned();
    for n in 1..=6 {
        text.push_str(&format!(
            "worker.w{n}.host=127.0.0.1\nworker.w{n}.port={port}\nworker.w{n}.secret=w{n}\n"
        ));
    }
    text
}

/// A backend that answers with the worker's name and the URI it was sent.
pub fn telling() -> Backend {
    Backend::start(|request| {
        let body = format!("{} {}", request.secret.as_deref().unwrap_or("-"), request.uri);
        Reply::Bytes(ok(&[("Content-Type", "text/plain")], body.as_bytes()))
    })
}

/// Asks a virtual host.
pub fn ask(port: u16, host: &str, path: &str) -> Response {
    let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    Client::connect(port).raw(text.as_bytes(), "GET")
}

/// Returns the worker a path goes to, or `-`.
fn worker(port: u16, host: &str, path: &str) -> String {
    let response = ask(port, host, path);
    match response.status {
        200 => response.text().split(' ').next().unwrap_or_default().to_owned(),
        404 => "-".to_owned(),
        other => other.to_string(),
    }
}

const PATHS: [&str; 7] = ["/m/a", "/m/no", "/m/x", "/mf/a", "/v/a", "/vf/a", "/m/a%25"];

/// Contents of a virtual host, and where `PATHS` go, from the table in section 6 of the mapping
/// rules. Two rows differ: a virtual host's own RejectUnsafeURI counts.
const HOSTS: [(&str, &str); 12] = [
    ("", "- - - - - - -"),
    ("JkMountCopy On", "w1 - w1 w2 - - w1"),
    ("JkMountCopy Off", "- - - - - - -"),
    ("JkMount /v/* w3", "- - - - w3 - -"),
    ("JkMount /v/* w3\nJkMountCopy On", "w1 - w1 w2 w3 - w1"),
    ("JkMountFile @DIR@/vf\nJkMountCopy On", "w1 - w1 - - w4 w1"),
    ("JkMountFile @DIR@/vf", "- - - - - w4 -"),
    ("JkMount /m/* w5\nJkMountCopy On", "w5 w5 w5 w2 - - w5"),
    ("JkOptions +RejectUnsafeURI\nJkMountCopy On", "w1 - w1 w2 - - -"),
    ("JkOptions +RejectUnsafeURI\nJkMount /v/* w3\nJkMountCopy On", "w1 - w1 w2 w3 - -"),
    ("JkUnMount /m/x w1\nJkMountCopy On", "w1 - - w2 - - w1"),
    ("JkMount /mf/* w6\nJkMountCopy On", "w1 - w1 w2 - - w1"),
];

/// The same with `JkMountCopy All` in the main server.
const HOSTS_ALL: [(&str, &str); 4] = [
    ("", "w1 - w1 w2 - - w1"),
    ("JkMount /v/* w3", "w1 - w1 w2 w3 - w1"),
    ("JkMountFile @DIR@/vf", "w1 - w1 - - w4 w1"),
    ("JkMountCopy Off", "- - - - - - -"),
];

#[test]
fn section_6_virtual_hosts() {
    let backend = telling();
    for (copy, hosts) in [("", &HOSTS[..]), ("JkMountCopy All\n", &HOSTS_ALL[..])] {
        let mut config = format!(
            "{copy}JkMount /m/* w1\nJkUnMount /m/no w1\nJkMountFile @DIR@/mf\n\
             <VirtualHost *:*>\nServerName other\n</VirtualHost>\n"
        );
        for (n, (content, _)) in hosts.iter().enumerate() {
            config += &format!("<VirtualHost *:*>\nServerName h{n}\n{content}\n</VirtualHost>\n");
        }
        let name = format!("hosts-{}", hosts.len());
        let workers = workers(backend.port);
        let setup = Setup { name: &name, mpm: "event", config: &config, workers: &workers };
        let mut httpd = setup.prepare();
        httpd.write("mf", "/mf/*=w2\n");
        httpd.write("vf", "/vf/*=w4\n");
        httpd.launch();
        for (n, (content, expected)) in hosts.iter().enumerate() {
            let found = PATHS.map(|path| worker(httpd.port, &format!("h{n}"), path));
            assert_eq!(found.join(" "), *expected, "{copy}{content}");
        }
    }
}

#[test]
fn a_changed_mount_file_is_taken_by_every_child_without_a_request() {
    let backend = telling();
    let config = "JkMountFile @DIR@/map\nJkMountFileReload 1\nJkMount /jkstatus st\nJkMount /d w1\n\
                  ThreadsPerChild 5\nMinSpareThreads 5\nMaxRequestWorkers 20\n\
                  <VirtualHost *:*>\nServerName other\nJkMountCopy On\n</VirtualHost>\n\
                  <VirtualHost *:*>\nServerName own\nJkMount /o w1\nJkMountCopy On\n</VirtualHost>\n";
    let workers = workers(backend.port);
    let setup = Setup { name: "reload", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.write("map", "/a/*=w1\n");
    httpd.launch();
    assert!(children_of(httpd.pid()).len() > 1, "several children");
    // Each request has a connection of its own, and so any child.
    let all_have = |path: &str, expected: &str| {
        let has =
            |_| ["other", "own"].iter().all(|host| worker(httpd.port, host, path) == expected);
        wait_until(PATIENCE, || (0..20).all(has))
    };

    httpd.write("map", "/a/*=w2\n/b=w3\n");
    assert!(all_have("/a/x", "w2") && all_have("/b", "w3") && all_have("/d", "w1"));
    let said = |code: &str| httpd.log("jk.log").contains(code);
    // The child that leads says so. None does for a moment after the start, nor while the machine lets it wait.
    let is_said = |version: u32| {
        httpd.write("map", &format!("# {version}\n/a/*=w2\n/b=w3\n"));
        wait_until(Duration::from_secs(10), || said("JK-211"))
    };
    assert!((1..=6).any(is_said), "one child says so");
    let page = ask(httpd.port, "other", "/jkstatus?mime=xml").text();
    assert!(page.contains("uri=\"/b\""), "the status page shows the new rules: {page}");
    assert!(page.contains("source=\"uriworkermap\""), "{page}");

    // A file with a new mistake, and then none at all, leave the rules as they are.
    httpd.write("map", "/a/*=w4\n/c=missing\n");
    assert!(wait_until(PATIENCE, || said("JK-212")), "the mistake is named");
    let log = httpd.log("jk.log");
    let line = log.lines().find(|line| line.contains("JK-212")).expect("it is there");
    assert!(
        line.contains("map:2: rule \"/c\": worker \"missing\" is not in worker.list"),
        "{line}"
    );
    std::fs::remove_file(httpd.dir.join("map")).expect("it is there");
    assert!(wait_until(PATIENCE, || said("JK-213")), "it is missed");
    assert!(all_have("/a/x", "w2") && all_have("/c", "-"));

    httpd.write("map", "/a/*=w5\n");
    assert!(all_have("/a/x", "w5") && all_have("/b", "-"), "and taken again");
    httpd.expect("JK-212");
    httpd.expect("JK-213");
}

/// What the parent does about every ten seconds takes long to show.
#[test]
fn a_child_that_begins_later_has_the_last_good_rules() {
    if std::env::var_os("MOD_JK_TEST_LARGE").is_none() {
        return;
    }
    let backend = telling();
    let config = "JkMountFile map\nJkMountFileReload 1\nThreadsPerChild 5\nMinSpareThreads 5\nMaxRequestWorkers 20\n";
    let workers = workers(backend.port);
    let mut httpd = Setup { name: "late", mpm: "event", config, workers: &workers }.prepare();
    httpd.write("map", "/a=w1\n");
    httpd.launch();
    httpd.expect("JK-212");
    httpd.expect("AH00");
    httpd.write("map", "/a=w2\n");
    std::thread::sleep(Duration::from_secs(25));
    httpd.write("map", "/a=missing\n");
    let before = children_of(httpd.pid());
    for pid in &before {
        assert!(signal("KILL", pid.parse().expect("a number")));
    }
    let is_new = || {
        let now = children_of(httpd.pid());
        now.len() >= 2 && now.iter().all(|pid| !before.contains(pid))
    };
    assert!(wait_until(PATIENCE, is_new), "new children");
    for _ in 0..10 {
        assert_eq!(worker(httpd.port, "localhost", "/a"), "w2");
    }
}

#[test]
fn without_reload_a_mount_file_is_read_at_a_restart_only() {
    let backend = telling();
    let config = "JkMountFile map\nJkMountFileReload 0\n";
    let workers = workers(backend.port);
    let mut httpd = Setup { name: "no-reload", mpm: "event", config, workers: &workers }.prepare();
    httpd.write("map", "/a=w1\n");
    httpd.launch();
    httpd.write("map", "/a=w2\n");
    // Two ticks of the background thread.
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(worker(httpd.port, "localhost", "/a"), "w1");
    httpd.graceful();
    let is_new = || worker(httpd.port, "localhost", "/a") == "w2";
    assert!(wait_until(PATIENCE, is_new));
}

#[test]
fn a_bad_mount_file_at_a_graceful_restart_leaves_the_rules_of_before() {
    let backend = telling();
    let config = "JkMountFile map\nJkMountFileReload 0\nJkMount /d w1\nJkMount /jkstatus st\n";
    let workers = workers(backend.port);
    let setup = Setup { name: "bad-restart", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    for expected in ["JK-101", "JK-102", "JK-104", "JK-212", "JK-213"] {
        httpd.expect(expected);
    }
    // What was wrong at the start stays wrong and is no reason to keep changes out.
    httpd.write("map", "/a=w1\n/old=missing\n");
    httpd.launch();
    let map = httpd.dir.join("map");
    let bad: [(&str, &dyn Fn(), &str); 5] = [
        ("gone", &|| std::fs::remove_file(&map).expect("it is there"), "JK-213"),
        ("a new mistake", &|| httpd.write("map", "/b=w2\n/c=missing\n"), "map:2: rule \"/c\""),
        ("no rule", &|| httpd.write("map", "/old=missing\nb=w2\n"), "map:2: "),
        ("no text", &|| std::fs::write(&map, b"/b=w2\n\0").expect("a file"), "byte 6 is NUL"),
        (
            "with the workers file",
            &|| {
                // w9 is in the file that is broken, and so no worker again.
                let more = "worker.list=w9\nworker.w9.type=ajp13\nworker.w9.nonsense=1\n";
                httpd.write("workers.properties", &(workers.clone() + more));
                httpd.write("map", "/b=w9\n");
            },
            "map:1: rule \"/b\"",
        ),
    ];
    for (name, spoil, why) in bad {
        let before = httpd.log("error.log").len();
        spoil();
        httpd.graceful_for_all();
        let found = ["/a", "/b", "/d"].map(|path| worker(httpd.port, "localhost", path));
        assert_eq!(found, ["w1", "-", "w1"], "{name}");
        let said = httpd.log("error.log")[before..].to_owned();
        let is_said = |line: &str| line.contains("error]") && line.contains("; the previous rules");
        let line =
            said.lines().find(|line| is_said(line)).unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(line.contains(why), "{name}: {line}");
        let page = ask(httpd.port, "localhost", "/jkstatus").text();
        assert!(page.contains("The previous configuration is still in use"), "{name}: {page}");
    }
    httpd.write("workers.properties", &workers);
    httpd.write("map", "/a=w3\n/old=missing\n");
    httpd.graceful();
    let is_new = || worker(httpd.port, "localhost", "/a") == "w3";
    assert!(wait_until(PATIENCE, is_new), "a good one is taken");
    // A file that was never read has nothing to go on with; that ends no server either.
    httpd.write(
        "httpd.conf",
        &httpd.log("httpd.conf").replace("JkMountFile map", "JkMountFile new"),
    );
    httpd.graceful();
    let is_alone = || ["/a", "/d"].map(|path| worker(httpd.port, "localhost", path)) == ["-", "w1"];
    assert!(wait_until(PATIENCE, is_alone), "directives count");
    let (is_fine, said) = httpd.configtest();
    assert!(!is_fine && said.contains("JkMountFile"), "but a start is refused: {said}");
}

/// What the parent does about every ten seconds takes long to show.
#[test]
fn a_restart_goes_on_with_what_was_taken_while_httpd_ran() {
    if std::env::var_os("MOD_JK_TEST_LARGE").is_none() {
        return;
    }
    let backend = telling();
    let config = "JkMountFile map\nJkMountFileReload 1\n";
    let workers = workers(backend.port);
    let mut httpd = Setup { name: "taken", mpm: "event", config, workers: &workers }.prepare();
    httpd.expect("JK-1");
    httpd.expect("JK-213");
    httpd.write("map", "/a=w1\n");
    httpd.launch();
    httpd.write("map", "/a=w2\n");
    let has_taken = || httpd.log("jk.log").contains("JK-211");
    assert!(wait_until(PATIENCE, has_taken), "a child has");
    // The parent looks about every ten seconds, and a change must stand still for it as well.
    std::thread::sleep(Duration::from_secs(22));
    std::fs::remove_file(httpd.dir.join("map")).expect("it is there");
    httpd.graceful();
    for _ in 0..10 {
        assert_eq!(worker(httpd.port, "localhost", "/a"), "w2");
    }
}

fn children_of(pid: u32) -> Vec<String> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}
