//! Answers that the client does not get: those that are taken back for another attempt, and those that
//! httpd replaces by a page of its own.

use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use crate::bare::{Then, bare, give, serve, serving};
use crate::support::backend::{Backend, Reply, chunk_packet, head, ok, packet};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup, load};

/// What other modules have set before us: a header, and a type for some names.
const OTHERS: &str = "Header set Strict-Transport-Security max-age=7 early\n\
    Header add X-Early one early\nHeader add X-Early two early\n\
    AddType text/x-mark .mark\n";

fn start(name: &str, ports: &[u16], config: &str, more: &str) -> Httpd {
    prepare(name, ports, config, more, |_| ())
}

/// A balancer of members n0, n1 ...; `more` are lines for the workers.
fn prepare(name: &str, ports: &[u16], config: &str, more: &str, then: fn(&mut Httpd)) -> Httpd {
    let names: Vec<_> = (0..ports.len()).map(|at| format!("n{at}")).collect();
    let mut workers = format!("worker.list=lb\nworker.lb.type=lb\nworker.lb.method=N\n{more}");
    workers += &format!("worker.lb.balance_workers={}\n", names.join(","));
    for (name, port) in names.iter().zip(ports) {
        workers += &format!("worker.{name}.port={port}\n");
    }
    let config = format!(
        "{}TypesConfig /dev/null\n<Directory @DIR@/htdocs>\nRequire all granted\nOptions +FollowSymLinks\n</Directory>\n{config}",
        load(&["headers", "mime", "rewrite"])
    );
    let mut httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.prepare();
    httpd.write("rules", "/app/*=lb;use_server_errors=300\n");
    then(&mut httpd);
    httpd.launch();
    httpd
}

fn all<'r>(response: &'r Response, name: &str) -> Vec<&'r str> {
    let own = response.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
    own.map(|(_, value)| value.as_str()).collect()
}

/// Checks that an answer has what other modules have set, and nothing of the attempt before.
fn is_untouched(response: &Response) {
    assert_eq!(response.status, 200);
    assert_eq!(response.text(), "second");
    assert_eq!(all(response, "Strict-Transport-Security"), ["max-age=7"]);
    assert_eq!(all(response, "X-Early"), ["one", "two"]);
    assert_eq!(all(response, "Content-Type"), ["text/x-mark"]);
    assert_eq!(all(response, "X-First"), <[&str; 0]>::default());
    assert_eq!(all(response, "Content-Language"), <[&str; 0]>::default());
}

#[test]
fn what_other_modules_have_set_outlives_a_stale_connection() {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let port = bare(move |number, mut stream| {
        let mut is_used = false;
        serve(&mut stream, |stream, _| {
            count.fetch_add(1, SeqCst);
            // The first connection ends when the next request has come.
            if number == 1 && is_used {
                return Then::Close;
            }
            is_used = true;
            give(stream, &ok(&[], b"second"));
            Then::Keep
        });
    });
    let config = format!("{OTHERS}JkMount /app/* lb\n");
    let httpd = start("stale-headers", &[port], &config, "");
    let mut client = Client::connect(httpd.port);
    is_untouched(&client.get("/app/x.mark"));
    is_untouched(&client.get("/app/x.mark"));
    assert_eq!(taken.load(SeqCst), 3, "the second request was sent twice");
}

#[test]
fn what_other_modules_have_set_outlives_an_attempt_that_failed() {
    let first = serving(|stream, _| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Content-Language", "de"),
            ("Content-Length", "999"),
            ("X-First", "yes"),
            ("X-Early", "three"),
            ("Strict-Transport-Security", "max-age=0"),
        ];
        give(stream, &head(203, &headers));
        give(stream, &chunk_packet(b"first"));
        Then::Close
    });
    let second = Backend::start(|_| Reply::Bytes(ok(&[], b"second")));
    let config = format!("{OTHERS}JkMount /app/* lb\n");
    let mut httpd = start("failover-headers", &[first, second.port], &config, "");
    httpd.expect("JK-306");
    httpd.expect("JK-401");
    let mut client = Client::connect(httpd.port);
    is_untouched(&client.get("/app/x.mark"));
}

/// A backend that begins an error and hangs up in its body, after more than is ever held back.
fn breaks_off_in_an_error(stream: &mut TcpStream, _: &[u8]) -> Then {
    give(stream, &head(404, &[("Content-Type", "text/plain"), ("X-First", "yes")]));
    give(stream, &chunk_packet(&[]));
    for _ in 0..12 {
        give(stream, &chunk_packet(&[b'x'; 8000]));
    }
    Then::Close
}

#[test]
fn an_error_that_is_replaced_and_breaks_off_gives_one_page() {
    let config = "JkMountFile @DIR@/rules\nJkOptions +FlushHeader\n";
    let mut httpd = start("one-page", &[serving(breaks_off_in_an_error)], config, "");
    httpd.expect("JK-306");
    httpd.expect("JK-401");
    let mut client = Client::connect(httpd.port);
    let page = client.get("/app/x");
    assert_eq!((page.status, page.is_complete), (502, true));
    assert_eq!(page.text().matches("<h1>").count(), 1, "{}", page.text());
    assert_eq!(all(&page, "X-First"), <[&str; 0]>::default());
    // What follows is the answer to the next request.
    assert_eq!(client.get("/none").status, 404);
}

#[test]
fn an_error_that_is_replaced_and_breaks_off_lets_another_member_answer() {
    let second = Backend::start(|_| Reply::Bytes(ok(&[], b"second")));
    let config = "JkMountFile @DIR@/rules\n";
    let ports = [serving(breaks_off_in_an_error), second.port];
    let mut httpd = start("replaced-failover", &ports, config, "");
    httpd.expect("JK-306");
    httpd.expect("JK-401");
    let page = Client::connect(httpd.port).get("/app/x");
    assert_eq!((page.status, page.text().as_str()), (200, "second"));
}

/// Answers with the status in the path, a reason of its own and every header that could matter.
fn refusing(request: &crate::support::backend::Request) -> Reply {
    let status: u16 =
        request.uri.rsplit('/').next().and_then(|word| word.parse().ok()).expect("one");
    let headers = [
        ("WWW-Authenticate", "Basic realm=\"app\""),
        ("WWW-Authenticate", "Bearer"),
        ("Allow", "GET, PUT"),
        ("Retry-After", "120"),
        ("Content-Range", "bytes */7"),
        ("Content-Type", "application/json"),
        ("Content-Length", "8"),
        ("Location", "/app/elsewhere"),
        ("X-First", "yes"),
    ];
    let mut bytes = head(status, &headers);
    bytes.extend(chunk_packet(b"{\"a\": 1}"));
    bytes.extend(packet(&[5, 1]));
    Reply::Bytes(bytes)
}

#[test]
fn a_page_of_httpds_own_says_what_a_client_needs_to_act_on_the_error() {
    let backend = Backend::start(refusing);
    let config = "JkMountFile @DIR@/rules\nErrorDocument 403 /page.html\n\
        <Directory @DIR@/htdocs>\nRewriteEngine On\nRewriteRule ^old/(.*)$ /app/$1 [L]\n</Directory>\n";
    let more = "worker.lb.set_session_cookie=true\nworker.lb.session_cookie=ROUTE\n";
    let httpd = prepare("replaced-headers", &[backend.port], config, more, |httpd| {
        httpd.write("htdocs/page.html", "our page\n");
    });
    // The last two by a rewriting inside a directory, which is a request of its own for httpd.
    for path in [
        "/app/401", "/app/403", "/app/405", "/app/416", "/app/302", "/app/503", "/old/401",
        "/old/403",
    ] {
        let page = Client::connect(httpd.port).get(path);
        let status = path[5..].parse().expect("a number");
        assert_eq!((page.status, page.is_complete), (status, true), "{path}");
        // The backend's reason is the number once more.
        assert!(page.reason.starts_with(char::is_uppercase), "{path}: {}", page.reason);
        let is_own = status == 403;
        assert_eq!(page.text() == "our page\n", is_own, "{path}: {}", page.text());
        assert!(is_own || page.text().contains("<h1>"), "{path}: {}", page.text());
        let challenges = ["Basic realm=\"app\"", "Bearer"];
        assert_eq!(all(&page, "WWW-Authenticate"), challenges, "{path}");
        assert_eq!(all(&page, "Retry-After"), ["120"], "{path}");
        assert_eq!(all(&page, "Content-Range"), ["bytes */7"], "{path}");
        let allowed = all(&page, "Allow").join(",").replace(' ', "");
        let allowed: Vec<_> = allowed.split(',').filter(|method| *method != "TRACE").collect();
        assert!(allowed.contains(&"GET") && allowed.contains(&"PUT"), "{path}: {allowed:?}");
        assert!(!allowed.contains(&"POST"), "{path}: {allowed:?}");
        assert!(all(&page, "Set-Cookie").concat().starts_with("ROUTE=.n0"), "{path}");
        assert_eq!(all(&page, "X-First"), <[&str; 0]>::default(), "{path}");
        assert_ne!(all(&page, "Content-Type"), ["application/json"], "{path}");
        let moved = all(&page, "Location").len();
        assert_eq!(moved, usize::from(status == 302), "{path}");
    }
}
