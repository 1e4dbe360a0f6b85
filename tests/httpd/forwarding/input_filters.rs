//! Filters of httpd on the way of a request's body: what they change reaches the backend, whatever
//! the client has announced.

use std::process::Command;

use crate::support::backend::{Backend, Reply, ok};
use crate::support::fresh_dir;
use crate::support::httpd::{Httpd, Setup, load};

/// A backend that answers with the body it got, and says which headers came with it.
fn mirror() -> Backend {
    Backend::start(|request| {
        let header = |name: &str| request.header(name).unwrap_or("none").to_owned();
        let headers =
            [("X-Length", &*header("content-length")), ("X-Coding", &*header("content-encoding"))];
        Reply::Bytes(ok(&headers, &request.body))
    })
}

fn start(name: &str, mpm: &str, port: u16) -> Httpd {
    let http2 = match mpm {
        "prefork" => String::new(),
        _ => format!("{}Protocols h2c http/1.1\n", load(&["http2"])),
    };
    let section = |path: &str, filter: &str| {
        format!("<Location /app/{path}>\nSetInputFilter {filter}\n</Location>\n")
    };
    let config = format!(
        "{http2}{}ExtFilterDefine keep mode=input cmd=/bin/cat\n\
         ExtFilterDefine shorten mode=input cmd=\"/usr/bin/tr -d y\"\n\
         ExtFilterDefine lengthen mode=input cmd=\"/bin/sed s/y/zzz/g\"\n\
         ExtFilterDefine nothing mode=input cmd=\"/usr/bin/tr -d xyz\"\n\
         JkMount /app/* w\n{}{}{}{}{}{}",
        load(&["ext_filter", "deflate", "buffer"]),
        section("keep", "keep"),
        section("shorten", "shorten"),
        section("lengthen", "lengthen"),
        section("nothing", "nothing"),
        section("buffer", "BUFFER"),
        section("gzip", "DEFLATE"),
    );
    let workers = format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={port}\n");
    Setup { name, mpm, config: &config, workers: &workers }.start()
}

/// Posts a body with curl. Returns the answer's body and its headers in lower case.
fn post(httpd: &Httpd, path: &str, body: &[u8], how: &[&str]) -> (Vec<u8>, String) {
    let file = httpd.dir.join("body");
    std::fs::write(&file, body).expect("a file");
    let output = Command::new("curl")
        .args(["-s", "-m", "60", "-H", "Expect:", "-D"])
        .arg(httpd.dir.join("headers"))
        .arg("--data-binary")
        .arg(format!("@{}", file.display()))
        .args(how)
        .arg(format!("http://127.0.0.1:{}/app/{path}", httpd.port))
        .output()
        .expect("curl runs");
    assert!(output.status.success(), "{path} {how:?}: {:?}", output.status);
    (output.stdout, httpd.log("headers").to_ascii_lowercase())
}

const HTTP1: &[&str] = &["--http1.1"];
const CHUNKED: &[&str] = &["--http1.1", "-H", "Transfer-Encoding: chunked"];
const HTTP2: &[&str] = &["--http2-prior-knowledge"];
const HTTP2_UNKNOWN: &[&str] = &["--http2-prior-knowledge", "-H", "Content-Length:"];

/// The ways to send a body to an httpd with this MPM.
fn ways(mpm: &str) -> &'static [&'static [&'static str]] {
    match mpm {
        "prefork" => &[HTTP1, CHUNKED],
        _ => &[HTTP1, CHUNKED, HTTP2, HTTP2_UNKNOWN],
    }
}

#[test]
fn a_body_reaches_the_backend_as_input_filters_leave_it() {
    for mpm in ["event", "prefork"] {
        let backend = mirror();
        let httpd = start(&format!("input-filters-{mpm}"), mpm, backend.port);
        for size in [10, 5_000, 60_000, 3_000_000] {
            let body = "xxy".repeat(size / 3 + 1);
            let cases = [
                ("plain", body.clone()),
                ("keep", body.clone()),
                ("buffer", body.clone()),
                ("shorten", body.replace('y', "")),
                ("lengthen", body.replace('y', "zzz")),
                ("nothing", String::new()),
            ];
            for (path, expected) in &cases {
                for way in ways(mpm) {
                    let (got, headers) = post(&httpd, path, body.as_bytes(), way);
                    let what = format!("{mpm} {path} {size} {way:?}: {headers}");
                    assert!(headers.contains(" 200"), "{what}");
                    assert_eq!(got.len(), expected.len(), "{what}");
                    assert!(got == expected.as_bytes(), "{what}");
                    let length = headers.lines().find_map(|line| line.strip_prefix("x-length: "));
                    let length = length.expect("the backend says so");
                    let own = expected.len().to_string();
                    assert!([own.as_str(), "none"].contains(&length), "{what}");
                }
            }
        }
    }
}

#[test]
fn the_announced_length_stays_where_no_filter_changes_it() {
    let backend = mirror();
    let httpd = start("length-stays", "event", backend.port);
    let body = vec![b'x'; 60_000];
    // A filter that takes itself out, as there is nothing to inflate, changes nothing either.
    for path in ["plain", "buffer", "gzip"] {
        for way in [HTTP1, HTTP2] {
            let (got, headers) = post(&httpd, path, &body, way);
            assert!(got == body, "{path} {way:?}: {headers}");
            assert!(headers.contains("x-length: 60000"), "{path} {way:?}: {headers}");
        }
    }
    // What fits into one packet is read first, and then its length is known.
    for way in [HTTP1, HTTP2] {
        let (got, headers) = post(&httpd, "lengthen", b"xy", way);
        assert_eq!(got, b"xzzz", "{way:?}: {headers}");
        assert!(headers.contains("x-length: 4"), "{way:?}: {headers}");
    }
}

#[test]
fn an_inflated_body_is_announced_neither_with_its_coding_nor_with_its_length() {
    for mpm in ["event", "prefork"] {
        let backend = mirror();
        let httpd = start(&format!("inflated-{mpm}"), mpm, backend.port);
        let dir = fresh_dir(&format!("inflated-bodies-{mpm}"));
        let noise: Vec<u8> =
            (0..100_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let text: String = (0..200_000).map(|n| format!("it is line {n}\n")).collect();
        // The first one gets longer, the second one does not, and the third fits into a packet.
        for plain in [text.as_bytes(), &noise, b"small"] {
            std::fs::write(dir.join("plain"), plain).expect("a file");
            let packed = Command::new("gzip")
                .args(["-c"])
                .arg(dir.join("plain"))
                .output()
                .expect("gzip runs")
                .stdout;
            for way in ways(mpm) {
                let how = [&["-H", "Content-Encoding: gzip"][..], way].concat();
                let (got, headers) = post(&httpd, "gzip", &packed, &how);
                let what = format!("{mpm} {} {way:?}: {headers}", plain.len());
                assert!(headers.contains(" 200"), "{what}");
                assert_eq!(got.len(), plain.len(), "{what}");
                assert!(got == plain, "{what}");
                assert!(headers.contains("x-coding: none"), "{what}");
            }
        }
    }
}
