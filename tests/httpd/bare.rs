//! A container of a few lines over a bare socket, for what the scripted one cannot play.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

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
