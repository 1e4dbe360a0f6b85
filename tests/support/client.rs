//! A strict HTTP/1.1 client over one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection to httpd.
pub struct Client {
    stream: BufReader<TcpStream>,
}

/// A whole response.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub reason: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body ended where its framing says.
    pub is_complete: bool,
}

impl Response {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Client {
    pub fn connect(port: u16) -> Self {
        Self::try_connect(port).expect("httpd accepts")
    }

    /// The same; `None` if no process accepts.
    pub fn try_connect(port: u16) -> Option<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a valid timeout");
        stream.set_nodelay(true).expect("a TCP option");
        Some(Self { stream: BufReader::new(stream) })
    }

    /// The port on this side.
    pub fn local_port(&self) -> u16 {
        self.stream.get_ref().local_addr().expect("a connection").port()
    }

    pub fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        text.push_str("\r\n");
        let bytes = [text.as_bytes(), body].concat();
        self.raw(&bytes, method)
    }

    /// Sends bytes as they are and reads one response to `method`.
    pub fn raw(&mut self, bytes: &[u8], method: &str) -> Response {
        self.stream.get_mut().write_all(bytes).expect("httpd reads");
        self.response(method).expect("httpd answers")
    }

    /// The same; `None` if the connection ended without a response.
    pub fn try_raw(&mut self, bytes: &[u8], method: &str) -> Option<Response> {
        self.stream.get_mut().write_all(bytes).ok()?;
        self.response(method)
    }

    /// Sends text as it is.
    pub fn send(&mut self, text: &str) {
        self.stream.get_mut().write_all(text.as_bytes()).expect("httpd reads");
    }

    /// Tells whether httpd asks for the body of a request with `Expect: 100-continue`.
    pub fn is_continued(&mut self) -> bool {
        let line = self.line();
        self.line();
        line.is_some_and(|line| line.starts_with("HTTP/1.1 100"))
    }

    /// Reads one response; `None` if the connection ended before it.
    pub fn response(&mut self, method: &str) -> Option<Response> {
        let line = self.line()?;
        let mut words = line.splitn(3, ' ');
        assert_eq!(words.next(), Some("HTTP/1.1"), "a status line: {line}");
        let status = words.next()?.parse().ok()?;
        let reason = words.next().unwrap_or_default().to_owned();
        if status == 100 {
            self.line()?;
            return self.response(method);
        }
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').expect("a header line");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut response =
            Response { status, reason, headers, body: Vec::new(), is_complete: true };
        if method == "HEAD" || matches!(status, 204 | 304) {
            return Some(response);
        }
        if response.header("Transfer-Encoding").is_some() {
            response.is_complete = self.chunked(&mut response.body).is_some();
        } else if let Some(length) = response.header("Content-Length") {
            let length: u64 = length.parse().expect("a length");
            let got = self.stream.by_ref().take(length).read_to_end(&mut response.body);
            response.is_complete = got.is_ok_and(|got| got as u64 == length);
        } else {
            let _ = self.stream.read_to_end(&mut response.body);
        }
        Some(response)
    }

    fn chunked(&mut self, body: &mut Vec<u8>) -> Option<()> {
        loop {
            let length = u64::from_str_radix(&self.line()?, 16).ok()?;
            let before = body.len() as u64;
            self.stream.by_ref().take(length).read_to_end(body).ok()?;
            if body.len() as u64 - before != length || !self.line()?.is_empty() {
                return None;
            }
            if length == 0 {
                return Some(());
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let got = self.stream.read_line(&mut line).ok()?;
        (got > 0 && line.ends_with("\r\n")).then(|| line.trim_end().to_owned())
    }
}
