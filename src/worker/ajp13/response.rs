//! The receiving half of one attempt: packets in, response out.

use std::io::IoSlice;

use crate::clock::{self, Millis};
use crate::exchange::{Chunk, Close, Exchange, ExplainFault, ResponseParts, Step};
use crate::messages::MessageCode::JK316;
use crate::net::{Connection, NetError};
use crate::worker::ajp13::attempt_metrics::AttemptMetrics;
use crate::worker::ajp13::peer_capabilities::BODY_OVERHEAD;
use crate::worker::ajp13::rejection::{Answer, Rejection};
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::error::{Cause, ClientError};
use crate::worker::error_log::who;
use crate::worker::{Downstream, RequestSettings};

/// One attempt after the request was sent.
pub struct ResponseReader<'w, E> {
    pub(super) worker: &'w Ajp13,
    /// The balancer that has chosen it, if there is one.
    pub balancer: Option<&'w str>,
    pub(super) settings: &'w RequestSettings<'w>,
    pub(super) metrics: &'w mut AttemptMetrics,
    pub(super) exchange: E,
    status: u16,
    /// Cookie and route that sessions of this member should begin with; see `compare_routes`.
    pub session_cookie: Option<&'w str>,
    /// The member's route.
    pub route: Option<&'w [u8]>,
    /// Size of the packet with the request's head.
    pub head_bytes: usize,
    /// Body bytes handed to the downstream and not yet passed on.
    queued: usize,
    /// Body bytes that went to the client.
    pub passed: u64,
    /// Whether the client may have seen something.
    pub is_committed: bool,
    /// Whether the backend has sent anything.
    pub has_answered: bool,
    /// Why sending failed. The backend may have answered all the same, before it hung up.
    pub(super) broken: Option<NetError>,
    is_over: bool,
    /// Whether a packet came since the last wait.
    pub(super) has_received: bool,
    pub(super) has_waited: bool,
    /// When the last packet came, and the first of the flushes that came last.
    pub(super) last_packet_at: Millis,
    pub(super) flushing: Option<Millis>,
}

impl<'w, E: Exchange> ResponseReader<'w, E> {
    /// Begins to receive the answer to a request that was sent with the first block of `request_body`;
    /// `broken` is why that failed.
    pub fn new(
        worker: &'w Ajp13,
        settings: &'w RequestSettings<'w>,
        metrics: &'w mut AttemptMetrics,
        method: &[u8],
        request_body: &ReplayableBody,
        broken: Option<NetError>,
        now: Millis,
    ) -> Self {
        let mut exchange = E::new(method == b"HEAD", request_body.length());
        exchange.body_sent(request_body.sent());
        Self {
            worker,
            balancer: None,
            settings,
            metrics,
            exchange,
            status: 0,
            session_cookie: None,
            route: None,
            head_bytes: 0,
            queued: 0,
            passed: 0,
            is_committed: false,
            has_answered: false,
            broken,
            is_over: false,
            has_received: false,
            has_waited: false,
            last_packet_at: now,
            flushing: None,
        }
    }

    /// Tells whether the connection may carry another request.
    pub fn may_reuse(&self) -> bool {
        self.exchange.is_reusable() && !self.is_over
    }

    /// Says whose answer a complete response is.
    pub fn answer(&self) -> Answer {
        match self.worker.config.refusal_detection {
            true => Answer::of(self.status, &self.exchange, self.head_bytes),
            false => Answer::Ordinary,
        }
    }

    /// Returns how many bytes came behind the reply that belong to no request.
    pub fn surplus(&self, connection: &Connection) -> usize {
        // A reply that came just in time is followed by the answer to the probe.
        let is_whole = !self.is_over && !self.exchange.awaits_pong();
        // check: J16a
        if is_whole { connection.bytes().len() } else { 0 }
    }

    /// Passes the response on.
    ///
    /// # Errors
    ///
    /// What kept it from being complete.
    pub async fn receive<D: Downstream>(
        &mut self,
        downstream: &mut D,
        request_body: &mut ReplayableBody,
        connection: &mut Connection,
    ) -> Result<(), Cause> {
        loop {
            let (mut flush, mut rest) = (false, None);
            loop {
                if self.exchange.takes_body_chunks() && self.chunks(downstream, connection) {
                    flush |= self.settings.flush_packets;
                    continue;
                }
                let payload = match E::next_message(connection.bytes()) {
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
                    self.metrics.answered();
                }
                self.has_received = true;
                self.metrics.received(end as u64);
                let step = match self.exchange.on_message(&connection.bytes()[payload]) {
                    Ok(step) => step,
                    Err(fault) if E::is_abandoned(&fault) => return self.closed(downstream, None),
                    Err(error) => return Err(malformed(error, &connection.bytes()[start..end])),
                };
                match step {
                    Step::Head(head) => {
                        self.status = head.status();
                        self.metrics.status(self.status);
                        let own = &self.worker.config.fail_on_status;
                        if let Some(cause) = self.settings.failed_status(own, self.status) {
                            connection.consume(end);
                            return Err(cause);
                        }
                        if let Some(cookie) = self.session_cookie.filter(|_| head.sets_cookie()) {
                            self.compare_routes(&head, cookie);
                        }
                        downstream.begin(&head);
                        flush |= self.settings.flush_header;
                    }
                    Step::Body(range) => {
                        let piece = Chunk { start: start + range.start, len: range.len() };
                        self.queue(downstream, connection, &[piece], piece.len);
                        flush |= self.settings.flush_packets;
                    }
                    Step::Flush => flush = true,
                    Step::NeedBody { max } => {
                        connection.consume(end);
                        self.pass(downstream, flush)?;
                        flush = false;
                        self.send_body(max, downstream, request_body, connection)?;
                        continue;
                    }
                    Step::EndOfBodyAgain => {
                        let deadline = self.send_deadline();
                        let mut end = [IoSlice::new(E::END_OF_BODY)];
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
            if let Err(error) = self.wait(connection).await {
                return self.closed(downstream, Some(error));
            }
        }
    }

    /// Takes what is ready of a long body together. Returns whether there was any.
    fn chunks<D: Downstream>(&mut self, downstream: &mut D, connection: &mut Connection) -> bool {
        let many = connection.find_body_chunks(&mut self.exchange);
        if many == 0 {
            return false;
        }
        self.has_received = true;
        self.metrics.received(many as u64);
        let chunks = connection.chunks();
        self.queue(downstream, connection, chunks.list(), chunks.bytes());
        connection.consume(many);
        true
    }

    /// Queues pieces of what was received, `bytes` in all.
    fn queue<D: Downstream>(
        &mut self,
        downstream: &mut D,
        connection: &Connection,
        chunks: &[Chunk],
        bytes: usize,
    ) {
        self.queued += bytes;
        downstream.body(connection.slices(chunks));
    }

    /// Hands what is due to the client.
    ///
    /// Small responses are held back: as long as the client has seen nothing, another member may
    /// still answer in full.
    #[inline(always)]
    fn pass<D: Downstream>(&mut self, downstream: &mut D, flush: bool) -> Result<(), Cause> {
        let is_due = self.queued > 0 && (self.is_committed || self.queued >= HOLD_BYTES);
        if (flush && self.exchange.has_headers()) || is_due {
            if downstream.is_replaced() {
                self.queued = 0;
                return Ok(());
            }
            self.is_committed = true;
            self.passed += self.queued as u64;
            let is_flush_only = std::mem::take(&mut self.queued) == 0;
            match downstream.pass(flush) {
                // It has left with all that there is.
                Err(ClientError::Gone)
                    if is_flush_only && self.exchange.on_close() == Close::Complete => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn send_body<D: Downstream>(
        &mut self,
        max: usize,
        downstream: &mut D,
        request_body: &mut ReplayableBody,
        connection: &Connection,
    ) -> Result<(), Cause> {
        if let Some(size) = self.exchange.largest_requested() {
            self.worker.capabilities.requested(size);
        }
        // check: B55c
        let max = max.min(self.worker.config.max_packet_size - BODY_OVERHEAD);
        let is_end = request_body.prepare(max, downstream)?;
        // Waiting for the client is no silence of the backend.
        self.last_packet_at = clock::now();
        let deadline = self.send_deadline();
        let sent = request_body.send(max, is_end, &mut self.exchange, connection, deadline);
        self.keep_listening(sent)
    }

    /// A backend that takes no more has perhaps answered already: 413, say, and hung up.
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

    /// The stream ended, or nothing came for too long: decides what that means.
    fn closed<D: Downstream>(
        &mut self,
        downstream: &mut D,
        why: Option<NetError>,
    ) -> Result<(), Cause> {
        if why.as_ref().is_some_and(NetError::is_client_left) {
            return Err(ClientError::Gone.into());
        }
        // check: B3b
        // check: B59
        if self.exchange.on_close() == Close::Complete {
            // All of the announced body is there: only the word that this is the end is missing.
            self.is_over = true;
            return self.finish(downstream);
        }
        let Some(why) = why else { return Err(Cause::Abandoned) };
        if let Some(broken) = self.broken.take() {
            return Err(broken.into());
        }
        match why.is_timeout() && self.reply_deadline().1 {
            true => Err(Cause::ReplyTimeout),
            false => Err(why.into()),
        }
    }

    fn done<D: Downstream>(&mut self, downstream: &mut D) -> Result<(), Cause> {
        self.report_excess(downstream);
        if let Answer::Rejected(rejection) = self.answer() {
            self.report_rejection(downstream, rejection);
        }
        self.finish(downstream)
    }

    /// Says that the application sent more than it announced. The client has a proper response.
    fn report_excess<D: Downstream>(&self, downstream: &D) {
        let excess = self.exchange.excess_bytes();
        if excess > 0 {
            let (name, address) = (self.worker.name.as_str(), self.worker.pool.target().name());
            tracing::warn!(
                worker = name,
                "{JK316} worker {name} at {address}: {}: the application sent {excess} bytes more than its Content-Length; they are discarded, and the client received the response up to its Content-Length; correct the application",
                downstream.label()
            );
        }
    }

    #[cold]
    fn report_rejection<D: Downstream>(&self, downstream: &D, rejection: Rejection) {
        let name = self.worker.name.as_str();
        let (who, address) = who(self.balancer, self.worker);
        let balancer = self.balancer;
        let (request, cause) = (downstream.label(), rejection.text(self.head_bytes));
        let (status, code, remedy) = (rejection.status(), rejection.code(), rejection.remedy());
        let ms = clock::now().since(self.metrics.begun()).as_millis() as u64;
        tracing::error!(
            worker = name,
            balancer,
            address,
            request,
            cause,
            status,
            ms,
            "{code} {who}: {request}: {cause}, after {ms} ms; the client received the connector's {status}; {remedy}; if an application answers like this itself, set worker.{name}.refusal_detection=off"
        );
    }

    fn finish<D: Downstream>(&mut self, downstream: &mut D) -> Result<(), Cause> {
        if downstream.is_replaced() {
            return Ok(());
        }
        self.is_committed = true;
        self.passed += self.queued as u64;
        match downstream.finish() {
            // The whole response was given to the filter, and this is what it has made of it.
            Err(ClientError::Replaced) => Ok(()),
            result => Ok(result?),
        }
    }
}

#[cold]
fn malformed(fault: impl ExplainFault, bytes: &[u8]) -> Cause {
    Cause::Protocol(fault.explain(bytes))
}

/// Body bytes that are held back until it is clear that the response is no small one.
const HOLD_BYTES: usize = 16 * 1024;
