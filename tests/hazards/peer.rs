//! A backend that plays a row's part and keeps a record of everything it was sent.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::support::backend::{ok, packet};
use crate::support::sockets::{Listener, Stream, listen};

/// What the backend does after it has read a request of a row.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends bytes.
    Send(Vec<u8>),
    /// Sends bytes one by one, with a pause of so many milliseconds before each.
    Drip(Vec<u8>, u64),
    /// Waits for a packet.
    Take,
    /// Waits so many milliseconds.
    Wait(u64),
    /// Closes the connection.
    Close,
    /// Says nothing more and waits for the other side to close.
    Hold,
}

/// One request as the backend saw it, with what came over its connection up to the next.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The row, empty for other requests.
    pub row: String,
    /// Number of the connection.
    connection: usize,
    /// Payloads in their order, the request first; CPINGs are left out.
    pub packets: Vec<Vec<u8>>,
    /// Whether the other side ended the connection, perhaps later.
    pub is_closed: bool,
    /// Whether the backend ended it.
    pub we_closed: bool,
}

impl Seen {
    /// The body, packets put together.
    pub fn body(&self) -> Vec<u8> {
        let bodies = self.packets.iter().skip(1);
        bodies.flat_map(|packet| packet.get(2..).unwrap_or_default().to_vec()).collect()
    }

    /// Tells whether the end of a body was signalled.
    pub fn has_end_of_body(&self) -> bool {
        self.packets.iter().any(Vec::is_empty)
    }
}

type Script = dyn Fn(&str) -> Vec<Act> + Send + Sync;

pub struct Peer {
    /// Host and port as properties of `worker.w1`.
    pub place: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Peer {
    /// Answers `/app/row/<id>` by `script` and everything else with its `X-Token`.
    pub fn start(script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let place = format!("worker.w1.host=127.0.0.1\nworker.w1.port={port}\n");
        Self::start_at(Listener::Tcp(listener), place, script)
    }

    /// The same at a Unix-domain socket.
    pub fn start_unix(
        path: &Path,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let place = format!("worker.w1.host=unix:{}\n", path.display());
        Self::start_at(Listener::Unix(listen(path)), place, script)
    }

    fn start_at(
        listener: Listener,
        place: String,
        script: impl Fn(&str) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (kept, script): (_, Arc<Script>) = (Arc::clone(&seen), Arc::new(script));
        thread::spawn(move || {
            let streams = std::iter::from_fn(|| Some(listener.accept())).flatten();
            for (number, stream) in streams.enumerate() {
                let (kept, script) = (Arc::clone(&kept), Arc::clone(&script));
                thread::spawn(move || {
                    let mut line = Line { stream, number, seen: kept };
                    line.serve(&*script);
                });
            }
        });
        Self { place, seen }
    }

    /// Returns a row's requests.
    pub fn of(&self, row: &str) -> Vec<Seen> {
        let seen = self.seen.lock().expect("no panic under it");
        seen.iter().filter(|own| own.row == row).cloned().collect()
    }
}

struct Line {
    stream: Stream,
    number: usize,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Line {
    /// Changes what is known of this connection's requests.
    fn note(&self, change: impl Fn(&mut Seen)) {
        let mut seen = self.seen.lock().expect("no panic under it");
        seen.iter_mut().filter(|own| own.connection == self.number).for_each(change);
    }

    /// Keeps a packet that is not the first of its request.
    fn keep(&self, payload: &[u8]) {
        let mut seen = self.seen.lock().expect("no panic under it");
        let last = seen.iter_mut().rev().find(|own| own.connection == self.number);
        last.expect("a request came before").packets.push(payload.to_vec());
    }

    fn begin(&self, row: String, request: Vec<u8>) {
        let mut seen = self.seen.lock().expect("no panic under it");
        let packets = vec![request];
        seen.push(Seen {
            row,
            connection: self.number,
            packets,
            is_closed: false,
            we_closed: false,
        });
    }

    /// Reads a packet that belongs to the present request, and keeps it.
    fn take(&mut self) -> Option<()> {
        let payload = self.next()?;
        self.keep(&payload);
        Some(())
    }

    /// Reads a packet; CPINGs are answered on the way.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let payload = self.read();
            match payload {
                None => {
                    self.note(|seen| seen.is_closed = true);
                    return None;
                }
                Some(payload) if payload == [0x0a] => self.send(&packet(&[9])),
                Some(payload) => return Some(payload),
            }
        }
    }

    fn read(&mut self) -> Option<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).ok()?;
        assert_eq!(head[..2], [0x12, 0x34], "a packet begins with the magic number");
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        self.stream.read_exact(&mut payload).ok()?;
        Some(payload)
    }

    fn send(&mut self, bytes: &[u8]) {
        if let Err(why) = self.stream.write_all(bytes) {
            assert!(matches!(why.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset));
        }
    }

    fn serve(&mut self, script: &Script) {
        while let Some(request) = self.next() {
            let text = String::from_utf8_lossy(&request).into_owned();
            let word = |before: &str| {
                let at = text.find(before)? + before.len();
                let rest = &text[at..];
                let end = rest.find(|c: char| c.is_control() || c == '/').unwrap_or(rest.len());
                Some(rest[..end].to_owned())
            };
            let has_body = announces_body(&request);
            let row = word("/app/row/");
            self.begin(row.clone().unwrap_or_default(), request);
            let Some(row) = row else {
                if has_body && self.take().is_none() {
                    return;
                }
                let token = word("TOKEN-").unwrap_or_default();
                self.send(&ok(&[("X-Tok", &token)], format!("MARK-{token}").as_bytes()));
                continue;
            };
            if has_body && self.take().is_none() {
                return;
            }
            for act in script(&row) {
                match act {
                    Act::Send(bytes) => self.send(&bytes),
                    Act::Drip(bytes, pause) => {
                        for byte in bytes {
                            thread::sleep(Duration::from_millis(pause));
                            self.send(&[byte]);
                        }
                    }
                    Act::Take => {
                        if self.take().is_none() {
                            return;
                        }
                    }
                    Act::Wait(time) => thread::sleep(Duration::from_millis(time)),
                    Act::Close => {
                        self.note(|seen| seen.we_closed = true);
                        let _ = self.stream.shutdown(Shutdown::Both);
                        return;
                    }
                    Act::Hold => {
                        while self.take().is_some() {}
                        return;
                    }
                }
            }
        }
    }
}

/// Tells whether a request has the coded header content-length with another value than 0.
fn announces_body(request: &[u8]) -> bool {
    let place = request.windows(2).position(|pair| pair == [0xA0, 0x08]);
    place.is_some_and(|place| request.get(place + 4..place + 6) != Some(b"0\0"))
}
