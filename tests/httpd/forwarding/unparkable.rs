//! Requests that cannot be parked although `JkAsync` is on, because the system has no room for them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use crate::bare::{Then, give, serving, take};
use crate::setups::{parked, preloaded};
use crate::support::backend::{chunk_packet, end, head};
use crate::support::httpd::{Httpd, Setup};
use crate::support::{PATIENCE, wait_until};

/// An httpd of one child for which the system has no room while a file is there.
fn start(name: &str, port: u16) -> Httpd {
    let workers = format!(
        "worker.list=w1,st\nworker.w1.host=127.0.0.1\nworker.w1.port={port}\nworker.st.type=status\n"
    );
    let config = "StartServers 1\nServerLimit 1\nThreadsPerChild 4\nMaxRequestWorkers 4\nMinSpareThreads 1\n\
        MaxSpareThreads 4\nAsyncRequestWorkerFactor 1000\nGracefulShutdownTimeout 0\nJkAsync On\nJkAsyncAfter 0\n\
        Timeout 300\nJkOptions +FlushPackets\nJkMount /app/* w1\nJkMount /jkstatus st\n";
    let mut httpd = Setup { name, mpm: "event", config, workers: &workers }.prepare();
    httpd.environment.push(("LD_PRELOAD".to_owned(), preloaded("full_sets")));
    httpd.environment.push(("FULL_SETS".to_owned(), httpd.dir.display().to_string()));
    httpd.launch();
    httpd
}

/// A client that has sent a request.
fn asking(httpd: &Httpd, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", httpd.port)).expect("httpd accepts");
    stream.set_read_timeout(Some(Duration::from_secs(8))).expect("a valid timeout");
    let text = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    stream.write_all(text.as_bytes()).expect("httpd reads");
    stream
}

/// Counts the doors of parked requests that a process waits for: sets of descriptors within another one.
fn doors(pid: &str) -> usize {
    let infos = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("a process").flatten();
    let infos = infos.filter_map(|own| fs::read_to_string(own.path()).ok());
    let is_set = |fd: &str| {
        let kind = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
        kind.is_ok_and(|kind| kind.to_string_lossy().contains("[eventpoll]"))
    };
    let within = |info: String| {
        let members = info.lines().filter_map(|line| line.strip_prefix("tfd:"));
        members.filter_map(|rest| rest.split_whitespace().next()).filter(|fd| is_set(fd)).count()
    };
    infos.map(within).sum()
}

#[test]
fn a_request_that_cannot_be_parked_is_served_by_its_thread() {
    const PIECES: usize = 40_000;
    let seen = Arc::new(AtomicUsize::new(0));
    let arrived = Arc::clone(&seen);
    let port = serving(move |stream, _| {
        give(stream, &head(200, &[("Content-Type", "text/plain")]));
        for piece in 0..PIECES {
            give(stream, &chunk_packet(b"Z"));
            // So that httpd waits for each piece.
            while arrived.load(SeqCst) <= piece {
                std::thread::yield_now();
            }
        }
        give(stream, &end(true));
        Then::Keep
    });
    let httpd = start("unparkable-socket", port);
    httpd.write("no-sockets", "");
    let mut client = asking(&httpd, "/app/x");
    let mut buffer = [0; 4096];
    while seen.load(SeqCst) < PIECES {
        let got = client.read(&mut buffer).expect("more comes");
        assert!(got > 0, "{} of {PIECES} pieces", seen.load(SeqCst));
        seen.fetch_add(buffer[..got].iter().filter(|byte| **byte == b'Z').count(), SeqCst);
    }
}

#[test]
fn a_connection_that_httpd_cannot_wait_for_is_closed() {
    let port = serving(|stream, _| {
        while take(stream).is_some() {}
        Then::Close
    });
    let mut httpd = start("unparkable-set", port);
    // httpd says so, and ends the child when it has no requests left.
    httpd.expect("AH10503");
    httpd.expect("JK-");
    let stay: Vec<_> = (0..5).map(|_| asking(&httpd, "/app/stays")).collect();
    assert!(wait_until(PATIENCE, || parked(&httpd) == 5));
    let before = httpd.children();
    // A request counts as parked a moment before httpd waits for it.
    assert!(wait_until(PATIENCE, || doors(&before[0]) == 5), "{}", doors(&before[0]));
    httpd.write("no-sets", "");
    let mut lost = asking(&httpd, "/app/lost");
    assert!(wait_until(PATIENCE, || httpd.log("error.log").contains("AH10503")));
    fs::remove_file(httpd.dir.join("no-sets")).expect("the file is there");
    assert_eq!(lost.read(&mut [0]).ok(), Some(0), "the client is told by a close");
    assert_eq!(httpd.children(), before, "its child is still there");
    drop(stay);
    assert!(wait_until(PATIENCE, || httpd.children() != before));
}
