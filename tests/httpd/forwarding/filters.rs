//! Output filters of other modules: what they may do to a response, and that nothing else happens
//! to it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::setups::compiled;
use crate::support::backend::{Backend, Reply, Request, chunk_packet, end, head};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup, load};

/// The largest is far more than all buffers of a child hold.
pub const SIZES: [usize; 10] =
    [1, 2, 127, 8_184, 8_185, 70_000, 73_728, 300_001, 1 << 20, (9 << 20) + 1];

/// Lines with a number each, cut to `len` bytes.
pub fn text(len: usize) -> Vec<u8> {
    static LONGEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let (mut body, longest) = (Vec::new(), SIZES[SIZES.len() - 1]);
        for line in 0.. {
            if body.len() >= longest {
                break;
            }
            writeln!(body, "{line:07} a line").expect("memory");
        }
        body
    });
    LONGEST[..len].to_vec()
}

/// Answers with the length, packet size and framing of the path: `/app/len/packet/flush`.
pub fn sized(request: &Request) -> Reply {
    let words: Vec<_> = request.uri.split('/').skip(2).collect();
    let [len, packet, framing] = words[..] else { panic!("{}", request.uri) };
    let (body, packet) = (text(len.parse().expect("a number")), packet.parse().expect("a number"));
    let headers = [("Content-Type", "text/html"), ("Content-Length", len)];
    let headers = if framing == "length" { &headers[..] } else { &headers[..1] };
    let mut bytes = head(200, headers);
    for part in body.chunks(packet) {
        bytes.extend(chunk_packet(part));
        if framing == "flush" {
            bytes.extend(chunk_packet(&[]));
        }
    }
    Reply::Bytes([bytes, end(true)].concat())
}

fn start(name: &str, port: u16, modules: &[&str], filters: &str) -> Httpd {
    let workers = format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
    let config = format!("{}JkMount /app/* w1\n{filters}", load(modules));
    Setup { name, mpm: "event", config: &config, workers: &workers }.start()
}

/// Asks for responses of all sizes in packets of several and gives them to `check`.
fn each(httpd: &Httpd, headers: &[(&str, &str)], check: impl Fn(&str, &[u8], Response)) {
    let mut client = Client::connect(httpd.port);
    for len in SIZES {
        for (packet, framing) in [(8184, "length"), (1000, "flush"), (8184, "end"), (60_000, "end")]
        {
            if len > 400_000 && packet == 1000 || len > 2 << 20 && framing != "length" {
                continue;
            }
            let path = format!("/app/{len}/{packet}/{framing}");
            let response = client.request("GET", &path, headers, b"");
            assert_eq!((response.status, response.is_complete), (200, true), "{path}");
            check(&path, &text(len), response);
        }
    }
}

pub fn same(path: &str, expected: &[u8], body: &[u8]) {
    if expected != body {
        let at = expected.iter().zip(body).position(|(own, other)| own != other);
        let (own, all) = (body.len(), expected.len());
        panic!("{path}: {own} bytes of {all}, the first other one at {at:?}");
    }
}

/// A filter that writes behind a bucket in the usual way must not reach what was received with it.
#[test]
fn text_that_a_filter_adds_does_not_touch_the_packets_behind() {
    let backend = Backend::start(sized);
    let config = compiled("meddle") + "SetOutputFilter MARK\n";
    let httpd = start("filter-mark", backend.port, &[], &config);
    each(&httpd, &[], |path, expected, response| {
        assert!(response.text().contains("<a mark>"), "{path}");
        same(path, expected, response.text().replace("<a mark>", "").as_bytes());
    });
}

#[test]
fn parts_of_a_body_can_be_split_copied_and_kept() {
    let backend = Backend::start(sized);
    for filters in ["CUT", "KEEP", "CUT;KEEP;CUT;MARK"] {
        let name = format!("filter-{}", filters.replace(';', "-").to_lowercase());
        let config = compiled("meddle") + &format!("SetOutputFilter {filters}\n");
        let httpd = start(&name, backend.port, &[], &config);
        each(&httpd, &[], |path, expected, response| {
            let body = response.text().replace("<a mark>", "");
            same(&format!("{filters} {path}"), expected, body.as_bytes());
        });
    }
}

fn unzipped(body: Vec<u8>) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .args(["-d", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip runs");
    let mut into = gzip.stdin.take().expect("a pipe");
    let writing = std::thread::spawn(move || into.write_all(&body).expect("gzip reads"));
    let output = gzip.wait_with_output().expect("gzip ends");
    writing.join().expect("no panic");
    assert!(output.status.success());
    output.stdout
}

#[test]
fn filters_of_httpd_get_every_byte_of_a_body() {
    let backend = Backend::start(sized);
    let cases: [(&str, &str, &str); 4] = [
        (
            "include",
            "include",
            "SetOutputFilter INCLUDES\n<Location />\nOptions +Includes\n</Location>\n",
        ),
        (
            "substitute",
            "substitute",
            "SetOutputFilter SUBSTITUTE\nSubstitute \"s/ a line/ another one/n\"\nSubstitute s/XXX/Y/\nSubstituteMaxLineLength 20m\n",
        ),
        ("deflate", "deflate", "SetOutputFilter DEFLATE\n"),
        ("ext_filter", "ext_filter", "ExtFilterDefine CAT cmd=/bin/cat\nSetOutputFilter CAT\n"),
    ];
    for (name, module, config) in cases {
        let httpd = start(&format!("filter-{name}"), backend.port, &[module], config);
        let headers = [("Accept-Encoding", "gzip")];
        each(&httpd, &headers, |path, expected, response| {
            let path = format!("{name} {path}");
            let is_zipped = response.header("Content-Encoding") == Some("gzip");
            // mod_deflate lets short answers be.
            assert_eq!(is_zipped, name == "deflate" && expected.len() > 2, "{path}");
            let body = if is_zipped { unzipped(response.body) } else { response.body };
            let expected = match name {
                "substitute" => {
                    let text = String::from_utf8_lossy(expected).into_owned();
                    text.replace(" a line", " another one").into_bytes()
                }
                _ => expected.to_vec(),
            };
            same(&path, &expected, &body);
        });
    }
}
