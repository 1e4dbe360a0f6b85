//! Ends a server together with the program that started it, however that ends.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Ties a process to this program: a test that is killed, a demonstration that is interrupted.
///
/// A small shell holds the reading end of a pipe whose writing end only this program has. When the
/// program is gone, reading ends and the shell stops the process. Nothing here needs a signal
/// handler, so it holds for SIGKILL too.
pub struct Lifeline {
    guard: Child,
}

impl Lifeline {
    /// Ties the process with this number.
    pub fn tie(pid: u32) -> Self {
        Self::over(&pid.to_string())
    }

    /// Ties all processes of the group that this one leads.
    pub fn tie_group(leader: u32) -> Self {
        Self::over(&format!("-{leader}"))
    }

    fn over(target: &str) -> Self {
        let guard = Command::new("sh")
            .args(["-c", STOP, "lifeline", target])
            // Ctrl-C reaches the foreground group; the guard must outlive it.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell can be started");
        Self { guard }
    }
}

impl Drop for Lifeline {
    fn drop(&mut self) {
        // Before the pipe closes: the owner that drops it stops the process in its own way.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
    }
}

/// Asks first, then forces.
const STOP: &str = "read _; kill -TERM \"$1\" || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; kill -0 \"$1\" || exit 0; done
kill -KILL \"$1\"";
