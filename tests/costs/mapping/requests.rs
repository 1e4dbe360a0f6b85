//! Instructions of one more request through httpd, with and without the module.
//!
//! httpd runs as one process under callgrind and serves one connection; the cost of a request is
//! the difference between two runs. Only what connections take is counted: the hash tables of a start
//! have other seeds each time, which is a difference of a million instructions with many rules.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::installation::{is_root, load, load_basics, program, user};
use crate::support::{free_port, fresh_dir, signal, wait_until};
use crate::{Budgets, callgrind};

/// What a request may cost more that no rule maps, with 5,000 wildcard rules.
const MOST_UNMAPPED: f64 = 1000.0;
/// What 2,000 more rules may add to a mapped request.
const MOST_MORE_RULES: f64 = 1000.0;
/// How many times a request may cost with 10,000 rules what it costs with 10.
const MOST_TIMES: f64 = 1.1;

const REQUESTS: usize = 200;

/// Checks the budgets.
pub fn check(budgets: &mut Budgets) {
    let without = cost("none", None, "/images/logo.txt", 0);
    for (place, (kind, pattern)) in KINDS.into_iter().enumerate() {
        let config: String = (0..5000).map(|n| format!("JkMount {} w\n", pattern(n))).collect();
        let with = cost(&format!("unmapped-{place}"), Some(&config), "/images/logo.txt", 0);
        let what = format!("unmapped request, 5000 rules, {kind}: more than without the module");
        budgets.check(&what, with - without, MOST_UNMAPPED);
    }
    let backend = Backend::start(echo("w"));
    let mapped = |count: usize| {
        let rules = (0..count).map(|n| format!("JkMount /app{n}/* w\n"));
        let name = format!("mapped-{count}");
        cost(&name, Some(&rules.collect::<String>()), "/app7/x", backend.port)
    };
    let (few, many, more) = (mapped(10), mapped(8000), mapped(10_000));
    budgets.check(
        &format!("mapped request, 10000 rules, times 10 ({few:.0})"),
        more / few,
        MOST_TIMES,
    );
    budgets.check("mapped request, 2000 rules more", more - many, MOST_MORE_RULES);
}

/// Kinds of rules, none of which maps `/images/logo.txt`.
const KINDS: [(&str, fn(usize) -> String); 2] = [
    ("/app1/*", |n| format!("/app{n}/*")),
    ("mixed", |n| match n % 4 {
        0 => format!("/app{n}/*"),
        1 => format!("/*.e{n}"),
        2 => format!("/*/d{n}/*.gif"),
        _ => format!("/a?p{n}/*"),
    }),
];

/// Returns what one more request costs.
fn cost(name: &str, module: Option<&str>, path: &str, port: u16) -> f64 {
    let (once, twice) = (run(name, module, path, port, 1), run(name, module, path, port, 2));
    (twice as f64 - once as f64) / REQUESTS as f64
}

fn run(name: &str, module: Option<&str>, path: &str, port: u16, times: usize) -> u64 {
    let dir = fresh_dir(&format!("cost-{name}-{times}"));
    // The server is not root.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(dir.join("htdocs")).unwrap();
    fs::create_dir(dir.join("htdocs/images")).unwrap();
    fs::write(dir.join("htdocs/images/logo.txt"), "a logo\n").unwrap();
    fs::write(
        dir.join("workers.properties"),
        format!("worker.list=w\nworker.w.host=127.0.0.1\nworker.w.port={port}\n"),
    )
    .unwrap();
    let listen = free_port();
    let module = module.map_or(String::new(), |rules| {
        format!(
            "LoadModule jk_module {}\nJkWorkersFile workers.properties\n{rules}",
            released().display()
        )
    });
    let config = format!(
        // As in the files that httpd comes with. Looking for .htaccess in each directory takes more
        // in a process with several threads, made by any of them, and differs with their number.
        "ServerRoot {dir}\nListen 127.0.0.1:{listen}\nServerName localhost\nPidFile {dir}/pid\n\
         ErrorLog {dir}/error.log\nDocumentRoot {dir}/htdocs\nDefaultRuntimeDir {dir}\n\
         {}{}MaxKeepAliveRequests 0\nTimeout 300\n\
         <Directory />\nAllowOverride None\n</Directory>\n{module}",
        load_basics(),
        load(&["mpm_prefork", "authz_core"]),
        dir = dir.display(),
    );
    fs::write(dir.join("httpd.conf"), config).unwrap();
    let profile = dir.join("profile");
    let mut command = callgrind::command(&profile, &["--toggle-collect=ap_process_connection"]);
    if is_root() {
        // Callgrind cannot follow httpd from root to another user.
        let callgrind = command;
        command = Command::new("setpriv");
        let user = user();
        command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
        command.arg(callgrind.get_program()).args(callgrind.get_args());
    }
    command.arg(program()).arg("-X").arg("-f").arg(dir.join("httpd.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("valgrind is missing; Debian package: valgrind");
    // As one process it does not say when it is ready; the first request waits for it.
    let is_up = || TcpStream::connect(("127.0.0.1", listen)).is_ok();
    assert!(wait_until(Duration::from_secs(60), is_up), "httpd did not come up: {}", dir.display());
    let mut client = Client::connect(listen);
    // The first ones make connections and fill caches.
    for _ in 0..20 + times * REQUESTS {
        assert_eq!(client.get(path).status, 200, "{path}, {}", dir.display());
    }
    drop(client);
    // As one process httpd looks whether it shall end and then waits for a connection; a signal
    // between the two is noticed with the next one.
    let mut has_ended = || {
        signal("TERM", child.id());
        wait_until(Duration::from_secs(1), || matches!(child.try_wait(), Ok(Some(_))))
    };
    assert!((0..60).any(|_| has_ended()), "httpd did not stop");
    callgrind::instructions(&profile)
}

/// The module, built as this program is.
fn released() -> PathBuf {
    let given = std::env::var_os("MOD_JK_SO").map(PathBuf::from);
    let path =
        given.unwrap_or_else(|| std::env::current_exe().unwrap().with_file_name("../libmod_jk.so"));
    assert!(
        path.exists(),
        "{} is missing: run cargo build --profile costs --lib first",
        path.display()
    );
    path
}
