//! A server of HTTP that answers with its name and the path.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::support::free_port;

pub struct HttpBackend {
    pub port: u16,
    stopped: Arc<AtomicBool>,
    listening: Option<thread::JoinHandle<()>>,
}

impl HttpBackend {
    pub fn start(name: &'static str) -> Self {
        let port = free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let stopped = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stopped);
        let listening = thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    thread::spawn(move || serve(name, stream));
                }
            }
        });
        Self { port, stopped, listening: Some(listening) }
    }
}

/// Answers each request of a connection.
fn serve(name: &str, stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok().filter(|count| *count > 0)?;
        let mut header = request.clone();
        while !header.trim_end().is_empty() {
            header.clear();
            reader.read_line(&mut header).ok()?;
        }
        let mut words = request.split(' ');
        let body = format!("{name} {} {}", words.next()?, words.next()?);
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        reader.get_mut().write_all(head.as_bytes()).ok()?;
    }
}

impl Drop for HttpBackend {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        self.listening
            .take()
            .into_iter()
            .for_each(|own| own.join().expect("no panic in the listener"));
    }
}
