//! A whole exchange: whatever the backend sends, in whatever pieces, the client gets at most the
//! announced bytes, in order, and a connection is reused only after a clean end.
//!
//! The first four bytes are the request: HEAD or not, the kind of body and its length, and into
//! how large pieces the stream is cut. The rest is what the backend sends.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mod_jk::ajp::{AjpExchange, Frame, next_packet};
use mod_jk::exchange::{BodyChunks, Close, Exchange, RequestBody, Step};

fuzz_target!(|data: &[u8]| {
    let Some((&[flags, high, low, piece], stream)) = data.split_first_chunk::<4>() else { return };
    let length = u64::from(u16::from_be_bytes([high, low]));
    let body = match flags >> 1 & 3 {
        0 => RequestBody::None,
        1 if length > 0 => RequestBody::Known(length),
        _ => RequestBody::Unknown,
    };
    let settings = Settings { is_head: flags & 1 == 1, body, probes: flags & 8 == 8 };
    let whole = Run::new(settings).feed(stream, usize::MAX);
    let pieces = Run::new(settings).feed(stream, usize::from(piece).max(1));
    assert_eq!(whole, pieces, "the steps depend on how the stream was cut");
    let bulk = Run { in_bulk: true, ..Run::new(settings) }.feed(stream, usize::MAX);
    assert_eq!(whole, bulk, "the steps depend on whether pieces are taken together");
});

#[derive(Clone, Copy)]
struct Settings {
    is_head: bool,
    body: RequestBody,
    probes: bool,
}

/// Plays the caller and keeps its own books.
struct Run {
    settings: Settings,
    exchange: AjpExchange,
    in_bulk: bool,
    steps: Vec<(char, usize)>,
    announced: Option<u64>,
    delivered: u64,
    /// Bytes of body the backend sent, wanted or not.
    received: u64,
    sent: u64,
    ends: u32,
    is_done: bool,
    may_have_body: bool,
}

impl Run {
    fn new(settings: Settings) -> Self {
        let mut exchange = AjpExchange::new(settings.is_head, settings.body);
        if settings.probes && exchange.may_probe() {
            exchange.probe_sent();
        }
        Self {
            settings,
            exchange,
            in_bulk: false,
            steps: Vec::new(),
            announced: None,
            delivered: 0,
            received: 0,
            sent: 0,
            ends: 0,
            is_done: false,
            may_have_body: false,
        }
    }

    fn feed(mut self, stream: &[u8], piece: usize) -> Vec<(char, usize)> {
        let mut buffer = Vec::new();
        'stream: for read in stream.chunks(piece.min(stream.len().max(1))) {
            buffer.extend_from_slice(read);
            let mut used = 0;
            loop {
                if self.in_bulk {
                    let many = self.take_body_chunks(&buffer[used..]);
                    used += many;
                    if many > 0 {
                        continue;
                    }
                }
                match next_packet(&buffer[used..]) {
                    Ok(Frame::Packet { payload }) => {
                        let packet = &buffer[used + payload.start..used + payload.end];
                        if !self.take(packet) {
                            break 'stream;
                        }
                        used += payload.end;
                    }
                    Ok(Frame::Incomplete { .. }) => break,
                    Err(_) => break 'stream,
                }
            }
            buffer.drain(..used);
        }
        let complete = self.exchange.on_close() == Close::Complete;
        if complete && self.may_have_body && !self.is_done {
            assert_eq!(self.announced, Some(self.delivered), "complete without all bytes");
        }
        assert!(!complete || self.exchange.has_headers());
        self.steps.push(('x', usize::from(complete)));
        self.steps
    }

    /// Takes pieces of the body and returns how long their packets are.
    fn take_body_chunks(&mut self, stream: &[u8]) -> usize {
        let mut chunks = BodyChunks::default();
        let used = self.exchange.on_body_chunks(stream, &mut chunks);
        for piece in chunks.list() {
            assert!(self.may_have_body && !self.is_done, "a piece where there is no body");
            assert!(piece.len > 0 && piece.start + piece.len <= used);
            self.received += piece.len as u64;
            self.delivered += piece.len as u64;
            assert!(self.announced.is_none_or(|announced| self.delivered <= announced));
            self.steps.push(('B', piece.len));
        }
        used
    }

    /// Takes one packet; `false` ends the exchange.
    fn take(&mut self, packet: &[u8]) -> bool {
        let Ok(step) = self.exchange.on_message(packet) else {
            assert!(!self.exchange.is_reusable(), "reuse after an error");
            self.steps.push(('!', 0));
            return false;
        };
        assert!(!self.is_done || matches!(step, Step::Ignored), "a step after the end");
        if self.may_have_body && packet[0] == 3 {
            self.received += u64::from(u16::from_be_bytes([packet[1], packet[2]]));
        }
        let said = match step {
            Step::Head(head) => {
                assert!(self.steps.iter().all(|(step, _)| *step != 'H'), "headers twice");
                let bodiless = matches!(head.status, 204 | 205 | 304);
                self.may_have_body = !self.settings.is_head && !bodiless;
                self.announced = head.content_length;
                ('H', usize::from(head.status))
            }
            Step::Body(range) => {
                assert!(self.may_have_body && !range.is_empty() && range.end <= packet.len());
                self.delivered += range.len() as u64;
                assert!(self.announced.is_none_or(|announced| self.delivered <= announced));
                ('B', range.len())
            }
            Step::Flush => ('F', 0),
            Step::NeedBody { max } => {
                assert!(max > 0 && self.ends == 0, "body wanted after its end");
                self.answer(max);
                ('N', max)
            }
            Step::EndOfBodyAgain => {
                self.ends += 1;
                assert!(self.ends <= 2, "bounded work");
                ('E', 0)
            }
            Step::Ignored => ('-', 0),
            Step::Done { reuse } => {
                self.is_done = true;
                if self.may_have_body && let Some(announced) = self.announced {
                    assert_eq!(announced, self.delivered, "short body");
                    assert!(!reuse || announced == self.received, "reuse after too long a body");
                }
                if let RequestBody::Known(length) = self.settings.body {
                    assert!(!reuse || self.sent == length, "reuse with a half-sent body");
                }
                assert!(!reuse || packet == [5, 1]);
                ('D', usize::from(reuse))
            }
        };
        self.steps.push(said);
        true
    }

    /// Sends half of what is wanted, and for a body of unknown length stops after some packets.
    fn answer(&mut self, max: usize) {
        if let RequestBody::Known(length) = self.settings.body {
            assert!(self.sent + max as u64 <= length, "more than announced");
        } else if self.sent > 3 {
            self.ends += 1;
            self.exchange.body_ended();
            return;
        }
        let bytes = max.div_ceil(2);
        self.sent += bytes as u64;
        self.exchange.body_sent(bytes);
    }
}
