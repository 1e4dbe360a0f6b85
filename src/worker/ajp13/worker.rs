//! One ajp13 worker: its settings, its connections, its records.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use once_cell::sync::OnceCell;

use crate::clock;
use crate::config::Ajp13Config;
use crate::lb::MemberRecord;
use crate::lb::adaptive_limit::{FIRST, MOST};
use crate::lb::queue::{Room, Takes};
use crate::lb::retry_policy::may_execute_again;
use crate::lb::thread_share::ThreadShare;
use crate::messages::MessageCode::{JK302, JK317, JK318, JK327, JK328};
use crate::net::{Endpoint, NetError, Pool, PoolOptions, SocketOptions};
use crate::worker::ajp13::peer_capabilities::{PeerCapabilities, distrust};
use crate::worker::error::Cause;

/// An ajp13 worker, used directly or as a member.
#[derive(Debug)]
pub struct Ajp13 {
    /// Its name.
    pub name: String,
    /// Its settings.
    pub config: Arc<Ajp13Config>,
    /// Its connections in this child.
    pub pool: Arc<Pool>,
    /// What its backend has shown of itself.
    pub capabilities: Arc<PeerCapabilities>,
    /// Its limit as it was set last, see `limit_word`: a request that waits for room keeps the
    /// settings that it began with, but must not wait by a limit that is no longer in force.
    busy_limit: Arc<AtomicU32>,
    /// How many of httpd's threads its requests may hold.
    pub share: ThreadShare,
    /// How many threads httpd has in all.
    threads: u32,
    /// Most idle connections that a child keeps.
    most_idle: Option<usize>,
    /// Its records: one in each balancer, and one for itself.
    pub(in crate::worker) records: OnceCell<Vec<&'static MemberRecord>>,
}

impl Ajp13 {
    /// Makes a worker at a start, without opening anything. Names are looked up, which may take
    /// seconds; what goes wrong with that is returned in words, and tried again later.
    /// httpd has so many `threads` in all, and a child keeps `most_idle` connections.
    pub fn new(
        name: &str,
        config: Ajp13Config,
        threads: u32,
        most_idle: Option<usize>,
    ) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let target = endpoint(&config);
        if !config.is_off()
            && let Err(why) = target.look_up()
        {
            problems.push(no_address(name, &target, &why));
        }
        let source = config.source.as_ref().and_then(|source| {
            let found = source_address(source);
            if found.is_none() {
                problems.push(format!(
                    "{JK318} worker {name}: source \"{source}\" has no address and is ignored"
                ));
            }
            found
        });
        let pool = Arc::new(Pool::new(target, pool_options(&config, source, most_idle)));
        (
            Self {
                name: name.to_owned(),
                busy_limit: Arc::new(AtomicU32::new(limit_word(&config))),
                share: ThreadShare::of(config.max_threads_share, threads),
                threads,
                most_idle,
                config: Arc::new(config),
                pool,
                capabilities: Arc::default(),
                records: OnceCell::new(),
            },
            problems,
        )
    }

    /// Makes the same worker with other settings. Connections stay, unless it is about them that
    /// the settings differ. No name is looked up, as requests do this while httpd runs.
    pub fn with(&self, config: &Ajp13Config) -> Self {
        let (pool, capabilities) = if self.config.shares_connections_with(config) {
            (Arc::clone(&self.pool), Arc::clone(&self.capabilities))
        } else {
            let target = endpoint(config).replacing(self.pool.target());
            let source = self.pool.socket_options().source;
            let options = pool_options(config, source, self.most_idle);
            (Arc::new(Pool::new(target, options)), Arc::default())
        };
        let (name, records) = (self.name.clone(), OnceCell::new());
        let busy_limit = Arc::clone(&self.busy_limit);
        busy_limit.store(limit_word(config), Relaxed);
        let (threads, most_idle) = (self.threads, self.most_idle);
        let share = ThreadShare::of(config.max_threads_share, threads);
        let config = Arc::new(config.clone());
        Self { name, config, pool, capabilities, busy_limit, share, threads, most_idle, records }
    }

    /// Returns how many requests it may have at once, as it was set last, or found.
    pub fn busy_limit(&self) -> Option<u32> {
        match self.busy_limit.load(Relaxed) {
            NO_LIMIT => None,
            limit if limit < ADAPTIVE => Some(limit),
            limit => Some(self.limit_found().unwrap_or(FIRST).min(limit - ADAPTIVE)),
        }
    }

    /// Returns the highest limit that may be found, where it is adaptive.
    pub fn adaptive_most(&self) -> Option<u32> {
        let limit = self.busy_limit.load(Relaxed);
        limit.checked_sub(ADAPTIVE).filter(|_| limit != NO_LIMIT)
    }

    /// Says why it may have no further request.
    #[cold]
    pub fn at_limit(&self) -> Cause {
        self.adaptive_most().map_or(Cause::Busy, |_| Cause::Overloaded)
    }

    /// Returns the adaptive limit as the leading child has found it.
    #[inline(never)] // few workers have one
    pub fn limit_found(&self) -> Option<u32> {
        let record = self.records.get()?.first()?;
        Some(record.limit.load(Relaxed)).filter(|limit| *limit != 0)
    }

    /// Returns how many requests to it are in flight over all children and balancers, with `busy` of
    /// them by the record `own`.
    pub fn in_flight(&self, own: &MemberRecord, busy: u32) -> u32 {
        let others = self.records.get().into_iter().flatten();
        let others = others.filter(|record| !std::ptr::eq(**record, own));
        busy + others.map(|record| record.busy.load(Relaxed)).sum::<u32>()
    }

    /// Returns how many requests to it are in flight over all children and balancers.
    pub fn all_in_flight(&self) -> u32 {
        let own = self.records.get().and_then(|records| records.first());
        own.map_or(0, |own| self.in_flight(own, own.busy.load(Relaxed)))
    }

    /// Returns how many requests beyond those in flight it may have, where `record` is its own.
    pub fn free(&self, record: &MemberRecord) -> u32 {
        let busy = || self.in_flight(record, record.busy.load(Relaxed));
        self.busy_limit().map_or(u32::MAX, |limit| limit.saturating_sub(busy()))
    }

    /// Tells whether it has more requests than it may, with `busy` of them by the record `own`.
    pub fn is_over(&self, own: &MemberRecord, busy: u32) -> bool {
        self.busy_limit().is_some_and(|limit| self.in_flight(own, busy) > limit)
    }

    /// Returns its room for requests, as a worker used directly.
    pub fn room(&self, record: &MemberRecord) -> Room {
        Room { takes: Takes::All, free: self.free(record), sessions: 0, elsewhere: None }
    }

    /// Returns how much body may go out together with a request.
    pub fn first_block(&self) -> usize {
        self.capabilities.first_block(self.config.max_packet_size)
    }

    /// Returns how much body of a request with this method is kept for another backend. It is
    /// asked for more than the first block only by a backend that has the request, so that the
    /// rest can matter only to requests that may be sent again even then.
    pub fn replay_size(&self, method: &[u8]) -> usize {
        match may_execute_again(method, self.config.recovery_options) {
            true => self.config.replay_size,
            false => 0,
        }
    }

    /// Says that idle connections were closed because they held unexpected data, and learns from it.
    #[inline(always)]
    pub fn report_unsolicited(&self, count: usize) {
        if count > 0 {
            self.report_some_unsolicited(count);
        }
    }

    #[cold]
    fn report_some_unsolicited(&self, count: usize) {
        tracing::warn!(
            worker = self.name.as_str(),
            "{JK317} worker {} at {}: closed {count} idle connections that held unexpected data; no request was affected; find out what sends the data: the backend, or a device in between",
            self.name,
            self.pool.target().name()
        );
        self.distrust();
    }

    /// Says that data came behind a reply which belongs to no request, and learns from it; the
    /// connection is closed.
    pub fn report_surplus(&self, bytes: usize, request: &str) {
        tracing::warn!(
            worker = self.name.as_str(),
            request,
            "{JK328} worker {} at {}: {request}: the response was followed by {bytes} bytes that belong to no request; the client received its response, and the connection is closed; find out what sends the data: the backend, or a device in between",
            self.name,
            self.pool.target().name()
        );
        self.distrust();
    }

    /// After data that belongs to no request more may follow: closes the idle connections, and has
    /// every connection answer a CPING before it is used again for a while, in all children.
    pub fn distrust(&self) {
        let now = clock::now();
        let records = self.records.get().into_iter().flatten();
        let is_new = records.fold(false, |is_new, record| distrust(record, now) | is_new);
        self.pool.close_idle();
        if is_new {
            tracing::warn!(
                worker = self.name.as_str(),
                "{JK327} worker {} at {}: sent data that belongs to no request; its idle connections are closed, and for 5 minutes each connection must answer a CPING before it is used again; find out what sends the data: the backend, or a device in between",
                self.name,
                self.pool.target().name()
            );
        }
    }
}

/// Stands for no limit: more requests than this cannot be in flight.
const NO_LIMIT: u32 = u32::MAX;

/// Added to the highest limit of those whose limit is found.
const ADAPTIVE: u32 = 1 << 31;

/// Returns in one number what a worker's properties say of its limit.
fn limit_word(config: &Ajp13Config) -> u32 {
    let set = config.busy_limit.get();
    match config.is_adaptive {
        true => ADAPTIVE + set.unwrap_or(MOST).min(MOST),
        false => set.map_or(NO_LIMIT, |limit| limit.min(ADAPTIVE - 1)),
    }
}

/// Returns where the backend of a worker listens. Nothing is looked up yet.
pub(in crate::worker) fn endpoint(config: &Ajp13Config) -> Endpoint {
    match config.unix_path() {
        Some(path) => Endpoint::unix(&config.host, &path),
        None => Endpoint::new(&config.host, config.port, config.prefer_ipv6),
    }
}

/// Says that a worker has no address.
pub(in crate::worker) fn no_address(name: &str, target: &Endpoint, why: &NetError) -> String {
    format!(
        "{JK302} worker {name} at {}: {why}; the worker cannot be used until the name has an address; correct the worker's host or the name server; the name is looked up again in the background",
        target.name()
    )
}

/// Finds the address to connect from.
fn source_address(source: &str) -> Option<IpAddr> {
    source.parse().ok().or_else(|| Some((source, 0).to_socket_addrs().ok()?.next()?.ip()))
}

/// Returns what a worker's properties say about its connections.
fn pool_options(
    config: &Ajp13Config,
    source: Option<IpAddr>,
    most_idle: Option<usize>,
) -> PoolOptions {
    PoolOptions {
        size: config.connection_pool_size,
        most_idle,
        min_size: config.connection_pool_minsize,
        idle_timeout: config.connection_pool_timeout.get(),
        connect_timeout: config.socket_connect_timeout,
        socket: SocketOptions {
            keepalive: config.socket_keepalive,
            buffer: config.socket_buffer.get().map(|size| size.max(config.max_packet_size)),
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Properties, WorkerKind, resolve};

    #[test]
    fn each_property_of_sockets_reaches_the_socket() {
        let options = |lines: &str| {
            let mut properties = Properties::default();
            let text = format!("worker.list=w\nworker.w.type=ajp13\n{lines}");
            properties.read(&text, "w", &|_| None);
            let (config, _) = resolve(&properties);
            match &config.workers["w"].kind {
                WorkerKind::Ajp13(ajp) => pool_options(ajp, None, None),
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
