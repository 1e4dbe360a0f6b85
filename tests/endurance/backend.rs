//! A backend in a process of its own, so that it can be killed as a Tomcat is.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::backend::{Backend, echo};
use crate::support::lifeline::Lifeline;

/// This program again, as a backend.
pub struct BackendProcess {
    process: Child,
    _lifeline: Lifeline,
}

impl BackendProcess {
    /// Starts a backend of that name on that port; it does not listen yet.
    pub fn start(name: &str, port: u16) -> Self {
        let own = std::env::current_exe().expect("a running program has a path");
        let process = Command::new(own)
            .args(["--exact", "backend::is_a_backend_if_asked_to"])
            .env(ROLE, format!("{name}:{port}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("this program can be started");
        let lifeline = Lifeline::tie(process.id());
        Self { process, _lifeline: lifeline }
    }

    /// Ends it as kill -9 does.
    pub fn kill(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for BackendProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until whatever is on that port answers a CPING, and returns when it did.
pub fn answering(port: u16) -> Instant {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let answered = TcpStream::connect(("127.0.0.1", port)).ok().and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
            stream.write_all(&[0x12, 0x34, 0, 1, 0x0a]).ok()?;
            let mut pong = [0; 5];
            stream.read_exact(&mut pong).ok()?;
            (pong == *b"AB\x00\x01\x09").then_some(())
        });
        if answered.is_some() {
            return Instant::now();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("no backend answers on {port}");
}

/// Not a test of its own: what [`BackendProcess::start`] starts.
#[test]
fn is_a_backend_if_asked_to() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (name, port) = role.split_once(':').expect("a name and a port");
    let _backend = Backend::start_on(port.parse().expect("a port"), echo(name));
    // Until it is killed, or the process that started it is gone.
    let _ = std::io::stdin().read(&mut [0]);
}

const ROLE: &str = "MOD_JK_TEST_BACKEND";
