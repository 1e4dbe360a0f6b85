//! Group B: what a backend may send. Each row has its own malformed, late or missing bytes.

use crate::peer::Act::{Close, Drip, Hold, Send, Take, Wait};
use crate::support::backend::{chunk_packet, end, head, ok, packet};
use crate::table::{Ask, Row};

/// A SEND_HEADERS packet from its bytes behind status and reason.
fn headers(count: u16, bytes: &[u8]) -> Vec<u8> {
    packet(&[b"\x04\x00\xc8\x00\x02OK\x00", &count.to_be_bytes()[..], bytes].concat())
}

/// A whole response that begins with another magic number.
fn magic(bytes: &[u8; 2]) -> Vec<u8> {
    [&bytes[..], &ok(&[], b"hello")[2..]].concat()
}

fn with(name: &str, value: &str) -> Vec<u8> {
    [head(200, &[(name, value)]), chunk_packet(b"hello"), end(true)].concat()
}

fn reason(text: &[u8]) -> Vec<u8> {
    let length = (text.len() as u16).to_be_bytes();
    let head = [b"\x04\x00\xc8", &length[..], text, b"\x00\x00\x00"].concat();
    [packet(&head), chunk_packet(b"hello"), end(true)].concat()
}

fn status(status: u16) -> Vec<u8> {
    [head(status, &[]), chunk_packet(b"hello"), end(true)].concat()
}

fn large() -> Vec<u8> {
    // More than one read takes: what comes before the fault is with the client by then.
    let body: Vec<u8> = (0..40).flat_map(|_| chunk_packet(&[b'x'; 8000])).collect();
    [head(200, &[]), body].concat()
}

pub fn rows() -> Vec<Row> {
    [framing(), time(), order(), head_rows(), head_values(), bodies(), uploads(), ends()].concat()
}

fn framing() -> Vec<Row> {
    vec![
        Row::bad("B1", "magic XX", magic(b"XX")),
        Row::bad("B2a", "magic of another protocol", magic(b"QD")),
        Row::bad("B2b", "magic of a request", magic(b"\x12\x34")),
        Row::bad("B2c", "HTTP", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        Row::bad("B3a", "a packet of length 0", packet(&[])),
        Row::bad("B3b", "length 65535, five bytes, end of stream", b"AB\xff\xffhello".to_vec())
            .script(vec![Send(b"AB\xff\xffhello".to_vec()), Close])
            .code("JK-306"),
        Row::good(
            "B3c",
            "a packet larger than max_packet_size is taken",
            [head(200, &[]), chunk_packet(&[b'x'; 60_000]), end(true)].concat(),
        )
        .check(|response, _| response.body.len() == 60_000),
        Row::bad("B10", "END_RESPONSE without its flag", [head(200, &[]), packet(&[5])].concat()),
        Row::bad("B15a", "headers without status", packet(&[4])),
        Row::bad("B15b", "headers with half a status", packet(&[4, 0])),
        Row::bad("B15c", "headers that end behind the status", packet(&[4, 0, 200])),
        Row::bad(
            "B46a",
            "chunk length 4096, five bytes",
            [head(200, &[]), packet(b"\x03\x10\x00hello")].concat(),
        ),
        Row::bad(
            "B46b",
            "chunk length 65535, five bytes",
            [head(200, &[]), packet(b"\x03\xff\xffhello")].concat(),
        ),
        Row::bad("B47", "a chunk of one byte", [head(200, &[]), packet(b"\x03")].concat()),
        Row::bad(
            "B49",
            "bytes behind the chunk",
            [head(200, &[]), packet(b"\x03\x00\x02hello\x00"), end(true)].concat(),
        ),
        Row::good(
            "B50",
            "a chunk without padding byte is taken",
            [head(200, &[]), packet(b"\x03\x00\x05hello"), end(true)].concat(),
        )
        .check(|response, _| response.body == b"hello"),
    ]
}

fn time() -> Vec<Row> {
    let slow =
        |id, text, script| Row::bad(id, text, Vec::new()).script(script).status(504).code("JK-310");
    vec![
        slow("B5", "three bytes, then silence", vec![Send(b"AB\x00".to_vec()), Hold]),
        slow(
            "B6",
            "all but five bytes, then silence",
            vec![Send(headers(0, b"")), Send(chunk_packet(b"0123456789")[..10].to_vec()), Hold],
        ),
        slow(
            "B7",
            "a packet byte by byte: its time counts as a whole",
            vec![Send(headers(0, b"")), Drip(chunk_packet(&[b'x'; 60]), 50), Hold],
        ),
        slow("B8", "silence", vec![Hold]),
        Row::good("B59", "the whole Content-Length, then silence", Vec::new())
            .script(vec![
                Send(head(200, &[("Content-Length", "5")])),
                Send(chunk_packet(b"hello")),
                Hold,
            ])
            .closed()
            .check(|response, _| response.is_complete && response.body == b"hello"),
    ]
}

fn order() -> Vec<Row> {
    let hello = chunk_packet(b"hello");
    vec![
        Row::bad("B9", "the end before headers", end(true)),
        Row::bad("B11a", "reuse flag 2", [head(200, &[]), hello.clone(), packet(&[5, 2])].concat()),
        Row::bad(
            "B11b",
            "reuse flag 255",
            [head(200, &[]), hello.clone(), packet(&[5, 255])].concat(),
        ),
        Row::bad("B13", "body before headers", [hello.clone(), head(200, &[]), end(true)].concat()),
        Row::good("B14", "a flush before headers", [chunk_packet(b""), ok(&[], b"hello")].concat()),
        Row::bad("B51a", "headers twice", [head(200, &[]), head(200, &[]), end(true)].concat()),
        Row::bad("B51b", "headers again in a response that has begun", Vec::new())
            .script(vec![Send(large()), Send(head(200, &[])), Hold])
            .status(0),
        Row::bad("B61", "a CPONG that was not asked for", [packet(&[9]), ok(&[], b"x")].concat()),
        Row::bad("B61b", "a packet of unknown type", packet(&[0x55, 0])),
        Row::bad("B65a", "a request comes back", packet(&[2, 2])),
    ]
}

fn head_rows() -> Vec<Row> {
    vec![
        Row::bad("B17a", "65534 headers announced", headers(65_534, b"")),
        Row::bad("B17b", "five headers announced, one there", headers(5, b"\xa0\x01\x00\x01v\x00")),
        Row::bad("B18", "one header more than announced", headers(0, b"\xa0\x01\x00\x01v\x00")),
        Row::bad("B19a", "header code A000", headers(1, b"\xa0\x00\x00\x01v\x00")),
        Row::bad("B19b", "header code A07F", headers(1, b"\xa0\x7f\x00\x01v\x00")),
        Row::bad("B21a", "a null name", headers(1, b"\xff\xff\x00\x01v\x00")),
        Row::bad("B21b", "a null value", headers(1, b"\xa0\x01\xff\xff")),
        Row::bad("B22", "an empty name", headers(1, b"\x00\x00\x00\x00\x01v\x00")),
        Row::bad("B23", "a string without its terminator", headers(1, b"\xa0\x01\x00\x03abcQ")),
        Row::bad("B24", "a string beyond the packet", headers(1, b"\xa0\x01\x10\x00abc")),
        Row::bad("B25", "status 101", status(101)),
        Row::bad("B26a", "status 0", status(0)),
        Row::bad("B26b", "status 99", status(99)),
        Row::bad("B26c", "status 1000", status(1000)),
        Row::bad("B26d", "status 65534", status(65_534)),
        Row::bad("B26e", "status 100, then 200", [head(100, &[]), ok(&[], b"x")].concat()),
        Row::good("B26f", "status 999", status(999)).status(999),
        Row::good(
            "B29",
            "line ends in the reason",
            reason(b"OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK"),
        )
        .check(|response, _| response.reason == "OK" && response.text() == "hello"),
        Row::good("B30a", "a byte beyond ASCII in the reason", reason(b"a\x80b"))
            .check(|response, _| response.reason == "OK"),
        Row::good(
            "B30b",
            "a null reason",
            [packet(b"\x04\x00\xc8\xff\xff\x00\x00"), end(true)].concat(),
        )
        .check(|response, _| response.reason == "OK"),
        Row::good("B30c", "the status as reason", ok(&[], b"x"))
            .check(|response, _| response.reason == "OK"),
    ]
}

fn head_values() -> Vec<Row> {
    vec![
        Row::bad("B31a", "a line end in a value", with("X-A", "b\r\nX-Injected: yes")),
        Row::bad("B31b", "a bare newline in a value", with("X-A", "b\nX-Injected: yes")),
        Row::bad("B31c", "a NUL in a value", with("X-A", "b\0c")),
        Row::bad("B33a", "a blank in a name", with("X A", "b")),
        Row::bad("B33b", "a line end in a name", with("X-A: b\r\nY", "c")),
        Row::bad("B33c", "a name beyond ASCII", with("X-\u{c4}", "b")),
        Row::bad(
            "B34",
            "a line end in Content-Type",
            with("Content-Type", "text/html\r\nX-Injected: yes"),
        ),
        Row::bad("B35", "a line end in Location", with("Location", "/\r\nX-Injected: yes")),
        Row::good(
            "B37",
            "headers for one connection only",
            [
                head(
                    200,
                    &[
                        ("Connection", "X-Foo"),
                        ("X-Foo", "1"),
                        ("Keep-Alive", "timeout=9"),
                        ("Upgrade", "h2c"),
                        ("TE", "x"),
                        ("Trailer", "y"),
                    ],
                ),
                chunk_packet(b"hello"),
                end(true),
            ]
            .concat(),
        )
        .check(|response, _| {
            let names = ["X-Foo", "Upgrade", "TE", "Trailer"];
            names.iter().all(|name| response.header(name).is_none())
                && response.header("Keep-Alive").is_none_or(|value| !value.contains("=9"))
        }),
        Row::good(
            "B38",
            "chunk coding by the application",
            [
                head(200, &[("Transfer-Encoding", "chunked")]),
                chunk_packet(b"5\r\nhello\r\n0\r\n\r\n"),
                chunk_packet(b""),
                chunk_packet(b"HTTP/1.1 200 OK\r\n\r\nPWNED"),
                end(true),
            ]
            .concat(),
        )
        .check(|response, _| {
            response.is_complete
                && response.text().starts_with("5\r\nhello")
                && response.text().ends_with("PWNED")
        }),
        Row::good("B39", "another transfer coding", with("Transfer-Encoding", "gzip")).check(
            |response, _| response.header("Transfer-Encoding").is_none_or(|own| own == "chunked"),
        ),
        Row::good("B45", "Connection: close", with("Connection", "close"))
            .check(|response, _| response.header("Connection") != Some("close")),
    ]
}

fn bodies() -> Vec<Row> {
    let length = |value: &str| with("Content-Length", value);
    vec![
        Row::good("B27a", "204 with a body", status(204)).status(204),
        Row::good("B27b", "304 with a body", with("X-A", "b"))
            .script(vec![Send(status(304))])
            .status(304),
        Row::good("B27c", "HEAD with a body", with("Content-Length", "5"))
            .ask(Ask::Head)
            .check(|response, _| response.header("Content-Length") == Some("5")),
        Row::bad(
            "B41a",
            "a body shorter than its Content-Length",
            [head(200, &[("Content-Length", "50")]), chunk_packet(b"hello"), end(true)].concat(),
        ),
        Row::bad(
            "B41b",
            "the same after a flush",
            [head(200, &[("Content-Length", "50")]), chunk_packet(b"hello"), chunk_packet(b"")]
                .concat(),
        )
        .script(vec![
            Send(
                [head(200, &[("Content-Length", "50")]), chunk_packet(b"hello"), chunk_packet(b"")]
                    .concat(),
            ),
            Wait(100),
            Send(end(true)),
            Hold,
        ])
        .status(0),
        Row::good(
            "B41c",
            "a body longer than its Content-Length",
            [head(200, &[("Content-Length", "5")]), chunk_packet(b"hello and more"), end(true)]
                .concat(),
        )
        .code("JK-316")
        .closed()
        .check(|response, _| response.body == b"hello"),
        Row::bad("B43a", "Content-Length -5", length("-5")),
        Row::bad("B43b", "Content-Length abc", length("abc")),
        Row::bad("B43c", "Content-Length 5abc", length("5abc")),
        Row::bad("B43d", "Content-Length +5", length("+5")),
        Row::bad("B43e", "Content-Length of 20 digits", length("99999999999999999999")),
        Row::bad("B43f", "Content-Length 5, 5", length("5, 5")),
        Row::bad(
            "B43g",
            "two Content-Lengths",
            [
                head(200, &[("Content-Length", "5"), ("Content-Length", "3")]),
                chunk_packet(b"hello"),
                end(true),
            ]
            .concat(),
        ),
        Row::good(
            "B43h",
            "the same Content-Length twice",
            [
                head(200, &[("Content-Length", "5"), ("Content-Length", "5")]),
                chunk_packet(b"hello"),
                end(true),
            ]
            .concat(),
        ),
        Row::good(
            "B63",
            "ten thousand chunks of one byte",
            [head(200, &[]), chunk_packet(b"x").repeat(10_000), end(true)].concat(),
        )
        .check(|response, _| response.body.len() == 10_000),
    ]
}

fn uploads() -> Vec<Row> {
    let ask = |size: u16| packet(&[&[6][..], &size.to_be_bytes()].concat());
    vec![
        Row::good("B53", "body asked for though there is none", Vec::new())
            .ask(Ask::Get)
            .script(vec![Send(ask(100)), Take, Send(ok(&[], b"hello"))])
            .check(|_, seen| seen.has_end_of_body() && seen.body().is_empty()),
        Row::bad("B54", "body asked for again and again", ask(100).repeat(100)).ask(Ask::Get),
        Row::bad("B55a", "a body request of one byte", packet(&[6])),
        Row::good("B55b", "a body request for 0 bytes", Vec::new())
            .ask(Ask::Post(20_000))
            .script(vec![Send(ask(0)), Take, Send(ask(0)), Take, Send(ok(&[], b"hello"))])
            .check(|_, seen| seen.body().len() == 20_000),
        Row::good("B55c", "a body request for 65535 bytes", Vec::new())
            .ask(Ask::Post(20_000))
            .script(vec![Send(ask(0xFFFF)), Take, Send(ask(0xFFFF)), Take, Send(ok(&[], b"hello"))])
            .check(|_, seen| {
                seen.body().len() == 20_000 && seen.packets.iter().all(|own| own.len() <= 8188)
            }),
        Row::good("B57", "413 without reading the body", Vec::new())
            .ask(Ask::Post(20_000))
            .script(vec![Send([head(413, &[]), chunk_packet(b"no"), end(true)].concat()), Hold])
            .status(413)
            .closed(),
    ]
}

fn ends() -> Vec<Row> {
    vec![
        Row::bad("B42a", "dies before headers", Vec::new()).script(vec![Close]).code("JK-306"),
        Row::bad("B42b", "dies in a small response", Vec::new())
            .script(vec![Send([head(200, &[]), chunk_packet(b"hello")].concat()), Close])
            .code("JK-306"),
        Row::bad("B42c", "dies in a large response", Vec::new())
            .script(vec![Send(large()), Close])
            .status(0)
            .code("JK-306"),
        Row::bad("B42d", "malformed in a large response", Vec::new())
            .script(vec![Send(large()), Send(packet(b"\x03")), Hold])
            .status(0),
        Row::good("B42e", "dies after the whole Content-Length", Vec::new())
            .script(vec![
                Send([head(200, &[("Content-Length", "5")]), chunk_packet(b"hello")].concat()),
                Close,
            ])
            .closed()
            .check(|response, _| response.is_complete && response.body == b"hello"),
        Row::good(
            "J16a",
            "a second end behind the response",
            [ok(&[], b"hello"), end(true)].concat(),
        )
        .script(vec![Send([ok(&[], b"hello"), end(true)].concat()), Hold])
        .code("JK-328")
        .closed(),
        Row::good("J16b", "a second response, a little later", Vec::new())
            .script(vec![Send(ok(&[], b"hello")), Wait(50), Send(ok(&[], b"MARK-foreign")), Hold])
            .code("JK-317")
            .pause(300)
            .closed(),
        Row::good("J16c", "the end of the stream behind the response", Vec::new())
            .script(vec![Send(ok(&[], b"hello")), Close])
            .pause(200)
            .closed(),
        Row::good("B67a", "the connector's own 403", Vec::new())
            .ask(Ask::Get)
            .script(vec![Send([head(403, &[]), chunk_packet(b"no"), end(false)].concat()), Hold])
            .status(403)
            .code("JK-315")
            .closed(),
        Row::good("B67b", "an application's 403 that leaves a body", Vec::new())
            .ask(Ask::Post(20_000))
            .script(vec![Send([head(403, &[]), chunk_packet(b"no"), end(false)].concat()), Hold])
            .status(403)
            .closed(),
        Row::good("B67c", "an application's 403", status(403)).ask(Ask::Get).status(403),
        Row::good("B15d", "reuse flag 0", Vec::new())
            .script(vec![Send([head(200, &[]), chunk_packet(b"hello"), end(false)].concat()), Hold])
            .closed(),
    ]
}
