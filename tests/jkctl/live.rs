//! `jkctl status`, `top`, `drain`, `activate`, `stop`, `set` and `metrics` against a real httpd.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::backend::{Backend, Reply, echo, ok};
use crate::support::client::Client;
use crate::support::httpd::{Httpd, Setup, load};
use crate::support::{free_port, fresh_dir, openmetrics, signal, wait_until};
use crate::{jkctl, with_input};

/// An httpd with a balancer over two backends and a status worker.
pub struct Site {
    pub httpd: Httpd,
    pub url: String,
    pub a: Backend,
    b: Backend,
}

impl Site {
    /// Takes the backend of `a` away until httpd knows.
    pub fn take_a_away(&mut self) {
        self.a.stop();
        self.httpd.expect("JK-303");
        self.httpd.expect("JK-401");
        assert!(wait_until(Duration::from_secs(60), || {
            self.session("a", "/x");
            self.member("a")["state"] == "ERR"
        }));
    }

    pub fn start(name: &str, config: &str) -> Self {
        // A slow page tells when it has arrived by being counted.
        let script = |own: &'static str| {
            let usual = echo(own);
            move |request: &crate::support::backend::Request| {
                if request.uri == "/slow" {
                    thread::sleep(Duration::from_millis(1500));
                    return Reply::Bytes(ok(&[], b"slow"));
                }
                usual(request)
            }
        };
        let (a, b) = (Backend::start(script("a")), Backend::start(script("b")));
        let workers = format!(
            "worker.list=lb,status,ro\nworker.status.type=status\n\
             worker.ro.type=status\nworker.ro.read_only=true\n\
             worker.lb.type=lb\nworker.lb.balance_workers=a,b\n\
             worker.a.host=127.0.0.1\nworker.a.port={}\n\
             worker.b.host=127.0.0.1\nworker.b.port={}\n",
            a.port, b.port
        );
        let config = format!("JkMount /* lb\nJkMount /status status\nJkMount /ro ro\n{config}");
        let httpd = Setup { name, mpm: "event", config: &config, workers: &workers }.start();
        let url = format!("http://127.0.0.1:{}/status", httpd.port);
        Self { httpd, url, a, b }
    }

    pub fn run(&self, args: &[&str]) -> crate::Run {
        let mut all = args.to_vec();
        all.extend(["--url", &self.url]);
        jkctl(&all)
    }

    pub fn member(&self, name: &str) -> serde_json::Value {
        let run = self.run(&["status", &format!("lb/{name}"), "-o", "json"]);
        assert!([0, 4].contains(&run.code), "{}", run.err);
        run.json()["balancers"][0]["members"][0].clone()
    }

    /// Sends a request of a session with that member.
    pub fn session(&self, member: &str, path: &str) -> u16 {
        let cookie = format!("JSESSIONID=x.{member}");
        let mut client = Client::connect(self.httpd.port);
        client.request("GET", path, &[("Cookie", &cookie)], b"").status
    }
}

#[test]
fn status_top_and_metrics_show_the_members() {
    let site = Site::start("jkctl-shows", "");
    assert_eq!(site.session("a", "/x"), 200);
    for args in
        [&["status"][..], &["top"], &["top", "--once"], &["status", "lb"], &["status", "lb/a"]]
    {
        let run = site.run(args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.err);
        assert!(run.out.contains("balancer lb: "), "{args:?}: {}", run.out);
        assert!(run.out.contains(&format!("127.0.0.1:{}", site.a.port)), "{args:?}: {}", run.out);
        assert!(!run.out.contains('\x1b'), "no escape without a terminal");
    }
    for (target, part) in [("lb", "2 of 2 members serving"), ("lb/a", "1 of 2 members shown")] {
        let run = site.run(&["status", target]);
        assert!(run.out.contains(part), "{target}: {}", run.out);
    }
    let run = site.run(&["top", "--filter", "lb/b", "--sort", "busy"]);
    assert!(run.out.contains("\n  b ") && !run.out.contains("\n  a "), "{}", run.out);
    let page = site.run(&["top", "-o", "json"]).json();
    assert_eq!(page["balancers"][0]["members"].as_array().unwrap().len(), 2);
    let unknown = site.run(&["status", "lb/c"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("could not find sub worker: jkctl status shows"),
        "{}",
        unknown.err
    );
    let run = site.run(&["metrics"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(!openmetrics::read(&run.out).unwrap().is_empty());
}

/// Events are most of a page, and a live view has no use for them.
#[test]
fn tables_ask_for_no_events() {
    let log = "LogFormat \"%q\" queries\nCustomLog @DIR@/queries.log queries\n";
    let site = Site::start("jkctl-eventless", log);
    for args in [&["top", "--once"][..], &["status"], &["dump"]] {
        assert_eq!(site.run(args).code, 0, "{args:?}");
    }
    let asked = || site.httpd.log("queries.log");
    assert!(wait_until(Duration::from_secs(20), || asked().lines().count() == 3), "{}", asked());
    assert!(asked().lines().all(|line| line.contains("opt=512")), "{}", asked());
}

/// Whatever a value holds, the status worker is asked and says what is wrong with it.
#[test]
fn a_value_with_a_line_end_is_judged_by_the_server() {
    let site = Site::start("jkctl-line-end", "");
    for setting in ["lbfactor=2\n3", "redirect=a\nb", "redirect=a\tb", "route=ä\u{7f}"] {
        let run = site.run(&["set", "lb/a", setting]);
        assert_eq!(run.code, 2, "{setting:?}: {}", run.out);
        let name = setting.split('=').next().unwrap();
        assert!(run.err.contains(name) && !run.err.contains("URI"), "{setting:?}: {}", run.err);
    }
    let run = jkctl(&["status", "--url", "http://local\nhost/status"]);
    assert!(run.code == 2 && run.err.contains("is no URL: give one such as"), "{}", run.err);
}

#[test]
fn watch_looks_again_and_again() {
    let mut site = Site::start("jkctl-watches", "");
    let mut child = Command::new(env!("CARGO_BIN_EXE_jkctl"))
        .args(["status", "lb/a", "--watch", "--delay", "100ms", "-o", "json", "--url", &site.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let activation = |line: &String| {
        let page: serde_json::Value = serde_json::from_str(line).unwrap();
        page["balancers"][0]["members"][0]["activation"].clone()
    };
    let mut seen = lines.map(|line| activation(&line));
    assert_eq!(seen.next().unwrap(), "ACT");
    assert_eq!(site.run(&["drain", "lb/a"]).code, 0);
    assert!(seen.any(|own| own == "DIS"), "a later look shows the change");
    // An httpd that is away for a while does not end it.
    site.httpd.stop();
    site.httpd.launch();
    assert!(seen.any(|own| own == "ACT"), "after the restart the file counts");
    child.kill().unwrap();
    child.wait().unwrap();
    // A name that is wrong at the beginning does.
    assert_eq!(site.run(&["status", "lb/c", "--watch"]).code, 2);
}

#[test]
fn the_exit_status_says_whether_all_is_well() {
    let mut site = Site::start("jkctl-well", "");
    let code = |site: &Site, target: &[&str]| site.run(&[&["status"], target].concat()).code;
    assert_eq!(code(&site, &[]), 0);
    // What the administrator has taken out is as it should be.
    assert_eq!(site.run(&["disable", "lb/b"]).code, 0);
    assert_eq!(code(&site, &[]), 0);
    // Without a member for new sessions it is not, and only where that is shown.
    assert_eq!(site.run(&["stop", "lb/a"]).code, 0);
    for (target, expected) in [
        (&[][..], 4),
        (&["lb"], 4),
        (&["lb/a"], 0),
        (&["lb/b"], 0),
        (&["lb", "-o", "json"], 4),
        (&["lb/c"], 2),
    ] {
        assert_eq!(code(&site, target), expected, "{target:?}");
    }
    assert_eq!(site.run(&["activate", "lb/*"]).code, 0);
    assert_eq!(code(&site, &[]), 0);
    // Out as nothing answers.
    site.take_a_away();
    // Its line says since when, why, what ends it, and what to do.
    let refused = mod_jk::messages::FailureDetail::ConnectionRefused;
    let (cause, remedy) = (refused.what(), refused.remedy());
    for target in [&[][..], &["lb"], &["lb/a"]] {
        let run = site.run(&[&["status"], target].concat());
        let mut lines = run.out.lines().skip_while(|line| !line.starts_with("  a "));
        let why = lines.nth(1).unwrap_or_default();
        for part in
            ["    a is out since 20", " ago): ", cause, "(JK-303)", "it returns", "To do: ", remedy]
        {
            assert!(why.contains(part), "{part}: {}", run.out);
        }
        assert!(!run.out.contains('\x1b'), "no escape without a terminal");
    }
    // The other one is the last that serves: it may only be drained by its name.
    let named = site.run(&["drain", "lb/b", "--dry-run"]);
    assert_eq!(named.code, 0, "{}", named.err);
    let warning = "the other active members of lb are out of service";
    assert!(named.err.contains(warning), "{}", named.err);
    let by_pattern = site.run(&["drain", "lb/b*", "--dry-run"]);
    assert_eq!(by_pattern.code, 2, "{}", by_pattern.err);
    assert!(
        by_pattern.err.contains("would leave no active member that serves"),
        "{}",
        by_pattern.err
    );
    assert!(!site.run(&["drain", "lb/a", "--dry-run"]).err.contains(warning), "it serves nothing");
    let red = "\x1b[31m";
    for (args, has_color) in [
        (&["--color", "always"][..], true),
        (&["--color", "never"], false),
        (&["--color", "auto"], false),
    ] {
        let run = site.run(&[&["status"], args].concat());
        assert_eq!(run.out.contains(red), has_color, "{args:?}: {}", run.out);
    }
    assert_eq!((code(&site, &["lb/a"]), code(&site, &["lb/b"]), code(&site, &[])), (4, 0, 4));
    assert_eq!(site.run(&["top", "--once"]).code, 0, "a look is a look");
}

#[test]
fn settings_change_while_httpd_runs() {
    let site = Site::start("jkctl-sets", "");
    let run = site.run(&["set", "lb/a", "lbfactor=3", "reply_timeout=5000"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("lb/a: lbfactor 3 (was 1)"), "{}", run.out);
    let a = site.member("a");
    assert_eq!((&a["lbfactor"], &a["reply_timeout_ms"]), (&3.into(), &5000.into()));
    assert_eq!(site.run(&["set", "lb", "sticky_session=off"]).code, 0);
    let page = site.run(&["status", "lb", "-o", "json"]).json();
    assert_eq!(page["balancers"][0]["sticky_session"], false);

    for (word, expected) in
        [("disable", "DIS"), ("stop", "STP"), ("activate", "ACT"), ("drain", "DIS")]
    {
        let run = site.run(&[word, "lb/b"]);
        assert_eq!(run.code, 0, "{word}: {}", run.err);
        assert_eq!(site.member("b")["activation"], expected, "{word}");
    }
    assert_eq!(site.run(&["activate", "lb/*"]).code, 0);
    assert_eq!(site.member("b")["activation"], "ACT");

    for (args, part) in [
        (&["set", "lb/a", "lbfacto=2"][..], "did you mean lbfactor?"),
        (&["set", "lb/a", "lbfactor"], "expected name=value"),
        (&["set", "lb/a", "lbfactor=x"], "refuses: Update failed"),
        (&["set", "lb", "lbfactor=2"], "cannot be set for a balancer"),
        (&["set", "missing", "retries=2"], "Could not find given worker"),
        (&["stop", "lb"], "expected balancer/member"),
    ] {
        let run = site.run(args);
        assert_eq!(run.code, 2, "{args:?}: {}{}", run.out, run.err);
        assert!(run.err.contains(part), "{args:?}: {}", run.err);
    }
    let read_only = jkctl(&["stop", "lb/a", "--url", &site.url.replace("/status", "/ro")]);
    assert!(read_only.err.contains("read_only"), "{}", read_only.err);
}

#[test]
fn drain_waits_for_requests_and_sessions() {
    let site = Site::start("jkctl-drains", "");
    assert_eq!(site.session("a", "/x"), 200);
    thread::scope(|scope| {
        let slow = scope.spawn(|| site.session("a", "/slow"));
        assert!(wait_until(Duration::from_secs(10), || site.member("a")["busy"] == 1));
        let begun = Instant::now();
        let run =
            site.run(&["drain", "lb/a", "--wait", "--timeout", "60s", "--quiet", "1s", "--stop"]);
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        assert!(run.out.contains("1 in flight"), "{}", run.out);
        assert!(run.out.contains("lb/a is drained after"), "{}", run.out);
        assert!(run.out.contains("a: stopped"), "{}", run.out);
        assert!(begun.elapsed() > Duration::from_millis(500), "{:?}", begun.elapsed());
        assert!(slow.is_finished(), "the request in flight was waited for");
        assert_eq!(slow.join().unwrap(), 200);
    });
    let before = site.a.count();
    assert_eq!(site.session("a", "/x"), 200, "another member takes over");
    assert_eq!(site.a.count(), before);
    assert!(site.b.count() > 0);

    // A client whose session is there keeps coming.
    assert_eq!(site.run(&["activate", "lb/a"]).code, 0);
    let stay = std::sync::atomic::AtomicBool::new(true);
    let run = thread::scope(|scope| {
        scope.spawn(|| {
            while stay.load(std::sync::atomic::Ordering::Relaxed) {
                site.session("a", "/x");
                thread::sleep(Duration::from_millis(100));
            }
        });
        let run = site.run(&["drain", "lb/a", "--wait", "--timeout", "3s", "--quiet", "2s"]);
        stay.store(false, std::sync::atomic::Ordering::Relaxed);
        run
    });
    assert_eq!(run.code, 3, "{}{}", run.out, run.err);
    assert!(run.out.contains("is not drained after"), "{}", run.out);

    // The last active member is drained too, with a word about it.
    assert_eq!(site.run(&["stop", "lb/a"]).code, 0);
    let last = site.run(&["drain", "lb/b"]);
    assert_eq!(last.code, 0);
    assert!(last.err.contains("no other member of lb is active"), "{}", last.err);
}

#[test]
fn what_cannot_be_reached_is_explained() {
    let loads = load(&["authn_core", "authn_file", "authz_user", "auth_basic", "alias"]);
    let config = format!(
        "{loads}Redirect /old http://127.0.0.1/status\nAlias /page @DIR@/htdocs/page\n\
         JkUnMount /page lb\nJkUnMount /old lb\n\
         <Location /status>\nAuthType Basic\nAuthName x\nAuthUserFile @DIR@/users\nRequire valid-user\n</Location>\n\
         <Location /forbidden>\nRequire all denied\n</Location>\n"
    );
    let mut site = Site::start("jkctl-refused", &config);
    site.httpd.expect("AH01630: client denied by server configuration");
    site.httpd.expect("Password Mismatch");
    // {SHA} of "secret": no program of httpd's is needed to make it.
    site.httpd.write("users", "joe:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    site.httpd.write("htdocs/page", "hello\n");
    let base = format!("http://127.0.0.1:{}", site.httpd.port);
    let dead = format!("http://127.0.0.1:{}/status", free_port());
    let cases = [
        (dead, "httpd is not running or listens elsewhere"),
        (format!("{base}/status"), "authentication required"),
        (format!("{base}/forbidden"), "access denied"),
        (format!("{base}/page"), "is no status worker"),
        (format!("{base}/old"), "redirected"),
        ("ftp://localhost/status".to_owned(), "expected http://host/path or https://host/path"),
        ("http://no-such-host.invalid/".to_owned(), "give another URL"),
    ];
    for (url, part) in cases {
        let run = jkctl(&["status", "--url", &url]);
        assert_eq!(run.code, 2, "{url}");
        assert!(
            run.err.contains(part) && run.err.contains(&format!("jkctl: {url}")),
            "{url}: {}",
            run.err
        );
    }

    let url = format!("{base}/status");
    let dir = fresh_dir("jkctl-netrc");
    std::fs::write(dir.join("netrc"), "machine 127.0.0.1 login joe password secret\n").unwrap();
    let netrc = dir.join("netrc").display().to_string();
    assert_eq!(jkctl(&["status", "--url", &url, "--netrc", &netrc]).code, 0);
    let args = ["status", "--url", &url, "--user", "joe", "--password-file", "-"];
    assert_eq!(with_input(&args, "secret\n").code, 0);
    let wrong = with_input(&args, "wrong\n");
    assert!(wrong.code == 2 && wrong.err.contains("authentication required"), "{}", wrong.err);
    let none = jkctl(&["status", "--url", &url, "--user", "joe"]);
    assert!(none.err.contains("no password for joe"), "{}", none.err);
}

/// Runs lines of shell in a terminal of their own and returns what the screen was sent. `input` is typed when
/// the text before it has appeared.
/// `script` is essential on Debian.
pub fn in_a_terminal(name: &str, lines: &str, input: Option<(&str, &str)>) -> String {
    let dir = fresh_dir(name).display().to_string();
    let mut child = Command::new("script")
        .args(["-qefc", lines, &format!("{dir}/typescript")])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("Debian package: bsdutils");
    let screen = || std::fs::read_to_string(format!("{dir}/typescript")).unwrap_or_default();
    // What is typed before it is asked for would be shown.
    if let Some((prompt, typed)) = input {
        assert!(wait_until(Duration::from_secs(20), || screen().contains(prompt)), "{}", screen());
        child.stdin.as_mut().unwrap().write_all(typed.as_bytes()).unwrap();
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "{lines}: {}", screen());
    screen()
}

#[test]
fn a_terminal_gets_colour_and_lines_that_fit() {
    let site = Site::start("jkctl-colour", "");
    let jkctl = format!("{} status --url {}", env!("CARGO_BIN_EXE_jkctl"), site.url);
    for (name, before, has_color) in [
        ("jkctl-colour-auto", "", true),
        ("jkctl-colour-none", "NO_COLOR=1", false),
        ("jkctl-colour-dumb", "TERM=dumb", false),
    ] {
        let screen = in_a_terminal(name, &format!("stty rows 24 cols 80; {before} {jkctl}"), None);
        assert_eq!(screen.contains("\x1b[1m"), has_color, "{name}: {screen}");
        let plain = screen.replace("\x1b[1m", "").replace("\x1b[0m", "");
        let shown = plain.lines().filter(|line| !line.starts_with("Script "));
        for line in shown {
            assert!(line.trim_end().chars().count() <= 80, "{line}");
        }
        assert!(plain.contains("condition") && plain.contains("errors"), "{plain}");
    }
    let screen = in_a_terminal("jkctl-colour-off", &format!("{jkctl} --color never"), None);
    assert!(!screen.contains('\x1b'), "{screen}");
}

#[test]
fn top_leaves_the_terminal_as_it_was() {
    let site = Site::start("jkctl-top", "");
    let dir = fresh_dir("jkctl-top-files").display().to_string();
    // Essential on Debian: runs a command in a terminal of its own.
    let inner = format!(
        "stty rows 30 cols 200; stty -a > {dir}/before; {} top --delay 200ms --url {}; \
         echo left $?; stty -a > {dir}/after",
        env!("CARGO_BIN_EXE_jkctl"),
        site.url
    );
    for key in ["q", "SIGTERM"] {
        let mut child = Command::new("script")
            .args(["-qefc", &inner, &format!("{dir}/typescript")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("Debian package: bsdutils");
        let screen = || std::fs::read_to_string(format!("{dir}/typescript")).unwrap_or_default();
        // The second picture has rates.
        let shows = || screen().contains("per s");
        assert!(wait_until(Duration::from_secs(20), shows), "{}", screen());
        match key {
            "q" => child.stdin.as_mut().unwrap().write_all(b"q").unwrap(),
            _ => {
                let top = format!("{} top", env!("CARGO_BIN_EXE_jkctl"));
                let found = pids_of(&top, &site.url);
                assert_eq!(found.len(), 1, "{found:?}");
                assert!(signal("TERM", found[0]));
            }
        }
        assert!(
            wait_until(Duration::from_secs(20), || screen().contains("left 0")),
            "{}",
            screen()
        );
        drop(child.stdin.take());
        child.wait().unwrap();
        let screen = screen();
        for part in ["\x1b[?1049h", "balancer lb", "q quits", "\x1b[?1049l", "\x1b[?25h"] {
            assert!(screen.contains(part), "{key}: no {part:?} in {screen}");
        }
        let state = |name: &str| std::fs::read_to_string(format!("{dir}/{name}")).unwrap();
        assert_eq!(state("after"), state("before"), "{key}");
        std::fs::remove_file(format!("{dir}/typescript")).unwrap();
    }
}

/// Processes whose command line begins with `start` and ends with `end`.
fn pids_of(start: &str, end: &str) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).trim_end_matches('\0').replace('\0', " ");
        line.starts_with(start) && line.ends_with(end)
    })
    .collect()
}
