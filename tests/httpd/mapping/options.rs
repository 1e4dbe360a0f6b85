//! What the words of JkOptions do, with real httpd, and how virtual hosts get them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::bare::{Then, give, path, serving};
use crate::support::backend::{Backend, chunk_packet, echo, end, head};
use crate::support::httpd::{Httpd, Setup, load};

/// One worker `w`, mounted everywhere at /app.
fn prepare(name: &str, port: u16, config: &str) -> Httpd {
    let workers = format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={port}\n");
    let config = format!(
        "JkMountCopy All\nJkMount /app/* w\nStartServers 1\nServerLimit 1\nThreadsPerChild 25\nMaxRequestWorkers 25\nMinSpareThreads 1\nMaxSpareThreads 25\n{config}"
    );
    Setup { name, mpm: "event", config: &config, workers: &workers }.prepare()
}

#[test]
fn flush_options_hand_on_what_is_there() {
    // The backend stops in the middle until the test has seen what the client gets.
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let at_gate = Arc::clone(&gate);
    let port = serving(move |stream, request| {
        give(stream, &head(200, &[("X-Head", "1")]));
        if path(request).contains("/chunk") {
            give(stream, &chunk_packet(b"first"));
        }
        let open = at_gate.0.lock().expect("no panic under it");
        drop(at_gate.1.wait_while(open, |open| !*open).expect("no panic under it"));
        give(stream, &[chunk_packet(b"last"), end(true)].concat());
        Then::Keep
    });
    let mut httpd = prepare("flush", port, "");
    httpd.host("plain", "");
    httpd.host("packets", "JkOptions +FlushPackets");
    httpd.host("header", "JkOptions +FlushHeader");
    httpd.host("undone", "JkOptions +FlushHeader +FlushPackets -FlushHeader -FlushPackets");
    httpd.launch();
    let cases = [
        ("plain", "/app/head", None),
        ("plain", "/app/chunk", None),
        ("header", "/app/head", Some("X-Head")),
        ("packets", "/app/chunk", Some("first")),
        ("packets", "/app/head", None),
        ("undone", "/app/chunk", None),
    ];
    for (host, path, expected) in cases {
        *gate.0.lock().expect("no panic under it") = false;
        let mut client = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
        // Where nothing may come a short look must do; where something must, there is time.
        let limit = Duration::from_millis(if expected.is_some() { 20_000 } else { 300 });
        client.set_read_timeout(Some(limit)).expect("a timeout");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        client.write_all(request.as_bytes()).expect("httpd reads");
        let (mut seen, mut buffer) = (String::new(), [0; 4096]);
        while let Ok(count @ 1..) = client.read(&mut buffer) {
            seen += &String::from_utf8_lossy(&buffer[..count]);
            if expected.is_some_and(|text| seen.contains(text)) {
                break;
            }
        }
        match expected {
            Some(text) => assert!(seen.contains(text) && !seen.contains("last"), "{host}: {seen}"),
            None => assert_eq!(seen, "", "{host} {path}"),
        }
        *gate.0.lock().expect("no panic under it") = true;
        gate.1.notify_all();
        client.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        client.read_to_string(&mut seen).expect("the rest");
        assert!(seen.contains("last"), "{host}: {seen}");
    }
}

#[test]
fn disable_reuse_closes_each_connection() {
    let backend = Backend::start(echo("n1"));
    let mut httpd = prepare("reuse", backend.port, "");
    httpd.host("plain", "");
    httpd.host("alone", "JkOptions +DisableReuse");
    httpd.launch();
    let opened = |host: &str| {
        let before = backend.connections.load(SeqCst);
        for _ in 0..4 {
            assert_eq!(httpd.ask(host, "/app/x", "").status, 200);
        }
        backend.connections.load(SeqCst) - before
    };
    assert!(opened("plain") <= 1, "kept alive");
    // The first one may still find the connection of before.
    assert!(opened("alone") >= 3, "a connection for each");
}

#[test]
fn unsafe_paths_are_kept_from_the_backend() {
    let backend = Backend::start(echo("n1"));
    let mut httpd = prepare("unsafe", backend.port, "");
    httpd.host("plain", "");
    httpd.host("careful", "JkOptions +RejectUnsafeURI");
    httpd.launch();
    for (host, path, forwarded) in [
        ("plain", "/app/a%25b", true),
        ("plain", "/app/a%5Cb", true),
        ("careful", "/app/a%25b", false),
        ("careful", "/app/a%5Cb", false),
        ("careful", "/app/a%20b", true),
    ] {
        let before = backend.count();
        let status = httpd.ask(host, path, "").status;
        assert_eq!(backend.count() - before, usize::from(forwarded), "{host} {path}");
        assert_eq!(status == 200, forwarded, "{host} {path}: {status}");
    }
}

#[test]
fn directories_go_to_the_worker_of_the_variable() {
    let backend = Backend::start(echo("n1"));
    let config = format!(
        "{}<Directory @DIR@/htdocs>\nOptions +Indexes\nRequire all granted\n</Directory>\n\
         SetEnvIf Request_URI ^/dir/ JK_WORKER_NAME=w\n",
        load(&["autoindex"])
    );
    let mut httpd = prepare("directories", backend.port, &config);
    httpd.host("plain", "");
    httpd.host("forwards", "JkOptions +ForwardDirectories");
    for name in ["dir", "other"] {
        std::fs::create_dir_all(httpd.dir.join("htdocs").join(name)).expect("a directory");
    }
    httpd.launch();
    for (host, path, expected) in [
        ("plain", "/dir/", "Index of /dir"),
        ("forwards", "/dir/", "n1 GET /dir/ 0"),
        ("forwards", "/other/", "Index of /other"),
    ] {
        let response = httpd.ask(host, path, "");
        assert!(response.text().contains(expected), "{host} {path}: {}", response.text());
    }
}

#[test]
fn hosts_inherit_and_replace_and_a_later_word_wins() {
    let backend = Backend::start(echo("n1"));
    let main = "JkOptions +ForwardKeySize -ForwardKeySize +ForwardKeySize +ForwardLocalAddress\n\
        JkLocalAddrIndicator MY_LOCAL\nJkRemoteAddrIndicator MY_REMOTE\n\
        SetEnvIf Request_URI ^ HTTPS=on SSL_CIPHER_USEKEYSIZE=128 JK_LOCAL_ADDR=192.0.2.1 MY_LOCAL=192.0.2.2\n\
        SetEnvIf X-Remote (.+) MY_REMOTE=$1 JK_REMOTE_ADDR=192.0.2.4\n";
    let mut httpd = prepare("merging", backend.port, main);
    httpd.host("plain", "");
    httpd.host("later", "JkOptions +ForwardKeySize -ForwardKeySize");
    httpd.host("pair", "JkOptions +ForwardPhysicalAddress");
    httpd.host("own", "JkLocalAddrIndicator JK_LOCAL_ADDR\nJkRemoteAddrIndicator JK_REMOTE_ADDR");
    httpd.launch();
    let remote = "X-Remote: 192.0.2.3\r\n";
    for (host, headers, key_size, local, remote_addr, port) in [
        ("plain", "", Some(128), "192.0.2.2", "127.0.0.1", "0"),
        ("plain", remote, Some(128), "192.0.2.2", "192.0.2.3", "0"),
        ("later", "", None, "192.0.2.2", "127.0.0.1", "0"),
        ("pair", "", Some(128), "192.0.2.2", "127.0.0.1", "the client's"),
        ("own", remote, Some(128), "192.0.2.1", "192.0.2.4", "0"),
    ] {
        assert_eq!(httpd.ask(host, "/app/x", headers).status, 200);
        let request = backend.last();
        assert_eq!(request.key_size, key_size, "{host}");
        assert_eq!(request.attribute("AJP_LOCAL_ADDR"), Some(local), "{host}");
        assert_eq!(request.remote_addr, remote_addr, "{host}");
        let sent = request.attribute("AJP_REMOTE_PORT").expect("always sent");
        assert_eq!(sent == "0", port == "0", "{host}: {sent}");
    }
}

#[test]
fn session_ids_are_stripped_from_local_files() {
    let backend = Backend::start(echo("n1"));
    let config = "<Directory @DIR@/htdocs>\nRequire all granted\n</Directory>\nJkStripSession On\n";
    let mut httpd = prepare("strip", backend.port, config);
    httpd.host("plain", "");
    httpd.host("off", "JkStripSession Off");
    httpd.host("own", "JkStripSession On ;sid");
    httpd.write("htdocs/page.html", "page");
    httpd.launch();
    for (host, path, status) in [
        ("plain", "/page.html;jsessionid=1", 200),
        ("plain", "/page.html;sid=1", 404),
        ("off", "/page.html;jsessionid=1", 404),
        ("own", "/page.html;sid=1", 200),
        ("own", "/page.html;jsessionid=1", 404),
    ] {
        assert_eq!(httpd.ask(host, path, "").status, status, "{host} {path}");
    }
}

#[test]
fn what_has_no_effect_says_so() {
    let cases = [
        ("JkShmFile logs/shm", "JkShmFile has no effect"),
        ("JkShmSize 1024", "JkShmSize has no effect"),
        ("JkOptions +CollapseSlashesAll", "JkOptions +CollapseSlashesAll has no effect"),
        ("JkOptions CollapseSlashesNone", "JkOptions CollapseSlashesNone has no effect"),
        ("JkOptions +collapseslashesunmount", "JkOptions +collapseslashesunmount has no effect"),
        ("JkEnvVar AJP_REMOTE_PORT", "JkEnvVar AJP_REMOTE_PORT: Tomcat takes an attribute"),
        ("JkRequestLogFormat %w%Z", "JkRequestLogFormat: unknown code %Z, expected %b"),
    ];
    let config: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let httpd = prepare("no-effect", 1, &(config + "JkOptions -CollapseSlashesAll\n"));
    let (is_fine, printed) = httpd.configtest();
    assert!(is_fine, "{printed}");
    for (line, text) in cases {
        let said = printed.lines().find(|printed| printed.contains(text));
        let said = said.unwrap_or_else(|| panic!("{line}: {printed}"));
        // Nearly every file has the first two, and nothing is lost.
        let code = if line.starts_with("JkShm") { "JK-108" } else { "JK-102" };
        assert!(said.contains(code) && said.contains("httpd.conf:"), "{line}: {said}");
    }
    assert!(!printed.contains("-CollapseSlashesAll"), "switched off it is what it is: {printed}");
}
