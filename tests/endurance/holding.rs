//! A backend that keeps requests until it is told to answer them, and clients that wait for it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::backend::{chunk_packet, end, head, packet};
use crate::support::client::Client;

/// No thread waits with a request: there are thousands.
pub struct Holding {
    pub port: u16,
    held: Arc<Mutex<Vec<(TcpStream, String)>>>,
}

impl Holding {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let held = Arc::<Mutex<Vec<(TcpStream, String)>>>::default();
        let own = Arc::clone(&held);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let own = Arc::clone(&own);
                // Only until the request is there; a probe may have none.
                thread::spawn(move || {
                    if let Some(path) = request(&mut stream) {
                        own.lock().expect("no panic under the lock").push((stream, path));
                    }
                });
            }
        });
        Self { port, held }
    }

    /// How many requests it has.
    pub fn count(&self) -> usize {
        self.held.lock().expect("no panic under the lock").len()
    }

    /// Answers all of them with their paths, and lets httpd close the connections.
    pub fn release(&self) {
        let held = std::mem::take(&mut *self.held.lock().expect("no panic under the lock"));
        for (mut stream, path) in held {
            let length = path.len().to_string();
            let answer = [
                head(200, &[("Content-Length", &length)]),
                chunk_packet(path.as_bytes()),
                end(false),
            ];
            // A client that has left takes its connection along.
            let _ = stream.write_all(&answer.concat());
        }
    }
}

/// Reads a request without a body and returns its path; answers each CPING before it.
fn request(stream: &mut TcpStream) -> Option<String> {
    loop {
        let mut start = [0; 4];
        stream.read_exact(&mut start).ok()?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([start[2], start[3]]))];
        stream.read_exact(&mut payload).ok()?;
        if payload == [10] {
            stream.write_all(&packet(&[9])).ok()?;
            continue;
        }
        let text = String::from_utf8_lossy(&payload).into_owned();
        return text.split('\0').find_map(|word| Some(word[word.find("/app/")?..].to_owned()));
    }
}

/// Sends requests that wait, and returns their clients.
pub fn waiting(port: u16, count: usize) -> Vec<Client> {
    let send = |number| {
        let mut client = Client::connect(port);
        client.send(&format!("GET /app/{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
        client
    };
    (0..count).map(send).collect()
}
