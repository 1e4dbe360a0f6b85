//! A backend that keeps every FORWARD_REQUEST as it came and answers 200.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::backend::{ok, packet};

pub struct Recorder {
    pub port: u16,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Recorder {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let requests: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let kept = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(stream, &kept));
            }
        });
        Self { port, requests }
    }

    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().expect("no panic under the lock").clone()
    }
}

fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Vec<u8>>>) {
    while let Some(payload) = take(&mut stream) {
        match payload.first() {
            Some(2) => {
                kept.lock().expect("no panic under the lock").push(payload);
                if stream.write_all(&ok(&[], b"ok")).is_err() {
                    return;
                }
            }
            Some(0x0a) if payload.len() == 1 => {
                let _ = stream.write_all(&packet(&[9]));
            }
            // The one body packet that comes unasked; no more are asked for.
            _ => {}
        }
    }
}

pub fn take(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).ok()?;
    let mut payload = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
    stream.read_exact(&mut payload).ok()?;
    Some(payload)
}
