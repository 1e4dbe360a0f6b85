//! The receiving half of one attempt: packets in, response out.

use std::io::IoSlice;
use std::time::Duration;

use super::ajp13::Ajp13;
use super::failure::Cause;
use super::learned::BODY_OVERHEAD;
use super::tally::Tally;
use super::upload::Upload;
use super::{Downstream, RequestSettings};
use crate::ajp::{self, Close, Exchange, Piece, ProtocolError, Step};
use crate::clock::{self, Millis};
use crate::net::{Connection, NetError};

/// One attempt after the request was sent.
pub struct Run<'w> {
    worker: &'w Ajp13,
    settings: &'w RequestSettings<'w>,
    tally: &'w mut Tally,
    exchange: Exchange,
    status: u16,
    /// Body bytes handed to the downstream and not yet passed on.
    queued: usize,
    /// Body bytes that went to the client.
    pub passed: u64,
    /// Whether the client may have seen something.
    pub is_committed: bool,
    /// Whether the container has sent anything.
    pub has_answered: bool,
    /// Why sending failed. The container may have answered all the same, before it hung up.
    broken: Option<NetError>,
    is_over: bool,
    /// Whether a packet came since the last wait.
    has_heard: bool,
    has_waited: bool,
    /// When the last packet came, and the first of the flushes that came last.
    heard: Millis,
    flushing: Option<Millis>,
}

impl<'w> Run<'w> {
    /// Begins to receive the answer to a request that was sent with the first block of `upload`;
    /// `broken` is why that failed.
    pub fn new(
        worker: &'w Ajp13,
        settings: &'w RequestSettings<'w>,
        tally: &'w mut Tally,
        method: &[u8],
        upload: &Upload,
        broken: Option<NetError>,
        now: Millis,
    ) -> Self {
        let mut exchange = Exchange::new(method == b"HEAD", upload.length());
        exchange.body_sent(upload.given());
        Self {
            worker,
            settings,
            tally,
            exchange,
            status: 0,
            queued: 0,
            passed: 0,
            is_committed: false,
            has_answered: false,
            broken,
            is_over: false,
            has_heard: false,
            has_waited: false,
            heard: now,
            flushing: None,
        }
    }

    /// Tells whether the connection may carry another request.
    pub fn may_reuse(&self) -> bool {
        self.exchange.is_reusable() && !self.is_over
    }

    /// Passes the response on.
    ///
    /// # Errors
    ///
    /// What kept it from being complete.
    pub fn receive<D: Downstream>(
        &mut self,
        downstream: &mut D,
        upload: &mut Upload,
        connection: &mut Connection,
    ) -> Result<(), Cause> {
        loop {
            let (mut flush, mut rest) = (false, None);
            loop {
                if self.exchange.takes_pieces() && self.pieces(downstream, connection) {
                    flush |= self.settings.flush_packets;
                    continue;
                }
                let payload = match connection.packet() {
                    Ok(Some(payload)) => payload,
                    // What fills a buffer seldom is all there is. Each pass to httpd is a write.
                    Ok(None) if rest.is_none() && self.queued > 0 && !flush => {
                        match connection.receive_rest() {
                            Ok(Some(leave)) => {
                                rest = Some(leave);
                                continue;
                            }
                            Ok(None) => break,
                            Err(error) => {
                                self.pass(downstream, flush)?;
                                return self.closed(downstream, Some(error));
                            }
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return Err(malformed(error, connection.bytes())),
                };
                let (start, end) = (payload.start, payload.end);
                if !self.has_answered {
                    self.has_answered = true;
                    self.tally.answered();
                }
                self.has_heard = true;
                self.tally.received(end as u64);
                let step = match self.exchange.on_packet(&connection.bytes()[payload]) {
                    Ok(step) => step,
                    Err(ProtocolError::ResponseAbandoned) => return self.closed(downstream, None),
                    Err(error) => return Err(malformed(error, &connection.bytes()[start..end])),
                };
                match step {
                    Step::Head(head) => {
                        self.status = head.status;
                        self.tally.status(head.status);
                        let own = &self.worker.config.fail_on_status;
                        if let Some(cause) = self.settings.failed_status(own, head.status) {
                            connection.consume(end);
                            return Err(cause);
                        }
                        downstream.begin(&head);
                        flush |= self.settings.flush_header;
                    }
                    Step::Body(range) => {
                        let piece = Piece { start: start + range.start, len: range.len() };
                        self.queue(downstream, connection, &[piece], piece.len);
                        flush |= self.settings.flush_packets;
                    }
                    Step::Flush => flush = true,
                    Step::NeedBody { max } => {
                        connection.consume(end);
                        self.pass(downstream, flush)?;
                        flush = false;
                        self.upload(max, downstream, upload, connection)?;
                        continue;
                    }
                    Step::EndOfBodyAgain => {
                        let deadline = self.deadline();
                        let mut end = [IoSlice::new(&ajp::END_OF_BODY)];
                        self.keep_listening(connection.send(&mut end, deadline))?;
                    }
                    Step::Ignored => {}
                    Step::Done { .. } => {
                        connection.consume(end);
                        self.done(downstream)?;
                        return Ok(());
                    }
                }
                connection.consume(end);
            }
            self.pass(downstream, flush)?;
            // Waiting is nothing that memory is kept for.
            drop(rest);
            if let Err(error) = self.wait(connection) {
                return self.closed(downstream, Some(error));
            }
        }
    }

    /// Reads what is left of a response nobody wants, if it is short and about to come, to save
    /// the connection. Returns whether that worked.
    pub fn drain(&mut self, connection: &mut Connection) -> bool {
        let end = Some(clock::now().plus(DRAIN_TIME));
        let mut left = DRAIN_BYTES;
        loop {
            while let Ok(Some(payload)) = connection.packet() {
                let until = payload.end;
                let step = self.exchange.on_packet(&connection.bytes()[payload]);
                let is_done = match step {
                    Ok(Step::Done { reuse }) => Some(reuse),
                    Ok(Step::NeedBody { .. } | Step::EndOfBodyAgain) | Err(_) => Some(false),
                    Ok(_) => None,
                };
                connection.consume(until);
                left = left.saturating_sub(until);
                if let Some(reuse) = is_done {
                    return reuse;
                }
            }
            if left == 0 || connection.receive(end).is_err() {
                return false;
            }
        }
    }

    /// Takes what is ready of a long body together. Returns whether there was any.
    fn pieces<D: Downstream>(&mut self, downstream: &mut D, connection: &mut Connection) -> bool {
        let many = connection.find_pieces(&mut self.exchange);
        if many == 0 {
            return false;
        }
        self.has_heard = true;
        self.tally.received(many as u64);
        let pieces = connection.pieces();
        self.queue(downstream, connection, pieces.list(), pieces.bytes());
        connection.consume(many);
        true
    }

    /// Queues pieces of what was received, `bytes` in all.
    fn queue<D: Downstream>(
        &mut self,
        downstream: &mut D,
        connection: &Connection,
        pieces: &[Piece],
        bytes: usize,
    ) {
        self.queued += bytes;
        downstream.body(connection.slices(pieces));
    }

    /// Hands what is due to the client.
    ///
    /// Small responses are held back: as long as the client has seen nothing, another member may
    /// still answer in full.
    fn pass<D: Downstream>(&mut self, downstream: &mut D, flush: bool) -> Result<(), Cause> {
        let is_due = self.queued > 0 && (self.is_committed || self.queued >= HOLD_BYTES);
        if (flush && self.exchange.has_headers()) || is_due {
            self.is_committed = true;
            self.passed += self.queued as u64;
            self.queued = 0;
            downstream.pass(flush)?;
        }
        Ok(())
    }

    fn upload<D: Downstream>(
        &mut self,
        max: usize,
        downstream: &mut D,
        upload: &mut Upload,
        connection: &Connection,
    ) -> Result<(), Cause> {
        if let Some(size) = self.exchange.largest_requested() {
            self.worker.learned.requested(size);
        }
        let max = max.min(self.worker.config.max_packet_size - BODY_OVERHEAD);
        let is_end = upload.prepare(max, downstream)?;
        // Waiting for the client is no silence of the container.
        self.heard = clock::now();
        let deadline = self.deadline();
        let sent = upload.send(max, is_end, &mut self.exchange, connection, deadline);
        self.keep_listening(sent)
    }

    /// A container that takes no more has perhaps answered already: 413, say, and hung up.
    fn keep_listening(&mut self, sent: Result<(), NetError>) -> Result<(), Cause> {
        match sent {
            Err(error) if error.is_timeout() => Err(error.into()),
            Err(error) => {
                self.broken = Some(error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Waits for more.
    fn wait(&mut self, connection: &mut Connection) -> Result<(), NetError> {
        // The first wait begins right after the request was sent.
        let is_first = !std::mem::replace(&mut self.has_waited, true);
        let mut now = if is_first && !self.has_heard { self.heard } else { clock::now() };
        if std::mem::take(&mut self.has_heard) {
            self.heard = now;
            self.flushing = match self.exchange.flushes_in_a_row() {
                0 => None,
                _ => Some(self.flushing.unwrap_or(now)),
            };
        }
        loop {
            let deadline = if self.broken.is_some() { Some(now) } else { self.deadline() };
            let probe = self.probe_at().filter(|at| deadline.is_none_or(|end| *at < end));
            match connection.receive_from(now, probe.or(deadline)) {
                Ok(()) => return Ok(()),
                Err(error) if probe.is_some() && error.is_timeout() => {
                    // Answered before the end of the response, it means that there is none to
                    // come: Tomcat gives a response up without a word in some cases.
                    connection.send(&mut [IoSlice::new(&ajp::CPING)], deadline)?;
                    self.exchange.probe_sent();
                    now = clock::now();
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// When the container is asked whether it is still at work on the response.
    fn probe_at(&self) -> Option<Millis> {
        let may = self.exchange.may_probe()
            && self.worker.config.response_probe
            && self.worker.learned.answers_cping();
        may.then(|| self.heard.plus(self.worker.config.ping_timeout.max(PROBE_SILENCE)))
    }

    /// The stream ended, or nothing came for too long: decides what that means.
    fn closed<D: Downstream>(
        &mut self,
        downstream: &mut D,
        why: Option<NetError>,
    ) -> Result<(), Cause> {
        if self.exchange.on_close() == Close::Complete {
            // All of the announced body is there: only the word that this is the end is missing.
            self.is_over = true;
            return self.finish(downstream);
        }
        let Some(why) = why else { return Err(Cause::Abandoned) };
        if let Some(broken) = self.broken.take() {
            return Err(broken.into());
        }
        match why.is_timeout() && self.is_reply_limit() {
            true => Err(Cause::ReplyTimeout),
            false => Err(why.into()),
        }
    }

    fn done<D: Downstream>(&mut self, downstream: &mut D) -> Result<(), Cause> {
        let (name, address) = (&self.worker.name, self.worker.pool.target());
        if self.exchange.excess_bytes() > 0 {
            tracing::error!(
                worker = name.as_str(),
                "JK-316 worker {name} at {}: the application sent {} bytes more than its Content-Length; they are cut off",
                address.name(),
                self.exchange.excess_bytes()
            );
        }
        let is_refusal = self.status == 403 && !self.exchange.is_reusable();
        if is_refusal && self.worker.learned.may_hint(clock::now()) {
            tracing::info!(
                worker = name.as_str(),
                "JK-315 worker {name} at {}: 403 and the end of the connection: the worker's secret is not the connector's, or its allowedRequestAttributesPattern does not allow a JkEnvVar",
                address.name()
            );
        }
        self.finish(downstream)
    }

    fn finish<D: Downstream>(&mut self, downstream: &mut D) -> Result<(), Cause> {
        self.is_committed = true;
        self.passed += self.queued as u64;
        Ok(downstream.finish()?)
    }

    fn reply_timeout(&self) -> Option<Duration> {
        self.settings.reply_timeout.unwrap_or(self.worker.config.reply_timeout)
    }

    /// Tells whether it is the reply timeout that ends the wait, not the socket's.
    fn is_reply_limit(&self) -> bool {
        let socket = self.worker.config.socket_timeout;
        self.reply_timeout().is_some_and(|reply| socket.is_none_or(|socket| reply <= socket))
    }

    /// When the next packet must be complete, counted from the last one. Flushes alone do not put
    /// it off for ever.
    fn deadline(&self) -> Option<Millis> {
        let (reply, socket) = (self.reply_timeout(), self.worker.config.socket_timeout);
        let limit = match (reply, socket) {
            (Some(reply), Some(socket)) => reply.min(socket),
            (reply, socket) => reply.or(socket)?,
        };
        let next = self.heard.plus(limit);
        let last = self.flushing.zip(reply).map(|(since, reply)| since.plus(reply * 10));
        Some(last.map_or(next, |last| last.min(next)))
    }
}

fn malformed(error: ProtocolError, bytes: &[u8]) -> Cause {
    Cause::Protocol(error, bytes[..bytes.len().min(SHOWN_BYTES)].to_vec())
}

/// Body bytes that are held back until it is clear that the response is no small one.
const HOLD_BYTES: usize = 16 * 1024;

/// Silence after which a container is asked, at least.
const PROBE_SILENCE: Duration = Duration::from_secs(10);

/// What a connection is worth whose response nobody wants.
const DRAIN_TIME: Duration = Duration::from_millis(20);
const DRAIN_BYTES: usize = 64 * 1024;

/// Bytes of a malformed packet that are shown.
const SHOWN_BYTES: usize = 16;
