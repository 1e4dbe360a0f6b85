//! The table of `docs/logging.md`: fifteen outages, each planted before a real httpd, and every line that
//! follows from it. `WRITE_DOCS=1` writes the table; without it the lines must be those of the table.

use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::bare::{bare, give, take};
use crate::support::backend::{Backend, Reply, chunk_packet, echo, end, head};
use crate::support::client::{Client, Response};
use crate::support::httpd::{Httpd, Setup};
use crate::support::sockets::shorten_queue;
use crate::support::{PATIENCE, free_port, root, wait_until};

/// Codes that are said once for each outage, however many requests come meanwhile.
const ONCE: &[&str] = &["JK-401", "JK-403", "JK-406", "JK-407", "JK-409", "JK-411"];

/// What happens, and what plants it.
const OUTAGES: &[(&str, fn() -> Httpd)] = &[
    ("Tomcat is down, and comes back", refused),
    ("its machine does not answer", times_out),
    ("wrong secret", wrong_secret),
    ("port of an HTTP connector", http_port),
    ("port of a TLS connector", tls_port),
    ("Tomcat hangs", hangs),
    ("it breaks off in the middle of a response", breaks_off),
    ("a request's headers are too large", headers_too_large),
    ("a worker that does not exist", unknown_worker),
    ("all members are down", all_down),
    ("busy_limit is reached", busy_limit),
    ("the client hangs up", client_leaves),
    ("a setting is changed", change),
    ("the health check fails, and passes again", ill),
    ("the host name has no address", no_address),
];

/// A balancer `app` of `tomcat1`, which has the fault, and `tomcat2`.
fn pair(name: &str, hosts: [(&str, u16); 2], more: &str) -> Httpd {
    let [first, second] = hosts.map(|(host, port)| format!("{host}\n@.port={port}"));
    let workers = format!(
        "worker.list=app,status\nworker.status.type=status\nworker.app.type=lb\n\
         worker.app.balance_workers=tomcat1,tomcat2\n{}\n{}\n{more}",
        format!("@.host={first}").replace('@', "worker.tomcat1"),
        format!("@.host={second}").replace('@', "worker.tomcat2")
    );
    // A parked request notices earlier that its client is gone; the table is for the usual mode.
    let config = "JkLogFormat JSON\nLimitRequestFieldSize 32000\nJkAsync Off\n\
                  JkMount /shop/* app\nJkMount /jkstatus status\n";
    let setup = Setup { name: &format!("log-{name}"), mpm: "event", config, workers: &workers };
    let mut httpd = setup.prepare();
    httpd.expect("JK-");
    // Lines of level warn and above are what this test looks at itself.
    httpd.expect("\"code\"");
    httpd.launch();
    httpd
}

/// The same on one address, with a second member that serves.
fn faulty(name: &str, port: u16, more: &str) -> (Httpd, Backend) {
    let well = Backend::start(echo("tomcat2"));
    let httpd = pair(name, [("127.0.0.1", port), ("127.0.0.1", well.port)], more);
    (httpd, well)
}

/// Sends a request of a session with the first member.
fn ask(httpd: &Httpd, headers: &[(&str, &str)]) -> Response {
    let all = [&[("Cookie", "JSESSIONID=1.tomcat1")], headers].concat();
    Client::connect(httpd.port).request("GET", "/shop/a%20b", &all, b"")
}

fn ask_times(httpd: &Httpd, count: usize) -> Vec<u16> {
    (0..count).map(|_| ask(httpd, &[]).status).collect()
}

/// Asks until the log has a line with this code.
fn until_said(httpd: &Httpd, code: &str) {
    let is_said = || {
        ask(httpd, &[]);
        lines(httpd).iter().any(|line| line.code == code)
    };
    assert!(wait_until(PATIENCE, is_said), "{code}: {}", httpd.log("jk.log"));
}

fn refused() -> Httpd {
    let port = free_port();
    let (httpd, _well) = faulty("refused", port, "");
    assert_eq!(ask_times(&httpd, 5), [200; 5]);
    let _back = Backend::start_on(port, echo("tomcat1"));
    until_said(&httpd, "JK-403");
    assert_eq!(ask_times(&httpd, 3), [200; 3]);
    httpd
}

fn times_out() -> Httpd {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    shorten_queue(&listener);
    let address = listener.local_addr().expect("it is bound");
    // A full queue: further connections get no answer, as from a machine that is down.
    let fill =
        |address: &SocketAddr| TcpStream::connect_timeout(address, Duration::from_millis(500));
    let _queue: Vec<_> = (0..50).map_while(|_| fill(&address).ok()).collect();
    let (httpd, _well) =
        faulty("timeout", address.port(), "worker.tomcat1.socket_connect_timeout=300\n");
    assert_eq!(ask_times(&httpd, 3), [200; 3]);
    httpd
}

fn wrong_secret() -> Httpd {
    let refusal = || [head(403, &[]), chunk_packet(b"Forbidden"), end(false)].concat();
    let tomcat1 = Backend::start(move |_| Reply::Close(refusal()));
    let (httpd, _well) = faulty("secret", tomcat1.port, "");
    assert_eq!(ask_times(&httpd, 5), [403, 403, 403, 200, 200]);
    httpd
}

/// A port at which something else than an AJP connector answers.
fn mistaken(name: &str, answer: &'static [u8]) -> Httpd {
    let port = bare(move |_, mut stream| {
        if take(&mut stream).is_some() {
            give(&mut stream, answer);
        }
    });
    let (httpd, _well) = faulty(name, port, "");
    assert_eq!(ask_times(&httpd, 4), [200; 4]);
    httpd
}

fn http_port() -> Httpd {
    mistaken("http", b"HTTP/1.1 400 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn tls_port() -> Httpd {
    mistaken("tls", &[0x15, 3, 3, 0, 2, 2, 10])
}

fn hangs() -> Httpd {
    let held = Mutex::new(Vec::new());
    let port = bare(move |_, stream| held.lock().expect("no panic under it").push(stream));
    let more = "worker.tomcat1.ping_mode=A\nworker.tomcat1.ping_timeout=300\n";
    let (httpd, _well) = faulty("hung", port, more);
    assert_eq!(ask_times(&httpd, 3), [200; 3]);
    httpd
}

fn breaks_off() -> Httpd {
    let tomcat1 = Backend::start(|_| {
        let begin = [head(200, &[("Content-Length", "90000")]), chunk_packet(&[b'x'; 8000])];
        Reply::Close([begin.concat(), chunk_packet(&[b'x'; 8000]).repeat(4)].concat())
    });
    let (httpd, _well) = faulty("broken", tomcat1.port, "");
    let get = "GET /shop/a%20b HTTP/1.1\r\nHost: h\r\nCookie: JSESSIONID=1.tomcat1\r\n\r\n";
    for _ in 0..2 {
        let response = Client::connect(httpd.port).try_raw(get.as_bytes(), "GET");
        assert!(response.is_none_or(|own| !own.is_complete), "it breaks off");
    }
    // It answers CPING all the while, so that the next request would try it.
    let is_said = || lines(&httpd).iter().any(|line| line.code == "JK-411");
    assert!(wait_until(PATIENCE, is_said), "{}", httpd.log("jk.log"));
    httpd
}

fn headers_too_large() -> Httpd {
    let tomcat1 = Backend::start(echo("tomcat1"));
    let (httpd, _well) = faulty("large", tomcat1.port, "");
    for _ in 0..2 {
        assert_eq!(ask(&httpd, &[("X-Token", &"t".repeat(9_000))]).status, 431);
    }
    httpd
}

fn unknown_worker() -> Httpd {
    let workers = "worker.list=app\nworker.app.port=9\n";
    let config = "JkLogFormat JSON\nSetEnvIf Request_URI ^/shop/ JK_WORKER_NAME=tomcat9\n\
                  <Location /shop>\nSetHandler jakarta-servlet\n</Location>\n";
    let setup = Setup { name: "log-unknown", mpm: "event", config, workers };
    let mut httpd = setup.prepare();
    httpd.expect("JK-");
    httpd.launch();
    assert_eq!(ask_times(&httpd, 2), [500; 2]);
    httpd
}

fn all_down() -> Httpd {
    let ports = [("127.0.0.1", free_port()), ("127.0.0.1", free_port())];
    let httpd = pair("all-down", ports, "");
    assert_eq!(ask_times(&httpd, 4), [503; 4]);
    httpd
}

fn busy_limit() -> Httpd {
    let (release, released) = channel::<()>();
    let (released, usual) = (Mutex::new(released), echo("tomcat1"));
    let tomcat1 = Backend::start(move |request| {
        if request.uri == "/shop/hold" {
            let _ = released.lock().expect("no panic under it").recv();
        }
        usual(request)
    });
    let more = "worker.tomcat1.busy_limit=1\nworker.tomcat2.activation=Disabled\n";
    let (httpd, _well) = faulty("busy", tomcat1.port, more);
    let port = httpd.port;
    let holder = thread::spawn(move || Client::connect(port).get("/shop/hold").status);
    assert!(wait_until(PATIENCE, || tomcat1.count() == 1), "it is in flight");
    let get = || Client::connect(port).get("/shop/a%20b").status;
    assert_eq!([get(), get()], [503; 2]);
    release.send(()).expect("it is held");
    assert_eq!(holder.join().expect("no panic"), 200);
    httpd
}

fn client_leaves() -> Httpd {
    let is_begun = Arc::new(AtomicBool::new(false));
    let begun = Arc::clone(&is_begun);
    let tomcat1 = Backend::start(move |_| {
        begun.store(true, SeqCst);
        Reply::Bytes([head(200, &[]), chunk_packet(&[b'x'; 8000]).repeat(8_000)].concat())
    });
    let (httpd, _well) = faulty("client", tomcat1.port, "");
    let mut client = Client::connect(httpd.port);
    client.send("GET /shop/a%20b HTTP/1.1\r\nHost: h\r\nCookie: JSESSIONID=1.tomcat1\r\n\r\n");
    assert!(wait_until(PATIENCE, || is_begun.load(SeqCst)), "it is served");
    drop(client);
    let is_said = || lines(&httpd).iter().any(|line| line.code == "JK-308");
    assert!(wait_until(PATIENCE, is_said), "{}", httpd.log("jk.log"));
    httpd
}

fn change() -> Httpd {
    let tomcat1 = Backend::start(echo("tomcat1"));
    let (httpd, _well) = faulty("change", tomcat1.port, "");
    for query in ["cmd=update&w=app&sw=tomcat1&vwf=2", "cmd=reset&w=app&sw=tomcat1"] {
        let answer = Client::connect(httpd.port).get(&format!("/jkstatus?mime=txt&{query}"));
        assert!(answer.text().contains("type=OK"), "{}", answer.text());
    }
    httpd
}

fn ill() -> Httpd {
    let is_ill = Arc::new(AtomicBool::new(true));
    let (seen, usual) = (Arc::clone(&is_ill), echo("tomcat1"));
    let tomcat1 = Backend::start(move |request| match request.uri.as_str() {
        "/health" if seen.load(SeqCst) => Reply::Bytes([head(503, &[]), end(true)].concat()),
        "/health" => Reply::Bytes([head(200, &[]), end(true)].concat()),
        _ => usual(request),
    });
    let well = Backend::start(|request| match request.uri.as_str() {
        "/health" => Reply::Bytes([head(200, &[]), end(true)].concat()),
        _ => echo("tomcat2")(request),
    });
    let more = "worker.app.health_check=GET /health\nworker.app.health_check_interval=1\n";
    let hosts = [("127.0.0.1", tomcat1.port), ("127.0.0.1", well.port)];
    let httpd = pair("ill", hosts, more);
    until_said(&httpd, "JK-406");
    is_ill.store(false, SeqCst);
    until_said(&httpd, "JK-403");
    httpd
}

fn no_address() -> Httpd {
    let well = Backend::start(echo("tomcat2"));
    let hosts = [("tomcat1.invalid", 8009), ("127.0.0.1", well.port)];
    let httpd = pair("dns", hosts, "");
    assert_eq!(ask_times(&httpd, 4), [200; 4]);
    httpd
}

/// A line of a log, with what differs from run to run replaced by words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    code: String,
    level: String,
    text: String,
}

/// Reads the lines with a code: of the module's log, and those of the start from httpd's.
fn lines(httpd: &Httpd) -> Vec<Line> {
    let line = |level: &str, text: &str| Line {
        code: text.split([' ', ':']).next().unwrap_or_default().to_owned(),
        level: level.to_owned(),
        text: masked(text),
    };
    let start = httpd.log("error.log");
    let start = start.lines().filter_map(|own| {
        let (before, text) = own.split_once(" JK-")?;
        let level = before.split_once("[jk:")?.1.split(']').next()?;
        Some(line(level, &format!("JK-{text}")))
    });
    let log = httpd.log("jk.log");
    let own = log.lines().filter_map(|own| serde_json::from_str::<serde_json::Value>(own).ok());
    let own: Vec<_> = own.collect();
    let own = own.iter().filter_map(|own| {
        let text = format!("{} {}", own["code"].as_str()?, own["message"].as_str()?);
        Some(line(own["level"].as_str()?, &text))
    });
    start.chain(own).collect()
}

/// Replaces ports, times, sizes and the system's words.
fn masked(text: &str) -> String {
    let mut out = text.to_owned();
    for (before, word) in [
        ("127.0.0.1:", "PORT"),
        (" after ", "TIME"),
        ("was out for ", "TIME"),
        ("address information: ", "REASON"),
    ] {
        let mut from = 0;
        while let Some(at) = out[from..].find(before) {
            let begin = from + at + before.len();
            from = begin + masked_at(&mut out, begin, word);
        }
    }
    out
}

/// Replaces what stands at a place, if it is of the kind of the word; returns what it has now.
fn masked_at(text: &mut String, begin: usize, word: &str) -> usize {
    let rest = &text[begin..];
    let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let unit = |unit: &&str| rest[number..].starts_with(unit);
    let (end, word) = match word {
        "REASON" => (rest.find(';').unwrap_or(rest.len()), word),
        _ if number == 0 => return 0,
        "PORT" => (number, word),
        _ => match [" ms", " s", " min"].iter().find(|own| unit(own)) {
            Some(own) => (number + own.len(), word),
            None if rest[number..].starts_with(" bytes") => (number, "N"),
            None => return 0,
        },
    };
    text.replace_range(begin..begin + end, word);
    word.len()
}

/// How often a line is written.
fn how_often(code: &str) -> &'static str {
    match code {
        _ if ONCE.contains(&code) => "once",
        "JK-502" => "each change",
        _ => "each request",
    }
}

/// Writes the rows of one outage: the first line of each code about each worker.
fn rows(name: &str, all: &[Line]) -> Vec<String> {
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut rows = Vec::new();
    for line in all {
        // `JK-401 balancer app: member tomcat1 at`, without what follows.
        let subject = line.text.split(" at ").next().unwrap_or_default();
        let subject = subject.split(": GET").next().unwrap_or_default();
        let key = (line.code.as_str(), if line.code == "JK-502" { &line.text } else { subject });
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let at_start = line.code == "JK-302" && !line.text.contains("GET ");
        let often = if at_start { "at the start" } else { how_often(&line.code) };
        let first = if rows.is_empty() { name } else { "" };
        rows.push(format!("| {first} | {} | {often} | `{}` |", line.level, line.text));
    }
    rows
}

#[test]
fn each_outage_has_its_lines() {
    let mut table = Vec::new();
    let mut wrong = Vec::new();
    for (name, plant) in OUTAGES {
        let mut httpd = plant();
        httpd.stop();
        let all = lines(&httpd);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for line in all.iter().filter(|line| ONCE.contains(&line.code.as_str())) {
            let subject = line.text.split([';', '(']).next().unwrap_or_default();
            *counts.entry(subject).or_default() += 1;
        }
        let again = counts.iter().filter(|(_, count)| **count > 1);
        wrong.extend(again.map(|(line, count)| format!("{name}: {count} times: {line}")));
        table.extend(rows(name, &all));
    }
    let path = root().join("docs/logging.md");
    let manual = fs::read_to_string(&path).expect("a page");
    let (before, rest) = manual.split_once(BEGIN).expect("a table");
    let (old, after) = rest.split_once("\n\n").expect("text behind the table");
    let table = table.join("\n");
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{table}\n\n{after}")).expect("it can be written");
    } else {
        let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), table.lines().collect());
        let missing = old.iter().filter(|row| !new.contains(row));
        wrong.extend(missing.map(|row| format!("not seen: {row}")));
        let more = new.iter().filter(|row| !old.contains(row));
        wrong.extend(more.map(|row| format!("not in the manual: {row}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the rows begin.
const BEGIN: &str = "| what happens | level | how often | line |\n|---|---|---|---|\n";
