//! What integration tests and the demonstration share: a real httpd, a scripted container, real
//! Tomcats and an HTTP client. Each user needs only a part of it.
#![allow(dead_code, clippy::disallowed_methods)]

pub mod client;
pub mod container;
pub mod httpd;
pub mod tomcat;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Returns a port nobody listens on.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

/// Waits until `done` says so; `false` at the deadline.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    done()
}

/// Makes a program end when the thread that starts it does, so that Ctrl-C or a killed test run
/// leaves nothing behind.
#[allow(unsafe_code)]
pub fn end_with_us(command: &mut Command) {
    let set = || {
        // SAFETY: a plain system call, allowed between fork and exec; it takes numbers only.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) };
        Ok(())
    };
    // SAFETY: `set` neither allocates nor takes a lock.
    unsafe { command.pre_exec(set) };
}

/// Returns the package's own directory.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the module under test: `MOD_JK_SO`, or what cargo built beside the running test.
pub fn module() -> PathBuf {
    if let Some(given) = std::env::var_os("MOD_JK_SO") {
        return PathBuf::from(given);
    }
    let own = std::env::current_exe().expect("a running program has a path");
    let built = own.ancestors().skip(1).map(|dir| dir.join("libmod_jk.so")).find(|so| so.exists());
    built.expect("libmod_jk.so is not built: run cargo build first")
}

/// Makes an empty directory below cargo's target directory, readable for httpd's user.
pub fn fresh_dir(name: &str) -> PathBuf {
    let base = option_env!("CARGO_TARGET_TMPDIR").map_or(root().join("target/tmp"), PathBuf::from);
    let dir = base.join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}
