//! A scripted AJP13 backend, written without the module's own codec so that it can judge it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::sockets::{Listener, Stream, listen};
use super::{PATIENCE, free_port, wait_until};

/// A request as it came over the wire.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: String,
    pub protocol: String,
    pub uri: String,
    pub query: Option<String>,
    pub secret: Option<String>,
    pub route: Option<String>,
    pub remote_addr: String,
    pub remote_host: String,
    pub server_name: String,
    pub server_port: u16,
    pub is_tls: bool,
    pub user: Option<String>,
    pub auth_type: Option<String>,
    pub certificate: Option<String>,
    pub cipher: Option<String>,
    pub session: Option<String>,
    pub key_size: Option<u16>,
    pub headers: Vec<(String, String)>,
    pub attributes: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The whole packet, as it came.
    pub packet: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What the backend does with a request.
pub enum Reply {
    /// Sends these bytes, packets or not, and keeps the connection.
    Bytes(Vec<u8>),
    /// Sends these bytes and closes the connection.
    Close(Vec<u8>),
    /// Sends these with a pause before each, and keeps the connection.
    Pieces(Vec<Vec<u8>>, Duration),
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

/// A backend that listens.
pub struct Backend {
    /// 0 with a Unix-domain socket.
    pub port: u16,
    path: Option<PathBuf>,
    pub requests: Arc<Mutex<Vec<Request>>>,
    pub connections: Arc<AtomicUsize>,
    stopped: Arc<AtomicBool>,
    /// Copies of the connections that are open, by their number.
    open: Arc<Mutex<BTreeMap<usize, Stream>>>,
    listening: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Backend {
    /// Listens on a free port and answers by `script`. No other process gets the port when it has stopped.
    pub fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_on(free_port(), script)
    }

    /// Listens on `port`.
    pub fn start_on(port: u16, script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        // A connection of another program may have it for a moment as its own end.
        let mut listener = None;
        wait_until(PATIENCE, || {
            listener = TcpListener::bind(("127.0.0.1", port)).ok();
            listener.is_some()
        });
        let listener = listener.expect("the port becomes free");
        Self::start_at(Listener::Tcp(listener), port, None, script)
    }

    /// Listens on a Unix-domain socket. The file stays when it has stopped, as after a crash.
    pub fn start_unix(
        path: &Path,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(Listener::Unix(listen(path)), 0, Some(path.to_owned()), script)
    }

    fn start_at(
        listener: Listener,
        port: u16,
        path: Option<PathBuf>,
        script: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let own = Self {
            port,
            path,
            requests: Arc::default(),
            connections: Arc::default(),
            stopped: Arc::default(),
            open: Arc::default(),
            listening: Mutex::default(),
        };
        let script: Arc<Script> = Arc::new(script);
        let (requests, connections) = (Arc::clone(&own.requests), Arc::clone(&own.connections));
        let (stopped, open) = (Arc::clone(&own.stopped), Arc::clone(&own.open));
        let listening = thread::spawn(move || {
            loop {
                let stream = listener.accept();
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = connections.fetch_add(1, Ordering::SeqCst);
                if let Ok(copy) = stream.try_clone() {
                    open.lock().expect("no panic under the lock").insert(number, copy);
                }
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                let open = Arc::clone(&open);
                thread::spawn(move || {
                    serve(stream, &*script, &requests);
                    open.lock().expect("no panic under the lock").remove(&number);
                });
            }
        });
        *own.listening.lock().expect("no panic under the lock") = Some(listening);
        own
    }

    /// Ends at once: connections are cut, and no process listens any more.
    pub fn stop(&self) {
        if self.stopped.swap(true, Ordering::SeqCst) {
            // Another one may have its port by now.
            return;
        }
        for stream in self.open.lock().expect("no panic under the lock").values() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the listener, which then goes. Until then connections would be taken.
        let _ = self.is_taken();
        let listening = self.listening.lock().expect("no panic under the lock").take();
        listening.into_iter().for_each(|thread| thread.join().expect("no panic in the listener"));
        // A process that another test starts has the socket too, until its program begins.
        wait_until(PATIENCE, || !self.is_taken());
    }

    /// Tells whether a connection is taken.
    fn is_taken(&self) -> bool {
        match &self.path {
            Some(path) => UnixStream::connect(path).is_ok(),
            None => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
        }
    }

    pub fn last(&self) -> Request {
        self.requests.lock().expect("no panic under the lock").last().cloned().expect("a request")
    }

    pub fn count(&self) -> usize {
        self.requests.lock().expect("no panic under the lock").len()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Answers that echo the request: text with the backend's name and what arrived.
pub fn echo(name: &str) -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let name = name.to_owned();
    move |request| {
        let body = format!("{name} {} {} {}", request.method, request.uri, request.body.len());
        Reply::Bytes(ok(&[("Content-Type", "text/plain")], body.as_bytes()))
    }
}

/// Packets of a whole response with a length.
pub fn ok(headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut headers = headers.to_vec();
    headers.push(("Content-Length", &length));
    let mut bytes = head(200, &headers);
    for chunk in body.chunks(8000) {
        bytes.extend(chunk_packet(chunk));
    }
    bytes.extend(end(true));
    bytes
}

pub fn packet(payload: &[u8]) -> Vec<u8> {
    [b"AB", &(payload.len() as u16).to_be_bytes()[..], payload].concat()
}

pub fn head(status: u16, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut payload = vec![4];
    payload.extend(status.to_be_bytes());
    payload.extend(string(&status.to_string()));
    payload.extend((headers.len() as u16).to_be_bytes());
    for (name, value) in headers {
        payload.extend(string(name));
        payload.extend(string(value));
    }
    packet(&payload)
}

pub fn chunk_packet(data: &[u8]) -> Vec<u8> {
    packet(&[&[3][..], &(data.len() as u16).to_be_bytes(), data, &[0]].concat())
}

pub fn end(reuse: bool) -> Vec<u8> {
    packet(&[5, u8::from(reuse)])
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes(), &[0]].concat()
}

fn serve(mut stream: Stream, script: &Script, requests: &Mutex<Vec<Request>>) {
    while let Some(payload) = read_packet(&mut stream) {
        if payload == [0x0a] {
            if stream.write_all(&packet(&[9])).is_err() {
                return;
            }
            continue;
        }
        let Some(mut request) = parse(&payload) else { return };
        request.packet = payload;
        if !read_body(&mut stream, &mut request) {
            return;
        }
        requests.lock().expect("no panic under the lock").push(request.clone());
        match script(&request) {
            Reply::Bytes(bytes) => {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
            }
            Reply::Pieces(pieces, pause) => {
                for piece in pieces {
                    thread::sleep(pause);
                    if stream.write_all(&piece).is_err() {
                        return;
                    }
                }
            }
            Reply::Close(bytes) => {
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}

/// Reads the whole body as Tomcat does: one packet unasked if there is a length, then on demand.
fn read_body(stream: &mut Stream, request: &mut Request) -> bool {
    let length: Option<usize> = request.header("content-length").and_then(|text| text.parse().ok());
    let mut ask = length.is_none();
    loop {
        if length.is_some_and(|length| request.body.len() >= length) {
            return true;
        }
        if ask && stream.write_all(&packet(&[6, 0x1f, 0xfa])).is_err() {
            return false;
        }
        ask = true;
        let Some(payload) = read_packet(stream) else { return false };
        if payload.len() <= 2 {
            return length.is_none();
        }
        request.body.extend(&payload[2..]);
    }
}

fn read_packet(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).ok()?;
    assert_eq!(header[..2], [0x12, 0x34], "a packet begins with the magic number");
    let mut payload = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]]))];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

/// Header names by code, from 0xA001; the first one is none.
pub const HEADER_NAMES: [&str; 15] = [
    "",
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "connection",
    "content-type",
    "content-length",
    "cookie",
    "cookie2",
    "host",
    "pragma",
    "referer",
    "user-agent",
];

fn parse(payload: &[u8]) -> Option<Request> {
    const METHODS: [&str; 8] = ["", "OPTIONS", "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE"];
    let mut at = Cursor { rest: payload };
    (at.byte()? == 2).then_some(())?;
    let method = at.byte()?;
    let mut request = Request {
        method: METHODS.get(usize::from(method)).copied().unwrap_or("?").to_owned(),
        protocol: at.string()?,
        uri: at.string()?,
        remote_addr: at.string()?,
        remote_host: at.string()?,
        server_name: at.string()?,
        server_port: at.int()?,
        is_tls: at.byte()? == 1,
        ..Request::default()
    };
    for _ in 0..at.int()? {
        let name = match at.peek()? {
            [0xA0, code] => {
                at.int()?;
                (*HEADER_NAMES.get(usize::from(code))?).to_owned()
            }
            _ => at.string()?,
        };
        let value = at.string()?;
        request.headers.push((name, value));
    }
    loop {
        match at.byte()? {
            0xFF => break,
            0x03 => request.user = Some(at.string()?),
            0x04 => request.auth_type = Some(at.string()?),
            0x05 => request.query = Some(at.string()?),
            0x06 => request.route = Some(at.string()?),
            0x07 => request.certificate = Some(at.string()?),
            0x08 => request.cipher = Some(at.string()?),
            0x09 => request.session = Some(at.string()?),
            0x0B => request.key_size = Some(at.int()?),
            0x0C => request.secret = Some(at.string()?),
            0x0D => request.method = at.string()?,
            0x0A => {
                let pair = (at.string()?, at.string()?);
                request.attributes.push(pair);
            }
            _ => drop(at.string()?),
        }
    }
    assert!(at.rest.is_empty(), "nothing follows the end of a request");
    Some(request)
}

struct Cursor<'p> {
    rest: &'p [u8],
}

impl Cursor<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn int(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    fn peek(&self) -> Option<[u8; 2]> {
        self.rest.first_chunk().copied()
    }

    fn string(&mut self) -> Option<String> {
        let length = self.int()?;
        if length == 0xFFFF {
            return Some(String::new());
        }
        let (text, rest) = self.rest.split_at_checked(usize::from(length))?;
        self.rest = rest.strip_prefix(&[0])?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}
