//! One attempt of a request at one worker: a place in its pool, and deliveries over connections.

use std::io::IoSlice;
use std::time::Duration;

use crate::ajp::AjpExchange;
use crate::clock::{self, Millis};
use crate::exchange::Exchange;
use crate::lb::MemberRecord;
use crate::lb::retry_policy::{Stage, is_idempotent, may_execute_again};
use crate::messages::MessageCode::{JK304, JK318};
use crate::net::waiting::{Waits, in_thread};
use crate::net::{Connection, Lease, NetError, Pool};
use crate::worker::ajp13::attempt_metrics::AttemptMetrics;
use crate::worker::ajp13::peer_capabilities::is_distrusted;
use crate::worker::ajp13::rejection::Answer;
use crate::worker::ajp13::request_body::ReplayableBody;
use crate::worker::ajp13::response::ResponseReader;
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::error::{Cause, ClientError, Committed, Failure, Uncommitted};
use crate::worker::{Downstream, MemberData, RequestSettings};

/// An attempt under way.
#[derive(Debug)]
pub struct Attempt<'w> {
    /// Who gets the request.
    pub worker: &'w Ajp13,
    /// The balancer that has chosen it, if there is one.
    pub balancer: Option<&'w str>,
    /// Its place in the pool, with no connection, if the next delivery shall open a new one.
    lease: Option<Lease<&'w Pool>>,
    metrics: AttemptMetrics,
    /// Whether a new connection must answer a CPING before the request is sent over it.
    pub must_answer: bool,
    /// How long the request has waited for places in pools, with the attempts before, and for room.
    pub waited: Duration,
    /// How long it may wait for all that.
    pub place_timeout: Duration,
    /// Whether it has its turn even where its thread is one too many: it was parked in a queue, and those
    /// that come back together with it hold their threads for a moment only.
    pub is_beyond_share: bool,
    /// Whether it has the room it waited for: a limit that was lowered since does not refuse it.
    pub has_room: bool,
}

impl<'w> Attempt<'w> {
    /// Begins an attempt; nothing is opened yet.
    pub fn new(worker: &'w Ajp13, balancer: Option<&'w str>, metrics: AttemptMetrics) -> Self {
        let place_timeout = worker.config.connection_acquire_timeout;
        let (lease, must_answer, waited) = (None, false, Duration::ZERO);
        let (is_beyond_share, has_room) = (false, false);
        Self {
            worker,
            balancer,
            lease,
            metrics,
            must_answer,
            waited,
            place_timeout,
            is_beyond_share,
            has_room,
        }
    }

    /// Sends the request once and passes the response on. After a failure it may be called again and
    /// opens a new connection then: the place in the pool stays.
    ///
    /// # Errors
    ///
    /// With how far it got.
    pub async fn deliver<D: Downstream>(
        &mut self,
        downstream: &mut D,
        request_body: &mut ReplayableBody,
        member: &MemberData<'_>,
        settings: &RequestSettings<'_>,
    ) -> Result<Answer, Failure> {
        let worker = self.worker;
        let (mut lease, now) = match self.lease.take() {
            Some(lease) => (lease, clock::now()),
            None => self.enter(settings.waits).await?,
        };
        let must_answer = std::mem::take(&mut self.must_answer);
        let method = downstream.method();
        let (connect_us, mut ready) = if is_ready(worker, &mut lease, method, &self.metrics, now) {
            (None, now)
        } else {
            let asked = ask_or_open(
                worker,
                &mut lease,
                method,
                &self.metrics,
                must_answer,
                settings.waits,
                now,
            );
            // Most requests need no question: it takes no room in those that wait for a response.
            let asked =
                if settings.waits.can_park() { Box::pin(asked).await } else { in_thread(asked) };
            asked.map_err(Cause::from)?
        };
        self.metrics.connected(connect_us);
        let is_reused = lease.is_reused();
        let Connection { write_buffer, scratch, .. } = &mut *lease;
        let packet = downstream
            .encode::<AjpExchange>(write_buffer, scratch, worker.config.max_packet_size, member)
            .map_err(Cause::from)?;
        let first = request_body.rewind(worker.first_block());
        let sent = send(worker, &lease, packet, first, &self.metrics);
        if !first.is_empty() {
            // It may have had to wait for room.
            ready = clock::now();
        }
        let (taken, broken) = match sent {
            Ok(()) => (usize::MAX, None),
            Err((taken, error)) => (taken, Some(error)),
        };
        let metrics = &mut self.metrics;
        let mut run = ResponseReader::<AjpExchange>::new(
            worker,
            settings,
            metrics,
            downstream.method(),
            request_body,
            broken,
            ready,
        );
        (run.head_bytes, run.balancer) = (packet, self.balancer);
        (run.session_cookie, run.route) = (member.session_cookie, member.route);
        let cause = match run.receive(downstream, request_body, &mut lease).await {
            Ok(()) => {
                let answer = run.answer();
                let may_reuse = run.may_reuse() && !settings.disable_reuse;
                let surplus = run.surplus(&lease);
                let now = self.metrics.completed();
                if surplus > 0 {
                    drop(lease);
                    worker.report_surplus(surplus, &downstream.label());
                } else if may_reuse {
                    lease.release(now);
                }
                return Ok(answer);
            }
            Err(cause) => cause,
        };
        if run.is_committed {
            let failure = Committed { cause, passed: run.passed };
            if run.may_reuse() && !settings.disable_reuse {
                // Only the client's side failed, after the backend's had ended.
                lease.release(clock::now());
            }
            return Err(Failure::Committed(failure));
        }
        if matches!(cause, Cause::Client(ClientError::Refused | ClientError::Replaced)) {
            // What the request holds now belongs to the answer that httpd has sent.
            let (stage, is_stale) = (Stage::Sent, false);
            return Err(Failure::Uncommitted(Uncommitted { cause, stage, is_stale }));
        }
        downstream.undo();
        let has_answered = run.has_answered;
        let is_lost = matches!(&cause, Cause::Net(error) if !error.is_timeout());
        let stage = match taken {
            _ if has_answered => Stage::Sent,
            0 => Stage::NotSent,
            taken if taken < packet => Stage::Begun,
            _ => Stage::Sent,
        };
        let is_stale = is_reused && is_lost && !has_answered;
        if is_stale {
            lease.close();
            self.lease = Some(lease);
        } else if matches!(cause, Cause::Status { .. }) && run.drain(&mut lease) {
            match run.surplus(&lease) {
                0 => lease.release(clock::now()),
                surplus => {
                    drop(lease);
                    worker.report_surplus(surplus, &downstream.label());
                }
            }
        }
        Err(Failure::Uncommitted(Uncommitted { cause, stage, is_stale }))
    }

    /// Gives the place back and counts what became of the attempt.
    #[inline(always)] // as below
    pub fn end<D: Downstream>(
        &mut self,
        downstream: &mut D,
        settings: &RequestSettings<'_>,
        result: &Result<Answer, Failure>,
    ) {
        self.lease = None;
        self.metrics.end(downstream, settings, &self.worker.name, result);
    }

    /// Takes a place in the pool, if the worker may have another request. Returns it with the time.
    #[inline(always)] // it has one caller, as `send` has
    async fn enter(&mut self, waits: Waits<'_>) -> Result<(Lease<&'w Pool>, Millis), Failure> {
        let (worker, metrics) = (self.worker, &self.metrics);
        if worker.config.is_off() {
            return Err(Cause::Disabled.into());
        }
        let busy = || worker.in_flight(metrics.record, metrics.busy);
        if !self.has_room
            && let Some(limit) = worker.busy_limit()
            && busy() >= limit
        {
            metrics.record.full.note(metrics.begun());
            if busy() > limit {
                return Err(worker.at_limit().into());
            }
        }
        if worker.share.is_on()
            && !self.is_beyond_share
            && worker.is_out_of_threads(metrics.record, metrics.busy, self.balancer.is_none())
        {
            return Err(Cause::ThreadShare.into());
        }
        let now = metrics.begun();
        // All waits of a request for a place are one wait.
        let limit = self.place_timeout.saturating_sub(self.waited);
        let acquired = worker.pool.acquire(waits, now, limit).await;
        let waited = match &acquired {
            Ok(lease) => lease.waited(),
            Err(_) => Some(clock::now().since(now)),
        };
        if let Some(waited) = waited {
            metrics.queued(waited);
            self.waited += waited;
        }
        let now = if waited.is_some() { clock::now() } else { now };
        Ok((acquired.map_err(Cause::from)?, now))
    }
}

/// Tells whether the lease has a connection that is worth a request.
#[inline(always)] // most requests find one that needs no question
fn is_ready(
    worker: &Ajp13,
    lease: &mut Lease<&Pool>,
    method: &[u8],
    metrics: &AttemptMetrics,
    begun: Millis,
) -> bool {
    worker.report_unsolicited(lease.take_unsolicited());
    lease.is_connected()
        && matches!(idle_ping(worker, lease, method, metrics.record, begun), IdlePing::Needless)
}

/// Leaves the lease with a connection that is worth a request: an idle one that has answered, or a new one. Returns
/// how long opening it took in microseconds, if it is a new one, and when it was ready.
async fn ask_or_open(
    worker: &Ajp13,
    lease: &mut Lease<&Pool>,
    method: &[u8],
    metrics: &AttemptMetrics,
    must_answer: bool,
    waits: Waits<'_>,
    begun: Millis,
) -> Result<(Option<u64>, Millis), NetError> {
    // The time for pings once one was needed, and what those of idle connections took.
    let (mut whole, mut spent, mut is_silent) = (Duration::ZERO, Duration::ZERO, false);
    while lease.is_connected() {
        let limit = match idle_ping(worker, lease, method, metrics.record, begun) {
            IdlePing::Needless => return Ok((None, begun)),
            IdlePing::Within(limit) => limit,
            IdlePing::Useless => {
                lease.close();
                break;
            }
        };
        whole = limit;
        // Half of the time for all idle connections together, the rest for a new one.
        let now = clock::now();
        let half = begun.plus(limit / 2).since(now);
        let result = lease.ping(&AjpExchange::PING, waits, now, half).await;
        let ready = clock::now();
        spent = ready.since(begun);
        match result {
            Ok(()) => {
                worker.capabilities.answered_cping();
                return Ok((None, ready));
            }
            Err(error) if error.is_client_left() => return Err(error),
            Err(error) if error.is_timeout() => {
                // The others are as old: a firewall that forgot this one forgot them too.
                tracing::info!(
                    worker = worker.name.as_str(),
                    "{JK304} worker {} at {}: an idle connection did not answer CPING: {error}; all idle connections are closed and a new one is opened",
                    worker.name,
                    worker.pool.target().name()
                );
                worker.capabilities.tried(true);
                is_silent = true;
                lease.close();
                worker.pool.close_idle();
            }
            Err(error) if error.is_unsolicited() => {
                worker.report_unsolicited(1);
                lease.close();
            }
            Err(_) => lease.next_idle(),
        }
    }
    worker.report_unsolicited(lease.take_unsolicited());
    let took = open(worker, lease, waits).await?;
    let config = &worker.config;
    let own = config.connect_timeout.get().or(config.prepost_timeout.get());
    // A backend that does not answer over idle connections gets no request over a new one unasked.
    let own = own.or((is_silent && worker.capabilities.answers_cping()).then_some(whole));
    let own = own.or(must_answer.then_some(config.ping_timeout));
    if let Some(limit) = own {
        // One time for all pings: a new connection has what the idle ones left.
        let left = limit.max(whole).saturating_sub(spent);
        let asked = lease.ping(&AjpExchange::PING, waits, clock::now(), limit.min(left)).await;
        if let Err(error) = asked {
            if must_answer && !error.is_closed() {
                // A backend that has never answered is not asked each time.
                worker.capabilities.tried(true);
            }
            return Err(error);
        }
        worker.capabilities.answered_cping();
    }
    Ok((Some(took), clock::now()))
}

/// Opens a new connection. Returns how long that took in microseconds.
async fn open(worker: &Ajp13, lease: &mut Lease<&Pool>, waits: Waits<'_>) -> Result<u64, NetError> {
    let connecting = clock::micros();
    lease.connect(waits, clock::now()).await?;
    let took = clock::micros() - connecting;
    if let Some(why) = lease.source_refused() {
        let source = worker.config.source.as_deref().unwrap_or_default();
        tracing::warn!(
            worker = worker.name.as_str(),
            "{JK318} worker {}: cannot connect from source {source}: {why}; connected from another address; correct source",
            worker.name
        );
    }
    Ok(took)
}

/// Whether an idle connection must answer a CPING before it is used.
enum IdlePing {
    Needless,
    Within(Duration),
    /// It must, and the backend knows no CPING: the connection cannot be used.
    Useless,
}

#[inline(always)]
fn idle_ping(
    worker: &Ajp13,
    lease: &Lease<&Pool>,
    method: &[u8],
    record: &MemberRecord,
    now: Millis,
) -> IdlePing {
    let config = &worker.config;
    if let Some(limit) = config.prepost_timeout.get() {
        return IdlePing::Within(limit);
    }
    if is_distrusted(record, now) {
        return match worker.capabilities.is_mute() {
            true => IdlePing::Useless,
            false => IdlePing::Within(config.ping_timeout),
        };
    }
    // A request that cannot be sent again must not meet a connection that the backend is closing.
    let is_old = config.idle_guard.is_some_and(|limit| now.since(lease.last_used()) > limit);
    let is_precious =
        || !is_idempotent(method) || !may_execute_again(method, config.recovery_options);
    match is_old && is_precious() {
        true => IdlePing::Within(config.ping_timeout),
        false => IdlePing::Needless,
    }
}

/// Sends the first `packet` bytes of the outbox and the first block of the body.
#[inline(always)]
fn send(
    worker: &Ajp13,
    lease: &Lease<&Pool>,
    packet: usize,
    first: &[u8],
    metrics: &AttemptMetrics,
) -> Result<(), (usize, NetError)> {
    let deadline = worker.config.socket_timeout.get().map(|limit| clock::now().plus(limit));
    let packet = &lease.write_buffer[..packet];
    metrics.sent((packet.len() + first.len()) as u64);
    if first.is_empty() {
        return lease.send_counted(&mut [IoSlice::new(packet)], deadline);
    }
    let head = AjpExchange::body_head(first.len() as u16);
    let mut parts = [IoSlice::new(packet), IoSlice::new(&head), IoSlice::new(first)];
    lease.send_counted(&mut parts, deadline)
}
