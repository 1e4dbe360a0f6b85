//! A client of HTTP/2 of a few lines, for what curl and nghttp do not do: bodies that stall.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What came back on the one stream.
#[derive(Debug, Default)]
pub struct Answer {
    pub body: Vec<u8>,
    /// Whether the server has ended the stream in order.
    pub is_complete: bool,
    /// The code the stream was reset with, if it was.
    pub reset: Option<u32>,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Begins a POST with this much of its body and never ends it. Reads until the stream is over.
pub fn stalled_post(port: u16, path: &str, headers: &[(&str, &str)], begin: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("httpd accepts");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a valid timeout");
    let mut fields = vec![
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
    ];
    fields.extend(headers);
    // Literal fields without indexing, with new names and no Huffman code (RFC 7541, 6.2.2).
    let mut block = Vec::new();
    for text in fields
        .iter()
        .flat_map(|(name, value)| [name, value].map(|text| text.as_bytes()))
        .enumerate()
    {
        let (at, text) = text;
        if at % 2 == 0 {
            block.push(0);
        }
        block.push(u8::try_from(text.len()).expect("short"));
        block.extend(text);
    }
    let bytes = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(SETTINGS, 0, 0, &[]),
        frame(HEADERS, END_HEADERS, 1, &block),
        frame(DATA, 0, 1, begin),
    ];
    stream.write_all(&bytes.concat()).expect("httpd reads");
    let mut answer = Answer::default();
    loop {
        let mut head = [0; 9];
        if stream.read_exact(&mut head).is_err() {
            return answer;
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload).expect("the rest of a frame");
        let (kind, flags, number) = (head[3], head[4], head[8]);
        match (kind, number) {
            (SETTINGS, _) if flags & ACK == 0 => {
                stream.write_all(&frame(SETTINGS, ACK, 0, &[])).expect("httpd reads");
            }
            (DATA, 1) => answer.body.extend(&payload),
            (RST_STREAM, 1) => {
                let code = payload.first_chunk().copied().expect("four bytes");
                answer.reset = Some(u32::from_be_bytes(code));
                return answer;
            }
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && number == 1 && flags & END_STREAM != 0 {
            answer.is_complete = true;
            return answer;
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}
