//! The backend of a benchmark: answers AJP13 and HTTP/1.1 as fast as one thread can.
//!
//! `/…/b/N` and `/…?N` have N bytes, anything else 128; a request with a body is answered with its
//! length.
//! Every answer is made once and kept, so that serving is copying.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsRawFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;

use crate::support::sockets::{Listener, Stream, listen};

/// Byte `at` of every body.
pub fn byte(at: usize) -> u8 {
    b'a' + (at % 65_536 % 23) as u8
}

/// Returns the Unix-domain socket of the responder that has this port for AJP.
pub fn socket(ajp: u16) -> PathBuf {
    std::env::temp_dir().join(format!("jk-responder-{ajp}"))
}

/// Listens on two ports of the kernel's choice and on a Unix-domain socket for AJP, says which ports,
/// and serves for ever.
pub fn run() -> ! {
    let bind = || TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (ajp, http) = (bind(), bind());
    let port = |own: &TcpListener| own.local_addr().expect("it is bound").port();
    let unix = listen(&socket(port(&ajp)));
    println!("{} {}", port(&ajp), port(&http));
    for own in [&ajp, &http] {
        own.set_nonblocking(true).expect("a socket option");
    }
    unix.set_nonblocking(true).expect("a socket option");
    let listeners = [Listener::Tcp(ajp), Listener::Unix(unix), Listener::Tcp(http)];
    let fds = listeners.each_ref().map(Listener::as_raw_fd);
    let mut open: HashMap<RawFd, Connection> = HashMap::new();
    let mut answers = Answers::default();
    let poll = Poll::new();
    for fd in fds {
        poll.add(fd, true, false);
    }
    loop {
        for fd in poll.wait() {
            if let Some(place) = fds.iter().position(|own| *own == fd) {
                while let Ok(stream) = listeners[place].accept() {
                    stream.set_nonblocking_and_nodelay();
                    let fd = stream.as_raw_fd();
                    poll.add(fd, true, false);
                    open.insert(fd, Connection::new(stream, place == HTTP));
                }
                continue;
            }
            let Some(connection) = open.get_mut(&fd) else { continue };
            let was_full = connection.is_full();
            if connection.advance(&mut answers).is_none() {
                open.remove(&fd);
                continue;
            }
            if connection.is_full() != was_full {
                poll.add(fd, false, connection.is_full());
            }
        }
    }
}

/// The place of the listener for HTTP.
const HTTP: usize = 2;

/// One connection.
struct Connection {
    stream: Stream,
    is_http: bool,
    input: Vec<u8>,
    /// What is to be sent, and how much of the first was.
    output: Vec<Rc<Vec<u8>>>,
    sent: usize,
    /// The body under way: bytes to come and bytes that came.
    body: Option<(usize, usize)>,
}

impl Connection {
    fn new(stream: Stream, is_http: bool) -> Self {
        Self { stream, is_http, input: Vec::new(), output: Vec::new(), sent: 0, body: None }
    }

    fn is_full(&self) -> bool {
        !self.output.is_empty()
    }

    /// Reads, answers and writes what it can; `None` at the end of the connection.
    fn advance(&mut self, answers: &mut Answers) -> Option<()> {
        let mut part = [0; 64 * 1024];
        match self.stream.read(&mut part) {
            Ok(0) => return None,
            Ok(got) => self.input.extend_from_slice(&part[..got]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
        loop {
            let used = if self.is_http { self.http(answers) } else { self.ajp(answers) };
            match used {
                0 => break,
                used => drop(self.input.drain(..used)),
            }
        }
        while let Some(first) = self.output.first() {
            match self.stream.write(&first[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Some(()),
                Err(_) => return None,
            }
            if self.sent == first.len() {
                self.output.remove(0);
                self.sent = 0;
            }
        }
        Some(())
    }

    /// Takes one request or part of a body and returns how long it was.
    fn http(&mut self, answers: &mut Answers) -> usize {
        if let Some((left, got)) = &mut self.body {
            let part = self.input.len().min(*left);
            *left -= part;
            *got += part;
            if let (0, got) = (*left, *got) {
                self.body = None;
                self.output.push(answers.of(true, &Answer::Length(got)));
            }
            return part;
        }
        let end = self.input.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else { return 0 };
        let head = String::from_utf8_lossy(&self.input[..end]).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        match length {
            Some(left @ 1..) => self.body = Some((left, 0)),
            _ => self.output.push(answers.of(true, &Answer::for_uri(path))),
        }
        end + 4
    }

    /// Takes one packet and returns how long it was.
    fn ajp(&mut self, answers: &mut Answers) -> usize {
        let Some(head) = self.input.first_chunk::<4>() else { return 0 };
        let len = 4 + usize::from(u16::from_be_bytes([head[2], head[3]]));
        let Some(payload) = self.input.get(4..len) else { return 0 };
        match (&mut self.body, payload.first()) {
            (Some((left, got)), _) => {
                let part = payload.len().saturating_sub(2);
                *left = left.saturating_sub(part);
                *got += part;
                if let (0, got) = (*left, *got) {
                    self.body = None;
                    self.output.push(answers.of(false, &Answer::Length(got)));
                } else {
                    self.output.push(answers.ask());
                }
            }
            (None, Some(10)) => self.output.push(Rc::new(b"AB\x00\x01\x09".to_vec())),
            (None, _) => {
                let mut at = Fields(payload.get(2..).unwrap_or_default());
                let (_, path) = (at.string(), at.string().to_vec());
                match at.content_length() {
                    left @ 1.. => self.body = Some((left, 0)),
                    0 => {
                        let uri = [&path[..], b"?", at.query()].concat();
                        let uri = String::from_utf8_lossy(&uri);
                        self.output.push(answers.of(false, &Answer::for_uri(&uri)));
                    }
                }
            }
        }
        len
    }
}

/// The fields of a FORWARD_REQUEST behind its method.
struct Fields<'p>(&'p [u8]);

impl<'p> Fields<'p> {
    fn int(&mut self) -> usize {
        let (int, rest) = self.0.split_at_checked(2).unwrap_or((&[0, 0], &[]));
        self.0 = rest;
        usize::from(int[0]) << 8 | usize::from(int[1])
    }

    fn string(&mut self) -> &'p [u8] {
        let len = self.int();
        if len == 0xFFFF {
            return &[];
        }
        let (text, rest) = self.0.split_at_checked(len + 1).unwrap_or((&[0], &[]));
        self.0 = rest;
        &text[..text.len() - 1]
    }

    /// Reads from the client's address to the end of the headers.
    fn content_length(&mut self) -> usize {
        let _addresses = (self.string(), self.string(), self.string(), self.int());
        self.0 = self.0.get(1..).unwrap_or_default();
        let mut length = 0;
        for _ in 0..self.int() {
            let code = match self.0.first() {
                Some(0xA0) => self.int() & 0xFF,
                _ => {
                    self.string();
                    0
                }
            };
            let value = self.string();
            if code == 8 {
                length = std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()).unwrap_or(0);
            }
        }
        length
    }

    /// Reads the attributes up to the query string.
    fn query(&mut self) -> &'p [u8] {
        loop {
            let Some((&code, rest)) = self.0.split_first() else { return &[] };
            self.0 = rest;
            match code {
                0x05 => return self.string(),
                0xFF => return &[],
                0x0A => drop((self.string(), self.string())),
                // The length of a TLS key is a number.
                0x0B => drop(self.int()),
                _ => drop(self.string()),
            }
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Answer {
    /// So many bytes.
    Body(usize),
    /// How long the request's body was, in digits.
    Length(usize),
}

impl Answer {
    fn for_uri(uri: &str) -> Self {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let in_path = path.split("/b/").nth(1);
        let number = query.parse().ok().or_else(|| in_path?.parse().ok());
        Self::Body(number.unwrap_or(128))
    }
}

/// The answers there were, ready to be sent.
#[derive(Default)]
struct Answers {
    made: HashMap<(bool, Answer), Rc<Vec<u8>>>,
    ask: Option<Rc<Vec<u8>>>,
}

impl Answers {
    fn of(&mut self, is_http: bool, answer: &Answer) -> Rc<Vec<u8>> {
        let key = (is_http, answer.clone());
        let made = self.made.entry(key).or_insert_with(|| {
            let body = match answer {
                Answer::Body(len) => (0..*len).map(byte).collect(),
                Answer::Length(got) => got.to_string().into_bytes(),
            };
            Rc::new(if is_http { http(&body) } else { ajp(&body) })
        });
        Rc::clone(made)
    }

    /// GET_BODY_CHUNK for a packet of 8 KiB.
    fn ask(&mut self) -> Rc<Vec<u8>> {
        Rc::clone(self.ask.get_or_insert_with(|| Rc::new(b"AB\x00\x03\x06\x1f\xfa".to_vec())))
    }
}

const KIND: &str = "text/plain;charset=UTF-8";

fn http(body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {KIND}\r\nX-Served-By: responder\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn ajp(body: &[u8]) -> Vec<u8> {
    let string =
        |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes(), b"\0"].concat();
    let packet =
        |payload: &[u8]| [b"AB", &(payload.len() as u16).to_be_bytes()[..], payload].concat();
    let mut out = packet(
        &[
            &b"\x04\x00\xc8"[..],
            &string("OK"),
            b"\x00\x03\xa0\x01",
            &string(KIND),
            &string("X-Served-By"),
            &string("responder"),
            b"\xa0\x03",
            &string(&body.len().to_string()),
        ]
        .concat(),
    );
    // What Tomcat puts into a packet of 8 KiB.
    for chunk in body.chunks(8184) {
        let head = [&b"\x03"[..], &(chunk.len() as u16).to_be_bytes()].concat();
        out.extend(packet(&[&head[..], chunk, b"\0"].concat()));
    }
    out.extend(packet(b"\x05\x01"));
    out
}

/// epoll.
struct Poll(RawFd);

#[allow(unsafe_code)]
impl Poll {
    fn new() -> Self {
        // SAFETY: takes a number and returns one.
        Self(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })
    }

    /// Adds or changes a descriptor. Closing it removes it.
    fn add(&self, fd: RawFd, is_new: bool, writes: bool) {
        let events = if writes { libc::EPOLLOUT } else { libc::EPOLLIN } as u32;
        let mut event = libc::epoll_event { events, u64: fd as u64 };
        let what = if is_new { libc::EPOLL_CTL_ADD } else { libc::EPOLL_CTL_MOD };
        // SAFETY: `event` is valid during the call.
        let result = unsafe { libc::epoll_ctl(self.0, what, fd, &raw mut event) };
        assert_eq!(result, 0, "epoll_ctl");
    }

    fn wait(&self) -> Vec<RawFd> {
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
        // SAFETY: `events` has room for 64.
        let count = unsafe { libc::epoll_wait(self.0, events.as_mut_ptr(), 64, -1) };
        let count = usize::try_from(count).unwrap_or(0);
        events[..count].iter().map(|event| event.u64 as RawFd).collect()
    }
}
