//! Bodies of all sizes, both ways, with and without a length, on all MPMs.

use std::process::Command;

use crate::support::client::{Client, Response};
use crate::support::httpd::{Setup, load};
use crate::support::tomcat::Cluster;
use crate::{Site, cluster_or_skip};

/// Byte `n` of a body; download.jsp makes the same.
fn pattern(size: usize) -> Vec<u8> {
    (0..size as u64).map(|n| (n.wrapping_mul(31) + n / 251) as u8).collect()
}

/// The body as chunks of the given size.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 64);
    for chunk in body.chunks(size) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

fn post_chunked(client: &mut Client, path: &str, body: &[u8], size: usize) -> Response {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.raw(&[head.as_bytes(), &chunked(body, size)].concat(), "POST")
}

fn check_echo(cluster: &Cluster, mpm: &str) {
    let httpd = Site { name: &format!("echo-{mpm}"), mpm, workers: "" }.start(cluster);
    let mut client = Client::connect(httpd.port);
    // Around one AJP packet (8186 bytes of body), several of them, and httpd's own buffers.
    for size in [0, 1, 2, 8184, 8185, 8186, 8187, 16_372, 16_373, 65_535, 65_536, 300_001] {
        let body = pattern(size);
        for answer in ["", "?length"] {
            let path = format!("/probe/echo.jsp{answer}");
            let response = client.request("POST", &path, &[], &body);
            let case = format!("{mpm}, {size} bytes with a length to {path}");
            assert_eq!(response.status, 200, "case: {case}");
            assert!(response.is_complete && response.body == body, "case: {case}");

            let response = post_chunked(&mut client, &path, &body, 5000);
            let case = format!("{mpm}, {size} bytes in chunks to {path}");
            assert_eq!(response.status, 200, "case: {case}");
            assert_eq!(response.header("X-Length"), Some("-1"), "case: {case}");
            assert!(response.is_complete && response.body == body, "case: {case}");
            if answer == "?length" {
                assert_eq!(response.header("Transfer-Encoding"), None, "case: {case}");
            }
        }
    }
}

#[test]
fn bodies_come_back_on_event() {
    let cluster = cluster_or_skip!();
    check_echo(&cluster, "event");
}

#[test]
fn bodies_come_back_on_worker() {
    let cluster = cluster_or_skip!();
    check_echo(&cluster, "worker");
}

#[test]
fn bodies_come_back_on_prefork() {
    let cluster = cluster_or_skip!();
    check_echo(&cluster, "prefork");
}

#[test]
fn large_uploads_arrive_whole() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "upload", mpm: "event", workers: "" }.start(&cluster);
    let body = pattern(LARGE);
    let expected = format!("{LARGE} {}", crc32(&body));
    let mut client = Client::connect(httpd.port);
    assert_eq!(client.request("POST", "/probe/upload.jsp", &[], &body).text().trim(), expected);
    // Chunks larger and smaller than a packet.
    for size in [1000, 100_000] {
        let response = post_chunked(&mut client, "/probe/upload.jsp", &body, size);
        assert_eq!(response.text().trim(), expected, "chunks of {size}");
    }
}

#[test]
fn large_downloads_arrive_whole() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "download", mpm: "event", workers: "" }.start(&cluster);
    let expected = pattern(LARGE);
    let mut client = Client::connect(httpd.port);
    for query in [format!("bytes={LARGE}"), format!("bytes={LARGE}&length")] {
        let response = client.get(&format!("/probe/download.jsp?{query}"));
        assert_eq!(response.status, 200, "{query}");
        assert!(response.is_complete, "{query}");
        assert!(response.body == expected, "{query}: the bytes differ");
    }
}

#[test]
fn downloads_and_uploads_cross() {
    let cluster = cluster_or_skip!();
    let httpd = Site { name: "cross", mpm: "event", workers: "" }.start(&cluster);
    let port = httpd.port;
    let threads: Vec<_> = (0..8_usize)
        .map(|client| {
            std::thread::spawn(move || {
                let mut connection = Client::connect(port);
                for round in 0..5 {
                    let size = 100_000 * (client + 1) + round;
                    if client % 2 == 0 {
                        let path = format!("/probe/download.jsp?bytes={size}");
                        let response = connection.get(&path);
                        assert!(response.is_complete && response.body == pattern(size), "{path}");
                    } else {
                        let body = pattern(size);
                        let response = connection.request("POST", "/probe/upload.jsp", &[], &body);
                        let expected = format!("{size} {}", crc32(&body));
                        assert_eq!(response.text().trim(), expected);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("every body is right");
    }
}

/// The checksum of java.util.zip.CRC32.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    let table: Vec<u32> = (0..256).map(|byte| (0..8).fold(byte, |sum, _| step(sum))).collect();
    !bytes.iter().fold(!0, |sum, byte| (sum >> 8) ^ table[usize::from((sum as u8) ^ byte)])
}

const LARGE: usize = 20 << 20;

#[test]
fn a_form_keeps_its_parameters_however_its_length_is_announced() {
    let cluster = cluster_or_skip!();
    let workers = format!(
        "worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n",
        cluster.members[0].ajp_port
    );
    let config = format!(
        "{}Protocols h2c http/1.1\nJkMount /*.jsp w\nSetEnvIf X-Ignore ^1$ JK_IGNORE_CL=1\n",
        load(&["http2"])
    );
    let setup = Setup { name: "forms", mpm: "event", config: &config, workers: &workers };
    let httpd = setup.start();
    let form = b"a=1&b=%C3%A9t%C3%A9";
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let parameters = "2 a=1 b=été";

    let mut client = Client::connect(httpd.port);
    let mut post = |framing: &str, body: &[u8]| {
        let head = format!(
            "POST /probe/form.jsp HTTP/1.1\r\nHost: localhost\r\n{kind}\r\n{framing}\r\n\r\n"
        );
        client.raw(&[head.as_bytes(), body].concat(), "POST").text()
    };
    let length = format!("Content-Length: {}", form.len());
    let coding = "Transfer-Encoding: chunked";
    let known = format!("{} {parameters}", form.len());
    let unknown = format!("-1 {parameters}");
    assert_eq!(post(&length, form), known);
    assert_eq!(post(coding, &chunked(form, 7)), unknown, "in chunks");
    let ignored = format!("{length}\r\nX-Ignore: 1");
    assert_eq!(post(&ignored, form), unknown, "JK_IGNORE_CL");
    let file = httpd.dir.join("form");
    std::fs::write(&file, form).expect("a file");
    for (option, expected) in [("--no-content-length", &unknown), ("-s", &known)] {
        let output = Command::new("nghttp")
            .args([option, "-H", kind, "-d"])
            .arg(&file)
            .arg(format!("http://127.0.0.1:{}/probe/form.jsp", httpd.port))
            .output()
            .expect("nghttp runs; Debian package: nghttp2-client");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains(expected), "HTTP/2, {option}: {text}");
    }
}
