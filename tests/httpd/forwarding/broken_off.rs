//! Responses that a backend breaks off are cut for the client too, whatever stands between.

use std::fs::Permissions;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

use super::http2::ends;
use crate::bare::{Then, give, serving, take};
use crate::setups::compiled;
use crate::support::backend::{chunk_packet, end, head, ok, packet};
use crate::support::client::Client;
use crate::support::fresh_dir;
use crate::support::httpd::{Httpd, Setup, load};

/// A backend that flushes some text and closes the connection, but for the path `whole`.
fn breaking() -> u16 {
    serving(|stream, request| {
        let request = String::from_utf8_lossy(request);
        if request.contains("whole") {
            give(stream, &ok(&[], b"whole\n"));
            return Then::Keep;
        }
        give(stream, &head(200, &[("Content-Type", "text/html")]));
        if request.contains("flushed") {
            give(stream, &chunk_packet(b""));
        }
        for _ in 0..8 {
            give(stream, &chunk_packet("some text\n".repeat(500).as_bytes()));
        }
        Then::Close
    })
}

fn start(name: &str, lines: &str) -> Httpd {
    let mut httpd = start_with(name, breaking(), lines);
    httpd.expect("JK-306");
    httpd
}

fn start_with(name: &str, port: u16, lines: &str) -> Httpd {
    let workers = format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
    let config = format!("{}Protocols h2c http/1.1\nJkMount /app/* w1\n{lines}", load(&["http2"]));
    Setup { name, mpm: "event", config: &config, workers: &workers }.start()
}

/// mod_sed makes new brigades of data and the end; the sign that a response is broken gets lost in it.
fn sed() -> String {
    let filter = "<Location /app>\nSetOutputFilter Sed\nOutputSed s/text/words/\n</Location>\n";
    load(&["sed"]) + filter
}

#[test]
fn a_cut_response_stays_cut_behind_a_filter_that_drops_the_sign_of_it() {
    let httpd = start("broken-sed", &sed());
    assert_eq!(Client::connect(httpd.port).get("/app/whole").text(), "whole\n");
    let response = Client::connect(httpd.port).get("/app/cut");
    assert!(response.text().contains("some words"), "{}", response.text());
    assert!(!response.is_complete, "no last chunk");
    assert_eq!(ends(&httpd, "/app/whole", &[]), (1, 0));
    assert_eq!(ends(&httpd, "/app/cut", &[]).0, 0, "the stream does not end as if complete");
}

#[test]
fn a_cut_response_stays_cut_behind_a_filter_that_holds_it_back() {
    let lines = compiled("collect") + "SetOutputFilter COLLECT\n";
    let httpd = start("broken-collect", &lines);
    assert_eq!(Client::connect(httpd.port).get("/app/whole").text(), "whole\n");
    for path in ["/app/cut", "/app/cut/flushed"] {
        let response = Client::connect(httpd.port).get(path);
        // Nothing had been sent yet: httpd may make a page. What is sent must be chunked.
        if response.status == 200 {
            assert_eq!(response.header("Transfer-Encoding"), Some("chunked"), "{path}");
            assert!(!response.is_complete, "{path}");
        } else {
            assert_eq!(response.status, 502, "{path}");
            assert!(!response.text().contains("some text"), "{path}");
        }
    }
}

/// httpd ends a response itself when it refuses the rest of the client's body.
#[test]
fn a_response_that_httpd_ends_for_the_body_of_its_client_is_cut() {
    let port = serving(|stream, _| {
        give(stream, &head(200, &[]));
        give(stream, &chunk_packet(b"begun"));
        give(stream, &chunk_packet(b""));
        // Asks for the body, which ends the request where httpd refuses it.
        give(stream, &packet(&[6, 0x1f, 0xfa]));
        if take(stream).is_none() {
            return Then::Close;
        }
        give(stream, &[chunk_packet(b" and whole"), end(true)].concat());
        Then::Keep
    });
    let httpd = start_with("broken-body", port, "LimitRequestBody 50\n");
    let ask = |chunk: &str| {
        let text = format!(
            "POST /app/up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}0\r\n\r\n"
        );
        Client::connect(httpd.port).raw(text.as_bytes(), "POST")
    };
    let whole = ask("2\r\nab\r\n");
    assert!(whole.is_complete && whole.text() == "begun and whole", "{}", whole.text());
    for chunk in ["zz\r\nab\r\n", &format!("64\r\n{}\r\n", "a".repeat(100))] {
        let response = ask(chunk);
        assert_eq!(response.text(), "begun", "{chunk}");
        assert!(!response.is_complete, "{chunk}");
    }
}

/// Neither length nor chunks: nothing but the way the connection ends says whether the body is whole.
#[test]
fn a_cut_response_of_http_1_0_ends_in_a_reset() {
    let lines = "<Files *.shtml>\nSetOutputFilter INCLUDES\nOptions +Includes\n</Files>\n";
    let httpd = start("broken-1-0", &(load(&["include"]) + lines));
    let page = "before\n<!--#include virtual=\"/app/cut\" -->\nafter\n";
    httpd.write("htdocs/page.shtml", page);
    httpd.write("htdocs/whole.shtml", &page.replace("cut", "whole"));
    let ask = |path: &str, headers: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
        let text = format!("GET {path} HTTP/1.0\r\n{headers}\r\n");
        stream.write_all(text.as_bytes()).expect("httpd reads");
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes);
        (String::from_utf8_lossy(&bytes).into_owned(), end.map_err(|error| error.kind()))
    };
    for (path, body) in [("/app/whole", "whole\n"), ("/whole.shtml", "before\nwhole\n\nafter\n")] {
        let (text, end) = ask(path, "");
        assert!(text.ends_with(&format!("\r\n\r\n{body}")) && end.is_ok(), "{text} {end:?}");
    }
    for path in ["/app/cut", "/page.shtml"] {
        for headers in ["", "Connection: keep-alive\r\n"] {
            let (text, end) = ask(path, headers);
            assert!(text.contains(" 200 OK"), "{text}");
            assert_eq!(end, Err(ErrorKind::ConnectionReset), "{path} {headers}");
        }
    }
}

#[test]
fn a_cut_response_is_not_cached() {
    let root = fresh_dir("broken-cache-root");
    std::fs::set_permissions(&root, Permissions::from_mode(0o777)).expect("our directory");
    let lines = format!(
        "CacheRoot {}\nCacheEnable disk /\nCacheQuickHandler Off\nCacheIgnoreNoLastMod On\n\
         CacheDetailHeader On\n",
        root.display()
    );
    let httpd = start("broken-cache", &(load(&["cache", "cache_disk"]) + &lines));
    let ask = |path| Client::connect(httpd.port).get(path);
    ask("/app/whole");
    let again = ask("/app/whole").header("X-Cache-Detail").map(str::to_owned);
    assert!(again.as_deref().is_some_and(|text| text.contains("hit")), "{again:?}");
    for _ in 0..2 {
        let response = ask("/app/cut");
        assert!(!response.is_complete, "{:?}", response.headers);
    }
}
