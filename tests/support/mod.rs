//! What integration tests and the demonstration share: a real httpd, a scripted backend, real
//! Tomcats and an HTTP client. Each user needs only a part of it.
#![allow(dead_code, clippy::disallowed_methods)]

pub mod backend;
pub mod balancer;
pub mod client;
pub mod http2;
pub mod httpd;
pub mod installation;
pub mod lifeline;
pub mod openmetrics;
pub mod openssl;
pub mod prometheus;
pub mod recording;
pub mod sockets;
pub mod tomcat;
pub mod webdriver;

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Returns a port that no process listens on, a different one at each call.
///
/// They lie below those that the kernel gives to clients and to listeners on port 0: such a one can be
/// taken by any connection between this look and the start of the server it is for.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u32 = 12_000;
    const COUNT: u32 = 20_000;
    // Programs that run side by side begin far from each other.
    let begin = std::process::id().wrapping_mul(7919);
    let mut tries = (0..COUNT).map(|_| {
        let number = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + number % COUNT).expect("below 32,768")
    });
    tries.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// How long to wait for what is to come at once: only a failure takes so long, on any machine. A limit that
/// is a promise of the module stands in the test that shows it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often something is tried: `usual` for each change, `full` in `make soak`.
pub fn times(usual: usize, full: usize) -> usize {
    if std::env::var_os("MOD_JK_TEST_ENDURANCE").is_some() { full } else { usual }
}

/// The least that a wait of so many milliseconds takes: the module counts in whole ones, of which the first has
/// begun already.
pub const fn at_least(ms: u64) -> Duration {
    Duration::from_millis(ms - 2)
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

/// Lets this process, and each that it starts, have so many descriptors. Returns whether the system does.
#[allow(unsafe_code)]
pub fn many_descriptors(count: usize) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is writable.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_cur = limit.rlim_max.min((count as u64).max(limit.rlim_cur));
    // SAFETY: `limit` is readable.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    let is_enough = limit.rlim_cur >= count as u64;
    if !is_enough {
        skip("descriptors", &format!("{count} descriptors are more than the limit allows"));
    }
    is_enough
}

/// Sends a signal. The shell's own kill: the program is not on every machine.
pub fn signal(name: &str, pid: u32) -> bool {
    let sent = Command::new("sh")
        .args(["-c", "kill -\"$1\" \"$2\"", "sh", name, &pid.to_string()])
        .status();
    sent.is_ok_and(|status| status.success())
}

/// Halts a process. One of its threads takes the signal when it gets the processor, and only then are the others told:
/// on a busy machine they go on for a while, so this waits until none does.
pub fn halt(pid: u32) {
    let tasks = || std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let state = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("stat")).ok();
    let goes_on =
        |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('T'));
    assert!(signal("STOP", pid), "process {pid} is gone");
    let is_halted = wait_until(PATIENCE, || !tasks().filter_map(state).any(goes_on));
    assert!(is_halted, "process {pid} goes on");
}

/// Sends a signal to all processes of a group. Returns whether there was one.
pub fn signal_group(name: &str, leader: u32) -> bool {
    let sent = Command::new("sh")
        .args(["-c", "kill -\"$1\" -\"$2\"", "sh", name, &leader.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}

/// Says that a part cannot run here, past the test harness that keeps what tests print. Where
/// `MOD_JK_TEST_REQUIRE` names the part, that is a failure.
pub fn skip(part: &str, why: &str) {
    let required = std::env::var("MOD_JK_TEST_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|word| word == part), "{part} is required: {why}");
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
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
///
/// # Panics
///
/// If the name was used before in this process: tests run side by side, and one would remove the files
/// of the other.
pub fn fresh_dir(name: &str) -> PathBuf {
    static USED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_new = USED.lock().expect("no test panics here").insert(name.to_owned());
    assert!(is_new, "the directory name {name:?} is used twice: give each test one of its own");
    let base = option_env!("CARGO_TARGET_TMPDIR").map_or(root().join("target/tmp"), PathBuf::from);
    let dir = base.join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}
