//! Backends of a few lines over a bare socket, for what the scripted one cannot play.
//!
//! [`serving`] is the usual one: it serves a connection as a real backend does. [`bare`] hands over the
//! socket itself, for backends that do not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use crate::support::backend::packet;

/// The payload of the packet that asks whether a backend is there.
pub const CPING: [u8; 1] = [10];

/// What becomes of a connection when a request on it has had its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    Keep,
    Close,
}

/// Runs `play` for each connection with its number, counted from 1.
pub fn bare(play: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let (play, count) = (Arc::new(play), AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (play, number) = (Arc::clone(&play), count.fetch_add(1, SeqCst) + 1);
            thread::spawn(move || play(number, stream));
        }
    });
    port
}

/// Listens and serves each connection by [`serve`].
pub fn serving(answer: impl Fn(&mut TcpStream, &[u8]) -> Then + Send + Sync + 'static) -> u16 {
    bare(move |_, mut stream| serve(&mut stream, &answer))
}

/// Serves a connection as a real backend does, until httpd or `answer` ends it: each CPING is answered
/// at once, as httpd may send one over any idle connection, and body that was not asked for is skipped.
///
/// A connection that an answer promises to keep (`end(true)`) must be kept: httpd may have sent the next
/// request before it can see that the connection was closed, and does not repeat every request.
pub fn serve(stream: &mut TcpStream, mut answer: impl FnMut(&mut TcpStream, &[u8]) -> Then) {
    while let Some(payload) = take(stream) {
        if payload == CPING {
            if stream.write_all(&packet(&[9])).is_err() {
                return;
            }
        } else if is_request(&payload) && answer(stream, &payload) == Then::Close {
            return;
        }
    }
}

/// Whether a packet begins a request. A packet of the body begins with a length, which may look like
/// the code of a request and its method; no text of a protocol follows there.
fn is_request(payload: &[u8]) -> bool {
    let &[2, _, high, low, ref rest @ ..] = payload else { return false };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let protocol = rest.get(..length).unwrap_or_default();
    (1..16).contains(&length)
        && protocol.iter().all(u8::is_ascii_graphic)
        && rest.get(length) == Some(&0)
}

/// Path of a request below `/app/`; empty if there is none.
pub fn path(request: &[u8]) -> String {
    let text = String::from_utf8_lossy(request);
    let path = text.split('\0').find_map(|word| word.find("/app/").map(|at| &word[at..]));
    path.unwrap_or_default().to_owned()
}

/// Reads one packet; `None` at the end of the stream.
pub fn take(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut start = [0; 4];
    stream.read_exact(&mut start).ok()?;
    let mut payload = vec![0; usize::from(u16::from_be_bytes([start[2], start[3]]))];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}

pub fn give(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).expect("httpd reads");
}

/// Makes the end of the stream a reset.
#[allow(unsafe_code)]
pub fn reset(stream: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    let len = size_of::<libc::linger>() as libc::socklen_t;
    let (fd, place) = (stream.as_raw_fd(), (&raw const linger).cast());
    // SAFETY: `linger` is readable for `len` bytes.
    unsafe { libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, place, len) };
}
