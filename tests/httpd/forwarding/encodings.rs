//! Configuration is bytes: what is no UTF-8 reaches Tomcat, cookies and scripts as it was written, and
//! people and strict formats see `\xHH`.

use std::fs;
use std::path::PathBuf;

use memchr::memmem;

use crate::support::backend::{Backend, Request, chunk_packet, end, head};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup, modules_dir};
use crate::support::skip;

fn backend() -> Backend {
    Backend::start(|_: &Request| {
        crate::support::backend::Reply::Bytes(
            [head(200, &[("Content-Length", "2")]), chunk_packet(b"ok"), end(true)].concat(),
        )
    })
}

/// Starts httpd with a balancer of two members, everything that can be in Latin-1.
fn latin1(name: &str, backend: &Backend, module: Option<PathBuf>) -> Httpd {
    let setup = Setup { name, mpm: "event", config: "Include @DIR@/own.conf\n", workers: "" };
    let mut httpd = setup.prepare();
    httpd.expect("in the name, expected letters");
    let port = backend.port.to_string();
    let workers = [
        b"worker.list=lb,st\nworker.lb.type=lb\nworker.lb.balance_workers=n\xe4,n2\n".as_slice(),
        b"worker.lb.session_cookie=S\xe4\nworker.st.type=status\n",
        b"worker.n\xe4.route=r\xe4\nworker.n\xe4.host=127.0.0.1\nworker.n\xe4.secret=p\xe4ss\nworker.n\xe4.port=",
        port.as_bytes(),
        b"\nworker.n2.route=r\xc3\xa4\nworker.n2.host=localhost\nworker.n2.secret=\xa0nbsp\xa0\nworker.n2.port=",
        port.as_bytes(),
        b"\n",
    ];
    fs::write(httpd.dir.join("workers.properties"), workers.concat()).expect("a file");
    let config = [
        b"JkMount /app/* lb\nJkMount /caf\xe9/* lb\nJkMount /st st\nJkEnvVar V d\xe4f\n".as_slice(),
        b"JkLogStampFormat \"[\xe4] \"\nJkRequestLogFormat \"\xe9 %w %R %s\"\n",
        if module.is_some() { b"JkShmFile shm\n" } else { b"" },
    ];
    fs::write(httpd.dir.join("own.conf"), config.concat()).expect("a file");
    httpd.use_module(module);
    httpd
}

fn ask(httpd: &Httpd, path: &str, cookie: &[u8]) -> Response {
    let request =
        [b"GET ", path.as_bytes(), b" HTTP/1.1\r\nHost: h\r\nCookie: ", cookie, b"\r\n\r\n"];
    Client::connect(httpd.port).raw(&request.concat(), "GET")
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    memmem::find(bytes, wanted).is_some()
}

/// What a request says that comes from the configuration.
const SENT: [(&[u8], &[&[u8]]); 2] = [
    (b"S\xe4=x.r\xe4", &[b"\x0c\0\x04p\xe4ss\0", b"\x06\0\x02r\xe4\0", b"\0\x03d\xe4f\0"]),
    // UTF-8 is what it always was, and what is a blank in Latin-1 only is part of a value.
    (b"S\xe4=x.r\xc3\xa4", &[b"\x0c\0\x06\xa0nbsp\xa0\0", b"\x06\0\x03r\xc3\xa4\0"]),
];

#[test]
fn the_bytes_of_the_file_reach_tomcat_as_with_the_original() {
    let original = Some(modules_dir().join("mod_jk.so")).filter(|path| path.exists());
    if original.is_none() {
        skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
    }
    for (name, module) in [("bytes-own", None), ("bytes-original", original)] {
        if name == "bytes-original" && module.is_none() {
            continue;
        }
        let backend = backend();
        let mut httpd = latin1(name, &backend, module);
        httpd.launch();
        // Whatever leads the first requests: a session leads the others.
        for _ in 0..3 {
            for (cookie, parts) in SENT {
                assert_eq!(ask(&httpd, "/app/x", cookie).status, 200, "{name}");
                let request = backend.requests.lock().expect("no panic").pop().expect("one");
                for part in parts {
                    let (part_shown, packet) = (part.escape_ascii(), request.packet.escape_ascii());
                    assert!(
                        has(&request.packet, part),
                        "{name}: {part_shown} is missing in {packet}"
                    );
                }
            }
        }
        assert_eq!(ask(&httpd, "/caf%e9/x", b"").status, 200, "{name}: a pattern is bytes");
        httpd.stop();
        let log = fs::read(httpd.dir.join("jk.log")).expect("a log");
        assert!(has(&log, b"[\xe4] \xe9 lb r"), "{name}: {}", log.escape_ascii());
    }
}

#[test]
fn people_and_strict_formats_see_hexadecimal_and_scripts_the_bytes() {
    let backend = backend();
    let mut httpd = latin1("bytes-shown", &backend, None);
    httpd.launch();
    let page = |query: &str| ask(&httpd, &format!("/st?{query}"), b"").body;
    let json = page("mime=json");
    let parsed: serde_json::Value = serde_json::from_slice(&json).expect("JSON is UTF-8");
    let member = &parsed["balancers"][0]["members"][0];
    assert_eq!((&member["name"], &member["route"]), (&"n\\xe4".into(), &"r\\xe4".into()));
    assert_eq!(parsed["balancers"][0]["members"][1]["route"], "r\u{e4}");
    let html = String::from_utf8(page("")).expect("the page is UTF-8");
    assert!(html.contains("n\\xe4") && html.contains("sw=n%E4"), "{html}");
    let metrics = String::from_utf8(page("cmd=metrics")).expect("metrics are UTF-8");
    assert!(metrics.contains("worker=\"n\\\\xe4\""), "{metrics}");
    for mime in ["xml", "txt", "prop"] {
        let body = page(&format!("mime={mime}"));
        assert!(
            has(&body, b"r\xe4") && has(&body, b"r\xc3\xa4"),
            "{mime}: {}",
            body.escape_ascii()
        );
    }
    // A change carries bytes too, and the form that shows `\xe4` takes it back as no change.
    let answer = page("cmd=update&w=lb&sw=n%E4&vwn=%FCx&mime=json");
    assert!(has(&answer, b"\"new\":\"\\\\xfcx\""), "{}", answer.escape_ascii());
    assert_eq!(ask(&httpd, "/app/x", b"S\xe4=x.\xfcx").status, 200);
    let request = backend.requests.lock().expect("no panic").pop().expect("one");
    assert!(has(&request.packet, b"\x06\0\x02\xfcx\0"), "{}", request.packet.escape_ascii());
    let answer = page("cmd=update&w=lb&sw=n%E4&set.domain=d&was.vwn=%5Cxfcx&vwn=%5Cxfcx&mime=json");
    let is_one =
        has(&answer, b"\"attribute\":\"domain\"") && !has(&answer, b"\"attribute\":\"route\"");
    assert!(is_one, "{}", answer.escape_ascii());
}

#[test]
fn a_graceful_restart_sees_no_change_in_them() {
    let backend = backend();
    let mut httpd = latin1("bytes-graceful", &backend, None);
    httpd.launch();
    assert_eq!(ask(&httpd, "/app/x", SENT[0].0).status, 200);
    httpd.graceful_for_all();
    assert_eq!(ask(&httpd, "/app/x", SENT[0].0).status, 200);
    let request = backend.requests.lock().expect("no panic").pop().expect("one");
    assert!(has(&request.packet, SENT[0].1[0]));
    // Broken now: the last good text stands in for it.
    let good = fs::read(httpd.dir.join("workers.properties")).expect("a file");
    let broken = [&good, b"worker.n2.nonsense=\xe4\n".as_slice()].concat();
    fs::write(httpd.dir.join("workers.properties"), broken).expect("a file");
    httpd.expect("JK-101");
    httpd.expect("JK-104");
    httpd.graceful_for_all();
    assert_eq!(ask(&httpd, "/app/x", SENT[0].0).status, 200);
    let request = backend.requests.lock().expect("no panic").pop().expect("one");
    assert!(has(&request.packet, SENT[0].1[0]));
    let body = ask(&httpd, "/st?mime=json", b"").text();
    let parsed: serde_json::Value = serde_json::from_str(&body).expect("JSON");
    // Counters begin again for members that changed; these did not. JK-405 would be unexpected too.
    assert_eq!(parsed["balancers"][0]["members"][0]["used"], 3, "{body}");
}

#[test]
fn the_dump_of_the_configuration_has_the_bytes() {
    let httpd = latin1("bytes-dump", &backend(), None);
    let output = std::process::Command::new(crate::support::httpd::program())
        .arg("-f")
        .arg(httpd.dir.join("httpd.conf"))
        .args(["-t", "-D", "DUMP_JK"])
        .output()
        .expect("httpd runs");
    assert!(output.status.success(), "{}", output.stderr.escape_ascii());
    assert!(has(&output.stdout, b"/caf\xe9/*") && has(&output.stdout, b"r\xe4 "));
    assert!(!has(&output.stdout, b"ss\n") && !has(&output.stdout, b"p\xe4ss"), "no secret");
}
