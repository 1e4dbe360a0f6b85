//! One ajp13 worker: a request over a pooled connection.

use std::io::IoSlice;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use once_cell::sync::OnceCell;

use super::failure::{Cause, Committed, Failure, Uncommitted};
use super::learned::Learned;
use super::run::Run;
use super::tally::Tally;
use super::upload::Upload;
use super::{Downstream, MemberData, RequestSettings};
use crate::ajp::body_packet_header;
use crate::clock::{self, Millis};
use crate::config::Ajp13Config;
use crate::lb::recovery::{Stage, is_idempotent, may_resend_once_read};
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
    /// What its container has shown of itself.
    pub learned: Arc<Learned>,
    /// Its records if it has several: one in each balancer, and one for itself.
    pub(super) records: OnceCell<Vec<&'static MemberRecord>>,
}

impl Ajp13 {
    /// Makes a worker without opening anything. Names are looked up, which may take seconds; what
    /// goes wrong with that is returned in words, and tried again later.
    pub fn new(name: &str, config: Ajp13Config) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let target = Target::new(&config.host, config.port, config.prefer_ipv6);
        if config.port != 0
            && let Err(why) = target.look_up()
        {
            problems.push(format!(
                "JK-302 worker {name} at {}: {why}; the worker is not usable yet, the name is looked up again in the background",
                target.name()
            ));
        }
        let source = config.source.as_ref().and_then(|source| {
            let found = source_address(source);
            if found.is_none() {
                problems.push(format!(
                    "JK-318 worker {name}: the source {source} has no address and is ignored"
                ));
            }
            found
        });
        let pool = Arc::new(Pool::new(target, pool_options(&config, source)));
        (
            Self {
                name: name.to_owned(),
                config,
                pool,
                learned: Arc::default(),
                records: OnceCell::new(),
            },
            problems,
        )
    }

    /// Makes the same worker with other settings. Connections stay, unless it is about them that
    /// the settings differ.
    pub fn with(&self, config: &Ajp13Config) -> Option<Self> {
        let connections = Ajp13Config {
            ping_timeout: self.config.ping_timeout,
            prepost_timeout: self.config.prepost_timeout,
            reply_timeout: self.config.reply_timeout,
            retries: self.config.retries,
            retry_interval: self.config.retry_interval,
            connection_ping_interval: self.config.connection_ping_interval,
            recovery_options: self.config.recovery_options,
            busy_limit: self.config.busy_limit,
            ..config.clone()
        };
        (format!("{connections:?}") == format!("{:?}", self.config)).then(|| Self {
            name: self.name.clone(),
            config: config.clone(),
            pool: Arc::clone(&self.pool),
            learned: Arc::clone(&self.learned),
            records: OnceCell::new(),
        })
    }

    /// Returns how many requests to it are in flight over all children and balancers, with `busy` of
    /// them by the record `own`.
    pub fn in_flight(&self, own: &MemberRecord, busy: u32) -> u32 {
        let others = self.records.get().into_iter().flatten();
        let others = others.filter(|record| !std::ptr::eq(**record, own));
        busy + others.map(|record| record.busy.load(Relaxed)).sum::<u32>()
    }

    /// Returns how much body may go out together with a request.
    pub fn first_block(&self) -> usize {
        self.learned.first_block(self.config.max_packet_size)
    }

    /// Returns how much body of a request with this method is kept for another container. It is
    /// asked for more than the first block only by a container that has the request, so that the
    /// rest can matter only to requests that may be sent again even then.
    pub fn replay_size(&self, method: &[u8]) -> usize {
        match may_resend_once_read(method, self.config.recovery_options) {
            true => self.config.replay_size,
            false => 0,
        }
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
        settings: &RequestSettings<'_>,
        mut tally: Tally,
    ) -> Result<(), Failure> {
        let result = self.try_once(downstream, upload, member, settings, &mut tally);
        tally.end(downstream, settings, &self.name, &result);
        result
    }

    fn try_once<D: Downstream>(
        &self,
        downstream: &mut D,
        upload: &mut Upload,
        member: &MemberData<'_>,
        settings: &RequestSettings<'_>,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let not_sent = |cause| Failure::Uncommitted(Uncommitted { cause, stage: Stage::NotSent });
        if self.config.port == 0 {
            return Err(not_sent(Cause::Disabled));
        }
        let busy = || self.in_flight(tally.record, tally.busy);
        if self.config.busy_limit.is_some_and(|limit| busy() > limit) {
            return Err(not_sent(Cause::Busy));
        }
        let now = tally.begun();
        let acquired = self.pool.acquire(now);
        let waited = match &acquired {
            Ok(lease) => lease.waited(),
            Err(_) => Some(clock::now().since(now)),
        };
        if let Some(waited) = waited {
            tally.queued(waited);
        }
        let mut lease = acquired.map_err(|error| not_sent(error.into()))?;
        loop {
            let (connect_us, mut ready) = self
                .make_ready(&mut lease, downstream.method(), now)
                .map_err(|error| not_sent(error.into()))?;
            tally.connected(connect_us);
            let is_reused = lease.is_reused();
            let Connection { outbox, scratch, .. } = &mut *lease;
            let packet = downstream
                .encode(outbox, scratch, self.config.max_packet_size, member)
                .map_err(|error| not_sent(error.into()))?;
            let first = upload.rewind(self.first_block());
            let sent = self.send(&lease, packet, first, tally);
            if !first.is_empty() {
                // It may have had to wait for room.
                ready = clock::now();
            }
            let (taken, broken) = match sent {
                Ok(()) => (usize::MAX, None),
                Err((taken, error)) => (taken, Some(error)),
            };
            let was_sent = broken.is_none();
            let mut run =
                Run::new(self, settings, tally, downstream.method(), upload, broken, ready);
            let cause = match run.receive(downstream, upload, &mut lease) {
                Ok(()) => {
                    let may_reuse = run.may_reuse();
                    let now = tally.completed();
                    if may_reuse && !settings.disable_reuse {
                        lease.release(now);
                    }
                    return Ok(());
                }
                Err(cause) => cause,
            };
            if run.is_committed {
                return Err(Failure::Committed(Committed { cause, passed: run.passed }));
            }
            downstream.undo();
            let is_lost = matches!(&cause, Cause::Net(error) if !error.is_timeout());
            let is_silent = is_lost && !run.has_answered && !upload.is_gone();
            let may_repeat = !was_sent || is_idempotent(downstream.method());
            if is_reused && is_silent && may_repeat {
                // The container closed the idle connection just before the request came.
                lease.close();
                continue;
            }
            let has_all = taken >= packet || run.has_answered;
            let stage = if has_all { Stage::Sent } else { Stage::NotSent };
            if matches!(cause, Cause::Status { .. }) && run.drain(&mut lease) {
                lease.release(clock::now());
            }
            return Err(Failure::Uncommitted(Uncommitted { cause, stage }));
        }
    }

    /// Leaves the lease with a connection that is worth a request. Returns how long opening it
    /// took in microseconds, if it is a new one, and when it was ready.
    fn make_ready(
        &self,
        lease: &mut Lease<&Pool>,
        method: &[u8],
        now: Millis,
    ) -> Result<(Option<u64>, Millis), NetError> {
        self.report_strays(lease.take_strays());
        let begun = now;
        while lease.is_connected() {
            let is_guarded =
                self.config.idle_guard.is_some_and(|limit| begun.since(lease.last_used()) > limit);
            let limit = match self.config.prepost_timeout {
                Some(limit) => limit,
                None if is_guarded && !is_idempotent(method) => self.config.ping_timeout,
                None => return Ok((None, now)),
            };
            // Half of the time for all idle connections together, the rest for a new one.
            let now = clock::now();
            match lease.cping(now, begun.plus(limit / 2).since(now)) {
                Ok(()) => {
                    self.learned.answered_cping();
                    return Ok((None, clock::now()));
                }
                Err(error) if error.is_timeout() => {
                    // The others are as old: a firewall that forgot this one forgot them too.
                    tracing::info!(
                        worker = self.name.as_str(),
                        "JK-304 worker {} at {}: an idle connection does not answer: {error}; all idle ones are closed, a new one is opened",
                        self.name,
                        self.pool.target().name()
                    );
                    lease.close();
                    self.pool.close_idle();
                }
                Err(_) => lease.next_idle(),
            }
        }
        self.report_strays(lease.take_strays());
        let connecting = clock::micros();
        lease.connect(clock::now())?;
        let took = Some(clock::micros() - connecting);
        if let Some(why) = lease.source_refused() {
            let source = self.config.source.as_deref().unwrap_or_default();
            tracing::error!(
                worker = self.name.as_str(),
                "JK-318 worker {}: cannot connect from {source}: {why}; connected from another address",
                self.name
            );
        }
        if self.config.connect_timeout.is_none() {
            let Some(limit) = self.config.prepost_timeout else { return Ok((took, clock::now())) };
            let now = clock::now();
            lease.cping(now, begun.plus(limit).since(now))?;
        }
        self.learned.answered_cping();
        Ok((took, clock::now()))
    }

    /// Says that idle connections had received something.
    pub fn report_strays(&self, count: usize) {
        if count > 0 {
            tracing::warn!(
                worker = self.name.as_str(),
                "JK-317 worker {} at {}: {count} idle connections had received something nobody asked for and were closed",
                self.name,
                self.pool.target().name()
            );
        }
    }

    /// Sends the first `packet` bytes of the outbox and the first block of the body.
    fn send(
        &self,
        lease: &Lease<&Pool>,
        packet: usize,
        first: &[u8],
        tally: &Tally,
    ) -> Result<(), (usize, NetError)> {
        let deadline = self.config.socket_timeout.map(|limit| clock::now().plus(limit));
        let packet = &lease.outbox[..packet];
        tally.sent((packet.len() + first.len()) as u64);
        if first.is_empty() {
            return lease.send_counted(&mut [IoSlice::new(packet)], deadline);
        }
        let head = body_packet_header(first.len() as u16);
        let mut parts = [IoSlice::new(packet), IoSlice::new(&head), IoSlice::new(first)];
        lease.send_counted(&mut parts, deadline)
    }
}

/// Finds the address to connect from.
fn source_address(source: &str) -> Option<IpAddr> {
    source.parse().ok().or_else(|| Some((source, 0).to_socket_addrs().ok()?.next()?.ip()))
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        Self::Uncommitted(Uncommitted { cause, stage: Stage::NotSent })
    }
}

/// Returns what a worker's properties say about its connections.
fn pool_options(config: &Ajp13Config, source: Option<IpAddr>) -> PoolOptions {
    PoolOptions {
        size: config.connection_pool_size,
        min_size: config.connection_pool_minsize,
        acquire_timeout: config.connection_acquire_timeout,
        idle_timeout: config.connection_pool_timeout,
        connect_timeout: config.socket_connect_timeout,
        connect_cping: config.connect_timeout,
        socket: SocketOptions {
            keepalive: config.socket_keepalive,
            buffer: config.socket_buffer.map(|size| size.max(config.max_packet_size)),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, WorkerKind, resolve};

    #[test]
    fn s2_2_properties_of_sockets() {
        let options = |lines: &str| {
            let mut properties = Properties::default();
            let text = format!("worker.list=w\nworker.w.type=ajp13\n{lines}");
            properties.read(&text, "w", &|_| None);
            let (config, _) = resolve(&properties);
            match &config.workers["w"].kind {
                WorkerKind::Ajp13(ajp) => pool_options(ajp, None),
                other => panic!("{other:?}"),
            }
        };
        let usual = options("");
        assert!(!usual.socket.keepalive && usual.socket.buffer.is_none());
        assert!(options("worker.w.socket_keepalive=1").socket.keepalive);
        assert_eq!(options("worker.w.socket_buffer=64k").socket.buffer, Some(65_536));
        assert_eq!(options("worker.w.socket_buffer=1").socket.buffer, Some(8192), "a packet");
        let millis = |lines| options(lines).connect_timeout.as_millis();
        assert_eq!(millis("worker.w.socket_connect_timeout=700"), 700);
        assert_eq!(millis("worker.w.socket_timeout=3"), 3000);
        assert_eq!(millis("worker.w.socket_timeout=3\nworker.w.socket_connect_timeout=700"), 700);
    }
}
