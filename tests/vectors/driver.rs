//! Runs recordings through the code and says in words what came out.

use mod_jk::ajp::{
    AjpExchange, Attribute, Frame, Packet, ProtocolError, RequestHead, ResponseHead, next_packet,
    parse_packet, request_packet,
};
use mod_jk::exchange::{BodyChunks, Close, EncodeError, Exchange, RequestBody, Step};

use crate::decoder::{Field, Forward};
use crate::script::Script;

/// Writes a decoded request again.
pub fn encode(forward: &Forward, limit: usize) -> Result<Vec<u8>, EncodeError> {
    let head = RequestHead {
        method: &forward.method,
        protocol: &forward.protocol,
        uri: &forward.uri,
        remote_addr: forward.remote_addr.as_deref(),
        remote_host: forward.remote_host.as_deref(),
        server_name: &forward.server_name,
        server_port: forward.server_port,
        is_tls: forward.is_tls,
    };
    request_packet(limit, &head, |encoder| {
        for (name, value) in &forward.headers {
            encoder.header(name, value);
        }
        for field in &forward.attributes {
            encoder.attribute(match field {
                Field::KeySize(bits) => Attribute::SslKeySize(*bits),
                Field::Named(name, value) => Attribute::Request { name, value },
                Field::Text(3, text) => Attribute::RemoteUser(text),
                Field::Text(4, text) => Attribute::AuthType(text),
                Field::Text(5, text) => Attribute::QueryString(text),
                Field::Text(6, text) => Attribute::Route(text),
                Field::Text(7, text) => Attribute::SslCert(text),
                Field::Text(8, text) => Attribute::SslCipher(text),
                Field::Text(9, text) => Attribute::SslSession(text),
                Field::Text(0x0c, text) => Attribute::Secret(text),
                Field::Text(code, _) => panic!("attribute {code:#04x} is never sent"),
            });
        }
    })
}

/// Says what a backend's packet is, in the words of the recordings.
pub fn say_packet(payload: &[u8]) -> String {
    match parse_packet(payload) {
        Ok(Packet::SendBodyChunk(range)) => format!("chunk {}", range.len()),
        Ok(Packet::GetBodyChunk(requested)) => format!("get {requested}"),
        Ok(Packet::EndResponse(true)) => "end reuse".into(),
        Ok(Packet::EndResponse(false)) => "end close".into(),
        Ok(Packet::Cpong) => "cpong".into(),
        Ok(Packet::SendHeaders(head)) => {
            let mut text = format!("headers {}", head.status);
            if let Some(length) = head.content_length {
                text += &format!(" length {length}");
            }
            if let Some(reason) = head.reason {
                text += &format!(" reason {}", reason.escape_ascii());
            }
            for (name, value) in head.headers() {
                let name = String::from_utf8_lossy(name.as_bytes());
                text += &format!("\n{name}: {}", String::from_utf8_lossy(value));
            }
            text
        }
        Err(error) => format!("error {}", error.tag()),
    }
}

/// Plays a recording and returns the steps.
pub fn run_script(script: &Script) -> String {
    let mut run = Run::new(script);
    let mut has_begun = false;
    let mut pings = 0;
    for event in &script.events {
        let label = event.label.split([' ', ',', '\n']).next().unwrap_or_default();
        match (event.goes_up, label) {
            (true, "request") => has_begun = true,
            (true, "body") => run.exchange.body_sent(event.bytes.len() - 6),
            (true, "end") => run.exchange.body_ended(),
            (true, "cping") if has_begun => run.exchange.probe_sent(),
            (true, "cping") => pings += 1,
            (true, _) => {}
            (false, "silence") => run.words.push("silence".into()),
            (false, "close") => run.close(),
            (false, "cpong") if pings > 0 => {
                pings -= 1;
                run.words.push("P".into());
            }
            (false, _) => {
                run.answers = false;
                run.read(&event.bytes);
            }
        }
    }
    run.words.join(" ")
}

/// Feeds a stream as it arrives, answers every wish for a body, and returns the steps. They are the
/// same whether or not pieces of the body are taken together.
pub fn run_reads(script: &Script, reads: &[&[u8]]) -> String {
    let [single, bulk] = [false, true].map(|in_bulk| run_once(script, reads, in_bulk));
    assert_eq!(single, bulk, "{}", script.name);
    single
}

fn run_once(script: &Script, reads: &[&[u8]], in_bulk: bool) -> String {
    let mut run = Run { in_bulk, ..Run::new(script) };
    let mut buffer = Vec::new();
    for read in reads {
        buffer.extend_from_slice(read);
        let used = run.read(&buffer);
        buffer.drain(..used);
    }
    run.close();
    run.words.join(" ")
}

struct Run {
    exchange: AjpExchange,
    /// Whether pieces of the body are taken together.
    in_bulk: bool,
    words: Vec<String>,
    /// Whether a wish for a body is answered here, one byte at a time.
    answers: bool,
    has_failed: bool,
    announced: Option<u64>,
    delivered: u64,
    is_done: bool,
}

impl Run {
    fn new(script: &Script) -> Self {
        let exchange = AjpExchange::new(script.is_head, script.body.unwrap_or(RequestBody::None));
        Self {
            exchange,
            in_bulk: false,
            words: Vec::new(),
            answers: true,
            has_failed: false,
            announced: None,
            delivered: 0,
            is_done: false,
        }
    }

    /// Takes the whole packets at the front of a buffer and returns how many bytes they had.
    fn read(&mut self, buffer: &[u8]) -> usize {
        let mut used = 0;
        while !self.has_failed {
            if self.in_bulk {
                let many = self.chunks(&buffer[used..]);
                used += many;
                if many > 0 {
                    continue;
                }
            }
            match next_packet(&buffer[used..]) {
                Ok(Frame::Incomplete { needed }) => {
                    assert!(needed > buffer.len() - used && needed <= 65_539);
                    break;
                }
                Ok(Frame::Packet { payload }) => {
                    self.packet(&buffer[used + payload.start..used + payload.end]);
                    used += payload.end;
                }
                Err(error) => self.fail(error),
            }
        }
        used
    }

    fn chunks(&mut self, stream: &[u8]) -> usize {
        let mut chunks = BodyChunks::default();
        let used = self.exchange.on_body_chunks(stream, &mut chunks);
        assert_eq!(used > 0, !chunks.list().is_empty());
        for piece in chunks.list() {
            assert!(!self.is_done && piece.len > 0 && piece.start + piece.len <= used);
            self.delivered += piece.len as u64;
            assert!(self.announced.is_none_or(|announced| self.delivered <= announced));
            self.words.push(format!("B{}", piece.len));
        }
        used
    }

    fn packet(&mut self, payload: &[u8]) {
        match self.exchange.on_message(payload) {
            Ok(step) => {
                let word = self.step(step, payload);
                self.words.push(word);
            }
            Err(error) => {
                assert!(!self.exchange.is_reusable(), "{error}");
                self.fail(error);
            }
        }
    }

    fn step(&mut self, step: Step<ResponseHead<'_>>, payload: &[u8]) -> String {
        let is_late = self.is_done && !matches!(step, Step::Ignored);
        assert!(!is_late, "nothing but a CPONG may follow the end");
        match step {
            Step::Head(head) => {
                assert!((200..=999).contains(&head.status));
                self.announced = head.content_length;
                for (name, value) in head.headers() {
                    let name = name.as_bytes();
                    assert!(!name.is_empty() && !name.contains(&b'\n') && !name.contains(&b':'));
                    assert!(!value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'));
                    assert!(!name.eq_ignore_ascii_case(b"transfer-encoding"));
                    assert!(!name.eq_ignore_ascii_case(b"connection"));
                    assert!(!name.eq_ignore_ascii_case(b"content-length"));
                }
                "H".into()
            }
            Step::Body(range) => {
                assert!(!range.is_empty() && range.end <= payload.len());
                self.delivered += range.len() as u64;
                assert!(self.announced.is_none_or(|announced| self.delivered <= announced));
                format!("B{}", range.len())
            }
            Step::Flush => "F".into(),
            Step::NeedBody { max } => {
                assert!((1..=65_535).contains(&max));
                if self.answers && self.exchange.is_body_sent() {
                    self.exchange.body_ended();
                } else if self.answers {
                    self.exchange.body_sent(1);
                }
                format!("N{max}")
            }
            Step::EndOfBodyAgain => "E".into(),
            Step::Ignored => "-".into(),
            Step::Done { reuse } => {
                self.is_done = true;
                assert_eq!(reuse, self.exchange.is_reusable());
                if reuse { "R" } else { "C" }.into()
            }
        }
    }

    fn fail(&mut self, error: ProtocolError) {
        self.has_failed = true;
        assert!(!error.to_string().is_empty());
        self.words.push(error.tag().into());
    }

    fn close(&mut self) {
        self.words.push(match self.exchange.on_close() {
            Close::Complete => "complete".into(),
            Close::Broken => "broken".into(),
        });
    }
}
