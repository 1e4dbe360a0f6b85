//! What httpd says about a configuration, and what it goes on with.

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::Setup;

/// Name, lines of httpd.conf, workers.properties, whether httpd accepts it, and what it says.
type Case = (&'static str, &'static str, &'static str, bool, &'static str);

const CASES: &[Case] = &[
    ("fine", "JkMount /a w", "worker.list=w", true, "Syntax OK"),
    (
        "unknown attribute",
        "JkMount /a w",
        "worker.list=w\nworker.w.prot=8009",
        false,
        "workers.properties:2: worker.w.prot: unknown attribute \"prot\", did you mean port",
    ),
    ("unknown type", "", "worker.list=w\nworker.w.type=ajp99", false, "unknown type \"ajp99\""),
    (
        "no members",
        "",
        "worker.list=w\nworker.w.type=lb",
        false,
        "a balancer needs at least one member",
    ),
    (
        "unknown worker",
        "JkMount /a ww",
        "worker.list=w",
        true,
        "worker \"ww\" is not in worker.list, did you mean \"w\"",
    ),
    (
        "strict",
        "JkStrict On\nJkMount /a ww",
        "worker.list=w",
        false,
        "worker \"ww\" is not in worker.list",
    ),
    (
        "relative pattern",
        "JkMount a w",
        "worker.list=w",
        false,
        "expected a path that begins with a slash",
    ),
    ("mount file missing", "JkMountFile nope.properties", "worker.list=w", false, "JkMountFile"),
    ("unknown option", "JkOptions +Bogus", "worker.list=w", false, "unknown option \"+Bogus\""),
    ("HTTP port", "", "worker.list=w\nworker.w.port=8080", true, "8080 is usually an HTTP port"),
    ("file of shared memory", "JkShmFile x", "worker.list=w", true, "JkShmFile has no effect"),
    (
        "workers file in a host",
        "<VirtualHost *:1>\nJkWorkersFile x\n</VirtualHost>",
        "worker.list=w",
        false,
        "not allowed inside VirtualHost",
    ),
    (
        "module tests",
        "<IfModule !jk_module>\nBroken\n</IfModule>\n<IfModule !mod_jk.c>\nBroken\n</IfModule>",
        "worker.list=w",
        true,
        "Syntax OK",
    ),
];

#[test]
fn configtest_names_every_mistake() {
    for (number, (name, config, workers, fine, text)) in CASES.iter().enumerate() {
        let dir = format!("check-{number}");
        let httpd = Setup { name: &dir, mpm: "event", config, workers }.prepare();
        let (accepted, printed) = httpd.configtest();
        assert_eq!(accepted, *fine, "{name}: {printed}");
        assert!(printed.contains(text), "{name}: {printed}");
    }
}

#[test]
fn mounts_follow_virtual_hosts_locations_and_files() {
    let backend = Backend::start(echo("n1"));
    let workers = format!(
        "worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\nworker.w.mount=/own/*",
        backend.port
    );
    let config = "JkMount /main/* w\nJkMountFile @DIR@/uriworkermap.properties\n\
        <Location /loc>\nJkMount w\n</Location>\nNameVirtualHostNot on\n";
    let config = config.replace("NameVirtualHostNot on\n", "");
    let setup = Setup { name: "mounts", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.expect("maps only this exact URI");
    httpd.write("uriworkermap.properties", "/file/*=w\n!/file/static/*=w\n");
    let port = httpd.port;
    let hosts = format!(
        "<VirtualHost 127.0.0.1:{port}>\nServerName copy\nJkMountCopy On\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName bare\n</VirtualHost>\n\
         <VirtualHost 127.0.0.1:{port}>\nServerName own\nJkMount /v/* w\n</VirtualHost>\n"
    );
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + &hosts));
    httpd.launch();
    let cases = [
        ("copy", "/main/x", 200),
        ("copy", "/file/x", 200),
        ("copy", "/file/static/x", 404),
        ("copy", "/loc", 200),
        ("copy", "/loc/x", 404),
        ("copy", "/own/x", 200),
        ("bare", "/main/x", 404),
        ("bare", "/file/x", 404),
        ("own", "/v/x", 200),
        ("own", "/main/x", 404),
    ];
    for (host, path, expected) in cases {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let response = Client::connect(port).raw(request.as_bytes(), "GET");
        assert_eq!(response.status, expected, "{host} {path}");
    }
}

#[test]
fn a_broken_file_at_a_graceful_restart_changes_nothing() {
    let backend = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let setup =
        Setup { name: "broken", mpm: "event", config: "JkMount /app/* w", workers: &workers };
    let mut httpd = setup.start();
    httpd.expect("JK-101");
    httpd.expect("JK-104");
    httpd.write("workers.properties", "worker.list=w\nworker.w.nonsense=1\n");
    httpd.graceful();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
    let log = httpd.log("error.log");
    assert!(
        log.contains("workers.properties:2: worker.w.nonsense") && log.contains("JK-104"),
        "{log}"
    );
    httpd.write("workers.properties", &workers);
    httpd.graceful();
    assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200);
}

#[test]
fn a_workers_file_that_is_not_whole_at_a_graceful_restart_changes_nothing() {
    let backend = Backend::start(echo("n1"));
    let port = backend.port;
    let workers = format!(
        "worker.list=w,lb,spare\nworker.spare.host=127.0.0.1\nworker.lb.type=lb\n\
         worker.lb.balance_workers=m\nworker.w.host=127.0.0.1\nworker.w.port={port}\n\
         worker.m.host=127.0.0.1\nworker.m.port={port}\n"
    );
    let config = "JkMount /app/* w\nJkMountFile @DIR@/map\nJkMountFileReload 1";
    let setup = Setup { name: "not-whole", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    // What the new files themselves lack, and httpd's own where restarts follow each other quickly.
    for expected in ["JK-102", "JK-104", "AH00488"] {
        httpd.expect(expected);
    }
    httpd.write("map", "/lb/*=lb\n");
    httpd.launch();
    let without = |line: &str| workers.replace(line, "");
    let member = format!("worker.m.host=127.0.0.1\nworker.m.port={port}\n");
    let cases = [
        (String::new(), "worker.list names no worker any more, it named w, lb, spare"),
        (workers[..3].to_owned(), "properties:1: the last line is cut off"),
        (workers.replace("list=w,lb", "list=lb"), "worker w is gone, but rule \"/app/*\" at "),
        (workers.replace("list=w,lb", "list=w"), "worker lb is gone, but rule \"/lb/*\" at "),
        (without(&member), "the properties of worker m are gone"),
    ];
    for (text, said) in cases {
        httpd.write("workers.properties", &text);
        httpd.graceful_for_all();
        httpd.check(&[("h", "/app/x", 200, "n1"), ("h", "/lb/x", 200, "n1")]);
        let log = httpd.log("error.log");
        let is_said = |line: &&str| {
            line.contains("JK-104")
                && line.contains(said)
                && line.ends_with("; the previous workers stay in use")
        };
        assert_eq!(log.lines().filter(is_said).count(), 1, "{said}: {log}");
    }
    // A worker that no rule names may go.
    let before = httpd.log("error.log").matches("JK-104").count();
    let smaller = without("worker.spare.host=127.0.0.1\n").replace(",spare", "");
    httpd.write("workers.properties", &smaller);
    httpd.graceful_for_all();
    httpd.check(&[("h", "/app/x", 200, "n1"), ("h", "/lb/x", 200, "n1")]);
    assert_eq!(httpd.log("error.log").matches("JK-104").count(), before);
}

#[test]
fn an_index_page_is_forwarded_with_its_directory() {
    let backend = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let config = "JkMount /*.jsp w\nDirectoryIndex index.jsp index.html\n<Directory @DIR@/htdocs>\nRequire all granted\n</Directory>\n";
    let setup = Setup { name: "index", mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    std::fs::create_dir_all(httpd.dir.join("htdocs/d1")).expect("a directory");
    httpd.write("htdocs/d1/index.jsp", "<% source %>");
    httpd.launch();
    let response = Client::connect(httpd.port).get("/d1/");
    assert_eq!(response.text(), "n1 GET /d1/index.jsp 0");
    assert_eq!(Client::connect(httpd.port).get("/d1/index.jsp").text(), "n1 GET /d1/index.jsp 0");
}

#[test]
fn the_files_to_start_from_load_without_a_word() {
    let own = crate::support::root().join("apache-conf");
    let read = |name: &str| std::fs::read_to_string(own.join(name)).expect("a file of ours");
    let local = |text: String, httpd: &crate::support::httpd::Httpd| {
        let dir = httpd.dir.display().to_string();
        text.replace("/etc/libapache2-mod-jk", &dir).replace("/var/log/apache2", &dir)
    };
    let workers = read("workers.properties");
    let httpd = Setup { name: "stock", mpm: "event", config: "", workers: &workers }.prepare();
    httpd.write("uriworkermap.properties", &read("uriworkermap.properties"));
    let host = crate::support::httpd::load(&["authz_host"]);
    let config = httpd.log("httpd.conf");
    let lines: Vec<_> = config.lines().filter(|line| !line.starts_with("Jk")).collect();
    httpd.write("httpd.conf", &(lines.join("\n") + "\n" + &host + &local(read("jk.conf"), &httpd)));
    let (fine, printed) = httpd.configtest();
    assert!(fine && printed.trim() == "Syntax OK", "{printed}");
}

#[test]
fn what_is_no_text_file_is_refused_at_once() {
    let setup = Setup { name: "no-files", mpm: "event", config: "", workers: "worker.list=w\n" };
    let httpd = setup.prepare();
    let config = httpd.log("httpd.conf");
    let pipe = httpd.dir.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    std::fs::write(httpd.dir.join("utf-16"), b"\xff\xfew\0").expect("a file");
    std::fs::write(httpd.dir.join("nul"), b"worker.list=\0").expect("a file");
    let large = std::fs::File::create(httpd.dir.join("large")).expect("a file");
    large.set_len(65 << 20).expect("a sparse file");
    for (file, why) in [
        ("pipe", "it is not a regular file, expected a text file"),
        ("htdocs", "it is not a regular file, expected a text file"),
        ("missing", "No such file or directory (os error 2), create the file or correct the path"),
        ("worker.properties", "No such file or directory (os error 2), did you mean"),
        ("utf-16", "the file is UTF-16"),
        ("nul", "byte 12 is NUL"),
        ("large", "it has 68157440 bytes, expected at most 67108864"),
    ] {
        let own = config.replace("/workers.properties", &format!("/{file}"));
        httpd.write("httpd.conf", &own);
        let (fine, printed) = httpd.configtest();
        let said = printed.contains(&format!("/{file}: {why}")) && printed.contains("JK-101");
        assert!(!fine && said, "{file}: {printed}");
        httpd.write("httpd.conf", &format!("{config}JkMountFile {file}\n"));
        let (fine, printed) = httpd.configtest();
        // Bytes that are no text are lines that are no rules.
        let is_read = matches!(file, "utf-16" | "nul");
        assert_eq!(fine, is_read, "{file}: {printed}");
    }
}
