//! One ajp13 worker: a request over a pooled connection.

use std::io::IoSlice;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::failure::{Cause, Committed, Failure, Uncommitted};
use super::upload::{Upload, lost};
use super::{Downstream, MemberData, RequestSettings};
use crate::ajp::{Close, Exchange, Step, body_packet_header};
use crate::clock::{self, Millis};
use crate::config::Ajp13Config;
use crate::lb::recovery::{Stage, is_idempotent};
use crate::net::{Connection, Lease, NetError, Pool, PoolOptions, SocketOptions, Target};
use crate::shm::MemberRecord;

/// An ajp13 worker, used directly or as a member.
#[derive(Debug)]
pub struct Ajp13 {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: Ajp13Config,
    /// Its connections in this child.
    pub pool: Arc<Pool>,
}

impl Ajp13 {
    /// Makes a worker without opening anything.
    pub fn new(name: &str, config: Ajp13Config) -> Self {
        let target = Target::new(&config.host, config.port, config.prefer_ipv6);
        let options = PoolOptions {
            size: config.connection_pool_size,
            min_size: config.connection_pool_minsize,
            acquire_timeout: config.connection_acquire_timeout,
            idle_timeout: config.connection_pool_timeout,
            connect_timeout: config.socket_connect_timeout,
            connect_cping: config.connect_timeout,
            socket: SocketOptions {
                keepalive: config.socket_keepalive,
                buffer: config.socket_buffer.map(|size| size.max(config.max_packet_size)),
                source: config.source.as_ref().and_then(|source| source.parse().ok()),
            },
        };
        let pool = Arc::new(Pool::new(target, options));
        Self { name: name.to_owned(), config, pool }
    }

    /// Sends the request once and passes the response on. A kept-alive connection that turns out
    /// to be dead is replaced, which is no second attempt.
    ///
    /// # Errors
    ///
    /// With how far it got.
    pub fn attempt<D: Downstream>(
        &self,
        downstream: &mut D,
        upload: &mut Upload,
        member: &MemberData<'_>,
        settings: &RequestSettings,
        record: &MemberRecord,
    ) -> Result<(), Failure> {
        let not_sent = |cause| Failure::Uncommitted(Uncommitted { cause, stage: Stage::NotSent });
        if self.config.port == 0 {
            return Err(not_sent(Cause::Disabled));
        }
        let busy = record.busy.load(Relaxed);
        if self.config.busy_limit.is_some_and(|limit| busy > limit) {
            return Err(not_sent(Cause::Busy));
        }
        let now = clock::now();
        let mut lease = self.pool.acquire(now).map_err(|error| not_sent(error.into()))?;
        loop {
            self.make_ready(&mut lease, downstream.method(), now)
                .map_err(|error| not_sent(error.into()))?;
            let is_reused = lease.is_reused();
            let limit = self.config.max_packet_size;
            downstream
                .encode(&mut lease.outbox, limit, member)
                .map_err(|error| not_sent(error.into()))?;
            let sent = self.send(&lease, upload, record);
            if let Err(error) = sent {
                if is_reused && !upload.is_gone() {
                    lease.close();
                    continue;
                }
                let stage = Stage::StaleConnection;
                return Err(Failure::Uncommitted(Uncommitted { cause: error.into(), stage }));
            }
            let mut run = Run {
                worker: self,
                settings,
                record,
                exchange: Exchange::new(downstream.method() == b"HEAD", upload.length()),
                queued: 0,
                is_committed: false,
                has_answered: false,
            };
            run.exchange.body_sent(upload.first().len());
            match run.receive(downstream, upload, &mut lease) {
                Ok(reuse) => {
                    if reuse && !settings.disable_reuse {
                        lease.release(clock::now());
                    }
                    return Ok(());
                }
                Err(cause) if run.is_committed => {
                    return Err(Failure::Committed(Committed { cause }));
                }
                Err(cause) => {
                    downstream.undo();
                    let lost = matches!(&cause, Cause::Net(error) if !error.is_timeout());
                    let is_race = is_reused && !run.has_answered && lost && !upload.is_gone();
                    if is_race && is_idempotent(downstream.method()) {
                        // The container closed the idle connection just before the request came.
                        lease.close();
                        continue;
                    }
                    return Err(Failure::Uncommitted(Uncommitted { cause, stage: Stage::Sent }));
                }
            }
        }
    }

    /// Asks the container for a sign of life over a connection of its own.
    ///
    /// # Errors
    ///
    /// If it gives none within the worker's `ping_timeout`.
    pub fn probe(&self) -> Result<(), NetError> {
        let now = clock::now();
        let limit = self.config.ping_timeout.min(PROBE_LIMIT);
        let addresses = self.pool.target().addresses(now)?;
        let options = SocketOptions::default();
        Connection::open(&addresses, &options, now, limit)?.cping(clock::now(), limit)
    }

    /// Leaves the lease with a connection that is worth a request.
    fn make_ready(&self, lease: &mut Lease, method: &[u8], now: Millis) -> Result<(), NetError> {
        while lease.is_connected() {
            let idle = now.since(lease.last_used());
            let is_long_idle = idle > LONG_IDLE && !is_idempotent(method);
            let limit = match self.config.prepost_timeout {
                Some(limit) => limit,
                None if is_long_idle => self.config.ping_timeout,
                None => return Ok(()),
            };
            match lease.cping(clock::now(), limit) {
                Ok(()) => return Ok(()),
                // One silence is enough: the others would only add theirs.
                Err(error) if error.is_timeout() => return Err(error),
                Err(_) => lease.next_idle(),
            }
        }
        lease.connect(now)?;
        match self.config.prepost_timeout.filter(|_| self.config.connect_timeout.is_none()) {
            Some(limit) => lease.cping(clock::now(), limit),
            None => Ok(()),
        }
    }

    fn send(&self, lease: &Lease, upload: &Upload, record: &MemberRecord) -> Result<(), NetError> {
        let first = upload.first();
        let deadline = self.config.socket_timeout.map(|limit| clock::now().plus(limit));
        record.transferred.fetch_add((lease.outbox.len() + first.len()) as u64, Relaxed);
        if first.is_empty() {
            return lease.send(&mut [IoSlice::new(&lease.outbox)], deadline);
        }
        let head = body_packet_header(first.len() as u16);
        let mut parts = [IoSlice::new(&lease.outbox), IoSlice::new(&head), IoSlice::new(first)];
        lease.send(&mut parts, deadline)
    }
}

/// The receiving half of one attempt.
struct Run<'w> {
    worker: &'w Ajp13,
    settings: &'w RequestSettings,
    record: &'w MemberRecord,
    exchange: Exchange,
    /// Body bytes handed to the downstream and not yet passed on.
    queued: usize,
    is_committed: bool,
    has_answered: bool,
}

impl Run<'_> {
    /// Passes the response on. Returns whether the connection may be used again.
    fn receive<D: Downstream>(
        &mut self,
        downstream: &mut D,
        upload: &mut Upload,
        connection: &mut Connection,
    ) -> Result<bool, Cause> {
        let mut deadline = self.deadline();
        loop {
            let mut flush = false;
            while let Some(payload) = connection.packet()? {
                let start = payload.start;
                let end = payload.end;
                self.has_answered = true;
                deadline = self.deadline();
                self.record.read.fetch_add(end as u64, Relaxed);
                match self.exchange.on_packet(&connection.bytes()[payload])? {
                    Step::Head(head) => {
                        let own = &self.worker.config.fail_on_status;
                        if let Some(cause) = self.settings.failed_status(own, head.status) {
                            return Err(cause);
                        }
                        downstream.begin(&head);
                        flush |= self.settings.flush_header;
                    }
                    Step::Body(range) => {
                        self.queued += range.len();
                        let range = start + range.start..start + range.end;
                        downstream.body(connection.slice(range));
                        flush |= self.settings.flush_packets;
                    }
                    Step::Flush => flush = true,
                    Step::NeedBody { max } => {
                        connection.consume(end);
                        let max = max.min(self.worker.config.max_packet_size - 6);
                        let exchange = &mut self.exchange;
                        upload.send(max, downstream, exchange, connection, deadline)?;
                        deadline = self.deadline();
                        continue;
                    }
                    Step::EndOfBodyAgain => {
                        let mut end = [IoSlice::new(&crate::ajp::END_OF_BODY)];
                        connection.send(&mut end, deadline).map_err(lost)?;
                    }
                    Step::Ignored => {}
                    Step::Done { reuse } => {
                        connection.consume(end);
                        self.is_committed = true;
                        downstream.finish()?;
                        return Ok(reuse);
                    }
                }
                connection.consume(end);
            }
            // Small responses are held back: as long as the client has seen nothing, another
            // member may still answer in full.
            let is_due = self.queued > 0 && (self.is_committed || self.queued >= HOLD_BYTES);
            if (flush && self.exchange.has_headers()) || is_due {
                self.is_committed = true;
                self.queued = 0;
                downstream.pass(flush)?;
            }
            match connection.receive(deadline) {
                Ok(()) => {}
                Err(error) if error.is_timeout() => {
                    return Err(match self.reply_timeout() {
                        Some(_) => Cause::ReplyTimeout,
                        None => error.into(),
                    });
                }
                Err(_) if self.exchange.on_close() == Close::Complete => {
                    self.is_committed = true;
                    downstream.finish()?;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn reply_timeout(&self) -> Option<Duration> {
        self.settings.reply_timeout.unwrap_or(self.worker.config.reply_timeout)
    }

    /// When the next packet must be complete.
    fn deadline(&self) -> Option<Millis> {
        let limit = match (self.reply_timeout(), self.worker.config.socket_timeout) {
            (Some(reply), Some(socket)) => Some(reply.min(socket)),
            (reply, socket) => reply.or(socket),
        };
        limit.map(|limit| clock::now().plus(limit))
    }
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Uncommitted(Uncommitted { cause, stage: Stage::NotSent })
    }
}

/// Body bytes that are held back until it is clear that the response is no small one.
const HOLD_BYTES: usize = 16 * 1024;

/// Idle time after which a connection is asked for a sign of life before a request that must not
/// be sent twice.
const LONG_IDLE: Duration = Duration::from_secs(1);

/// Longest wait of a background probe.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
