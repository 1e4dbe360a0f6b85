//! The library is replaced under a running httpd and put back again, as docs/migrating.md says.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::oracle;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::{PATIENCE, fresh_dir, module, skip};

/// Puts a file into the place of another in one step, as `install` and package managers do.
fn replace(from: &Path, to: &Path) {
    let beside = to.with_extension("new");
    fs::copy(from, &beside).expect("a file");
    fs::rename(beside, to).expect("the same directory");
}

#[test]
fn the_library_is_swapped_by_a_graceful_restart_and_back() {
    let Some(oracle) = oracle() else {
        return skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
    };
    let (a, b) = (Backend::start(echo("a")), Backend::start(echo("b")));
    let workers = format!(
        "worker.list=lb,jk-status\nworker.jk-status.type=status\n\
         worker.lb.type=lb\nworker.lb.balance_workers=a,b\nworker.lb.sticky_session=1\n\
         worker.a.host=127.0.0.1\nworker.a.port={}\nworker.a.connection_pool_size=50\n\
         worker.b.host=127.0.0.1\nworker.b.port={}\n",
        a.port, b.port
    );
    let config = "JkShmFile @DIR@/shm\nJkMount /app|/* lb\nJkMountCopy All\n\
                  JkMount /jk-status jk-status\n<Location /jk-status>\nRequire ip 127.0.0.1\n</Location>\n\
                  JkOptions +ForwardURICompat -ForwardDirectories\n";
    let config = crate::support::httpd::load(&["authz_host"]) + config;
    let installed = fresh_dir("swap-module").join("mod_jk.so");
    replace(&oracle, &installed);
    let setup = Setup { name: "swap", mpm: "event", config: &config, workers: &workers };
    let mut httpd = setup.start_with(Some(installed.clone()));
    // The original's own words about a file that another start had left, and ours about it.
    httpd.expect("connection_pool_size");

    let versions = |port| {
        let answer = Client::connect(port).get("/jk-status?cmd=version&mime=txt").text();
        let sticky =
            Client::connect(port).request("GET", "/app/x", &[("Cookie", "JSESSIONID=1.b")], b"");
        assert_eq!(sticky.text(), "b GET /app/x 0");
        answer
    };
    assert!(versions(httpd.port).contains("mod_jk/1.2"), "the original serves first");

    let (stop, served, lost) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let bytes = b"GET /app/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
                let answer = Client::connect(httpd.port).try_raw(bytes, "GET");
                let is_good = answer.is_some_and(|own| own.status == 200 && own.is_complete);
                (if is_good { &served } else { &lost }).fetch_add(1, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(2));
            }
        });
        for (from, expected) in
            [(module(), "mod_jk/2."), (oracle, "mod_jk/1.2"), (module(), "mod_jk/2.")]
        {
            replace(&from, &installed);
            let (ok, told) = httpd.configtest();
            assert!(ok, "{told}");
            httpd.graceful();
            // Children of the generation before may still answer for a moment.
            let is_new = || versions(httpd.port).contains(expected);
            assert!(crate::support::wait_until(PATIENCE, is_new), "{expected}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 20, "{served:?}");
    assert_eq!(lost.load(Ordering::Relaxed), 0, "of {served:?} requests");
}

/// Runs `jkctl` and returns its exit status with what it printed.
fn jkctl(args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jkctl")).args(args).output().expect("jkctl");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// RHEL and Fedora have one directory for all: files that load modules, files with settings, and a link to the
/// modules, over which LoadModule names them.
#[test]
fn in_the_layout_of_rhel_as_well() {
    let Some(oracle) = oracle() else {
        return skip("parity", "the original mod_jk is missing; Debian package: libapache2-mod-jk");
    };
    let backend = Backend::start(echo("a"));
    let setup = Setup { name: "swap-rhel", mpm: "event", config: "", workers: "" };
    let mut httpd = setup.prepare();
    let etc = httpd.dir.join("etc/httpd");
    let modules = httpd.dir.join("usr/lib64/httpd/modules");
    for dir in ["conf", "conf.d", "conf.modules.d"] {
        fs::create_dir_all(etc.join(dir)).expect("a directory");
    }
    fs::create_dir_all(&modules).expect("a directory");
    symlink(&modules, etc.join("modules")).expect("a link");
    let installed = modules.join("mod_jk.so");
    replace(&oracle, &installed);
    let write = |name: &str, text: &str| fs::write(etc.join(name), text).expect("a file");
    write("conf.modules.d/20-mod_jk.conf", "LoadModule jk_module modules/mod_jk.so\n");
    write(
        "conf.d/mod_jk.conf",
        &format!(
            "<IfModule jk_module>\nJkWorkersFile conf.d/workers.properties\nJkShmFile {dir}/shm\n\
             JkLogFile {dir}/mod_jk.log\nJkMount /app|/* app\nJkMount /jk-status jk-status\n\
             <Location /jk-status>\nRequire ip 127.0.0.1\n</Location>\n</IfModule>\n",
            dir = httpd.dir.display()
        ),
    );
    write(
        "conf.d/workers.properties",
        &format!(
            "worker.list=app,jk-status\nworker.app.host=127.0.0.1\nworker.app.port={}\n\
             worker.jk-status.type=status\n",
            backend.port
        ),
    );
    let is_ours = |line: &&str| line.starts_with("Jk") || line.starts_with("LoadModule jk_");
    let harness = httpd.log("httpd.conf");
    let lines: Vec<_> =
        harness.lines().filter(|line| !is_ours(line) && !line.starts_with("ServerRoot")).collect();
    let text = format!(
        "ServerRoot {}\n{}\n{}Include conf.modules.d/*.conf\nIncludeOptional conf.d/*.conf\n",
        etc.display(),
        lines.join("\n"),
        crate::support::httpd::load(&["authz_host"]),
    );
    httpd.write("httpd.conf", &text);
    let conf = httpd.dir.join("httpd.conf").display().to_string();
    let (code, told) = jkctl(&["check", &conf]);
    assert_eq!(code, 0, "before the change: {told}");

    httpd.launch();
    let port = httpd.port;
    let version = || Client::connect(port).get("/jk-status?cmd=version&mime=txt").text();
    assert!(version().contains("mod_jk/1.2"), "the original serves first");
    for (from, expected) in [(module(), "mod_jk/2."), (oracle, "mod_jk/1.2")] {
        let (code, told) = jkctl(&["check", "--for-original", &conf]);
        assert_eq!(code, 0, "the way back is free: {told}");
        replace(&from, &installed);
        let (ok, told) = httpd.configtest();
        assert!(ok, "{told}");
        httpd.graceful();
        assert!(
            crate::support::wait_until(PATIENCE, || version().contains(expected)),
            "{expected}"
        );
        assert_eq!(Client::connect(port).get("/app/x").text(), "a GET /app/x 0");
    }
}
