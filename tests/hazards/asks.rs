//! Group A: what a client may send, byte for byte.

use crate::peer::Seen;

/// How a client goes on after its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Reads the answer.
    Reads,
    /// Says that it will send no more, and reads.
    HalfCloses,
    /// Is gone.
    Vanishes,
}

/// One row of group A.
#[derive(Clone)]
pub struct Sent {
    pub id: &'static str,
    pub text: &'static str,
    pub bytes: Vec<u8>,
    pub then: Then,
    /// Statuses that are right; none if no answer is needed.
    pub statuses: &'static [u16],
    /// How often the backend gets the request.
    pub delivered: usize,
    /// How often it gets the request that lies behind the first one.
    pub behind: usize,
    /// The code of the one line of level warn or above; empty for none.
    pub code: &'static str,
    /// What must be true of the connections over which it came.
    pub check: fn(&[Seen]) -> bool,
}

/// A whole request that lies behind another one.
const BEHIND: &str = "GET /app/row/behind HTTP/1.1\r\nHost: h\r\n\r\n";

fn post(id: &'static str, text: &'static str, headers: &str, body: &str) -> Sent {
    let head = format!("POST /app/row/{id} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
    Sent {
        id,
        text,
        bytes: [head.as_bytes(), body.as_bytes()].concat(),
        then: Then::Reads,
        statuses: &[200],
        delivered: 1,
        behind: 0,
        code: "",
        check: |_| true,
    }
}

impl Sent {
    /// Refused by httpd itself: the backend sees nothing.
    fn refused(self, statuses: &'static [u16]) -> Self {
        Self { statuses, delivered: 0, ..self }
    }

    fn behind(self, behind: usize) -> Self {
        Self { behind, ..self }
    }

    fn check(self, check: fn(&[Seen]) -> bool) -> Self {
        Self { check, ..self }
    }

    fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    fn then(self, then: Then) -> Self {
        Self { then, ..self }
    }

    fn statuses(self, statuses: &'static [u16]) -> Self {
        Self { statuses, ..self }
    }
}

fn is_closed(seen: &[Seen]) -> bool {
    seen.iter().all(|line| line.is_closed)
}

/// A body that was cut is never given an end: the application would take it for whole.
fn is_cut(seen: &[Seen]) -> bool {
    is_closed(seen) && seen.iter().all(|line| !line.has_end_of_body())
}

fn has_five(seen: &[Seen]) -> bool {
    seen.iter().all(|line| line.body() == b"hello")
}

/// The body is announced by one header, which says that its length is not known.
fn is_announced_once(seen: &[Seen]) -> bool {
    let coding = b"Transfer-Encoding\0\0\x07chunked\0";
    seen.iter().all(|line| {
        let head = &line.packets[0];
        let count = head.windows(coding.len()).filter(|own| own == coding).count();
        count == 1 && !head.windows(2).any(|own| own == b"\xa0\x08")
    })
}

pub fn rows() -> Vec<Sent> {
    [lengths(), codings(), chunks(), bytes(), sizes(), aborts()].concat()
}

fn lengths() -> Vec<Sent> {
    let five = |id, text, headers: &str| post(id, text, headers, "hello").refused(&[400]);
    let behind = format!("hello{BEHIND}");
    vec![
        post("A1", "Content-Length: 5", "Content-Length: 5\r\n", "hello").check(has_five),
        five("A16", "two different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        five("A17", "the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        five("A18", "a list of lengths", "Content-Length: 5, 5\r\n"),
        five("A19", "+5", "Content-Length: +5\r\n"),
        five("A20", "-5", "Content-Length: -5\r\n"),
        five("A21", "0x5", "Content-Length: 0x5\r\n"),
        five("A22", "5 5", "Content-Length: 5 5\r\n"),
        five("A23", "20 digits", "Content-Length: 99999999999999999999\r\n"),
        five("A24", "beyond 64 bits", "Content-Length: 18446744073709551617\r\n"),
        five("A25", "empty", "Content-Length:\r\n"),
        post("A26", "an underscore is another name", "Content_Length: 5\r\n", BEHIND).behind(1),
        post(
            "A28",
            "Connection: Content-Length",
            "Connection: Content-Length\r\nContent-Length: 5\r\n",
            "hello",
        )
        .check(has_five),
        post("A27", "a request as body", &format!("Content-Length: {}\r\n", BEHIND.len()), BEHIND)
            .check(|seen| seen.iter().all(|line| line.body() == BEHIND.as_bytes())),
        post("A88", "another request behind the body", "Content-Length: 5\r\n", &behind).behind(1),
    ]
}

fn codings() -> Vec<Sent> {
    let chunked = "5\r\nhello\r\n0\r\n\r\n";
    let both = format!("{chunked}{BEHIND}");
    let none = format!("0\r\n\r\n{BEHIND}");
    let te = |id, text, value: &str, body: &str| {
        post(id, text, &format!("Transfer-Encoding:{value}\r\n"), body)
    };
    let old = "POST /app/row/A94 HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\
               Transfer-Encoding: chunked\r\n\r\n";
    // A body that is a FORWARD_REQUEST, where a backend that expects no body would read it.
    let packet = format!("\x02\x02{}", "x".repeat(598));
    vec![
        te("A2", "chunked", " chunked", chunked).check(has_five),
        post(
            "A3",
            "a length and chunked",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            &both,
        )
        .check(has_five),
        post(
            "A4",
            "chunked and a length",
            "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n",
            &none,
        )
        .check(|seen| seen.iter().all(|line| line.body().is_empty())),
        te("A5", "chunked twice", " chunked, chunked", chunked).refused(&[400, 501]),
        te("A6", "gzip, chunked", " gzip, chunked", chunked).refused(&[400, 501]),
        post(
            "A7",
            "identity and a length",
            "Transfer-Encoding: identity\r\nContent-Length: 5\r\n",
            "hello",
        )
        .refused(&[400, 501]),
        post(
            "A8",
            "xchunked and a length",
            "Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n",
            "hello",
        )
        .refused(&[400, 501]),
        post("A9", "a blank before the colon", "Transfer-Encoding : chunked\r\n", chunked)
            .refused(&[400]),
        te("A10", "a tab before the value", "\tchunked", &both).behind(1).check(has_five),
        post(
            "A11",
            "a vertical tab",
            "Transfer-Encoding: \x0bchunked\r\nContent-Length: 5\r\n",
            "hello",
        )
        .refused(&[400]),
        post(
            "A12",
            "two codings",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
            chunked,
        )
        .refused(&[400, 501]),
        post(
            "A14",
            "in quotes",
            "Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n",
            "hello",
        )
        .refused(&[400, 501]),
        post("A13", "folded", "Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n", &both)
            .statuses(&[200, 400])
            .check(|seen| {
                seen.iter().all(|line| line.body() == b"hello" || line.body().is_empty())
            }),
        te(
            "A34",
            "trailers stay behind",
            " chunked",
            "5\r\nhello\r\n0\r\nContent-Length: 50\r\nX-Tr: y\r\n\r\n",
        )
        .check(|seen| has_five(seen) && seen.iter().all(|line| !contains(line, b"X-Tr"))),
        te("A91", "chunked is announced to the backend", " chunked", chunked)
            .check(|seen| has_five(seen) && is_announced_once(seen)),
        post(
            "A92",
            "Connection: Transfer-Encoding",
            "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
            chunked,
        )
        .check(|seen| has_five(seen) && is_announced_once(seen)),
        Sent {
            bytes: [old, &both].concat().into_bytes(),
            ..post("A94", "chunked in HTTP/1.0, and a request behind it", "", "")
        }
        .check(has_five),
        post(
            "P13",
            "a packet as body",
            "Transfer-Encoding: chunked, chunked\r\nContent-Length: 600\r\n",
            &packet,
        )
        .refused(&[400, 501]),
    ]
}

fn contains(line: &Seen, text: &[u8]) -> bool {
    line.packets.iter().any(|packet| packet.windows(text.len()).any(|own| own == text))
}

fn chunks() -> Vec<Sent> {
    let chunked = |id, text, body: &str| {
        post(id, text, "Transfer-Encoding: chunked\r\n", body).statuses(&[400, 413]).check(is_cut)
    };
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(80_000));
    vec![
        chunked("A30", "a chunk extension of 80,000 bytes", &long),
        chunked("A31a", "a chunk length of -5", "-5\r\nhello\r\n0\r\n\r\n"),
        chunked("A31b", "a chunk length of 0x5", "0x5\r\nhello\r\n0\r\n\r\n"),
        chunked("A31c", "a chunk length of zz", "zz\r\nhello\r\n0\r\n\r\n"),
        chunked("A32", "a chunk length beyond 64 bits", "ffffffffffffffff1\r\nhello\r\n0\r\n\r\n"),
        chunked("A33", "no line end behind the chunk", "5\r\nhelloXX0\r\n\r\n"),
    ]
}

fn bytes() -> Vec<Sent> {
    let get = |id: &'static str, text, method: &str, headers: &str| {
        let bytes = format!("{method} /app/row/{id} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        Sent { bytes: bytes.into_bytes(), ..post(id, text, "", "") }
    };
    vec![
        get("A35", "a folded header is one line", "GET", "X-A: b\r\n c\r\n")
            .check(|seen| seen.iter().all(|line| contains(line, b"b c"))),
        get("A37", "a bare CR in a header", "GET", "X-A: b\rc\r\n").refused(&[400]),
        get("A38", "a NUL in a header", "GET", "X-A: b\0c\r\n").refused(&[400]),
        get("A39", "a blank in a header's name", "GET", "X A: b\r\n").refused(&[400]),
        get("A41a", "a method in lower case", "get", "")
            .check(|seen| seen.iter().all(|line| contains(line, b"\x0d\0\x03get\0"))),
        get("A41b", "an unknown method", "FOO-BAR", "")
            .check(|seen| seen.iter().all(|line| contains(line, b"\x0d\0\x07FOO-BAR\0"))),
        get("A42", "TRACE is httpd's", "TRACE", "").refused(&[200]),
        get(
            "A43",
            "an upgrade is not forwarded",
            "GET",
            "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        )
        .check(|seen| seen.iter().all(|line| !contains(line, b"websocket"))),
        get("A95", "trailers are not announced", "GET", "Trailer: X-Sum\r\n")
            .check(|seen| seen.iter().all(|line| !contains(line, b"X-Sum"))),
        get(
            "A93",
            "Connection: what the backend trusts",
            "GET",
            "Connection: Authorization, X-Forwarded-For\r\n\
             Authorization: Basic eDp5\r\nX-Forwarded-For: 192.0.2.7\r\n",
        )
        .check(|seen| {
            seen.iter().all(|line| contains(line, b"Basic eDp5") && contains(line, b"192.0.2.7"))
        }),
        get("A44", "an unknown expectation", "GET", "Expect: foo\r\n").refused(&[417]),
        get(
            "A79",
            "headers are headers only",
            "GET",
            "JK_ROUTE: a\r\nAJP_SSL_PROTOCOL: b\r\nJK-Worker-Name: st\r\n",
        )
        .check(|seen| seen.iter().all(|line| !contains(line, b"\x0a\0\x10AJP_SSL_PROTOCOL"))),
    ]
}

fn sizes() -> Vec<Sent> {
    let with = |id: &'static str, text, name: &str, headers: &str| {
        let bytes = format!("GET /app/row/{id}/{name} HTTP/1.1\r\nHost: h\r\n{headers}\r\n");
        Sent { bytes: bytes.into_bytes(), ..post(id, text, "", "") }
    };
    let many: String = (0..20).map(|n| format!("X-{n}: {}\r\n", "v".repeat(500))).collect();
    let big = format!("X-Big: {}\r\n", "v".repeat(8100));
    let wrapping = format!("X-Auth: admin{}\r\n", "B".repeat(65_536));
    vec![
        with("A45", "one header of 8,100 bytes", "", &big).refused(&[431]).code("JK-309"),
        with("A46", "20 headers of 500 bytes", "", &many).refused(&[431]).code("JK-309"),
        with("A49", "a header that wraps 16 bits", "", &wrapping).refused(&[431]).code("JK-309"),
        with("A48a", "a path of 4,094 bytes", &"p".repeat(4080), ""),
        with("A48b", "a path of 9,000 bytes", &"p".repeat(9000), "").refused(&[414]).code("JK-309"),
    ]
}

fn aborts() -> Vec<Sent> {
    let cut = |id, text, then| {
        let body = "x".repeat(20_000);
        post(id, text, "Content-Length: 50000\r\n", &body).then(then).statuses(&[]).check(is_cut)
    };
    vec![
        post("A50a", "5 of 500 bytes, then the end", "Content-Length: 500\r\n", "hello")
            .then(Then::HalfCloses)
            .statuses(&[400])
            .check(is_cut),
        post("A50b", "none of 500 bytes", "Content-Length: 500\r\n", "")
            .then(Then::HalfCloses)
            .refused(&[400]),
        cut("A51", "20,000 of 50,000 bytes, then gone", Then::Vanishes),
        post("A52", "nothing more for longer than Timeout", "Content-Length: 500\r\n", "hello")
            .statuses(&[408])
            .check(is_cut),
        post("A52b", "a chunk that never ends", "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n")
            .statuses(&[408])
            .check(is_cut),
    ]
}
