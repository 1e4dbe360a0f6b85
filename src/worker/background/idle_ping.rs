//! Sends CPING over idle connections: one of each backend at a time, but all backends at
//! once.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use crate::ajp::AjpExchange;
use crate::clock::Millis;
use crate::exchange::Exchange;
use crate::messages::MessageCode::JK304;
use crate::net::{Interest, Lease, NetError, PendingRequest, Pool};
use crate::worker::ajp13::worker::Ajp13;
use crate::worker::background::probe::{PROBE_LIMIT, begin_probe};
use crate::worker::workers::Workers;

/// The pings under way.
#[derive(Debug, Default)]
pub struct Pings {
    pending: Vec<PendingPing>,
    /// Questions over connections of their own, for requests that wait.
    cping_tests: Vec<(Arc<Ajp13>, PendingRequest)>,
}

#[derive(Debug)]
struct PendingPing {
    ajp: Arc<Ajp13>,
    lease: Lease<Arc<Pool>>,
    deadline: Millis,
}

impl Pings {
    /// Pings connections that have been idle for `connection_ping_interval`. Without such an
    /// interval one connection is asked once, to learn whether the backend answers at all: only
    /// then can a response it has given up be told from a slow one.
    pub fn plan(&mut self, workers: &Workers, now: Millis) {
        for ajp in workers.backends().filter(|ajp| !ajp.config.is_off()) {
            let is_pinged = |ping: &PendingPing| Arc::ptr_eq(&ping.ajp.pool, &ajp.pool);
            if ajp.capabilities.needs_own_cping_test(now) {
                self.begin_test(ajp, now);
            }
            let silence = match ajp.config.connection_ping_interval.get() {
                Some(interval) => interval,
                None if ajp.capabilities.needs_cping_test() => Duration::ZERO,
                None => continue,
            };
            if !self.pending.iter().any(is_pinged) {
                self.begin(ajp, silence, now);
            }
        }
    }

    /// Returns what to wait for.
    pub fn poll_interest(&self) -> impl Iterator<Item = (BorrowedFd<'_>, Interest)> {
        let pings = self.pending.iter().map(|ping| (ping.lease.as_fd(), Interest::Read));
        pings.chain(self.cping_tests.iter().filter_map(|(_, test)| test.poll_interest()))
    }

    /// Returns when something is due, if anything is.
    pub fn next_deadline(&self) -> Option<Millis> {
        let pings = self.pending.iter().map(|ping| ping.deadline);
        pings.chain(self.cping_tests.iter().map(|(_, test)| test.next_deadline())).min()
    }

    /// Takes what has come.
    pub fn advance(&mut self, now: Millis) {
        for mut ping in std::mem::take(&mut self.pending) {
            match ping.lease.answer(&AjpExchange::PING, now) {
                Err(why) if why.is_timeout() && now < ping.deadline => self.pending.push(ping),
                Ok(()) => {
                    ping.ajp.capabilities.answered_cping();
                    ping.lease.keep();
                    if let Some(interval) = ping.ajp.config.connection_ping_interval.get() {
                        self.begin(&ping.ajp, interval, now);
                    }
                }
                Err(why) => give_up(&ping.ajp, ping.lease, &why),
            }
        }
        self.cping_tests.retain_mut(|(ajp, test)| match test.advance(now) {
            Ok(None) => true,
            Ok(Some(connection)) => match connection.answer(&AjpExchange::PING, now) {
                Ok(()) => {
                    ajp.capabilities.answered_cping();
                    false
                }
                Err(why) => why.is_timeout(),
            },
            // It is tried again as long as a request waits.
            Err(_) => false,
        });
    }

    /// Asks a backend over a connection of its own whether it answers at all.
    fn begin_test(&mut self, ajp: &Arc<Ajp13>, now: Millis) {
        if let Ok(test) = begin_probe(ajp, now) {
            self.cping_tests.push((Arc::clone(ajp), test));
        }
    }

    fn begin(&mut self, ajp: &Arc<Ajp13>, silence: Duration, now: Millis) {
        let (lease, unsolicited) = ajp.pool.take_silent(now, silence);
        ajp.report_unsolicited(unsolicited);
        let Some(lease) = lease else { return };
        ajp.capabilities.tried(true);
        match lease.ask(&AjpExchange::PING, now) {
            Ok(()) => {
                let deadline = now.plus(ajp.config.ping_timeout.min(PROBE_LIMIT));
                self.pending.push(PendingPing { ajp: Arc::clone(ajp), lease, deadline });
            }
            Err(why) => give_up(ajp, lease, &why),
        }
    }
}

fn give_up(ajp: &Ajp13, lease: Lease<Arc<Pool>>, why: &NetError) {
    drop(lease);
    if why.is_unsolicited() {
        ajp.report_unsolicited(1);
        return;
    }
    if why.is_closed() {
        // As backends do with idle connections; it says nothing about whether they answer.
        ajp.capabilities.tried(false);
        return;
    }
    tracing::info!(
        worker = ajp.name.as_str(),
        "{JK304} worker {} at {}: an idle connection did not answer CPING: {why}; it is closed",
        ajp.name,
        ajp.pool.target().name()
    );
    if why.is_timeout() {
        // The others would only add their silence; requests open new ones.
        ajp.pool.close_idle();
    }
}
