//! What goes to a backend is what the rules and httpd's sections have seen: also where the handler
//! is set without a rule, where a path was rewritten, and where mod_dir falls back.

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load, modules_dir};

/// Two workers, and the hosts of a test.
fn start(name: &str, ports: [u16; 2], hosts: &[(&str, &str)], module: bool) -> Httpd {
    let workers = format!(
        "worker.list=w,v\nworker.w.host=127.0.0.1\nworker.w.port={}\nworker.v.host=127.0.0.1\n\
         worker.v.port={}\n",
        ports[0], ports[1]
    );
    let config = format!(
        "{}DirectoryIndex index.html\n<Directory @DIR@/htdocs>\nRequire all granted\n</Directory>\n{}",
        load(&["rewrite", "env"]),
        // The original wants a file for its shared memory.
        if module { "" } else { "JkShmFile @DIR@/shm\n" }
    );
    let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    if !module {
        httpd.use_module(Some(modules_dir().join("mod_jk.so")));
    }
    std::fs::create_dir_all(httpd.dir.join("htdocs/dir")).expect("a directory");
    httpd.write("htdocs/dir/real.html", "a page");
    httpd.write("htdocs/dir/a%b", "a file");
    for (name, lines) in hosts {
        httpd.host(name, lines);
    }
    httpd.launch();
    httpd
}

#[test]
fn an_unsafe_path_reaches_no_worker_by_any_way() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let handler = "<Location /app>\nSetHandler jakarta-servlet\n</Location>\n";
    let named =
        "<Location /app>\nSetHandler jakarta-servlet\nSetEnv JK_WORKER_NAME v\n</Location>\n";
    let mounts = "JkMount /app/* w\nJkMount /dir/*% w\n";
    let reject = "JkOptions +RejectUnsafeURI\n";
    let forbid = "JkOptions +ForbidUnsafeURI\n";
    let hosts = [
        ("open", format!("{mounts}{handler}")),
        ("reject", format!("{mounts}{handler}{reject}")),
        ("reject-named", format!("{named}{reject}")),
        ("forbid", format!("{mounts}JkUnMount /app/not/* w\n{forbid}")),
        ("undone", format!("{mounts}{forbid}JkOptions -ForbidUnsafeURI\n")),
    ];
    let hosts = hosts.each_ref().map(|(name, lines)| (*name, lines.as_str()));
    let httpd = start("unsafe-readings", [w.port, v.port], &hosts, true);
    httpd.check(&[
        ("open", "/app/a%25b", 200, "w GET /app/a%25b"),
        ("reject", "/app/a", 200, "w GET /app/a"),
        ("reject", "/app/a%25b", 400, ""),
        ("reject", "/app/a%5cb", 400, ""),
        ("reject", "/app/..;/app/a%25b", 400, ""),
        ("reject", "/dir/a%25b", 200, "a file"),
        ("reject-named", "/app/a", 200, "v GET /app/a"),
        ("reject-named", "/app/a%25b", 400, ""),
        ("forbid", "/app/a", 200, "w GET /app/a"),
        ("forbid", "/app/a%25b", 400, ""),
        ("forbid", "/app/not/a%25b", 404, ""),
        ("forbid", "/dir/a%25b", 200, "a file"),
        ("undone", "/app/a%25b", 200, "w GET /app/a%25b"),
    ]);
    let log = httpd.log("jk.log");
    assert!(!log.contains("JK-204"), "a client is no mistake of the configuration: {log}");
}

#[test]
fn a_handler_without_a_rule_gets_what_sections_have_seen() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let named = "<Location /app>\nSetHandler jakarta-servlet\nSetEnv JK_WORKER_NAME v\n</Location>\n\
        <Location /app/admin>\nRequire all denied\n</Location>\n";
    let all = "JkMount /* w\nSetHandler jakarta-servlet\n";
    let hosts = [("named", named), ("all", all)];
    let mut httpd = start("handler-readings", [w.port, v.port], &hosts, true);
    httpd.expect("AH01630");
    httpd.check(&[
        ("named", "/app/a;x=1/b", 200, "v GET /app/a;x=1/b"),
        ("named", "/app/admin/x", 403, ""),
        ("named", "/app/a/..;/admin/x", 400, ""),
        ("named", "/app/.;y/admin/x", 400, ""),
        // An escaped semicolon makes a name of it, for Tomcat too.
        ("named", "/app/a/..%3b/admin/x", 200, "v GET /app/a/..%3b/admin/x"),
        ("all", "/x", 200, "w GET /x"),
    ]);
    // A tunnel is nothing for a backend.
    let connect = b"CONNECT all:80 HTTP/1.1\r\nHost: all\r\n\r\n";
    assert_eq!(Client::connect(httpd.port).raw(connect, "GET").status, 405);
    let log = httpd.log("jk.log");
    assert!(
        log.contains("JK-206 GET /app/a/..;/admin/x: httpd reads dots with a path parameter"),
        "{log}"
    );
}

#[test]
fn a_refused_reading_says_why() {
    let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
    let mounts = "JkMount /app/* w\nJkMount /other/* v\n";
    let unparsed = format!("{mounts}JkOptions +ForwardURICompatUnparsed\n");
    let hosts = [("usual", mounts), ("unparsed", &unparsed)];
    let httpd = start("why-readings", [w.port, v.port], &hosts, true);
    for (host, path, why) in [
        ("usual", "/app/..%3b/app/x", "dots with an escaped semicolon"),
        ("unparsed", "/app/..;/app/x", "dots with a path parameter"),
        (
            "usual",
            "/other%3b/../app%3b/x",
            "Tomcat would read \"/app;/x\", which is mapped to no worker",
        ),
    ] {
        let before = httpd.log("jk.log").len();
        assert_eq!(httpd.ask(host, path, "").status, 400, "{path}");
        let log = httpd.log("jk.log");
        assert!(log[before..].contains("JK-206") && log[before..].contains(why), "{path}: {log}");
    }
}

/// The original as judge, but for paths that the rules keep from the worker.
#[test]
fn a_rewritten_path_is_forwarded_as_the_client_sent_it() {
    let original = modules_dir().join("mod_jk.so").exists();
    for ours in [true, false].into_iter().filter(|ours| *ours || original) {
        let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
        let lines = "JkMount /app/* w\nJkMount /other/* v\nJkUnMount /app/no/* w\n\
            JkOptions +ForwardURICompatUnparsed\nRewriteEngine On\n\
            RewriteRule ^/old/(.*)$ /app/$1 [PT]\nRewriteRule ^/other/x(.*)$ /app/$1 [PT]\n\
            RewriteRule ^/app/no/x(.*)$ /app/yes/$1 [PT]\n";
        let name = format!("rewritten-{ours}");
        let httpd = start(&name, [w.port, v.port], &[("h", lines)], ours);
        httpd.check(&[
            ("h", "/app/a", 200, "w GET /app/a"),
            ("h", "/old/a", 200, "w GET /old/a"),
            ("h", "/old/%61%3bb?q", 200, "w GET /old/%61%3bb"),
        ]);
        for path in ["/other/xa", "/app/no/xa"] {
            assert_eq!(httpd.ask("h", path, "").status, if ours { 400 } else { 200 }, "{path}");
        }
        // What hides dots is no path that a rule was meant for.
        assert_ne!(httpd.ask("h", "/old/..;/b", "").status, 200);
        let status = httpd.ask("h", "/old/c/..;/b", "").status;
        assert_eq!(status, if ours { 400 } else { 200 });
    }
}

/// The original as judge, but for directories and exclusions.
#[test]
fn a_fallback_resource_that_is_mapped_takes_what_is_no_file() {
    let original = modules_dir().join("mod_jk.so").exists();
    for ours in [true, false].into_iter().filter(|ours| *ours || original) {
        let (w, v) = (Backend::start(echo("w")), Backend::start(echo("v")));
        let mounts = "JkMount /app/* w\nJkUnMount /private/* w\n";
        let whole = format!("{mounts}FallbackResource /app/front\n");
        let part = format!(
            "{mounts}<Directory @DIR@/htdocs/dir>\nFallbackResource /app/front\n</Directory>\n"
        );
        let lookups = format!(
            "{mounts}RewriteEngine On\nRewriteCond /app/front -U\nRewriteRule ^/looked /nothing [PT]\n"
        );
        let hosts = [("whole", &*whole), ("part", &*part), ("lookups", &*lookups)];
        let name = format!("fallback-{ours}");
        let httpd = start(&name, [w.port, v.port], &hosts, ours);
        httpd.check(&[
            ("whole", "/missing?q=1", 200, "w GET /missing 0"),
            ("whole", "/dir/x", 200, "w GET /dir/x 0"),
            ("whole", "/dir/real.html", 200, "a page"),
            ("whole", "/app/x", 200, "w GET /app/x 0"),
            ("part", "/missing", 404, ""),
            ("part", "/dir/x/y", 200, "w GET /dir/x/y 0"),
        ]);
        assert_eq!(w.last().query, None);
        let post = b"POST /missing HTTP/1.1\r\nHost: whole\r\nContent-Length: 5\r\n\r\n12345";
        let response = Client::connect(httpd.port).raw(post, "POST");
        assert_eq!(response.text(), "w POST /missing 5");
        if ours {
            httpd.check(&[
                ("whole", "/dir/", 200, "w GET /dir/ 0"),
                ("part", "/dir/", 200, "w GET /dir/ 0"),
                // The resource itself is mapped, what it stands for is not.
                ("whole", "/private/x", 200, "w GET /app/front 0"),
                // To look a path up is not to go there.
                ("lookups", "/looked", 404, ""),
            ]);
        }
    }
}
