//! `httpd -t` looks at everything a start opens, and a graceful restart ends no running httpd.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, is_root, program};
use crate::support::{skip, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

const WORKERS: &str = "worker.list=w\nworker.w.type=ajp13\nworker.w.host=127.0.0.1\n";

fn prepared(name: &str, lines: &str) -> Httpd {
    let httpd =
        Setup { name, mpm: "event", config: "JkMount /app/* w", workers: WORKERS }.prepare();
    replace_log(&httpd, lines);
    httpd
}

/// Puts other lines in place of the JkLogFile of httpd.conf.
fn replace_log(httpd: &Httpd, lines: &str) {
    let lines = lines.replace("@DIR@", &httpd.dir.display().to_string());
    let config = httpd.log("httpd.conf");
    let kept = config.lines().filter(|line| !line.starts_with("JkLogFile"));
    let kept: Vec<_> = kept.chain([lines.as_str()]).collect();
    httpd.write("httpd.conf", &(kept.join("\n") + "\n"));
}

/// Name, lines, and what `-t` says; none if all is well.
const OPENED: &[(&str, &str, Option<&str>)] = &[
    ("no directory", "JkLogFile @DIR@/none/jk.log", Some("none/jk.log: No such file")),
    ("a file as directory", "JkLogFile @DIR@/httpd.conf/jk.log", Some("Not a directory")),
    (
        "a directory",
        "JkLogFile @DIR@/htdocs",
        Some("htdocs: it is a directory, expected a file in a directory that exists, or a program"),
    ),
    ("a socket", "JkLogFile @DIR@/socket", Some("socket: it is a socket, expected a file")),
    (
        "a pipe without a reader",
        "JkLogFile @DIR@/pipe",
        Some("pipe: No such device or address (os error 6), expected a file, or a FIFO that"),
    ),
    (
        "a link that leads nowhere",
        "JkLogFile @DIR@/dangling",
        Some("dangling: No such file or directory (os error 2), expected a file in a directory"),
    ),
    ("relative to ServerRoot", "JkLogFile none/jk.log", Some("none/jk.log: No such file")),
    (
        "no program",
        "JkLogFile |/nowhere/rotatelogs",
        Some("JkLogFile |/nowhere/rotatelogs: No such file"),
    ),
    ("no program behind two bars", "JkLogFile \"||/nowhere/x -a\"", Some("No such file")),
    (
        "no program but a file",
        "JkLogFile |@DIR@/httpd.conf",
        Some("httpd.conf: it is not executable, expected a program"),
    ),
    (
        "no program but a directory",
        "JkLogFile |@DIR@/htdocs",
        Some("htdocs: it is a directory, expected a file in a directory that exists, or a program"),
    ),
    (
        "in a virtual host",
        "<VirtualHost *:1>\nJkLogFile @DIR@/none/v.log\n</VirtualHost>",
        Some("none/v.log: No such file"),
    ),
    ("a shell", "JkLogFile \"|$/nowhere/x\"", None),
    ("a program", "JkLogFile \"|/bin/cat\"", None),
    ("a new file", "JkLogFile @DIR@/new.log", None),
    ("a link to a new file", "JkLogFile @DIR@/link", None),
    ("what the process has open", "JkLogFile /dev/stdout", None),
];

#[test]
fn a_test_fails_where_a_start_would_and_creates_nothing() {
    for (number, (name, lines, said)) in OPENED.iter().enumerate() {
        let httpd = prepared(&format!("opens-{number}"), lines);
        let place = |name: &str| httpd.dir.join(name);
        symlink("none/jk.log", place("dangling")).expect("a link");
        symlink("linked.log", place("link")).expect("a link");
        make_pipe(&place("pipe"));
        let _socket = UnixListener::bind(place("socket")).expect("a socket");
        let before = fs::read_dir(&httpd.dir).expect("a directory").count();
        let (fine, printed) = httpd.configtest();
        let after = fs::read_dir(&httpd.dir).expect("a directory").count();
        assert_eq!(before, after, "{name}: nothing is created");
        match said {
            None => assert!(fine && printed.trim() == "Syntax OK", "{name}: {printed}"),
            Some(text) => {
                assert!(!fine && printed.contains(text), "{name}: {printed}");
                assert!(printed.contains("httpd.conf:"), "{name}: its line is named: {printed}");
            }
        }
        if said.is_some() {
            let mut start = Command::new(program())
                .arg("-f")
                .arg(httpd.dir.join("httpd.conf"))
                .arg("-DFOREGROUND")
                .process_group(0)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("httpd runs");
            let mut ended = None;
            let has_ended = wait_until(PATIENCE, || {
                ended = start.try_wait().expect("a child");
                ended.is_some()
            });
            if !has_ended {
                start.kill().expect("own child");
                start.wait().expect("a child");
            }
            assert!(ended.is_some_and(|own| !own.success()), "{name}: a start fails as well");
            // There are none before the first start.
            assert!(!httpd.log("error.log").contains("previous workers"), "{name}");
        }
    }
}

#[test]
fn a_directory_of_applications_that_is_missing_is_named() {
    for (name, given, said) in [
        ("alias-0", "none", Some("none: No such file or directory (os error 2), expected the")),
        (
            "alias-1",
            "httpd.conf",
            Some("httpd.conf: it is not a directory, expected the directory"),
        ),
        ("alias-2", "htdocs", None),
    ] {
        let httpd = prepared(name, &format!("JkAutoAlias @DIR@/{given}"));
        let (fine, printed) = httpd.configtest();
        match said {
            None => assert!(fine && printed.trim() == "Syntax OK", "{printed}"),
            Some(text) => {
                let is_said = |line: &str| line.contains("JK-102") && line.contains(text);
                assert!(fine && printed.lines().any(is_said), "{printed}");
            }
        }
    }
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|status| status.success()));
}

#[test]
fn a_pipe_is_a_log_as_long_as_it_has_a_reader() {
    let backend = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let setup = Setup {
        name: "log-pipe",
        mpm: "event",
        config: "JkMount /app/* w\nJkRequestLogFormat %U",
        workers: &workers,
    };
    let mut httpd = setup.prepare();
    // Children of before the restart write to a pipe that has lost its reader.
    for expected in ["JK-107", "JK-112", "AH00488"] {
        httpd.expect(expected);
    }
    replace_log(&httpd, "JkLogFile @DIR@/pipe");
    let pipe = httpd.dir.join("pipe");
    make_pipe(&pipe);
    // Opened for both, it waits for no writer and sees no end.
    let mut reader = fs::File::options().read(true).write(true).open(&pipe).expect("a pipe");
    let (fine, printed) = httpd.configtest();
    assert!(fine, "{printed}");
    httpd.launch();
    let get = |path: &str| assert_eq!(Client::connect(httpd.port).get(path).status, 200, "{path}");
    get("/app/first");
    let (mut seen, mut part) = (String::new(), [0; 4096]);
    while !seen.contains("/app/first") {
        let len = reader.read(&mut part).expect("lines");
        seen += &String::from_utf8_lossy(&part[..len]);
    }
    drop(reader);
    // A process that another test starts has it too, until its program begins.
    let has_none = || {
        let mut options = fs::File::options();
        options.write(true).custom_flags(libc::O_NONBLOCK).open(&pipe).is_err()
    };
    assert!(wait_until(PATIENCE, has_none), "nothing reads the pipe");
    httpd.graceful_for_all();
    get("/app/second");
    let in_error_log = || httpd.log("error.log").contains("/app/second");
    assert!(wait_until(PATIENCE, in_error_log));
    let said = "pipe: No such device or address (os error 6), expected a file, or a FIFO";
    let log = httpd.log("error.log");
    assert!(log.lines().any(|line| line.contains("JK-112") && line.contains(said)), "{log}");
}

#[test]
fn another_user_without_rights_is_only_warned() {
    if !is_root() {
        skip("root", "only root can be another user");
        return;
    }
    let httpd = prepared("opens-rights", "JkLogFile @DIR@/private/jk.log\nJkMountFile @DIR@/map");
    httpd.write("map", "/map/*=w\n");
    fs::create_dir(httpd.dir.join("private")).expect("a directory");
    for (file, mode) in [("private", 0o700), ("workers.properties", 0o600), ("map", 0o600)] {
        let mode = fs::Permissions::from_mode(mode);
        fs::set_permissions(httpd.dir.join(file), mode).expect("own file");
    }
    assert!(httpd.configtest().0, "root may");
    const UNPRIVILEGED: u32 = 65_534;
    let output = Command::new(program())
        .arg("-f")
        .arg(httpd.dir.join("httpd.conf"))
        .arg("-t")
        .uid(UNPRIVILEGED)
        .gid(UNPRIVILEGED)
        .output()
        .expect("httpd runs");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    for name in ["JkLogFile", "JkWorkersFile", "JkMountFile"] {
        let is_said = |line: &str| line.contains(name) && line.contains("JK-102");
        assert!(printed.lines().any(is_said), "{name}: {printed}");
    }
}

#[test]
fn a_graceful_restart_goes_on_without_a_log_that_is_gone() {
    let backend = Backend::start(echo("n1"));
    let workers =
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={}\n", backend.port);
    let setup = Setup {
        name: "gone-log",
        mpm: "event",
        config: "JkMount /app/* w\nJkRequestLogFormat %U",
        workers: &workers,
    };
    let mut httpd = setup.prepare();
    httpd.expect("JK-112");
    // httpd's own, where restarts follow each other quickly.
    httpd.expect("AH00488");
    replace_log(&httpd, "JkLogFile @DIR@/logs/jk.log");
    fs::create_dir(httpd.dir.join("logs")).expect("a directory");
    httpd.launch();
    let get = |path: &str| assert_eq!(Client::connect(httpd.port).get(path).status, 200, "{path}");
    get("/app/first");
    fs::remove_dir_all(httpd.dir.join("logs")).expect("own files");
    httpd.graceful_for_all();
    get("/app/second");
    // The line comes when the request is over, which the client cannot see.
    let seen = || httpd.log("error.log").contains("/app/second");
    assert!(wait_until(PATIENCE, seen));
    assert!(httpd.log("error.log").contains("JK-112"));
    fs::create_dir(httpd.dir.join("logs")).expect("a directory");
    httpd.graceful_for_all();
    get("/app/third");
    let seen = || httpd.log("logs/jk.log").contains("/app/third");
    assert!(wait_until(PATIENCE, seen));
    // A program that is gone.
    let program = httpd.dir.join("program");
    fs::write(&program, "#!/bin/sh\nexec cat >/dev/null\n").expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("own file");
    replace_log(&httpd, "JkLogFile |@DIR@/program");
    httpd.graceful_for_all();
    fs::remove_file(&program).expect("own file");
    httpd.graceful_for_all();
    get("/app/fourth");
    // One that is there and cannot be executed.
    fs::write(&program, "x").expect("a file");
    httpd.graceful_for_all();
    get("/app/fifth");
    let said = "program: it is not executable, expected a program; its lines go to";
    let log = httpd.log("error.log");
    assert!(log.lines().any(|line| line.contains("JK-112") && line.contains(said)), "{log}");
}

#[test]
fn a_graceful_restart_survives_mistakes_outside_of_the_workers_file() {
    let backend = Backend::start(echo("n1"));
    let port = backend.port;
    let own = format!(
        "JkMount /app/* w\nJkWorkerProperty worker.w.host=127.0.0.1\nJkWorkerProperty worker.w.port={port}\n\
         JkWorkerProperty worker.w.secret=a#b"
    );
    let setup = Setup { name: "outside", mpm: "event", config: &own, workers: WORKERS };
    let mut httpd = setup.start();
    for expected in ["JK-101", "JK-102", "JK-104"] {
        httpd.expect(expected);
    }
    let config = httpd.log("httpd.conf");
    let mistakes = [
        "JkWorkerProperty worker.w.nonsense=1\n",
        "JkWorkerProperty worker.w.type=ajp99\n",
        // Warnings of the file become errors.
        "JkStrict On\nJkMount /x other\n",
    ];
    for mistake in mistakes {
        httpd.write("httpd.conf", &(config.clone() + mistake));
        httpd.graceful_for_all();
        assert_eq!(Client::connect(httpd.port).get("/app/x").status, 200, "{mistake}");
        let request = backend.requests.lock().expect("no panic").pop().expect("one");
        assert_eq!(request.secret.as_deref(), Some("a#b"), "{mistake}");
    }
}
