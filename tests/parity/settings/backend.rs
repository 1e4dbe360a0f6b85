//! A backend that is late, or does not answer, in one way each.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use crate::recorder::take;
use crate::support::backend::{chunk_packet, end, head, ok, packet};
use crate::support::free_port;

/// How long something takes that is late: more than the short limits of the table, less than the
/// long ones.
const LATE: Duration = Duration::from_millis(5_000);

/// What a backend does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// Answers at once.
    Answers,
    /// Answers late.
    Late,
    /// Begins an answer of a few bytes and ends it late.
    LateEnd,
    /// Begins an answer, passes it on, and ends it late.
    FlushedLateEnd,
    /// Answers in six packets, all in time, which together take longer than any short limit.
    Steady,
    /// Answers pings late, requests at once.
    LatePong,
    /// Answers requests, but no pings.
    NoPong,
    /// Answers pings, but no requests.
    Silent,
    /// Closes the connection when a request has come.
    HangsUp,
    /// Answers 500 at once.
    Fails,
    /// Does not listen.
    Refuses,
    /// Takes no connection, but does not refuse one either.
    Swallows,
}

pub struct Backend {
    pub port: u16,
    counts: Arc<Counts>,
    /// What fills the queue of a listener that takes nothing.
    _held: Vec<TcpStream>,
}

#[derive(Default)]
struct Counts {
    deliveries: AtomicUsize,
    pings: AtomicUsize,
}

impl Backend {
    pub fn start(play: Play) -> Self {
        let counts: Arc<Counts> = Arc::default();
        if play == Play::Refuses {
            return Self { port: free_port(), counts, _held: Vec::new() };
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let held = if play == Play::Swallows { fill(&listener) } else { Vec::new() };
        let kept = Arc::clone(&counts);
        thread::spawn(move || {
            if play == Play::Swallows {
                // Keeps the socket, and never accepts.
                let _listener = listener;
                loop {
                    thread::park();
                }
            }
            for stream in listener.incoming().flatten() {
                let counts = Arc::clone(&kept);
                thread::spawn(move || serve(stream, play, &counts));
            }
        });
        Self { port, counts, _held: held }
    }

    pub fn deliveries(&self) -> usize {
        self.counts.deliveries.load(SeqCst)
    }

    pub fn pings(&self) -> usize {
        self.counts.pings.load(SeqCst)
    }
}

/// Makes the queue of connections to be accepted as short as it can be, and fills it.
#[allow(unsafe_code)]
fn fill(listener: &TcpListener) -> Vec<TcpStream> {
    // SAFETY: the descriptor is a listening socket of ours.
    unsafe { libc::listen(listener.as_raw_fd(), 0) };
    let address = listener.local_addr().expect("it is bound");
    let mut held = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
        held.push(stream);
        assert!(held.len() < 100, "the queue is never full");
    }
    held
}

fn serve(mut stream: TcpStream, play: Play, counts: &Counts) {
    while let Some(payload) = take(&mut stream) {
        let bytes = match payload.first() {
            Some(0x0a) if payload.len() == 1 => {
                counts.pings.fetch_add(1, SeqCst);
                match play {
                    Play::NoPong => continue,
                    Play::LatePong => thread::sleep(LATE),
                    _ => {}
                }
                packet(&[9])
            }
            Some(2) => {
                counts.deliveries.fetch_add(1, SeqCst);
                match answer(&mut stream, play) {
                    Some(bytes) => bytes,
                    None if play == Play::HangsUp => return,
                    None => continue,
                }
            }
            // A body packet that comes unasked.
            _ => continue,
        };
        if stream.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Answers a request; returns the last bytes of the answer, if there are any.
fn answer(stream: &mut TcpStream, play: Play) -> Option<Vec<u8>> {
    let begin = |stream: &mut TcpStream, flush: &[u8]| {
        let first = [head(200, &[]), chunk_packet(b"x")].concat();
        let _ = stream.write_all(&first).and_then(|()| stream.write_all(flush));
    };
    match play {
        Play::Answers | Play::NoPong | Play::LatePong => Some(ok(&[], b"ok")),
        Play::Late => {
            thread::sleep(LATE);
            Some(ok(&[], b"ok"))
        }
        Play::LateEnd | Play::FlushedLateEnd => {
            let flush = chunk_packet(b"");
            begin(stream, if play == Play::LateEnd { b"" } else { &flush });
            thread::sleep(LATE);
            Some(end(true))
        }
        Play::Steady => {
            begin(stream, b"");
            for _ in 0..5 {
                thread::sleep(LATE / 5);
                let _ = stream.write_all(&chunk_packet(b"x"));
            }
            Some(end(true))
        }
        Play::Fails => Some([head(500, &[]), end(true)].concat()),
        Play::Silent | Play::HangsUp | Play::Refuses | Play::Swallows => None,
    }
}
