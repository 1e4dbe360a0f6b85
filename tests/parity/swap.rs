//! The library is replaced under a running httpd and put back again, as docs/migrating.md says.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::oracle;
use crate::support::backend::{Backend, echo};
use crate::support::client::Client;
use crate::support::httpd::Setup;
use crate::support::{fresh_dir, module, skip};

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
            assert!(crate::support::wait_until(Duration::from_secs(20), is_new), "{expected}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(served.load(Ordering::Relaxed) > 20, "{served:?}");
    assert_eq!(lost.load(Ordering::Relaxed), 0, "of {served:?} requests");
}
