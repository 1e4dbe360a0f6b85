//! No way of writing a path gets around what is mounted and what is not: whatever reaches the
//! backend means, as Tomcat reads it, what was allowed.

use crate::support::backend::{Backend, Reply, ok};
use crate::support::client::Client;
use crate::support::httpd::Setup;

const MODES: [&str; 4] =
    ["ForwardURIProxy", "ForwardURIEscaped", "ForwardURICompat", "ForwardURICompatUnparsed"];

/// What is protected, and how: an exclusion, a mount of a part only, a section of httpd's.
const PROTECTIONS: [(&str, &str); 3] = [
    ("exclusion", "JkMount /app/* w1\nJkUnMount /app/admin/* w1\nJkUnMount /app/admin w1\n"),
    ("part", "JkMount /app/pub/* w1\n"),
    ("section", "JkMount /app/* w1\n<Location /app/admin>\nRequire all denied\n</Location>\n"),
];

/// Paths A53 to A74 of group A, and their kin.
const PATHS: [&str; 57] = [
    "/app/admin/x",
    "/app/./admin/x",
    "/app/x/../admin/x",
    "/app//admin/x",
    "//app/admin/x",
    "/app/;a/admin/x",
    "/app/admin;a=1/x",
    "/app/admin;jsessionid=A.n1/x",
    "/app;a=1/admin/x",
    "/;x/app/admin/x",
    "/app/x/.;/../admin/x",
    "/app/pub/..;/../other/x",
    "/app/pub/%2e%2e/admin/x",
    "/app/pub/%2e%2e;/admin/x",
    "/app/pub/..%3b/admin/x",
    "/app/%2561dmin/x",
    "/app/pub/%252e%252e/admin/x",
    "/app/%61dmin/x",
    "/app/adm%69n/x",
    "/%61pp/admin/x",
    "/app/pub/..%2fadmin/x",
    "/app%2fadmin/x",
    "/app/admin%2fx",
    "/app/pub/..%252fadmin/x",
    "/app/admin%00/x",
    "/app/admin/x%00",
    "/app/%c0%ae%c0%ae/admin/x",
    "/app/%c1%a1dmin/x",
    "/app/ADMIN/x",
    "/app/admin%20/x",
    "/app/admin%09/x",
    "/app/admin%0d%0a/x",
    "/app/pub/x/../../admin/x",
    "/app/pub/../../other/admin/x",
    "/app/pub/%2e./%2e%2e/other/x",
    "/app/pub/..;/..;/other/x",
    "/app/..;/other/x",
    "/app/pub/;/..;/..;/other/admin/x",
    "/app/;/WEB-INF/web.xml",
    "/app/pub/..;/WEB-INF/web.xml",
    "/app/pub/x;jsessionid=..%2f..%2fadmin",
    "/app/pub/x%5c..%5c..%5cadmin/x",
    "/app/pub/..%5cadmin/x",
    "/app/admin/",
    "/app/admin",
    "/app/admin;x",
    "/app/x/..;/admin/x",
    "/app/x/%2e%2e/admin/x",
    "/app/pub/%2e/../admin/x",
    // A semicolon that the client escaped begins no parameter for Tomcat: these are names.
    "/app/admin/..%3b/x",
    "/app/admin/..%3B/x",
    "/app/admin/%2e%2e%3b/x",
    "/app/admin/..%3bx/pub/x",
    "/app/admin/x/..%3b/..%3b/pub/x",
    "/app/other/..%3b/pub/x",
    "/app/other/..%3b/..%3b/app/pub/x",
    "/app/admin%3b/../x",
];

/// Reads a path as Tomcat does: without parameters, decoded once, with dots resolved. `%2F` stays,
/// as Tomcat refuses it.
fn as_tomcat(uri: &str) -> String {
    let plain: Vec<_> = uri.split('/').map(|part| part.split(';').next().unwrap_or("")).collect();
    let mut decoded = Vec::new();
    let joined = plain.join("/");
    let mut bytes = joined.bytes();
    while let Some(byte) = bytes.next() {
        let escape = (byte == b'%').then(|| bytes.as_str_prefix()).flatten();
        match escape {
            Some(code) if code != b'/' => {
                decoded.push(code);
                bytes.nth(1);
            }
            _ => decoded.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&decoded).into_owned();
    let mut parts = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The byte that two hexadecimal digits stand for.
trait Escape {
    fn as_str_prefix(&self) -> Option<u8>;
}

impl Escape for std::str::Bytes<'_> {
    fn as_str_prefix(&self) -> Option<u8> {
        let digits: Vec<u8> = self.clone().take(2).collect();
        u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16)
            .ok()
            .filter(|_| digits.len() == 2)
    }
}

/// Tells whether a protection lets through what a path means.
fn is_allowed(kind: &str, meant: &str) -> bool {
    match kind {
        "part" => meant.starts_with("/app/pub/"),
        _ => {
            meant.starts_with("/app/") && meant != "/app/admin" && !meant.starts_with("/app/admin/")
        }
    }
}

#[test]
fn group_a_no_path_gets_around_a_protection() {
    let backend = Backend::start(|request| Reply::Bytes(ok(&[], request.uri.as_bytes())));
    let workers =
        format!("worker.list=w1\nworker.w1.host=127.0.0.1\nworker.w1.port={}\n", backend.port);
    let setup = Setup { name: "paths-protected", mpm: "event", config: "", workers: &workers };
    let mut httpd = setup.prepare();
    let all = MODES.iter().flat_map(|mode| PROTECTIONS.map(|(kind, config)| (mode, kind, config)));
    let all = all.flat_map(|each| ["Off", "On", "NoDecode"].map(|slashes| (each, slashes)));
    let hosts: Vec<_> = all
        .map(|((mode, kind, config), slashes)| {
            let name = format!("{mode}-{kind}-{slashes}.example").to_lowercase();
            let lines = format!("AllowEncodedSlashes {slashes}\nJkOptions +{mode}\n{config}");
            httpd.host(&name, &lines);
            (name, kind)
        })
        .collect();
    httpd.launch();
    // httpd names what it refuses.
    httpd.expect("AH");
    for (host, kind) in hosts {
        let mut passed = 0;
        for path in PATHS {
            let response = httpd.ask(&host, path, "");
            if response.status != 200 {
                continue;
            }
            passed += 1;
            let (forwarded, meant) = (response.text(), as_tomcat(&response.text()));
            assert!(
                is_allowed(kind, &meant),
                "{host}: {path} was forwarded as {forwarded} and means {meant}"
            );
        }
        assert!(passed > 0, "{host}: harmless paths are served");
    }
}

#[test]
fn a_path_above_the_root_is_refused() {
    let backend = Backend::start(|_| Reply::Bytes(ok(&[], b"ok")));
    let httpd = crate::setups::one_worker("above", "event", backend.port, "");
    assert_eq!(Client::connect(httpd.port).get("/app/..;/..;/x").status, 400);
    assert_eq!(backend.count(), 0);
}
