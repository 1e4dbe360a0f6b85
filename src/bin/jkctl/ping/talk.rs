//! The steps of a ping on the wire, with the module's own sockets and codec.

use std::io::IoSlice;
use std::time::Duration;

use mod_jk::ajp::{self, AjpExchange, Attribute, RequestHead, request_packet};
use mod_jk::clock;
use mod_jk::exchange::{Close, Exchange, HeaderName, RequestBody, ResponseHeader, Step};
use mod_jk::lb::session::route_of_new;
use mod_jk::net::waiting::{Waits, in_thread};
use mod_jk::net::{Connection, Endpoint, PeerAddress, SocketOptions};
use mod_jk::text;
use mod_jk::tool::step_fault::StepFault;

/// A backend to ask.
pub struct Peer {
    /// Name of the worker, if it is one.
    pub name: Option<String>,
    /// Host and port.
    pub target: Endpoint,
    /// The connector's secret.
    pub secret: Option<Vec<u8>>,
    /// Cookie and route of its sessions, if it is the member of a balancer that keeps them.
    pub session: Option<(String, String)>,
    /// Size of a large request to try.
    pub packet_size: Option<usize>,
}

/// An answer to a request.
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Bytes of its body.
    pub bytes: usize,
    /// Route of the session that the answer begins, empty for none.
    pub session_route: Option<String>,
    /// Whether the backend does not want another request on the connection.
    pub closed: bool,
}

/// Measures a step.
pub fn timed<T>(step: impl FnOnce() -> T) -> (Duration, T) {
    let begun = clock::micros();
    let result = step();
    (Duration::from_micros(clock::micros().saturating_sub(begun)), result)
}

/// Connects to one address.
pub fn connect(address: &PeerAddress, limit: Duration) -> Result<Connection, StepFault> {
    let (addresses, options) = (std::slice::from_ref(address), SocketOptions::default());
    let opened = Connection::open(addresses, &options, Waits::InThread, clock::now(), limit);
    in_thread(opened).map_err(|error| StepFault::of(&error, b""))
}

/// Asks for a CPONG.
pub fn cping(connection: &mut Connection, limit: Duration) -> Result<(), StepFault> {
    let asked = connection.ping(&AjpExchange::PING, Waits::InThread, clock::now(), limit);
    in_thread(asked).map_err(|error| match StepFault::of(&error, connection.bytes()) {
        StepFault::Other(_) => StepFault::NotAjp(connection.bytes().to_vec()),
        fault => fault,
    })
}

/// Sends a GET and reads the answer; with `size` a request that fills a packet of so many bytes.
pub fn request(
    connection: &mut Connection,
    peer: &Peer,
    uri: &str,
    host: &str,
    size: Option<usize>,
    limit: Duration,
) -> Result<Reply, StepFault> {
    let deadline = Some(clock::now().plus(limit));
    let mut packet = encode(peer, uri, host, size, 0)?;
    if let Some(size) = size {
        let padding = size.saturating_sub(packet.len());
        packet = encode(peer, uri, host, Some(size), padding)?;
    }
    let mut exchange = AjpExchange::new(false, RequestBody::None);
    connection
        .send(&mut [IoSlice::new(&packet)], deadline)
        .map_err(|error| StepFault::of(&error, b""))?;
    let mut reply = Reply { status: 0, bytes: 0, session_route: None, closed: true };
    loop {
        let found = AjpExchange::next_message(connection.bytes())
            .map_err(|error| StepFault::of_packet(&error, connection.bytes()))?;
        let Some(range) = found else {
            match connection.receive(deadline) {
                Ok(()) => continue,
                // A whole answer that only lacks its last packet.
                Err(_) if reply.status > 0 && exchange.on_close() == Close::Complete => {
                    return Ok(reply);
                }
                Err(error) => return Err(StepFault::of(&error, connection.bytes())),
            }
        };
        let end = range.end;
        let step = exchange
            .on_message(&connection.bytes()[range])
            .map_err(|error| StepFault::of_packet(&error, b""))?;
        let mut wants_end = false;
        match step {
            Step::Head(head) => {
                reply.status = head.status;
                let cookie = peer.session.as_ref().map(|(cookie, _)| text::raw(cookie));
                if let Some(cookie) = cookie.filter(|_| head.sets_cookie) {
                    let set = HeaderName::Known(ResponseHeader::SetCookie);
                    let mut set = head.headers().filter(|(name, _)| *name == set);
                    let route = set.find_map(|(_, value)| route_of_new(value, &cookie));
                    reply.session_route = route.map(text::owned);
                }
            }
            Step::Body(part) => reply.bytes += part.len(),
            Step::NeedBody { .. } | Step::EndOfBodyAgain => wants_end = true,
            Step::Flush | Step::Ignored => {}
            Step::Done { reuse } => {
                reply.closed = !reuse;
                return Ok(reply);
            }
        }
        connection.consume(end);
        if wants_end {
            connection
                .send(&mut [IoSlice::new(AjpExchange::END_OF_BODY)], deadline)
                .map_err(|error| StepFault::of(&error, b""))?;
        }
    }
}

fn encode(
    peer: &Peer,
    uri: &str,
    host: &str,
    size: Option<usize>,
    padding: usize,
) -> Result<Vec<u8>, StepFault> {
    let (path, query) = match uri.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (uri, None),
    };
    let head = RequestHead {
        method: b"GET",
        protocol: b"HTTP/1.1",
        uri: path.as_bytes(),
        remote_addr: Some(b"127.0.0.1"),
        remote_host: None,
        server_name: host.as_bytes(),
        server_port: 80,
        is_tls: false,
    };
    let packet = request_packet(ajp::MAX_PACKET_SIZE, &head, |encoder| {
        encoder.header(b"host", host.as_bytes());
        encoder.header(b"user-agent", concat!("jkctl/", env!("CARGO_PKG_VERSION")).as_bytes());
        encoder.header(b"accept", b"*/*");
        encoder.header(b"content-length", b"0");
        if size.is_some() {
            encoder.header(b"x-jkctl-padding", "x".repeat(padding).as_bytes());
        }
        if let Some(secret) = &peer.secret {
            encoder.attribute(Attribute::Secret(secret));
        }
        if let Some(query) = query {
            encoder.attribute(Attribute::QueryString(query.as_bytes()));
        }
    });
    packet.map_err(|error| StepFault::Other(error.to_string()))
}

/// Returns how a port answers an HTTP request, if it does.
pub fn says_to_http(address: &PeerAddress, limit: Duration) -> Vec<u8> {
    let Ok(mut connection) = connect(address, limit) else { return Vec::new() };
    let deadline = Some(clock::now().plus(limit));
    let text = b"GET / HTTP/1.0\r\n\r\n";
    if connection.send(&mut [IoSlice::new(text)], deadline).is_ok() {
        // The reason of a refusal may come in a second piece.
        while connection.bytes().len() < 4096 && connection.receive(deadline).is_ok() {}
    }
    connection.bytes().to_vec()
}
