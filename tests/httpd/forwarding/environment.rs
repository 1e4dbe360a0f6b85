//! What variables of the environment change: of a request, and of httpd itself.

use std::time::{Duration, Instant};

use crate::bare::{Then, bare, give, path, serve, serving};
use crate::support::backend::{Backend, echo, end, head, ok};
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::wait_until;

fn prepare(name: &str, ports: [u16; 2], config: &str) -> Httpd {
    let workers = format!(
        "worker.list=w,lb,st\nworker.st.type=status\nworker.w.host=127.0.0.1\nworker.w.port={one}\nworker.lb.type=lb\n\
         worker.lb.balance_workers=n1,n2\nworker.n1.host=127.0.0.1\nworker.n1.port={one}\n\
         worker.n2.host=127.0.0.1\nworker.n2.port={two}\n",
        one = ports[0],
        two = ports[1]
    );
    let config = format!(
        "JkMountCopy All\nJkMount /app/* w\nJkMount /lb/* lb\nJkMount /jkstatus st\n{config}"
    );
    Setup { name, mpm: "event", config: &config, workers: &workers }.prepare()
}

#[test]
fn no_jk_leaves_a_request_to_httpd() {
    let backend = Backend::start(echo("n1"));
    let config = "<Directory @DIR@/htdocs>\nRequire all granted\n</Directory>\n\
        SetEnvIf Request_URI ^/app/page no-jk\nSetEnvIf Request_URI ^/app/zero no-jk=0\n\
        <Location /handler>\nSetHandler jakarta-servlet\n</Location>\nSetEnvIf Request_URI ^/handler no-jk JK_WORKER_NAME=w\n\
        <Location /app/late>\nSetEnvIf Request_URI ^ no-jk\n</Location>\n";
    let mut httpd = prepare("no-jk", [backend.port; 2], config);
    std::fs::create_dir_all(httpd.dir.join("htdocs/app")).expect("a directory");
    for file in ["app/page.html", "app/zero.html", "handler.html"] {
        httpd.write(&format!("htdocs/{file}"), "from httpd");
    }
    // Set in a section it comes too late, which is said.
    httpd.expect("JK-203");
    httpd.launch();
    for (path, text) in [
        ("/app/page.html", "from httpd"),
        ("/app/zero.html", "from httpd"),
        ("/handler.html", "from httpd"),
        ("/app/other.html", "n1 GET /app/other.html 0"),
    ] {
        assert_eq!(httpd.ask("h", path, "").text(), text, "{path}");
    }
    assert_eq!(httpd.ask("h", "/app/late", "").status, 404);
    assert_eq!(httpd.log("jk.log").matches("JK-203").count(), 1, "only the late one");
}

#[test]
fn the_worker_comes_from_a_variable_where_the_handler_is_ours() {
    let (w, n2) = (Backend::start(echo("w")), Backend::start(echo("n2")));
    let config = "<Location /handler>\nSetHandler jakarta-servlet\n</Location>\n\
        SetEnvIf Request_URI named JK_WORKER_NAME=lb;disabled=n1 MINE=w\n\
        SetEnvIf Request_URI unknown JK_WORKER_NAME=missing\nSetEnvIf Request_URI alone JK_WORKER_NAME=w\n";
    let mut httpd = prepare("variable", [w.port, n2.port], config);
    httpd.host("usual", "");
    httpd.host("renamed", "JkWorkerIndicator MINE");
    httpd.expect("JK-204");
    httpd.expect("JK-205");
    httpd.launch();
    for (host, path, status, text) in [
        ("usual", "/handler/named", 200, "n2 GET /handler/named 0"),
        ("renamed", "/handler/named", 200, "w GET /handler/named 0"),
        ("usual", "/app/named", 200, "w GET /app/named 0"),
        ("usual", "/handler/unknown", 500, ""),
        ("usual", "/handler/none", 500, ""),
        ("usual", "/alone", 404, ""),
    ] {
        let response = httpd.ask(host, path, "");
        assert_eq!(response.status, status, "{host} {path}");
        assert!(status != 200 || response.text() == text, "{host} {path}: {}", response.text());
    }
}

#[test]
fn a_reply_timeout_for_one_request() {
    let port = serving(|stream, request| {
        if !path(request).contains("silent") {
            give(stream, &ok(&[], b"fine"));
        }
        Then::Keep
    });
    let config = "SetEnvIf Request_URI soon JK_REPLY_TIMEOUT=300\n\
        SetEnvIf Request_URI negative JK_REPLY_TIMEOUT=-1\n";
    let mut httpd = prepare("reply", [port; 2], config);
    httpd.expect("JK-310");
    httpd.launch();
    let begun = Instant::now();
    assert_eq!(httpd.ask("h", "/app/silent/soon", "").status, 504);
    assert!(begun.elapsed() > Duration::from_millis(280), "not before its time");
    assert_eq!(httpd.ask("h", "/app/negative", "").status, 200);
}

#[test]
fn variables_say_where_the_session_is() {
    let (n1, n2) = (Backend::start(echo("n1")), Backend::start(echo("n2")));
    let config = "SetEnvIf Request_URI to-n1 JK_ROUTE=n1\nSetEnvIf Request_URI ignore JK_STICKY_IGNORE=1\n\
        SetEnvIf Request_URI heed JK_STICKY_IGNORE=0\nSetEnvIf Request_URI stateless JK_STATELESS=true\n\
        SetEnvIf Request_URI stateful JK_STATELESS=0\n";
    let mut httpd = prepare("environment-sessions", [n1.port, n2.port], config);
    httpd.launch();
    let served = |path: &str| {
        let headers = "Cookie: JSESSIONID=A.n2\r\n";
        let answers = (0..6).map(|_| httpd.ask("h", path, headers).text()[..2].to_owned());
        let mut answers: Vec<_> = answers.collect();
        answers.sort();
        answers.dedup();
        answers.join(" ")
    };
    assert_eq!(served("/lb/plain"), "n2");
    assert_eq!(served("/lb/to-n1"), "n1");
    assert_eq!(n1.last().route.as_deref(), Some("n1"));
    assert_eq!(served("/lb/ignore"), "n1 n2");
    assert_eq!(served("/lb/heed"), "n2");
    // A direct worker gets the route as well.
    httpd.ask("h", "/app/to-n1", "");
    assert_eq!(n1.last().route.as_deref(), Some("n1"));
    let sessions = || {
        let text = httpd.ask("h", "/jkstatus?cmd=list&mime=prop", "").text();
        let counts = text.lines().filter_map(|line| line.split_once(".sessions="));
        counts.filter_map(|(_, count)| count.parse::<u32>().ok()).sum::<u32>()
    };
    let before = sessions();
    for _ in 0..4 {
        httpd.ask("h", "/lb/stateless", "");
    }
    assert_eq!(sessions(), before, "stateless requests begin no session");
    for _ in 0..4 {
        httpd.ask("h", "/lb/stateful", "");
    }
    assert_eq!(sessions(), before + 4);
}

#[test]
fn files_know_the_environment_of_httpd_and_its_root() {
    let backend = Backend::start(echo("n1"));
    let workers = "home=$(ServerRoot)\nworker.list=w\nworker.w.host=$(MY_HOST)\nworker.w.port=$(MY_PORT)\nworker.w.route=$(home)\n";
    let config = "JkMountFile @DIR@/mounts.properties\n";
    let mut httpd = Setup { name: "getenv", mpm: "event", config, workers }.prepare();
    httpd.write("mounts.properties", "/of-env/*=$(MY_WORKER)\n");
    for (name, value) in
        [("MY_HOST", "127.0.0.1"), ("MY_PORT", &backend.port.to_string()), ("MY_WORKER", "w")]
    {
        httpd.environment.push((name.to_owned(), value.to_owned()));
    }
    httpd.launch();
    assert_eq!(httpd.ask("h", "/of-env/x", "").text(), "n1 GET /of-env/x 0");
}

#[test]
fn workers_come_from_directives_and_the_file_wins() {
    let backend = Backend::start(echo("n1"));
    let port = backend.port;
    let config = format!(
        "JkWorkerProperty worker.list=p\nJkWorkerProperty \"worker.p.host=127.0.0.1\"\n\
         JkWorkerProperty worker.p.port={port}\nJkWorkerProperty worker.w.port=1\nJkMount /p/* p\nJkMount /w/* w\n"
    );
    let workers = format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={port}\n");
    let setup = Setup { name: "property", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.expect("worker.w.port replaces the value");
    httpd.launch();
    assert_eq!(httpd.ask("h", "/p/x", "").text(), "n1 GET /p/x 0");
    assert_eq!(httpd.ask("h", "/w/x", "").text(), "n1 GET /w/x 0");
}

#[test]
fn the_watchdog_closes_idle_connections_at_its_interval() {
    let closed = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&closed);
    let port = bare(move |_, mut stream| {
        serve(&mut stream, |stream, _| {
            give(stream, &[head(200, &[]), end(true)].concat());
            Then::Keep
        });
        seen.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    let workers = format!(
        "worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={port}\n\
         worker.w.connection_pool_timeout=1\nworker.w.connection_pool_minsize=0\n"
    );
    let config = "JkMount /app/* w\nJkWatchdogInterval 1\nStartServers 1\n";
    let httpd = Setup { name: "watchdog", mpm: "event", config, workers: &workers }.start();
    assert_eq!(httpd.ask("h", "/app/x", "").status, 200);
    // Without the directive a round is a minute away.
    let is_closed = || closed.load(std::sync::atomic::Ordering::SeqCst);
    assert!(wait_until(Duration::from_secs(20), is_closed), "closed after a second or two");
}

#[test]
fn a_client_that_is_gone_costs_the_backend_nothing() {
    let backend = Backend::start(|request| {
        // More than the buffers of all sockets take.
        let body = vec![b'x'; 30_000_000];
        match request.uri.as_str() {
            "/app/large" => crate::support::backend::Reply::Bytes(ok(&[], &body)),
            _ => crate::support::backend::Reply::Bytes(ok(&[], b"small")),
        }
    });
    let config = format!(
        "{}<Directory @DIR@/htdocs>\nRequire all granted\nOptions +Includes\n</Directory>\n\
         AddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\n",
        load(&["mime", "include"])
    );
    let mut httpd = prepare("gone", [backend.port; 2], &config);
    httpd.write(
        "htdocs/page.shtml",
        "<!--#include virtual=\"/app/large\" --><!--#include virtual=\"/app/after\" -->",
    );
    httpd.write("mime.types", "text/html html\n");
    httpd.write("httpd.conf", &(httpd.log("httpd.conf") + "TypesConfig mime.types\n"));
    httpd.launch();
    let whole = httpd.ask("h", "/page.shtml", "");
    assert_eq!((whole.status, whole.body.len()), (200, 30_000_005));
    assert_eq!(backend.count(), 2);
    {
        use std::io::Write;
        let mut client =
            std::net::TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
        client.write_all(b"GET /page.shtml HTTP/1.1\r\nHost: h\r\n\r\n").expect("httpd reads");
        assert!(wait_until(Duration::from_secs(10), || backend.count() == 3), "the first part");
    }
    // When httpd has stopped it has done whatever it was going to do.
    httpd.stop();
    assert_eq!(backend.count(), 3, "the second part is not asked for");
}
