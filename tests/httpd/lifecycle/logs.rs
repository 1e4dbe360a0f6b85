//! Where log lines go, what they carry, and how many there are.

use std::time::Duration;

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::{signal, wait_until};

const DEAD: &str =
    "worker.list=dead,w\nworker.dead.host=127.0.0.1\nworker.dead.port=1\nworker.dead.retries=1\n";

/// Starts httpd with virtual hosts behind its own settings; `own` begins the file.
fn start(name: &str, mpm: &str, own: &str, workers: &str, hosts: &[(&str, &str)]) -> Httpd {
    let mut httpd = Setup { name, mpm, config: own, workers }.prepare();
    for (host, lines) in hosts {
        httpd.host(host, lines);
    }
    if own.contains("# no JkLogFile") {
        let config = httpd.log("httpd.conf");
        let lines: Vec<_> = config.lines().filter(|line| !line.starts_with("JkLogFile")).collect();
        httpd.write("httpd.conf", &lines.join("\n"));
    }
    httpd.expect("JK-303");
    httpd.expect("JK-102");
    httpd.launch();
    httpd
}

#[test]
fn a_request_id_leads_from_one_log_to_the_other() {
    let config = format!(
        "{}JkMount /dead/* dead\nSetEnvIf X-Request-Id (.+) MY_ID=$1\n\
         LogFormat \"%{{UNIQUE_ID}}e %U\" ids\nCustomLog @DIR@/access.log ids\n",
        load(&["unique_id"])
    );
    let hosts =
        [("plain", "JkMountCopy On"), ("own", "JkMountCopy On\nJkRequestIdIndicator MY_ID")];
    let mut httpd = start("ids", "event", &config, DEAD, &hosts);
    httpd.ask("plain", "/dead/plain", "");
    httpd.ask("own", "/dead/own", "X-Request-Id: abc-123\r\n");
    httpd.ask("own", "/dead/hostile", "X-Request-Id: x] [1:1] [emerg] forged\r\n");
    httpd.ask("own", "/dead/fallback", "");
    httpd.stop();
    let access = httpd.log("access.log");
    let unique = |path: &str| {
        let line = access.lines().find(|line| line.ends_with(path)).expect("an access log line");
        line.split(' ').next().expect("an id").to_owned()
    };
    let log = httpd.log("jk.log");
    let line =
        |path: &str| log.lines().find(|line| line.contains(path)).expect("a line").to_owned();
    for (path, id) in [
        ("/dead/plain", unique("/dead/plain")),
        ("/dead/own", "abc-123".to_owned()),
        ("/dead/hostile", "x???1:1???emerg??forged".to_owned()),
        ("/dead/fallback", unique("/dead/fallback")),
    ] {
        let line = line(path);
        assert!(line.contains(&format!("] [{id}] [")), "{id}: {line}");
    }
}

/// Whatever a client sends as method or path stays two words of a line, and does not fill it.
#[test]
fn hostile_methods_and_paths_are_escaped_and_cut() {
    let mut httpd = start("hostile-words", "event", "JkMount /dead/* dead\n", DEAD, &[]);
    let long = format!("/dead/{}", "p".repeat(3000));
    let cases = [
        (
            "GET",
            "/dead/%0a[emerg]%20forged%1b%5c%ff",
            r"GET /dead/\x0a[emerg]\x20forged\x1b\x5c\xff: ",
        ),
        ("GET", "/dead/a:%20answered%20200", r"GET /dead/a:\x20answered\x20200: "),
        ("GET", &long, &format!("GET {}...: ", &long[..200])),
        (&"M".repeat(300), "/dead/x", &format!("{}... /dead/x: ", "M".repeat(24))),
    ];
    for (method, path, _) in &cases {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(Client::connect(httpd.port).raw(request.as_bytes(), "GET").status, 503);
    }
    httpd.stop();
    let log = httpd.log("jk.log");
    for (_, _, label) in &cases {
        assert_eq!(log.matches(&format!("127.0.0.1:1: {label}")).count(), 1, "{label}: {log}");
    }
}

#[test]
fn hosts_with_one_file_have_their_own_levels_and_stamps() {
    let config = "JkMountCopy All\nJkMount /dead/* dead\nJkLogStampFormat \"main \"\n";
    let hosts = [
        ("quiet", "JkLogLevel emerg"),
        ("talks", "JkLogLevel debug\nJkLogStampFormat \"talks \""),
        ("usual", ""),
    ];
    let mut httpd = start("levels", "event", config, DEAD, &hosts);
    for host in ["quiet", "talks", "usual", "quiet", "talks"] {
        httpd.ask(host, &format!("/dead/{host}"), "");
    }
    httpd.stop();
    let log = httpd.log("jk.log");
    let count = |parts: &[&str]| {
        log.lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    };
    assert_eq!(count(&["quiet"]), 0, "{log}");
    assert_eq!(
        count(&["talks [", "[debug]", "\"/dead/talks\" is mapped to worker dead"]),
        2,
        "{log}"
    );
    assert_eq!(count(&["talks [", "[error]", "JK-303"]), 2, "{log}");
    assert_eq!(count(&["main [", "[error]", "JK-303", "/dead/usual"]), 1, "{log}");
    assert_eq!(count(&["[debug]", "/dead/usual"]), 0, "{log}");
}

#[test]
fn without_a_file_each_host_writes_to_its_error_log_by_loglevel() {
    let config = "# no JkLogFile\nJkMountCopy All\nJkMount /dead/* dead\nLogLevel warn\n\
        JkRequestLogFormat \"request %w %s\"\n";
    let hosts = [
        ("talks", "ErrorLog @DIR@/talks.log\nLogLevel warn jk:debug\n"),
        (
            "usual",
            "ErrorLog @DIR@/usual.log\n<Location /dead/here>\nLogLevel jk:debug\n</Location>\n",
        ),
        ("strict", "ErrorLog @DIR@/strict.log\nLogLevel jk:debug\nJkLogLevel emerg\n"),
    ];
    let mut httpd = start("error-logs", "event", config, DEAD, &hosts);
    for host in ["usual", "talks", "strict"] {
        httpd.ask(host, &format!("/dead/{host}"), "");
    }
    httpd.ask("usual", "/dead/here", "");
    httpd.stop();
    let (talks, usual, strict) =
        (httpd.log("talks.log"), httpd.log("usual.log"), httpd.log("strict.log"));
    assert!(talks.contains("[jk:debug]") && talks.contains("is mapped to worker dead"), "{talks}");
    let error = talks.lines().find(|line| line.contains("[jk:error]")).expect("a line");
    assert!(
        error.contains("[client 127.0.0.1:") && error.contains("JK-303 worker dead"),
        "{error}"
    );
    assert_eq!(usual.matches("is mapped to worker").count(), 1, "in that Location only: {usual}");
    assert_eq!(usual.matches("JK-303").count(), 2, "{usual}");
    assert!(!strict.contains("JK-303") && strict.contains("request dead 503"), "{strict}");
    assert_eq!(usual.matches("request dead 503").count(), 2, "{usual}");
    assert!(!httpd.log("error.log").contains("JK-303"), "the main server served nothing");
}

#[test]
fn a_program_gets_lines_and_is_started_once_for_all_hosts() {
    let pipe = "JkLogFile \"|$echo started >> @DIR@/starts; echo $$ > @DIR@/program; exec cat >> @DIR@/piped.log\"";
    let config = format!("JkMountCopy All\nJkMount /dead/* dead\n{pipe}\n");
    let other = format!("{pipe}\nJkLogLevel debug");
    let hosts = [("a", ""), ("b", other.as_str())];
    let mut httpd = start("pipe", "event", &config, DEAD, &hosts);
    httpd.ask("a", "/dead/a", "");
    httpd.ask("b", "/dead/b", "");
    let both = || {
        let text = httpd.log("piped.log");
        text.contains("/dead/a: ") && text.contains("/dead/b: ")
    };
    assert!(wait_until(Duration::from_secs(10), both), "{}", httpd.log("piped.log"));
    let starts = httpd.log("starts").lines().count();
    let program: u32 = httpd.log("program").trim().parse().expect("a pid");
    // httpd reads its configuration twice, but files are opened in the second pass only.
    assert_eq!(starts, 1, "one program for both hosts");
    assert!(signal("KILL", program));
    let again = || httpd.log("starts").lines().count() == 2;
    assert!(wait_until(Duration::from_secs(10), again), "httpd starts it again");
    httpd.ask("a", "/dead/later", "");
    let later = || httpd.log("piped.log").contains("/dead/later");
    assert!(wait_until(Duration::from_secs(10), later), "{}", httpd.log("piped.log"));
    httpd.expect("piped log program");
    httpd.stop();
}

#[test]
fn a_renamed_file_is_opened_anew_by_a_graceful_restart() {
    let config = "JkMount /dead/* dead\nJkRequestLogFormat \"request %U\"\n";
    let mut httpd = start("rotation", "event", config, DEAD, &[]);
    httpd.ask("h", "/dead/first", "");
    let old = httpd.dir.join("jk.log.1");
    std::fs::rename(httpd.dir.join("jk.log"), &old).expect("a file");
    httpd.ask("h", "/dead/second", "");
    httpd.graceful();
    let is_new = || {
        httpd.ask("h", "/dead/third", "");
        httpd.log("jk.log").contains("/dead/third")
    };
    assert!(wait_until(Duration::from_secs(10), is_new), "new children write to the new file");
    httpd.ask("h", "/dead/last", "");
    httpd.stop();
    let (old, new) = (httpd.log("jk.log.1"), httpd.log("jk.log"));
    assert!(old.contains("/dead/second"), "{old}");
    // One line each, however often httpd has read its configuration.
    assert_eq!(old.matches("request /dead/first").count(), 1, "{old}");
    assert_eq!(new.matches("request /dead/last").count(), 1, "{new}");
    assert!(!new.contains("/dead/first") && !new.contains("/dead/second"), "{new}");
}

/// Returns how many failures the lines of a log speak of, and how many lines there are.
fn failures(log: &str) -> (usize, usize) {
    let lines: Vec<_> = log.lines().filter(|line| line.contains("JK-303")).collect();
    let spoken = lines.iter().map(|line| match line.split_once(" more in the last ") {
        Some((before, _)) => {
            before.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)
        }
        None => 1,
    });
    (spoken.sum(), lines.len())
}

#[test]
fn a_flood_is_counted_and_no_count_is_lost() {
    for mpm in ["event", "prefork"] {
        let config = "JkMount /dead/* dead\n";
        let mut httpd = start(&format!("flood-{mpm}"), mpm, config, DEAD, &[]);
        let port = httpd.port;
        let clients: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    // httpd closes the connection with each 503.
                    for number in 0..100 {
                        let response = Client::connect(port).get(&format!("/dead/{number}"));
                        assert_eq!(response.status, 503);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().expect("no client failed"));
        httpd.stop();
        let log = httpd.log("jk.log");
        let (spoken, lines) = failures(&log);
        assert_eq!(spoken, 400, "{mpm}: {log}");
        assert!(lines < 150, "{mpm}: {lines} lines");
        let is_whole = |line: &str| {
            line.starts_with('[') && line.contains("] [NO-ID] [") && line.contains(": JK-303 ")
        };
        let odd: Vec<_> =
            log.lines().filter(|line| line.contains("JK-303") && !is_whole(line)).collect();
        assert!(odd.is_empty(), "{mpm}: lines that are not whole: {odd:?}");
    }
}

#[test]
fn json_lines_hold_hostile_text() {
    let backend = Backend::start(echo("n1"));
    let workers = format!("{DEAD}worker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let config = "JkMount /dead/* dead\nJkMount /w/* w\nJkLogFormat JSON\nJkLogLevel debug\n\
        JkRequestLogFormat \"%w %U %q %r %s %b %T\"\n";
    let mut httpd = start("logs-json", "event", config, &workers, &[]);
    let hostile = ["/dead/%22%7d%0a%7b", "/w/%ff%fe%c3", "/w/%e2%80%a8?a=\"b\"\\", "/w/%5c%5c%1b"];
    for path in hostile {
        httpd.ask("h", path, "");
    }
    httpd.stop();
    let log = httpd.log("jk.log");
    let objects: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect();
    let failure = objects.iter().find(|own| own["code"] == "JK-303").expect("a failure");
    assert_eq!(failure["worker"], "dead");
    assert_eq!(failure["address"], "127.0.0.1:1");
    assert_eq!(failure["status"], 503);
    assert_eq!(failure["level"], "error");
    assert_eq!(failure["request"], "GET /dead/\"}\\x0a{");
    let requests: Vec<_> = objects.iter().filter(|own| own["type"] == "request").collect();
    assert_eq!(requests.len(), hostile.len(), "{log}");
    // Not in the order of the requests, which more than one child may have served.
    assert!(requests.iter().any(|own| own["path"] == "/dead/\"}\n{"), "{log}");
    let quoted = requests.iter().find(|own| own["query"] == "a=\"b\"\\").expect("a query");
    assert_eq!((&quoted["worker"], &quoted["status"]), (&"w".into(), &200.into()));
}

#[test]
fn a_file_that_cannot_be_written_sends_its_lines_to_the_error_log() {
    let config = "JkMount /dead/* dead\nJkLogFile /dev/full\nStartServers 1\n";
    let mut httpd = start("logs-full", "event", config, DEAD, &[]);
    httpd.expect("JK-107");
    assert_eq!(httpd.ask("h", "/dead/x", "").status, 503);
    httpd.stop();
    let log = httpd.log("error.log");
    let said = log.matches("JK-107 JkLogFile /dev/full cannot be written").count();
    assert!((1..=2).contains(&said), "once for each child: {log}");
    assert!(log.contains("JK-303 worker dead"), "{log}");
}
