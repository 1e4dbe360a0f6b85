//! Configurations as people have them: accepted, and what is said about them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::site::{DIR, Site};
use crate::support::httpd::Setup;
use crate::support::{root, skip};

/// The sites of stock/, with what is to be said about them.
fn sites() -> Vec<(String, Site, String)> {
    let mut sites = Vec::new();
    for entry in fs::read_dir(root().join("tests/config/stock")).expect("ours").flatten() {
        if !entry.path().is_dir() {
            continue;
        }
        let mut site = Site::default();
        for file in fs::read_dir(entry.path()).expect("ours").flatten() {
            let text = fs::read_to_string(file.path()).expect("a file of ours");
            site.files.insert(file.file_name().to_string_lossy().into_owned(), text);
        }
        let said = site.files.remove("said.txt").unwrap_or_default();
        sites.push((entry.file_name().to_string_lossy().into_owned(), site, said));
    }
    assert!(sites.len() >= 5);
    sites
}

#[test]
fn nothing_is_refused_and_what_matters_is_said() {
    let mut wrong = String::new();
    for (name, site, expected) in sites() {
        let (_, checked) = site.check();
        let mut said: Vec<_> = checked
            .problems
            .iter()
            .map(|own| format!("=> {:?} {own}\n", own.severity).replace(&format!("{DIR}/"), "@/"))
            .collect();
        said.sort();
        let mut lines: Vec<_> = expected.lines().map(|line| format!("{line}\n")).collect();
        lines.sort();
        if said != lines || said.iter().any(|line| line.starts_with("=> Error")) {
            let _ = writeln!(wrong, "{name}:\n{}", said.concat());
        }
    }
    assert!(wrong.is_empty(), "something else was said:\n{wrong}");
}

#[test]
fn httpd_accepts_them() {
    for (name, site, _) in sites() {
        let dir = format!("stock-{name}");
        let httpd = Setup { name: &dir, mpm: "event", config: "", workers: "" }.prepare();
        for (file, text) in &site.files {
            httpd.write(file, text);
        }
        // Where a distribution keeps logs there is a directory.
        fs::create_dir_all(httpd.dir.join("logs")).expect("a directory of ours");
        let config = httpd.log("httpd.conf");
        httpd.write("httpd.conf", &format!("{config}Include {}/jk.conf\n", httpd.dir.display()));
        let (fine, printed) = httpd.configtest();
        assert!(fine && printed.contains("Syntax OK"), "{name}: {printed}");
    }
}

#[test]
fn debians_own_files_are_accepted() {
    let (own, conf) = ("/etc/libapache2-mod-jk/", "/etc/apache2/mods-available/jk.conf");
    if !Path::new(conf).exists() {
        skip("parity", "Debian's configuration is missing; Debian package: libapache2-mod-jk");
        return;
    }
    let workers = fs::read_to_string(format!("{own}workers.properties")).expect("Debian's file");
    let httpd =
        Setup { name: "stock-installed", mpm: "event", config: "", workers: &workers }.prepare();
    let host = crate::support::httpd::load(&["authz_host"]);
    let dir = httpd.dir.display().to_string();
    let text = fs::read_to_string(conf).expect("Debian's file");
    let text = text.replace(own, &format!("{dir}/")).replace("/var/log/apache2", &dir);
    let config = httpd.log("httpd.conf");
    let config: Vec<_> = config.lines().filter(|line| !line.starts_with("Jk")).collect();
    httpd.write("httpd.conf", &format!("{}\n{host}{text}\n", config.join("\n")));
    let (fine, printed) = httpd.configtest();
    // A note is for who asks: a start and a restart log none of them.
    assert!(fine && !printed.contains("JK-101") && !printed.contains("JK-102"), "{printed}");
    for said in [
        "worker loadbalancer is neither in worker.list nor a member of a listed balancer",
        "worker \"jk-status\" is not in worker.list",
        "worker \"jk-manager\" is not in worker.list",
        "JkShmFile has no effect",
    ] {
        assert!(printed.contains(said), "{said}: {printed}");
    }
}

/// Thousands of workers and hundreds of hosts are real; a check must not take the time of a restart.
#[test]
fn large_sites_are_checked_at_once() {
    let mut site = Site::default();
    let names: Vec<_> = (0..2_000).map(|n| format!("w{n}")).collect();
    let mut workers =
        format!("worker.list={}\nworker.t.type=ajp13\nworker.t.secret=x\n", names.join(","));
    for name in &names {
        let _ = writeln!(
            workers,
            "worker.{name}.reference=worker.t\nworker.{name}.host={name}.example"
        );
    }
    let mut conf = String::from("JkMountCopy All\n");
    for n in 0..2_000 {
        let _ = writeln!(conf, "JkMount /app{n}/* w{n}");
    }
    for host in 0..500 {
        let _ = writeln!(conf, "<VirtualHost 127.0.0.1:8099>\nServerName h{host}");
        for n in 0..50 {
            let _ = writeln!(conf, "JkMount /own{n}/* w{n}");
        }
        conf += "</VirtualHost>\n";
    }
    site.files.insert("workers.properties".into(), workers);
    site.files.insert("jk.conf".into(), conf);
    let begun = processor_time();
    let (servers, checked) = site.check();
    assert_eq!((servers.len(), checked.workers.workers.len()), (501, 2_000));
    assert!(checked.problems.is_empty(), "{:?}", checked.problems.first());
    let took = processor_time() - begun;
    assert!(took < Duration::from_secs(30), "without optimisation, {took:?}");
}

/// Returns how long this thread has been on a processor: what else the machine does costs nothing.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let nanos = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("the first number is the time"))
}
