//! `httpd -t -D DUMP_JK`: every value in force and where it comes from.

use std::process::Command;

use mod_jk::config::rows::{PROPERTIES, PropertyScope, RETIRED};

use crate::site::Site;
use crate::support::httpd::{Setup, program};

const WORKERS: &str = "\
worker.list=lb,w,s
worker.template.type=ajp13
worker.template.cachesize=7
worker.template.reply_timeout=30000
worker.lb.type=lb
worker.lb.balance_workers=n1
worker.lb.secret=very-secret
worker.n1.reference=worker.template
worker.n1.port=8010
worker.n1.stopped=1
worker.w.type=ajp13
worker.w.secret=other-secret
worker.w.max_packet_size=9k
worker.w.ping_mode=P
worker.s.type=status
worker.s.user=me
";

const CONFIG: &str = "\
JkMount /lb/* lb
JkMount /s s
JkOptions +FlushPackets
JkLogLevel debug
JkWorkerProperty worker.w.secret=first-secret
<VirtualHost 127.0.0.1:8099>
ServerName host.example
JkMountCopy On
JkMount /w/* w
JkLogLevel error
</VirtualHost>
<VirtualHost 127.0.0.1:8099>
ServerName copy.example
JkMountCopy On
</VirtualHost>
";

/// Name, value and origin of rows that must be there; `@/` is the directory of the site.
const ROWS: &[(&str, &str, &str)] = &[
    ("JkWorkersFile", "@/workers.properties", "@/httpd.conf:"),
    ("JkOptions", "+FlushPackets", "@/jk.conf:3"),
    ("JkOptions", "+FlushPackets", "main server, @/jk.conf:3"),
    ("JkLogLevel", "debug", "@/jk.conf:4"),
    ("JkLogLevel", "error", "@/jk.conf:10"),
    ("JkLogLevel", "debug", "main server, @/jk.conf:4"),
    ("JkWorkerProperty", "worker.w.secret=***", "@/jk.conf:5"),
    ("JkExtractSSL", "On", "default"),
    ("rule /lb/*", "lb", "@/jk.conf:1"),
    ("rule /w/*", "w", "@/jk.conf:9"),
    ("worker.maintain", "60", "default"),
    ("type", "ajp13", "@/workers.properties:2, by reference to worker.template"),
    ("port", "8010", "@/workers.properties:9"),
    ("host", "localhost", "default"),
    (
        "connection_pool_size",
        "7",
        "@/workers.properties:3, by reference to worker.template, as cachesize",
    ),
    ("reply_timeout", "30000", "@/workers.properties:4, by reference to worker.template"),
    ("secret", "***", "balancer lb, @/workers.properties:7"),
    ("activation", "Stopped", "@/workers.properties:10, as stopped"),
    ("secret", "***", "@/workers.properties:12"),
    ("max_packet_size", "9216", "@/workers.properties:13"),
    ("ping_mode", "P", "@/workers.properties:14"),
    ("prepost_timeout", "10000", "ping_mode, @/workers.properties:14"),
    ("connect_timeout", "unset", "default"),
    ("recover_time", "60", "default"),
    ("user", "me", "@/workers.properties:16"),
];

fn check(text: &str, dir: &str) {
    let rows: Vec<_> =
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    for (name, value, origin) in ROWS {
        let row = format!("{name} {value} {origin}").replace("@/", dir);
        let is_there = rows.iter().any(|own| own.join(" ").starts_with(&row));
        assert!(is_there, "{row} is missing in\n{text}");
    }
    assert!(!text.contains("-secret"), "a secret is shown:\n{text}");
    let host = |name: &str| {
        let part = text.split("\nVirtual host ").find(|part| part.starts_with(name));
        part.unwrap_or_else(|| panic!("{name} is missing in\n{text}")).to_owned()
    };
    let (own, copy) = (host("host.example:8099 ("), host("copy.example:8099 ("));
    assert!(own.contains("rule /lb/*") && own.contains("rule /w/*"), "{own}");
    assert!(copy.contains("rule /lb/*") && !copy.contains("rule /w/*"), "{copy}");
}

fn site() -> Site {
    let mut site = Site::default();
    site.files.insert("jk.conf".into(), CONFIG.into());
    site.files.insert("workers.properties".into(), WORKERS.into());
    site
}

#[test]
fn each_value_has_its_origin() {
    let (servers, checked) = site().check();
    let every: Vec<_> = servers.iter().collect();
    check(&mod_jk::config::dump(&every, &checked), "/site/");
}

#[test]
fn every_property_is_shown() {
    let (servers, checked) = site().check();
    let every: Vec<_> = servers.iter().collect();
    let text = mod_jk::config::dump(&every, &checked);
    for (worker, kind, scopes) in [
        ("n1", "ajp13", &[PropertyScope::Ajp13, PropertyScope::Both, PropertyScope::Member][..]),
        ("lb", "lb", &[PropertyScope::Lb, PropertyScope::Both]),
        ("s", "status", &[PropertyScope::Status]),
    ] {
        let part = text.split("\nWorker ").find(|part| part.starts_with(&format!("{worker}\n")));
        let part = part.unwrap_or_else(|| panic!("{worker} is missing in\n{text}"));
        let is_retired = |name: &str| RETIRED.iter().any(|(own, _)| *own == name);
        for row in PROPERTIES.iter().filter(|row| scopes.contains(&row.scope)) {
            // What a balancer does with a secret is shown at its members.
            let is_passed_on = kind == "lb" && row.name == "secret";
            if !is_retired(row.name) && !is_passed_on {
                assert!(part.contains(&format!("  {} ", row.name)), "{} of {part}", row.name);
            }
        }
    }
}

#[test]
fn httpd_prints_it() {
    let httpd = Setup { name: "dump", mpm: "event", config: "", workers: WORKERS }.prepare();
    let dir = format!("{}/", httpd.dir.display());
    httpd.write("jk.conf", CONFIG);
    httpd.write("httpd.conf", &format!("{}Include {dir}jk.conf\n", httpd.log("httpd.conf")));
    let run = |define: &[&str]| {
        let mut command = Command::new(program());
        command.arg("-f").arg(httpd.dir.join("httpd.conf")).arg("-t").args(define);
        let output = command.output().expect("apache2 can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    check(&run(&["-D", "DUMP_JK"]), &dir);
    assert_eq!(run(&[]), "");
}
